//! Header edits: Remove, then Set, then Add on one level (wire 1.5), with names and values parsed when they are compiled.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::model::entry::HeaderEdits;
use crate::model::template::{self, EditContext, Template};

/// One level of header edits. Behind one pointer, because most hosts and routes have none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Edits(Box<Lists>);

#[derive(Clone, Debug, Default, PartialEq)]
struct Lists {
    remove: Vec<HeaderName>,
    set: Vec<(HeaderName, Value)>,
    add: Vec<(HeaderName, Value)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Text(HeaderValue),
    Template(Template),
}

impl Edits {
    /// Parses one level. What cannot be done is left out and told: an edit of `Host`, a name or value that is none.
    /// A value of `""` does nothing in Consul with Envoy and is dropped.
    pub fn compile(edits: &HeaderEdits, problems: &mut Vec<String>) -> Self {
        let mut out = Lists::default();
        for name in &edits.remove {
            out.remove.extend(header_name(name, problems));
        }
        for (list, map) in [(&mut out.set, &edits.set), (&mut out.add, &edits.add)] {
            for (name, value) in map.iter().filter(|(_, value)| !value.is_empty()) {
                if let Some(name) = header_name(name, problems) {
                    list.extend(parse_value(&name, value, problems).map(|v| (name, v)));
                }
            }
        }
        Self(Box::new(out))
    }

    /// Runs the edits on a request's or answer's headers.
    pub fn apply(&self, headers: &mut HeaderMap, context: &EditContext<'_>) {
        for name in &self.0.remove {
            headers.remove(name);
        }
        for (name, value) in &self.0.set {
            if let Some(value) = value.render(headers, context) {
                headers.insert(name.clone(), value);
            }
        }
        for (name, value) in &self.0.add {
            if let Some(value) = value.render(headers, context) {
                headers.append(name.clone(), value);
            }
        }
    }
}

impl Value {
    fn render(&self, headers: &HeaderMap, context: &EditContext<'_>) -> Option<HeaderValue> {
        let template = match self {
            Self::Text(value) => return Some(value.clone()),
            Self::Template(template) => template,
        };
        let text = template.render(headers, context)?;
        HeaderValue::from_bytes(text.as_bytes()).ok()
    }
}

fn header_name(name: &str, problems: &mut Vec<String>) -> Option<HeaderName> {
    if !template::is_editable(name) {
        problems.push(format!("{name:?} cannot be edited"));
        return None;
    }
    let parsed = HeaderName::from_bytes(name.as_bytes());
    if parsed.is_err() {
        problems.push(format!("{name:?} is no header name"));
    }
    parsed.ok()
}

fn parse_value(name: &HeaderName, value: &str, problems: &mut Vec<String>) -> Option<Value> {
    let template = match Template::parse(value) {
        Ok(template) => template,
        Err(e) => {
            problems.push(format!("value of {name}: {e}"));
            return None;
        }
    };
    if !template.is_text() {
        return Some(Value::Template(template));
    }
    // `%%` is text too, so that the parsed form counts, not the written one.
    let text = value.replace("%%", "%");
    let parsed = HeaderValue::from_bytes(text.as_bytes());
    if parsed.is_err() {
        problems.push(format!("value of {name} has characters that no header value can have"));
    }
    parsed.ok().map(Value::Text)
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;

    fn context() -> EditContext<'static> {
        EditContext {
            method: "GET",
            authority: "h.test",
            target: "/",
            scheme: "http",
            request: None,
            status: 0,
            protocol: "HTTP/1.1",
            client: SocketAddr::from(([127, 0, 0, 1], 1)),
            local: SocketAddr::from(([127, 0, 0, 1], 2)),
            sni: None,
            upstream_cluster: "",
        }
    }

    fn level(remove: &[&str], set: &[(&str, &str)], add: &[(&str, &str)]) -> (Edits, Vec<String>) {
        let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let edits = HeaderEdits { add: map(add), set: map(set), remove: remove.iter().map(|s| (*s).to_owned()).collect() };
        let mut problems = Vec::new();
        (Edits::compile(&edits, &mut problems), problems)
    }

    fn values(headers: &HeaderMap, name: &str) -> Vec<String> {
        headers.get_all(name).iter().map(|v| v.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn on_one_level_remove_runs_first_then_set_then_add() {
        let (edits, problems) = level(&["x-a"], &[("x-a", "set")], &[("x-a", "add")]);
        assert!(problems.is_empty());
        let mut headers = HeaderMap::new();
        headers.append("x-a", HeaderValue::from_static("came"));
        edits.apply(&mut headers, &context());
        assert_eq!(values(&headers, "x-a"), ["set", "add"]);
    }

    #[test]
    fn an_empty_value_does_nothing() {
        let (edits, _) = level(&[], &[("x-a", "")], &[("x-b", "")]);
        let mut headers = HeaderMap::new();
        headers.append("x-a", HeaderValue::from_static("came"));
        edits.apply(&mut headers, &context());
        assert_eq!(values(&headers, "x-a"), ["came"]);
        assert!(headers.get("x-b").is_none());
    }

    #[test]
    fn where_a_message_ends_is_not_for_edits_to_say() {
        for name in ["Content-Length", "transfer-encoding", "Connection", "upgrade"] {
            let (edits, problems) = level(&[name], &[(name, "1")], &[(name, "1")]);
            assert_eq!((edits, problems.len()), (Edits::default(), 3), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_edited_is_left_out_and_told() {
        let (edits, problems) = level(&["bad name"], &[("Host", "x"), ("x-c", "50%")], &[("x-d", "a\nb"), ("x-e", "1%%")]);
        assert_eq!(problems.len(), 4, "{problems:?}");
        let mut headers = HeaderMap::new();
        edits.apply(&mut headers, &context());
        assert_eq!(headers.len(), 1);
        assert_eq!(values(&headers, "x-e"), ["1%"]);
    }
}
