//! References that spell a service in another case than its entries do: entries are found all the same, Consul's checks are not
//! (semantics 4.9), and ids and server names keep the spelling of the reference.

use super::{Finding, Level, codes};
use crate::decide::links::{self, Link};
use crate::id::ServiceKey;
use crate::model::entry::{Entries, EntryKind, EntryRef, IngressGateway, ServiceIntentions, TerminatingGateway};

/// Every reference of the entries that shape a service which is spelled otherwise than an entry of the service it names: of the
/// router, of the splitter, of the resolver.
pub(super) fn of_service(entries: &Entries, key: &ServiceKey) -> [Vec<Finding>; 3] {
    let look = |link: Link<'_>| other_case(entries, &link);
    [
        entries.routers.get(key).into_iter().flat_map(|e| links::of_router(e)).filter_map(look).collect(),
        entries.splitters.get(key).into_iter().flat_map(|e| links::of_splitter(e)).filter_map(look).collect(),
        entries.resolvers.get(key).into_iter().flat_map(|e| links::of_resolver(e)).filter_map(look).collect(),
    ]
}

/// The same of an ingress gateway's lines.
pub(super) fn of_ingress(entries: &Entries, gateway: &IngressGateway) -> Vec<Finding> {
    links::of_ingress(gateway).filter_map(|link| other_case(entries, &link)).collect()
}

/// The same of the services that a terminating gateway links.
pub(super) fn of_terminating(entries: &Entries, gateway: &TerminatingGateway) -> Vec<Finding> {
    links::of_terminating(gateway).filter_map(|link| other_case(entries, &link)).collect()
}

/// The same of the destination and the sources of intentions.
pub(super) fn of_intentions(entries: &Entries, intentions: &ServiceIntentions) -> Vec<Finding> {
    links::of_intentions(intentions).filter_map(|link| other_case(entries, &link)).collect()
}

fn other_case(entries: &Entries, link: &Link<'_>) -> Option<Finding> {
    let (kind, name) = spelled(entries, &ServiceKey::text(link.service))?;
    (name != link.service).then(|| {
        let message = format!("service {:?} is spelled {name:?} by its own entry", link.service);
        Finding::new(codes::SPELLING, Level::Warning, link.rule(), message)
            .help("spell it as its entry does: Consul misses clashes of protocol and circles over references in another case")
            .related([EntryRef::new(kind, name).at("")])
    })
}

/// The entry whose spelling counts: the router's, else the splitter's, the resolver's, that of the defaults.
fn spelled<'a>(entries: &'a Entries, key: &str) -> Option<(EntryKind, &'a str)> {
    let Entries { routers, splitters, resolvers, service_defaults, .. } = entries;
    let router = routers.get(key).map(|e| (EntryKind::ServiceRouter, e.common.name.as_str()));
    let splitter = || splitters.get(key).map(|e| (EntryKind::ServiceSplitter, e.common.name.as_str()));
    let resolver = || resolvers.get(key).map(|e| (EntryKind::ServiceResolver, e.common.name.as_str()));
    let defaults = || service_defaults.get(key).map(|e| (EntryKind::ServiceDefaults, e.common.name.as_str()));
    router.or_else(splitter).or_else(resolver).or_else(defaults)
}
