//! `gw terminating` with a real Consul, asked with leaves that Consul issued.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use gw::model::gateway::GatewayKind;
use serde_json::json;

use crate::agent::Consul;
use crate::gateway::Gateway;
use crate::harness::{Service, eventually};

/// Who calls: a leaf of Consul's in files.
pub(crate) struct Caller {
    folder: PathBuf,
    trust_domain: String,
}

impl Caller {
    pub(crate) fn of(consul: &Consul, name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("gw-caller-{}-{}", std::process::id(), consul.address.port()));
        std::fs::create_dir_all(&folder).unwrap();
        let (leaf, roots) = (consul.get(&format!("/v1/agent/connect/ca/leaf/{name}")), consul.get("/v1/agent/connect/ca/roots"));
        let write = |file: &str, text: &str| std::fs::write(folder.join(file), text).unwrap();
        write("leaf.pem", leaf["CertPEM"].as_str().unwrap());
        write("key.pem", leaf["PrivateKeyPEM"].as_str().unwrap());
        write("roots.pem", &roots["Roots"].as_array().unwrap().iter().map(|r| r["RootCert"].as_str().unwrap()).collect::<String>());
        Self { folder, trust_domain: roots["TrustDomain"].as_str().unwrap().to_owned() }
    }

    /// What a service answers through the gateway; nothing where it is closed.
    pub(crate) fn get(&self, gateway: SocketAddr, service: &str, path: &str) -> String {
        let file = |name: &str| Path::new(&self.folder).join(name);
        let mut client = Command::new("openssl")
            .args(["s_client", "-quiet", "-verify_return_error", "-connect", &gateway.to_string(), "-servername"])
            .arg(format!("{service}.default.dc1.internal.{}", self.trust_domain))
            .arg("-cert")
            .arg(file("leaf.pem"))
            .arg("-cert_chain")
            .arg(file("leaf.pem"))
            .arg("-key")
            .arg(file("key.pem"))
            .arg("-CAfile")
            .arg(file("roots.pem"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: x.test\r\nconnection: close\r\n\r\n");
        drop(client.stdin.as_mut().unwrap().write_all(request.as_bytes()));
        let said = client.wait_with_output().unwrap().stdout;
        let text = String::from_utf8_lossy(&said);
        text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

#[test]
fn linked_and_wildcard_services_are_reached_and_intentions_are_in_effect_as_they_come_and_go() {
    let consul = Consul::start("exit");
    consul.write(&json!({"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": "http"}}));
    for name in ["legacy", "other"] {
        let port = Service::saying(if name == "legacy" { "legacy" } else { "other" }).address.port();
        consul.register(&json!({"ID": name, "Name": name, "Address": "127.0.0.1", "Port": port}));
    }
    consul.write(&json!({"Kind": "terminating-gateway", "Name": "exit", "Services": [{"Name": "legacy"}]}));
    let gateway = Gateway::start(&consul, GatewayKind::Terminating, "exit");
    let at = crate::gateway::at(gateway.port);
    let web = Caller::of(&consul, "web");
    eventually("a linked service is reached", || web.get(at, "legacy", "/") == "legacy");
    assert_eq!(web.get(at, "other", "/"), "", "what is not linked is closed");

    let deny = consul.intention("web", "legacy", "deny");
    eventually("a deny is in effect", || web.get(at, "legacy", "/").is_empty() || web.get(at, "legacy", "/").contains("denied"));
    consul.no_intention(&deny);
    eventually("that it is gone is in effect", || web.get(at, "legacy", "/") == "legacy");

    consul.write(&json!({"Kind": "terminating-gateway", "Name": "exit", "Services": [{"Name": "*"}]}));
    eventually("every service is linked", || web.get(at, "other", "/") == "other");
    consul.put("/v1/agent/service/deregister/other", "");
    eventually("what is gone is closed", || web.get(at, "other", "/").is_empty());
    assert_eq!(web.get(at, "legacy", "/"), "legacy");
    gateway.stop();
}
