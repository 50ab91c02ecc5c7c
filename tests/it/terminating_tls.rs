//! TLS from a terminating gateway to services outside the mesh.

use std::io::{BufRead, BufReader, Write};
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, Certificate, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion};
use serde_json::{Value, json};

use crate::harness::{Exit, Exits, Service, answer, eventually};

/// A CA of the world outside.
struct World {
    issuer: Issuer<'static, KeyPair>,
    cert: Certificate,
}

/// What a service has: a chain, and the key of its first certificate.
struct Has {
    chain: Vec<CertificateDer<'static>>,
    pem: String,
    key: KeyPair,
}

fn ca_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

impl World {
    fn new() -> Self {
        let (params, key) = (ca_params("outside root"), KeyPair::generate().unwrap());
        let cert = params.self_signed(&key).unwrap();
        Self { issuer: Issuer::new(params, key), cert }
    }

    fn intermediate(&self) -> Self {
        let (params, key) = (ca_params("outside intermediate"), KeyPair::generate().unwrap());
        let cert = params.signed_by(&key, &self.issuer).unwrap();
        Self { issuer: Issuer::new(params, key), cert }
    }

    fn issue(&self, names: &[&str]) -> Has {
        self.issue_with(names, |_| {})
    }

    fn issue_with(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Has {
        let mut params = CertificateParams::new(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, &self.issuer).unwrap();
        Has { chain: vec![cert.der().clone()], pem: cert.pem(), key }
    }
}

impl Has {
    /// What its key signs, though it is no CA's.
    fn signs(&self, names: &[&str]) -> Self {
        let key = KeyPair::from_pem(&self.key.serialize_pem()).unwrap();
        let issuer = Issuer::from_ca_cert_der(&self.chain[0], key).unwrap();
        let mut params = CertificateParams::new(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, &issuer).unwrap();
        Self { chain: vec![cert.der().clone(), self.chain[0].clone()], pem: cert.pem(), key }
    }
}

/// What a service saw: the server name, what is offered to be spoken, and how many certificates.
type Saw = Arc<Mutex<Vec<(Option<String>, usize)>>>;

fn service(has: &Has, clients: Option<&World>, versions: &[&'static SupportedProtocolVersion]) -> (Service, Saw) {
    let builder = ServerConfig::builder_with_protocol_versions(versions);
    let builder = match clients {
        Some(world) => {
            let mut roots = RootCertStore::empty();
            roots.add(world.cert.der().clone()).unwrap();
            builder.with_client_cert_verifier(WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap())
        }
        None => builder.with_no_client_auth(),
    };
    let key = PrivateKeyDer::try_from(has.key.serialize_der()).unwrap();
    let mut config = builder.with_single_cert(has.chain.clone(), key).unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let (config, saw) = (Arc::new(config), Saw::default());
    let seen = saw.clone();
    let service = Service::start(move |stream| {
        let mut tls = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream);
        while tls.conn.is_handshaking() {
            if tls.conn.complete_io(&mut tls.sock).is_err() {
                return;
            }
        }
        let shown = tls.conn.peer_certificates().map_or(0, <[_]>::len);
        seen.lock().unwrap().push((tls.conn.server_name().map(str::to_owned), shown));
        let mut reader = BufReader::new(tls);
        let mut line = String::new();
        while reader.read_line(&mut line).is_ok_and(|n| n > 0) {
            if line == "\r\n" && reader.get_mut().write_all(answer(200, "outside").as_bytes()).is_err() {
                return;
            }
            line.clear();
        }
    });
    (service, saw)
}

fn plain(has: &Has) -> (Service, Saw) {
    service(has, None, rustls::ALL_VERSIONS)
}

/// The gateway, linked with `web` as these fields say; files of the test are named by `FOLDER/`.
fn exit(name: &str, linked: Value, files: &[(&str, &str)], address: &str) -> Exits {
    let exit = Exit::of(name, "http").intention("api", json!("allow"));
    let folder = exit.folder.0.display().to_string();
    let linked: Value = serde_json::from_str(&linked.to_string().replace("FOLDER", &folder)).unwrap();
    files.iter().for_each(|(file, text)| exit.folder.write(file, text));
    exit.linked(linked).instance("web", address, "").start()
}

fn asked(exit: &Exits) -> (u16, bool) {
    let (status, text) = exit.get("api", "/");
    assert!(!text.contains("certificate"), "no detail of the inside goes out: {text}");
    (status, text.contains("x-gw-code: upstream_tls"))
}

const GOOD: (u16, bool) = (200, false);
const REFUSED: (u16, bool) = (503, true);

fn here(service: &Service) -> String {
    format!("localhost:{}", service.address.port())
}

#[test]
pub(crate) fn a_service_known_by_name_is_asked_for_by_it_and_must_be_it() {
    gw::tls::install();
    let world = World::new();
    let (right, saw) = plain(&world.issue(&["localhost"]));
    let (wrong, _) = plain(&world.issue(&["else.test"]));
    let linked = || json!([{"Name": "web", "CAFile": "FOLDER/ca.pem"}]);
    let root = world.cert.pem();
    let gateway = exit("tls-name", linked(), &[("ca.pem", &root)], &here(&right));
    assert_eq!(asked(&gateway), GOOD);
    assert_eq!(saw.lock().unwrap()[0], (Some("localhost".to_owned()), 0));
    let mut gateway = exit("tls-wrong-name", linked(), &[("ca.pem", &root)], &here(&wrong));
    assert_eq!(asked(&gateway), REFUSED);
    gateway.change(|exit| exit.line("check_upstream_name = false"));
    assert_eq!(asked(&gateway), GOOD);
}

#[test]
fn an_sni_of_the_entry_is_sent_and_checked_and_an_address_without_one_is_not_named() {
    gw::tls::install();
    let world = World::new();
    let (service, saw) = plain(&world.issue(&["a.test", "*.b.test"]));
    let root = world.cert.pem();
    for (sni, address, answer) in [
        (Some("a.test"), service.address.to_string(), GOOD),
        (Some("x.b.test"), here(&service), GOOD),
        (Some("c.test"), service.address.to_string(), REFUSED),
        (None, service.address.to_string(), GOOD),
    ] {
        let mut linked = json!([{"Name": "web", "CAFile": "FOLDER/ca.pem"}]);
        if let Some(sni) = sni {
            linked[0]["SNI"] = json!(sni);
        }
        assert_eq!(asked(&exit("tls-sni", linked, &[("ca.pem", &root)], &address)), answer, "{sni:?}");
        if answer == GOOD {
            assert_eq!(saw.lock().unwrap().pop().unwrap().0.as_deref(), sni);
        }
    }
}

#[test]
fn any_certificate_of_the_file_is_an_anchor_by_itself() {
    gw::tls::install();
    let world = World::new();
    let between = world.intermediate();
    let mut below = between.issue(&["localhost"]);
    let leaf = below.pem.clone();
    below.chain.push(between.cert.der().clone());
    let own_key = KeyPair::generate().unwrap();
    let mut own_params = ca_params("of its own");
    own_params.subject_alt_names = vec![rcgen::SanType::DnsName("localhost".try_into().unwrap())];
    let own = own_params.self_signed(&own_key).unwrap();
    let own_pem = own.pem();
    let own = Has { chain: vec![own.der().clone()], pem: own_pem.clone(), key: own_key };
    let by_leaf = below.signs(&["localhost"]);
    let other = World::new().cert.pem();
    let (root, between) = (world.cert.pem(), between.cert.pem());
    for (has, anchors, good) in [
        (&below, &root, true),
        (&below, &between, true),
        (&below, &leaf, true),
        (&own, &own_pem, true),
        (&below, &other, false),
        (&own, &other, false),
        // What is no CA's vouches for itself alone, whatever its key has signed.
        (&by_leaf, &leaf, false),
    ] {
        let (service, _) = plain(has);
        let gateway = exit("tls-anchor", json!([{"Name": "web", "CAFile": "FOLDER/ca.pem"}]), &[("ca.pem", anchors)], &here(&service));
        assert_eq!(asked(&gateway) == GOOD, good, "{anchors}");
    }
}

#[test]
fn what_is_over_or_not_for_servers_is_refused_and_so_is_an_anchor_that_is_over() {
    gw::tls::install();
    let world = World::new();
    let over = world.issue_with(&["localhost"], |params| {
        (params.not_before, params.not_after) = (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(2021, 1, 1));
    });
    let clients = world.issue_with(&["localhost"], |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth]);
    let (mut params, key) = (ca_params("old root"), KeyPair::generate().unwrap());
    (params.not_before, params.not_after) = (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(2021, 1, 1));
    let cert = params.self_signed(&key).unwrap();
    let old = World { issuer: Issuer::new(params, key), cert };
    let of_old = old.issue(&["localhost"]);
    let (root, old) = (world.cert.pem(), old.cert.pem());
    for (has, anchors) in [(&over, &root), (&over, &over.pem), (&clients, &root), (&clients, &clients.pem), (&of_old, &old)] {
        let (service, _) = plain(has);
        let gateway = exit("tls-over", json!([{"Name": "web", "CAFile": "FOLDER/ca.pem"}]), &[("ca.pem", anchors)], &here(&service));
        assert_eq!(asked(&gateway), REFUSED);
    }
}

#[test]
fn the_gateway_shows_the_certificate_of_the_entry_and_speaks_either_version() {
    gw::tls::install();
    let world = World::new();
    let has = world.issue(&["localhost"]);
    let gateways = world.issue(&["gateway"]);
    let (root, key) = (world.cert.pem(), gateways.key.serialize_pem());
    let files: [(&str, &str); 3] = [("ca.pem", &root), ("gw.pem", &gateways.pem), ("gw-key.pem", &key)];
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let (service, saw) = service(&has, Some(&world), &[version]);
        let linked = json!([{"Name": "web", "CAFile": "FOLDER/ca.pem", "CertFile": "FOLDER/gw.pem", "KeyFile": "FOLDER/gw-key.pem"}]);
        assert_eq!(asked(&exit("tls-mutual", linked, &files, &here(&service))), GOOD, "{version:?}");
        assert_eq!(saw.lock().unwrap()[0].1, 1);
        let without = json!([{"Name": "web", "CAFile": "FOLDER/ca.pem"}]);
        assert_ne!(asked(&exit("tls-mutual-none", without, &files, &here(&service))).0, 200, "{version:?}");
    }
}

#[test]
fn a_file_that_is_missing_or_broken_fails_its_service_alone_and_what_it_had_goes_on() {
    gw::tls::install();
    let world = World::new();
    let (service, _) = plain(&world.issue(&["localhost"]));
    let other = Service::saying("other");
    let linked = json!([{"Name": "web", "CAFile": "FOLDER/ca.pem"}, {"Name": "api"}]);
    let exit = Exit::of("tls-broken", "http").leaf("api");
    let folder = exit.folder.0.display().to_string();
    let linked: Value = serde_json::from_str(&linked.to_string().replace("FOLDER", &folder)).unwrap();
    let exit = exit.entry(json!({"Kind": "service-intentions", "Name": "*", "Sources": [{"Name": "*", "Action": "allow"}]}));
    let mut gateway = exit.linked(linked).instance("web", here(&service), "").instance("api", other.address, "").start();
    assert_eq!(asked(&gateway), REFUSED);
    let api = || crate::harness::Tls::connect(gateway.run.address(), gateway.exit().ca.client(Some("api")), &crate::harness::sni("api"));
    assert_eq!(api().get("/").0, 200);
    // It comes by itself.
    gateway.exit().folder.write("ca.pem", &world.cert.pem());
    eventually("the file is read", || asked(&gateway) == GOOD);
    // And goes: a change that is seen, and changes nothing.
    gateway.run.changed();
    gateway.change(|exit| {
        exit.folder.write("ca.pem", "nonsense");
        exit
    });
    assert_eq!(asked(&gateway), GOOD);
}

#[test]
pub(crate) fn the_roots_of_the_machine_are_trusted_by_name() {
    gw::tls::install();
    let world = World::new();
    let (named, other) = (world.issue(&["localhost"]), world.issue(&["127.0.0.1"]));
    for (has, by_name, sni, good) in [
        (&named, true, None, true),
        (&named, false, None, false),
        (&other, false, None, true),
        (&other, true, None, false),
        (&named, false, Some("localhost"), true),
    ] {
        let (service, _) = plain(has);
        let address = if by_name { here(&service) } else { service.address.to_string() };
        let linked = json!([{"Name": "web", "CAFile": "system", "SNI": sni.unwrap_or_default()}]);
        let (status, said) = asked_by_system(&world, &linked, &address);
        assert_eq!(status == 200, good, "{address} {sni:?} {said}");
    }
}

/// The answer of a gateway of its own process, to which this world is the roots of the machine; and what it said.
fn asked_by_system(world: &World, linked: &Value, address: &str) -> (u16, String) {
    let exit = Exit::of("tls-system", "http").intention("api", json!("allow")).linked(linked.clone());
    let exit = exit.instance("web", address, "");
    exit.folder.write("roots.pem", &world.cert.pem());
    exit.write();
    let roots = [("SSL_CERT_FILE", exit.folder.at("roots.pem"))];
    let gateway = crate::support::Gateway::start_with(&["run", "-c", "gw.toml"], &exit.folder.0, &roots);
    let said = gateway.said();
    let at = said.split(" listens on ").nth(1).and_then(|rest| rest.split(',').next()).expect("where it listens").parse().unwrap();
    let mut client = crate::harness::Tls::connect(at, exit.ca.client(Some("api")), &crate::harness::sni("web"));
    (client.get("/").0, gateway.said())
}
