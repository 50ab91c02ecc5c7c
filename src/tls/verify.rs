//! The one place that verifies certificates of the mesh: a chain to the trust bundle, dates, purpose, then whose it is. No host names:
//! mesh certificates have none. Nothing here says yes by default.

use std::path::Path;

use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls_pki_types::{CertificateDer, ServerName, TrustAnchor};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath, anchor_from_trusted_cert};

use super::distrust::{Distrust, Side, Why};
use super::x509::{Moment, X509};
use super::{Error, Held, pem, shared_provider};
use crate::id::{SpiffeId, TrustDomain};

/// The certificates that the members of a mesh are trusted by.
#[derive(Debug)]
pub struct Bundle {
    trust_domain: TrustDomain,
    roots: Vec<CertificateDer<'static>>,
    anchors: Vec<TrustAnchor<'static>>,
    /// When each of the anchors is valid: the library does not look at it.
    dates: Vec<(Moment, Moment)>,
    algorithms: WebPkiSupportedAlgorithms,
}

/// A certificate of a bundle that is no root.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("certificate {number} ({called:?}): {why}")]
pub struct NoRoot {
    /// Which one of the file, from 1.
    number: usize,
    called: String,
    why: String,
}

/// A member of the mesh that has proved to be it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Whose certificate it is.
    pub id: SpiffeId,
    /// Until when it, and all that vouches for it, is valid.
    pub until: Moment,
}

impl Bundle {
    /// The certificates of a PEM file. Each is trusted, also one that another one signed.
    pub fn read(path: &Path, trust_domain: TrustDomain) -> Result<Self, Error> {
        Self::of(pem::chain(path)?, trust_domain).map_err(|e| Error::Root(path.to_owned(), e))
    }

    /// Of these certificates.
    pub fn of(roots: Vec<CertificateDer<'static>>, trust_domain: TrustDomain) -> Result<Self, NoRoot> {
        let (mut anchors, mut dates) = (Vec::new(), Vec::new());
        for (n, root) in roots.iter().enumerate() {
            let none = |called: &str, why: String| NoRoot { number: n + 1, called: called.to_owned(), why };
            let read = X509::read(root).ok_or_else(|| none("", "it is malformed".to_owned()))?;
            let anchor = anchor_from_trusted_cert(root).map_err(|e| none(&read.subject, e.to_string()))?;
            if !read.is_ca {
                return Err(none(read.called(), "it is not that of a CA".to_owned()));
            }
            anchors.push(anchor.to_owned());
            dates.push((read.from, read.until));
        }
        let algorithms = shared_provider().signature_verification_algorithms;
        Ok(Self { trust_domain, roots, anchors, dates, algorithms })
    }

    /// The name of the mesh.
    pub const fn trust_domain(&self) -> &TrustDomain {
        &self.trust_domain
    }

    /// Each of the roots.
    pub(super) fn held(&self) -> Vec<Held<'_>> {
        let name = |root: &CertificateDer<'_>| X509::read(root).map(|root| root.called().to_owned()).unwrap_or_default();
        self.roots().iter().map(|root| Held { used: "root", name: name(root), chain: std::slice::from_ref(root) }).collect()
    }

    /// The certificates that are trusted.
    pub fn roots(&self) -> &[CertificateDer<'static>] {
        &self.roots
    }

    /// What this process takes as signatures.
    pub(super) const fn algorithms(&self) -> &WebPkiSupportedAlgorithms {
        &self.algorithms
    }

    /// Who shows this chain, leaf first. Which of the certificates beside the leaf are needed, and in which order, is found out;
    /// some peers send one twice, or none.
    pub fn member(&self, chain: &[CertificateDer<'_>], side: Side, now: Moment) -> Result<Member, Distrust> {
        let Some((leaf, beside)) = chain.split_first() else {
            return Err(Distrust { shown: None, beside: 0, why: Why::Nothing });
        };
        let judged = self.chain(leaf, beside, side, now).and_then(|until| Ok(Member { id: self.id(leaf)?, until }));
        judged.map_err(|why| Distrust::of(leaf, beside.len(), why))
    }

    /// Whether this chain is a server's of that host name or address: as outside of a mesh.
    pub fn host(&self, chain: &[CertificateDer<'_>], name: &str, now: Moment) -> Result<Moment, Distrust> {
        let Some((leaf, beside)) = chain.split_first() else {
            return Err(Distrust { shown: None, beside: 0, why: Why::Nothing });
        };
        let named = |until| {
            let wanted = ServerName::try_from(name).map_err(|_| Why::Other(format!("{name:?} is no host name")))?;
            let parsed = EndEntityCert::try_from(leaf).map_err(|_| Why::Malformed)?;
            parsed.verify_is_valid_for_subject_name(&wanted).map_err(|_| Why::Host(name.to_owned()))?;
            Ok(until)
        };
        self.chain(leaf, beside, Side::Server, now).and_then(named).map_err(|why| Distrust::of(leaf, beside.len(), why))
    }

    /// Chain, dates and purpose, whatever the names are. The end of the validity of the path.
    pub fn chain(&self, leaf: &CertificateDer<'_>, beside: &[CertificateDer<'_>], side: Side, now: Moment) -> Result<Moment, Why> {
        let read = X509::read(leaf).ok_or(Why::Malformed)?;
        let parsed = EndEntityCert::try_from(leaf).map_err(|_| Why::Malformed)?;
        let usage = match side {
            Side::Client => KeyUsage::client_auth(),
            Side::Server => KeyUsage::server_auth(),
        };
        let anchor_is_valid = |path: &VerifiedPath<'_>| self.until_of_anchor(path.anchor(), now).map(|_| ());
        let path = parsed.verify_for_usage(self.algorithms.all, &self.anchors, beside, now.into(), usage, None, Some(&anchor_is_valid));
        let path = path.map_err(|error| why(error, &read, side))?;
        if !read.key.is_strong() {
            return Err(Why::Key(read.key));
        }
        let mut until = read.until;
        for above in path.intermediate_certificates() {
            until = until.min(X509::read(&above.der()).ok_or(Why::Malformed)?.until);
        }
        let anchor = self.until_of_anchor(path.anchor(), now).map_err(|error| why(error, &read, side))?;
        Ok(until.min(anchor))
    }

    /// The end of a root's validity. The same root may stand there twice, with other dates: the longest counts.
    fn until_of_anchor(&self, anchor: &TrustAnchor<'_>, now: Moment) -> Result<Moment, webpki::Error> {
        let mut worst = webpki::Error::UnknownIssuer;
        let mut until = None;
        for (_, (from, to)) in self.anchors.iter().zip(&self.dates).filter(|(a, _)| *a == anchor) {
            if now < *from {
                worst = webpki::Error::CertNotValidYet { time: now.into(), not_before: (*from).into() };
            } else if now > *to {
                worst = webpki::Error::CertExpired { time: now.into(), not_after: (*to).into() };
            } else {
                until = until.max(Some(*to));
            }
        }
        until.ok_or(worst)
    }

    /// Whose a leaf is, by its only URI, if that is a service of this mesh.
    fn id(&self, leaf: &CertificateDer<'_>) -> Result<SpiffeId, Why> {
        let id = id_of(leaf)?;
        if id.trust_domain == self.trust_domain { Ok(id) } else { Err(Why::TrustDomain(Box::new(id), self.trust_domain.clone())) }
    }
}

/// The id that a leaf claims.
pub fn id_of(leaf: &CertificateDer<'_>) -> Result<SpiffeId, Why> {
    let read = EndEntityCert::try_from(leaf).map_err(|_| Why::Malformed)?;
    let uris: Vec<&str> = read.valid_uri_names().collect();
    match uris.as_slice() {
        [uri] => SpiffeId::parse(uri).ok_or_else(|| Why::NotAService((*uri).to_owned())),
        uris => Err(Why::Uris(uris.iter().map(|uri| (*uri).to_owned()).collect())),
    }
}

/// The library's word for what is wrong, in ours.
fn why(error: webpki::Error, leaf: &X509, side: Side) -> Why {
    use webpki::Error as E;
    match error {
        E::CertExpired { time, not_after } => {
            Why::Date { over: true, at: Moment::from(not_after), now: Moment::from(time), own: Moment::from(not_after) == leaf.until }
        }
        E::CertNotValidYet { time, not_before } => {
            Why::Date { over: false, at: Moment::from(not_before), now: Moment::from(time), own: Moment::from(not_before) == leaf.from }
        }
        E::UnknownIssuer => Why::Issuer,
        E::InvalidSignatureForPublicKey | E::SignatureAlgorithmMismatch => Why::Signature,
        E::RequiredEkuNotFoundContext(_) | E::EmptyEkuExtension => Why::Purpose(side),
        E::CaUsedAsEndEntity => Why::Authority,
        E::NameConstraintViolation | E::MalformedNameConstraint => Why::Constraint,
        E::EndEntityUsedAsCa | E::PathLenConstraintViolated => Why::NotAnAuthority,
        E::BadDer | E::BadDerTime | E::MalformedExtensions | E::ExtensionValueInvalid | E::TrailingData(_) => Why::Malformed,
        other => Why::Other(other.to_string()),
    }
}
