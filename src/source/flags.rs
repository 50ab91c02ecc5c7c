//! An ingress gateway from the command line alone: `--listen` and `--route`.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;
use std::sync::Arc;

use crate::id::{Datacenter, ServiceName, TrustDomain};
use crate::model::entry::{
    Common, ConfigEntry, Entries, HttpMatch, IngressGateway, IngressListener, IngressService, IntentionAction, ProxyDefaults,
    RouteDestination, RouteMatch, ServiceRoute, ServiceRouter,
};
use crate::model::gateway::{GatewayConfig, GatewayKind, Protocol};
use crate::model::resources::Resources;
use crate::model::service::{Address, Instance, Service};

/// `--listen [IP:]PORT[/http|/http2|/grpc|/tcp]`: a port alone is on 127.0.0.1, never on every address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The address.
    pub ip: IpAddr,
    /// The port; 0 is any free one.
    pub port: u16,
    /// What is spoken there; http if not given.
    pub protocol: Protocol,
}

/// `--route HOST/PREFIX=TARGET`: requests for the host (empty: any) whose path begins with the prefix go to the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteFlag {
    /// `*` for any.
    pub host: String,
    /// Begins with a slash.
    pub prefix: String,
    /// Where it goes.
    pub target: Address,
}

/// Why a flag is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlagError {
    /// `--listen`
    #[error("{0:?} is not [IP:]PORT[/http|/http2|/grpc|/tcp], such as 8080 or 0.0.0.0:8443/http2")]
    Listen(String),
    /// `--route`
    #[error("{0:?} is not HOST/PREFIX=TARGET, such as /=http://127.0.0.1:3000 or shop.test/api=127.0.0.1:3001")]
    Route(String),
    /// `--route .. =https://..`
    #[error("{0:?}: targets are spoken to in clear text, so that https:// is not taken")]
    Https(String),
    /// Two listeners on one port.
    #[error("port {0} is given to --listen twice")]
    TwicePort(u16),
    /// Two routes of one host and prefix.
    #[error("--route {0} is given twice")]
    TwiceRoute(String),
    /// Routes of requests on a listener that reads none.
    #[error("--listen {0}/tcp with --route: a tcp listener has no paths; give it the one route /=TARGET")]
    TcpRoutes(u16),
    /// tcp beside another protocol: the routes would have two protocols.
    #[error("every --listen must speak the same protocol, for the services behind them have one")]
    MixedProtocols,
}

impl FromStr for Listen {
    type Err = FlagError;

    fn from_str(text: &str) -> Result<Self, FlagError> {
        let wrong = || FlagError::Listen(text.to_owned());
        let (place, protocol) = match text.split_once('/') {
            Some((place, word)) => {
                (place, [Protocol::Tcp, Protocol::Http, Protocol::Http2, Protocol::Grpc].into_iter().find(|p| p.as_str() == word))
            }
            None => (text, Some(Protocol::Http)),
        };
        let (ip, port) = match place.rsplit_once(':') {
            Some((ip, port)) => (ip.trim_matches(['[', ']']).parse().map_err(|_| wrong())?, port),
            None => (IpAddr::V4(Ipv4Addr::LOCALHOST), place),
        };
        Ok(Self { ip, port: port.parse().map_err(|_| wrong())?, protocol: protocol.ok_or_else(wrong)? })
    }
}

impl FromStr for RouteFlag {
    type Err = FlagError;

    fn from_str(text: &str) -> Result<Self, FlagError> {
        let wrong = || FlagError::Route(text.to_owned());
        let (from, target) = text.split_once('=').ok_or_else(wrong)?;
        let (host, prefix) = from.split_at(from.find('/').ok_or_else(wrong)?);
        if target.starts_with("https://") {
            return Err(FlagError::Https(text.to_owned()));
        }
        let target = target.strip_prefix("http://").unwrap_or(target).trim_end_matches('/');
        let target = Address::parse(target).or_else(|| Address::parse(&format!("{target}:80"))).ok_or_else(wrong)?;
        Ok(Self { host: if host.is_empty() { "*".to_owned() } else { host.to_owned() }, prefix: prefix.to_owned(), target })
    }
}

/// The listeners of the flags as an ingress-gateway entry with these services on each.
pub fn ingress_entry(gateway: &str, listens: &[Listen], services: &[IngressService]) -> ConfigEntry {
    let listeners = listens.iter().map(|l| IngressListener {
        port: i64::from(l.port),
        protocol: l.protocol.as_str().to_owned(),
        services: services.iter().cloned().map(Arc::new).collect(),
        ..IngressListener::default()
    });
    let common = Common { name: gateway.to_owned(), ..Common::default() };
    ConfigEntry::IngressGateway(Arc::new(IngressGateway { common, listeners: listeners.collect(), ..IngressGateway::default() }))
}

/// The gateway of the flags.
pub fn gateway(name: &str, listens: &[Listen]) -> Result<GatewayConfig, FlagError> {
    let mut addresses = BTreeMap::new();
    for listen in listens {
        if addresses.insert(listen.port, listen.ip).is_some() {
            return Err(FlagError::TwicePort(listen.port));
        }
    }
    Ok(GatewayConfig { addresses, ..GatewayConfig::of(GatewayKind::Ingress, name) })
}

/// A gateway that has nothing but `--listen` and `--route`. For one host the longest prefix wins, whatever the order.
pub fn resources(name: &str, listens: &[Listen], routes: &[RouteFlag]) -> Result<Resources, FlagError> {
    let gateway = gateway(name, listens)?;
    let protocol = one_protocol(listens)?;
    if let Some(tcp) = listens.iter().find(|l| l.protocol == Protocol::Tcp && !only_route(routes)) {
        return Err(FlagError::TcpRoutes(tcp.port));
    }
    for (n, route) in routes.iter().enumerate() {
        if routes[..n].iter().any(|r| r.host.eq_ignore_ascii_case(&route.host) && r.prefix == route.prefix) {
            let host = if route.host == "*" { "" } else { &route.host };
            return Err(FlagError::TwiceRoute(format!("{host}{}", route.prefix)));
        }
    }
    let mut hosts: BTreeMap<&str, Vec<&RouteFlag>> = BTreeMap::new();
    for route in routes {
        hosts.entry(&route.host).or_default().push(route);
    }
    let mut entries: Entries = [proxy_defaults(protocol)].into_iter().collect();
    let mut behind = Vec::new();
    for (host, mut routes) in hosts {
        routes.sort_by_key(|r| std::cmp::Reverse(r.prefix.len()));
        if protocol == Protocol::Tcp {
            behind.push(IngressService { name: target_name(routes[0]), ..IngressService::default() });
            continue;
        }
        entries.insert(router(host, &routes));
        behind.push(IngressService { name: host_name(host), hosts: vec![host.to_owned()], ..IngressService::default() });
    }
    entries.insert(ingress_entry(name, listens, &behind));
    let services = routes.iter().map(|r| service(&target_name(r), &r.target));
    Ok(Resources {
        gateway,
        datacenter: Datacenter::from("dc1"),
        trust_domain: TrustDomain::new(TrustDomain::OF_FILES),
        entries: Arc::new(entries),
        services: Arc::new(services.map(|s| (s.name.key(), Arc::new(s))).collect()),
        federation: Default::default(),
        default_action: IntentionAction::Deny,
        rejected: Vec::new(),
        written: Default::default(),
    })
}

/// What all listeners speak; http where there is none.
pub(super) fn one_protocol(listens: &[Listen]) -> Result<Protocol, FlagError> {
    let protocol = listens.first().map_or(Protocol::Http, |l| l.protocol);
    if listens.iter().any(|l| l.protocol != protocol) {
        return Err(FlagError::MixedProtocols);
    }
    Ok(protocol)
}

fn only_route(routes: &[RouteFlag]) -> bool {
    matches!(routes, [route] if route.host == "*" && route.prefix == "/")
}

/// The protocol of everything behind the listeners.
pub(super) fn proxy_defaults(protocol: Protocol) -> ConfigEntry {
    let word = protocol.as_str().to_owned();
    let config = [("protocol".to_owned(), word.clone().into())].into_iter().collect();
    let common = Common { name: "global".to_owned(), ..Common::default() };
    ConfigEntry::ProxyDefaults(Arc::new(ProxyDefaults { common, config: Some(config), protocol: word, ..ProxyDefaults::default() }))
}

fn router(host: &str, routes: &[&RouteFlag]) -> ConfigEntry {
    let routes = routes.iter().map(|route| {
        let http = HttpMatch { path_prefix: route.prefix.clone(), ..HttpMatch::default() };
        Arc::new(ServiceRoute {
            r#match: Some(RouteMatch { http: Some(http) }),
            destination: Some(RouteDestination { service: target_name(route), ..RouteDestination::default() }),
        })
    });
    let common = Common { name: host_name(host), ..Common::default() };
    ConfigEntry::ServiceRouter(Arc::new(ServiceRouter { common, routes: routes.collect() }))
}

fn host_name(host: &str) -> String {
    if host == "*" { "any-host".to_owned() } else { host.to_owned() }
}

fn target_name(route: &RouteFlag) -> String {
    route.target.to_string()
}

/// A service with one instance that is well.
pub(super) fn service(name: &str, address: &Address) -> Service {
    Service { name: ServiceName::from(name), instances: vec![instance(&format!("{name}-1"), address, &[])] }
}

/// An instance that is well.
pub(super) fn instance(id: &str, address: &Address, meta: &[(&str, &str)]) -> Instance {
    let meta = meta.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Instance { meta, ..Instance::new(id.to_owned(), address.clone(), "dc1") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_listens_on_loopback_with_http() {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        assert_eq!("8080".parse(), Ok(Listen { ip: loopback, port: 8080, protocol: Protocol::Http }));
        assert_eq!("0.0.0.0:81/tcp".parse(), Ok(Listen { ip: IpAddr::V4(Ipv4Addr::UNSPECIFIED), port: 81, protocol: Protocol::Tcp }));
        assert!("[::1]:82/grpc".parse::<Listen>().is_ok_and(|l| l.ip.is_ipv6() && l.protocol == Protocol::Grpc));
        for wrong in ["", "x", "70000", "8080/udp", "host:80", "8080/"] {
            assert!(wrong.parse::<Listen>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_route_flag_names_host_prefix_and_target() {
        let route: RouteFlag = "/=http://127.0.0.1:3000".parse().expect("a route");
        assert_eq!((route.host.as_str(), route.prefix.as_str(), route.target.to_string().as_str()), ("*", "/", "127.0.0.1:3000"));
        let route: RouteFlag = "shop.test/api=backend.local".parse().expect("a route");
        assert_eq!(
            (route.host.as_str(), route.prefix.as_str(), route.target.to_string().as_str()),
            ("shop.test", "/api", "backend.local:80")
        );
        for wrong in ["", "/", "x=y", "/=", "/=https://a.test", "/=999.1.1.1:80"] {
            assert!(wrong.parse::<RouteFlag>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_tcp_listener_takes_one_route_without_path() {
        let tcp = ["9000/tcp".parse().expect("a listener")];
        let one = ["/=127.0.0.1:3000".parse().expect("a route")];
        let api = ["/api=127.0.0.1:3000".parse().expect("a route")];
        assert!(resources("edge", &tcp, &one).is_ok());
        assert_eq!(resources("edge", &tcp, &api).err(), Some(FlagError::TcpRoutes(9000)));
    }
}
