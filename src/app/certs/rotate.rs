//! Another root in the place of the one there is, while everything goes on. In between both are trusted, and the new one is vouched
//! for by the old one: whoever has only the old bundle trusts new leaves, whoever has the new bundle trusts old ones.

use std::path::PathBuf;

use super::error::CertsError;
use super::folder::{BUNDLE, CROSS, Folder, INTERMEDIATE_KEY, KEY, Mode};
use super::make::{own_trust_domain, put_intermediate};
use super::renew::{Due, Leaf, list};
use crate::tls::{Authority, Moment, pem};

/// The next root's key, until it is the one that signs.
const NEW_KEY: &str = "ca-new-key.pem";
/// The key of the root before, until the rotation is over.
const OLD_KEY: &str = "ca-old-key.pem";

/// What a step of a rotation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The files it wrote.
    pub wrote: Vec<PathBuf>,
    /// The files it removed.
    pub removed: Vec<PathBuf>,
    /// The root that signs from now on.
    pub root: String,
}

/// Begins: a new root, and both are trusted. From then on new leaves are signed by the new one. The order of the steps is such that
/// what a step needs is there before it: a run that dies in between is taken up by the next one.
pub fn start(folder: &Folder) -> Result<Rotation, CertsError> {
    // Before the lock, which would make the folder. Not the CA that signs: a run that died may have left an intermediate and the key of
    // another one.
    folder.root()?;
    let _lock = folder.lock()?;
    if folder.file(CROSS).exists() && folder.file(OLD_KEY).exists() && !folder.file(NEW_KEY).exists() {
        let why = "a rotation has begun already: gw certs renew, then gw certs rotate --finish when every member has the new ca.pem";
        return Err(CertsError::Conflict(why.to_owned()));
    }
    // A run that died may have put the new key in the old one's place. Then the old one is kept already, and the only one there is.
    let kept = folder.root_of_key(OLD_KEY).ok();
    let (is_kept, now) = (kept.is_some(), Moment::now());
    let old = kept.map_or_else(|| folder.root(), Ok)?;
    let named = own_trust_domain(folder)?;
    let mut wrote = Vec::new();
    let new = match folder.root_of_key(NEW_KEY) {
        Ok(begun) => begun,
        Err(_) => {
            let new = Authority::root(&named, now)?;
            folder.write(NEW_KEY, &new.key_pem(), Mode::Secret)?;
            let both = [vec![new.certificate().clone()], folder.bundle()?].concat();
            wrote.push(folder.write(BUNDLE, &pem::text_of(&both), Mode::Public)?);
            new
        }
    };
    let cross = old.cross_sign(&new, &named, now)?;
    wrote.push(folder.write(CROSS, &pem::text_of(&[cross]), Mode::Public)?);
    if !is_kept {
        wrote.push(folder.write(OLD_KEY, &old.key_pem(), Mode::Secret)?);
    }
    wrote.push(folder.write(KEY, &new.key_pem(), Mode::Secret)?);
    if folder.file(INTERMEDIATE_KEY).exists() {
        wrote.extend(put_intermediate(folder, &new, &named, now)?);
    }
    folder.remove(NEW_KEY)?;
    Ok(Rotation { wrote, removed: Vec::new(), root: new.says().subject.clone() })
}

/// Ends: the root that signs is the only one that is trusted. Refused while a leaf of the folder is still of another one, unless forced.
pub fn finish(folder: &Folder, force: bool) -> Result<Rotation, CertsError> {
    // Before the lock, which would make the folder.
    folder.root()?;
    let _lock = folder.lock()?;
    if folder.root_of_key(NEW_KEY).is_ok() {
        let why = "the rotation has begun, and is not yet carried out: a run died half way, and gw certs rotate goes on where it stopped";
        return Err(CertsError::Conflict(why.to_owned()));
    }
    if folder.bundle()?.len() == 1 && ![CROSS, OLD_KEY].iter().any(|name| folder.file(name).exists()) {
        return Err(CertsError::Conflict("no rotation has begun: gw certs rotate begins one".to_owned()));
    }
    let (ca, root) = (folder.ca()?, folder.root()?);
    let left = |leaf: &Leaf| leaf.due(Some(&ca), Moment::now(), f64::INFINITY) == Due::OtherCa;
    let left: Vec<String> = list(folder)?.into_iter().filter(left).map(|leaf| leaf.cert.display().to_string()).collect();
    if !left.is_empty() && !force {
        let why = format!("still signed by the root before, which would not be trusted any more: {}; gw certs renew", left.join(", "));
        return Err(CertsError::Conflict(why));
    }
    let wrote = vec![folder.write(BUNDLE, &pem::text_of(&[root.certificate().clone()]), Mode::Public)?];
    let removed = [CROSS, OLD_KEY].into_iter().map(|name| folder.remove(name)).collect::<Result<Vec<_>, _>>()?;
    Ok(Rotation { wrote, removed: removed.into_iter().flatten().collect(), root: root.says().subject.clone() })
}
