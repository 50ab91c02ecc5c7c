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

/// All routes of a service in written order, with an index over their paths.
#[derive(Clone, Debug, Default)]
pub struct RouteTable {
    rules: Vec<RouteRule>,
    exact: PrefixIndex,
    exact_folded: PrefixIndex,
    prefix: PrefixIndex,
    prefix_folded: PrefixIndex,
    /// Whether anything is in the two folded indexes: the path is folded only then.
    folds: bool,
    /// Routes that the path does not narrow: without path, or by regex.
    others: Vec<u32>,
}

impl RouteTable {
    /// Indexes the routes.
    pub fn new(rules: Vec<RouteRule>) -> Self {
        let mut table = Self::default();
        for (number, rule) in rules.iter().enumerate() {
            let number = number as u32;
            match &rule.matcher.path {
                PathMatcher::Exact(text, Case::Sensitive) => table.exact.insert(text, number),
                PathMatcher::Exact(text, Case::Insensitive) => table.exact_folded.insert(text, number),
                PathMatcher::Prefix(text, Case::Sensitive) => table.prefix.insert(text, number),
                PathMatcher::Prefix(text, Case::Insensitive) => table.prefix_folded.insert(text, number),
                PathMatcher::Any | PathMatcher::Regex(_) => table.others.push(number),
                PathMatcher::Never => {}
            }
            table.folds |=
                matches!(rule.matcher.path, PathMatcher::Exact(_, Case::Insensitive) | PathMatcher::Prefix(_, Case::Insensitive));
        }
        table.rules = rules;
        table
    }

    /// The routes in written order.
    pub fn rules(&self) -> &[RouteRule] {
        &self.rules
    }

    /// The first route in written order that matches.
    pub fn find(&self, request: &RequestHead<'_>, witness: &mut impl Witness) -> Option<&RouteRule> {
        let path = request.path();
        let mut best = self.rules.len();
        let mut narrow = |numbers: &[u32]| {
            // Numbers rise, so that the first that matches is the list's best, and nothing behind the best so far counts.
            let earlier = numbers.iter().map(|n| *n as usize).take_while(|n| *n < best);
            let found = earlier.into_iter().find(|n| self.rules[*n].matcher.matches(request));
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
        for rule in &self.rules[..best] {
            witness.saw(|| Step::missed(&rule.route.rule, rule.matcher.miss(request)));
        }
        self.rules.get(best)
    }
}
