//! A text of entries: which syntax it is in, and where one entry ends and the next begins.

use std::sync::{Arc, OnceLock};

use super::earlier::{Earlier, MOST_GONE};
use super::json::{Elements, SyntaxError};
use super::kind::Accepted;
use super::parts::Ahead;
use super::tree::{Node, Span, Value};
use super::{Decoded, EntrySource, ReadAgain, Syntax, codes, hcl, json, kind, toml};
use crate::source::diagnostic::{Diagnostic, Text};

/// Longer texts are not read; an entry that Consul takes is far below.
const MAX_BYTES: usize = 64 << 20;

/// The bytes of a short entry.
const SHORT: usize = 160;

/// How the tree of an accepted entry is made once more.
#[derive(Clone, Copy, Debug)]
pub(super) enum Again {
    /// The entry is a value of a text in JSON.
    Json,
    /// The text is read as a whole; the entry is the one of that number.
    Whole(Syntax, usize),
    /// It came without a text.
    Nowhere,
    /// It came without a text, from a Consul that stores it.
    Stored,
}

impl Again {
    /// Whether Consul's command decodes the entry before its servers do it again: it reads files, and no TOML.
    pub(super) const fn is_twice(self) -> bool {
        matches!(self, Self::Json | Self::Whole(Syntax::Hcl | Syntax::Json, _))
    }

    pub(super) fn tree(self, text: &Text, span: &Span) -> Node {
        let node = match self {
            Self::Json => json::read_at(&text.content, span.start).ok(),
            Self::Whole(syntax, number) => tree(text, syntax).ok().and_then(|root| split(root).into_iter().nth(number)),
            Self::Nowhere | Self::Stored => None,
        };
        // What was read once is read again; if it were not, a place in the entry would be the entry as a whole.
        node.unwrap_or_else(|| Node::new(Value::Null, span.clone()))
    }
}

/// Every entry of a text: the accepted ones, then what is wrong with the others. What stands in `earlier` as it does here is
/// taken from there.
pub(super) fn entries<'a>(text: &Arc<Text>, syntax: Syntax, earlier: &'a [Decoded]) -> ReadAgain<'a> {
    if text.content.len() > MAX_BYTES {
        let problems = vec![Diagnostic::error(codes::SYNTAX, format!("{} is too long to be read", text.origin))];
        return ReadAgain { problems, gone: earlier.iter().collect(), ..ReadAgain::default() };
    }
    let first = text.content.trim_start().chars().next();
    let syntax = if first == Some('{') { Syntax::Json } else { syntax };
    let read = match (syntax, first) {
        (Syntax::Json, Some('[')) => one_by_one(text, Earlier::of(earlier)),
        _ => at_once(text, syntax).map(|read| ReadAgain { gone: earlier.iter().collect(), ..read }),
    };
    read.unwrap_or_else(|e| {
        let problems = vec![Diagnostic::error(codes::SYNTAX, e.message).at(text, e.span)];
        ReadAgain { problems, gone: earlier.iter().collect(), ..ReadAgain::default() }
    })
}

/// A list in JSON, which may be as long as a mesh is big.
fn one_by_one<'a>(text: &Arc<Text>, mut earlier: Earlier<'a>) -> Result<ReadAgain<'a>, SyntaxError> {
    let mut read = ReadAgain::default();
    // A list of ten thousand that grows step by step is copied as often, to places that were never used before.
    read.decoded.reserve(if earlier.len() > 0 { earlier.len() + MOST_GONE } else { text.content.len() / SHORT });
    let mut elements = Elements::of(&text.content)?;
    while let Some(rest) = elements.rest()? {
        if let Some(known) = earlier.next_in(rest) {
            read.decoded.push(known.moved(text, elements.at()));
            elements.skip(known.source.span.len());
        } else {
            let (at, known) = (elements.at(), earlier.parts());
            let node = elements.read(known)?;
            let judged = kind::decode(&node, text, Again::Json.is_twice());
            if known.is_empty() || judged.as_ref().is_ok_and(|entry| entry.notes.is_empty()) {
                read.take(judged, &node, text, Again::Json);
                continue;
            }
            // Whatever is to be said of it is said of all its parts.
            elements.back(at);
            read.judge(&elements.read(Ahead::default())?, text, Again::Json);
        }
    }
    read.gone = earlier.gone();
    Ok(read)
}

fn at_once(text: &Arc<Text>, syntax: Syntax) -> Result<ReadAgain<'static>, SyntaxError> {
    let mut read = ReadAgain::default();
    for (number, node) in split(tree(text, syntax)?).iter().enumerate() {
        let again = if syntax == Syntax::Json { Again::Json } else { Again::Whole(syntax, number) };
        read.judge(node, text, again);
    }
    Ok(read)
}

fn tree(text: &Text, syntax: Syntax) -> Result<Node, SyntaxError> {
    match syntax {
        Syntax::Json => json::read(&text.content),
        Syntax::Hcl => hcl::read(&text.content),
        Syntax::Toml => toml::read(&text.content),
    }
}

impl ReadAgain<'_> {
    fn judge(&mut self, node: &Node, text: &Arc<Text>, again: Again) {
        self.take(kind::decode(node, text, again.is_twice()), node, text, again);
    }

    fn take(&mut self, judged: Result<Accepted, Vec<Diagnostic>>, node: &Node, text: &Arc<Text>, again: Again) {
        match judged {
            Ok(entry) => {
                let source = EntrySource { text: text.clone(), span: node.span.clone(), tree: OnceLock::new(), again };
                self.fresh.push(self.decoded.len());
                self.decoded.push(entry.at(source));
            }
            // A text of nothing has no place in it, but for its beginning.
            Err(wrong) => self.problems.extend(wrong.into_iter().map(|p| if p.place.is_some() { p } else { p.at(text, 0..0) })),
        }
    }
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
        let read = entries(&Arc::new(Text { origin: "x".into(), content: content.into() }), syntax, &[]);
        (read.decoded, read.problems)
    }

    #[test]
    fn one_entry_is_the_same_in_all_three_syntaxes() {
        let json = r#"{"Kind": "service-splitter", "Name": "web", "Splits": [{"Weight": 90, "ServiceSubset": "v1"}, {"Weight": 10}]}"#;
        let hcl = "kind = \"service-splitter\"\nname = \"web\"\nsplits { weight = 90 service_subset = \"v1\" }\nsplits { weight = 10 }\n";
        let toml = "Kind = 'service-splitter'\nName = 'web'\n[[Splits]]\nWeight = 90\nServiceSubset = 'v1'\n[[Splits]]\nWeight = 10.0\n";
        let stored = |text: &str, syntax| {
            let (decoded, problems) = read(text, syntax);
            assert_eq!(problems, [], "{text}");
            decoded.into_iter().map(|d| d.stored()).collect::<Vec<_>>()
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
