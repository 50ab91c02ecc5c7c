//! A server of Consul in a network of its own. Its HTTP API is there, and at a socket in a file, which has no network.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use serde_json::{Value, json};

use crate::authority::{Authority, Certificate};
use crate::network::{self, Network};
use crate::program::{at_least, program, spawn};

/// Longer than a question of these tests takes, those that wait for a gateway which is gone among them.
const PATIENCE: Duration = Duration::from_secs(15);

/// A server. Killed when dropped.
pub(crate) struct Server {
    /// What its agent is told; written when it starts.
    pub(crate) config: Value,
    /// Its HTTP API.
    pub(crate) api: Api,
    namespace: String,
    folder: PathBuf,
    process: Option<Child>,
}

/// The HTTP API of an agent, asked from anywhere.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    socket: PathBuf,
}

/// An answer: its status, and its body as text.
pub(crate) type Reply = (u16, String);

/// What a server of a datacenter is told apart from where it is.
pub(crate) struct Place<'a> {
    pub(crate) datacenter: u8,
    pub(crate) number: u8,
    /// How many servers the datacenter has.
    pub(crate) of: u8,
    /// How many gateways the primary has, which servers of a secondary dial first.
    pub(crate) gateways: u8,
    pub(crate) folder: &'a Path,
}

impl Server {
    pub(crate) fn new(place: &Place<'_>, authority: &Authority) -> Self {
        let node = format!("dc{}-s{}", place.datacenter, place.number);
        let folder = place.folder.join(&node);
        fs::create_dir_all(&folder).expect("a folder");
        let certificate = authority.server(&format!("dc{}", place.datacenter), &node);
        let socket = folder.join("http");
        let mut config = config(place, &node, &folder, &socket);
        trust(&mut config, authority, &certificate);
        Self { config, api: Api { socket }, namespace: format!("dc{}", place.datacenter), folder, process: None }
    }

    /// Where its HTTP API is in its network.
    pub(crate) fn address(&self) -> String {
        format!("{}:8500", self.config["bind_addr"].as_str().expect("an address"))
    }

    /// Its node.
    pub(crate) fn node(&self) -> &str {
        self.config["node_name"].as_str().expect("a name")
    }

    pub(crate) fn start(&mut self, network: &Network) {
        let file = self.folder.join("agent.json");
        fs::write(&file, self.config.to_string()).expect("a file");
        let log = File::options().create(true).append(true).open(self.folder.join("log")).expect("a file");
        let mut command = network.inside(&self.namespace, program());
        self.process = Some(spawn(command.args(["agent", "-config-file"]).arg(file), log));
    }

    /// Shows another certificate from its next start on.
    pub(crate) fn show(&mut self, authority: &Authority, certificate: &Certificate) {
        trust(&mut self.config, authority, certificate);
    }

    /// Kills it; its data stays.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            drop(process.kill());
            drop(process.wait());
        }
    }

    /// What it wrote.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// As `consul-api` 12 and `wan-federation` 1 have it, with short times.
fn config(place: &Place<'_>, node: &str, folder: &Path, socket: &Path) -> Value {
    let address = network::server(place.datacenter, place.number).to_string();
    let mut config = json!({
        "server": true, "bootstrap_expect": place.of, "datacenter": format!("dc{}", place.datacenter), "node_name": node,
        "retry_join": [network::server(place.datacenter, 1).to_string()], "retry_interval": "1s",
        "primary_datacenter": "dc1", "connect": {"enabled": true, "enable_mesh_gateway_wan_federation": true},
        "data_dir": folder.join("data"), "log_level": "debug", "bind_addr": address, "client_addr": address,
        "addresses": {"http": format!("{address} unix://{}", socket.display())}, "ports": {"dns": -1, "grpc": 8502},
        "enable_central_service_config": true, "disable_update_check": true, "performance": {"raft_multiplier": 1},
    });
    if place.datacenter > 1 {
        let gateways: Vec<String> = (1..=place.gateways).map(|gateway| network::wan(1, gateway).to_string()).collect();
        config["primary_gateways"] = json!(gateways);
        config["primary_gateways_interval"] = json!("2s");
        config["retry_interval_wan"] = json!("2s");
    }
    config
}

/// TLS of agents has a stanza of its own since 1.12, and a gRPC port of its own since 1.14.
fn trust(config: &mut Value, authority: &Authority, certificate: &Certificate) {
    let mut tls = json!({"ca_file": authority.ca(), "cert_file": certificate.cert, "key_file": certificate.key, "verify_outgoing": true});
    if at_least(1, 14) {
        config["ports"]["grpc_tls"] = json!(8503);
        config["tls"] = json!({"defaults": tls, "internal_rpc": {"verify_incoming": true, "verify_server_hostname": true}});
        return;
    }
    tls["verify_incoming_rpc"] = json!(true);
    tls["verify_server_hostname"] = json!(true);
    let all = config.as_object_mut().expect("an object");
    all.extend(tls.as_object().expect("an object").clone());
}

impl Api {
    /// Where it is, as `--http-addr` takes it: from whatever network.
    pub(crate) fn address(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// What is answered; `None`: nothing, in time.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> Option<Reply> {
        let mut stream = UnixStream::connect(&self.socket).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        // Of 1.0 an answer is neither in chunks nor kept alive.
        write!(stream, "{method} {path} HTTP/1.0\r\nHost: consul\r\nContent-Length: {}\r\n\r\n{body}", body.len()).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        // A snapshot is no text.
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }

    /// What there is, or why it cannot be told.
    pub(crate) fn get(&self, path: &str) -> Result<Value, String> {
        match self.ask("GET", path, "") {
            Some((200, body)) => serde_json::from_str(&body).map_err(|e| format!("GET {path}: {e}: {body}")),
            Some((status, body)) => Err(format!("GET {path}: {status} {}", body.trim())),
            None => Err(format!("GET {path}: no answer")),
        }
    }

    /// What is written.
    pub(crate) fn put(&self, path: &str, body: &str) -> Result<String, String> {
        match self.ask("PUT", path, body) {
            Some((200, body)) => Ok(body),
            Some((status, body)) => Err(format!("PUT {path}: {status} {}", body.trim())),
            None => Err(format!("PUT {path}: no answer")),
        }
    }
}
