//! HCL version 1, Consul's dialect, into the tree (semantics 1).
//!
//! An object is a list of one map, as Go's reader leaves it, unless it stands in a list: so two blocks of one name are a
//! list of two, which a map takes as one and an object refuses.

use super::hcl_token::{Scanner, Token};
use super::json::SyntaxError;
use super::scalar::parse_int;
use super::tree::{Key, MAX_DEPTH, Map, Node, Span, Value};

type Read<T> = Result<T, SyntaxError>;

/// Reads a whole text: its top level is one map.
pub(super) fn read(text: &str) -> Read<Node> {
    if let Some(at) = text.find(['\0', '\u{e123}']) {
        let message = "a character that HCL does not take".to_owned();
        return Err(SyntaxError { message, span: at..at + text[at..].chars().next().map_or(0, char::len_utf8) });
    }
    let mut reader = Reader::new(text)?;
    let items = reader.items(false)?;
    let span = match (items.first(), items.last()) {
        (Some(first), Some(last)) => first.keys[0].span.start..last.value.span.end,
        _ => 0..0,
    };
    Ok(Node::new(Value::Map(map(items, text)?), span))
}

/// `key "label" { .. }` or `key = value`.
struct Item {
    keys: Vec<Key>,
    value: Node,
}

struct Reader<'a> {
    scanner: Scanner<'a>,
    token: Token,
    span: Span,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Read<Self> {
        let mut scanner = Scanner::new(text);
        let (token, span) = scanner.next()?;
        Ok(Self { scanner, token, span, depth: 0 })
    }

    /// Takes the word that is at hand and looks at the next.
    fn advance(&mut self) -> Read<(Token, Span)> {
        let (token, span) = self.scanner.next()?;
        Ok((std::mem::replace(&mut self.token, token), std::mem::replace(&mut self.span, span)))
    }

    fn unexpected<T>(&self, expected: &str) -> Read<T> {
        Err(SyntaxError { message: format!("expected {expected}, found {}", self.token.described()), span: self.span.clone() })
    }

    /// Items to the end of the text or of the object; a comma may follow each.
    fn items(&mut self, in_object: bool) -> Read<Vec<Item>> {
        let mut items = Vec::new();
        loop {
            match self.token {
                Token::End if in_object => return self.unexpected("'}'"),
                Token::End => return Ok(items),
                Token::CloseBrace if in_object => return Ok(items),
                _ => items.extend(self.item()?),
            }
            if self.token == Token::Comma {
                self.advance()?;
            }
        }
    }

    fn item(&mut self) -> Read<Option<Item>> {
        let mut keys = Vec::new();
        loop {
            match &self.token {
                Token::Word(text) | Token::Text(text) => {
                    keys.push(Key { text: text.clone(), span: self.span.clone() });
                    self.advance()?;
                }
                Token::Assign if keys.len() == 1 => break,
                Token::Assign if keys.len() > 1 => return self.unexpected("'{' after a label"),
                Token::OpenBrace if !keys.is_empty() => break,
                _ if keys.is_empty() => return self.unexpected("a key"),
                _ => return self.unexpected("'=' or '{' after a key"),
            }
        }
        if self.token == Token::Assign {
            self.advance()?;
            // Consul's reader lets a text end after '=' and forgets the key.
            if self.token == Token::End {
                return Ok(None);
            }
        }
        let value = self.value(false)?;
        Ok(Some(Item { keys, value }))
    }

    fn value(&mut self, in_list: bool) -> Read<Node> {
        match self.token {
            Token::OpenBrace => self.deeper(|r| r.object(in_list)),
            Token::OpenBracket => self.deeper(Self::list),
            Token::Int(_) | Token::Float(_) | Token::Bool(_) | Token::Text(_) => {
                let (token, span) = self.advance()?;
                let value = match token {
                    Token::Int(n) => Value::Int(n),
                    Token::Float(f) => Value::Float(f),
                    Token::Bool(b) => Value::Bool(b),
                    Token::Text(s) => Value::Text(s),
                    _ => Value::Null,
                };
                Ok(Node::new(value, span))
            }
            Token::Word(_) => self.unexpected("a value: texts stand in double quotes, and there is no null"),
            _ => self.unexpected("a value"),
        }
    }

    fn deeper<T>(&mut self, f: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        if self.depth == MAX_DEPTH {
            return Err(SyntaxError { message: format!("values are nested more than {MAX_DEPTH} deep"), span: self.span.clone() });
        }
        self.depth += 1;
        let result = f(self);
        self.depth -= 1;
        result
    }

    fn object(&mut self, in_list: bool) -> Read<Node> {
        let start = self.advance()?.1.start;
        let items = self.items(true)?;
        let end = self.advance()?.1.end;
        let object = Node::new(Value::Map(map(items, self.scanner.text())?), start..end);
        Ok(if in_list { object } else { Node::new(Value::List(vec![object]), start..end) })
    }

    /// Elements with commas between them; nothing between two commas is nothing.
    fn list(&mut self) -> Read<Node> {
        let start = self.advance()?.1.start;
        let mut items = Vec::new();
        let mut comma_due = false;
        loop {
            match self.token {
                Token::CloseBracket => {
                    let end = self.advance()?.1.end;
                    return Ok(Node::new(Value::List(items), start..end));
                }
                Token::Comma => {
                    self.advance()?;
                    comma_due = false;
                }
                _ if comma_due => return self.unexpected("',' or ']'"),
                _ => {
                    // Consul's reader asks for no comma after an inner list.
                    comma_due = self.token != Token::OpenBracket;
                    items.push(self.value(true)?);
                }
            }
        }
    }
}

/// The items of an object as a map: what is given again is appended to a list, and else replaces what was there.
fn map(items: Vec<Item>, text: &str) -> Read<Map> {
    let mut out = Map::new();
    let mut labelled = Vec::new();
    for mut item in items {
        let key = item.keys.remove(0);
        let with_label = !item.keys.is_empty();
        let value = labels(item.keys, item.value);
        let Some(position) = out.iter().position(|(k, _)| k.text == key.text) else {
            out.push((key, value));
            labelled.push(with_label);
            continue;
        };
        if labelled[position] != with_label {
            let message = format!("{:?} is given with a label and without", key.text);
            return Err(SyntaxError { message, span: key.span });
        }
        let earlier = std::mem::replace(&mut out[position].1, Node::new(Value::Null, 0..0));
        out[position].1 = merged(earlier, value, &key, text)?;
    }
    Ok(out)
}

/// `Subsets "v1" { }` is `Subsets { v1 { } }`.
fn labels(keys: Vec<Key>, value: Node) -> Node {
    keys.into_iter().rev().fold(value, |inner, key| {
        let span = key.span.start..inner.span.end;
        let object = Node::new(Value::Map(vec![(key, inner)]), span.clone());
        Node::new(Value::List(vec![object]), span)
    })
}

/// A key given again: lists grow, and a single value is replaced by one that can be taken for the type of the first.
fn merged(earlier: Node, later: Node, key: &Key, text: &str) -> Read<Node> {
    let span = earlier.span.start..later.span.end;
    let value = match (earlier.value, later.value) {
        (Value::List(mut list), Value::List(more)) => {
            list.extend(more);
            return Ok(Node::new(Value::List(list), span));
        }
        (Value::Text(_), Value::Text(s)) => Some(Value::Text(s)),
        // The number as it is written.
        (Value::Text(_), Value::Int(_) | Value::Float(_)) => Some(Value::Text(text[later.span.clone()].to_owned())),
        (Value::Int(_), Value::Int(n)) => Some(Value::Int(n)),
        (Value::Int(_), Value::Text(s)) => parse_int(&s).and_then(|n| i64::try_from(n).ok()).map(Value::Int),
        (Value::Float(_), Value::Float(f)) => Some(Value::Float(f)),
        (Value::Float(_), Value::Int(n)) => Some(Value::Float(n as f64)),
        (Value::Bool(_), Value::Bool(b)) => Some(Value::Bool(b)),
        _ => None,
    };
    let message = || format!("{:?} is given more than once with values of different types", key.text);
    value.map(|value| Node::new(value, later.span)).ok_or_else(|| SyntaxError { message: message(), span: key.span.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn json(text: &str) -> Option<String> {
        read(text).ok().map(|n| n.to_json().to_string())
    }

    #[test]
    fn texts_are_read_as_consuls_reader_reads_them() {
        for (text, wanted) in [
            ("a = 1", r#"{"a":1}"#),
            ("a = 0x10 b = 010 c = -3", r#"{"a":16,"b":8,"c":-3}"#),
            ("a = 1e3\nb = 1.5", r#"{"a":1000,"b":1.5}"#),
            ("a { b = 1 }", r#"{"a":[{"b":1}]}"#),
            ("a = { b = 1, c = 2, }", r#"{"a":[{"b":1,"c":2}]}"#),
            ("a { x = 1 }\na { x = 2 }", r#"{"a":[{"x":1},{"x":2}]}"#),
            ("s \"v1\" { f = 1 }\ns \"v2\" { }", r#"{"s":[{"v1":[{"f":1}]},{"v2":[{}]}]}"#),
            ("a = [{ b = 1 }, { b { c = [] } }]", r#"{"a":[{"b":1},{"b":[{"c":[]}]}]}"#),
            ("a = [1, 2,]", r#"{"a":[1,2]}"#),
            ("a = [1]\na = [2]", r#"{"a":[1,2]}"#),
            ("a = \"y\"\na = \"x\"\nb = \"y\" b = 010", r#"{"a":"x","b":"010"}"#),
            ("\"a b\" = true", r#"{"a b":true}"#),
            ("a.b-c = \"\\u00e4\\x41\\n\"", r#"{"a.b-c":"äA\n"}"#),
            ("a = \"${x \"q\"}\"", r#"{"a":"${x \"q\"}"}"#),
            ("# c\n// c\n/* c */ a = 1 # c", r#"{"a":1}"#),
            ("a = <<EOF\nx\n y\nEOF\n", r#"{"a":"x\n y\n"}"#),
            ("a = <<-EOF\n    x\n     y\n    EOF\n", r#"{"a":"x\n y\n"}"#),
            ("a = <<EOF\r\nx\r\nEOF\r\nb = 1\r\n", r#"{"a":"x\r\n","b":1}"#),
            ("", "{}"),
        ] {
            assert_eq!(json(text).as_deref(), Some(wanted), "{text}");
        }
    }

    #[test]
    fn what_consuls_reader_refuses_is_refused() {
        for text in [
            "a = 'x'",
            "a: 1",
            "a = 1;",
            "a = x",
            "a = null",
            "a = \"x",
            "a = \"x\ny\"",
            "a {",
            "}",
            "a = [1 2]",
            "a b = 1",
            "{ a = 1 }",
            "a",
            "a = 1kb",
            "\u{feff}a = 1",
            "a = 99999999999999999999",
            "/* x",
            "a = <<EOF\nx",
            "a = <<\nx\n",
            "a = 089",
            "a = \"\\q\"",
            "* = 1",
            "true = 1",
            "a { }\na \"x\" { }",
            "a = 1\na { }",
            "a = 1\na = \"x\"",
            "a = true\na = 1",
            "a = \"\u{0}\"",
            "a = 0x",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read(&"a { ".repeat(100_000)).is_err());
        assert!(read(&format!("a = {}", "[".repeat(100_000))).is_err());
    }

    #[test]
    fn every_value_knows_its_place() {
        let text = "a {\n  b = [\"x\", 2]\n}\n";
        let node = read(text).expect("it reads");
        let list = node.member("a").and_then(|a| a.member("b")).expect("it is there");
        assert_eq!(&text[list.span.clone()], "[\"x\", 2]");
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a-c=\\[\\]{}\",\\-.0-9x\\\\uéE<F \n\r#/*$]{0,60}") {
            let _ = read(&text);
        }
    }
}
