//! Rules that several kinds share: names, Meta, host names, header edits, percentages (semantics 1, 3.1).

use std::fmt::Arguments;

use super::check::Check;
use super::codes;
use crate::model::entry::*;
use crate::model::pattern::Pattern;
use crate::model::template::{self, Template};

/// The longest value of Meta, in bytes.
pub(super) const META_VALUE_MAX: usize = 512;

/// Meta has limits; a name must be there. What else a kind asks of its name is its own rule.
pub(super) fn validate(common: &Common, check: &mut Check<'_>) {
    if common.name.is_empty() {
        check.error(codes::NAME, "Name", "Name is required");
    }
    if common.meta.len() > 64 {
        check.error(codes::META, "Meta", format!("Meta has {} pairs, at most 64 are allowed", common.meta.len()));
    }
    for (key, value) in &common.meta {
        if key.len() > 128 {
            check.error(codes::META, format!("Meta[{key}]"), format!("a key of Meta has {} bytes, at most 128 are allowed", key.len()));
        }
        if value.len() > META_VALUE_MAX {
            let message = format!("Meta {key:?} has {} bytes, at most {META_VALUE_MAX} are allowed", value.len());
            check.error(codes::META, format!("Meta[{key}]"), message);
        }
    }
}

/// Whether Consul takes a text for a DNS name: labels of 1 to 63 bytes between dots, and nothing else is asked of them.
pub(super) fn is_domain_name(text: &str) -> bool {
    const MAX: usize = 256;
    let mut labels = text.strip_suffix('.').unwrap_or(text).split('.');
    let total = text.len() + usize::from(!text.ends_with('.'));
    text == "." || (total <= MAX && labels.all(|l| (1..=63).contains(&l.len())))
}

/// `MutualTLSMode` of the defaults. That `permissive` needs the mesh entry's leave is a rule of the set.
pub(super) fn mutual_tls_mode(mode: &str, check: &mut Check<'_>) {
    if !matches!(mode, "" | "strict" | "permissive") {
        check.error(codes::VALUE, "MutualTLSMode", format!("MutualTLSMode {mode:?} must be \"\", \"strict\" or \"permissive\""));
    }
}

/// A mesh gateway mode: any word passes, and Envoy's configuration then fails to build.
pub(super) fn mesh_gateway_mode(mode: &str, path: &str, check: &mut Check<'_>) {
    if !matches!(mode, "" | "none" | "local" | "remote") {
        let message = format!("{path} is {mode:?}, a mesh gateway mode that nobody knows");
        check.finding(codes::MESH_GATEWAY_MODE, path, message, "use \"none\", \"local\" or \"remote\"");
    }
}

/// A regular expression: Consul stores any text, a proxy refuses what is none.
pub(super) fn regex(text: &str, path: Arguments<'_>, help: &str, check: &mut Check<'_>) {
    if text.is_empty() {
        return;
    }
    if let Err(e) = Pattern::full(text) {
        let message = format!("{path} {text:?} is {e}");
        check.finding(codes::REGEX, path, message, help);
    }
}

/// Header edits: Consul stores any, Envoy drops the whole route table for a `Host`, a pseudo header or a value that does
/// not parse.
pub(super) fn header_edits(edits: Option<&HeaderEdits>, path: Arguments<'_>, check: &mut Check<'_>) {
    let Some(edits) = edits else { return };
    for (part, map) in [("Add", &edits.add), ("Set", &edits.set)] {
        for (name, value) in map {
            let at = format!("{path}.{part}[{name}]");
            header_name(name, &at, check);
            if let Err(e) = Template::parse(value) {
                let message = format!("the value {value:?} of header {name:?} cannot be sent: {e}");
                check.finding(codes::HEADER_VALUE, &at, message, "Consul stores the entry; gw leaves it out when it is compiled");
            }
        }
    }
    for (i, name) in edits.remove.iter().enumerate() {
        header_name(name, &format!("{path}.Remove[{i}]"), check);
    }
}

fn header_name(name: &str, at: &str, check: &mut Check<'_>) {
    let reserved = !template::is_editable(name);
    if reserved || http::HeaderName::from_bytes(name.as_bytes()).is_err() {
        let message = if reserved { format!("header {name:?} cannot be edited") } else { format!("{name:?} is no name of a header") };
        check.finding(
            codes::HEADER_VALUE,
            at,
            message,
            "Consul stores the entry; gw leaves the edit out, and Envoy may refuse the whole route table",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domain_names_are_as_lax_as_consuls() {
        for good in ["a.example", "bad host", "http://x", "::1", "-a", "*.", ".", "a.example.", "a_b", &"x".repeat(63)] {
            assert!(is_domain_name(good), "{good}");
        }
        for bad in ["", "a..b", ".a", "..", &"x".repeat(64), &"x.".repeat(200)] {
            assert!(!is_domain_name(bad), "{bad}");
        }
    }
}
