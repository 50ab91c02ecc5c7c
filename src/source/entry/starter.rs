//! Starters: a commented entry of each kind that can be written, valid as printed. Their texts are `starters/KIND.hcl`.

use super::write;
use crate::model::entry::EntryKind;
use crate::tls;

macro_rules! body {
    ($kind:literal) => {
        include_str!(concat!("starters/", $kind, ".hcl"))
    };
}

/// The starter of a kind with that name; nothing for a kind that nobody can write. A certificate is a new one every time.
pub(super) fn starter(kind: EntryKind, name: &str) -> Option<String> {
    let body = match kind {
        EntryKind::IngressGateway => body!("ingress-gateway"),
        EntryKind::TerminatingGateway => body!("terminating-gateway"),
        EntryKind::ServiceIntentions => body!("service-intentions"),
        EntryKind::Mesh => body!("mesh"),
        EntryKind::ServiceDefaults => body!("service-defaults"),
        EntryKind::ProxyDefaults => body!("proxy-defaults"),
        EntryKind::ServiceRouter => body!("service-router"),
        EntryKind::ServiceSplitter => body!("service-splitter"),
        EntryKind::ServiceResolver => body!("service-resolver"),
        EntryKind::ExportedServices => body!("exported-services"),
        EntryKind::ApiGateway => body!("api-gateway"),
        EntryKind::HttpRoute => body!("http-route"),
        EntryKind::TcpRoute => body!("tcp-route"),
        EntryKind::InlineCertificate => &inline_certificate()?,
        EntryKind::FileSystemCertificate => body!("file-system-certificate"),
        EntryKind::JwtProvider => body!("jwt-provider"),
        _ => return None,
    };
    let name = kind.only_name().unwrap_or(name);
    let named = if kind == EntryKind::Mesh { String::new() } else { format!("Name = {}\n", write::text(name)) };
    Some(format!("Kind = \"{kind}\"\n{named}\n{body}"))
}

/// Nobody vouches for the certificate, but it is one, and the key is its own: Consul takes nothing else.
fn inline_certificate() -> Option<String> {
    let (certificate, key) = tls::sample("www.example.com").ok()?;
    Some(format!(
        "# A certificate for an api gateway, to be replaced: this one was made just now, and nobody vouches for it. The chain may follow it.\n\
         Certificate = <<EOF\n{certificate}EOF\n\n\
         # Whoever may read this entry has the key; a file-system-certificate keeps it on the gateway's machine.\n\
         PrivateKey = <<EOF\n{key}EOF\n"
    ))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::source::diagnostic::Text;
    use crate::source::entry::{Syntax, read};

    fn check(text: &str) -> Vec<String> {
        let (decoded, problems) = read(&Arc::new(Text { origin: "x".into(), content: text.to_owned() }), Syntax::Hcl);
        assert_eq!(problems, [], "{text}");
        let notes: Vec<_> = decoded.iter().flat_map(|d| &d.notes).collect();
        assert!(notes.is_empty(), "{text}: {notes:?}");
        decoded.into_iter().map(|d| d.name).collect()
    }

    #[test]
    fn every_starter_is_valid_as_printed_and_with_its_comments_taken_in() {
        for kind in EntryKind::ALL {
            let Some(text) = starter(*kind, "a \"b\"") else { continue };
            assert_eq!(check(&text), [kind.only_name().unwrap_or("a \"b\"")]);
            // Sentences begin with a capital and end in a full stop; the rest are settings.
            let settings = text.lines().map(|line| {
                let bare = line.trim_start();
                let sentence = bare.ends_with('.') && bare.starts_with("# ");
                if sentence { line.to_owned() } else { line.replacen("# ", "", usize::from(bare.starts_with("# "))) }
            });
            let settings: String = settings.map(|line| line + "\n").collect();
            check(&settings.replace("[\"*\"]", "[\"a.example\"]"));
        }
        assert_eq!(starter(EntryKind::BoundApiGateway, "x"), None);
    }
}
