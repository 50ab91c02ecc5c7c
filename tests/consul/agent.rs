//! A real Consul: a server of its own on free ports, its sidecars, and what is said to it.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command};

use serde_json::{Value, json};

use crate::harness::{Answer, Client, eventually, request};
use crate::program::{at_least, program, spawn};
use crate::support::free_ports;

/// What a server is like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Like {
    pub(crate) datacenter: &'static str,
    /// ACLs on, default deny.
    pub(crate) acl: bool,
    /// The port where the servers of the primary datacenter, dc1, are joined; 0 is this one.
    pub(crate) joins: Option<u16>,
}

impl Default for Like {
    fn default() -> Self {
        Self { datacenter: "dc1", acl: false, joins: None }
    }
}

/// A server; it and its sidecars are killed when it is dropped.
pub(crate) struct Consul {
    folder: PathBuf,
    agent: Option<Child>,
    sidecars: Vec<Child>,
    /// Of the HTTP API.
    pub(crate) address: SocketAddr,
    /// Of the gRPC API.
    pub(crate) grpc: SocketAddr,
    /// Whether certificates are signed there: older versions speak of other things.
    pub(crate) signs: bool,
    /// Where servers of other datacenters join, if they may.
    pub(crate) wan: u16,
    /// The token that may do everything; empty without ACLs.
    pub(crate) token: String,
}

impl Consul {
    /// A server that leads and has a CA.
    pub(crate) fn start(name: &str) -> Self {
        Self::like(name, Like::default())
    }

    /// The same, as one wants it.
    pub(crate) fn like(name: &str, like: Like) -> Self {
        let folder = std::env::temp_dir().join(format!("gw-consul-{}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let [http, grpc, server, serf, wan] = free_ports();
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let mut ports = json!({"http": http, "grpc": grpc, "server": server, "serf_lan": serf, "serf_wan": -1, "dns": -1});
        if at_least(1, 14) {
            // Newer ones open a second one by themselves.
            ports["grpc_tls"] = json!(-1);
        }
        if like.joins.is_some() {
            ports["serf_wan"] = json!(wan);
        }
        let acl = if like.acl { json!({"enabled": true, "default_policy": "deny"}) } else { json!({"enabled": false}) };
        let config = json!({
            "server": true, "bootstrap_expect": 1, "datacenter": like.datacenter, "node_name": format!("{}-server", like.datacenter),
            "data_dir": folder.join("data"), "bind_addr": "127.0.0.1", "client_addr": "127.0.0.1", "ports": ports, "acl": acl,
            "connect": {"enabled": true}, "enable_central_service_config": true, "disable_update_check": true,
            "performance": {"raft_multiplier": 1}, "limits": {"http_max_conns_per_client": 200},
        });
        let mut config = config;
        if let Some(joins) = like.joins {
            config["primary_datacenter"] = json!("dc1");
            let joined = if joins == 0 { json!([]) } else { json!([format!("127.0.0.1:{joins}")]) };
            config["retry_join_wan"] = joined;
        }
        fs::write(folder.join("agent.json"), config.to_string()).unwrap();
        let (address, grpc, signs) = (at(http), at(grpc), at_least(1, 13));
        let mut consul = Self { folder, agent: None, sidecars: Vec::new(), address, grpc, signs, wan, token: String::new() };
        consul.run();
        if like.acl {
            eventually("ACLs are bootstrapped", || {
                let answer = consul.ask("PUT", "/v1/acl/bootstrap", "");
                let made = answer.filter(|a| a.status == 200).and_then(|a| serde_json::from_slice::<Value>(&a.body).ok());
                consul.token = made.and_then(|m| Some(m["SecretID"].as_str()?.to_owned())).unwrap_or_default();
                !consul.token.is_empty()
            });
            let token = json!({"Token": consul.token}).to_string();
            consul.put("/v1/agent/token/agent", &token);
        }
        consul.leads();
        consul
    }

    /// Starts the agent, on the data that is there.
    pub(crate) fn run(&mut self) {
        let log = File::options().create(true).append(true).open(self.folder.join("agent.log")).unwrap();
        let mut command = Command::new(program());
        command.args(["agent", "-config-file"]).arg(self.folder.join("agent.json"));
        self.agent = Some(spawn(&mut command, log));
    }

    /// Waits until it leads and has a CA.
    pub(crate) fn leads(&self) {
        eventually("Consul leads and has a CA", || {
            let roots = self.ask("GET", "/v1/agent/connect/ca/roots", "");
            roots.is_some_and(|r| r.status == 200 && r.text().contains("BEGIN CERTIFICATE"))
        });
    }

    /// Ends the agent; its sidecars go on.
    pub(crate) fn end(&mut self) {
        if let Some(mut agent) = self.agent.take() {
            drop(agent.kill());
            drop(agent.wait());
        }
    }

    /// Sends the agent a signal: `STOP`, `CONT`.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.agent.as_ref().expect("it runs").id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap().success());
    }

    /// What the agent answers; `None`: it does not.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> Option<Answer> {
        let mut client = Client::try_connect(self.address)?;
        client.send(&request(method, path, &format!("x-consul-token: {}\r\n", self.token), body));
        client.answer()
    }

    /// What the agent answers to what it takes.
    #[track_caller]
    pub(crate) fn put(&self, path: &str, body: &str) -> Value {
        let answer = self.ask("PUT", path, body).unwrap_or_else(|| panic!("PUT {path}: no answer"));
        assert!(answer.status == 200, "PUT {path} {body}: {} {}", answer.status, answer.text());
        serde_json::from_slice(&answer.body).unwrap_or_default()
    }

    /// What the agent knows.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> Value {
        let answer = self.ask("GET", path, "").unwrap_or_else(|| panic!("GET {path}: no answer"));
        assert!(answer.status == 200, "GET {path}: {} {}", answer.status, answer.text());
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// Writes a config entry.
    #[track_caller]
    pub(crate) fn write(&self, entry: &Value) {
        self.put("/v1/config", &entry.to_string());
    }

    /// Writes an intention by the older API, which every version has. Its id.
    #[track_caller]
    pub(crate) fn intention(&self, source: &str, destination: &str, action: &str) -> String {
        let body = json!({"SourceName": source, "DestinationName": destination, "SourceType": "consul", "Action": action}).to_string();
        let answer = self.ask("POST", "/v1/connect/intentions", &body).expect("an answer");
        assert!(answer.status == 200, "{}: {}", answer.status, answer.text());
        serde_json::from_slice::<Value>(&answer.body).unwrap()["ID"].as_str().unwrap().to_owned()
    }

    /// Deletes an intention.
    #[track_caller]
    pub(crate) fn no_intention(&self, id: &str) {
        let answer = self.ask("DELETE", &format!("/v1/connect/intentions/{id}"), "").expect("an answer");
        assert!(answer.status == 200, "{}: {}", answer.status, answer.text());
    }

    /// Deletes a config entry.
    #[track_caller]
    pub(crate) fn delete(&self, kind: &str, name: &str) {
        let path = format!("/v1/config/{kind}/{name}");
        let answer = self.ask("DELETE", &path, "").unwrap_or_else(|| panic!("DELETE {path}: no answer"));
        assert!(answer.status == 200, "DELETE {path}: {} {}", answer.status, answer.text());
    }

    /// Registers a service without a sidecar.
    #[track_caller]
    pub(crate) fn register(&self, service: &Value) {
        self.put("/v1/agent/service/register", &service.to_string());
    }

    /// Registers an instance of a service with a sidecar, starts the sidecar, and returns where that listens.
    #[track_caller]
    pub(crate) fn in_the_mesh(&mut self, id: &str, name: &str, at: SocketAddr, meta: &Value) -> SocketAddr {
        let [port] = free_ports();
        self.register(&json!({
            "ID": id, "Name": name, "Address": "127.0.0.1", "Port": at.port(), "Meta": meta,
            "Connect": {"SidecarService": {"Address": "127.0.0.1", "Port": port, "Meta": meta, "Checks": [
                {"TCP": format!("127.0.0.1:{port}"), "Interval": "1s"}, {"AliasService": id}]}},
        }));
        let log = File::create(self.folder.join(format!("{id}.log"))).unwrap();
        let mut command = Command::new(program());
        command.args(["connect", "proxy", "-sidecar-for", id]);
        command.env("CONSUL_HTTP_ADDR", self.address.to_string()).env("CONSUL_HTTP_TOKEN", &self.token);
        self.sidecars.push(spawn(&mut command, log));
        let path = format!("/v1/health/connect/{name}?passing");
        eventually("the sidecar is passing", || {
            self.get(&path).as_array().is_some_and(|all| all.iter().any(|one| one["Service"]["Port"] == json!(port)))
        });
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    /// A token that may do what the first one may.
    pub(crate) fn token_like_the_first(&self) -> String {
        let made = self.put("/v1/acl/token", &json!({"Policies": [{"Name": "global-management"}], "Description": "of a test"}).to_string());
        made["SecretID"].as_str().unwrap().to_owned()
    }

    /// Takes back the tokens that were made like the first.
    pub(crate) fn revoke_all_but_the_first(&self) {
        for token in self.get("/v1/acl/tokens").as_array().unwrap().iter().filter(|token| token["Description"] == "of a test") {
            let path = format!("/v1/acl/token/{}", token["AccessorID"].as_str().unwrap());
            assert_eq!(self.ask("DELETE", &path, "").unwrap().status, 200);
        }
    }

    /// What the agent wrote.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("agent.log")).unwrap_or_default()
    }
}

impl Drop for Consul {
    #[expect(clippy::print_stdout, reason = "shown with the test that failed")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let end = log.char_indices().rev().nth(4000).map_or(0, |(at, _)| at);
            println!("the end of Consul's log:\n{}", &log[end..]);
        }
        self.end();
        for sidecar in &mut self.sidecars {
            drop(sidecar.kill());
            drop(sidecar.wait());
        }
        drop(fs::remove_dir_all(&self.folder));
    }
}
