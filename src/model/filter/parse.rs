//! The grammar of filters, by recursive descent.

use super::{Expression, FilterError, Match, Operator};

/// How deep parentheses and `not` may nest, together: far beyond what anybody writes, and safe on any stack.
const MAX_DEPTH: usize = 64;
/// How many matches `and` and `or` may join: each is a level of the tree.
const MAX_MATCHES: usize = 1_000;

pub(super) fn expression(text: &str) -> Result<Expression, FilterError> {
    let mut parser = Parser { text, at: 0, depth: 0, matches: 0 };
    parser.blanks();
    let expression = parser.or()?;
    parser.blanks();
    if parser.at < text.len() { Err(parser.error("nothing more was expected")) } else { Ok(expression) }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    matches: usize,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn error(&self, message: impl Into<String>) -> FilterError {
        FilterError { message: message.into(), at: self.at }
    }

    /// Skips blanks; whether there were any.
    fn blanks(&mut self) -> bool {
        let before = self.at;
        self.at += self.rest().len() - self.rest().trim_start_matches([' ', '\t', '\r', '\n']).len();
        self.at > before
    }

    fn take(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    /// Takes words, each after blanks; none of them if one is missing.
    fn words(&mut self, words: &[&str]) -> bool {
        let before = self.at;
        let all = words.iter().all(|word| self.blanks() && self.take(word));
        if !all {
            self.at = before;
        }
        all
    }

    /// Takes a word that stands between blanks.
    fn joiner(&mut self, word: &str) -> bool {
        let before = self.at;
        let found = self.words(&[word]) && self.blanks();
        if !found {
            self.at = before;
        }
        found
    }

    fn or(&mut self) -> Result<Expression, FilterError> {
        let mut terms = vec![self.and()?];
        while self.joiner("or") {
            terms.push(self.and()?);
        }
        Ok(folded(terms, Expression::Or))
    }

    fn and(&mut self) -> Result<Expression, FilterError> {
        let mut terms = vec![self.not()?];
        while self.joiner("and") {
            terms.push(self.not()?);
        }
        Ok(folded(terms, Expression::And))
    }

    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, FilterError>) -> Result<T, FilterError> {
        if self.depth == MAX_DEPTH {
            return Err(self.error(format!("more than {MAX_DEPTH} levels of parentheses and not")));
        }
        self.depth += 1;
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn not(&mut self) -> Result<Expression, FilterError> {
        let before = self.at;
        if self.take("not") && self.blanks() {
            match self.deeper(Self::not) {
                Ok(operand) => return Ok(Expression::Not(Box::new(operand))),
                // `not == 3` is a match of a selector called not.
                Err(e) if self.depth + 1 >= MAX_DEPTH => return Err(e),
                Err(_) => {}
            }
        }
        self.at = before;
        if self.take("(") {
            return self.deeper(Self::group);
        }
        self.one_match().map(Expression::Match)
    }

    fn group(&mut self) -> Result<Expression, FilterError> {
        self.blanks();
        let inner = self.or()?;
        self.blanks();
        if self.take(")") { Ok(inner) } else { Err(self.error("expected )")) }
    }

    /// `selector operator value`, `selector is [not] empty`, or `value [not] in selector`.
    fn one_match(&mut self) -> Result<Match, FilterError> {
        self.matches += 1;
        if self.matches > MAX_MATCHES {
            return Err(self.error(format!("more than {MAX_MATCHES} conditions")));
        }
        let before = self.at;
        if let Some(selector) = self.selector()? {
            if let Some(operator) = self.operator() {
                let value = if matches!(operator, Operator::IsEmpty | Operator::IsNotEmpty) { String::new() } else { self.value()? };
                return Ok(Match { selector, operator, value });
            }
            self.at = before;
        }
        let value = self.value()?;
        let operator = if self.joiner("in") {
            Operator::In
        } else if self.words(&["not", "in"]) && self.blanks() {
            Operator::NotIn
        } else {
            return Err(
                self.error("expected an operator: == != in, not in, contains, not contains, matches, not matches, is empty, is not empty")
            );
        };
        let selector = self.selector()?.ok_or_else(|| self.error("expected a selector such as Service.Meta.version"))?;
        Ok(Match { selector, operator, value })
    }

    /// An operator after a selector; blanks are needed around words, not around `==` and `!=`.
    fn operator(&mut self) -> Option<Operator> {
        let before = self.at;
        self.blanks();
        for (sign, operator) in [("==", Operator::Equal), ("!=", Operator::NotEqual)] {
            if self.take(sign) {
                self.blanks();
                return Some(operator);
            }
        }
        self.at = before;
        let with_value: [(&[&str], Operator); 4] = [
            (&["contains"], Operator::In),
            (&["not", "contains"], Operator::NotIn),
            (&["matches"], Operator::Matches),
            (&["not", "matches"], Operator::NotMatches),
        ];
        for (words, operator) in with_value {
            if self.words(words) && self.blanks() {
                return Some(operator);
            }
            self.at = before;
        }
        if self.words(&["is", "empty"]) {
            return Some(Operator::IsEmpty);
        }
        self.words(&["is", "not", "empty"]).then_some(Operator::IsNotEmpty)
    }

    /// `Service.Meta.version`, `Service.Meta["a-b"]`; `None` where no name begins.
    fn selector(&mut self) -> Result<Option<Vec<String>>, FilterError> {
        let Some(first) = self.identifier() else { return Ok(None) };
        let mut parts = vec![first];
        loop {
            let before = self.at;
            if self.take(".") {
                match self.identifier() {
                    Some(part) => parts.push(part),
                    None => {
                        self.at = before;
                        return Ok(Some(parts));
                    }
                }
            } else if self.take("[") {
                self.blanks();
                parts.push(self.string()?.ok_or_else(|| self.error("expected a quoted index"))?);
                self.blanks();
                if !self.take("]") {
                    return Err(self.error("expected ]"));
                }
            } else {
                return Ok(Some(parts));
            }
        }
    }

    fn identifier(&mut self) -> Option<String> {
        let rest = self.rest();
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return None;
        }
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let name = rest[..end].to_owned();
        self.at += end;
        Some(name)
    }

    /// A bare name with dots, a number, or a quoted string.
    fn value(&mut self) -> Result<String, FilterError> {
        if let Some(parts) = self.selector()? {
            return Ok(parts.join("."));
        }
        if let Some(number) = self.number()? {
            return Ok(number);
        }
        self.string()?.ok_or_else(|| self.error("expected a value: a bare word, a number, or a string in \" or `"))
    }

    fn number(&mut self) -> Result<Option<String>, FilterError> {
        let rest = self.rest();
        let unsigned = rest.strip_prefix('-').unwrap_or(rest);
        let digits = unsigned.len() - unsigned.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits == 0 {
            return Ok(None);
        }
        // A zero stands alone, so that what follows it is read as something else.
        let whole = if unsigned.starts_with('0') { 1 } else { digits };
        let mut end = rest.len() - unsigned.len() + whole;
        if let Some(fraction) = rest[end..].strip_prefix('.') {
            let more = fraction.len() - fraction.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            end += if more > 0 { more + 1 } else { 0 };
        }
        if !rest[end..].is_empty() && !rest[end..].starts_with([' ', '\t', '\r', '\n', ')']) {
            return Err(self.error("not a number; quote what is none"));
        }
        let number = rest[..end].to_owned();
        self.at += end;
        Ok(Some(number))
    }

    /// A string in backquotes as it stands, or in double quotes with Go's escapes.
    fn string(&mut self) -> Result<Option<String>, FilterError> {
        let rest = self.rest();
        let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '`')) else { return Ok(None) };
        let Some(end) = rest[1..].find(quote) else { return Err(self.error("the string does not end")) };
        let inner = &rest[1..=end];
        let value = if quote == '`' { Some(inner.replace('\r', "")) } else { unquoted(inner) };
        let value = value.ok_or_else(|| self.error("the string has an escape that is none, or a line end"))?;
        self.at += end + 2;
        Ok(Some(value))
    }
}

fn folded(terms: Vec<Expression>, join: fn(Box<Expression>, Box<Expression>) -> Expression) -> Expression {
    let mut terms = terms.into_iter().rev();
    let last = terms.next();
    terms
        .fold(last, |right, left| match right {
            Some(right) => Some(join(Box::new(left), Box::new(right))),
            None => Some(left),
        })
        .expect("a list of terms begins with one")
}

/// Go's escapes of a double-quoted string, in which no quote can stand.
fn unquoted(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\n' {
            return None;
        }
        if c != '\\' {
            out.push(c);
            continue;
        }
        let escape = chars.next()?;
        out.push(match escape {
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            '\\' => '\\',
            'x' => digits(&mut chars, 2, 16)?,
            'u' => digits(&mut chars, 4, 16)?,
            'U' => digits(&mut chars, 8, 16)?,
            '0'..='7' => {
                let first = escape.to_digit(8)?;
                let rest = u32::from(digits(&mut chars, 2, 8)?);
                char::from_u32(first * 64 + rest).filter(|c| u32::from(*c) < 256)?
            }
            _ => return None,
        });
    }
    Some(out)
}

fn digits(chars: &mut std::str::Chars<'_>, count: usize, radix: u32) -> Option<char> {
    let mut value = 0u32;
    for _ in 0..count {
        value = value.checked_mul(radix)?.checked_add(chars.next()?.to_digit(radix)?)?;
    }
    char::from_u32(value)
}
