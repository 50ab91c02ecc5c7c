//! Routes that no request reaches, because an earlier one of the same router always matches first.

use std::collections::HashMap;

use super::{Finding, Level, codes};
use crate::model::entry::{EntryKind, EntryRef, HeaderMatch, HttpMatch, QueryMatch, ServiceRoute, ServiceRouter};

/// Of earlier routes on one path, this many are looked at, so that ten thousand routes on `/` are not compared pair by pair.
const MOST_PER_PATH: usize = 64;

/// The earlier routes by what they say of the path, so that a route finds those that may cover it without a search.
#[derive(Default)]
struct Earlier<'a> {
    any: Vec<usize>,
    exact: HashMap<String, Vec<usize>>,
    prefix: HashMap<String, Vec<usize>>,
    regex: HashMap<&'a str, Vec<usize>>,
}

/// Every shadowed route, each with the first that shadows it.
pub(super) fn check(router: &ServiceRouter) -> Vec<Finding> {
    let entry = EntryRef::new(EntryKind::ServiceRouter, &router.common.name);
    let everything = HttpMatch::default();
    let matches: Vec<&HttpMatch> = router.routes.iter().map(|r| http(r).unwrap_or(&everything)).collect();
    let mut earlier = Earlier::default();
    let mut findings = Vec::new();
    for (i, later) in matches.iter().enumerate() {
        let shadow = earlier.candidates(later).into_iter().filter(|j| covers(matches[*j], later)).min();
        if let Some(j) = shadow {
            let message = format!("no request reaches this route: Routes[{j}] matches all that it matches, and comes first");
            findings.push(
                Finding::new(codes::SHADOWED, Level::Warning, entry.at(format!("Routes[{i}]")), message)
                    .help("put the narrower route first")
                    .related([entry.at(format!("Routes[{j}]"))]),
            );
        }
        earlier.add(i, later);
    }
    findings
}

fn http(route: &ServiceRoute) -> Option<&HttpMatch> {
    route.r#match.as_ref()?.http.as_ref()
}

impl<'a> Earlier<'a> {
    fn add(&mut self, i: usize, m: &'a HttpMatch) {
        let list = if !m.path_exact.is_empty() {
            self.exact.entry(m.path_exact.to_ascii_lowercase()).or_default()
        } else if !m.path_regex.is_empty() {
            self.regex.entry(&m.path_regex).or_default()
        } else if matches!(m.path_prefix.as_str(), "" | "/") {
            &mut self.any
        } else {
            self.prefix.entry(m.path_prefix.to_ascii_lowercase()).or_default()
        };
        if list.len() < MOST_PER_PATH {
            list.push(i);
        }
    }

    /// Those whose path may cover a route's; by lower case, so some may not.
    fn candidates(&self, later: &HttpMatch) -> Vec<usize> {
        let mut found = self.any.clone();
        if !later.path_regex.is_empty() {
            found.extend(self.regex.get(later.path_regex.as_str()).into_iter().flatten());
            return found;
        }
        let exact = later.path_exact.to_ascii_lowercase();
        found.extend(self.exact.get(&exact).into_iter().flatten());
        let path = if exact.is_empty() { later.path_prefix.to_ascii_lowercase() } else { exact };
        if !self.prefix.is_empty() {
            let ends = path.char_indices().map(|(at, c)| at + c.len_utf8());
            found.extend(ends.filter_map(|end| self.prefix.get(&path[..end])).flatten());
        }
        found
    }
}

/// Whether the earlier match holds wherever the later one does. Says no where it is not sure.
pub(super) fn covers(earlier: &HttpMatch, later: &HttpMatch) -> bool {
    let methods = earlier.methods.is_empty() || (!later.methods.is_empty() && later.methods.iter().all(|m| earlier.methods.contains(m)));
    methods
        && path_covers(earlier, later)
        && earlier.header.iter().all(|e| later.header.iter().any(|l| header_follows(e, l)))
        && earlier.query_param.iter().all(|e| later.query_param.iter().any(|l| query_follows(e, l)))
}

fn path_covers(earlier: &HttpMatch, later: &HttpMatch) -> bool {
    let folded = |text: &str| if earlier.case_insensitive { text.to_ascii_lowercase() } else { text.to_owned() };
    // Without case the later route matches paths that an earlier one with case does not.
    let case = earlier.case_insensitive || !later.case_insensitive;
    if !earlier.path_exact.is_empty() {
        return case && folded(&earlier.path_exact) == folded(&later.path_exact);
    }
    if !earlier.path_regex.is_empty() {
        return earlier.path_regex == later.path_regex;
    }
    if matches!(earlier.path_prefix.as_str(), "" | "/") {
        return true;
    }
    let given = if later.path_exact.is_empty() { &later.path_prefix } else { &later.path_exact };
    case && later.path_regex.is_empty() && folded(given).starts_with(&folded(&earlier.path_prefix))
}

/// Whether the earlier condition on a header follows from the later one.
pub(super) fn header_follows(earlier: &HeaderMatch, later: &HeaderMatch) -> bool {
    let same_name = earlier.name.eq_ignore_ascii_case(&later.name);
    let present = earlier.present && !earlier.invert;
    // With a value matcher, inverted or not, an absent header never matches (wire 1.1).
    let implies_present = if later.present { !later.invert } else { true };
    let same = HeaderMatch { name: later.name.clone(), ..earlier.clone() } == *later;
    same_name && (same || (present && implies_present))
}

fn query_follows(earlier: &QueryMatch, later: &QueryMatch) -> bool {
    earlier == later || (earlier.present && earlier.name == later.name)
}
