//! RE2's syntax to the `regex` crate's, where the two read a pattern differently, and refusal of what RE2 refuses.

use super::PatternError;

/// RE2's limit on counted repetition.
const MAX_REPEAT: u32 = 1000;

/// ASCII only, as in RE2.
const DIGIT: &str = "0-9";
const WORD: &str = "0-9A-Za-z_";
const SPACE: &str = r"\t\n\f\r ";

const POSIX: [&str; 14] =
    ["alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word", "xdigit"];

pub(super) fn translate(pattern: &str) -> Result<String, PatternError> {
    let mut translator = Translator { rest: pattern, out: String::with_capacity(pattern.len() + 16), repeatable: Repeat::Nothing };
    while !translator.rest.is_empty() {
        translator.one()?;
    }
    Ok(translator.out)
}

struct Translator<'a> {
    rest: &'a str,
    out: String,
    repeatable: Repeat,
}

/// What a repetition operator would apply to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeat {
    /// Nothing stands before it.
    Nothing,
    /// Something that can be repeated.
    Something,
    /// Something that is repeated already.
    Repeated,
}

fn error(message: impl Into<String>) -> PatternError {
    PatternError(message.into())
}

impl Translator<'_> {
    fn take(&mut self, prefix: &str) -> bool {
        match self.rest.strip_prefix(prefix) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    /// A literal character that needs no thought about what it means outside or inside a class.
    fn literal(&mut self, c: char) {
        if c.is_ascii_alphanumeric() || !c.is_ascii() {
            self.out.push(c);
        } else {
            self.out.push_str(&format!("\\x{{{:x}}}", u32::from(c)));
        }
    }

    fn one(&mut self) -> Result<(), PatternError> {
        let Some(c) = self.next() else { return Ok(()) };
        match c {
            '*' | '+' | '?' => return self.repeat(c.to_string()),
            '{' => {
                if let Some(counted) = self.counted()? {
                    return self.repeat(counted);
                }
                self.literal('{');
            }
            '|' => {
                self.out.push('|');
                self.repeatable = Repeat::Nothing;
                return Ok(());
            }
            '(' => return self.open(),
            '[' => self.class()?,
            '\\' => self.escape()?,
            ')' | '.' | '^' | '$' => self.out.push(c),
            other => self.literal(other),
        }
        self.repeatable = Repeat::Something;
        Ok(())
    }

    fn repeat(&mut self, operator: String) -> Result<(), PatternError> {
        match self.repeatable {
            Repeat::Nothing => return Err(error(format!("no argument for repetition operator {operator}"))),
            Repeat::Repeated => return Err(error(format!("bad repetition operator {operator} after a repetition"))),
            Repeat::Something => {}
        }
        self.out.push_str(&operator);
        if self.take("?") {
            self.out.push('?');
        }
        self.repeatable = Repeat::Repeated;
        Ok(())
    }

    /// `{n}`, `{n,}`, `{n,m}` behind the brace; `None` where it is none of these and so plain text.
    fn counted(&mut self) -> Result<Option<String>, PatternError> {
        let Some(end) = self.rest.find('}') else { return Ok(None) };
        let inner = &self.rest[..end];
        let (low, high) = inner.split_once(',').map_or((inner, None), |(l, h)| (l, Some(h)));
        let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        if !digits(low) || high.is_some_and(|h| !h.is_empty() && !digits(h)) {
            return Ok(None);
        }
        let number = |s: &str| {
            s.parse::<u32>().ok().filter(|n| *n <= MAX_REPEAT).ok_or_else(|| error(format!("repetition {{{inner}}} is above {MAX_REPEAT}")))
        };
        let low = number(low)?;
        let high = high.filter(|h| !h.is_empty()).map(number).transpose()?;
        if high.is_some_and(|h| h < low) {
            return Err(error(format!("repetition {{{inner}}} ends below its beginning")));
        }
        let counted = format!("{{{inner}}}");
        self.rest = &self.rest[end + 1..];
        Ok(Some(counted))
    }

    /// A group, with a name or flags that RE2 knows.
    fn open(&mut self) -> Result<(), PatternError> {
        self.out.push('(');
        self.repeatable = Repeat::Nothing;
        if !self.take("?") {
            return Ok(());
        }
        if self.take("P<") || (self.rest.starts_with('<') && !self.rest.starts_with("<=") && !self.rest.starts_with("<!") && self.take("<"))
        {
            let end = self.rest.find('>').ok_or_else(|| error("a group's name does not end"))?;
            self.out.push_str(&format!("?P<{}>", &self.rest[..end]));
            self.rest = &self.rest[end + 1..];
            return Ok(());
        }
        let end = self.rest.find([':', ')']).ok_or_else(|| error("a group's flags do not end"))?;
        let flags = &self.rest[..end];
        if flags.chars().any(|c| !matches!(c, 'i' | 'm' | 's' | 'U' | '-')) {
            return Err(error(format!("(?{flags} is not RE2: there is no look-around, and flags are i, m, s and U")));
        }
        self.out.push_str(&format!("?{flags}{}", &self.rest[end..=end]));
        // `(?i)` is no group that could be repeated.
        self.rest = &self.rest[end + 1..];
        Ok(())
    }

    /// What follows a backslash outside a class.
    fn escape(&mut self) -> Result<(), PatternError> {
        if self.take("Q") {
            let end = self.rest.find("\\E").unwrap_or(self.rest.len());
            let (quoted, rest) = self.rest.split_at(end);
            self.rest = rest.strip_prefix("\\E").unwrap_or(rest);
            quoted.chars().for_each(|c| self.literal(c));
            return Ok(());
        }
        let Some(c) = self.next() else { return Err(error("a trailing backslash")) };
        match c {
            'E' => {}
            'A' | 'z' => self.out.extend(['\\', c]),
            'b' | 'B' => self.out.push_str(&format!("(?-u:\\{c})")),
            'C' => self.out.push_str("(?s-u:.)"),
            'd' | 'D' | 'w' | 'W' | 's' | 'S' => self.out.push_str(&perl_class(c)),
            'p' | 'P' => self.unicode_class(c)?,
            other => {
                let c = self.character(other)?;
                self.literal(c);
            }
        }
        Ok(())
    }

    /// `\pL`, `\p{Greek}`, `\p{^Greek}`
    fn unicode_class(&mut self, c: char) -> Result<(), PatternError> {
        if self.take("{") {
            let end = self.rest.find('}').ok_or_else(|| error("a class name does not end"))?;
            let (name, negated) = self.rest[..end].strip_prefix('^').map_or((&self.rest[..end], false), |n| (n, true));
            let c = match (c, negated) {
                ('p', true) => 'P',
                ('P', true) => 'p',
                (c, _) => c,
            };
            if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                return Err(error(format!("no class is called {name}")));
            }
            self.out.push_str(&format!("\\{c}{{{name}}}"));
            self.rest = &self.rest[end + 1..];
        } else {
            let name = self.next().filter(char::is_ascii_alphabetic).ok_or_else(|| error("a class name is missing"))?;
            self.out.push_str(&format!("\\{c}{name}"));
        }
        Ok(())
    }

    /// The character that an escape stands for, its first character taken.
    fn character(&mut self, c: char) -> Result<char, PatternError> {
        Ok(match c {
            'a' => '\u{7}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            'x' => return self.hexadecimal(),
            '0' => self.octal(0, 2),
            // `\1` alone would be a reference back, which RE2 does not have.
            '1'..='7' if self.rest.starts_with(|d: char| matches!(d, '0'..='7')) => self.octal(c.to_digit(8).unwrap_or(0), 2),
            c if c.is_ascii_punctuation() => c,
            c => return Err(error(format!("bad escape sequence \\{c}"))),
        })
    }

    fn octal(&mut self, mut value: u32, more: usize) -> char {
        for _ in 0..more {
            let Some(digit) = self.rest.chars().next().and_then(|c| c.to_digit(8)) else { break };
            value = value * 8 + digit;
            self.rest = &self.rest[1..];
        }
        char::from_u32(value).unwrap_or('\u{fffd}')
    }

    fn hexadecimal(&mut self) -> Result<char, PatternError> {
        let bad = || error("bad escape sequence \\x");
        let digits = if self.take("{") {
            let end = self.rest.find('}').ok_or_else(bad)?;
            let digits = self.rest[..end].to_owned();
            self.rest = &self.rest[end + 1..];
            digits
        } else {
            let digits = self.rest.get(..2).ok_or_else(bad)?.to_owned();
            self.rest = &self.rest[2..];
            digits
        };
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(bad());
        }
        u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32).ok_or_else(bad)
    }

    /// A class behind its bracket. Every literal is written so that no set operation of the other syntax can appear.
    fn class(&mut self) -> Result<(), PatternError> {
        self.out.push('[');
        if self.take("^") {
            self.out.push('^');
        }
        let mut first = true;
        loop {
            if !first && self.take("]") {
                self.out.push(']');
                return Ok(());
            }
            first = false;
            if self.rest.is_empty() {
                return Err(error("missing closing ]"));
            }
            if self.class_of_class()? {
                continue;
            }
            let low = self.class_character()?;
            self.literal(low);
            if self.rest.starts_with('-') && !self.rest.starts_with("-]") && self.rest.len() > 1 {
                self.rest = &self.rest[1..];
                let high = self.class_character()?;
                if high < low {
                    return Err(error(format!("bad character class range {low}-{high}")));
                }
                self.out.push('-');
                self.literal(high);
            }
        }
    }

    /// `[:alpha:]`, `\d`, `\pL` inside a class; whether there was one.
    fn class_of_class(&mut self) -> Result<bool, PatternError> {
        if let Some(end) = self.rest.strip_prefix("[:").and_then(|r| r.find(":]")) {
            let name = &self.rest[2..2 + end];
            let bare = name.strip_prefix('^').unwrap_or(name);
            if !POSIX.contains(&bare) {
                return Err(error(format!("no class is called [:{name}:]")));
            }
            self.out.push_str(&format!("[:{name}:]"));
            self.rest = &self.rest[end + 4..];
            return Ok(true);
        }
        let mut ahead = self.rest.chars();
        if ahead.next() != Some('\\') {
            return Ok(false);
        }
        match ahead.next() {
            Some(c @ ('d' | 'D' | 'w' | 'W' | 's' | 'S')) => {
                self.rest = &self.rest[2..];
                self.out.push_str(&perl_class(c));
            }
            Some(c @ ('p' | 'P')) => {
                self.rest = &self.rest[2..];
                self.unicode_class(c)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn class_character(&mut self) -> Result<char, PatternError> {
        match self.next() {
            Some('\\') => {
                let c = self.next().ok_or_else(|| error("a trailing backslash"))?;
                self.character(c)
            }
            Some(c) => Ok(c),
            None => Err(error("missing closing ]")),
        }
    }
}

fn perl_class(c: char) -> String {
    let set = match c.to_ascii_lowercase() {
        'd' => DIGIT,
        'w' => WORD,
        _ => SPACE,
    };
    let negation = if c.is_ascii_uppercase() { "^" } else { "" };
    format!("[{negation}{set}]")
}
