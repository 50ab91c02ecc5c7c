//! Sets of entries for tests, in few words.

use std::sync::Arc;

use crate::decide::chain::{ChainError, Overrides, Question, compile};
use crate::id::TrustDomain;
use crate::model::chain::{ChainNode, ChainResolver, DiscoveryChain};
use crate::model::entry::*;

/// A set in the making.
#[derive(Clone, Default)]
pub(super) struct Set(pub(super) Entries);

impl Set {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// A set in which everything speaks http.
    pub(super) fn http() -> Self {
        Self::new().global(|d| d.protocol = "http".into())
    }

    pub(super) fn global(self, change: impl FnOnce(&mut ProxyDefaults)) -> Self {
        let mut entry = ProxyDefaults { common: common("global"), ..ProxyDefaults::default() };
        change(&mut entry);
        self.with(ConfigEntry::ProxyDefaults(Arc::new(entry)))
    }

    pub(super) fn defaults(self, name: &str, change: impl FnOnce(&mut ServiceDefaults)) -> Self {
        let mut entry = ServiceDefaults { common: common(name), ..ServiceDefaults::default() };
        change(&mut entry);
        self.with(ConfigEntry::ServiceDefaults(Arc::new(entry)))
    }

    pub(super) fn protocol(self, name: &str, protocol: &str) -> Self {
        self.defaults(name, |d| d.protocol = protocol.into())
    }

    /// A router by its routes: path prefix (empty is no match at all), service, subset.
    pub(super) fn router(self, name: &str, routes: &[(&str, &str, &str)]) -> Self {
        let routes = routes.iter().map(|(prefix, service, subset)| {
            let http = HttpMatch { path_prefix: (*prefix).into(), ..HttpMatch::default() };
            let destination =
                RouteDestination { service: (*service).into(), service_subset: (*subset).into(), ..RouteDestination::default() };
            Arc::new(ServiceRoute {
                r#match: (!prefix.is_empty()).then_some(RouteMatch { http: Some(http) }),
                destination: (!service.is_empty() || !subset.is_empty()).then_some(destination),
            })
        });
        self.with(router(name, routes.collect()))
    }

    /// A splitter by its legs: weight, service, subset.
    pub(super) fn splitter(self, name: &str, legs: &[(f32, &str, &str)]) -> Self {
        let split = |(weight, service, subset): &(f32, &str, &str)| ServiceSplit {
            weight: *weight,
            service: (*service).into(),
            service_subset: (*subset).into(),
            ..ServiceSplit::default()
        };
        self.with(splitter(name, legs.iter().map(split).collect()))
    }

    pub(super) fn resolver(self, name: &str, change: impl FnOnce(&mut ServiceResolver)) -> Self {
        let mut entry = ServiceResolver { common: common(name), ..ServiceResolver::default() };
        change(&mut entry);
        self.with(ConfigEntry::ServiceResolver(Arc::new(entry)))
    }

    /// A resolver that redirects to another service.
    pub(super) fn redirect(self, name: &str, service: &str) -> Self {
        self.resolver(name, |r| r.redirect = Some(Redirect { service: service.into(), ..Redirect::default() }))
    }

    /// An ingress gateway named edge with one listener: port 8080, its protocol, services with their hosts.
    pub(super) fn ingress(self, protocol: &str, services: &[(&str, &[&str])]) -> Self {
        self.with(ingress(protocol, services))
    }

    pub(super) fn intentions(self, name: &str, sources: &[&str]) -> Self {
        self.with(intentions(name, sources))
    }

    pub(super) fn with(mut self, entry: ConfigEntry) -> Self {
        self.0.insert(entry);
        self
    }

    pub(super) fn compile(&self, service: &str) -> Result<DiscoveryChain, ChainError> {
        self.compile_with(service, Overrides::default())
    }

    pub(super) fn compile_with(&self, service: &str, overrides: Overrides) -> Result<DiscoveryChain, ChainError> {
        let trust_domain = &TrustDomain::new("td.consul");
        compile(&self.0, &Question { service, datacenter: "dc1", trust_domain, overrides })
    }
}

pub(super) fn common(name: &str) -> Common {
    Common { name: name.into(), ..Common::default() }
}

pub(super) fn router(name: &str, routes: Vec<Arc<ServiceRoute>>) -> ConfigEntry {
    ConfigEntry::ServiceRouter(Arc::new(ServiceRouter { common: common(name), routes }))
}

pub(super) fn splitter(name: &str, splits: Vec<ServiceSplit>) -> ConfigEntry {
    ConfigEntry::ServiceSplitter(Arc::new(ServiceSplitter { common: common(name), splits }))
}

pub(super) fn ingress(protocol: &str, services: &[(&str, &[&str])]) -> ConfigEntry {
    let service = |(name, hosts): &(&str, &[&str])| IngressService {
        name: (*name).into(),
        hosts: hosts.iter().map(|h| (*h).into()).collect(),
        ..IngressService::default()
    };
    let services = services.iter().map(service).map(Arc::new).collect();
    let listener = IngressListener { port: 8080, protocol: protocol.into(), services, ..IngressListener::default() };
    ConfigEntry::IngressGateway(Arc::new(IngressGateway { common: common("edge"), listeners: vec![listener], ..IngressGateway::default() }))
}

/// Intentions for a service, each `source: allow`, `source%peer: deny` or `source: allow /prefix, deny GET, allow x-header`.
pub(super) fn intentions(name: &str, sources: &[&str]) -> ConfigEntry {
    let mut entry = ServiceIntentions { common: common(name), ..ServiceIntentions::default() };
    let action = |word: &str| IntentionAction::WORDS.iter().find(|(w, _)| *w == word).map(|(_, action)| *action);
    for (index, text) in sources.iter().enumerate() {
        let (source, says) = text.split_once(": ").unwrap_or((text, ""));
        let (source, peer) = source.split_once('%').unwrap_or((source, ""));
        let permission = |text: &str| {
            let (word, condition) = text.split_once(' ').unwrap_or((text, ""));
            let mut http = IntentionHttp::default();
            match condition {
                path if path.starts_with('/') => http.path_prefix = path.into(),
                header if header.starts_with("x-") => {
                    let rule = HeaderMatch { name: header.into(), present: true, ..HeaderMatch::default() };
                    http.header.push(IntentionHeader { rule, ..IntentionHeader::default() });
                }
                method => http.methods.push(method.into()),
            }
            IntentionPermission { action: action(word), http: Some(http), jwt: None }
        };
        let whole = action(says);
        let permissions = if whole.is_some() { Vec::new() } else { says.split(", ").map(permission).collect() };
        let (name, peer) = (source.to_owned(), peer.to_owned());
        entry.sources.push(SourceIntention { name, peer, action: whole, permissions, index, ..SourceIntention::default() });
    }
    ConfigEntry::ServiceIntentions(Arc::new(entry))
}

/// A terminating gateway by the services that it links.
pub(super) fn terminating(name: &str, services: &[&str]) -> ConfigEntry {
    let linked = |name: &&str| LinkedService { name: (*name).into(), ..LinkedService::default() };
    ConfigEntry::TerminatingGateway(Arc::new(TerminatingGateway { common: common(name), services: services.iter().map(linked).collect() }))
}

pub(super) fn subsets(resolver: &mut ServiceResolver, names: &[&str]) {
    let filtered = |name: &&str| ((*name).to_owned(), Subset { filter: format!("Service.Meta.version == {name}"), only_passing: false });
    resolver.subsets = names.iter().map(filtered).collect();
}

/// A failover section by its targets, each `service`, `service@datacenter` or `service%peer`.
pub(super) fn targets(list: &[&str]) -> Failover {
    let target = |text: &&str| {
        let (rest, peer) = text.split_once('%').unwrap_or((text, ""));
        let (service, datacenter) = rest.split_once('@').unwrap_or((rest, ""));
        FailoverTarget { service: service.into(), datacenter: datacenter.into(), peer: peer.into(), ..FailoverTarget::default() }
    };
    Failover { targets: list.iter().map(target).collect(), ..Failover::default() }
}

pub(super) fn balancer(policy: &str) -> Option<LoadBalancer> {
    Some(LoadBalancer { policy: policy.into(), ..LoadBalancer::default() })
}

/// A chain in a line: protocol, start, and the nodes from there on. `.default.default` is left out, and `.dc1`.
pub(super) fn sketch(result: &Result<DiscoveryChain, ChainError>) -> String {
    let chain = match result {
        Ok(chain) => chain,
        Err(e) => return format!("error: {e}"),
    };
    let default = if chain.default { "default " } else { "" };
    let nodes: Vec<String> = chain.nodes.iter().map(|(key, node)| format!("{} {}", short(key), sketch_node(node))).collect();
    format!("{default}{} {} | {}", chain.protocol, short(&chain.start_node), nodes.join(" | "))
}

fn sketch_node(node: &ChainNode) -> String {
    match node {
        ChainNode::Router { routes, .. } => {
            let next: Vec<String> = routes.iter().map(|r| short(&r.next_node)).collect();
            format!("-> {}", next.join(", "))
        }
        ChainNode::Splitter { splits, load_balancer, .. } => {
            let next: Vec<String> = splits.iter().map(|s| format!("{} {}", s.weight, short(&s.next_node))).collect();
            let by = load_balancer.as_ref().map(|lb| format!(" by {}", lb.policy)).unwrap_or_default();
            format!("-> {}{by}", next.join(", "))
        }
        ChainNode::Resolver(r) => sketch_resolver(r),
    }
}

fn sketch_resolver(resolver: &ChainResolver) -> String {
    let mut text = resolver.connect_timeout.to_string();
    if let Some(failover) = &resolver.failover {
        let legs: Vec<String> = failover.targets.iter().map(|t| short(&t.to_string())).collect();
        text.push_str(&format!(" else {}", legs.join(", ")));
    }
    if let Some(balancer) = &resolver.load_balancer {
        text.push_str(&format!(" by {}", balancer.policy));
    }
    text
}

fn short(key: &str) -> String {
    let key = key.replace(".default.default", "");
    key.strip_suffix(".dc1").unwrap_or(&key).to_owned()
}
