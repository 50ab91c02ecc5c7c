//! Certificates made: CAs, leaves, and what others ask to have signed, in exactly the shape of Consul's. The one door of `rcgen`.

mod request;

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use aws_lc_rs::{digest, rand};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyIdMethod, KeyPair, KeyUsagePurpose, PublicKeyData, SanType, SerialNumber,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateSigningRequestDer, PrivateKeyDer};
use time::OffsetDateTime;

use super::distrust::{Distrust, Side, Why};
use super::verify::Bundle;
use super::x509::{Moment, X509, is_issuer};
use crate::id::TrustDomain;

pub use request::{NotOurs, Request};

/// A certificate begins so long before it is made, in seconds: clocks differ. One that lives for a short time begins a tenth of it before.
const BACK: i64 = 60;
/// How long a root of the mesh is valid, as Consul has it.
pub const ROOT_LIFE: Duration = Duration::from_hours(24 * 3650);
/// How long an intermediate CA is valid, as Consul has it.
pub const INTERMEDIATE_LIFE: Duration = Duration::from_hours(24 * 365);

/// Why nothing was made.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The certificate of the CA is none.
    #[error("the CA's certificate is malformed")]
    Malformed,
    /// It is not that of a CA.
    #[error("{0:?} is not the certificate of a CA")]
    NotAnAuthority(String),
    /// The key belongs to another certificate.
    #[error("the key is not that of the CA {0:?}")]
    Mismatch(String),
    /// The CA's own end is near, or over.
    #[error("the CA {0:?} is valid only until {1}: gw certs rotate makes another one")]
    Over(String, Moment),
    /// A name that no certificate can carry.
    #[error("{0:?} is no name that a certificate can carry")]
    Name(String),
    /// The request is none, or not signed by its own key.
    #[error(
        "the request is refused: it is no PKCS #10 request, asks for what is not supported, or is not signed with its own key, EC, Ed25519 or RSA of 2048 bits and more"
    )]
    Request(#[source] rcgen::Error),
    /// The request asks for a name that it is not to have.
    #[error("the request asks for the name {0:?}, which is not among those it is to have")]
    Asked(String),
    /// Whoever has the bundle would not trust what was signed: a CA whose certificate forbids it.
    #[error("the CA {0:?} cannot sign this")]
    Worthless(String, #[source] Box<Distrust>),
    /// The library cannot do it.
    #[error("the certificate cannot be made")]
    Library(#[from] rcgen::Error),
    /// The operating system gives no chance.
    #[error("the system gives no random numbers")]
    Chance,
}

/// The life that was asked for, of one from its beginning to its end.
pub fn life_of(says: &X509) -> Duration {
    let whole = (says.until.0 - says.from.0).max(1);
    let life = if whole > 11 * BACK { whole - BACK } else { whole - whole / 11 };
    Duration::from_secs(life.unsigned_abs())
}

/// What a leaf is to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its common name; without one the subject is empty, as in the leaves of current Consul.
    pub common_name: Option<String>,
    /// URI names.
    pub uris: Vec<String>,
    /// DNS names.
    pub dns: Vec<String>,
    /// IP addresses.
    pub ips: Vec<IpAddr>,
    /// Whether servers show it.
    pub for_servers: bool,
    /// Whether clients show it.
    pub for_clients: bool,
    /// How long it is valid.
    pub life: Duration,
}

/// A leaf with all that is sent along, and its key.
pub struct Issued {
    /// The leaf, then intermediates.
    pub chain: Vec<CertificateDer<'static>>,
    /// The key in PEM (PKCS #8); `None`: it stays with whoever asked.
    pub key: Option<String>,
}

// By hand: whoever prints it for a log does not print the key.
impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key.as_ref().map(|_| "not shown");
        f.debug_struct("Issued").field("chain", &self.chain).field("key", &key).finish()
    }
}

/// A certificate of a web server that nobody vouches for, with its key, in PEM: one to begin with, valid for a year.
pub fn sample(host: &str) -> Result<(String, String), IssueError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new([host.to_owned()])?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, host);
    (params.not_before, params.not_after) = (OffsetDateTime::now_utc(), OffsetDateTime::now_utc() + INTERMEDIATE_LIFE);
    Ok((super::pem::text_of(&[params.self_signed(&key)?.into()]), key.serialize_pem()))
}

/// A CA with its key.
#[derive(Debug)]
pub struct Authority {
    cert: CertificateDer<'static>,
    says: X509,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// A new root of a mesh: EC P-256.
    pub fn root(trust_domain: &TrustDomain, now: Moment) -> Result<Self, IssueError> {
        let key = KeyPair::generate()?;
        let params = authority("pri", trust_domain, BasicConstraints::Unconstrained, &key, now, ROOT_LIFE)?;
        let cert = params.self_signed(&key)?;
        Self::open(cert.into(), key)
    }

    /// An intermediate CA below this one.
    pub fn intermediate(&self, trust_domain: &TrustDomain, now: Moment) -> Result<Self, IssueError> {
        let key = KeyPair::generate()?;
        let mut params = authority("sec", trust_domain, BasicConstraints::Constrained(0), &key, now, INTERMEDIATE_LIFE)?;
        params.not_after = params.not_after.min(at(self.says.until)?);
        params.use_authority_key_identifier_extension = true;
        let cert = params.signed_by(&key, &self.issuer)?;
        Self::open(cert.into(), key)
    }

    /// The name and the key of another root, vouched for by this one: who trusts only this one trusts what that one signs.
    pub fn cross_sign(&self, other: &Self, trust_domain: &TrustDomain, now: Moment) -> Result<CertificateDer<'static>, IssueError> {
        let key = other.issuer.key();
        let mut params = authority("", trust_domain, BasicConstraints::Unconstrained, key, now, ROOT_LIFE)?;
        // The very name of the other one, however it is encoded, for it is what its leaves name as their issuer.
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, other.common_name());
        params.not_after = at(self.says.until.min(other.says.until))?;
        params.use_authority_key_identifier_extension = true;
        Ok(params.signed_by(key, &self.issuer)?.into())
    }

    /// A CA of files, of any kind of key.
    pub fn of(cert: CertificateDer<'static>, key: &PrivateKeyDer<'_>) -> Result<Self, IssueError> {
        Self::open(cert, KeyPair::try_from(key)?)
    }

    fn open(cert: CertificateDer<'static>, key: KeyPair) -> Result<Self, IssueError> {
        let says = X509::read(&cert).ok_or(IssueError::Malformed)?;
        if !says.is_ca {
            return Err(IssueError::NotAnAuthority(says.called().to_owned()));
        }
        let certified = webpki::EndEntityCert::try_from(&cert).map_err(|_| IssueError::Malformed)?.subject_public_key_info();
        if certified.as_ref() != key.subject_public_key_info() {
            return Err(IssueError::Mismatch(says.subject));
        }
        let issuer = Issuer::from_ca_cert_der(&cert, key)?;
        Ok(Self { cert, says, issuer })
    }

    /// Its certificate.
    pub const fn certificate(&self) -> &CertificateDer<'static> {
        &self.cert
    }

    /// What its certificate says.
    pub const fn says(&self) -> &X509 {
        &self.says
    }

    /// Whether it is the CA that a certificate names as its issuer.
    pub fn signed(&self, cert: &CertificateDer<'_>) -> bool {
        is_issuer(&self.cert, cert)
    }

    /// Its key in PEM.
    pub fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    fn common_name(&self) -> &str {
        self.says.subject.strip_prefix("CN=").unwrap_or(&self.says.subject)
    }

    /// A leaf with a new key. `above`: what is sent along, this CA's certificate among it if it is no root.
    pub fn issue(&self, wanted: &Wanted, above: &[CertificateDer<'static>], now: Moment) -> Result<Issued, IssueError> {
        let key = KeyPair::generate()?;
        let chain = self.certify(wanted, &key, above, now)?;
        Ok(Issued { chain, key: Some(key.serialize_pem()) })
    }

    /// A leaf for the key of a request (PKCS #10, in PEM). Which names it has is said here, never by the request: one that asks for
    /// others is refused.
    pub fn sign(&self, request: &[u8], wanted: &Wanted, above: &[CertificateDer<'static>], now: Moment) -> Result<Issued, IssueError> {
        let none = |_| IssueError::Request(rcgen::Error::CouldNotParseCertificationRequest);
        let der = CertificateSigningRequestDer::from_pem_slice(request).map_err(none)?;
        let request = CertificateSigningRequestParams::from_der(&der).map_err(IssueError::Request)?;
        for name in &request.params.subject_alt_names {
            let asked = match name {
                SanType::URI(uri) => (wanted.uris.iter().any(|w| w == uri.as_str()), uri.to_string()),
                SanType::DnsName(dns) => (wanted.dns.iter().any(|w| w == dns.as_str()), dns.to_string()),
                SanType::IpAddress(ip) => (wanted.ips.contains(ip), ip.to_string()),
                other => (false, format!("{other:?}")),
            };
            if let (false, name) = asked {
                return Err(IssueError::Asked(name));
            }
        }
        let chain = self.certify(wanted, &request.public_key, above, now)?;
        Ok(Issued { chain, key: None })
    }

    /// The leaf and what is above it, verified as a peer will verify it.
    fn certify(
        &self,
        wanted: &Wanted,
        key: &impl PublicKeyData,
        above: &[CertificateDer<'static>],
        now: Moment,
    ) -> Result<Vec<CertificateDer<'static>>, IssueError> {
        if self.says.until <= now {
            return Err(IssueError::Over(self.says.subject.clone(), self.says.until));
        }
        let mut params = leaf(wanted, now)?;
        // A leaf that outlives its CA would only seem to.
        params.not_after = params.not_after.min(at(self.says.until)?);
        params.key_identifier_method = key_id(key);
        let leaf: CertificateDer<'static> = params.signed_by(key, &self.issuer)?.into();
        let worthless = |why| IssueError::Worthless(self.says.subject.clone(), Box::new(Distrust::of(&leaf, above.len(), why)));
        // A CA from outside may have names that are written in another way here, constraints, an end.
        let own = Bundle::of(vec![self.cert.clone()], TrustDomain::new("")).map_err(|_| IssueError::Malformed)?;
        let sides = [(wanted.for_servers, Side::Server), (wanted.for_clients, Side::Client)];
        for (_, side) in sides.into_iter().filter(|(is, _)| *is) {
            own.chain(&leaf, &[], side, now).map_err(worthless)?;
        }
        if !wanted.for_servers && !wanted.for_clients {
            return Err(worthless(Why::Purpose(Side::Client)));
        }
        let mut chain = vec![leaf];
        chain.extend_from_slice(above);
        Ok(chain)
    }
}

/// What a CA's certificate says, as Consul's.
fn authority(
    prefix: &str,
    trust_domain: &TrustDomain,
    constraints: BasicConstraints,
    key: &KeyPair,
    now: Moment,
    life: Duration,
) -> Result<CertificateParams, IssueError> {
    let mut params = begin(now, life)?;
    let cluster: String = trust_domain.as_str().chars().filter(char::is_ascii_alphanumeric).take(8).collect();
    let unique: String = random::<4>()?.iter().map(|b| format!("{b:02x}")).collect();
    params.distinguished_name.push(DnType::CommonName, format!("{prefix}-{unique}.consul.ca.{cluster}.consul"));
    params.subject_alt_names = vec![SanType::URI(text(&format!("spiffe://{trust_domain}"))?)];
    params.is_ca = IsCa::Ca(constraints);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.key_identifier_method = key_id(key);
    Ok(params)
}

/// What a leaf says, as Consul's.
fn leaf(wanted: &Wanted, now: Moment) -> Result<CertificateParams, IssueError> {
    let mut params = begin(now, wanted.life)?;
    if let Some(name) = &wanted.common_name {
        params.distinguished_name.push(DnType::CommonName, name.as_str());
    }
    for uri in &wanted.uris {
        params.subject_alt_names.push(SanType::URI(text(uri)?));
    }
    for dns in &wanted.dns {
        params.subject_alt_names.push(SanType::DnsName(text(dns)?));
    }
    params.subject_alt_names.extend(wanted.ips.iter().copied().map(SanType::IpAddress));
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyEncipherment,
        KeyUsagePurpose::DataEncipherment,
        KeyUsagePurpose::KeyAgreement,
    ];
    let purposes = [(wanted.for_clients, ExtendedKeyUsagePurpose::ClientAuth), (wanted.for_servers, ExtendedKeyUsagePurpose::ServerAuth)];
    params.extended_key_usages = purposes.into_iter().filter(|(is, _)| *is).map(|(_, purpose)| purpose).collect();
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn begin(now: Moment, life: Duration) -> Result<CertificateParams, IssueError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let life = i64::try_from(life.as_secs()).unwrap_or(i64::MAX);
    params.not_before = at(Moment(now.0 - BACK.min(life / 10)))?;
    params.not_after = at(Moment(now.0.saturating_add(life)))?;
    let mut serial = random::<16>()?;
    // Positive and of one length: RFC 5280 4.1.2.2 wants neither zero nor a sign.
    serial[0] = serial[0] & 0x7f | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    Ok(params)
}

/// The key's id as Consul has it: the whole SHA-256 of the public key with its kind.
fn key_id(key: &impl PublicKeyData) -> KeyIdMethod {
    KeyIdMethod::PreSpecified(digest::digest(&digest::SHA256, &key.subject_public_key_info()).as_ref().to_vec())
}

fn random<const N: usize>() -> Result<[u8; N], IssueError> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| IssueError::Chance)?;
    Ok(bytes)
}

fn at(moment: Moment) -> Result<OffsetDateTime, IssueError> {
    OffsetDateTime::from_unix_timestamp(moment.0).map_err(|_| IssueError::Name(moment.to_string()))
}

fn text(name: &str) -> Result<rcgen::string::Ia5String, IssueError> {
    name.try_into().map_err(|_| IssueError::Name(name.to_owned()))
}

#[cfg(test)]
mod tests;
