//! `[consul]`: everything comes from there, and a file that has it says nothing of its own about it.

use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::ReadFile;
use super::convert::Converter;
use super::datacenters::Datacenters;
use crate::model::level::Level;
use crate::source::consul::settings::Flags;
use crate::source::diagnostic::Diagnostic;

/// The flags of a file, where paths start from its folder.
fn within(folder: &Path, flags: &Flags) -> Flags {
    let path = |path: &Option<String>| path.as_ref().filter(|p| !p.is_empty()).map(|p| folder.join(p).to_string_lossy().into_owned());
    Flags {
        token_file: path(&flags.token_file),
        ca_file: path(&flags.ca_file),
        ca_path: path(&flags.ca_path),
        client_cert: path(&flags.client_cert),
        client_key: path(&flags.client_key),
        grpc_ca_file: path(&flags.grpc_ca_file),
        ..flags.clone()
    }
}

impl Converter<'_> {
    /// The Consul that everything comes from, if the file names one. What the file says beside it is an error: it would be obeyed nowhere.
    pub(super) fn consul(&mut self) -> Option<Flags> {
        let ReadFile { parsed, text, folder } = self.file;
        let written = parsed.consul.as_ref()?;
        let line = text.content.get(..written.span().start)?.matches('\n').count() + 1;
        for (what, span) in beside(self.file) {
            let message = format!(
                "{what} stands beside the [consul] of line {line}, from which services, entries, certificates of the mesh and datacenters come"
            );
            let problem = Diagnostic::error("GW0012", message).at(text, span.unwrap_or_else(|| written.span()));
            self.problems.push(problem.help("leave one of the two out: beside [consul] a file has [[gateway]], [[certificate]] and [dns]"));
        }
        Some(within(folder, written.get_ref()))
    }
}

/// What a file says itself that Consul says, and where, as far as that is known.
fn beside(file: &ReadFile) -> Vec<(&'static str, Option<Range<usize>>)> {
    let parsed = &file.parsed;
    let mut out: Vec<(&str, Option<Range<usize>>)> = Vec::new();
    out.extend(parsed.service.first().map(|service| ("[[service]]", Some(service.name.span()))));
    out.extend(parsed.entries.first().map(|entries| ("entries", Some(entries.span()))));
    out.extend(parsed.certs.as_ref().map(|certs| ("[certs]", Some(certs.dir.span()))));
    out.extend(parsed.default_intention.as_ref().map(|word| ("default_intention", Some(word.span()))));
    out.extend(parsed.trust_domain.as_ref().map(|_| ("trust_domain", None)));
    out.extend(parsed.peer.first().map(|peer| ("[[peer]]", Some(peer.name.span()))));
    out.extend(parsed.server.first().map(|server| ("[[server]]", Some(server.node.span()))));
    out.extend(parsed.domain.as_ref().map(|domain| ("domain", Some(domain.span()))));
    out.extend(parsed.datacenter.as_ref().map(|known| match known {
        Datacenters::Own(_) => ("datacenter (say it within [consul], if the agent's is to be made sure of)", None),
        Datacenters::Known(all) => ("[[datacenter]]", all.first().map(|one| one.name.span())),
    }));
    out
}

/// A token in a file that others may read: a warning.
pub fn exposed_token(read: &ReadFile) -> Option<Diagnostic> {
    read.parsed.consul.as_ref()?.get_ref().token.as_ref()?;
    let mode = std::fs::metadata(&read.text.origin).ok()?.permissions().mode() & 0o777;
    let message = format!("the token stands in a file that others may read (mode {mode:o})");
    let problem = Diagnostic::error("GW0013", message).level(Level::Warning).help(format!("chmod 600 {}, or token_file", read.text.origin));
    // Not at its place: what stands there is not to be printed.
    (mode & 0o044 != 0).then_some(problem)
}
