//! JSON with the place of every value. Taken is what Go's reader takes.

use super::parts::Ahead;
use super::tree::{Key, MAX_DEPTH, Map, Node, Span, Value};

/// Why a text cannot be read, and where.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SyntaxError {
    pub(super) message: String,
    pub(super) span: Span,
}

type Read<T> = Result<T, SyntaxError>;

/// Reads one value; blanks may stand around it.
pub(super) fn read(text: &str) -> Read<Node> {
    let mut reader = Reader { text, at: 0, depth: 0, known: Ahead::default(), tight: false };
    let node = reader.value()?;
    reader.end()?;
    Ok(node)
}

/// Reads the value that begins at a byte of the text, whatever follows it.
pub(super) fn read_at(text: &str, at: usize) -> Read<Node> {
    Reader { text, at, depth: 0, known: Ahead::default(), tight: false }.value()
}

/// A text that is one list, element by element: of a long list no more than one element need be there as a tree.
pub(super) struct Elements<'a> {
    reader: Reader<'a>,
    first: bool,
}

impl<'a> Elements<'a> {
    /// The elements of the list that the text is; what is no list has its error here.
    pub(super) fn of(text: &'a str) -> Read<Self> {
        let mut reader = Reader { text, at: 0, depth: 1, known: Ahead::default(), tight: false };
        if reader.eat(b'[') { Ok(Self { reader, first: true }) } else { Err(reader.unexpected("'['")) }
    }

    /// What is left of the text from the next element on; `None` after the last one, and then nothing follows the list.
    pub(super) fn rest(&mut self) -> Read<Option<&'a str>> {
        if self.reader.eat(b']') {
            self.reader.end()?;
            return Ok(None);
        }
        if !std::mem::take(&mut self.first) && !self.reader.eat(b',') {
            return Err(self.reader.unexpected("',' or ']'"));
        }
        self.reader.blanks();
        Ok(Some(self.reader.rest()))
    }

    /// Where the next element begins.
    pub(super) fn at(&self) -> usize {
        self.reader.at
    }

    /// Reads the next element; of objects in lists those that are known need not be read.
    pub(super) fn read(&mut self, known: Ahead<'a>) -> Read<Node> {
        self.reader.known = known;
        let node = self.reader.value();
        self.reader.known = Ahead::default();
        node
    }

    /// Goes back to where an element begins.
    pub(super) fn back(&mut self, at: usize) {
        self.reader.at = at;
    }

    /// Goes past the next element, which is known to be so many bytes.
    pub(super) fn skip(&mut self, bytes: usize) {
        self.reader.at += bytes;
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    known: Ahead<'a>,
    /// Whether this is part of a long list, whose elements take no more room than they need.
    tight: bool,
}

/// How many elements make a list a long one.
const LONG: usize = 16;

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// The byte that is next; what JSON is made of is ASCII, so only texts and errors look at characters.
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn end(&mut self) -> Read<()> {
        self.blanks();
        if self.at < self.text.len() { Err(self.unexpected("the end of the text")) } else { Ok(()) }
    }

    fn unexpected(&self, expected: &str) -> SyntaxError {
        let (found, length) = match self.peek() {
            Some(c) => (format!("{c:?}"), c.len_utf8()),
            None => ("the end".to_owned(), 0),
        };
        SyntaxError { message: format!("expected {expected}, found {found}"), span: self.at..self.at + length }
    }

    /// Goes past blanks, and the token if it is next.
    fn eat(&mut self, token: u8) -> bool {
        self.blanks();
        let found = self.byte() == Some(token);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self) -> Read<Node> {
        self.blanks();
        let start = self.at;
        let value = match self.byte() {
            Some(b'{') => self.deeper(Self::object)?,
            Some(b'[') => self.deeper(Self::list)?,
            Some(b'"') => Value::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.word()?,
        };
        Ok(Node::new(value, start..self.at))
    }

    fn deeper(&mut self, f: impl FnOnce(&mut Self) -> Read<Value>) -> Read<Value> {
        if self.depth == MAX_DEPTH {
            return Err(SyntaxError { message: format!("values are nested more than {MAX_DEPTH} deep"), span: self.at..self.at + 1 });
        }
        self.depth += 1;
        let result = f(self);
        self.depth -= 1;
        result
    }

    fn object(&mut self) -> Read<Value> {
        self.eat(b'{');
        let mut map = Map::new();
        if self.eat(b'}') {
            return Ok(Value::Map(map));
        }
        loop {
            self.blanks();
            let start = self.at;
            if self.byte() != Some(b'"') {
                return Err(self.unexpected("a key in double quotes"));
            }
            let key = Key { text: self.string()?, span: start..self.at };
            if !self.eat(b':') {
                return Err(self.unexpected("':'"));
            }
            let node = self.value()?;
            // Of two members with one key the later counts, as in Go.
            map.retain(|(k, _)| k.text != key.text);
            map.push((key, node));
            if self.eat(b'}') {
                if self.tight {
                    map.shrink_to_fit();
                }
                return Ok(Value::Map(map));
            }
            if !self.eat(b',') {
                return Err(self.unexpected("',' or '}'"));
            }
        }
    }

    fn list(&mut self) -> Read<Value> {
        self.eat(b'[');
        let mut items = Vec::new();
        if self.eat(b']') {
            return Ok(Value::List(items));
        }
        let (tight, start) = (self.tight, self.at);
        loop {
            if items.len() == LONG {
                items.reserve(self.as_many(LONG, start));
            }
            self.tight = tight || items.len() >= LONG;
            items.push(self.element()?);
            if self.eat(b']') {
                self.tight = tight;
                if tight {
                    items.shrink_to_fit();
                }
                return Ok(Value::List(items));
            }
            if !self.eat(b',') {
                return Err(self.unexpected("',' or ']'"));
            }
        }
    }

    /// About how many elements may follow, if they are as long as the first ones were: a list that grows step by step is copied
    /// as often, to places that were never used before.
    fn as_many(&self, first: usize, start: usize) -> usize {
        const MOST: usize = 1 << 14;
        ((self.text.len() - self.at) * first / (self.at - start).max(1)).min(MOST)
    }

    fn element(&mut self) -> Read<Node> {
        self.blanks();
        let Some((known, length)) = self.known.next_in(self.rest()) else { return self.value() };
        let start = self.at;
        self.at += length;
        Ok(Node::new(Value::Known(known), start..self.at))
    }

    fn word(&mut self) -> Read<Value> {
        for (word, value) in [("true", Value::Bool(true)), ("false", Value::Bool(false)), ("null", Value::Null)] {
            if self.rest().starts_with(word) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err(self.unexpected("a value"))
    }

    fn digits(&mut self) -> bool {
        let rest = self.rest();
        let n = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        self.at += n;
        n > 0
    }

    fn number(&mut self) -> Read<Value> {
        let start = self.at;
        if self.peek() == Some('-') {
            self.at += 1;
        }
        if self.peek() == Some('0') {
            self.at += 1;
        } else if !self.digits() {
            return Err(self.unexpected("a digit"));
        }
        if self.peek() == Some('.') {
            self.at += 1;
            if !self.digits() {
                return Err(self.unexpected("a digit"));
            }
        }
        if matches!(self.peek(), Some('e' | 'E')) {
            self.at += 1;
            if matches!(self.peek(), Some('+' | '-')) {
                self.at += 1;
            }
            if !self.digits() {
                return Err(self.unexpected("a digit"));
            }
        }
        let span = start..self.at;
        match self.text[span.clone()].parse::<f64>() {
            Ok(f) if f.is_finite() => Ok(Value::Float(f)),
            _ => Err(SyntaxError { message: "the number is out of range".to_owned(), span }),
        }
    }

    fn string(&mut self) -> Read<String> {
        let start = self.at;
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = self.rest();
            let plain = rest.bytes().position(|b| b == b'"' || b == b'\\' || b < b' ').unwrap_or(rest.len());
            out.push_str(&rest[..plain]);
            self.at += plain;
            match self.peek() {
                Some('"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some('\\') => {
                    let escape = self.escape()?;
                    out.push(escape);
                }
                Some(_) => return Err(self.unexpected("no line break or control character in a text")),
                None => return Err(SyntaxError { message: "the text has no closing quote".to_owned(), span: start..start + 1 }),
            }
        }
    }

    fn escape(&mut self) -> Read<char> {
        let start = self.at;
        let bad = |end: usize| SyntaxError { message: "no such escape in JSON".to_owned(), span: start..end };
        self.at += 1;
        let c = self.peek().ok_or_else(|| bad(start + 1))?;
        self.at += c.len_utf8();
        Ok(match c {
            '"' | '\\' | '/' => c,
            'b' => '\x08',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let high = self.hex4().ok_or_else(|| bad(self.at))?;
                self.surrogate(high)
            }
            _ => return Err(bad(self.at)),
        })
    }

    fn hex4(&mut self) -> Option<u32> {
        let digits = self.rest().get(..4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))?;
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }

    /// A character from one code unit or two; half a pair is the replacement character, as in Go.
    fn surrogate(&mut self, high: u32) -> char {
        if !(0xD800..0xDC00).contains(&high) || !self.rest().starts_with("\\u") {
            return char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER);
        }
        let back = self.at;
        self.at += 2;
        match self.hex4() {
            Some(low) if (0xDC00..0xE000).contains(&low) => {
                char::from_u32(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00)).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => {
                self.at = back;
                char::REPLACEMENT_CHARACTER
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_value_knows_its_place() {
        let text = "{ \"a\": [1, \"x\"] }";
        let node = read(text).expect("it reads");
        let list = node.member("a").expect("it is there");
        assert_eq!(&text[list.span.clone()], "[1, \"x\"]");
        assert_eq!(list.element(1).map(|n| &text[n.span.clone()]), Some("\"x\""));
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in [
            "",
            "{",
            "{\"a\":1,}",
            "[1,]",
            "01",
            "1.",
            "'a'",
            "nul",
            "\"a",
            "\"\n\"",
            "\"\\x\"",
            "{a:1}",
            "1 2",
            "1e999",
            "+1",
            "\u{feff}1",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read(&"[".repeat(100_000)).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_as_the_usual_library_reads_it(text in "[\\[\\]{}\",:a0-9\\\\ue.\\-tru\n ]{0,40}") {
            let usual = serde_json::from_str::<serde_json::Value>(&text);
            let ours = read(&text);
            prop_assert_eq!(ours.is_ok(), usual.is_ok() || usual.is_err_and(|e| e.to_string().contains("surrogate") || e.to_string().contains("hex escape")) , "{}", text);
        }

        #[test]
        fn no_text_panics(text in ".{0,60}") {
            let _ = read(&text);
        }
    }
}
