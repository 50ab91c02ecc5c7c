//! `gw inspect chain`: the discovery chain of one service.

mod outline;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::load::with_trust_domain;
use super::world::{Asked, Places, Unanswered, Verb, World as Asking};
use crate::decide::chain::{self, ChainError, Overrides, Question};
use crate::id::TrustDomain;
use crate::model::chain::DiscoveryChain;
use crate::model::duration::GoDuration;
use crate::model::entry::Entries;
use crate::model::gateway::{GatewayConfig, GatewayKind};
use crate::model::level::Level;
use crate::model::resources::Resources;
use crate::rt::log::with_causes;
use crate::source::consul;
use crate::source::diagnostic::Diagnostic;
use crate::source::file;

/// What is asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChainQuestion {
    /// The service, in any spelling.
    pub service: String,
    /// The datacenter; the one of `gw.toml`, or `dc1`, if not given.
    pub datacenter: Option<String>,
    /// Consul's `OverrideProtocol`.
    pub protocol: Option<String>,
    /// Consul's `OverrideMeshGateway.Mode`.
    pub mesh_gateway: Option<String>,
    /// Consul's `OverrideConnectTimeout`, as Go prints durations.
    pub connect_timeout: Option<String>,
}

/// Why there is no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ChainQuestionError {
    /// Not a duration.
    #[error("{0:?} is not a duration such as 5s")]
    Duration(String),
    /// The set has no chain for this service.
    #[error("the service has no discovery chain")]
    Chain(#[from] ChainError),
}

/// The chain in exactly the shape of Consul's `/v1/discovery-chain` answer.
pub fn as_consul(chain: &DiscoveryChain) -> Value {
    serde_json::json!({ "Chain": consul::chain::to_json(chain) })
}

/// The chain of one service.
pub const CHAIN: Verb = Verb { page: "/v1/chain", answer };

/// A question as it is asked.
pub fn written(question: &ChainQuestion) -> Vec<(&'static str, String)> {
    let optional = [
        ("datacenter", &question.datacenter),
        ("override-protocol", &question.protocol),
        ("override-mesh-gateway", &question.mesh_gateway),
        ("override-connect-timeout", &question.connect_timeout),
    ];
    let optional = optional.into_iter().filter_map(|(name, value)| Some((name, value.clone()?)));
    std::iter::once(("name", question.service.clone())).chain(optional).collect()
}

fn answer(world: &Asking, asked: &Asked) -> Result<Value, Unanswered> {
    let one = |name: &str| asked.one(name).map(str::to_owned);
    let question = ChainQuestion {
        service: one("name").ok_or_else(|| Unanswered::Wrong("name= is missing: a service".to_owned()))?,
        datacenter: one("datacenter"),
        protocol: one("override-protocol"),
        mesh_gateway: one("override-mesh-gateway"),
        connect_timeout: one("override-connect-timeout"),
    };
    let base = &world.base;
    let of = World { entries: (*base.entries).clone(), datacenter: base.datacenter.to_string(), trust_domain: base.trust_domain.clone() };
    let chain = of.chain(&question).map_err(|why| match why {
        ChainQuestionError::Chain(_) => Unanswered::Refused(with_causes(&why)),
        other => Unanswered::Wrong(other.to_string()),
    })?;
    let rules = outline::rules(&chain);
    let printed: Vec<String> = rules.values().flatten().map(ToString::to_string).collect();
    let places = world.places.of_printed(printed.iter().map(String::as_str));
    Ok(json!({
        "schema": "gw.chain/v1",
        "chain": as_consul(&chain)["Chain"],
        "rules": rules,
        "places": places,
        "outline": outline::tree(&chain, &places),
    }))
}

/// What a chain is compiled of.
pub(super) struct World {
    pub(super) entries: Entries,
    pub(super) datacenter: String,
    pub(super) trust_domain: TrustDomain,
}

impl World {
    /// The chain of a service.
    pub(super) fn chain(&self, question: &ChainQuestion) -> Result<DiscoveryChain, ChainQuestionError> {
        let connect_timeout = match &question.connect_timeout {
            Some(text) => GoDuration::parse(text).map_err(|_| ChainQuestionError::Duration(text.clone()))?,
            None => GoDuration::ZERO,
        };
        let overrides = Overrides {
            mesh_gateway: question.mesh_gateway.clone().unwrap_or_default(),
            protocol: question.protocol.clone().unwrap_or_default(),
            connect_timeout,
        };
        let datacenter = question.datacenter.as_deref().unwrap_or(&self.datacenter);
        let question = Question { service: &question.service, datacenter, trust_domain: &self.trust_domain, overrides };
        Ok(chain::compile(&self.entries, &question)?)
    }
}

/// The entries of files, not judged as a set: a chain says for itself whether it can be compiled.
pub(super) fn read_unjudged(path: &Path) -> Result<Asking, Vec<Diagnostic>> {
    let gateways = if path.is_dir() { path.join(file::NAME) } else { path.to_owned() };
    let mut base = Resources::of(GatewayConfig::of(GatewayKind::Ingress, ""));
    let mut folders: Vec<PathBuf> = vec![path.to_owned()];
    if gateways.is_file() && file::is_gateway_file(&gateways) {
        let read = file::read(&gateways)?;
        let configuration = with_trust_domain(&read, file::convert(&read)?);
        base.datacenter = configuration.datacenter;
        base.trust_domain = configuration.trust_domain;
        folders.truncate(usize::from(path.is_dir()));
        folders.extend(configuration.entries);
    }
    let (mut entries, mut places) = (Entries::default(), Vec::new());
    for folder in folders {
        let (decoded, problems) = file::read_entries(&folder);
        if problems.iter().any(|p| p.level == Level::Error) {
            return Err(problems);
        }
        for (entry, source) in decoded.into_iter().filter_map(|d| Some((d.entry?, d.source))) {
            entries.insert(entry.clone());
            places.push((entry, source));
        }
    }
    base.entries = Arc::new(entries);
    let mut world = Asking::of(path.display().to_string(), base, Vec::new());
    world.places = Places::Files(places.into());
    Ok(world)
}
