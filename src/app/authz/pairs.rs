//! Many pairs at once: who may reach whom.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::app::world::World;
use crate::decide::authz::Judges;
use crate::decide::chain;
use crate::id::ServiceKey;
use crate::model::entry::{Entries, RuleRef};
use crate::model::resources::Resources;

/// Which pairs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// Every caller and every destination.
    Every,
    /// Every caller of this destination.
    WhoCan(String),
    /// Every destination of this caller.
    Reach(String),
}

/// The answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pairs {
    /// `gw.authz.pairs/v1`
    pub schema: Cow<'static, str>,
    /// What holds where nothing else decides.
    pub default: Cow<'static, str>,
    /// The pairs, by caller, then destination.
    pub pairs: Vec<Pair>,
}

/// One pair.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// The caller; `*` is any that is not named.
    pub source: String,
    /// The destination; `*` is any that is not named.
    pub destination: String,
    /// `allow`, `deny` or `by request`
    pub reach: Cow<'static, str>,
    /// `SOURCE -> DESTINATION` of the intention that decides, or `default`.
    pub by: String,
    /// The rule, if there is one.
    pub rule: Option<String>,
    /// Where it is written.
    pub place: Option<String>,
}

/// More pairs than are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} callers and {1} destinations are more than {2} pairs: ask --who-can DST or --reach SRC instead")]
pub struct TooMany(usize, usize, usize);

/// Asks about many pairs, of which there may be so many.
pub(in crate::app) fn pairs(world: &World, which: &Which, most: usize) -> Result<Pairs, TooMany> {
    let Resources { entries, default_action: default, trust_domain, .. } = &world.base;
    let default = *default;
    let mut judges = Judges::default();
    judges.begin(entries.clone(), trust_domain, default);
    let (sources, destinations) = match which {
        Which::Every => (sources(world), destinations(world)),
        Which::WhoCan(destination) => (sources(world), vec![destination.clone()]),
        Which::Reach(source) => (vec![source.clone()], destinations(world)),
    };
    if sources.len().saturating_mul(destinations.len()) > most {
        return Err(TooMany(sources.len(), destinations.len(), most));
    }
    let mut places: HashMap<RuleRef, Option<String>> = HashMap::new();
    let mut place = |rule: &RuleRef| places.entry(rule.clone()).or_insert_with(|| world.places.of(rule)).clone();
    let mut pairs = Vec::with_capacity(sources.len() * destinations.len());
    for source in &sources {
        for destination in &destinations {
            let reads_requests = chain::is_http_like(&chain::protocol(entries, destination));
            let judge = judges.of(destination);
            let (reach, by) = judge.reach(source, reads_requests);
            pairs.push(Pair {
                source: source.clone(),
                destination: destination.clone(),
                reach: reach.as_str().into(),
                by: by.to_string(),
                rule: by.rule().map(ToString::to_string),
                place: by.rule().and_then(&mut place),
            });
        }
    }
    Ok(Pairs { schema: "gw.authz.pairs/v1".into(), default: default.as_str().into(), pairs })
}

/// Everything that may be connected to, and `*` for the rest.
fn destinations(world: &World) -> Vec<String> {
    let mut names = services(world);
    names.extend(named(world.base.entries.intentions.values().map(|e| e.common.name.as_str())));
    with_the_rest(names)
}

/// Everything that may connect: services, ingress gateways, whoever an intention names, and `*` for the rest.
fn sources(world: &World) -> Vec<String> {
    let entries = &world.base.entries;
    let mut names = services(world);
    names.extend(named(entries.ingress_gateways.values().map(|e| e.common.name.as_str())));
    let of_intentions = entries.intentions.values().flat_map(|e| &e.sources).filter(|s| s.peer.is_empty());
    // Sources are compared in their case, so that one in another case is another one.
    let mut all: Vec<String> = with_the_rest(names);
    all.extend(of_intentions.map(|s| s.name.clone()));
    all.sort_by(|a, b| (a == "*").cmp(&(b == "*")).then_with(|| a.cmp(b)));
    all.dedup();
    all
}

fn services(world: &World) -> BTreeMap<ServiceKey, String> {
    let Entries { service_defaults, routers, splitters, resolvers, terminating_gateways, .. } = &*world.base.entries;
    let mut names: BTreeMap<ServiceKey, String> = named(service_defaults.values().map(|e| e.common.name.as_str())).collect();
    names.extend(named(routers.values().map(|e| e.common.name.as_str())));
    names.extend(named(splitters.values().map(|e| e.common.name.as_str())));
    names.extend(named(resolvers.values().map(|e| e.common.name.as_str())));
    names.extend(named(terminating_gateways.values().flat_map(|e| &e.services).map(|s| s.name.as_str())));
    names.extend(named(world.base.services.values().map(|s| s.name.as_str())));
    names
}

fn named<'a>(names: impl Iterator<Item = &'a str>) -> impl Iterator<Item = (ServiceKey, String)> {
    names.map(|name| (ServiceKey::of(name), name.to_owned()))
}

fn with_the_rest(mut names: BTreeMap<ServiceKey, String>) -> Vec<String> {
    names.remove("*");
    names.into_values().chain(["*".to_owned()]).collect()
}
