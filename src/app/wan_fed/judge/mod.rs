//! What is wrong with a federation: pure functions of what agents know and of what was met on the way. The causes are those of
//! semantics 10, consul-api 12 and wan-federation 3 and 4.

mod certificate;
mod known;
mod met;

pub use known::known;
pub(super) use met::met;

use super::fault::{Fault, Finding};

/// The datacenters of a hop: `dc1 -> dc2`, `-> dc1`, `dc1`.
fn ends(hop: &str) -> impl Iterator<Item = &str> {
    hop.split("->").map(str::trim).filter(|name| !name.is_empty())
}

/// Whether two hops have an end in common.
fn meet(one: &str, other: &str) -> bool {
    ends(one).any(|end| ends(other).any(|e| e == end))
}

/// Whether the ends of one hop are among those of another: in either direction, for connections need both.
fn is_part(one: &str, of: &str) -> bool {
    ends(one).all(|end| ends(of).any(|e| e == end))
}

/// Whether something is only seen because something else is wrong, which is told already.
const fn is_consequence(fault: Fault) -> bool {
    matches!(fault, Fault::Rpc | Fault::Alone | Fault::NameUnknown)
}

/// Whether it explains what is seen elsewhere on the way.
const fn explains(fault: Fault) -> bool {
    !is_consequence(fault)
        && !matches!(fault, Fault::StaleState | Fault::NoState | Fault::OtherRoots | Fault::AclReplication | Fault::Agent)
}

/// Leaves out what other findings explain: what is wrong on a way, or at an end of it.
pub(super) fn without_consequences(findings: &mut Vec<Finding>) {
    let roots: Vec<String> = findings.iter().filter(|finding| explains(finding.fault)).map(|finding| finding.hop.clone()).collect();
    let is_explained = |finding: &Finding| {
        roots.iter().any(|root| if finding.fault == Fault::Alone { meet(root, &finding.hop) } else { is_part(root, &finding.hop) })
    };
    findings.retain(|finding| !is_consequence(finding.fault) || !is_explained(finding));
    // A way that is closed closes questions, too.
    let closed: Vec<String> =
        findings.iter().filter(|finding| finding.fault == Fault::NameUnknown).map(|finding| finding.hop.clone()).collect();
    findings.retain(|finding| finding.fault != Fault::Rpc || !closed.iter().any(|hop| is_part(hop, &finding.hop)));
}

#[cfg(test)]
mod tests;
