//! Which services' entries Consul reads for a chain: those that are linked, in the spelling of the link.
//!
//! A failover target at a peer is no link. So the local resolver and service-defaults of its name count if something else in the
//! chain names that service, and do not if nothing does. All other references are links.

use std::collections::HashSet;

use super::View;
use crate::decide::links;

/// The services that are linked from one, over its router, splitters and resolvers, itself included.
pub(super) fn services_read<'a>(view: View<'a>, service: &'a str) -> HashSet<&'a str> {
    let mut split = HashSet::new();
    let mut todo = vec![service];
    if let Some(router) = view.router(service) {
        todo.push(&router.common.name);
        todo.extend(links::of_router(router).map(|l| l.service));
    }
    while let Some(name) = todo.pop() {
        if split.insert(name)
            && let Some(splitter) = view.splitter(name)
        {
            todo.extend(links::of_splitter(splitter).map(|l| l.service));
        }
    }
    let mut read = HashSet::new();
    let mut todo: Vec<&str> = split.into_iter().collect();
    while let Some(name) = todo.pop() {
        if read.insert(name)
            && let Some(resolver) = view.resolver(name)
        {
            todo.extend(links::of_resolver(resolver).into_iter().map(|l| l.service));
        }
    }
    read
}
