//! What a page is asked besides its path: the query of its URL, written and read.

use form_urlencoded::{Serializer, parse};

/// The names and values of a query, decoded.
#[derive(Clone, Debug, Default)]
pub struct Asked(Vec<(String, String)>);

impl Asked {
    /// What is bytes and no text becomes a text that is none of anybody's names.
    pub(super) fn of(query: &str) -> Self {
        Self(parse(query.as_bytes()).into_owned().collect())
    }

    /// The same of names and values that nobody wrote into a URL.
    pub fn of_pairs(asked: &[(&str, String)]) -> Self {
        Self(asked.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
    }

    /// The first value of that name.
    pub fn one(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All names and values, in order.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Every value of that name, in order.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// As it stands in a URL.
pub(super) fn query(asked: &[(&str, String)]) -> String {
    Serializer::new(String::new()).extend_pairs(asked).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_read_as_it_was_written() {
        let values = ["/a b?c=d&e=%2F#f", "x-name: \u{e4}; \"q\"", ""];
        let written = query(&values.map(|value| ("header", value.to_owned())));
        let asked = Asked::of(&written);
        assert_eq!(asked.all("header").collect::<Vec<_>>(), values);
        assert_eq!((asked.one("header"), asked.one("path")), (Some(values[0]), None));
    }
}
