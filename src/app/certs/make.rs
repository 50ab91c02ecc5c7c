//! What is made: a CA, leaves, and leaves for the keys of others.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::CertsError;
use super::folder::{BUNDLE, DATACENTER, Folder, INTERMEDIATE, INTERMEDIATE_KEY, KEY, Mode, trust_domain_of};
use super::renew::{Due, Leaf};
use super::used::is_used_by;
use crate::id::{SpiffeId, TargetId, TrustDomain};
use crate::model::gateway::Identity;
use crate::tls::{Authority, CertificateDer, Moment, Wanted, X509, pem};

/// How long a mesh leaf is valid, as Consul has it.
const LEAF_LIFE: Duration = Duration::from_hours(72);
/// How long certificates of agents are, as `consul tls` has it.
const AGENT_LIFE: Duration = Duration::from_hours(24 * 365);
/// How long certificates with DNS names are.
const DNS_LIFE: Duration = Duration::from_hours(24 * 90);
/// The longest common name (RFC 5280, ub-common-name).
const LONGEST_NAME: usize = 64;
/// What the files of the CA between the root and leaves are called by.
pub(super) const BELOW: &str = "ca-intermediate";
/// Names that are not those of leaves.
pub(super) const RESERVED: [&str; 5] = ["ca", BELOW, "ca-cross", "ca-new", "ca-old"];

/// The life of a leaf of that kind, where its own says nothing: it was cut to the end of its CA.
pub(super) fn usual_life(says: &X509) -> Duration {
    match (says.uris.is_empty(), says.for_clients) {
        (false, _) => LEAF_LIFE,
        (true, Some(false)) => DNS_LIFE,
        (true, _) => AGENT_LIFE,
    }
}

/// What a new CA is to be.
#[derive(Clone, Debug, Default)]
pub struct Init {
    /// Its trust domain; without one a new one, as Consul makes it.
    pub trust_domain: Option<String>,
    /// The datacenter that leaves are issued for; without one dc1.
    pub datacenter: Option<String>,
    /// Whether leaves are signed by a CA below the root.
    pub intermediate: bool,
    /// Whether what is there is overwritten.
    pub force: bool,
}

/// What a leaf is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A service of the mesh: one URI, no other name.
    Service,
    /// A server of Consul: NAME is its node.
    Server,
    /// A client of Consul's agents.
    Client,
    /// A server with host names.
    Dns,
}

/// A leaf that is wanted.
#[derive(Clone, Debug)]
pub struct Order {
    /// The service, the node, or the host name; files have its name.
    pub name: String,
    /// What it is for.
    pub kind: Kind,
    /// More DNS names and addresses.
    pub san: Vec<String>,
    /// How long it is valid; without one as Consul has it.
    pub ttl: Option<Duration>,
    /// The datacenter; without one that of the folder.
    pub datacenter: Option<String>,
    /// The trust domain; without one the CA's.
    pub trust_domain: Option<String>,
    /// Whether what is there is overwritten.
    pub force: bool,
}

impl Order {
    /// A leaf of a service, as it is by default.
    pub fn service(name: &str) -> Self {
        let name = name.to_owned();
        Self { name, kind: Kind::Service, san: Vec::new(), ttl: None, datacenter: None, trust_domain: None, force: false }
    }
}

/// Makes a CA. The files it wrote.
pub fn init(folder: &Folder, wanted: &Init) -> Result<Vec<PathBuf>, CertsError> {
    let trust_domain = match &wanted.trust_domain {
        Some(name) => named(name)?,
        None => TrustDomain::new(&format!("{}.consul", uuid::Uuid::new_v4())),
    };
    let _lock = folder.lock()?;
    folder.free(&[BUNDLE, KEY, INTERMEDIATE, INTERMEDIATE_KEY], wanted.force)?;
    let now = Moment::now();
    let root = Authority::root(&trust_domain, now)?;
    let mut wrote = vec![folder.write(KEY, &root.key_pem(), Mode::Secret)?];
    if wanted.intermediate {
        wrote.extend(put_intermediate(folder, &root, &trust_domain, now)?);
    } else {
        // With --force: one of an earlier CA would go on signing.
        folder.remove(INTERMEDIATE_KEY)?;
        folder.remove(INTERMEDIATE)?;
    }
    folder.remove(super::folder::CROSS)?;
    if let Some(datacenter) = &wanted.datacenter {
        wrote.push(folder.write(DATACENTER, &format!("{datacenter}\n"), Mode::Public)?);
    }
    wrote.push(folder.write(BUNDLE, &pem::text_of(&[root.certificate().clone()]), Mode::Public)?);
    Ok(wrote)
}

/// Makes the CA below a root that signs from then on.
pub(super) fn put_intermediate(folder: &Folder, root: &Authority, named: &TrustDomain, now: Moment) -> Result<[PathBuf; 2], CertsError> {
    let below = root.intermediate(named, now)?;
    let key = folder.write(INTERMEDIATE_KEY, &below.key_pem(), Mode::Secret)?;
    Ok([key, folder.write(INTERMEDIATE, &pem::text_of(&[below.certificate().clone()]), Mode::Public)?])
}

/// The trust domain of the CA of a folder, if it names one.
pub fn trust_domain(folder: &Folder) -> Option<TrustDomain> {
    folder.bundle().ok()?.iter().find_map(trust_domain_of)
}

/// The same, of a CA that is ours to replace.
pub(super) fn own_trust_domain(folder: &Folder) -> Result<TrustDomain, CertsError> {
    trust_domain(folder).ok_or_else(|| {
        CertsError::Usage("the CA's certificate names no trust domain: a CA from outside is rotated by those who made it".to_owned())
    })
}

/// Issues a leaf with a new key. The files it wrote: certificate, key.
pub fn issue(folder: &Folder, order: &Order) -> Result<[PathBuf; 2], CertsError> {
    // Before the lock, which would make the folder.
    folder.ca()?;
    let _lock = folder.lock()?;
    issue_locked(folder, order)
}

fn issue_locked(folder: &Folder, order: &Order) -> Result<[PathBuf; 2], CertsError> {
    let ca = folder.ca()?;
    let wanted = wanted(folder, order, ca.trust_domain.as_ref())?;
    let (cert, key) = (format!("{}.pem", order.name), format!("{}-key.pem", order.name));
    folder.free(&[&cert, &key], order.force)?;
    let issued = ca.authority.issue(&wanted, &ca.above, Moment::now())?;
    put(folder, &cert, &key, &issued.chain, issued.key.as_deref().unwrap_or_default())
}

/// Writes a leaf and its key. In between the two do not fit each other, and whoever reads both then looks once more.
pub(in crate::app) fn put(
    folder: &Folder,
    cert: &str,
    key: &str,
    chain: &[CertificateDer<'static>],
    secret: &str,
) -> Result<[PathBuf; 2], CertsError> {
    let key = folder.write(key, secret, Mode::Secret)?;
    Ok([folder.write(cert, &pem::text_of(chain), Mode::Public)?, key])
}

/// Signs a request (PKCS #10, PEM): the certificate with what is sent along, in PEM. Its key stays where it is.
pub fn sign(folder: &Folder, request: &[u8], order: &Order) -> Result<String, CertsError> {
    let ca = folder.ca()?;
    let wanted = wanted(folder, order, ca.trust_domain.as_ref())?;
    Ok(pem::text_of(&ca.authority.sign(request, &wanted, &ca.above, Moment::now())?.chain))
}

/// The files of these services, each issued by the CA of the folder where it is missing, or of no use as it is. What a gateway shows
/// comes by this way, its own leaf as those of the services that a terminating gateway is linked to. Where there is no key of a CA,
/// the files are named alone: somebody else puts them there. An error names each that is not issued; the others are.
pub fn leaves(folder: &Folder, services: &[&str], datacenter: &str, trust_domain: &TrustDomain) -> Result<Vec<Identity>, CertsError> {
    let identities = services.iter().map(|name| Identity::in_folder(folder.path(), name)).collect();
    if !folder.signs() {
        return Ok(identities);
    }
    let ids = services.iter().map(|name| SpiffeId::of_target(&TargetId::service(name, datacenter), trust_domain));
    let missing: Vec<SpiffeId> = ids.filter(|id| is_missing(folder, id)).collect();
    if missing.is_empty() {
        return Ok(identities);
    }
    let _lock = folder.lock()?;
    // Another gateway may have been faster. That one cannot be issued is no reason not to issue the others.
    let failed = missing.iter().filter(|id| is_missing(folder, id)).filter_map(|id| {
        if let Some(taken) = taken(folder, id) {
            return Some((id.service.to_string(), taken));
        }
        let (datacenter, trust_domain) = (Some(datacenter.to_owned()), Some(trust_domain.to_string()));
        let order = Order { datacenter, trust_domain, force: true, ..Order::service(&id.service) };
        Some((order.name.clone(), issue_locked(folder, &order).err()?))
    });
    CertsError::of_leaves(failed.collect()).map_or(Ok(identities), Err)
}

/// Whether there is no leaf that is of use to that service: none at all, or one of another id, as another datacenter makes it. What is
/// no leaf of a mesh is somebody's own and left alone. A name that none is written for counts, so that it is told why.
fn is_missing(folder: &Folder, id: &SpiffeId) -> bool {
    let leaf = Leaf::of(folder, &id.service);
    let other = || leaf.id().is_some_and(|shown| !shown.to_string().eq_ignore_ascii_case(&id.to_string()));
    file_name(&id.service).is_err()
        || match leaf.due(None, Moment::now(), 1.0) {
            Due::Missing | Due::Broken | Due::Over => true,
            Due::Aged | Due::OtherCa | Due::Fresh => other(),
            Due::OfCa => false,
        }
}

/// Why a leaf is left to another datacenter: it is good, and gateways of that one run.
fn taken(folder: &Folder, id: &SpiffeId) -> Option<CertsError> {
    let leaf = Leaf::of(folder, &id.service);
    let is_good = !matches!(leaf.due(None, Moment::now(), 1.0), Due::Missing | Due::Broken | Due::Over);
    let theirs = leaf.id()?.datacenter;
    if !is_good || theirs == id.datacenter || !is_used_by(folder, &theirs) {
        return None;
    }
    let (name, ours) = (id.service.to_string(), id.datacenter.to_string());
    Some(CertsError::Taken { cert: leaf.cert, name, theirs: theirs.to_string(), ours })
}

/// The certificate of a server of Consul, with both names that others ask for: any server of the datacenter, and this one.
pub(in crate::app) fn of_server(node: &str, datacenter: &str) -> Wanted {
    let any = format!("server.{datacenter}.consul");
    Wanted {
        dns: vec![any.clone(), format!("{node}.{any}"), "localhost".to_owned()],
        common_name: Some(any).filter(|name| name.len() <= LONGEST_NAME),
        uris: Vec::new(),
        ips: vec![IpAddr::from([127, 0, 0, 1])],
        for_servers: true,
        for_clients: true,
        life: AGENT_LIFE,
    }
}

fn wanted(folder: &Folder, order: &Order, of_ca: Option<&TrustDomain>) -> Result<Wanted, CertsError> {
    let name = file_name(&order.name)?;
    let datacenter = match &order.datacenter {
        Some(datacenter) => datacenter.clone(),
        None => folder.datacenter()?,
    };
    let (mut dns, mut ips) = (Vec::new(), Vec::new());
    let mut uris = Vec::new();
    let (common_name, life) = match order.kind {
        Kind::Service => {
            uris.push(id(name, &datacenter, order, of_ca)?);
            (None, LEAF_LIFE)
        }
        Kind::Server => {
            let server = of_server(name, &datacenter);
            (dns, ips) = (server.dns, server.ips);
            (server.common_name, AGENT_LIFE)
        }
        Kind::Client => {
            dns.extend([format!("client.{datacenter}.consul"), "localhost".to_owned()]);
            ips.push(IpAddr::from([127, 0, 0, 1]));
            (Some(format!("client.{datacenter}.consul")), AGENT_LIFE)
        }
        Kind::Dns => {
            match name.parse() {
                Ok(ip) => ips.push(ip),
                Err(_) => dns.push(host(name)?),
            }
            (Some(name.to_owned()), DNS_LIFE)
        }
    };
    for san in &order.san {
        match san.parse() {
            Ok(ip) => ips.push(ip),
            Err(_) => dns.push(host(san)?),
        }
    }
    dns.dedup();
    ips.dedup();
    let life = order.ttl.unwrap_or(life);
    if life.is_zero() {
        return Err(CertsError::Usage("--ttl is 0, and a certificate is valid for a while: 72h".to_owned()));
    }
    let common_name = common_name.filter(|name| name.len() <= LONGEST_NAME);
    Ok(Wanted { common_name, uris, dns, ips, for_servers: true, for_clients: order.kind != Kind::Dns, life })
}

fn id(name: &str, datacenter: &str, order: &Order, of_ca: Option<&TrustDomain>) -> Result<String, CertsError> {
    let trust_domain = match (&order.trust_domain, of_ca) {
        (Some(name), _) => named(name)?,
        (None, Some(of_ca)) => of_ca.clone(),
        (None, None) => {
            let why = "the CA's certificate names no trust domain (a URI spiffe://TRUST-DOMAIN): --trust-domain says which it is";
            return Err(CertsError::Usage(why.to_owned()));
        }
    };
    if let Some(of_ca) = of_ca.filter(|of_ca| **of_ca != trust_domain) {
        return Err(CertsError::Usage(format!("the CA is that of {of_ca}, and nobody trusts it for {trust_domain}")));
    }
    Ok(SpiffeId::of_target(&TargetId::service(name, datacenter), &trust_domain).to_string())
}

/// A trust domain as SPIFFE has it.
fn named(name: &str) -> Result<TrustDomain, CertsError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    if name.is_empty() || name.len() > 255 || !name.bytes().all(plain) {
        return Err(CertsError::Usage(format!("{name:?} is no trust domain: letters, digits, dots and dashes")));
    }
    Ok(TrustDomain::new(name))
}

/// A host name that a certificate can carry, with a wildcard in front or without.
fn host(name: &str) -> Result<String, CertsError> {
    let label = |label: &str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
        !label.is_empty() && label.len() <= 63 && label.bytes().all(plain)
    };
    let plain = name.strip_prefix("*.").unwrap_or(name);
    if name.len() > 253 || !plain.split('.').all(label) {
        return Err(CertsError::Usage(format!("{name:?} is neither a host name nor an address")));
    }
    Ok(name.to_owned())
}

/// A name by which files can be called.
pub(super) fn file_name(name: &str) -> Result<&str, CertsError> {
    let plain = Path::new(name).file_name().is_some_and(|n| n == name);
    let why = if !plain || name.starts_with('.') || name.bytes().any(|b| b.is_ascii_control()) {
        "a file cannot be called so"
    } else if RESERVED.contains(&name) {
        "that is the name of the CA's own files; gw certs rotate makes another root, gw certs renew ca-intermediate another intermediate"
    } else if name.ends_with("-key") {
        "NAME-key.pem is where a key is"
    } else {
        return Ok(name);
    };
    Err(CertsError::Usage(format!("no certificate is issued for {name:?}: {why}")))
}
