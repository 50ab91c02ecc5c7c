//! mTLS towards services with a sidecar.

use std::io::{BufRead, BufReader, Write};
use std::sync::{Arc, Mutex};

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::json;

use crate::harness::{Ca, Folder, Gateway, Service, TRUST_DOMAIN, World, answer, get};

/// What sidecars saw: the server name, and the client's certificate.
pub(crate) type Shown = Arc<Mutex<Vec<(Option<String>, Vec<u8>)>>>;

/// A service that answers every request behind mTLS.
pub(crate) fn sidecar(config: Arc<ServerConfig>, text: &'static str) -> (Service, Shown) {
    let shown = Shown::default();
    let seen = shown.clone();
    let service = Service::start(move |stream| {
        let mut tls = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream);
        while tls.conn.is_handshaking() {
            if tls.conn.complete_io(&mut tls.sock).is_err() {
                return;
            }
        }
        let client = tls.conn.peer_certificates().unwrap()[0].to_vec();
        seen.lock().unwrap().push((tls.conn.server_name().map(str::to_owned), client));
        let mut reader = BufReader::new(tls);
        let mut line = String::new();
        while reader.read_line(&mut line).is_ok_and(|n| n > 0) {
            if line == "\r\n" && reader.get_mut().write_all(answer(200, text).as_bytes()).is_err() {
                return;
            }
            line.clear();
        }
    });
    (service, shown)
}

fn ask(gateway: &Gateway) -> (u16, String) {
    let answer = get(gateway.address, "/");
    (answer.status, answer.header("x-gw-code").unwrap_or("-").to_owned())
}

#[test]
fn a_sidecar_sees_the_gateways_certificate_and_the_server_name_of_the_target() {
    gw::tls::install();
    let (folder, ca) = (Folder::new("mesh-seen"), Ca::new());
    let (service, shown) = sidecar(ca.sidecar(&[Ca::id("web")]), "inside");
    let subset = json!({"Kind": "service-resolver", "Name": "web", "DefaultSubset": "all", "Subsets": {"all": {}}});
    let gateway = World::of("http").mesh_instance("web", service.address).identity(ca.identity(&folder, "edge")).entry(subset).start();
    let answer = get(gateway.address, "/");
    assert_eq!((answer.status, answer.text()), (200, "inside"));
    let shown = shown.lock().unwrap();
    assert_eq!(shown[0].0.as_deref(), Some("all.web.default.dc1.internal.11111111-2222-3333-4444-555555555555.consul"));
    let leaf = std::fs::read_to_string(folder.0.join("edge.pem")).unwrap();
    let leaf = <rustls::pki_types::CertificateDer as rustls::pki_types::pem::PemObject>::from_pem_slice(leaf.as_bytes()).unwrap();
    assert_eq!(shown[0].1, leaf.to_vec());
}

#[test]
pub(crate) fn a_sidecar_may_speak_either_version_of_tls() {
    gw::tls::install();
    let (folder, ca) = (Folder::new("mesh-versions"), Ca::new());
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let (service, _) = sidecar(ca.sidecar_speaking(&[Ca::id("web")], &[version]), "inside");
        let gateway = World::of("http").mesh_instance("web", service.address).identity(ca.identity(&folder, "edge")).start();
        assert_eq!(get(gateway.address, "/").text(), "inside", "{version:?}");
    }
}

#[test]
pub(crate) fn who_is_another_service_or_several_or_of_another_mesh_gets_no_request() {
    gw::tls::install();
    let (folder, ca, other) = (Folder::new("mesh-wrong"), Ca::new(), Ca::new());
    let web = Ca::id("web");
    for (config, why) in [
        (ca.sidecar(&[Ca::id("api")]), "another service"),
        (ca.sidecar(&[web.clone(), Ca::id("api")]), "two services"),
        (ca.sidecar(&[web.replace("/dc/dc1/", "/dc/dc2/")]), "another datacenter"),
        (ca.sidecar(&[web.replace("11111111", "99999999")]), "another trust domain"),
        (ca.sidecar(&[format!("spiffe://{}/gateway/mesh/dc/dc1", &web[9..52])]), "a gateway"),
        (other.sidecar(std::slice::from_ref(&web)), "another mesh"),
    ] {
        let (service, _) = sidecar(config, "must not answer");
        let gateway = World::of("http").mesh_instance("web", service.address).identity(ca.identity(&folder, "edge")).start();
        assert_eq!(ask(&gateway), (503, "upstream_tls".to_owned()), "{why}");
    }
}

#[test]
fn a_gateway_without_an_identity_does_not_speak_plainly_to_a_sidecar() {
    let service = Service::saying("must not answer");
    let gateway = World::of("http").mesh_instance("web", service.address).start();
    assert_eq!(ask(&gateway), (503, "upstream_tls".to_owned()));
}

#[test]
fn two_services_behind_one_address_share_no_connection() {
    gw::tls::install();
    let (folder, ca) = (Folder::new("mesh-shared"), Ca::new());
    let (web, _) = sidecar(ca.sidecar(&[Ca::id("web")]), "web alone");
    let api = json!({"Match": {"HTTP": {"PathPrefix": "/api"}}, "Destination": {"Service": "api"}});
    let router = json!({"Kind": "service-router", "Name": "web", "Routes": [api]});
    let world = World::of("http").entry(router).mesh_instance("web", web.address).mesh_instance("api", web.address);
    let gateway = world.identity(ca.identity(&folder, "edge")).start();
    for _ in 0..8 {
        assert_eq!(get(gateway.address, "/").text(), "web alone");
        assert_eq!(get(gateway.address, "/api").header("x-gw-code"), Some("upstream_tls"));
    }
}

#[test]
fn one_instance_that_is_someone_else_gives_way_to_the_next() {
    gw::tls::install();
    let (folder, ca) = (Folder::new("mesh-next"), Ca::new());
    let (wrong, _) = sidecar(ca.sidecar(&[Ca::id("api")]), "must not answer");
    let (right, _) = sidecar(ca.sidecar(&[Ca::id("web")]), "inside");
    let world = World::of("http").mesh_instance("web", wrong.address).mesh_instance("web", right.address);
    let gateway = world.identity(ca.identity(&folder, "edge")).start();
    for _ in 0..4 {
        assert_eq!(get(gateway.address, "/").text(), "inside");
    }
}

#[test]
pub(crate) fn a_ca_that_is_held_to_some_uris_is_refused_whatever_they_are() {
    gw::tls::install();
    let folder = Folder::new("mesh-constrained");
    // NameConstraints (2.5.29.30): permitted, one subtree, a URI of this very trust domain.
    let host = TRUST_DOMAIN.as_bytes();
    let around = |tag: u8, inside: &[u8]| [&[tag, u8::try_from(inside.len()).unwrap()], inside].concat();
    let constraint = around(0x30, &around(0xa0, &around(0x30, &around(0x86, host))));
    let ca = Ca::with(|params| {
        let mut extension = rcgen::CustomExtension::from_oid_content(&[2, 5, 29, 30], constraint);
        extension.set_criticality(true);
        params.custom_extensions = vec![extension];
    });
    let error = World::of("http").identity(ca.identity(&folder, "edge")).try_start().err().expect("it is refused");
    let all: Vec<String> = std::iter::successors(Some(&error as &dyn std::error::Error), |e| e.source()).map(ToString::to_string).collect();
    assert!(all.join(": ").contains("a CA above it may not sign such names (name constraints)"), "{all:?}");
}

#[test]
fn an_identity_that_the_mesh_would_not_trust_is_refused_at_the_start() {
    gw::tls::install();
    let (folder, ca, other) = (Folder::new("mesh-own"), Ca::new(), Ca::new());
    let identity = ca.identity(&folder, "edge");
    let elsewhere = Folder::new("mesh-other");
    std::fs::copy(other.identity(&elsewhere, "edge").roots, &identity.roots).unwrap();
    let error = World::of("http").identity(identity).try_start().err().expect("it is refused");
    let why = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    assert!(why.starts_with("the roots of the mesh do not vouch for the certificate "), "{why}");
}
