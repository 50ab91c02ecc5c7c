//! A set of entries as Consul looks at it while a chain is compiled: what is stored, with one proposed change over it.
//!
//! What is stored is found in any case, the proposed change only in its own spelling (semantics 4.9): a reference in another
//! case sees what was there before. That is why Consul misses loops through such references, and gw warns of the spelling.

use std::borrow::Cow;
use std::sync::Arc;

use super::is_http_like;
use crate::id::ServiceKey;
use crate::model::entry::{
    ConfigEntry, Entries, EntryKind, ProxyDefaults, RuleRef, ServiceDefaults, ServiceResolver, ServiceRouter, ServiceSplitter,
};

/// The stored entries and at most one change.
#[derive(Clone, Copy, Debug)]
pub(in crate::decide) struct View<'a> {
    entries: &'a Entries,
    proposed: Option<Proposed<'a>>,
}

/// The change: an entry to be written, or none where one is to be deleted.
#[derive(Clone, Copy, Debug)]
pub(in crate::decide) struct Proposed<'a> {
    pub(in crate::decide) kind: EntryKind,
    pub(in crate::decide) name: &'a str,
    pub(in crate::decide) entry: Option<&'a ConfigEntry>,
}

macro_rules! lookup {
    ($(#[$doc:meta])* $fn:ident, $variant:ident, $type:ty, $map:ident) => {
        $(#[$doc])*
        pub(in crate::decide) fn $fn(self, name: &str) -> Option<&'a Arc<$type>> {
            match self.proposed {
                Some(p) if p.kind == EntryKind::$variant && p.name == name => match p.entry {
                    Some(ConfigEntry::$variant(e)) => Some(e),
                    _ => None,
                },
                _ => self.entries.$map.get(&*ServiceKey::text(name)),
            }
        }
    };
}

impl<'a> View<'a> {
    /// What is stored, as it is.
    pub(in crate::decide) fn of(entries: &'a Entries) -> Self {
        Self { entries, proposed: None }
    }

    /// The same with a change.
    pub(in crate::decide) fn with(entries: &'a Entries, proposed: Proposed<'a>) -> Self {
        Self { entries, proposed: Some(proposed) }
    }

    lookup!(
        /// The router of a service.
        router, ServiceRouter, ServiceRouter, routers
    );
    lookup!(
        /// The splitter of a service.
        splitter, ServiceSplitter, ServiceSplitter, splitters
    );
    lookup!(
        /// The resolver of a service.
        resolver, ServiceResolver, ServiceResolver, resolvers
    );
    lookup!(
        /// The defaults of a service.
        service_defaults, ServiceDefaults, ServiceDefaults, service_defaults
    );

    /// The defaults of all services.
    pub(in crate::decide) fn proxy_defaults(self) -> Option<&'a Arc<ProxyDefaults>> {
        match self.proposed {
            Some(Proposed { kind: EntryKind::ProxyDefaults, entry, .. }) => match entry {
                Some(ConfigEntry::ProxyDefaults(e)) => Some(e),
                _ => None,
            },
            _ => self.entries.proxy_defaults.as_ref(),
        }
    }

    /// The protocol of a service (semantics 4.3): its own service-defaults decide even by saying nothing, then
    /// proxy-defaults, then tcp.
    pub(in crate::decide) fn protocol(self, service: &str) -> Cow<'a, str> {
        let word = match (self.service_defaults(service), self.proxy_defaults()) {
            (Some(defaults), _) => defaults.protocol.as_str(),
            (None, Some(defaults)) => defaults.protocol.as_str(),
            (None, None) => "",
        };
        match word {
            "" => Cow::Borrowed("tcp"),
            _ if is_http_like(word) => Cow::Borrowed(word),
            _ => Cow::Owned(word.to_lowercase()),
        }
    }

    /// The entry that makes a chain need an http-like protocol: the router, else the splitter.
    pub(in crate::decide) fn advanced_rule(self, service: &str) -> Option<RuleRef> {
        let router = self.router(service).map(|r| ConfigEntry::ServiceRouter(r.clone()));
        let splitter = || self.splitter(service).map(|s| ConfigEntry::ServiceSplitter(s.clone()));
        router.or_else(splitter).map(|e| e.entry_ref().at(""))
    }
}
