//! The folder of a CA: which file is what, written whole, by one run at a time.
//!
//! `ca.pem` is what is trusted, the root that signs among it; `ca-key.pem` that root's key. Where there is a `ca-intermediate.pem` with
//! its key, that one signs, and the root's key may be kept elsewhere. `ca-cross.pem` is there while a root takes the place of another.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::error::CertsError;
use crate::id::TrustDomain;
use crate::tls::{Authority, CertificateDer, IssueError, X509, pem};

/// The bundle.
pub(super) const BUNDLE: &str = "ca.pem";
/// The key of the root that signs.
pub(super) const KEY: &str = "ca-key.pem";
/// The CA between the root and leaves.
pub(super) const INTERMEDIATE: &str = "ca-intermediate.pem";
/// Its key.
pub(super) const INTERMEDIATE_KEY: &str = "ca-intermediate-key.pem";
/// The root of a rotation, signed by the one before.
pub(super) const CROSS: &str = "ca-cross.pem";
/// The datacenter that leaves are issued for, where it is not dc1.
pub(super) const DATACENTER: &str = "datacenter";

/// How long another run is waited for: what it does takes milliseconds, and a gateway that waits could not end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Files are 0644, keys 0600.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::app) enum Mode {
    Public,
    Secret,
}

/// Holds the folder against other runs.
#[derive(Debug)]
pub(in crate::app) struct Lock(#[expect(dead_code, reason = "the system holds the lock as long as the file is open")] File);

/// A folder of certificates.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Folder(PathBuf);

/// The CA of a folder, ready to sign.
#[derive(Debug)]
pub(in crate::app) struct Ca {
    /// What signs leaves.
    pub(in crate::app) authority: Authority,
    /// What is sent along with them.
    pub(in crate::app) above: Vec<CertificateDer<'static>>,
    /// The trust domain that its certificate names.
    pub(in crate::app) trust_domain: Option<TrustDomain>,
}

impl Folder {
    /// The folder at a path, which need not be there.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The files that say who signs, of which each may be missing.
    pub fn of_ca(&self) -> [PathBuf; 4] {
        [KEY, INTERMEDIATE, INTERMEDIATE_KEY, CROSS].map(|name| self.file(name))
    }

    /// Whether it has a key that signs.
    pub fn signs(&self) -> bool {
        self.file(KEY).exists() || self.file(INTERMEDIATE_KEY).exists()
    }

    /// Waits until no other run writes here, for a while. The folder is made if there is none.
    pub(in crate::app) fn lock(&self) -> Result<Lock, CertsError> {
        fs::create_dir_all(&self.0).map_err(CertsError::io("make the folder", &self.0))?;
        let path = self.file(".lock");
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let file = file.map_err(CertsError::io("open", &path))?;
        let until = Instant::now() + PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Lock(file)),
                Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(Duration::from_millis(10)),
                Err(TryLockError::WouldBlock) => {
                    let why = format!("another run holds {} for {} s: end it, or try again", path.display(), PATIENCE.as_secs());
                    return Err(CertsError::Conflict(why));
                }
                Err(TryLockError::Error(error)) => return Err(CertsError::io("lock", path)(error)),
            }
        }
    }

    /// An error if one of the files is there, and is not to be overwritten.
    pub(in crate::app) fn free(&self, names: &[&str], force: bool) -> Result<(), CertsError> {
        let there = names.iter().map(|name| self.file(name)).find(|path| !force && path.symlink_metadata().is_ok());
        there.map_or(Ok(()), |path| Err(CertsError::Exists(path)))
    }

    /// Writes a file whole: whoever reads it meanwhile reads the old one or the new one, also after the machine has lost its power.
    pub(in crate::app) fn write(&self, name: &str, text: &str, mode: Mode) -> Result<PathBuf, CertsError> {
        self.replace(name, text, mode, true)
    }

    /// The same of what is had again if the machine loses its power: nobody waits for the disk.
    pub(in crate::app) fn write_of_another(&self, name: &str, text: &str, mode: Mode) -> Result<PathBuf, CertsError> {
        self.replace(name, text, mode, false)
    }

    fn replace(&self, name: &str, text: &str, mode: Mode, lasts: bool) -> Result<PathBuf, CertsError> {
        let path = self.file(name);
        let temporary = self.file(&format!(".{name}.{}.tmp", std::process::id()));
        let bits = if mode == Mode::Secret { 0o600 } else { 0o644 };
        let written = || {
            // What a run left that died: nobody else has this name.
            match fs::remove_file(&temporary) {
                Err(e) if e.kind() != ErrorKind::NotFound => return Err(e),
                _ => {}
            }
            let mut file = OpenOptions::new().create_new(true).write(true).mode(bits).open(&temporary)?;
            file.write_all(text.as_bytes())?;
            if lasts {
                file.sync_all()?;
            }
            fs::rename(&temporary, &path)?;
            if lasts { File::open(&self.0)?.sync_all() } else { Ok(()) }
        };
        written().map_err(|e| {
            drop(fs::remove_file(&temporary));
            CertsError::io("write", &path)(e)
        })?;
        Ok(path)
    }

    /// Removes a file, if it is there.
    pub(super) fn remove(&self, name: &str) -> Result<Option<PathBuf>, CertsError> {
        let path = self.file(name);
        match fs::remove_file(&path) {
            Ok(()) => Ok(Some(path)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(CertsError::io("remove", path)(e)),
        }
    }

    /// What is trusted.
    pub fn bundle(&self) -> Result<Vec<CertificateDer<'static>>, CertsError> {
        let path = self.file(BUNDLE);
        if !path.exists() {
            return Err(CertsError::NoCa(self.0.clone()));
        }
        Ok(pem::chain(&path)?)
    }

    /// The datacenter that leaves are issued for.
    pub fn datacenter(&self) -> Result<String, CertsError> {
        match fs::read_to_string(self.file(DATACENTER)) {
            Ok(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
            Ok(_) => Ok("dc1".to_owned()),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok("dc1".to_owned()),
            Err(e) => Err(CertsError::io("read", self.file(DATACENTER))(e)),
        }
    }

    /// The root whose key is there.
    pub(super) fn root(&self) -> Result<Authority, CertsError> {
        self.root_of_key(KEY)
    }

    /// The root of the bundle that has the key of that file.
    pub(super) fn root_of_key(&self, key: &str) -> Result<Authority, CertsError> {
        let bundle = self.bundle()?;
        let path = self.file(key);
        if !path.exists() {
            return Err(CertsError::NoKey(path));
        }
        let secret = pem::key(&path)?;
        let only = bundle.len() == 1;
        for cert in bundle {
            match Authority::of(cert, &secret) {
                Err(IssueError::Mismatch(_)) => {}
                other if only || other.is_ok() => return Ok(other?),
                _ => {}
            }
        }
        Err(CertsError::Stray { key: path, bundle: self.file(BUNDLE) })
    }

    /// What signs: the intermediate, if there is one, else the root.
    pub(in crate::app) fn ca(&self) -> Result<Ca, CertsError> {
        let bundle = self.bundle()?;
        let path = self.file(INTERMEDIATE);
        let (authority, mut above) = if self.file(INTERMEDIATE_KEY).exists() && path.exists() {
            let chain = pem::chain(&path)?;
            let authority = Authority::of(chain[0].clone(), &pem::key(&self.file(INTERMEDIATE_KEY))?)?;
            (authority, chain)
        } else {
            (self.root()?, Vec::new())
        };
        let cross = self.file(CROSS);
        if cross.exists() {
            let cross = pem::chain(&cross)?;
            // Only of what leads to the new root: the old one signs on until the new one takes its place.
            let leads = X509::read(&cross[0]).is_some_and(|new| new.subject == authority.says().issuer);
            if leads {
                above.extend(cross);
            }
        }
        let trust_domain = trust_domain_of(authority.certificate()).or_else(|| bundle.iter().find_map(trust_domain_of));
        Ok(Ca { authority, above, trust_domain })
    }
}

/// The trust domain that a CA names by its URI.
pub(super) fn trust_domain_of(ca: &CertificateDer<'_>) -> Option<TrustDomain> {
    let says = X509::read(ca)?;
    let [uri] = says.uris.as_slice() else { return None };
    let name = uri.strip_prefix("spiffe://")?.trim_end_matches('/');
    (!name.is_empty() && !name.contains('/')).then(|| TrustDomain::new(name))
}
