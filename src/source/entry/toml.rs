//! TOML with Consul's field names into the tree; the library gives values and places.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::json::SyntaxError;
use super::tree::{Key, MAX_DEPTH, Map, Node, Span, Value};

type Read<T> = Result<T, SyntaxError>;

/// Reads a whole text.
pub(super) fn read(text: &str) -> Read<Node> {
    match DeTable::parse(text) {
        Ok(root) => table(root.get_ref(), 0..text.len(), 0),
        Err(e) => Err(SyntaxError { message: e.message().lines().next().unwrap_or("no TOML").to_owned(), span: e.span().unwrap_or(0..0) }),
    }
}

fn table(members: &DeTable<'_>, span: Span, depth: usize) -> Read<Node> {
    let mut map = Map::new();
    for (key, item) in members {
        let key = Key { text: key.get_ref().to_string(), span: key.span() };
        map.push((key, value(item, depth + 1)?));
    }
    // The library sorts keys; the order of the text is what people expect back.
    map.sort_by_key(|(k, _)| k.span.start);
    Ok(Node::new(Value::Map(map), span))
}

fn value(item: &Spanned<DeValue<'_>>, depth: usize) -> Read<Node> {
    let span = item.span();
    let wrong = |message: &str| Err(SyntaxError { message: message.to_owned(), span: span.clone() });
    if depth > MAX_DEPTH {
        return wrong("values are nested too deep");
    }
    let taken = match item.get_ref() {
        DeValue::String(s) => Value::Text(s.to_string()),
        DeValue::Boolean(b) => Value::Bool(*b),
        DeValue::Integer(n) => match i64::from_str_radix(n.as_str(), n.radix()) {
            Ok(n) => Value::Int(n),
            Err(_) => return wrong("the number is out of range"),
        },
        DeValue::Float(f) => match f.as_str().parse::<f64>() {
            Ok(f) if f.is_finite() => Value::Float(f),
            _ => return wrong("the number is out of range"),
        },
        DeValue::Datetime(_) => return wrong("entries have no dates; write a text in quotes"),
        DeValue::Array(items) => Value::List(items.iter().map(|i| value(i, depth + 1)).collect::<Read<_>>()?),
        DeValue::Table(members) => return table(members, span, depth),
    };
    Ok(Node::new(taken, span))
}
