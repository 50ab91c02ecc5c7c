//! References that spell a service in another case than its entries do: entries are found all the same, Consul's checks are not
//! (semantics 4.9), and ids and server names keep the spelling of the reference.

use std::collections::HashMap;

use super::{Finding, Level, codes};
use crate::decide::links::{self, Link};
use crate::id::ServiceKey;
use crate::model::entry::{ConfigEntry, Entries, EntryRef};

/// Every reference that is spelled otherwise than an entry of that service.
pub(super) fn check(entries: &Entries) -> Vec<Finding> {
    let spellings = spellings(entries);
    let mut findings = Vec::new();
    let mut look = |link: Link<'_>| {
        let Some(entry) = spellings.get(&ServiceKey::of(link.service)) else { return };
        if *entry.name != *link.service {
            let message = format!("service {:?} is spelled {:?} by its own entry", link.service, entry.name);
            findings.push(
                Finding::new(codes::SPELLING, Level::Warning, link.rule(), message)
                    .help("spell it as its entry does: Consul misses clashes of protocol and circles over references in another case")
                    .related([entry.at("")]),
            );
        }
    };
    entries.routers.values().flat_map(|e| links::of_router(e)).for_each(&mut look);
    entries.splitters.values().flat_map(|e| links::of_splitter(e)).for_each(&mut look);
    entries.resolvers.values().flat_map(|e| links::of_resolver(e)).for_each(&mut look);
    entries.ingress_gateways.values().flat_map(|e| links::of_ingress(e)).for_each(&mut look);
    findings
}

/// One entry of each service: the router's spelling, else the splitter's, the resolver's, that of the defaults.
fn spellings(entries: &Entries) -> HashMap<ServiceKey, EntryRef> {
    let mut spellings = HashMap::new();
    let Entries { routers, splitters, resolvers, service_defaults, .. } = entries;
    spellings.extend(service_defaults.iter().map(|(k, e)| (k.clone(), ConfigEntry::ServiceDefaults(e.clone()).entry_ref())));
    spellings.extend(resolvers.iter().map(|(k, e)| (k.clone(), ConfigEntry::ServiceResolver(e.clone()).entry_ref())));
    spellings.extend(splitters.iter().map(|(k, e)| (k.clone(), ConfigEntry::ServiceSplitter(e.clone()).entry_ref())));
    spellings.extend(routers.iter().map(|(k, e)| (k.clone(), ConfigEntry::ServiceRouter(e.clone()).entry_ref())));
    spellings
}
