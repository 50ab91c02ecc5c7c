//! The CA of a mesh, for tests.

use std::sync::Arc;

use gw::model::gateway::Identity;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

use super::Folder;

/// The CA of a mesh, as Consul's own makes it.
pub(crate) struct Ca {
    issuer: Issuer<'static, KeyPair>,
    root: CertificateDer<'static>,
    pem: String,
}

/// The trust domain of every test.
pub(crate) const TRUST_DOMAIN: &str = "11111111-2222-3333-4444-555555555555.consul";

impl Ca {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    /// One whose certificate says something else.
    pub(crate) fn with(change: impl FnOnce(&mut CertificateParams)) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
        params.subject_alt_names = vec![SanType::URI(format!("spiffe://{TRUST_DOMAIN}").try_into().unwrap())];
        change(&mut params);
        let cert = params.self_signed(&key).unwrap();
        Self { root: cert.der().clone(), pem: cert.pem(), issuer: Issuer::new(params, key) }
    }

    /// The id of a service of this mesh.
    pub(crate) fn id(service: &str) -> String {
        format!("spiffe://{TRUST_DOMAIN}/ns/default/dc/dc1/svc/{service}")
    }

    /// A leaf with these URIs, and its key in PEM.
    fn leaf(&self, uris: &[String]) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.subject_alt_names = uris.iter().map(|uri| SanType::URI(uri.as_str().try_into().unwrap())).collect();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// The files of a service.
    pub(crate) fn identity(&self, folder: &Folder, service: &str) -> Identity {
        let identity = Identity::in_folder(&folder.0, service);
        let (cert, key) = self.leaf(&[Self::id(service)]);
        std::fs::write(&identity.cert, cert.pem()).unwrap();
        std::fs::write(&identity.key, key.serialize_pem()).unwrap();
        std::fs::write(&identity.roots, &self.pem).unwrap();
        identity
    }

    /// What a sidecar listens with: its own leaf, and clients must have one of this CA.
    pub(crate) fn sidecar(&self, uris: &[String]) -> Arc<ServerConfig> {
        self.sidecar_speaking(uris, rustls::ALL_VERSIONS)
    }

    /// The same in some versions of TLS.
    pub(crate) fn sidecar_speaking(&self, uris: &[String], versions: &[&'static SupportedProtocolVersion]) -> Arc<ServerConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).unwrap();
        let clients = WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
        let (cert, key) = self.leaf(uris);
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_protocol_versions(versions)
            .with_client_cert_verifier(clients)
            .with_single_cert(vec![cert.der().clone()], key);
        Arc::new(config.unwrap())
    }
}
