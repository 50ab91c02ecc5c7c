//! mTLS of the mesh towards those who connect: the leaf of the service that SNI names is shown, and they must show one too.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::{ClientHello, NoServerSessionStorage, ProducesTickets, ResolvesServerCert, ServerConnection};
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, ServerName};

use super::range::Range;
use super::stamp::Stamp;
use super::{Bundle, Distrust, Error, Held, Member, Moment, Peers, Side, Unusable, pem, xfcc};
use crate::id::{SpiffeId, TargetId, TrustDomain};
use crate::model::gateway::{InboundKeys, Leaf};

/// What a mesh-mTLS listener shows, and whom it lets in.
#[derive(Clone, Debug)]
pub struct Inbound {
    config: Arc<ServerConfig>,
    shown: Arc<BySni>,
    clients: Arc<Peers>,
    range: Range,
    /// The one that leaves are of.
    datacenter: String,
    /// The files of leaves, as they were when they were found good.
    stamps: Arc<HashMap<PathBuf, Stamp>>,
}

/// Who has connected: proven by the handshake.
#[derive(Debug)]
pub struct Peer {
    /// Whose certificate it is.
    pub member: Arc<Member>,
    /// The certificate, then what came with it.
    chain: Vec<CertificateDer<'static>>,
    /// As what the gateway has shown itself.
    own: String,
}

impl Peer {
    /// As `x-forwarded-client-cert` tells it.
    pub fn forwarded(&self) -> String {
        xfcc::element(&self.own, &self.chain)
    }
}

/// What is read of a server name where TLS ends. `Ok(None)`: an IP address, which counts as no name; `Err`: no client may send it.
pub fn ended_name(name: &str) -> Result<Option<String>, &'static str> {
    match ServerName::try_from(name) {
        Ok(ServerName::DnsName(name)) => Ok(Some(name.as_ref().to_ascii_lowercase())),
        Ok(_) => Ok(None),
        Err(_) => Err("the ClientHello's server name is none that DNS has"),
    }
}

impl Inbound {
    /// Reads the files. A service whose leaf cannot be shown has the one it had before, or none, and is told in `unusable`.
    pub fn build(
        keys: &InboundKeys,
        trust_domain: &TrustDomain,
        older: Option<&Self>,
        unusable: &mut Vec<Unusable>,
    ) -> Result<Self, Error> {
        let range = Range::or_before(&keys.tls, "TLS.Incoming", older.map(|o| &o.range), unusable)?;
        let bundle = Bundle::read(&keys.roots, trust_domain.clone())?;
        // Who was verified by the same roots is still known, and may resume its sessions.
        let same_roots = |o: &&Self| o.clients.bundle().roots() == bundle.roots() && o.clients.bundle().trust_domain() == trust_domain;
        let of_same_roots = older.filter(same_roots);
        let clients = of_same_roots.map_or_else(|| Arc::new(Peers::clients(Arc::new(bundle))), |o| o.clients.clone());
        let still_trusted = |before: &&Arc<Shown>| of_same_roots.is_some() || before.is_trusted_by(clients.bundle());
        let (mut shown, mut stamps) = (BySni::default(), HashMap::new());
        for leaf in &keys.leaves {
            let stamp = Stamp::of(&leaf.cert, &leaf.key);
            stamps.extend(stamp.map(|stamp| (leaf.cert.clone(), stamp)));
            if let Some(before) = of_same_roots.filter(|o| o.datacenter == keys.datacenter).and_then(|o| o.unchanged(leaf, stamp?)) {
                shown.add(leaf, before);
                continue;
            }
            match Shown::read(leaf, &keys.datacenter, clients.bundle()) {
                Ok(new) => shown.add(leaf, of_same_roots.and_then(|o| o.shown.same(leaf, &new)).unwrap_or_else(|| Arc::new(new))),
                Err(why) => {
                    stamps.remove(&leaf.cert);
                    let before = older.and_then(|o| o.shown.find(&leaf.names[0])).filter(still_trusted).cloned();
                    unusable.push(Unusable { what: leaf.service.clone(), kept: before.is_some(), why });
                    if let Some(before) = before {
                        shown.add(leaf, before);
                    }
                }
            }
        }
        if let Some(older) = of_same_roots.filter(|o| o.range == range && o.shown.says_the_same_as(&shown)) {
            return Ok(Self { stamps: Arc::new(stamps), ..older.clone() });
        }
        let shown = Arc::new(shown);
        let tickets = of_same_roots.map(|o| o.config.ticketer.clone());
        let (datacenter, stamps) = (keys.datacenter.clone(), Arc::new(stamps));
        Ok(Self { config: config(&range, &shown, &clients, tickets), shown, clients, range, datacenter, stamps })
    }

    /// What is shown for a service whose files nobody changed since they were read, as long as it is valid.
    fn unchanged(&self, leaf: &Leaf, stamp: Stamp) -> Option<Arc<Shown>> {
        let same = self.stamps.get(&leaf.cert).is_some_and(|then| *then == stamp);
        self.shown.find(leaf.names.first()?).filter(|shown| same && shown.until > Moment::now()).cloned()
    }

    /// The leaf of each service that is spoken for, and the roots.
    pub(super) fn held(&self) -> Vec<Held<'_>> {
        let mut held = self.clients.bundle().held();
        let leaves: BTreeMap<&str, &Arc<Shown>> = self.shown.0.values().map(|shown| (shown.uri.as_str(), shown)).collect();
        let service = |uri: &str| uri.rsplit('/').next().unwrap_or_default().to_owned();
        held.extend(leaves.into_iter().map(|(uri, shown)| Held { used: "leaf", name: service(uri), chain: &shown.key.cert }));
        held
    }

    /// Whether this is the very same.
    pub fn same(one: Option<&Self>, other: Option<&Self>) -> bool {
        match (one, other) {
            (Some(one), Some(other)) => Arc::ptr_eq(&one.config, &other.config),
            (one, other) => one.is_none() && other.is_none(),
        }
    }

    /// With what the handshake goes on when its server name is one that is shown for; `None`: it is none.
    pub fn server(&self, name: &str) -> Option<&Arc<ServerConfig>> {
        self.shown.find(name).map(|_| &self.config)
    }

    /// Who is at the other end of a handshake that is done. Also of a resumed session it is asked whether the certificate, which is
    /// that of the first one, is still good.
    pub fn peer(&self, session: &ServerConnection) -> Result<Peer, Distrust> {
        let chain = session.peer_certificates().unwrap_or_default();
        let member = self.clients.who(chain, Moment::now())?;
        let own = session.server_name().and_then(|name| self.shown.find(name)).map(|shown| shown.uri.clone());
        Ok(Peer { member, chain: chain.iter().map(|cert| cert.clone().into_owned()).collect(), own: own.unwrap_or_default() })
    }
}

fn config(range: &Range, shown: &Arc<BySni>, clients: &Arc<Peers>, tickets: Option<Arc<dyn ProducesTickets>>) -> Arc<ServerConfig> {
    let builder = ServerConfig::builder_with_provider(range.provider());
    let versions = builder.with_protocol_versions(range.versions()).expect("a range has suites for its versions");
    let mut config = versions.with_client_cert_verifier(clients.clone()).with_cert_resolver(shown.clone());
    // The cheapest strong suite, whatever a client that takes it prefers.
    config.ignore_client_order = true;
    // Tickets instead of a table of sessions that the workers would have to share.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 1;
    match tickets {
        Some(tickets) => config.ticketer = tickets,
        None => {
            if let Ok(tickets) = rustls::crypto::aws_lc_rs::Ticketer::new() {
                config.ticketer = tickets;
            }
        }
    }
    Arc::new(config)
}

/// A leaf that can be shown.
#[derive(Debug)]
struct Shown {
    key: Arc<CertifiedKey>,
    uri: String,
    until: Moment,
}

impl Shown {
    /// Reads the files, and looks whether clients will take them for the service of this datacenter.
    fn read(leaf: &Leaf, datacenter: &str, bundle: &Bundle) -> Result<Self, String> {
        let key = pem::certified(&leaf.cert, &leaf.key).map_err(|e| super::with_source(&e))?;
        let in_file = |why: String| format!("{}: {why}", leaf.cert.display());
        let member = bundle.member(&key.cert, Side::Server, Moment::now()).map_err(|e| in_file(e.to_string()))?;
        let expected = SpiffeId::of_target(&TargetId::service(&leaf.service, datacenter), bundle.trust_domain());
        let (is, wanted) = (member.id.to_string(), expected.to_string());
        // Names have no case.
        if !is.eq_ignore_ascii_case(&wanted) {
            return Err(in_file(format!("it is the leaf of {is}, not of {wanted}")));
        }
        Ok(Self { key: Arc::new(key), uri: is, until: member.until })
    }

    fn is_trusted_by(&self, bundle: &Bundle) -> bool {
        bundle.member(&self.key.cert, Side::Server, Moment::now()).is_ok()
    }
}

/// Which leaf a server name means. No other name means anything.
#[derive(Debug, Default)]
struct BySni(HashMap<String, Arc<Shown>>);

impl BySni {
    fn add(&mut self, leaf: &Leaf, shown: Arc<Shown>) {
        for name in &leaf.names {
            self.0.insert(name.clone(), shown.clone());
        }
    }

    fn find(&self, name: &str) -> Option<&Arc<Shown>> {
        self.0.get(name).or_else(|| self.0.get(&name.to_ascii_lowercase()))
    }

    /// What is shown for a service, if that is the same certificate.
    fn same(&self, leaf: &Leaf, new: &Shown) -> Option<Arc<Shown>> {
        self.find(leaf.names.first()?).filter(|old| old.key.cert == new.key.cert).cloned()
    }

    fn says_the_same_as(&self, other: &Self) -> bool {
        let same = |(name, shown): (&String, &Arc<Shown>)| other.0.get(name).is_some_and(|o| Arc::ptr_eq(o, shown));
        self.0.len() == other.0.len() && self.0.iter().all(same)
    }
}

impl ResolvesServerCert for BySni {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.find(hello.server_name()?).map(|shown| shown.key.clone())
    }
}
