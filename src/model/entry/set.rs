//! A set of entries, found by kind and name.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::id::ServiceKey;

/// One entry of a kind that the model has.
#[derive(Clone, Debug, PartialEq)]
pub enum ConfigEntry {
    /// service-defaults
    ServiceDefaults(Arc<ServiceDefaults>),
    /// proxy-defaults
    ProxyDefaults(Arc<ProxyDefaults>),
    /// service-router
    ServiceRouter(Arc<ServiceRouter>),
    /// service-splitter
    ServiceSplitter(Arc<ServiceSplitter>),
    /// service-resolver
    ServiceResolver(Arc<ServiceResolver>),
    /// ingress-gateway
    IngressGateway(Arc<IngressGateway>),
    /// terminating-gateway
    TerminatingGateway(Arc<TerminatingGateway>),
    /// service-intentions
    ServiceIntentions(Arc<ServiceIntentions>),
    /// mesh
    Mesh(Arc<Mesh>),
    /// exported-services
    ExportedServices(Arc<ExportedServices>),
}

impl ConfigEntry {
    /// Name and what else all entries have.
    pub fn common(&self) -> &Common {
        match self {
            Self::ServiceDefaults(e) => &e.common,
            Self::ProxyDefaults(e) => &e.common,
            Self::ServiceRouter(e) => &e.common,
            Self::ServiceSplitter(e) => &e.common,
            Self::ServiceResolver(e) => &e.common,
            Self::IngressGateway(e) => &e.common,
            Self::TerminatingGateway(e) => &e.common,
            Self::ServiceIntentions(e) => &e.common,
            Self::Mesh(e) => &e.common,
            Self::ExportedServices(e) => &e.common,
        }
    }

    /// Its kind.
    pub fn kind(&self) -> EntryKind {
        match self {
            Self::ServiceDefaults(_) => EntryKind::ServiceDefaults,
            Self::ProxyDefaults(_) => EntryKind::ProxyDefaults,
            Self::ServiceRouter(_) => EntryKind::ServiceRouter,
            Self::ServiceSplitter(_) => EntryKind::ServiceSplitter,
            Self::ServiceResolver(_) => EntryKind::ServiceResolver,
            Self::IngressGateway(_) => EntryKind::IngressGateway,
            Self::TerminatingGateway(_) => EntryKind::TerminatingGateway,
            Self::ServiceIntentions(_) => EntryKind::ServiceIntentions,
            Self::Mesh(_) => EntryKind::Mesh,
            Self::ExportedServices(_) => EntryKind::ExportedServices,
        }
    }

    /// `kind/name`.
    pub fn entry_ref(&self) -> EntryRef {
        EntryRef::new(self.kind(), &self.common().name)
    }
}

/// All entries of one cluster, one of a kind and name (names have no case). Cloning shares the entries.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entries {
    /// proxy-defaults, of which there is one.
    pub proxy_defaults: Option<Arc<ProxyDefaults>>,
    /// service-defaults
    pub service_defaults: BTreeMap<ServiceKey, Arc<ServiceDefaults>>,
    /// service-router
    pub routers: BTreeMap<ServiceKey, Arc<ServiceRouter>>,
    /// service-splitter
    pub splitters: BTreeMap<ServiceKey, Arc<ServiceSplitter>>,
    /// service-resolver
    pub resolvers: BTreeMap<ServiceKey, Arc<ServiceResolver>>,
    /// ingress-gateway
    pub ingress_gateways: BTreeMap<ServiceKey, Arc<IngressGateway>>,
    /// terminating-gateway
    pub terminating_gateways: BTreeMap<ServiceKey, Arc<TerminatingGateway>>,
    /// service-intentions, by destination; `*` is one.
    pub intentions: BTreeMap<ServiceKey, Arc<ServiceIntentions>>,
    /// mesh, of which there is one.
    pub mesh: Option<Arc<Mesh>>,
    /// exported-services, of which there is one.
    pub exported_services: Option<Arc<ExportedServices>>,
    /// jwt-provider: the names as spelled, of which nothing else is acted on.
    pub jwt_providers: BTreeMap<ServiceKey, String>,
}

impl Entries {
    /// Puts an entry in; a later write of the same kind and name replaces the earlier.
    pub fn insert(&mut self, entry: ConfigEntry) {
        let key = ServiceKey::of(&entry.common().name);
        match entry {
            ConfigEntry::ProxyDefaults(e) => self.proxy_defaults = Some(e),
            ConfigEntry::ServiceDefaults(e) => drop(self.service_defaults.insert(key, e)),
            ConfigEntry::ServiceRouter(e) => drop(self.routers.insert(key, e)),
            ConfigEntry::ServiceSplitter(e) => drop(self.splitters.insert(key, e)),
            ConfigEntry::ServiceResolver(e) => drop(self.resolvers.insert(key, e)),
            ConfigEntry::IngressGateway(e) => drop(self.ingress_gateways.insert(key, e)),
            ConfigEntry::TerminatingGateway(e) => drop(self.terminating_gateways.insert(key, e)),
            ConfigEntry::ServiceIntentions(e) => drop(self.intentions.insert(key, e)),
            ConfigEntry::Mesh(e) => self.mesh = Some(e),
            ConfigEntry::ExportedServices(e) => self.exported_services = Some(e),
        }
    }

    /// The jwt-provider of that name, as it is spelled.
    pub fn jwt_provider(&self, name: &str) -> Option<&str> {
        self.jwt_providers.get(&*ServiceKey::text(name)).map(String::as_str)
    }

    /// How many there are of the kinds that the model has.
    pub fn len(&self) -> usize {
        let Self { service_defaults, routers, splitters, resolvers, ingress_gateways, terminating_gateways, intentions, .. } = self;
        let of_chains = service_defaults.len() + routers.len() + splitters.len() + resolvers.len();
        let by_name = of_chains + ingress_gateways.len() + terminating_gateways.len() + intentions.len();
        let single = [self.proxy_defaults.is_some(), self.mesh.is_some(), self.exported_services.is_some()];
        single.into_iter().filter(|there| *there).count() + by_name
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every entry of the kinds that the model has.
    pub fn all(&self) -> impl Iterator<Item = ConfigEntry> {
        let Self { service_defaults, routers, splitters, resolvers, ingress_gateways, terminating_gateways, intentions, .. } = self;
        let of_chains = service_defaults.values().cloned().map(ConfigEntry::ServiceDefaults);
        let of_chains = of_chains.chain(routers.values().cloned().map(ConfigEntry::ServiceRouter));
        let of_chains = of_chains.chain(splitters.values().cloned().map(ConfigEntry::ServiceSplitter));
        let of_chains = of_chains.chain(resolvers.values().cloned().map(ConfigEntry::ServiceResolver));
        let gateways = ingress_gateways.values().cloned().map(ConfigEntry::IngressGateway);
        let gateways = gateways.chain(terminating_gateways.values().cloned().map(ConfigEntry::TerminatingGateway));
        let single = self.proxy_defaults.iter().cloned().map(ConfigEntry::ProxyDefaults);
        let single = single.chain(self.mesh.iter().cloned().map(ConfigEntry::Mesh));
        let single = single.chain(self.exported_services.iter().cloned().map(ConfigEntry::ExportedServices));
        single.chain(of_chains).chain(gateways).chain(intentions.values().cloned().map(ConfigEntry::ServiceIntentions))
    }

    /// Takes an entry out; nothing happens where there is none, as in Consul.
    pub fn remove(&mut self, kind: EntryKind, name: &str) {
        let key = ServiceKey::of(name);
        match kind {
            EntryKind::ProxyDefaults => self.proxy_defaults = None,
            EntryKind::ServiceDefaults => drop(self.service_defaults.remove(&key)),
            EntryKind::ServiceRouter => drop(self.routers.remove(&key)),
            EntryKind::ServiceSplitter => drop(self.splitters.remove(&key)),
            EntryKind::ServiceResolver => drop(self.resolvers.remove(&key)),
            EntryKind::IngressGateway => drop(self.ingress_gateways.remove(&key)),
            EntryKind::TerminatingGateway => drop(self.terminating_gateways.remove(&key)),
            EntryKind::ServiceIntentions => drop(self.intentions.remove(&key)),
            EntryKind::Mesh => self.mesh = None,
            EntryKind::ExportedServices => self.exported_services = None,
            EntryKind::JwtProvider => drop(self.jwt_providers.remove(&key)),
            _ => {}
        }
    }
}

impl FromIterator<ConfigEntry> for Entries {
    fn from_iter<T: IntoIterator<Item = ConfigEntry>>(entries: T) -> Self {
        let mut set = Self::default();
        for entry in entries {
            set.insert(entry);
        }
        set
    }
}
