//! What the kinds around api gateways share: how they name each other, and what the servers say of them (semantics 13).

use serde_json::Value as Json;

use super::check::Check;
use super::codes;
use super::cx::Cx;
use super::decode::Field;
use super::fields::{decode_struct, schema, shape};
use super::scalar::Timestamp;
use super::tree::Node;
use crate::model::entry::EntryKind;

shape!(
    /// Another entry, or a part of it.
    Reference {
        kind: String = "Kind"; keep,
        name: String = "Name"; keep,
        section_name: String = "SectionName"; keep,
    }
);

shape!(
    /// One thing that the servers say.
    Condition {
        r#type: String = "Type",
        status: String = "Status",
        reason: String = "Reason",
        message: String = "Message",
        resource: Option<Reference> = "Resource",
        last_transition_time: Option<Timestamp> = "LastTransitionTime",
    }
);

/// What the servers say of an entry. Whoever writes it writes nothing: they put their own in its place.
#[derive(Default)]
pub(super) struct Status {
    conditions: Vec<Condition>,
}

schema!(Status { conditions: "Conditions" });

impl Field for Status {
    fn decode(node: &Node, cx: &mut Cx) -> Self {
        decode_struct(node, cx)
    }

    fn print(&self) -> Json {
        Json::Null
    }

    fn is_empty(&self) -> bool {
        true
    }
}

/// The gateways that a route is for: without a kind they are api gateways.
pub(super) fn normalize_parents(parents: &mut [Reference]) {
    for parent in parents.iter_mut().filter(|p| p.kind.is_empty()) {
        EntryKind::ApiGateway.as_str().clone_into(&mut parent.kind);
    }
}

/// Each gateway, or listener of one, once. That they have names nobody asks.
pub(super) fn parent_rules(parents: &[Reference], check: &mut Check<'_>) {
    let same = |a: &Reference, b: &Reference| (&a.kind, &a.name, &a.section_name) == (&b.kind, &b.name, &b.section_name);
    for (i, parent) in parents.iter().enumerate() {
        let at = format!("Parents[{i}]");
        if parent.kind != EntryKind::ApiGateway.as_str() {
            check.error(codes::VALUE, format!("{at}.Kind"), format!("{at}.Kind {:?} must be \"api-gateway\"", parent.kind));
        }
        if parents[..i].iter().any(|p| same(p, parent)) {
            check.error(codes::DUPLICATE, &at, format!("{at} names {:?} a second time", parent.name));
        }
    }
}
