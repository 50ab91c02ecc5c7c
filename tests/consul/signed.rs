//! Gateways that have their own keys signed: by a server of Consul where the version has one that signs, else by a stand-in whose CA is
//! Consul's.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gw::id::TrustDomain;
use gw::model::gateway::{GatewayConfig, GatewayKind};
use gw::tls::{Authority, Moment, Wanted, pem};
use rcgen::{CertificateSigningRequestParams, SanType};
use rustls_pki_types::CertificateSigningRequestDer;
use rustls_pki_types::pem::PemObject;
use serde_json::json;
use tokio::runtime::Runtime;

use crate::agent::Consul;
use crate::gateway::{Gateway, Like, at, get};
use crate::harness::{Service, eventually};
use crate::signer::{Does, Server};
use crate::support::free_ports;
use crate::terminating::Caller;

/// A server that signs in place of Consul's own, by a CA that it has made Consul's.
struct Signer {
    server: Server,
    ca: Arc<Mutex<Authority>>,
    /// How long leaves live.
    life: Arc<Mutex<Duration>>,
    mesh: TrustDomain,
    _runtime: Runtime,
}

impl Signer {
    fn of(consul: &Consul) -> Self {
        gw::tls::install();
        let mesh = TrustDomain::new(consul.get("/v1/agent/connect/ca/roots")["TrustDomain"].as_str().unwrap());
        let ca = Arc::new(Mutex::new(Authority::root(&mesh, Moment::now()).unwrap()));
        let life = Arc::new(Mutex::new(Duration::from_hours(72)));
        let (signs, lives) = (ca.clone(), life.clone());
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let server = runtime.block_on(Server::start(None, Arc::new(move |csr| sign(&signs.lock().unwrap(), csr, *lives.lock().unwrap()))));
        let signer = Self { server, ca, life, mesh, _runtime: runtime };
        signer.is_consuls(consul);
        signer
    }

    /// Makes Consul's CA the one that signs.
    fn is_consuls(&self, consul: &Consul) {
        let ca = self.ca.lock().unwrap();
        let config =
            json!({"PrivateKey": ca.key_pem(), "RootCert": pem::text_of(std::slice::from_ref(ca.certificate())), "LeafCertTTL": "72h"});
        consul.put("/v1/connect/ca/configuration", &json!({"Provider": "consul", "Config": config}).to_string());
    }

    fn rotate(&self, consul: &Consul) {
        *self.ca.lock().unwrap() = Authority::root(&self.mesh, Moment::now()).unwrap();
        self.is_consuls(consul);
    }
}

/// A leaf with every name that is asked for.
fn sign(ca: &Authority, csr: &str, life: Duration) -> String {
    let der = CertificateSigningRequestDer::from_pem_slice(csr.as_bytes()).unwrap();
    let asked = CertificateSigningRequestParams::from_der(&der).unwrap().params.subject_alt_names;
    let (mut uris, mut dns) = (Vec::new(), Vec::new());
    for name in &asked {
        match name {
            SanType::URI(uri) => uris.push(uri.to_string()),
            SanType::DnsName(name) => dns.push(name.to_string()),
            other => panic!("{other:?} was asked for"),
        }
    }
    let wanted = Wanted { common_name: None, uris, dns, ips: Vec::new(), for_servers: true, for_clients: true, life };
    pem::text_of(&ca.sign(csr.as_bytes(), &wanted, &[], Moment::now()).unwrap().chain)
}

/// A folder that is gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("gw-signed-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// The root that signs now, in a file.
    fn root(&self, consul: &Consul) -> PathBuf {
        let roots = consul.get("/v1/agent/connect/ca/roots");
        let active = roots["Roots"].as_array().unwrap().iter().find(|root| root["Active"] == true).unwrap().clone();
        let file = self.0.join("root.pem");
        std::fs::write(&file, active["RootCert"].as_str().unwrap()).unwrap();
        file
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// What a client that trusts that root alone is answered at a host; why it goes away, where it does.
pub(crate) fn curl(root: &Path, host: &str, port: u16) -> String {
    let there = format!("{host}:{port}:127.0.0.1");
    let mut command = Command::new("curl");
    command.args(["-sS", "--max-time", "10", "--noproxy", "*", "--resolve", &there, "--cacert"]).arg(root);
    let said = command.arg(format!("https://{host}:{port}/")).output().unwrap();
    String::from_utf8_lossy(if said.status.success() { &said.stdout } else { &said.stderr }).into_owned()
}

/// Two gateways of one process: `edge` ends TLS for these hosts, `front` speaks clear text. 1.8 ends TLS for gateways alone.
struct Edges {
    tls: u16,
    plain: u16,
}

impl Edges {
    fn before(consul: &Consul, hosts: &[&str]) -> Self {
        let [tls, plain] = free_ports();
        let edges = Self { tls, plain };
        edges.lead(consul, hosts);
        let services = json!([{"Name": "web", "Hosts": ["*"]}]);
        consul.write(&json!({"Kind": "ingress-gateway", "Name": "front",
            "Listeners": [{"Port": plain, "Protocol": "http", "Services": services}]}));
        edges
    }

    fn lead(&self, consul: &Consul, hosts: &[&str]) {
        let services = json!([{"Name": "web", "Hosts": hosts}]);
        consul.write(&json!({"Kind": "ingress-gateway", "Name": "edge", "TLS": {"Enabled": true},
            "Listeners": [{"Port": self.tls, "Protocol": "http", "Services": services}]}));
    }

    fn start(&self, consul: &Consul, like: Like) -> Gateway {
        let gateways = ["edge", "front"].map(|name| GatewayConfig::of(GatewayKind::Ingress, name));
        let gateway = Gateway::several(consul, gateways.into(), like);
        gateway.listens(self.tls);
        gateway
    }
}

/// A Consul where web has a sidecar.
fn mesh(name: &str) -> Consul {
    let mut consul = Consul::start(name);
    consul.write(&json!({"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": "http"}}));
    consul.in_the_mesh("web-1", "web", Service::saying("web").address, &json!({}));
    consul
}

#[test]
fn hosts_of_an_ingress_gateway_are_certified_and_certified_anew_when_they_or_the_root_change() {
    let consul = mesh("certified");
    // What signs itself is asked itself.
    let stand_in = (!consul.signs).then(|| Signer::of(&consul));
    let grpc = stand_in.as_ref().map_or(consul.grpc, |signer| signer.server.address);
    let folder = Folder::new("certified");
    let edges = Edges::before(&consul, &["shop.example.test"]);
    let (tls, plain) = (edges.tls, edges.plain);
    let gateway = edges.start(&consul, Like { grpc: Some(grpc), state: Some(folder.0.clone()), ..Like::default() });
    let root = folder.root(&consul);
    eventually("the host is certified", || curl(&root, "shop.example.test", tls) == "web");
    assert!(curl(&root, "other.example.test", tls).contains("subject"), "{}", curl(&root, "other.example.test", tls));
    let answer = curl(&root, "any.ingress.consul", tls);
    assert!(answer.contains("no_host"), "certified, but led nowhere: {answer}");
    assert_eq!(get(plain, "x.test", "/"), "web", "sidecars take it for what it is");
    assert_eq!((gateway.trouble("signed leaf edge").as_deref(), gateway.trouble("leaf edge")), (Some(""), None));
    let keys = std::fs::read_dir(&folder.0).unwrap().flatten().find(|e| e.path().is_dir()).unwrap().path();
    for key in [keys.join("certs/edge-key.pem"), keys.join("answers/leaf%20edge.json")] {
        assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600, "{}", key.display());
    }

    edges.lead(&consul, &["shop.example.test", "*.api.example.test"]);
    eventually("a new host is certified", || curl(&root, "v1.api.example.test", tls) == "web");

    match &stand_in {
        Some(signer) => signer.rotate(&consul),
        None => {
            let key = Command::new("openssl").args(["ecparam", "-name", "prime256v1", "-genkey", "-noout"]).output().unwrap().stdout;
            let config = json!({"PrivateKey": String::from_utf8(key).unwrap(), "LeafCertTTL": "72h"});
            consul.put("/v1/connect/ca/configuration", &json!({"Provider": "consul", "Config": config}).to_string());
        }
    }
    eventually("the new root vouches for it", || curl(&folder.root(&consul), "shop.example.test", tls) == "web");
    gateway.stop();
}

#[test]
fn while_nobody_signs_the_last_leaf_goes_on_and_without_one_that_of_the_http_api() {
    let consul = mesh("unsigned");
    let signer = Signer::of(&consul);
    signer.server.does(Does::Refuse(14, "no leader"));
    let folder = Folder::new("unsigned");
    let edges = Edges::before(&consul, &["shop.example.test"]);
    let (tls, plain) = (edges.tls, edges.plain);
    let like = || Like { grpc: Some(signer.server.address), state: Some(folder.0.clone()), ..Like::default() };
    let gateway = edges.start(&consul, like());
    eventually("services are reached with the leaf of the HTTP API", || get(plain, "x.test", "/") == "web");
    let trouble = gateway.trouble("signed leaf edge").unwrap();
    assert!(trouble.contains("no leader") && trouble.contains("HTTP API takes its place"), "{trouble}");
    assert!(curl(&folder.root(&consul), "shop.example.test", tls).starts_with("curl:"), "there is no certificate");

    signer.server.does(Does::Sign);
    let root = folder.root(&consul);
    eventually("it is signed as soon as somebody signs", || curl(&root, "shop.example.test", tls) == "web");
    assert_eq!(gateway.trouble("signed leaf edge").as_deref(), Some(""));

    signer.server.does(Does::Http(503));
    edges.lead(&consul, &["shop.example.test", "late.example.test"]);
    eventually("it is told that nobody signs", || {
        gateway.trouble("signed leaf edge").is_some_and(|why| why.contains("signed last goes on until"))
    });
    assert_eq!(curl(&root, "shop.example.test", tls), "web");
    edges.lead(&consul, &["shop.example.test"]);
    gateway.stop();

    let gateway = edges.start(&consul, like());
    eventually("an earlier run's leaf is shown", || curl(&root, "shop.example.test", tls) == "web");
    let trouble = gateway.trouble("signed leaf edge").unwrap();
    assert!(trouble.contains("signed last goes on until"), "{trouble}");
}

#[test]
fn a_leaf_that_nears_its_end_is_signed_anew_and_no_request_fails() {
    let consul = mesh("renewed");
    let signer = Signer::of(&consul);
    *signer.life.lock().unwrap() = Duration::from_secs(4);
    let folder = Folder::new("renewed");
    let edges = Edges::before(&consul, &["shop.example.test"]);
    let (tls, plain) = (edges.tls, edges.plain);
    let _gateway = edges.start(&consul, Like { grpc: Some(signer.server.address), ..Like::default() });
    let root = folder.root(&consul);
    eventually("the host is certified", || curl(&root, "shop.example.test", tls) == "web");
    eventually("both leaves were signed four times", || {
        assert_eq!(curl(&root, "shop.example.test", tls), "web");
        assert_eq!(get(plain, "x.test", "/"), "web");
        signer.server.asked.lock().unwrap().len() > 7
    });
    *signer.life.lock().unwrap() = Duration::from_hours(1);
}

#[test]
fn a_terminating_gateway_has_the_keys_of_its_linked_services_signed() {
    let consul = Consul::start("linked");
    let signer = Signer::of(&consul);
    consul.write(&json!({"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": "http"}}));
    consul.register(&json!({"ID": "old", "Name": "old", "Address": "127.0.0.1", "Port": Service::saying("old").address.port()}));
    consul.write(&json!({"Kind": "terminating-gateway", "Name": "exit", "Services": [{"Name": "old"}]}));
    let gateway = Gateway::like(&consul, GatewayKind::Terminating, "exit", Like { grpc: Some(signer.server.address), ..Like::default() });
    let web = Caller::of(&consul, "web");
    eventually("the linked service is reached", || web.get(at(gateway.port), "old", "/") == "old");
    assert_eq!((gateway.trouble("signed leaf old").as_deref(), gateway.trouble("leaf old")), (Some(""), None));
}
