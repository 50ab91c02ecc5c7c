//! A chain as a tree of lines, each with its rule and where that is written.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::chain::{ChainNode, ChainResolver, DiscoveryChain};
use crate::model::entry::{HeaderMatch, HttpMatch, QueryMatch, RuleRef, ServiceRoute};

/// The rules that each node came from.
pub(super) fn rules(chain: &DiscoveryChain) -> BTreeMap<String, Vec<String>> {
    let printed = |rules: &[RuleRef]| rules.iter().map(ToString::to_string).collect::<Vec<_>>();
    let of = |node: &ChainNode| match node {
        ChainNode::Router { routes, .. } => routes.iter().map(|route| route.rule.to_string()).collect(),
        ChainNode::Splitter { splits, .. } => splits.iter().flat_map(|split| printed(&split.rules)).collect(),
        ChainNode::Resolver(resolver) => printed(&resolver.rules),
    };
    chain.nodes.iter().map(|(key, node)| (key.clone(), of(node))).collect()
}

/// The lines of the tree.
pub(super) fn tree(chain: &DiscoveryChain, places: &BTreeMap<String, String>) -> Vec<String> {
    let what = if chain.default { ", shaped by no entry" } else { "" };
    let first = format!("{} in {}, {}{what}", chain.service_name, chain.datacenter, chain.protocol);
    let mut tree = Tree { chain, places, lines: vec![first], printed: BTreeSet::new() };
    tree.node(&chain.start_node, 1);
    tree.lines
}

struct Tree<'a> {
    chain: &'a DiscoveryChain,
    places: &'a BTreeMap<String, String>,
    lines: Vec<String>,
    /// Nodes that were printed: one that several lead to is printed once.
    printed: BTreeSet<String>,
}

impl Tree<'_> {
    fn line(&mut self, depth: usize, text: &str) {
        self.lines.push(format!("{}{text}", "  ".repeat(depth)));
    }

    /// `   [service-router/web Routes[0]] gw.d/web.hcl:4`; of several rules in the order they were applied, and the place of the first.
    fn by(&self, rules: &[RuleRef]) -> String {
        let printed: Vec<String> = rules.iter().map(ToString::to_string).collect();
        let place = printed.first().and_then(|first| self.places.get(first)).map(|place| format!(" {place}"));
        if printed.is_empty() { String::new() } else { format!("   [{}]{}", printed.join(" > "), place.unwrap_or_default()) }
    }

    fn node(&mut self, key: &str, depth: usize) {
        if !self.printed.insert(key.to_owned()) {
            return self.line(depth, &format!("{key}, as above"));
        }
        let chain = self.chain;
        match chain.nodes.get(key) {
            Some(ChainNode::Router { name, routes }) => {
                self.line(depth, &format!("router {name}"));
                for to in routes {
                    let by = self.by(std::slice::from_ref(&to.rule));
                    self.line(depth + 1, &format!("{}{by}", route(&to.definition)));
                    self.node(&to.next_node, depth + 2);
                }
            }
            Some(ChainNode::Splitter { name, splits, .. }) => {
                self.line(depth, &format!("splitter {name}"));
                for split in splits {
                    let by = self.by(&split.rules);
                    self.line(depth + 1, &format!("{} %{by}", split.weight));
                    self.node(&split.next_node, depth + 2);
                }
            }
            Some(ChainNode::Resolver(resolver)) => self.resolver(resolver, depth),
            None => self.line(depth, &format!("{key}, which is not there")),
        }
    }

    fn resolver(&mut self, resolver: &ChainResolver, depth: usize) {
        let by = self.by(&resolver.rules);
        self.line(depth, &format!("resolver {}{by}", resolver.name));
        let failover = resolver.failover.iter().flat_map(|f| f.targets.iter().map(|t| ("then", t)));
        for (word, id) in resolver.target.iter().map(|t| ("target", t)).chain(failover) {
            let details = self.chain.targets.get(id).map(|target| {
                let filter = if target.subset.filter.is_empty() { String::new() } else { format!(", where {}", target.subset.filter) };
                let passing = if target.subset.only_passing { ", only passing" } else { "" };
                // What is in the own datacenter is reached directly, whatever the mode.
                let elsewhere = *target.id.datacenter != *self.chain.datacenter && !target.mesh_gateway.is_empty();
                let gateway = if elsewhere { format!(", by mesh gateway: {}", target.mesh_gateway) } else { String::new() };
                format!("{filter}{passing}{gateway}")
            });
            self.line(depth + 1, &format!("{word} {id}{}", details.unwrap_or_default()));
        }
    }
}

/// What a route asks of a request, in Consul's field names; `any request` where it asks nothing.
fn route(route: &ServiceRoute) -> String {
    let http = route.r#match.as_ref().and_then(|m| m.http.as_ref());
    let conditions = http.map(conditions).unwrap_or_default();
    if conditions.is_empty() { "any request".to_owned() } else { conditions.join(", ") }
}

fn conditions(http: &HttpMatch) -> Vec<String> {
    let paths = [("PathExact", &http.path_exact), ("PathPrefix", &http.path_prefix), ("PathRegex", &http.path_regex)];
    let given = paths.into_iter().filter(|(_, value)| !value.is_empty());
    let any_case = if http.case_insensitive { " in any case" } else { "" };
    let mut out: Vec<String> = given.map(|(name, value)| format!("{name} {value:?}{any_case}")).collect();
    out.extend(http.header.iter().map(header));
    out.extend(http.query_param.iter().map(query));
    if !http.methods.is_empty() {
        out.push(format!("Methods {}", http.methods.join("|")));
    }
    out
}

fn header(header: &HeaderMatch) -> String {
    let kinds = [("Exact", &header.exact), ("Prefix", &header.prefix), ("Suffix", &header.suffix), ("Regex", &header.regex)];
    let kind = kinds.into_iter().find(|(_, value)| !value.is_empty());
    let kind = kind.map_or_else(|| "Present".to_owned(), |(name, value)| format!("{name} {value:?}"));
    let not = if header.invert { "not " } else { "" };
    format!("Header {} {not}{kind}", header.name)
}

fn query(query: &QueryMatch) -> String {
    let kinds = [("Exact", &query.exact), ("Regex", &query.regex)];
    let kind = kinds.into_iter().find(|(_, value)| !value.is_empty());
    let kind = kind.map_or_else(|| "Present".to_owned(), |(name, value)| format!("{name} {value:?}"));
    format!("QueryParam {} {kind}", query.name)
}
