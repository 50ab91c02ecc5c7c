//! Many pairs at once: who may reach whom.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::Serialize;

use crate::app::load::{Loaded, Loader};
use crate::decide::authz::Judges;
use crate::decide::chain;
use crate::id::ServiceKey;
use crate::model::entry::{Entries, RuleRef};
use crate::source::diagnostic::Diagnostic;

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
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pairs {
    /// `gw.authz.pairs/v1`
    pub schema: &'static str,
    /// What holds where nothing else decides.
    pub default: &'static str,
    /// The pairs, by caller, then destination.
    pub pairs: Vec<Pair>,
}

/// One pair.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pair {
    /// The caller; `*` is any that is not named.
    pub source: String,
    /// The destination; `*` is any that is not named.
    pub destination: String,
    /// `allow`, `deny` or `by request`
    pub reach: &'static str,
    /// `SOURCE -> DESTINATION` of the intention that decides, or `default`.
    pub by: String,
    /// The rule, if there is one.
    pub rule: Option<String>,
    /// Where it is written.
    pub place: Option<String>,
}

/// Of more pairs than this nobody reads the answers.
const MOST: usize = 1_000_000;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum PairsError {
    /// What is wrong with the files.
    #[error("the files are refused")]
    Files(Vec<Diagnostic>),
    /// Too many to be printed.
    #[error("{0} callers and {1} destinations are more than {MOST} pairs: ask --who-can DST or --reach SRC instead")]
    TooMany(usize, usize),
}

/// Asks about many pairs of the entries of a `gw.toml` or a folder of them.
pub fn pairs(files: &Path, which: &Which) -> Result<Pairs, PairsError> {
    let mut loader = Loader::default();
    let loaded = loader.load(files, &[]).map_err(PairsError::Files)?;
    let entries = &loaded.entries;
    let default = loaded.configuration.default_action;
    let mut judges = Judges::default();
    judges.begin(entries.clone(), &loaded.configuration.trust_domain, default);
    let (sources, destinations) = match which {
        Which::Every => (sources(&loaded), destinations(&loaded)),
        Which::WhoCan(destination) => (sources(&loaded), vec![destination.clone()]),
        Which::Reach(source) => (vec![source.clone()], destinations(&loaded)),
    };
    if sources.len().saturating_mul(destinations.len()) > MOST {
        return Err(PairsError::TooMany(sources.len(), destinations.len()));
    }
    let mut places: HashMap<RuleRef, Option<String>> = HashMap::new();
    let mut place = |rule: &RuleRef| places.entry(rule.clone()).or_insert_with(|| loader.place(rule)).clone();
    let mut pairs = Vec::with_capacity(sources.len() * destinations.len());
    for source in &sources {
        for destination in &destinations {
            let reads_requests = chain::is_http_like(&chain::protocol(entries, destination));
            let judge = judges.of(destination);
            let (reach, by) = judge.reach(source, reads_requests);
            pairs.push(Pair {
                source: source.clone(),
                destination: destination.clone(),
                reach: reach.as_str(),
                by: by.to_string(),
                rule: by.rule().map(ToString::to_string),
                place: by.rule().and_then(&mut place),
            });
        }
    }
    Ok(Pairs { schema: "gw.authz.pairs/v1", default: default.as_str(), pairs })
}

/// Everything that may be connected to, and `*` for the rest.
fn destinations(loaded: &Loaded) -> Vec<String> {
    let mut names = services(loaded);
    names.extend(named(loaded.entries.intentions.values().map(|e| e.common.name.as_str())));
    with_the_rest(names)
}

/// Everything that may connect: services, ingress gateways, whoever an intention names, and `*` for the rest.
fn sources(loaded: &Loaded) -> Vec<String> {
    let entries = &loaded.entries;
    let mut names = services(loaded);
    names.extend(named(entries.ingress_gateways.values().map(|e| e.common.name.as_str())));
    let of_intentions = entries.intentions.values().flat_map(|e| &e.sources).filter(|s| s.peer.is_empty());
    // Sources are compared in their case, so that one in another case is another one.
    let mut all: Vec<String> = with_the_rest(names);
    all.extend(of_intentions.map(|s| s.name.clone()));
    all.sort_by(|a, b| (a == "*").cmp(&(b == "*")).then_with(|| a.cmp(b)));
    all.dedup();
    all
}

fn services(loaded: &Loaded) -> BTreeMap<ServiceKey, String> {
    let Entries { service_defaults, routers, splitters, resolvers, terminating_gateways, .. } = &*loaded.entries;
    let mut names: BTreeMap<ServiceKey, String> = named(service_defaults.values().map(|e| e.common.name.as_str())).collect();
    names.extend(named(routers.values().map(|e| e.common.name.as_str())));
    names.extend(named(splitters.values().map(|e| e.common.name.as_str())));
    names.extend(named(resolvers.values().map(|e| e.common.name.as_str())));
    names.extend(named(terminating_gateways.values().flat_map(|e| &e.services).map(|s| s.name.as_str())));
    names.extend(named(loaded.configuration.services.values().map(|s| s.name.as_str())));
    names
}

fn named<'a>(names: impl Iterator<Item = &'a str>) -> impl Iterator<Item = (ServiceKey, String)> {
    names.map(|name| (ServiceKey::of(name), name.to_owned()))
}

fn with_the_rest(mut names: BTreeMap<ServiceKey, String>) -> Vec<String> {
    names.remove("*");
    names.into_values().chain(["*".to_owned()]).collect()
}
