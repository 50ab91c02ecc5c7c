//! Leaves of a folder: how far they are in their life, and others in their place.

use std::path::{Path, PathBuf};

use super::error::CertsError;
use super::folder::{Ca, Folder, INTERMEDIATE, INTERMEDIATE_KEY, KEY};
use super::make::{BELOW, RESERVED, file_name, own_trust_domain, put, put_intermediate, usual_life};
use crate::id::SpiffeId;
use crate::model::gateway::Identity;
use crate::tls::{Authority, CertificateDer, Moment, Wanted, X509, id_of, life_of, pem};

/// A leaf of a folder, as its files are.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// What its files are called by.
    pub name: String,
    /// The file of the certificate.
    pub cert: PathBuf,
    /// The file of the key.
    pub key: PathBuf,
    /// What is in the first; `None`: it is not there, or none.
    pub chain: Option<Vec<CertificateDer<'static>>>,
    /// What the leaf says.
    pub says: Option<X509>,
}

/// Whether a leaf is to be renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// There is none.
    Missing,
    /// It is none, or has no key that fits.
    Broken,
    /// It is a CA's, which is no leaf: what replaces it is not asked here.
    OfCa,
    /// It is expired.
    Over,
    /// It is far enough in its life.
    Aged,
    /// The CA that signs is another one by now.
    OtherCa,
    /// It is good for a while.
    Fresh,
}

/// What a look at leaves has renewed.
#[derive(Debug)]
pub struct Renewed {
    /// The files it wrote.
    pub wrote: Vec<PathBuf>,
    /// What went wrong with leaves, which did not keep the others from being renewed.
    pub failed: Option<CertsError>,
}

impl Leaf {
    /// The leaf of that name.
    pub fn of(folder: &Folder, name: &str) -> Self {
        let Identity { cert, key, .. } = Identity::in_folder(folder.path(), name);
        let chain = pem::chain(&cert).ok();
        let says = chain.as_ref().and_then(|chain| X509::read(&chain[0]));
        Self { name: name.to_owned(), cert, key, chain, says }
    }

    /// The id of a service, if it has one.
    pub fn id(&self) -> Option<SpiffeId> {
        id_of(self.chain.as_ref()?.first()?).ok()
    }

    /// Whether it is to be renewed when that share of its life is over. One that ends with its CA is not, for the next one would not be
    /// valid for longer; but the share 0 means this very moment, whatever for.
    pub(super) fn due(&self, ca: Option<&Ca>, now: Moment, at: f64) -> Due {
        let (Some(chain), Some(says)) = (&self.chain, &self.says) else {
            return if self.cert.exists() { Due::Broken } else { Due::Missing };
        };
        if says.is_ca {
            Due::OfCa
        } else if !self.fits() {
            Due::Broken
        } else if now > says.until {
            Due::Over
        } else if ca.is_some_and(|ca| !ca.authority.signed(&chain[0])) {
            Due::OtherCa
        } else if says.age(now) >= at && (at <= 0.0 || ca.is_none_or(|ca| outlives(&ca.authority, says))) {
            Due::Aged
        } else {
            Due::Fresh
        }
    }

    /// Whether its key is that of the certificate.
    fn fits(&self) -> bool {
        self.chain.as_ref().is_some_and(|chain| pem::fit(chain, &self.key))
    }

    /// Whether it is of use, in a word.
    pub fn state(&self, now: Moment) -> &'static str {
        match self.due(None, now, f64::INFINITY) {
            Due::Missing => "missing",
            Due::Broken => "broken",
            Due::OfCa => "of a CA",
            Due::Over => "expired",
            Due::Aged | Due::OtherCa | Due::Fresh => "valid",
        }
    }
}

/// Whether that CA can sign what is valid for longer.
fn outlives(ca: &Authority, says: &X509) -> bool {
    ca.says().until > says.until
}

/// The leaf in a file.
pub fn leaf_in(path: &Path) -> Result<X509, CertsError> {
    let chain = pem::chain(path)?;
    X509::read(&chain[0]).ok_or_else(|| CertsError::NoSuch(format!("{} holds no certificate that can be read", path.display())))
}

/// The leaves of a folder: every certificate that has its key beside it, but the CA's.
pub fn list(folder: &Folder) -> Result<Vec<Leaf>, CertsError> {
    if !folder.path().exists() {
        return Err(CertsError::NoCa(folder.path().to_owned()));
    }
    let files = std::fs::read_dir(folder.path()).map_err(CertsError::io("read", folder.path()))?;
    let mut names: Vec<String> = files.filter_map(|file| file.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    let keys = names.iter().filter_map(|name| name.strip_suffix("-key.pem")).filter(|name| !name.starts_with('.'));
    let leaves = keys.filter(|name| !RESERVED.contains(name)).map(|name| Leaf::of(folder, name));
    let leaves = leaves.filter(|leaf| leaf.says.as_ref().is_none_or(|says| !says.is_ca));
    Ok(leaves.collect())
}

/// Renews the leaves of these names, or all of the folder where none is named: those of which the share of the life is over that
/// `at` says, and those that another CA signed. The name `ca-intermediate` is the CA below the root. One that cannot be renewed keeps no other from it.
pub fn renew(folder: &Folder, names: &[String], at: impl Fn(&X509) -> f64) -> Result<Renewed, CertsError> {
    let (leaves, below) = named(folder, names)?;
    // Before the lock, which would make the folder. Whoever renews the CA below the root may do so because it is broken.
    if below {
        drop(folder.root()?)
    } else {
        drop(folder.ca()?)
    }
    let _lock = folder.lock()?;
    let now = Moment::now();
    let mut wrote = if below { renew_below(folder, &at, now)? } else { Vec::new() };
    let (ca, mut failed) = (folder.ca()?, Vec::new());
    for leaf in leaves {
        let share = leaf.says.as_ref().map_or(0.0, &at);
        if leaf.due(Some(&ca), now, share) == Due::Fresh {
            continue;
        }
        match renew_one(folder, &ca, &leaf, now) {
            Ok(files) => wrote.extend(files),
            Err(why) => failed.push((leaf.name, why)),
        }
    }
    Ok(Renewed { wrote, failed: CertsError::of_leaves(failed) })
}

/// Another leaf in the place of one that is of any use: one says by itself what the next is to be.
fn renew_one(folder: &Folder, ca: &Ca, leaf: &Leaf, now: Moment) -> Result<[PathBuf; 2], CertsError> {
    let (name, file) = (&leaf.name, leaf.cert.display());
    let Some(says) = &leaf.says else {
        return Err(CertsError::NoSuch(format!("{file} is no certificate: gw certs issue {name} makes one")));
    };
    if says.is_ca {
        return Err(CertsError::Usage(format!("{file} is the certificate of a CA, and is not overwritten: gw certs renew is for leaves")));
    }
    let issued = ca.authority.issue(&wanted(leaf, says, &folder.bundle()?), &ca.above, now)?;
    let secret = issued.key.as_deref().unwrap_or_default();
    put(folder, &format!("{name}.pem"), &format!("{name}-key.pem"), &issued.chain, secret)
}

/// The same names, purposes and length of life; not the length to which the end of a CA has cut it, which would be handed on for ever.
fn wanted(leaf: &Leaf, says: &X509, bundle: &[CertificateDer<'_>]) -> Wanted {
    let above = leaf.chain.iter().flatten().skip(1).chain(bundle).filter_map(X509::read);
    let life = if above.into_iter().any(|ca| ca.until == says.until) { usual_life(says) } else { life_of(says) };
    let X509 { subject, uris, dns, ips, for_servers, for_clients, .. } = says.clone();
    let common_name = subject.strip_prefix("CN=").map(str::to_owned);
    let (for_servers, for_clients) = (for_servers.unwrap_or(true), for_clients.unwrap_or(true));
    Wanted { common_name, uris, dns, ips, for_servers, for_clients, life }
}

/// The same, of those whose own moment has come.
pub fn renew_due(folder: &Folder, names: &[String]) -> Result<Renewed, CertsError> {
    renew(folder, names, |says| says.age(says.renew_at()))
}

/// The leaves of these names, or all of the folder, and whether the CA below the root is among what is named. No other file of the CA is.
fn named(folder: &Folder, names: &[String]) -> Result<(Vec<Leaf>, bool), CertsError> {
    if names.is_empty() {
        return Ok((list(folder)?, false));
    }
    let leaves = names.iter().filter(|name| *name != BELOW).map(|name| Ok(Leaf::of(folder, file_name(name)?)));
    Ok((leaves.collect::<Result<_, CertsError>>()?, names.iter().any(|name| name == BELOW)))
}

/// Another CA below the root, if the share of this one's life is over. Leaves that this one signed are then of another CA.
fn renew_below(folder: &Folder, at: impl Fn(&X509) -> f64, now: Moment) -> Result<Vec<PathBuf>, CertsError> {
    let below = Leaf::of(folder, BELOW);
    let Some(says) = &below.says else {
        let why = format!("there is no {}: leaves are signed by the root, and gw certs rotate makes another one", below.cert.display());
        return Err(CertsError::NoSuch(why));
    };
    let (root, at) = (folder.root()?, at(says));
    if below.fits() && (says.age(now) < at || at > 0.0 && !outlives(&root, says)) {
        return Ok(Vec::new());
    }
    Ok(put_intermediate(folder, &root, &own_trust_domain(folder)?, now)?.into())
}

/// When the first of these leaves is to be renewed; now, if one of them is of another CA, or of no use. `None`: none can be.
pub fn next(folder: &Folder, names: &[String], now: Moment) -> Result<Option<Moment>, CertsError> {
    let (leaves, below) = named(folder, names)?;
    let of_below = if below { next_below(folder, now)? } else { None };
    if below && leaves.is_empty() {
        return Ok(of_below);
    }
    let ca = folder.ca()?;
    let when = |leaf: &Leaf| match (leaf.due(Some(&ca), now, f64::INFINITY), &leaf.says) {
        (Due::Fresh, Some(says)) => outlives(&ca.authority, says).then(|| says.renew_at()),
        (Due::OfCa, _) => None,
        _ => Some(now),
    };
    Ok(leaves.iter().filter_map(when).chain(of_below).min())
}

/// The same of the CA below the root. What a run left that died between key and certificate is of no use.
fn next_below(folder: &Folder, now: Moment) -> Result<Option<Moment>, CertsError> {
    let (root, below) = (folder.root()?, Leaf::of(folder, BELOW));
    Ok(match &below.says {
        Some(says) if below.fits() => outlives(&root, says).then(|| says.renew_at()),
        _ => Some(now),
    })
}

/// Whether there is a CA below the root, and the key to make another one in its place.
pub(super) fn renews_below(folder: &Folder) -> bool {
    [KEY, INTERMEDIATE, INTERMEDIATE_KEY].iter().all(|name| folder.file(name).exists())
}

#[cfg(test)]
mod tests;
