//! Certificates of the mesh, and what holds where no intention decides.

use std::sync::Arc;

use crate::id::{Identity, TrustDomain};
use crate::model::ca::{CaRoot, CaRoots, IssuedLeaf};
use crate::model::entry::IntentionAction;
use crate::source::consul::answer::{Meta, policy};
use crate::source::consul::wire::{LeafAnswer, RootsAnswer, SelfAnswer};
use crate::tls;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";

/// Why an answer about certificates is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotReady {
    /// 1.8 in a datacenter that has not found its primary: the trust domain is not the one that it will have.
    #[error("there are no roots yet: the CA is not ready, or this datacenter has not found its primary")]
    NoRoots,
    /// A field that holds something else.
    #[error("{field} is not {what}")]
    Field {
        /// The field.
        field: &'static str,
        /// What it should be.
        what: &'static str,
    },
}

/// The roots of the mesh.
pub fn roots(answer: &RootsAnswer) -> Result<CaRoots, NotReady> {
    if answer.roots.is_empty() {
        return Err(NotReady::NoRoots);
    }
    if answer.trust_domain.is_empty() {
        return Err(NotReady::Field { field: "TrustDomain", what: "a trust domain" });
    }
    let mut roots = Vec::with_capacity(answer.roots.len());
    for row in &answer.roots {
        if !row.root_cert.contains(BEGIN) {
            return Err(NotReady::Field { field: "Roots[].RootCert", what: "a certificate in PEM" });
        }
        roots.push(CaRoot { name: row.name.clone(), pem: row.root_cert.clone(), active: row.active });
    }
    Ok(CaRoots { trust_domain: TrustDomain::new(&answer.trust_domain), roots })
}

/// The leaf of a service.
pub fn leaf(answer: &LeafAnswer) -> Result<IssuedLeaf, NotReady> {
    let field = |field, what| NotReady::Field { field, what };
    let id = Identity::parse(&answer.service_uri).ok_or_else(|| field("ServiceURI", "the id of a service or a mesh gateway"))?;
    let chain = tls::pem_in_order(&answer.cert_pem).ok_or_else(|| field("CertPEM", "a certificate in PEM"))?;
    if !answer.private_key_pem.contains("PRIVATE KEY-----") {
        return Err(field("PrivateKeyPEM", "a key in PEM"));
    }
    Ok(IssuedLeaf { id, chain, key: answer.private_key_pem.clone() })
}

/// The domains of Consul's DNS: the one with which the names of servers end first.
pub fn domains(agent: &SelfAnswer) -> Vec<Arc<str>> {
    let of = &agent.debug_config;
    let plain = |domain: &String| Arc::from(domain.trim_matches('.').to_ascii_lowercase());
    [&of.dns_domain, &of.dns_alt_domain].into_iter().map(plain).filter(|domain: &Arc<str>| !domain.is_empty()).collect()
}

/// What holds between services of which no intention says anything. An agent that may not be asked about itself says in the headers
/// of its answers what its ACLs say; 1.8 does not even that, and then nothing is known.
pub fn default_action(agent: Option<&SelfAnswer>, meta: &Meta) -> Option<IntentionAction> {
    let said = agent.and_then(|agent| {
        let of = &agent.debug_config;
        let acls = policy(&of.acl_resolver_settings.acl_default_policy).or_else(|| policy(&of.acl_default_policy));
        // Without ACLs nobody is refused anything, whatever stands there.
        let acls = if of.acls_enabled { acls } else { Some(IntentionAction::Allow) };
        policy(&of.default_intention_policy).or(acls)
    });
    said.or(meta.default_policy)
}
