//! Who is at the other end: the verifier of both sides of mTLS, and the chains that it has verified before.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use rustls::client::danger::{ServerCertVerified, ServerCertVerifier};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DistinguishedName, OtherError};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::distrust::{Distrust, Side};
use super::signatures::verifies_signatures;
use super::verify::{Bundle, Member};
use super::x509::Moment;

/// How many chains are remembered: more services than most gateways hear.
const MOST_KNOWN: usize = 1024;
/// A longer chain is verified each time: with it the memory is bounded.
const LONGEST_KNOWN: usize = 8 << 10;

/// Takes members of the mesh and nobody else, at the other end of connections.
///
/// Most connections are with few peers, and to verify one is a fifth of the cost of a handshake: what was verified is remembered
/// until the first of its certificates ends. It is as old as its bundle: other roots are another `Peers`, which knows nobody.
#[derive(Debug)]
pub struct Peers {
    bundle: Arc<Bundle>,
    side: Side,
    known: Mutex<Known>,
}

impl Peers {
    /// Clients that this bundle vouches for.
    pub fn clients(bundle: Arc<Bundle>) -> Self {
        Self { bundle, side: Side::Client, known: Mutex::default() }
    }

    /// Servers that this bundle vouches for. Which service it must be is for who connects: `who` tells which it is.
    pub fn servers(bundle: Arc<Bundle>) -> Self {
        Self { bundle, side: Side::Server, known: Mutex::default() }
    }

    /// The bundle.
    pub const fn bundle(&self) -> &Arc<Bundle> {
        &self.bundle
    }

    /// Who shows this chain. After a handshake it is an answer that is known already; of a resumed session, whose certificates are those
    /// of the first one, it also says whether they are still valid.
    pub fn who(&self, chain: &[CertificateDer<'_>], now: Moment) -> Result<Arc<Member>, Distrust> {
        let key = key(chain);
        if let Some(member) = key.as_deref().and_then(|key| self.known().find(key, now)) {
            return Ok(member);
        }
        let member = Arc::new(self.bundle.member(chain, self.side, now)?);
        if let Some(key) = key {
            self.known().remember(key, member.clone());
        }
        Ok(member)
    }

    /// As the library asks, and with all that is known about it in the error.
    fn verified(&self, leaf: &CertificateDer<'_>, beside: &[CertificateDer<'_>], now: Moment) -> Result<(), rustls::Error> {
        let chain: Vec<CertificateDer<'_>> = std::iter::once(leaf).chain(beside).map(|cert| CertificateDer::from(cert.as_ref())).collect();
        let refusal = |distrust| rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(distrust))));
        self.who(&chain, now).map(drop).map_err(refusal)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        // Whoever panicked in there left a table that is whole: it holds what was verified.
        self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// The whole chain, so that nothing depends on a hash: each certificate with its length, which makes one text of one chain.
fn key(chain: &[CertificateDer<'_>]) -> Option<Box<[u8]>> {
    let length = chain.iter().map(|cert| cert.len() + 4).sum();
    if length > LONGEST_KNOWN {
        return None;
    }
    let mut key = Vec::with_capacity(length);
    for cert in chain {
        key.extend(u32::try_from(cert.len()).ok()?.to_be_bytes());
        key.extend_from_slice(cert);
    }
    Some(key.into())
}

/// What was verified, the oldest first to go.
#[derive(Debug, Default)]
struct Known {
    members: HashMap<Arc<[u8]>, Arc<Member>>,
    order: VecDeque<Arc<[u8]>>,
}

impl Known {
    fn find(&self, key: &[u8], now: Moment) -> Option<Arc<Member>> {
        // As the library has it: the last second still counts.
        self.members.get(key).filter(|member| now <= member.until).cloned()
    }

    fn remember(&mut self, key: Box<[u8]>, member: Arc<Member>) {
        let key: Arc<[u8]> = key.into();
        if self.members.insert(key.clone(), member).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > MOST_KNOWN
            && let Some(oldest) = self.order.pop_front()
        {
            self.members.remove(&oldest);
        }
    }
}

impl ClientCertVerifier for Peers {
    /// None: who has several certificates is not led to the wrong one by a name that both roots of a rotation may have.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.verified(end_entity, intermediates, now.into())?;
        Ok(ClientCertVerified::assertion())
    }

    verifies_signatures!(peers => peers.bundle.algorithms());
}

impl ServerCertVerifier for Peers {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.verified(end_entity, intermediates, now.into())?;
        Ok(ServerCertVerified::assertion())
    }

    verifies_signatures!(peers => peers.bundle.algorithms());
}
