//! tcp-route: field table, normalization, validation (semantics 13).

use super::check::Check;
use super::codes;
use super::fields::{fields, shape};
use super::kind::Kind;
use super::reference::{self, Reference, Status};
use crate::model::entry::Common;

/// `tcp-route`.
#[derive(Default)]
pub(super) struct TcpRoute {
    common: Common,
    parents: Vec<Reference>,
    services: Vec<TcpService>,
    status: Status,
}

fields!(TcpRoute {
    common.name: "Name"; keep,
    parents: "Parents"; keep,
    services: "Services"; keep,
    common.meta: "Meta",
    status: "Status",
});

shape!(
    /// `Services[]`
    TcpService { name: String = "Name"; keep }
);

impl Kind for TcpRoute {
    fn normalize(&mut self) {
        reference::normalize_parents(&mut self.parents);
    }

    fn validate(&self, check: &mut Check<'_>) {
        if self.services.len() > 1 {
            check.error(codes::EXCLUSIVE, "Services", format!("a tcp-route leads to one service, not to {}", self.services.len()));
        }
        reference::parent_rules(&self.parents, check);
    }

    fn common(&self) -> &Common {
        &self.common
    }
}
