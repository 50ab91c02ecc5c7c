//! What a certificate says: names, dates, purposes, its key. Reading alone; whether any of it is true is for `verify`.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use aws_lc_rs::digest;
use rustls_pki_types::{CertificateDer, UnixTime};
use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{SubjectPublicKeyInfo, X509Name, X509Version};

/// A moment, in seconds since 1970; certificates know no fractions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub i64);

impl Moment {
    /// This very moment.
    pub fn now() -> Self {
        Self(OffsetDateTime::now_utc().unix_timestamp())
    }

    /// What the header `Date` of an answer says (RFC 9110, 5.6.7); `None`: that is no date.
    pub fn of_http(text: &str) -> Option<Self> {
        OffsetDateTime::parse(text, &Rfc2822).ok().map(|time| Self(time.unix_timestamp()))
    }
}

impl From<UnixTime> for Moment {
    fn from(time: UnixTime) -> Self {
        Self(i64::try_from(time.as_secs()).unwrap_or(i64::MAX))
    }
}

impl From<Moment> for UnixTime {
    fn from(moment: Moment) -> Self {
        Self::since_unix_epoch(Duration::from_secs(moment.0.max(0).unsigned_abs()))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = OffsetDateTime::from_unix_timestamp(self.0).ok().and_then(|t| t.format(&Rfc3339).ok());
        f.write_str(text.as_deref().unwrap_or("a moment that no calendar has"))
    }
}

/// The kind of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// On a curve of so many bits: 256, 384 or 521.
    Ec(usize),
    /// Of so many bits.
    Rsa(usize),
    /// Ed25519
    Ed25519,
    /// None that this program can use.
    Other,
}

impl KeyKind {
    /// Whether TLS here takes a signature of such a key: the curves of NIST, Ed25519, RSA from 2048 to 8192 bits.
    pub const fn is_strong(self) -> bool {
        match self {
            Self::Ec(bits) => matches!(bits, 256 | 384 | 521),
            Self::Rsa(bits) => bits >= 2048 && bits <= 8192,
            Self::Ed25519 => true,
            Self::Other => false,
        }
    }

    fn of(key: &SubjectPublicKeyInfo<'_>) -> Self {
        const ED25519: &str = "1.3.101.112";
        const CURVES: [(&str, usize); 3] = [("1.2.840.10045.3.1.7", 256), ("1.3.132.0.34", 384), ("1.3.132.0.35", 521)];
        let curve = || key.algorithm.parameters.as_ref().and_then(|p| p.as_oid().ok()).map(|oid| oid.to_id_string());
        match key.parsed() {
            Ok(PublicKey::RSA(rsa)) => Self::Rsa(rsa.key_size()),
            Ok(PublicKey::EC(_)) => {
                let curve = curve().unwrap_or_default();
                CURVES.iter().find(|(oid, _)| *oid == curve).map_or(Self::Other, |(_, bits)| Self::Ec(*bits))
            }
            _ if key.algorithm.algorithm.to_id_string() == ED25519 => Self::Ed25519,
            _ => Self::Other,
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ec(bits) => write!(f, "EC P-{bits}"),
            Self::Rsa(bits) => write!(f, "RSA {bits}"),
            Self::Ed25519 => f.write_str("Ed25519"),
            Self::Other => f.write_str("a key of another kind"),
        }
    }
}

/// What a certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct X509 {
    /// Whose it is; empty in the leaves of current Consul.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// In hex, with colons.
    pub serial: String,
    /// From then on it is valid.
    pub from: Moment,
    /// It is valid up to then.
    pub until: Moment,
    /// URI names.
    pub uris: Vec<String>,
    /// DNS names.
    pub dns: Vec<String>,
    /// IP addresses.
    pub ips: Vec<IpAddr>,
    /// Whether others may be signed with its key.
    pub is_ca: bool,
    /// It is of the first version, in which no certificate can say whether others may be signed with its key.
    pub is_v1: bool,
    /// Whether it is for servers; `None`: it does not say what it is for.
    pub for_servers: Option<bool>,
    /// Whether it is for clients; `None`: it does not say what it is for.
    pub for_clients: Option<bool>,
    /// The kind of its key.
    pub key: KeyKind,
    /// Subject and issuer are the same name.
    pub is_self_issued: bool,
    /// The SHA-256 of all of it, in hex.
    pub fingerprint: String,
}

impl X509 {
    /// Reads a certificate; `None` if it is none, or malformed.
    pub fn read(der: &CertificateDer<'_>) -> Option<Self> {
        let (rest, cert) = X509Certificate::from_der(der).ok()?;
        if !rest.is_empty() {
            return None;
        }
        let usage = cert.extended_key_usage().ok()?.map(|e| e.value);
        let names = cert.subject_alternative_name().ok()?.map(|e| e.value.general_names.as_slice()).unwrap_or_default();
        let of = |pick: fn(&GeneralName<'_>) -> Option<String>| names.iter().filter_map(pick).collect();
        Some(Self {
            subject: name(cert.subject()),
            issuer: name(cert.issuer()),
            serial: cert.raw_serial_as_string(),
            from: Moment(cert.validity().not_before.timestamp()),
            until: Moment(cert.validity().not_after.timestamp()),
            uris: of(|n| if let GeneralName::URI(uri) = n { Some((*uri).to_owned()) } else { None }),
            dns: of(|n| if let GeneralName::DNSName(dns) = n { Some((*dns).to_owned()) } else { None }),
            ips: names.iter().filter_map(ip).collect(),
            is_ca: cert.basic_constraints().ok()?.is_some_and(|e| e.value.ca),
            is_v1: cert.version() == X509Version::V1,
            for_servers: usage.map(|u| u.server_auth || u.any),
            for_clients: usage.map(|u| u.client_auth || u.any),
            key: KeyKind::of(cert.public_key()),
            is_self_issued: cert.subject().as_raw() == cert.issuer().as_raw(),
            fingerprint: digest::digest(&digest::SHA256, der).as_ref().iter().map(|b| format!("{b:02x}")).collect(),
        })
    }

    /// Which share of its life is over: 0 at its beginning, 1 at its end, more after it.
    pub fn age(&self, now: Moment) -> f64 {
        let life = (self.until.0 - self.from.0).max(1) as f64;
        (now.0 - self.from.0) as f64 / life
    }

    /// When it is to be renewed: between 60 and 90 % of its life as Consul's agents do, at a moment that hangs on the certificate, so
    /// that those that were made together are not renewed together.
    pub fn renew_at(&self) -> Moment {
        let draw = u32::from_str_radix(self.fingerprint.get(..8).unwrap_or("0"), 16).unwrap_or(0);
        let share = 0.6 + 0.3 * f64::from(draw) / f64::from(u32::MAX);
        Moment(self.from.0 + ((self.until.0 - self.from.0).max(0) as f64 * share) as i64)
    }

    /// What one calls it: its URI, else a DNS name, else its subject.
    pub fn called(&self) -> &str {
        self.uris.first().or(self.dns.first()).map_or(self.subject.as_str(), String::as_str)
    }
}

/// The ids of a certificate's own key and of the key that it is signed with, where it tells them. Apart from the rest, which peers' are
/// read for.
pub(super) fn key_ids(der: &CertificateDer<'_>) -> [Option<Vec<u8>>; 2] {
    let Ok((_, cert)) = X509Certificate::from_der(der) else { return [None, None] };
    let (mut own, mut by) = (None, None);
    for extension in cert.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) => own = Some(id.0.to_vec()),
            ParsedExtension::AuthorityKeyIdentifier(authority) => by = authority.key_identifier.as_ref().map(|id| id.0.to_vec()),
            _ => {}
        }
    }
    [own, by]
}

/// Whether a CA is the one that a certificate names as its issuer: by the key too, for a CA with another key may be called the same.
pub(super) fn is_issuer(ca: &CertificateDer<'_>, of: &CertificateDer<'_>) -> bool {
    let same_key = match (key_ids(ca), key_ids(of)) {
        ([Some(own), _], [_, Some(by)]) => own == by,
        _ => true,
    };
    let read = |der| X509Certificate::from_der(der).ok().map(|(_, cert)| cert);
    same_key && matches!((read(ca), read(of)), (Some(ca), Some(of)) if name(ca.subject()) == name(of.issuer()))
}

/// Its common name, the last one if there are several; empty if there is none.
pub(super) fn common_name(der: &CertificateDer<'_>) -> String {
    let Ok((_, cert)) = X509Certificate::from_der(der) else { return String::new() };
    cert.subject().iter_common_name().last().and_then(|name| name.as_str().ok()).unwrap_or_default().to_owned()
}

/// Its key with the kind of it, in DER.
pub(super) fn public_key(der: &CertificateDer<'_>) -> Option<Vec<u8>> {
    X509Certificate::from_der(der).ok().map(|(_, cert)| cert.public_key().raw.to_vec())
}

fn name(name: &X509Name<'_>) -> String {
    name.to_string()
}

fn ip(name: &GeneralName<'_>) -> Option<IpAddr> {
    let GeneralName::IPAddress(bytes) = name else { return None };
    let four = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
    four.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from)).ok()
}
