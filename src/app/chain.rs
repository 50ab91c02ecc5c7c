//! `gw inspect chain`: the discovery chain of one service, compiled from files.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::load::with_trust_domain;
use crate::decide::chain::{self, ChainError, Overrides, Question};
use crate::id::TrustDomain;
use crate::model::chain::DiscoveryChain;
use crate::model::duration::GoDuration;
use crate::model::entry::Entries;
use crate::model::level::Level;
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
    /// What is wrong with the files.
    #[error("the files are refused")]
    Files(Vec<Diagnostic>),
    /// Not a duration.
    #[error("{0:?} is not a duration such as 5s")]
    Duration(String),
    /// The set has no chain for this service.
    #[error("the service has no discovery chain")]
    Chain(#[from] ChainError),
}

/// Compiles the chain of a service from a `gw.toml`, a file of entries or a folder of them.
pub fn ask(files: &Path, question: &ChainQuestion) -> Result<DiscoveryChain, ChainQuestionError> {
    World::read(files).map_err(ChainQuestionError::Files)?.chain(question)
}

/// The chain in exactly the shape of Consul's `/v1/discovery-chain` answer.
pub fn as_consul(chain: &DiscoveryChain) -> Value {
    serde_json::json!({ "Chain": consul::chain::to_json(chain) })
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

    /// The entries are not checked as a set: a chain says for itself whether it can be compiled.
    pub(super) fn read(path: &Path) -> Result<Self, Vec<Diagnostic>> {
        let gateways = if path.is_dir() { path.join(file::NAME) } else { path.to_owned() };
        let mut world =
            Self { entries: Entries::default(), datacenter: "dc1".to_owned(), trust_domain: TrustDomain::new(TrustDomain::OF_FILES) };
        let mut folders: Vec<PathBuf> = vec![path.to_owned()];
        if gateways.is_file() && file::is_gateway_file(&gateways) {
            let read = file::read(&gateways)?;
            let configuration = with_trust_domain(&read, file::convert(&read)?);
            world.datacenter = configuration.datacenter.to_string();
            world.trust_domain = configuration.trust_domain;
            folders.truncate(usize::from(path.is_dir()));
            folders.extend(configuration.entries);
        }
        for folder in folders {
            let (decoded, problems) = file::read_entries(&folder);
            if problems.iter().any(|p| p.level == Level::Error) {
                return Err(problems);
            }
            decoded.into_iter().filter_map(|d| d.entry).for_each(|e| world.entries.insert(e));
        }
        Ok(world)
    }
}
