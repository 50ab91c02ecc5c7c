//! Which service of a listener a server name means: exact, then the longest `*.x` (semantics 9). No name means anything by default.

use std::borrow::Cow;
use std::sync::Arc;

use crate::id::{Sni, Table};

/// The server names of a listener. Later ones never replace earlier ones of the same spelling.
#[derive(Clone, Debug, Default)]
pub struct NameTable {
    /// Whole names, lower case.
    exact: Table<Arc<str>, u32>,
    /// What follows the star and the dot of `*.x`.
    below: Table<Arc<str>, u32>,
}

impl NameTable {
    /// Makes room for so many whole names.
    pub fn reserve(&mut self, names: usize) {
        self.exact.reserve(names);
    }

    /// Adds a name, or `*.x` for all that end in `.x`, of the service with that number.
    pub fn insert(&mut self, name: &str, number: u32) {
        let name = lower(name);
        match name.strip_prefix("*.") {
            Some(suffix) => self.below.entry(suffix.into()).or_insert(number),
            None => self.exact.entry(name.into()).or_insert(number),
        };
    }

    /// The number of the service that a name means, in any case. The star stands for one label or more; a name with an empty label,
    /// such as one that ends in a dot, is none.
    pub fn find(&self, name: &str) -> Option<u32> {
        // The end of what is longer would be looked for once a label.
        if name.len() > Sni::LONGEST {
            return None;
        }
        let name = lower(name);
        if let Some(number) = self.exact.get(&*name) {
            return Some(*number);
        }
        if self.below.is_empty() || name.split('.').any(str::is_empty) {
            return None;
        }
        // The first dot has the longest end behind it.
        name.match_indices('.').find_map(|(dot, _)| self.below.get(&name[dot + 1..])).copied()
    }

    /// Every whole name, in no order.
    pub fn whole(&self) -> impl Iterator<Item = &str> {
        self.exact.keys().map(AsRef::as_ref)
    }
}

/// A name in lower case, which nearly all are in: so all of it is looked at, without a way out in the middle, many letters at once.
pub(super) fn lower(name: &str) -> Cow<'_, str> {
    let other = name.bytes().fold(false, |other, b| other | b.is_ascii_uppercase());
    if other { Cow::Owned(name.to_ascii_lowercase()) } else { Cow::Borrowed(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(names: &[&str]) -> NameTable {
        let mut table = NameTable::default();
        names.iter().enumerate().for_each(|(number, name)| table.insert(name, number as u32));
        table
    }

    #[test]
    fn a_whole_name_goes_before_the_longest_star_and_nothing_is_meant_by_default() {
        let names = ["web.default.dc1.internal.td", "*.dc2.internal.td", "web.default.dc2.internal.td", "*.p.dc2.internal.td"];
        let table = table(&names);
        for (name, wanted) in [
            ("web.default.dc1.internal.td", Some(0)),
            ("WEB.Default.dc1.INTERNAL.td", Some(0)),
            ("web.default.dc2.internal.td", Some(2)),
            ("api.default.dc2.internal.td", Some(1)),
            ("v1.api.default.dc2.internal.td", Some(1)),
            ("Api.P.DC2.internal.td", Some(3)),
            ("dc2.internal.td", None),
            (".dc2.internal.td", None),
            ("a..dc2.internal.td", None),
            ("api.default.dc2.internal.td.", None),
            ("web.default.dc1.internal.td.", None),
            ("xdc2.internal.td", None),
            ("api.default.dc3.internal.td", None),
            ("api.default.dc1.internal.td", None),
            ("*.dc2.internal.td", Some(1)),
            ("internal.td", None),
            ("local_agent", None),
            ("", None),
            (".", None),
        ] {
            assert_eq!(table.find(name), wanted, "{name}");
        }
    }

    #[test]
    fn the_first_of_two_of_one_name_stays_and_a_name_that_is_too_long_is_none() {
        let table = table(&["*.td", "*.TD", "a.td", "A.td"]);
        assert_eq!((table.find("b.td"), table.find("a.td")), (Some(0), Some(2)));
        let long = |labels: usize| format!("{}.td", "a.".repeat(labels) + "a");
        assert_eq!((long(124).len(), table.find(&long(124))), (252, Some(0)));
        assert_eq!((long(125).len(), table.find(&long(125))), (254, None));
    }
}
