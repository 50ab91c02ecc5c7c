//! A text of entries: which syntax it is in, and where one entry ends and the next begins.

use std::sync::Arc;

use super::tree::{Node, Value};
use super::{Decoded, Syntax, codes, hcl, json, kind, toml};
use crate::source::diagnostic::{Diagnostic, Text};

/// Longer texts are not read; an entry that Consul takes is far below.
const MAX_BYTES: usize = 64 << 20;

/// Every entry of a text: the accepted ones, then what is wrong with the others.
pub(super) fn entries(text: &Arc<Text>, syntax: Syntax) -> (Vec<Decoded>, Vec<Diagnostic>) {
    if text.content.len() > MAX_BYTES {
        return (Vec::new(), vec![Diagnostic::error(codes::SYNTAX, format!("{} is too long to be read", text.origin))]);
    }
    let first = text.content.trim_start().chars().next();
    let syntax = if first == Some('{') { Syntax::Json } else { syntax };
    let root = match syntax {
        Syntax::Json => json::read(&text.content),
        Syntax::Hcl => hcl::read(&text.content),
        Syntax::Toml => toml::read(&text.content),
    };
    let root = match root {
        Ok(root) => root,
        Err(e) => return (Vec::new(), vec![Diagnostic::error(codes::SYNTAX, e.message).at(text, e.span)]),
    };
    let (mut decoded, mut problems) = (Vec::new(), Vec::new());
    for node in split(root) {
        // Consul's command decodes what it reads from a file before the server decodes it again.
        match kind::decode(&Arc::new(node), text, syntax != Syntax::Toml) {
            Ok(entry) => decoded.push(entry),
            // A text of nothing has no place in it, but for its beginning.
            Err(wrong) => problems.extend(wrong.into_iter().map(|p| if p.place.is_some() { p } else { p.at(text, 0..0) })),
        }
    }
    (decoded, problems)
}

/// The entries of a tree: a list at the top, a list named `entries` where there is no kind, or the one that it is.
fn split(root: Node) -> Vec<Node> {
    match root.value {
        Value::List(items) => items,
        Value::Map(mut map) if map.len() == 1 && map[0].0.text == "entries" && matches!(map[0].1.value, Value::List(_)) => {
            match map.remove(0).1.value {
                Value::List(items) => items,
                _ => Vec::new(),
            }
        }
        value => vec![Node::new(value, root.span)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &str, syntax: Syntax) -> (Vec<Decoded>, Vec<Diagnostic>) {
        entries(&Arc::new(Text { origin: "x".into(), content: content.into() }), syntax)
    }

    #[test]
    fn one_entry_is_the_same_in_all_three_syntaxes() {
        let json = r#"{"Kind": "service-splitter", "Name": "web", "Splits": [{"Weight": 90, "ServiceSubset": "v1"}, {"Weight": 10}]}"#;
        let hcl = "kind = \"service-splitter\"\nname = \"web\"\nsplits { weight = 90 service_subset = \"v1\" }\nsplits { weight = 10 }\n";
        let toml = "Kind = 'service-splitter'\nName = 'web'\n[[Splits]]\nWeight = 90\nServiceSubset = 'v1'\n[[Splits]]\nWeight = 10.0\n";
        let stored = |text: &str, syntax| {
            let (decoded, problems) = read(text, syntax);
            assert_eq!(problems, [], "{text}");
            decoded.into_iter().map(|d| d.stored).collect::<Vec<_>>()
        };
        let wanted = stored(json, Syntax::Json);
        assert_eq!(stored(json, Syntax::Hcl), wanted, "a text that begins with a brace is JSON");
        assert_eq!(stored(hcl, Syntax::Hcl), wanted);
        assert_eq!(stored(toml, Syntax::Toml), wanted);
    }

    #[test]
    fn a_list_is_several_entries_and_each_is_judged_for_itself() {
        let (decoded, problems) = read(
            r#"[{"Kind": "service-defaults", "Name": "a"}, {"Kind": "service-defalts", "Name": "b"}, {"Kind": "mesh"}]"#,
            Syntax::Json,
        );
        assert_eq!(decoded.iter().map(|d| d.name.as_str()).collect::<Vec<_>>(), ["a", "mesh"]);
        assert_eq!(problems.len(), 1);
        assert!(problems[0].label.contains("service-defaults"), "{problems:?}");
    }

    #[test]
    fn all_errors_come_at_once_and_at_their_places() {
        let text = "Kind = \"service-router\"\nName = \"web\"\nRoutes {\n  Match { HTTP { PathExat = \"/a\" } }\n  Destination { NumRetries = \"x\" RequestTimeout = \"5\" }\n}\n";
        let (decoded, problems) = read(text, Syntax::Hcl);
        assert!(decoded.is_empty());
        let seen: Vec<_> = problems.iter().map(|p| (p.code, p.line_column())).collect();
        assert_eq!(seen, [("GW0102", Some((4, 18))), ("GW0103", Some((5, 30))), ("GW0104", Some((5, 51)))]);
        assert!(problems[0].label.contains("PathExact"), "{problems:?}");
    }

    #[test]
    fn a_place_is_found_by_consuls_field_names() {
        let text =
            "Kind = \"service-resolver\"\nName = \"web\"\nsubsets \"v1\" { filter = \"\" }\nsubsets \"v.2\" { only_passing = true }\n";
        let text = text.replace("v.2", "v2");
        let (decoded, problems) = read(&text, Syntax::Hcl);
        assert_eq!(problems, []);
        let find = |path: &str| &text[decoded[0].source.find(path)];
        assert_eq!(find("Subsets[v2].OnlyPassing"), "true");
        assert_eq!(find("Name"), "\"web\"");
        assert_eq!(find("Subsets[v1].Nope"), "{ filter = \"\" }");
    }
}
