//! The CA of a mesh, for tests.

use std::path::Path;
use std::sync::Arc;

use gw::model::gateway::Identity;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme, SupportedProtocolVersion};

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
        self.leaf_with(uris, |_| {})
    }

    fn leaf_with(&self, uris: &[String], change: impl FnOnce(&mut CertificateParams)) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.subject_alt_names = uris.iter().map(|uri| SanType::URI(uri.as_str().try_into().unwrap())).collect();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
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

    /// Files of a service whose leaf is of the past, instead of those that are there.
    pub(crate) fn identity_of_the_past(&self, folder: &Folder, service: &str) {
        let files = Identity::in_folder(&folder.0, service);
        let past = |params: &mut CertificateParams| {
            (params.not_before, params.not_after) = (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(2021, 1, 1));
        };
        let (cert, key) = self.leaf_with(&[Self::id(service)], past);
        std::fs::write(&files.cert, cert.pem()).unwrap();
        std::fs::write(&files.key, key.serialize_pem()).unwrap();
    }

    /// What a sidecar connects with: the leaf of its service, or none. It takes whoever has a certificate of this CA.
    pub(crate) fn client(&self, source: Option<&str>) -> Arc<ClientConfig> {
        self.client_speaking(source, rustls::ALL_VERSIONS)
    }

    /// The same in some versions of TLS.
    pub(crate) fn client_speaking(&self, source: Option<&str>, versions: &[&'static SupportedProtocolVersion]) -> Arc<ClientConfig> {
        self.client_showing(source.map(|source| self.leaf(&[Self::id(source)])), versions)
    }

    /// The same with a leaf that has this URI.
    pub(crate) fn client_called(&self, uri: &str) -> Arc<ClientConfig> {
        self.client_showing(Some(self.leaf(&[uri.to_owned()])), rustls::ALL_VERSIONS)
    }

    /// The root, as a text.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// The same with the leaf of another CA.
    pub(crate) fn client_of(&self, other: &Self, source: &str) -> Arc<ClientConfig> {
        self.client_showing(Some(other.leaf(&[Self::id(source)])), rustls::ALL_VERSIONS)
    }

    fn client_showing(
        &self,
        leaf: Option<(rcgen::Certificate, KeyPair)>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).unwrap();
        let builder = ClientConfig::builder_with_protocol_versions(versions);
        let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(OfTheCa(roots)));
        Arc::new(match leaf {
            Some((cert, key)) => {
                let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
                builder.with_client_auth_cert(vec![cert.der().clone()], key).unwrap()
            }
            None => builder.with_no_client_auth(),
        })
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

/// What a sidecar connects with that has the files of a service in a folder of `gw certs`. While they are being replaced there is none.
pub(crate) fn client_of_files(folder: &Path, service: &str) -> Option<Arc<ClientConfig>> {
    let chain = |file: &Path| CertificateDer::pem_file_iter(file).ok()?.collect::<Result<Vec<_>, _>>().ok();
    let files = Identity::in_folder(folder, service);
    let mut roots = RootCertStore::empty();
    chain(&files.roots)?.into_iter().try_for_each(|root| roots.add(root)).ok()?;
    let builder = ClientConfig::builder().dangerous().with_custom_certificate_verifier(Arc::new(OfTheCa(roots)));
    // A key that is not that of the certificate is refused here.
    Some(Arc::new(builder.with_client_auth_cert(chain(&files.cert)?, PrivateKeyDer::from_pem_file(&files.key).ok()?).ok()?))
}

/// Takes what the CA vouches for, whatever it is called.
#[derive(Debug)]
struct OfTheCa(RootCertStore);

impl ServerCertVerifier for OfTheCa {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let (parsed, all) = (ParsedCertificate::try_from(end_entity)?, algorithms().all);
        rustls::client::verify_server_cert_signed_by_trust_anchor(&parsed, &self.0, intermediates, now, all)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &algorithms())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &algorithms())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        algorithms().supported_schemes()
    }
}

fn algorithms() -> WebPkiSupportedAlgorithms {
    rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms
}
