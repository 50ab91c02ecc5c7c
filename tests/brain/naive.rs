//! The semantics word by word: no index, no compilation, nothing shared with the crate but its data types.

use std::collections::BTreeMap;

use gw::model::entry::*;
use gw::model::service::{Health, Instance};

use crate::generate::{Request, World};

/// Every outcome that the dice can lead to, with its share in hundredths of a percent.
pub(crate) fn evaluate(world: &World, request: &Request) -> BTreeMap<String, f64> {
    let mut out = BTreeMap::new();
    let listener = &world.entries.ingress_gateways.values().next().expect("a gateway").listeners[0];
    let Some((service, rule)) = service_of(world, listener, &request.authority) else {
        out.insert("no_host".to_owned(), 10000.0);
        return out;
    };
    let router = world.entries.routers.values().find(|r| r.common.name == service);
    let mut taken = (rule, service.clone(), None);
    if let Some(router) = router {
        let found = router.routes.iter().enumerate().find(|(_, route)| matches(route, request));
        taken = match found {
            Some((n, route)) => {
                let destination = route.destination.clone().unwrap_or_default();
                let to = if destination.service.is_empty() { service.clone() } else { destination.service.clone() };
                (format!("service-router/{service} Routes[{n}]"), to, rewritten(route, &destination, request))
            }
            None => (format!("service-router/{service}"), service.clone(), None),
        };
    }
    let (rule, to, path) = taken;
    let path = path.unwrap_or_else(|| request.target.clone());
    let mut legs = Vec::new();
    split(world, &to, 100.0, &mut legs);
    for (target, share) in legs {
        let outcome = match resolve(world, &target) {
            Some((id, instances)) => format!("{rule} -> {id} [{}] {path}", instances.join(" ")),
            None => "no_healthy_endpoint".to_owned(),
        };
        *out.entry(outcome).or_insert(0.0) += share * 100.0;
    }
    out
}

/// Envoy's order: exact, longest suffix wildcard, longest prefix wildcard, star; a port only counts where a domain names one.
fn service_of(world: &World, listener: &IngressListener, authority: &str) -> Option<(String, String)> {
    let host = authority.to_lowercase();
    let bare = match host.rfind(':') {
        Some(at) if host[at + 1..].chars().all(|c| c.is_ascii_digit()) && at + 1 < host.len() => host[..at].to_owned(),
        _ => host.clone(),
    };
    let mut best: Option<((u32, usize, bool), String, String)> = None;
    for (n, line) in listener.services.iter().enumerate() {
        let names: Vec<String> = if line.name == "*" {
            let explicit: Vec<&str> = listener.services.iter().map(|s| s.name.as_str()).collect();
            let all = world.services.iter().filter(|(name, i)| !i.is_empty() && !explicit.contains(&name.as_str()));
            all.map(|(name, _)| name.clone()).filter(|name| compiles(world, name)).collect()
        } else {
            vec![line.name.clone()]
        };
        for name in names.iter().filter(|name| compiles(world, name)) {
            let domains = if line.hosts.is_empty() { vec![format!("{name}.ingress.*")] } else { line.hosts.clone() };
            for domain in domains {
                for (text, whole) in [(&host, true), (&bare, false)] {
                    let rank = rank(&domain, text);
                    let Some((class, length)) = rank else { continue };
                    // A prefix wildcard or a star is asked of the whole Host alone.
                    if !whole && class < 3 {
                        continue;
                    }
                    let score = (class, length, whole);
                    // The whole Host counts before the bare one within a class.
                    let key = |s: &(u32, usize, bool)| (s.0, s.2, s.1);
                    if best.as_ref().is_none_or(|(b, ..)| key(&score) > key(b)) {
                        best = Some((score, name.clone(), format!("ingress-gateway/edge Listeners[0].Services[{n}]")));
                    }
                }
            }
        }
    }
    best.map(|(_, name, rule)| (name, rule))
}

fn rank(domain: &str, host: &str) -> Option<(u32, usize)> {
    if domain == "*" {
        return Some((1, 0));
    }
    if let Some(suffix) = domain.strip_prefix('*') {
        return (host.len() > suffix.len() && host.ends_with(suffix)).then_some((3, suffix.len()));
    }
    if let Some(prefix) = domain.strip_suffix('*') {
        return (host.len() > prefix.len() && host.starts_with(prefix)).then_some((2, prefix.len()));
    }
    (domain == host).then_some((4, domain.len()))
}

fn matches(route: &ServiceRoute, request: &Request) -> bool {
    let Some(http) = route.r#match.as_ref().and_then(|m| m.http.as_ref()) else { return true };
    let path = request.target.split('?').next().unwrap_or_default();
    let fold = |s: &str| if http.case_insensitive { s.to_ascii_lowercase() } else { s.to_owned() };
    let path_fits = if !http.path_exact.is_empty() {
        fold(path) == fold(&http.path_exact)
    } else if !http.path_prefix.is_empty() {
        fold(path).starts_with(&fold(&http.path_prefix))
    } else {
        http.path_regex.is_empty() || whole(&http.path_regex, path)
    };
    path_fits
        && (http.methods.is_empty() || http.methods.iter().any(|m| m == request.method.as_str()))
        && http.header.iter().all(|h| header_holds(h, request))
        && http.query_param.iter().all(|q| query_holds(q, request))
}

fn whole(regex: &str, text: &str) -> bool {
    regex::Regex::new(&format!("^(?:{regex})$")).expect("a regex").is_match(text)
}

fn header_holds(header: &HeaderMatch, request: &Request) -> bool {
    let name = header.name.to_lowercase();
    let value = if name == ":method" {
        Some(request.method.to_string())
    } else {
        let values: Vec<&str> = request.headers.get_all(&name).iter().map(|v| v.to_str().expect("text")).collect();
        (!values.is_empty()).then(|| values.join(","))
    };
    let Some(value) = value else { return header.present && header.invert };
    let plain = if header.present {
        true
    } else if !header.exact.is_empty() {
        value == header.exact
    } else if !header.prefix.is_empty() {
        value.starts_with(&header.prefix)
    } else if !header.suffix.is_empty() {
        value.ends_with(&header.suffix)
    } else {
        whole(&header.regex, &value)
    };
    plain != header.invert
}

fn query_holds(query: &QueryMatch, request: &Request) -> bool {
    let Some((_, text)) = request.target.split_once('?') else { return false };
    for part in text.split('&') {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        if name == query.name {
            return query.present
                || (!query.exact.is_empty() && query.exact == value)
                || (!query.regex.is_empty() && whole(&query.regex, value));
        }
    }
    false
}

fn rewritten(route: &ServiceRoute, destination: &RouteDestination, request: &Request) -> Option<String> {
    if destination.prefix_rewrite.is_empty() {
        return None;
    }
    let http = route.r#match.as_ref()?.http.as_ref()?;
    let (path, query) = match request.target.find('?') {
        Some(at) => request.target.split_at(at),
        None => (request.target.as_str(), ""),
    };
    let rest = if http.path_exact.is_empty() { &path[http.path_prefix.len()..] } else { "" };
    Some(format!("{}{rest}{query}", destination.prefix_rewrite))
}

fn splitter_of<'a>(world: &'a World, service: &str) -> Option<&'a ServiceSplitter> {
    world.entries.splitters.values().find(|s| s.common.name == service).map(AsRef::as_ref)
}

/// A leg to another service goes on in that service's splitter; a leg to the own service never does.
fn split(world: &World, service: &str, share: f64, legs: &mut Vec<(String, f64)>) {
    let Some(splitter) = splitter_of(world, service) else {
        legs.push((service.to_owned(), share));
        return;
    };
    for leg in &splitter.splits {
        let weight = share * f64::from(leg.weight) / 100.0;
        if weight == 0.0 {
            continue;
        }
        if leg.service.is_empty() || leg.service == service {
            legs.push((service.to_owned(), weight));
        } else {
            split(world, &leg.service, weight, legs);
        }
    }
}

fn resolver_of<'a>(world: &'a World, service: &str) -> Option<&'a ServiceResolver> {
    world.entries.resolvers.values().find(|r| r.common.name == service).map(AsRef::as_ref)
}

/// Follows redirects and default subsets; `None` where they go in a circle.
fn settle(world: &World, service: &str, datacenter: &str) -> Option<(String, String, String)> {
    let (mut service, mut datacenter, mut seen) = (service.to_owned(), datacenter.to_owned(), Vec::new());
    loop {
        if seen.contains(&(service.clone(), datacenter.clone())) {
            return None;
        }
        seen.push((service.clone(), datacenter.clone()));
        let Some(resolver) = resolver_of(world, &service) else { return Some((service, String::new(), datacenter)) };
        if let Some(redirect) = &resolver.redirect {
            let to_datacenter = if redirect.datacenter.is_empty() { datacenter.clone() } else { redirect.datacenter.clone() };
            if (redirect.service.as_str(), &to_datacenter) != (service.as_str(), &datacenter) {
                (service, datacenter) = (redirect.service.clone(), to_datacenter);
                continue;
            }
        }
        return Some((service, resolver.default_subset.clone(), datacenter));
    }
}

fn id(service: &str, subset: &str, datacenter: &str) -> String {
    let dot = if subset.is_empty() { "" } else { "." };
    format!("{subset}{dot}{service}.default.default.{datacenter}")
}

/// The first target with a usable instance: the service's own, then its failover legs in order.
fn resolve(world: &World, service: &str) -> Option<(String, Vec<String>)> {
    let primary = settle(world, service, "dc1")?;
    let mut targets = vec![primary.clone()];
    if let Some(resolver) = resolver_of(world, &primary.0) {
        let own = resolver.failover.get(&primary.1).filter(|_| !primary.1.is_empty());
        if let Some(section) = own.or_else(|| resolver.failover.get("*")) {
            for leg in &section.targets {
                // A leg to another service drops the subset, a leg to the own service keeps it and so is the target itself.
                if leg.service == primary.0 {
                    continue;
                }
                targets.extend(settle(world, &leg.service, &primary.2));
            }
        }
    }
    targets.into_iter().find_map(|(service, subset, datacenter)| {
        let mut usable: Vec<String> = usable(world, &service, &subset, &datacenter).iter().map(|i| i.id.clone()).collect();
        usable.sort();
        (!usable.is_empty()).then(|| (id(&service, &subset, &datacenter), usable))
    })
}

fn usable<'a>(world: &'a World, service: &str, subset: &str, datacenter: &str) -> Vec<&'a Instance> {
    if datacenter != "dc1" {
        return Vec::new();
    }
    let definition = resolver_of(world, service).and_then(|r| r.subsets.get(subset)).cloned().unwrap_or_default();
    let version = definition.filter.rsplit(' ').next().unwrap_or_default().to_owned();
    let instances = world.services.get(service).into_iter().flatten();
    let fits = |i: &&Instance| {
        let healthy = i.health == Health::Passing || i.health == Health::Warning && !definition.only_passing;
        healthy && i.weight > 0 && (version.is_empty() || i.meta.get("version") == Some(&version))
    };
    instances.filter(fits).collect()
}

/// Whether the service has a chain: no circle of splitters, no circle of redirects anywhere on the way.
fn compiles(world: &World, service: &str) -> bool {
    let mut starts = vec![service.to_owned()];
    if let Some(router) = world.entries.routers.values().find(|r| r.common.name == service) {
        starts.extend(router.routes.iter().filter_map(|r| r.destination.as_ref()).map(|d| d.service.clone()).filter(|s| !s.is_empty()));
    }
    starts.iter().all(|start| splits_end(world, start, &mut Vec::new()))
}

fn splits_end(world: &World, service: &str, path: &mut Vec<String>) -> bool {
    if path.iter().any(|p| p == service) {
        return false;
    }
    let Some(splitter) = splitter_of(world, service) else { return resolves(world, service) };
    path.push(service.to_owned());
    let fine = splitter.splits.iter().all(|leg| {
        if leg.service.is_empty() || leg.service == service { resolves(world, service) } else { splits_end(world, &leg.service, path) }
    });
    path.pop();
    fine
}

/// No circle in the redirects of the service, nor in those of its failover legs.
fn resolves(world: &World, service: &str) -> bool {
    let Some((target, subset, datacenter)) = settle(world, service, "dc1") else { return false };
    let Some(resolver) = resolver_of(world, &target) else { return true };
    let own = resolver.failover.get(&subset).filter(|_| !subset.is_empty());
    let legs = own.or_else(|| resolver.failover.get("*")).map(|s| s.targets.clone()).unwrap_or_default();
    legs.iter().filter(|leg| leg.service != target).all(|leg| settle(world, &leg.service, &datacenter).is_some())
}
