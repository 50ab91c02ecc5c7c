//! Discovery chains compiled of the entries that a Consul has, and laid beside those that it compiles itself.

use serde_json::{Map, Value, json};

use super::stored::{self, Stored};
use super::{AskError, Consul, Why};
use crate::app::chain::{ChainQuestion, ChainQuestionError, World};
use crate::app::entries;
use crate::decide::graph;
use crate::id::TrustDomain;
use crate::model::chain::DiscoveryChain;
use crate::model::entry::{Entries, EntryKind};
use crate::source::consul::beside::Differs;
use crate::source::consul::call::Call;
use crate::source::consul::chain::{compare, to_json};

pub use crate::source::consul::chain::{ChainDiffers, Class};

/// The kinds that shape chains.
const KINDS: [EntryKind; 5] = [
    EntryKind::ProxyDefaults,
    EntryKind::ServiceDefaults,
    EntryKind::ServiceRouter,
    EntryKind::ServiceSplitter,
    EntryKind::ServiceResolver,
];

/// Asked once more before a difference is believed: somebody may write between two questions.
const TRIES: usize = 3;

/// Why there is nothing to show.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Consul does not say what is needed.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// There is no chain.
    #[error(transparent)]
    Question(#[from] ChainQuestionError),
}

/// A chain beside Consul's own.
#[derive(Debug)]
pub struct Verified {
    /// The chain as gw compiles it; nothing where gw compiles none and Consul does.
    pub chain: Option<DiscoveryChain>,
    /// What differs.
    pub differs: Vec<ChainDiffers>,
    /// What gw cannot read of the entries, a sentence each.
    pub unread: Vec<String>,
}

impl Verified {
    /// Whether both lead requests to the same places.
    pub fn is_equal(&self) -> bool {
        self.differs.iter().all(|d| d.class.is_some())
    }
}

/// The chain of a service as gw compiles it, beside Consul's own.
pub fn verify(consul: &Consul, question: &ChainQuestion) -> Result<Verified, VerifyError> {
    let mut tried = 1;
    loop {
        let verified = beside(consul, question)?;
        if verified.is_equal() || tried == TRIES {
            return Ok(verified);
        }
        tried += 1;
    }
}

fn beside(consul: &Consul, question: &ChainQuestion) -> Result<Verified, VerifyError> {
    let (world, unread) = world(consul)?;
    let theirs = of_consul(consul, question)?;
    Ok(match (world.chain(question), theirs) {
        (Ok(own), Ok(theirs)) => {
            let differs = compare(&to_json(&own), &theirs);
            Verified { chain: Some(own), differs, unread }
        }
        (Ok(own), Err(why)) => Verified { chain: Some(own), differs: vec![whole("a chain", &why)], unread },
        (Err(ChainQuestionError::Chain(error)), Ok(_)) => {
            Verified { chain: None, differs: vec![whole(&error.to_string(), "a chain")], unread }
        }
        (Err(error), _) => return Err(error.into()),
    })
}

fn whole(own: &str, theirs: &str) -> ChainDiffers {
    ChainDiffers { differs: Differs { path: Vec::new(), one: own.into(), other: theirs.into() }, class: None }
}

/// The chain as Consul compiles it, or why it compiles none.
fn of_consul(consul: &Consul, question: &ChainQuestion) -> Result<Result<Map<String, Value>, String>, AskError> {
    let mut overrides = json!({});
    if let Some(protocol) = &question.protocol {
        overrides["OverrideProtocol"] = protocol.as_str().into();
    }
    if let Some(mode) = &question.mesh_gateway {
        overrides["OverrideMeshGateway"] = json!({ "Mode": mode });
    }
    if let Some(timeout) = &question.connect_timeout {
        overrides["OverrideConnectTimeout"] = timeout.as_str().into();
    }
    match consul.ask(&Call::chain_with(&question.service, question.datacenter.as_deref(), &overrides)) {
        Ok(answer) => Ok(Ok(answer.what.map(|what| what.chain).unwrap_or_default())),
        Err(AskError::Answered { why: Why::Failed { text, .. }, .. }) => Ok(Err(text)),
        Err(error) => Err(error),
    }
}

/// What Consul has of what chains are made of.
fn world(consul: &Consul) -> Result<(World, Vec<String>), AskError> {
    let (there, _) = stored::list(consul, &KINDS)?;
    let trust_domain = consul.ask(&Call::roots())?.what.map(|roots| roots.trust_domain).unwrap_or_default();
    let own = consul.ask(&Call::agent_self())?.what.map(|agent| agent.config.datacenter).unwrap_or_default();
    let datacenter = consul.client.settings().datacenter.clone().unwrap_or(own);
    let mut entries = Entries::default();
    there.iter().filter_map(|s| s.read.as_ref().ok()).for_each(|d| graph::make(&mut entries, &entries::write(d)));
    let unread = |s: &Stored| s.read.as_ref().err().map(|why| format!("{}/{} is not looked at: {why}", s.kind, s.name));
    Ok((World { entries, datacenter, trust_domain: TrustDomain::new(&trust_domain) }, there.iter().filter_map(unread).collect()))
}
