//! What certificates say, what is wrong with them, and whether they are trusted.

use std::path::Path;

use super::error::CertsError;
use crate::id::{SpiffeId, TrustDomain};
use crate::tls::{self, Bundle, CertificateDer, Distrust, Moment, Side, Why, X509, pem};

pub use crate::tls::Shown as Served;

/// Something that is wrong with a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Which certificate of the chain, from 0.
    pub at: usize,
    /// What it is, in a sentence.
    pub what: String,
}

/// The certificates of a file.
pub fn in_file(path: &Path) -> Result<Vec<X509>, CertsError> {
    read(&pem::chain(path)?, &path.display().to_string())
}

/// The certificates of a text; `name` is where it comes from.
pub fn in_text(text: &[u8], name: &str) -> Result<Vec<X509>, CertsError> {
    read(&pem::chain_in(text, Path::new(name))?, name)
}

/// The certificates that a server shows, and how it speaks.
pub fn at(at: &str, sni: Option<&str>, alpn: &[String]) -> Result<(Vec<X509>, Served), CertsError> {
    tls::install();
    let shown = tls::shown(at, sni, alpn).map_err(|source| CertsError::Unreachable { at: at.to_owned(), source })?;
    Ok((read(&shown.chain, at)?, shown))
}

fn read(chain: &[CertificateDer<'_>], name: &str) -> Result<Vec<X509>, CertsError> {
    let none = |n| CertsError::NoSuch(format!("certificate {} of {name} cannot be read: it is malformed", n + 1));
    chain.iter().enumerate().map(|(n, cert)| X509::read(cert).ok_or_else(|| none(n))).collect()
}

/// What is wrong with a chain by itself, leaf first; roots alone are looked at as what they are.
pub fn wrong(chain: &[X509], now: Moment) -> Vec<Wrong> {
    let mut out = Vec::new();
    for (at, cert) in chain.iter().enumerate() {
        let mut say = |what: String| out.push(Wrong { at, what });
        if now > cert.until {
            say(format!("expired since {}", cert.until));
        } else if now < cert.from {
            say(format!("not valid before {}", cert.from));
        }
        if !cert.key.is_strong() {
            say(format!("its key is {}, which TLS here does not take", cert.key));
        }
        if cert.is_ca {
            continue;
        }
        if cert.uris.is_empty() && cert.dns.is_empty() && cert.ips.is_empty() {
            say("no name at all: the subject does not count".to_owned());
        }
        if cert.uris.len() > 1 {
            say(format!("{} URIs: one certificate is one identity", cert.uris.len()));
        }
        let spiffe = cert.uris.iter().filter(|uri| uri.starts_with("spiffe://"));
        for uri in spiffe.filter(|uri| SpiffeId::parse(uri).is_none()) {
            say(format!("{uri} is no service of a mesh"));
        }
        if cert.for_servers == Some(false) && cert.for_clients == Some(false) {
            say("neither for servers nor for clients".to_owned());
        }
    }
    let bundle = chain.iter().all(|cert| cert.is_ca);
    let links = chain.windows(2).enumerate().filter(|_| !bundle);
    for (at, _) in links.filter(|(_, pair)| pair[0].issuer != pair[1].subject) {
        let (what, name) = (&chain[at + 1], &chain[at].issuer);
        let twice = chain[..=at].iter().any(|earlier| earlier.fingerprint == what.fingerprint);
        let what = if twice { "is there twice".to_owned() } else { format!("does not vouch for the one before, which is by {name:?}") };
        out.push(Wrong { at: at + 1, what });
    }
    out
}

/// Whether a chain in a file is trusted by a bundle in another: as that service's, both as a server and as a client, or as a server
/// of that host name. Until when.
pub fn verify_file(file: &Path, roots: &Path, spiffe: Option<&str>, dns: Option<&str>) -> Result<Moment, CertsError> {
    tls::install();
    let (chain, now) = (pem::chain(file)?, Moment::now());
    let distrusted = |distrust| CertsError::Distrusted(Box::new(distrust));
    let expected = match spiffe.map(|id| SpiffeId::parse(id).ok_or(id)) {
        Some(Err(id)) => {
            let form = "spiffe://TRUST-DOMAIN/ns/default/dc/DC/svc/NAME";
            return Err(CertsError::Usage(format!("--spiffe {id:?} is no id of a service: {form}")));
        }
        Some(Ok(id)) => Some(id),
        None => None,
    };
    let trust_domain = expected.as_ref().map_or_else(|| TrustDomain::new(""), |id| id.trust_domain.clone());
    let bundle = Bundle::read(roots, trust_domain)?;
    let mut until = Moment(i64::MAX);
    if let Some(expected) = expected {
        for side in [Side::Server, Side::Client] {
            let member = bundle.member(&chain, side, now).map_err(distrusted)?;
            if member.id != expected {
                let why = Why::Id(Box::new(member.id), Box::new(expected));
                return Err(distrusted(Distrust::of(&chain[0], chain.len() - 1, why)));
            }
            until = until.min(member.until);
        }
    }
    if let Some(name) = dns {
        until = until.min(bundle.host(&chain, name, now).map_err(distrusted)?);
    }
    Ok(until)
}
