//! The routes of one service: written order, first match wins, found by index.

use std::sync::Arc;

use super::facts::RequestHead;
use super::matcher::{Case, Matcher, PathMatcher};
use super::prefix_index::PrefixIndex;
use super::snapshot::{Next, Route};
use super::witness::{Step, Witness};

/// A route and its conditions.
#[derive(Clone, Debug)]
pub struct RouteRule {
    /// The conditions.
    pub matcher: Matcher,
    /// What is done.
    pub route: Arc<Route>,
    /// `PrefixRewrite`; `None` is none.
    pub rewrite: Option<String>,
    /// Where it goes.
    pub next: Next,
}

/// A service with no more routes is asked one after the other: cheaper than any index, for the request and for memory.
const FEW: usize = 8;

/// All routes of a service in written order, with an index over their paths where there are many.
#[derive(Clone, Debug, Default)]
pub struct RouteTable {
    rules: Vec<RouteRule>,
    index: Option<Box<PathIndex>>,
}

/// Which routes a path may mean.
#[derive(Clone, Debug, Default)]
struct PathIndex {
    exact: PrefixIndex,
    exact_folded: PrefixIndex,
    prefix: PrefixIndex,
    prefix_folded: PrefixIndex,
    /// Whether anything is in the two folded indexes: the path is folded only then.
    folds: bool,
    /// Routes that the path does not narrow: without path, or by regex.
    others: Vec<u32>,
}

impl PathIndex {
    fn new(rules: &[RouteRule]) -> Self {
        let mut index = Self::default();
        for (number, rule) in rules.iter().enumerate() {
            let number = number as u32;
            match &rule.matcher.path {
                PathMatcher::Exact(text, Case::Sensitive) => index.exact.insert(text, number),
                PathMatcher::Exact(text, Case::Insensitive) => index.exact_folded.insert(text, number),
                PathMatcher::Prefix(text, Case::Sensitive) => index.prefix.insert(text, number),
                PathMatcher::Prefix(text, Case::Insensitive) => index.prefix_folded.insert(text, number),
                PathMatcher::Any | PathMatcher::Regex(_) => index.others.push(number),
                PathMatcher::Never => {}
            }
            index.folds |=
                matches!(rule.matcher.path, PathMatcher::Exact(_, Case::Insensitive) | PathMatcher::Prefix(_, Case::Insensitive));
        }
        index
    }

    /// The number of the first route in written order that matches.
    fn find(&self, rules: &[RouteRule], request: &RequestHead<'_>) -> Option<usize> {
        let path = request.path();
        let mut best = rules.len();
        let mut narrow = |numbers: &[u32]| {
            // Numbers rise, so that the first that matches is the list's best, and nothing behind the best so far counts.
            let earlier = numbers.iter().map(|n| *n as usize).take_while(|n| *n < best);
            let found = earlier.into_iter().find(|n| rules[*n].matcher.matches(request));
            if let Some(n) = found {
                best = n;
            }
        };
        narrow(self.exact.exactly(path));
        self.prefix.beginning_of(path).for_each(&mut narrow);
        if self.folds {
            let folded = Case::Insensitive.fold(path);
            narrow(self.exact_folded.exactly(&folded));
            self.prefix_folded.beginning_of(&folded).for_each(&mut narrow);
        }
        narrow(&self.others);
        (best < rules.len()).then_some(best)
    }
}

impl RouteTable {
    /// Indexes the routes, where they are many.
    pub fn new(mut rules: Vec<RouteRule>) -> Self {
        rules.shrink_to_fit();
        let index = (rules.len() > FEW).then(|| Box::new(PathIndex::new(&rules)));
        Self { rules, index }
    }

    /// The routes in written order.
    pub fn rules(&self) -> &[RouteRule] {
        &self.rules
    }

    /// The first route in written order that matches.
    pub fn find(&self, request: &RequestHead<'_>, witness: &mut impl Witness) -> Option<&RouteRule> {
        let found = match &self.index {
            Some(index) => index.find(&self.rules, request),
            None => self.rules.iter().position(|rule| rule.matcher.matches(request)),
        };
        let best = found.unwrap_or(self.rules.len());
        for rule in &self.rules[..best] {
            witness.saw(|| Step::missed(&rule.route.rule, rule.matcher.miss(request), request));
        }
        self.rules.get(best)
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Method};
    use proptest::prelude::*;

    use super::*;
    use crate::decide::plan::Timeouts;
    use crate::decide::snapshot::{Host, Policy, Upstream};
    use crate::model::entry::{EntryKind, EntryRef, HttpMatch};

    fn rule(http: &HttpMatch) -> RouteRule {
        let rule = EntryRef::new(EntryKind::ServiceRouter, "web").at("");
        let host =
            Arc::new(Host { service: "web".into(), rule: rule.clone(), domains: Vec::new(), request_edits: None, response_edits: None });
        let route = Route {
            host,
            rule,
            request_edits: None,
            response_edits: None,
            timeouts: Timeouts::default(),
            retry: None,
            told: std::sync::OnceLock::new(),
        };
        let upstream = Upstream {
            targets: Vec::new(),
            connect_timeout: std::time::Duration::ZERO,
            policy: Policy::Random,
            rules: Arc::default(),
            failover_rule: None,
        };
        let matcher = Matcher::compile(Some(http), &mut Vec::new());
        RouteRule { matcher, route: Arc::new(route), rewrite: None, next: Next::Upstream(Arc::new(upstream)) }
    }

    fn conditions() -> impl Strategy<Value = HttpMatch> {
        (0..4, "/[aAb]{0,2}(/[ab]?)?", any::<bool>(), any::<bool>()).prop_map(|(kind, path, case_insensitive, get)| {
            let mut http = HttpMatch { case_insensitive, ..HttpMatch::default() };
            match kind {
                0 => http.path_exact = path,
                1 => http.path_prefix = path,
                2 => http.path_regex = format!("{path}.*"),
                _ => {}
            }
            http.methods.extend(get.then(|| "GET".to_owned()));
            http
        })
    }

    proptest! {
        #[test]
        fn the_index_finds_the_route_that_is_found_one_by_one(
            conditions in proptest::collection::vec(conditions(), 0..12),
            target in "/[aAb]{0,3}(/[ab]?)?",
            get in any::<bool>(),
        ) {
            let rules: Vec<RouteRule> = conditions.iter().map(rule).collect();
            let (method, headers) = (if get { Method::GET } else { Method::PUT }, HeaderMap::new());
            let request = RequestHead { method: &method, authority: "a", target: &target, scheme: "http", headers: &headers };
            let one_by_one = rules.iter().position(|rule| rule.matcher.matches(&request));
            prop_assert_eq!(PathIndex::new(&rules).find(&rules, &request), one_by_one);
        }
    }
}
