//! What a snapshot serves, as data to print: `gw inspect routes`, from files and from a running gateway alike.

use serde::Serialize;

use super::routes::RouteRule;
use super::snapshot::{CompiledListener, CompiledService, Endpoint, Next, Snapshot, Target, Upstream};
use crate::model::gateway::ListenerMode;

/// The routes of gateways: `"schema": "gw.routes/v1"`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Routes {
    /// `gw.routes/v1`
    pub schema: &'static str,
    /// One of each gateway of the process.
    pub gateways: Vec<GatewayRoutes>,
    /// Why what the files say by now is not served, where it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// What one gateway serves.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GatewayRoutes {
    /// Its service name.
    pub gateway: String,
    /// Counts publications; 0 where nothing is running.
    pub generation: u64,
    /// Its listeners, by name.
    pub listeners: Vec<ListenerRoutes>,
    /// What was left out.
    pub rejected: Vec<RejectedEntry>,
}

/// What one listener serves.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ListenerRoutes {
    /// `edge:8080`
    pub listener: String,
    /// Address and port.
    pub bind: String,
    /// `http`, `http2`, `grpc` or `tcp`
    pub protocol: &'static str,
    /// Whether connections begin with TLS.
    pub tls: bool,
    /// The services behind it.
    pub services: Vec<ServiceRoutes>,
}

/// A service behind a listener.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServiceRoutes {
    /// Its name.
    pub service: String,
    /// `ingress-gateway/edge Listeners[0].Services[0]`
    pub rule: String,
    /// The hosts that mean it.
    pub domains: Vec<String>,
    /// In the order in which they are tried.
    pub routes: Vec<RouteLine>,
}

/// A route.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RouteLine {
    /// `service-router/web Routes[0]`
    pub rule: String,
    /// Its conditions, in words.
    #[serde(rename = "match")]
    pub conditions: String,
    /// The path that the service sees, where it is another.
    pub prefix_rewrite: Option<String>,
    /// Seconds; null is without limit.
    pub request_timeout: Option<f64>,
    /// Where it goes; several where a splitter stands on the way.
    pub destinations: Vec<Destination>,
}

/// Where a route goes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Destination {
    /// `service-splitter/web Splits[0]`, outermost first.
    pub rules: Vec<String>,
    /// The share of requests, in percent.
    pub percent: f64,
    /// The target, then those that stand in for it.
    pub targets: Vec<TargetLine>,
}

/// A target.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TargetLine {
    /// `v1.web.default.default.dc1`
    pub target: String,
    /// What is spoken with its instances.
    pub protocol: &'static str,
    /// The instances in use.
    pub endpoints: Vec<EndpointLine>,
    /// Those that are not, for their health or weight.
    pub unused: Vec<UnusedLine>,
    /// `local` or `remote`: the endpoints are the mesh gateways that lead to its instances.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mesh_gateway: Option<&'static str>,
    /// Why there is no way to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreached: Option<String>,
}

/// An instance in use.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EndpointLine {
    /// `web-1`
    pub id: String,
    /// Where it answers.
    pub address: String,
    /// Its weight.
    pub weight: u32,
    /// `passing` or `warning`; `critical` where there is no better one and a bad one is better than none.
    pub health: &'static str,
}

/// An instance that is not in use.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UnusedLine {
    /// `web-2`
    pub id: String,
    /// Where it answers.
    pub address: String,
    /// `critical`, `warning` where only passing ones are wanted, or `weight 0`.
    pub why: &'static str,
}

/// An entry that was left out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RejectedEntry {
    /// `service-router/web`
    pub entry: String,
    /// Why.
    pub why: String,
}

/// Every rule by which something is decided, as it is printed.
pub fn rules(snapshot: &Snapshot) -> Vec<String> {
    let mut out: Vec<String> = snapshot.rejected.iter().map(|rejected| rejected.what.to_string()).collect();
    for service in snapshot.listeners.values().flat_map(|listener| &listener.services) {
        out.push(service.host.rule.to_string());
        for rule in service.routes.rules() {
            out.push(rule.route.rule.to_string());
            let mut upstream =
                |upstream: &Upstream| out.extend(upstream.rules.iter().chain(&upstream.failover_rule).map(ToString::to_string));
            match &rule.next {
                Next::Upstream(to) => upstream(to),
                Next::Split(split) => {
                    split.legs.iter().for_each(|(_, _, to)| upstream(to));
                    out.extend(split.legs.iter().flat_map(|(_, leg, _)| &leg.rules).map(ToString::to_string));
                }
            }
        }
    }
    out
}

impl Routes {
    /// Of the gateways of a process.
    pub fn new(gateways: Vec<GatewayRoutes>) -> Self {
        Self { schema: "gw.routes/v1", gateways, refused: None }
    }
}

impl GatewayRoutes {
    /// Of one snapshot.
    pub fn of(gateway: &str, generation: u64, snapshot: &Snapshot) -> Self {
        let mut listeners: Vec<ListenerRoutes> = snapshot.listeners.values().map(|l| ListenerRoutes::of(l)).collect();
        listeners.sort_by(|a, b| a.listener.cmp(&b.listener));
        let rejected = snapshot.rejected.iter().map(|r| RejectedEntry { entry: r.what.to_string(), why: r.why.clone() });
        Self { gateway: gateway.to_owned(), generation, listeners, rejected: rejected.collect() }
    }
}

impl ListenerRoutes {
    fn of(compiled: &CompiledListener) -> Self {
        let listener = &compiled.listener;
        Self {
            listener: listener.name.to_string(),
            bind: listener.bind.to_string(),
            protocol: listener.protocol.as_str(),
            tls: listener.mode != ListenerMode::Plain,
            services: compiled.services.iter().map(|s| ServiceRoutes::of(s)).collect(),
        }
    }
}

impl ServiceRoutes {
    fn of(compiled: &CompiledService) -> Self {
        let host = &compiled.host;
        let routes = compiled.routes.rules().iter().map(RouteLine::of).collect();
        Self { service: host.service.clone(), rule: host.rule.to_string(), domains: host.domains.clone(), routes }
    }
}

impl RouteLine {
    fn of(rule: &RouteRule) -> Self {
        let destinations = match &rule.next {
            Next::Upstream(upstream) => vec![Destination { rules: Vec::new(), percent: 100.0, targets: targets(upstream) }],
            Next::Split(split) => {
                let starts = std::iter::once(0).chain(split.legs.iter().map(|(end, ..)| *end));
                let shares = split.legs.iter().zip(starts).map(|((end, leg, upstream), start)| Destination {
                    rules: leg.rules.iter().map(ToString::to_string).collect(),
                    percent: f64::from(end.saturating_sub(start)) * 100.0 / f64::from(split.total.max(1)),
                    targets: targets(upstream),
                });
                shares.collect()
            }
        };
        Self {
            rule: rule.route.rule.to_string(),
            conditions: rule.matcher.to_string(),
            prefix_rewrite: rule.rewrite.clone(),
            request_timeout: rule.route.timeouts.request.map(|t| t.as_secs_f64()),
            destinations,
        }
    }
}

fn targets(upstream: &Upstream) -> Vec<TargetLine> {
    upstream.targets.iter().map(|t| TargetLine::of(t)).collect()
}

impl TargetLine {
    fn of(target: &Target) -> Self {
        let endpoint =
            |e: &Endpoint| EndpointLine { id: e.id.clone(), address: e.address.to_string(), weight: e.weight, health: e.health.as_str() };
        let unused = target.unused.iter().map(|u| UnusedLine { id: u.id.clone(), address: u.address.to_string(), why: u.why });
        Self {
            target: target.id.to_string(),
            protocol: target.protocol.as_str(),
            endpoints: target.endpoints.iter().map(|e| endpoint(e)).collect(),
            unused: unused.collect(),
            mesh_gateway: target.through(),
            unreached: target.unreached.clone(),
        }
    }
}
