//! `gw inspect sni`: what a server name names, and where a gateway leads it. Answered by the code that gateways obey, with a witness.

mod unknown;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::unknown::why_unknown;
use super::inspect::{Fixed, heard};
use super::world::{Asked, Unanswered, Verb, World};
use crate::decide::Snapshot;
use crate::decide::balance::Idle;
use crate::decide::code::Code;
use crate::decide::facts::Facts;
use crate::decide::plan::{Plan, Refusal};
use crate::decide::snapshot::Target;
use crate::decide::witness::Step;
use crate::id::Sni;
use crate::model::resources::Resources;

/// What is said of a server name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SniAnswer {
    /// `gw.sni/v1`
    pub schema: Cow<'static, str>,
    /// The server name, as it was asked about.
    pub name: String,
    /// The gateway that was asked.
    pub gateway: String,
    /// What the name names, by its form alone.
    pub names: Names,
    /// Whether the gateway passes on what comes by the name.
    pub routed: bool,
    /// The stable reason.
    pub code: Cow<'static, str>,
    /// The rule by which it is led there, or refused.
    pub rule: Option<String>,
    /// What it is led to.
    pub target: Option<String>,
    /// The instances or gateways in the order they would be tried.
    pub endpoints: Vec<NamedEndpoint>,
    /// Every step.
    pub steps: Vec<Step>,
    /// In words.
    pub why: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Where the rules that are named are written.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub places: BTreeMap<String, String>,
}

/// What a server name names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Names {
    /// `service`, `subset`, `gateways`, `peer`, `query`, `peering` or `server`; `nothing` where it has no form of the mesh.
    pub what: Cow<'static, str>,
    /// The service.
    pub service: Option<String>,
    /// The subset of it.
    pub subset: Option<String>,
    /// The namespace.
    pub namespace: Option<String>,
    /// The partition.
    pub partition: Option<String>,
    /// The datacenter.
    pub datacenter: Option<String>,
    /// The exporter's name for the importer.
    pub peer: Option<String>,
    /// The prepared query.
    pub query: Option<String>,
    /// The node of the server.
    pub node: Option<String>,
    /// The trust domain.
    pub trust_domain: Option<String>,
}

/// An instance or gateway that may be tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NamedEndpoint {
    /// Its id.
    pub id: String,
    /// Where it answers.
    pub address: String,
    /// `passing`, `warning` or `critical`
    pub health: Cow<'static, str>,
    /// Its weight.
    pub weight: u32,
}

/// Why a gateway cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is an ingress gateway, which asks for a Host: gw inspect route GET http://HOST/ -c FILE")]
pub struct AsksForHost(String);

/// Asks the brain: the very function that the data path obeys, with a witness that records.
pub fn explain(snapshot: &Snapshot, resources: &Resources, name: &str) -> Result<SniAnswer, AsksForHost> {
    let gateway = resources.gateway.name.clone();
    // Where there are two, as for clients of other datacenters, they have the same names.
    let by_name = snapshot.listeners.values().filter(|l| l.names.is_some()).min_by(|a, b| a.listener.name.cmp(&b.listener.name));
    let compiled = by_name.ok_or_else(|| AsksForHost(gateway.clone()))?;
    let listener = &compiled.listener;
    let heard = heard::name(compiled, Some(name));
    let client = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0);
    let facts = Facts {
        listener: &listener.name,
        client,
        local: listener.bind,
        sni: heard.as_ref().map_or(Some(name), Option::as_deref),
        peer: None,
        request: None,
    };
    let read = Sni::parse(name, &resources.trust_domain);
    let names = read.as_ref().map(Names::of).unwrap_or_else(|_| Names { what: "nothing".into(), ..Names::default() });
    let mut steps = Vec::new();
    let planned = match &heard {
        Ok(_) => snapshot.plan(&facts, &Idle, &mut Fixed(0), &mut steps),
        Err(why) => Err(Refusal::new(Code::ClientTls, why)),
    };
    let answer = SniAnswer {
        schema: "gw.sni/v1".into(),
        name: name.to_owned(),
        gateway,
        names,
        routed: planned.is_ok(),
        code: planned.as_ref().map_or_else(|refusal| refusal.code, |_| Code::Ok).as_str().into(),
        rule: None,
        target: None,
        endpoints: Vec::new(),
        steps,
        why: String::new(),
        help: None,
        places: BTreeMap::new(),
    };
    Ok(match planned {
        Ok(plan) => answer.passed_on(&plan),
        // Who connects is asked for next, and by the name alone nobody has.
        Err(refusal) if refusal.code == Code::Denied => answer.of_a_linked_service(refusal),
        Err(refusal) => answer.refused(&refusal, &why_unknown(resources, &read)),
    })
}

impl SniAnswer {
    fn passed_on(self, plan: &Plan) -> Self {
        let target = plan.first_target();
        let endpoints: Vec<NamedEndpoint> = plan
            .hops()
            .map(|(_, endpoint)| NamedEndpoint {
                id: endpoint.id.clone(),
                address: endpoint.address.to_string(),
                health: endpoint.health.as_str().into(),
                weight: endpoint.weight,
            })
            .collect();
        let why = format!("passed on to {}", at(target, &endpoints));
        Self { rule: Some(plan.route.rule.to_string()), target: Some(target.id.to_string()), endpoints, why, ..self }
    }

    fn of_a_linked_service(self, refusal: Refusal) -> Self {
        let why = "offered by this terminating gateway to whom an intention allows".to_owned();
        let help = "gw inspect route GET https://SERVICE/ --peer SOURCE asks for one".to_owned();
        let rule = refusal.rule.map(|rule| rule.to_string());
        Self { routed: true, code: Code::Ok.as_str().into(), rule, why, help: Some(help), ..self }
    }

    fn refused(self, refusal: &Refusal, (unknown, help): &(String, Option<String>)) -> Self {
        let rule = refusal.rule.as_ref().map(ToString::to_string);
        if matches!(refusal.code, Code::NoSni | Code::ServersNotExposed) {
            return Self { why: unknown.clone(), help: help.clone(), rule, ..self };
        }
        match refusal.code {
            Code::ClientTls => {
                let help = "a gateway ends the connection of a client that sends it, whatever is configured";
                return Self { why: refusal.subject.clone(), help: Some(help.to_owned()), rule, ..self };
            }
            Code::SniAbsent => return Self { why: "an IP address counts as no server name".to_owned(), rule, ..self },
            _ => {}
        }
        // The name is known, and the steps say of each instance why it is not used.
        let of_steps =
            self.steps.iter().rev().find_map(|step| if let Step::PassedOver { why, .. } = step { Some(why.clone()) } else { None });
        let why = format!("{}: {}", refusal.subject, of_steps.unwrap_or_else(|| refusal.code.meaning().to_owned()));
        let help = match &*self.names.what {
            "service" | "subset" if why.contains("not in the mesh") => {
                Some("an instance is passed on to where it speaks TLS of the mesh itself: a sidecar or a terminating gateway, mesh = true")
            }
            _ => None,
        };
        Self { why, help: help.map(str::to_owned), rule, ..self }
    }
}

fn at(target: &Target, endpoints: &[NamedEndpoint]) -> String {
    let first = endpoints.first().map(|endpoint| format!(", {} at {}", endpoint.id, endpoint.address)).unwrap_or_default();
    format!("{}{first}", target.id)
}

impl Names {
    fn of(sni: &Sni) -> Self {
        let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let read = Self {
            datacenter: sni.datacenter().map(str::to_owned),
            trust_domain: sni.trust_domain().map(ToString::to_string),
            ..Self::default()
        };
        match sni {
            Sni::Target(id, _) => Self {
                what: match (id.subset.is_empty(), id.peer.is_empty()) {
                    (_, false) => "peer",
                    (true, true) => "service",
                    (false, true) => "subset",
                }
                .into(),
                service: some(&id.service),
                subset: some(&id.subset),
                namespace: some(&id.namespace),
                partition: some(&id.partition),
                peer: some(&id.peer),
                ..read
            },
            Sni::Gateways { partition, .. } => Self { what: "gateways".into(), partition: some(partition), ..read },
            Sni::Query { query, .. } => Self { what: "query".into(), query: some(query), ..read },
            Sni::Peering { .. } => Self { what: "peering".into(), ..read },
            Sni::Server { node, .. } => Self { what: "server".into(), node: node.clone(), ..read },
        }
    }
}

/// What a server name names, and where it leads.
pub const SNI: Verb = Verb { page: "/v1/sni", answer };

fn answer(world: &World, asked: &Asked) -> Result<Value, Unanswered> {
    let gateway = world.by_names(asked)?;
    let name = asked.one("name").ok_or_else(|| Unanswered::Wrong("name= is missing: a server name".to_owned()))?;
    let mut answer = explain(gateway.snapshot(), &gateway.said, name).map_err(|why| Unanswered::Wrong(why.to_string()))?;
    answer.places = world.places.of_steps(&answer.steps, answer.rule.as_deref());
    Ok(json!(answer))
}
