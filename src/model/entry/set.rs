//! A set of entries, found by kind and name.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::id::ServiceKey;

/// One entry of a kind that `gw` acts on.
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
    /// `AllowEnablingPermissiveMutualTLS` of the mesh entry, of which nothing else is acted on yet.
    pub permissive_mutual_tls_allowed: bool,
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
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        let Self { proxy_defaults, service_defaults, routers, splitters, resolvers, ingress_gateways, .. } = self;
        let by_name = service_defaults.len() + routers.len() + splitters.len() + resolvers.len() + ingress_gateways.len();
        usize::from(proxy_defaults.is_some()) + by_name
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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
