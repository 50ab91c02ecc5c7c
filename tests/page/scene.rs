//! What the page is shown: a process with gateways of every kind, services and connections, in which names, headers and server names
//! are such as somebody who wants to hurt would choose.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use crate::support::{Gateway, Scratch, backend, free_port, gw, scratch_with};

/// As markup it would run.
pub(crate) const MARKUP: &str = "<img src=x onerror=window.hurt=1>";
/// It turns around what follows it.
pub(crate) const TURNED: &str = "pay\u{202e}live\u{202c}evil";
/// A server name has neither blanks nor more than 63 letters between its dots.
pub(crate) const SERVER_NAME: &str = "<img/src=x/onerror=window.hurt=1>";

const TRUST_DOMAIN: &str = "11111111-2222-3333-4444-555555555555.consul";

/// A gateway process, and what it needs.
pub(crate) struct Scene {
    pub(crate) gateway: Gateway,
    pub(crate) folder: Scratch,
    pub(crate) ingress: SocketAddr,
    mesh: SocketAddr,
    /// The mesh gateway of the other datacenter: who connects to it waits.
    _elsewhere: TcpListener,
    open: Vec<TcpStream>,
}

/// A name that is as long as one may be.
pub(crate) fn long() -> String {
    "w".repeat(200)
}

impl Scene {
    pub(crate) fn start(name: &str) -> Self {
        let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
        let local = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        let (ingress, exit, mesh) = (local(free_port()), local(free_port()), local(free_port()));
        let web = backend("web");
        let toml = format!(
            r#"
entries = ["entries.json"]
default_intention = "deny"
trust_domain = "{TRUST_DOMAIN}"
[certs]
dir = "certs"
[[gateway]]
kind = "ingress"
name = "edge"
address = "127.0.0.1"
[[gateway]]
kind = "terminating"
name = "exit"
address = "{exit}"
[[gateway]]
kind = "mesh"
name = "mesh"
address = "{mesh}"
[[datacenter]]
name = "dc2"
gateways = ["{}"]
[[service]]
name = "web"
instance = [{{ address = "{web}", meta = {{ version = "v1" }} }}, {{ address = "127.0.0.1:9", health = "critical" }}]
[[service]]
name = "billing"
instance = [{{ address = "{web}" }}]
[[service]]
name = "{MARKUP}"
instance = [{{ id = "{MARKUP}", address = "{web}", meta = {{ note = "{MARKUP}" }} }}]
[[service]]
name = "{TURNED}"
instance = [{{ address = "{web}" }}]
[[service]]
name = "{}"
instance = [{{ address = "{web}", health = "warning" }}]
"#,
            elsewhere.local_addr().unwrap(),
            long(),
        );
        let entries = ENTRIES.replace("PORT", &ingress.port().to_string()).replace("MARKUP", MARKUP).replace("TURNED", TURNED);
        let folder = scratch_with(name, &[("gw.toml", &toml), ("entries.json", &entries)]);
        certs(folder.path(), &["init", "--trust-domain", TRUST_DOMAIN]);
        let gateway = Gateway::start(&["run", "-c", "gw.toml"], folder.path());
        Self { gateway, folder, ingress, mesh, _elsewhere: elsewhere, open: Vec::new() }
    }

    /// Where the page is.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.gateway.admin)
    }

    /// Asks the ingress gateway, whatever comes of it.
    pub(crate) fn request(&self, path: &str) {
        let mut stream = TcpStream::connect(self.ingress).unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nHost: a.test\r\nX-Test: {MARKUP}\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 "), "{answer}");
    }

    /// Some requests, good and bad ones, and a connection by a server name that is markup.
    pub(crate) fn busy(mut self) -> Self {
        ["/", "/x", "/denied"].iter().for_each(|path| self.request(path));
        let mut stream = TcpStream::connect(self.mesh).unwrap();
        stream.write_all(&hello(SERVER_NAME)).unwrap();
        self.open.push(stream);
        self
    }
}

/// A ClientHello for a service of dc2 of any name: one of a name that a client takes, in which that is put in its place.
fn hello(label: &str) -> Vec<u8> {
    let stand_in = "x".repeat(label.len());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    let name = ServerName::try_from(format!("{stand_in}.default.dc2.internal.{TRUST_DOMAIN}")).unwrap();
    let mut bytes = Vec::new();
    ClientConnection::new(Arc::new(config), name).unwrap().write_tls(&mut bytes).unwrap();
    let at = bytes.windows(stand_in.len()).position(|window| window == stand_in.as_bytes()).expect("the name stands in it");
    bytes[at..at + label.len()].copy_from_slice(label.as_bytes());
    bytes
}

pub(crate) fn certs(folder: &Path, args: &[&str]) {
    let mut command: Command = gw(&["certs"]);
    let made = command.args(args).current_dir(folder).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

const ENTRIES: &str = r#"[
  {"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": "http"}},
  {"Kind": "ingress-gateway", "Name": "edge", "Listeners": [
    {"Port": PORT, "Protocol": "http", "Services": [{"Name": "web", "Hosts": ["*"]}]}]},
  {"Kind": "terminating-gateway", "Name": "exit", "Services": [{"Name": "billing"}]},
  {"Kind": "service-router", "Name": "web", "Routes": [
    {"Match": {"HTTP": {"PathPrefix": "/MARKUP", "Header": [{"Name": "x-test", "Exact": "MARKUP"}]}}},
    {"Match": {"HTTP": {"PathPrefix": "/denied"}}, "Destination": {"Service": "nowhere"}}]},
  {"Kind": "service-intentions", "Name": "billing", "Sources": [
    {"Name": "MARKUP", "Action": "allow"}, {"Name": "TURNED", "Action": "deny"},
    {"Name": "web", "Permissions": [{"Action": "allow", "HTTP": {"PathPrefix": "/MARKUP"}}]}]}
]"#;
