//! The words of HCL version 1: what stands where in a text, with Consul's strictness (semantics 1).

use super::json::SyntaxError;
use super::tree::Span;

/// A word of the language.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A bare key.
    Word(String),
    /// A text in quotes or a heredoc.
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    Assign,
    Comma,
    OpenBrace,
    CloseBrace,
    OpenBracket,
    CloseBracket,
    End,
}

impl Token {
    /// The word as a sentence names it.
    pub(super) fn described(&self) -> String {
        match self {
            Self::Word(w) => format!("the bare word {w}"),
            Self::Text(_) => "a text".to_owned(),
            Self::Int(_) | Self::Float(_) => "a number".to_owned(),
            Self::Bool(b) => b.to_string(),
            Self::Assign => "'='".to_owned(),
            Self::Comma => "','".to_owned(),
            Self::OpenBrace => "'{'".to_owned(),
            Self::CloseBrace => "'}'".to_owned(),
            Self::OpenBracket => "'['".to_owned(),
            Self::CloseBracket => "']'".to_owned(),
            Self::End => "the end".to_owned(),
        }
    }
}

type Read<T> = Result<T, SyntaxError>;

/// Reads word after word.
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The whole text.
    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn error<T>(&self, span: Span, message: &str) -> Read<T> {
        Err(SyntaxError { message: message.to_owned(), span })
    }

    /// The next word and where it stands.
    pub(super) fn next(&mut self) -> Read<(Token, Span)> {
        self.blanks()?;
        let start = self.at;
        let Some(c) = self.peek() else { return Ok((Token::End, start..start)) };
        let single = match c {
            '=' => Some(Token::Assign),
            ',' => Some(Token::Comma),
            '{' => Some(Token::OpenBrace),
            '}' => Some(Token::CloseBrace),
            '[' => Some(Token::OpenBracket),
            ']' => Some(Token::CloseBracket),
            _ => None,
        };
        let digit_follows = || self.rest()[1..].starts_with(|d: char| d.is_ascii_digit());
        let token = match c {
            _ if single.is_some() => {
                self.at += 1;
                single.unwrap_or(Token::End)
            }
            '"' => Token::Text(self.string()?),
            '<' => Token::Text(self.heredoc()?),
            '0'..='9' => self.number()?,
            '-' | '.' if digit_follows() => self.number()?,
            c if c.is_alphabetic() || c == '_' => self.word(),
            c => {
                let help = match c {
                    '\'' => "texts stand in double quotes",
                    ':' => "a value follows '='",
                    ';' => "nothing stands between two attributes but a line break or a comma",
                    _ => "this character has no meaning in HCL",
                };
                return self.error(start..start + c.len_utf8(), help);
            }
        };
        Ok((token, start..self.at))
    }

    /// Blanks and comments.
    fn blanks(&mut self) -> Read<()> {
        loop {
            let rest = self.rest();
            let rest_after = rest.trim_start_matches([' ', '\t', '\r', '\n']);
            self.at += rest.len() - rest_after.len();
            if rest_after.starts_with('#') || rest_after.starts_with("//") {
                self.at += rest_after.find('\n').unwrap_or(rest_after.len());
            } else if let Some(inner) = rest_after.strip_prefix("/*") {
                match inner.find("*/") {
                    Some(end) => self.at += end + 4,
                    None => return self.error(self.at..self.at + 2, "the comment has no end"),
                }
            } else {
                return Ok(());
            }
        }
    }

    fn word(&mut self) -> Token {
        let rest = self.rest();
        let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        let word = &rest[..rest.find(|c| !part(c)).unwrap_or(rest.len())];
        self.at += word.len();
        match word {
            "true" => Token::Bool(true),
            "false" => Token::Bool(false),
            _ => Token::Word(word.to_owned()),
        }
    }

    fn take_while(&mut self, part: impl Fn(char) -> bool) -> usize {
        let rest = self.rest();
        let n = rest.find(|c| !part(c)).unwrap_or(rest.len());
        self.at += n;
        n
    }

    /// A whole number in base 10, 16 (`0x`) or 8 (`0`), or one with a fraction or an exponent.
    fn number(&mut self) -> Read<Token> {
        let start = self.at;
        if self.peek() == Some('-') {
            self.at += 1;
        }
        if self.rest().starts_with("0x") || self.rest().starts_with("0X") {
            self.at += 2;
            if self.take_while(|c| c.is_ascii_hexdigit()) == 0 {
                return self.error(start..self.at, "a hexadecimal number has no digits");
            }
            return self.integer(start);
        }
        self.take_while(|c| c.is_ascii_digit());
        let mut float = false;
        if self.peek() == Some('.') {
            self.at += 1;
            float = true;
            self.take_while(|c| c.is_ascii_digit());
        }
        if matches!(self.peek(), Some('e' | 'E')) {
            self.at += 1;
            float = true;
            if matches!(self.peek(), Some('+' | '-')) {
                self.at += 1;
            }
            if self.take_while(|c| c.is_ascii_digit()) == 0 {
                return self.error(start..self.at, "an exponent has no digits");
            }
        }
        if !float {
            return self.integer(start);
        }
        match self.text[start..self.at].parse::<f64>() {
            Ok(f) if f.is_finite() => Ok(Token::Float(f)),
            _ => self.error(start..self.at, "the number is out of range"),
        }
    }

    fn integer(&self, start: usize) -> Read<Token> {
        let text = &self.text[start..self.at];
        match super::scalar::parse_int(text).and_then(|n| i64::try_from(n).ok()) {
            Some(n) => Ok(Token::Int(n)),
            None => self.error(start..self.at, "the number is out of range or no octal number"),
        }
    }

    /// A text in double quotes. Within `${ }` nothing is special, and it stays as it is.
    fn string(&mut self) -> Read<String> {
        let start = self.at;
        self.at += 1;
        let mut out = Vec::new();
        let mut braces = 0usize;
        loop {
            let Some(c) = self.peek() else { return self.error(start..start + 1, "the text has no closing quote") };
            match c {
                '"' if braces == 0 => {
                    self.at += 1;
                    // An escape may have put in bytes that are no UTF-8.
                    return Ok(String::from_utf8_lossy(&out).into_owned());
                }
                '\n' if braces == 0 => {
                    return self.error(start..self.at, "the text has no closing quote on its line; a heredoc (<<EOF) may have several");
                }
                '\\' => {
                    let from = self.at;
                    let escape = self.escape()?;
                    let raw = &self.text.as_bytes()[from..self.at];
                    out.extend_from_slice(if braces == 0 { &escape } else { raw });
                    continue;
                }
                '$' if braces == 0 && self.rest().starts_with("${") => {
                    self.at += 2;
                    out.extend(b"${");
                    braces = 1;
                    continue;
                }
                '{' if braces > 0 => braces += 1,
                '}' if braces > 0 => braces -= 1,
                _ => {}
            }
            self.at += c.len_utf8();
            out.extend(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }

    /// An escape as the bytes it stands for.
    fn escape(&mut self) -> Read<Vec<u8>> {
        let start = self.at;
        self.at += 1;
        let c = self.peek();
        let code = |out: char| Ok(out.to_string().into_bytes());
        self.at += c.map_or(0, char::len_utf8);
        match c {
            Some('a') => code('\x07'),
            Some('b') => code('\x08'),
            Some('f') => code('\x0c'),
            Some('n') => code('\n'),
            Some('r') => code('\r'),
            Some('t') => code('\t'),
            Some('v') => code('\x0b'),
            Some('\\') => code('\\'),
            Some('"') => code('"'),
            Some('0'..='7') => {
                self.at -= 1;
                self.coded(start, 3, 8, true)
            }
            Some('x') => self.coded(start, 2, 16, true),
            Some('u') => self.coded(start, 4, 16, false),
            Some('U') => self.coded(start, 8, 16, false),
            _ => self.error(start..self.at, "no such escape in HCL"),
        }
    }

    fn coded(&mut self, start: usize, digits: usize, radix: u32, byte: bool) -> Read<Vec<u8>> {
        let number =
            self.rest().get(..digits).filter(|d| d.chars().all(|c| c.is_digit(radix))).and_then(|d| u32::from_str_radix(d, radix).ok());
        let bytes = match number {
            Some(n) if byte => u8::try_from(n).ok().map(|b| vec![b]),
            // Half of a surrogate pair is the replacement character, as in Go.
            Some(0xD800..=0xDFFF) => Some("\u{fffd}".as_bytes().to_vec()),
            Some(n) => char::from_u32(n).map(|c| c.to_string().into_bytes()),
            None => None,
        };
        let Some(bytes) = bytes else { return self.error(start..self.at, "the escape is not complete or no character") };
        self.at += digits;
        Ok(bytes)
    }

    /// `<<EOF` to a line with `EOF` alone; `<<-EOF` takes away as many blanks as stand before that `EOF`.
    fn heredoc(&mut self) -> Read<String> {
        let start = self.at;
        let Some(after) = self.rest().strip_prefix("<<") else {
            return self.error(start..start + 1, "a heredoc begins with << and its end mark");
        };
        let indented = after.starts_with('-');
        let mark_text = after.strip_prefix('-').unwrap_or(after);
        let mark = &mark_text[..mark_text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(mark_text.len())];
        let tail = &mark_text[mark.len()..];
        let Some(body) = tail.strip_prefix('\n').or_else(|| tail.strip_prefix("\r\n")) else {
            return self.error(start..self.text.len() - tail.len(), "a line break must follow the end mark of a heredoc");
        };
        if mark.is_empty() {
            return self.error(start..start + 2, "a heredoc needs an end mark, such as <<EOF");
        }
        let body_start = self.text.len() - body.len();
        let mut line_start = body_start;
        while let Some(length) = self.text[line_start..].find('\n') {
            let line = &self.text[line_start..line_start + length];
            let bare = line.trim_start_matches([' ', '\t', '\r', '\x0b', '\x0c']).trim_end_matches('\r');
            // The end of `<<-EOF` must be as long as `-EOF`: Consul's reader counts so.
            let long_enough = line.len() >= mark.len() + usize::from(indented);
            if bare == mark && long_enough {
                let body = &self.text[body_start..line_start];
                let margin = &line[..line.len() - line.trim_start_matches([' ', '\t', '\r', '\x0b', '\x0c']).len()];
                self.at = line_start + length + 1;
                return Ok(if indented { unindented(body, margin) } else { format!("{body}{margin}") });
            }
            line_start += length + 1;
        }
        self.error(start..start + 2 + mark.len(), "the heredoc has no end: its end mark must stand alone on a line")
    }
}

/// Takes the margin off every line, if every line has it.
fn unindented(body: &str, margin: &str) -> String {
    let lines: Vec<&str> = body.split('\n').collect();
    let (last, lines) = lines.split_last().map_or(("", &[][..]), |(l, rest)| (*l, rest));
    if lines.iter().any(|l| !l.starts_with(margin)) {
        return body.to_owned();
    }
    let mut out: String = lines.iter().flat_map(|l| [&l[margin.len()..], "\n"]).collect();
    out.push_str(last);
    out
}
