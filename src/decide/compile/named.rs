//! A service of the own datacenter behind its server names: its own, and one for each subset. Who connects has chosen by the name:
//! of the service's resolver neither redirect nor failover apply, and neither do router and splitter (wire 8, semantics 9).

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::service::policy;
use crate::decide::authz::Judge;
use crate::decide::matcher::Matcher;
use crate::decide::plan::Timeouts;
use crate::decide::routes::{RouteRule, RouteTable};
use crate::decide::snapshot::{CompiledService, Host, Next, Route, Target, Upstream};
use crate::id::{ServiceKey, TargetId, service_sni};
use crate::model::chain::ChainTarget;
use crate::model::entry::{EntryKind, EntryRef, RuleRef, ServiceResolver, Subset};
use crate::model::gateway::Protocol;
use crate::model::resources::{Rejected, Resources};

/// Within which a connection must stand where no resolver says it.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A service, as the catalog spells it, with its resolver.
#[derive(Clone, Copy)]
pub(super) struct Named<'a> {
    resources: &'a Resources,
    pub(super) name: &'a str,
    pub(super) resolver: Option<&'a Arc<ServiceResolver>>,
}

impl<'a> Named<'a> {
    pub(super) fn of(resources: &'a Resources, name: &'a str) -> Self {
        Self { resources, name, resolver: resources.entries.resolvers.get(&*ServiceKey::text(name)) }
    }

    /// The plain service, which is the empty one, then its subsets.
    pub(super) fn subsets(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let subsets = self.resolver.into_iter().flat_map(|resolver| resolver.subsets.keys().map(String::as_str));
        std::iter::once("").chain(subsets)
    }

    /// The server name of a subset, which is compared without case.
    pub(super) fn sni(&self, subset: &str) -> String {
        service_sni(&self.id(subset), &self.resources.trust_domain).to_ascii_lowercase()
    }

    fn id(&self, subset: &str) -> TargetId {
        TargetId { subset: subset.into(), ..TargetId::service(self.name, self.resources.datacenter.as_str()) }
    }

    /// What the name of a subset leads to. Behind the plain name stands the default subset, if there is one.
    pub(super) fn target(&self, subset: &str) -> ChainTarget {
        let default = self.resolver.map_or("", |r| r.default_subset.as_str());
        let subset = if subset.is_empty() { default } else { subset };
        let definition = self.resolver.and_then(|r| r.subsets.get(subset)).cloned();
        let id = self.id(if definition.is_some() { subset } else { "" });
        let sni = service_sni(&id, &self.resources.trust_domain);
        ChainTarget {
            id,
            mesh_gateway: String::new(),
            subset: definition.unwrap_or_else(Subset::default),
            connect_timeout: self.resolver.map(|r| r.connect_timeout).unwrap_or_default(),
            external: false,
            name: sni.clone(),
            sni,
            dialed_directly: false,
        }
    }

    /// The target as the resolver has it reached.
    pub(super) fn upstream(&self, target: Arc<Target>, rejected: &mut Vec<Rejected>) -> Upstream {
        let rule = self.resolver.map(|r| EntryRef::new(EntryKind::ServiceResolver, &r.common.name).whole());
        Upstream {
            targets: vec![target],
            connect_timeout: self.resolver.and_then(|r| r.connect_timeout.positive()).unwrap_or(CONNECT_TIMEOUT),
            policy: policy(self.resolver.and_then(|r| r.load_balancer.as_ref()), rule.as_ref(), rejected),
            rules: rule.into_iter().collect(),
            failover_rule: None,
        }
    }
}

/// What stands behind server names: all that comes by them goes one way.
pub(super) fn one_way(
    host: Arc<Host>,
    rule: RuleRef,
    upstream: Upstream,
    timeouts: Timeouts,
    protocol: Protocol,
    judge: Option<Arc<Judge>>,
) -> CompiledService {
    let route = Route { host: host.clone(), rule, request_edits: None, response_edits: None, timeouts, retry: None, told: OnceLock::new() };
    let only = RouteRule {
        matcher: Matcher::compile(None, &mut Vec::new()),
        route: Arc::new(route),
        rewrite: None,
        next: Next::Upstream(Arc::new(upstream)),
    };
    CompiledService { host, routes: RouteTable::new(vec![only]), protocol, judge }
}
