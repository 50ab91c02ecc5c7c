//! The keys of a gateway as TLS configurations, built once a generation and shared by all workers.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::CertificateDer;

use super::listening::{ByListener, Listening, by_listener, same};
use super::{Error, Inbound, Mesh, Outside, pem};
use crate::id::{ListenerName, TrustDomain};
use crate::model::entry::TlsParameters;
use crate::model::gateway::{Alpn, Certificate, Identity, InboundKeys, Listener, OutsideFiles};

/// What a gateway shows to clients and to services.
#[derive(Clone, Debug)]
pub struct Credentials {
    shown: Arc<BySni>,
    listening: Listening,
    /// Of listeners whose entry says what is spoken.
    by_listener: Arc<ByListener>,
    mesh: Option<Mesh>,
    inbound: Option<Inbound>,
    outside: Arc<HashMap<OutsideFiles, Outside>>,
    unusable: Arc<[Unusable]>,
}

/// Files that cannot be used. What hangs on them goes on with what it had before, if it had something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unusable {
    /// A service whose leaf it is, the file of anchors, or the gateway's own identity.
    pub what: String,
    /// Whether the older ones are still in use.
    pub kept: bool,
    /// What is wrong, and what to do.
    pub why: String,
}

/// A chain of certificates that is in use.
#[derive(Clone, Debug)]
pub struct Held<'a> {
    /// `listener`, `identity`, `leaf`, `client` or `root`.
    pub used: &'static str,
    /// For a listener's the first of its names, for a leaf the service, else what the certificate, or its file, is called.
    pub name: String,
    /// Leaf first.
    pub chain: &'a [CertificateDer<'static>],
}

/// The gateway's own identity, and what the `mesh` entry says is to be spoken with those to whom it is shown.
pub type Own<'a> = (&'a Identity, &'a TlsParameters);

impl Credentials {
    /// Reads the files and checks that keys and certificates fit each other.
    pub fn build(certificates: &[Certificate], own: Option<Own<'_>>) -> Result<Self, Error> {
        let mut resolver = BySni::default();
        for certificate in certificates {
            resolver.add(certificate)?;
        }
        let resolver = Arc::new(resolver);
        let mesh = own.map(|(identity, said)| Mesh::build(identity, said)).transpose()?;
        let listening = Listening::of(&resolver, resolver.first.is_some(), None);
        let (outside, unusable) = (Arc::default(), Arc::from([]));
        Ok(Self { listening, by_listener: Arc::default(), shown: resolver, mesh, inbound: None, outside, unusable })
    }

    /// The same while others are in use: an identity that cannot be used by now concerns what services with a sidecar are spoken to
    /// with, and nothing else. The certificates of listeners must fit as they must at a start.
    pub fn rebuild(certificates: &[Certificate], own: Option<Own<'_>>, older: Option<&Self>) -> Result<Self, Error> {
        let built = Self::build(certificates, None)?;
        let (before, mut unusable) = (older.and_then(|older| older.mesh.as_ref()), Vec::new());
        let mesh = own.map(|(identity, said)| Mesh::rebuild(identity, said, before, &mut unusable)).transpose();
        let mesh = mesh.unwrap_or_else(|error| {
            let what = "the gateway's own certificate".to_owned();
            unusable.push(Unusable { what, kept: before.is_some(), why: super::with_source(&error) });
            before.cloned()
        });
        Ok(Self { mesh, unusable: unusable.into(), ..built })
    }

    /// With the keys of a gateway between the mesh and what is outside. What cannot be used concerns what hangs on it alone;
    /// without the roots of the mesh there is no gateway.
    pub fn between(
        self,
        inbound: Option<&InboundKeys>,
        outside: &[OutsideFiles],
        trust_domain: &TrustDomain,
        older: Option<&Self>,
    ) -> Result<Self, Error> {
        let mut unusable = self.unusable.to_vec();
        let before = older.and_then(|older| older.inbound.as_ref());
        let inbound = inbound.map(|keys| Inbound::build(keys, trust_domain, before, &mut unusable)).transpose()?;
        let mut built = HashMap::new();
        for files in outside {
            let before = older.and_then(|older| older.outside.get(files));
            match Outside::build(files) {
                Ok(new) => drop(built.insert(files.clone(), new.or_the_same(before))),
                Err(error) => {
                    let why = super::with_source(&error);
                    unusable.push(Unusable { what: files.anchors.to_string(), kept: before.is_some(), why });
                    built.extend(before.map(|before| (files.clone(), before.clone())));
                }
            }
        }
        Ok(Self { inbound, outside: Arc::new(built), unusable: unusable.into(), ..self })
    }

    /// With what listeners speak whose entry says something about it; everything else is as it is.
    #[must_use]
    pub fn speaking(self, said: &[(ListenerName, TlsParameters)], older: Option<&Self>) -> Self {
        let older = older.filter(|older| Arc::ptr_eq(&older.shown, &self.shown));
        let mut unusable = self.unusable.to_vec();
        let before = older.map(|older| &*older.by_listener);
        let by_listener = by_listener(&self.shown, self.shown.first.is_some(), said, before, &mut unusable);
        Self { by_listener: Arc::new(by_listener), unusable: unusable.into(), ..self }
    }

    /// With the very objects of the older ones where these say the same, so that sessions that were begun with them can be
    /// resumed.
    #[must_use]
    pub fn keep(self, older: &Self) -> Self {
        let mesh = match (&self.mesh, &older.mesh) {
            (Some(new), Some(old)) if new.says_the_same_as(old) => older.mesh.clone(),
            _ => self.mesh,
        };
        if self.shown.says_the_same_as(&older.shown) {
            Self { mesh, unusable: self.unusable, ..older.clone() }
        } else {
            Self { mesh, ..self }
        }
    }

    /// Whether these are the very objects of others, so that nothing is to be replaced.
    pub fn is(&self, other: &Self) -> bool {
        let outside = |(files, one): (&OutsideFiles, &Outside)| other.outside.get(files).is_some_and(|o| o.same(one));
        Mesh::same(self.mesh(), other.mesh())
            && Arc::ptr_eq(&self.shown, &other.shown)
            && same(&self.by_listener, &other.by_listener)
            && Inbound::same(self.inbound(), other.inbound())
            && self.unusable == other.unusable
            && self.outside.len() == other.outside.len()
            && self.outside.iter().all(outside)
    }

    /// For a TLS listener: with what `alpn` says if it reads requests, without ALPN if not. `None`: its entry asks for what there is none
    /// of, and nobody is spoken to.
    pub fn server(&self, listener: &Listener, alpn: Alpn) -> Option<&Arc<ServerConfig>> {
        let listening = self.by_listener.get(&listener.name).map_or(Some(&self.listening), Option::as_ref)?;
        Some(listening.server(listener.protocol, alpn))
    }

    /// Whether there is a certificate to show to clients.
    pub fn shows_something(&self) -> bool {
        self.shown.first.is_some()
    }

    /// Whether one of the certificates is for that name, which may begin with `*.`.
    pub fn certifies(&self, name: &str) -> bool {
        self.shown.named(&name.to_ascii_lowercase()).is_some()
    }

    /// What services with a sidecar are spoken to with, if the gateway has an identity.
    pub const fn mesh(&self) -> Option<&Mesh> {
        self.mesh.as_ref()
    }

    /// What is shown to those who connect by mTLS of the mesh.
    pub const fn inbound(&self) -> Option<&Inbound> {
        self.inbound.as_ref()
    }

    /// What services outside the mesh are spoken to with, whose entry names these files; `None`: they cannot be used.
    pub fn outside(&self, files: &OutsideFiles) -> Option<&Outside> {
        self.outside.get(files)
    }

    /// Every certificate that is in use: keys are not among what is told.
    pub fn held(&self) -> Vec<Held<'_>> {
        let mut held = self.shown.held();
        held.extend(self.mesh.iter().flat_map(Mesh::held));
        held.extend(self.inbound.iter().flat_map(Inbound::held));
        for (files, outside) in &*self.outside {
            let name = files.own.as_ref().map(|(cert, _)| cert.file_name().unwrap_or_default().to_string_lossy().into_owned());
            held.extend(name.map(|name| Held { used: "client", name, chain: outside.own() }));
        }
        held
    }

    /// What cannot be used.
    pub fn unusable(&self) -> &[Unusable] {
        &self.unusable
    }
}

/// Chooses by the name the client asks for: exact, then `*.` over its last labels, else the first certificate given.
#[derive(Debug, Default)]
struct BySni {
    first: Option<Arc<CertifiedKey>>,
    by_name: HashMap<String, Arc<CertifiedKey>>,
}

impl BySni {
    fn add(&mut self, certificate: &Certificate) -> Result<(), Error> {
        let certified = Arc::new(pem::certified(&certificate.cert, &certificate.key)?);
        let mut names = certificate.hosts.clone();
        if names.is_empty() {
            names = names_in(&certified.cert[0]);
        }
        self.first.get_or_insert_with(|| certified.clone());
        for name in names {
            self.by_name.entry(name.to_ascii_lowercase()).or_insert_with(|| certified.clone());
        }
        Ok(())
    }

    /// Each certificate once, by the first of its names.
    fn held(&self) -> Vec<Held<'_>> {
        let mut names: Vec<_> = self.by_name.iter().collect();
        names.sort_by_key(|(name, _)| *name);
        let mut seen = Vec::new();
        names.retain(|(_, key)| {
            let new = !seen.contains(&Arc::as_ptr(key));
            seen.push(Arc::as_ptr(key));
            new
        });
        names.into_iter().map(|(name, key)| Held { used: "listener", name: name.clone(), chain: &key.cert }).collect()
    }

    /// Whether the same certificates are shown for the same names.
    fn says_the_same_as(&self, other: &Self) -> bool {
        let same = |a: &Arc<CertifiedKey>, b: &Arc<CertifiedKey>| Arc::ptr_eq(a, b) || a.cert == b.cert;
        let same_first = match (&self.first, &other.first) {
            (Some(a), Some(b)) => same(a, b),
            (a, b) => a.is_none() && b.is_none(),
        };
        let same_name = |(name, a): (&String, &Arc<CertifiedKey>)| other.by_name.get(name).is_some_and(|b| same(a, b));
        same_first && self.by_name.len() == other.by_name.len() && self.by_name.iter().all(same_name)
    }

    fn find(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let Some(name) = name.map(str::to_ascii_lowercase) else {
            return self.first.clone();
        };
        self.named(&name).or(self.first.as_ref()).cloned()
    }

    /// The one for a name in lower case.
    fn named(&self, name: &str) -> Option<&Arc<CertifiedKey>> {
        let wildcard = || name.split_once('.').and_then(|(_, rest)| self.by_name.get(&format!("*.{rest}")));
        self.by_name.get(name).or_else(wildcard)
    }
}

impl ResolvesServerCert for BySni {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.find(hello.server_name())
    }
}

/// The DNS names of a certificate; none if it is not one, which the check against its key tells.
fn names_in(leaf: &CertificateDer<'_>) -> Vec<String> {
    let Ok(leaf) = webpki::EndEntityCert::try_from(leaf) else {
        return Vec::new();
    };
    leaf.valid_dns_names().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("gw-tls-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn certificate(&self, file: &str, names: &[&str]) -> Certificate {
            let made = rcgen::generate_simple_self_signed(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()).unwrap();
            let (cert, key) = (self.0.join(format!("{file}.pem")), self.0.join(format!("{file}-key.pem")));
            std::fs::write(&cert, made.cert.pem()).unwrap();
            std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
            Certificate { cert, key, hosts: Vec::new(), name: None }
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn der(path: &Path) -> CertificateDer<'static> {
        pem::chain(path).unwrap().remove(0)
    }

    #[test]
    fn a_certificate_is_found_by_name_by_wildcard_and_else_the_first_is_shown() {
        let folder = Folder::new("sni");
        let (one, two) = (folder.certificate("one", &["one.test"]), folder.certificate("two", &["Two.test", "*.two.test"]));
        let mut resolver = BySni::default();
        resolver.add(&one).unwrap();
        resolver.add(&two).unwrap();
        for (asked, shown) in [
            (Some("one.test"), &one),
            (Some("TWO.test"), &two),
            (Some("a.two.test"), &two),
            (Some("a.b.two.test"), &one),
            (Some("else.test"), &one),
            (None, &one),
        ] {
            assert_eq!(resolver.find(asked).unwrap().cert[0], der(&shown.cert), "{asked:?}");
        }
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let folder = Folder::new("mismatch");
        let (one, two) = (folder.certificate("one", &["one.test"]), folder.certificate("two", &["two.test"]));
        let mixed = Certificate { key: two.key, ..one };
        assert!(matches!(Credentials::build(&[mixed], None), Err(Error::Mismatch { .. })));
    }

    #[test]
    fn certificates_that_were_read_again_are_the_same_until_one_is_another() {
        let folder = Folder::new("same");
        let (one, two) = (folder.certificate("one", &["one.test"]), folder.certificate("two", &["two.test"]));
        let build = |certificates: &[Certificate]| Credentials::build(certificates, None).unwrap();
        let first = build(&[one.clone(), two.clone()]);
        assert!(build(&[one.clone(), two.clone()]).keep(&first).is(&first));
        assert!(!build(&[two.clone(), one.clone()]).keep(&first).is(&first));
        assert!(!build(std::slice::from_ref(&one)).keep(&first).is(&first));
        folder.certificate("two", &["two.test"]);
        assert!(!build(&[one, two]).keep(&first).is(&first));
    }

    #[test]
    fn a_file_without_a_certificate_says_so() {
        let folder = Folder::new("empty");
        let mut one = folder.certificate("one", &["one.test"]);
        one.cert = one.key.clone();
        let error = Credentials::build(&[one], None).unwrap_err().to_string();
        assert!(error.ends_with("holds no certificate"), "{error}");
    }
}
