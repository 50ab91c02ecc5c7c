//! Texts found by what they begin with: for every length that occurs one look-up, whatever the number of texts.

use crate::id::Table;

/// Maps texts to numbers; answers with the numbers of every text that a given one begins with.
#[derive(Clone, Debug, Default)]
pub(super) struct PrefixIndex {
    /// By text, the numbers in rising order.
    texts: Table<Box<str>, Numbers>,
    /// The lengths that occur, rising.
    lengths: Vec<usize>,
}

/// Most texts stand for one number.
#[derive(Clone, Debug)]
enum Numbers {
    One(u32),
    Several(Vec<u32>),
}

impl Numbers {
    fn add(&mut self, number: u32) {
        match self {
            Self::One(first) => *self = Self::Several(vec![*first, number]),
            Self::Several(numbers) => numbers.push(number),
        }
    }

    fn as_slice(&self) -> &[u32] {
        match self {
            Self::One(number) => std::slice::from_ref(number),
            Self::Several(numbers) => numbers,
        }
    }
}

impl PrefixIndex {
    /// Makes room for so many texts at once: to grow there bit by bit costs several times the room.
    pub(super) fn reserve(&mut self, texts: usize) {
        self.texts.reserve(texts);
    }

    /// Adds a text. Numbers come in rising order.
    pub(super) fn insert(&mut self, text: &str, number: u32) {
        self.texts.entry(text.into()).and_modify(|numbers| numbers.add(number)).or_insert(Numbers::One(number));
        if let Err(at) = self.lengths.binary_search(&text.len()) {
            self.lengths.insert(at, text.len());
        }
    }

    /// The numbers of the text that is exactly this one.
    pub(super) fn exactly(&self, text: &str) -> &[u32] {
        self.texts.get(text).map_or(&[], Numbers::as_slice)
    }

    /// The numbers of all texts that `text` begins with, shortest text first.
    pub(super) fn beginning_of<'a>(&'a self, text: &'a str) -> impl DoubleEndedIterator<Item = &'a [u32]> {
        let fitting = self.lengths.partition_point(|n| *n <= text.len());
        self.lengths[..fitting].iter().filter_map(|n| self.texts.get(text.get(..*n)?)).map(Numbers::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_that_another_begins_with_is_found_shortest_first() {
        let mut index = PrefixIndex::default();
        for (number, text) in ["/", "/a", "/a/b", "/b", "/a"].iter().enumerate() {
            index.insert(text, number as u32);
        }
        let found: Vec<&[u32]> = index.beginning_of("/a/é").collect();
        assert_eq!(found, [&[0][..], &[1, 4]]);
        assert_eq!(index.exactly("/b"), [3]);
        assert_eq!(index.beginning_of("").count(), 0);
    }

    #[test]
    fn lengths_inside_a_character_are_no_prefix() {
        let mut index = PrefixIndex::default();
        index.insert("/abc", 0);
        assert_eq!(index.beginning_of("/aéc").count(), 0);
    }
}
