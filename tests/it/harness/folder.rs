//! A folder of a test's own.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use gw::model::gateway::Certificate;
use rustls::pki_types::CertificateDer;

/// A folder that is gone when it is dropped.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("gw-it-{name}-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A certificate for a host, in two files.
    pub(crate) fn certificate(&self, host: &str) -> (Certificate, CertificateDer<'static>) {
        let made = rcgen::generate_simple_self_signed([host.to_owned()]).unwrap();
        let (cert, key) = (self.0.join(format!("{host}.pem")), self.0.join(format!("{host}-key.pem")));
        std::fs::write(&cert, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        (Certificate { cert, key, hosts: Vec::new(), name: None }, made.cert.der().clone())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
