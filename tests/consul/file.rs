//! Gateways of a gw.toml that take everything from a real Consul, in one process.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::agent::Consul;
use crate::gateway::get;
use crate::harness::{Service, eventually};
use crate::program::at_least;
use crate::signed::curl;
use crate::support::free_ports;
use crate::support::{Gateway, scratch_with};

/// The instances of a service that are well.
fn passing(consul: &Consul, service: &str) -> Vec<Value> {
    consul.get(&format!("/v1/health/service/{service}?passing")).as_array().unwrap().iter().map(|row| row["Service"].clone()).collect()
}

#[test]
fn all_gateways_of_a_file_follow_one_consul_and_are_registered_until_they_end() {
    let consul = Consul::start("file");
    consul.write(&json!({"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": "http"}}));
    consul.register(&json!({"ID": "old", "Name": "old", "Address": "127.0.0.1", "Port": Service::saying("old").address.port()}));
    consul.write(&json!({"Kind": "terminating-gateway", "Name": "exit", "Services": [{"Name": "old"}]}));
    let [plain, tls, exit, ready] = free_ports();
    let listener = |port: u16, host: &str| json!({"Port": port, "Protocol": "http", "Services": [{"Name": "old", "Hosts": [host]}]});
    consul.write(&json!({"Kind": "ingress-gateway", "Name": "edge", "Listeners": [listener(plain, "*")]}));
    consul.write(&json!({"Kind": "ingress-gateway", "Name": "shop", "TLS": {"Enabled": true},
        "Listeners": [listener(tls, "shop.example.test")]}));
    let made = rcgen::generate_simple_self_signed(["shop.example.test".to_owned()]).unwrap();
    let toml = format!(
        "[consul]\naddr = \"{}\"\ntoken_file = \"token\"\ndatacenter = \"dc1\"\n\n\
         [[gateway]]\nkind = \"ingress\"\nname = \"edge\"\naddress = \"127.0.0.1:{ready}\"\n\n\
         [[gateway]]\nkind = \"ingress\"\nname = \"shop\"\n\n\
         [[gateway]]\nkind = \"terminating\"\nname = \"exit\"\naddress = \"127.0.0.1:{exit}\"\nwan_address = \"198.18.0.1:8443\"\n\n\
         [[certificate]]\ncert = \"shop.pem\"\nkey = \"shop-key.pem\"\n",
        consul.address
    );
    let (cert, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let files = [("gw.toml", toml.as_str()), ("token", ""), ("shop.pem", &cert), ("shop-key.pem", &key)];
    let folder = scratch_with("of-consul", &files);
    let gateway = Gateway::start(&["run", "--register", "--state-dir", "state"], folder.path());
    let first = format!("running Consul at http://{}, the gateways of gw.toml", consul.address);
    assert!(gateway.said().contains(&first), "{}", gateway.said());

    eventually("the service is reached through two gateways of the process", || get(plain, "x.test", "/") == "old");
    assert_eq!(curl(&folder.path().join("shop.pem"), "shop.example.test", tls), "old", "with the certificate of the file");
    let watches = status(&gateway)["consul"]["watches"].clone();
    let of = |what: &str| watches.as_array().unwrap().iter().filter(|watch| watch["what"] == what).count();
    assert_eq!((of("entries service-defaults"), of("roots"), of("leaf edge"), of("leaf old")), (1, 1, 1, 1), "{watches}");

    // What has a port of its own is known by that; the other by its first listener.
    let expected = [("edge", ready), ("shop", tls), ("exit", exit)];
    eventually("all are registered, and well", || {
        expected.iter().all(|(name, port)| passing(&consul, name).iter().any(|service| service["Port"] == json!(port)))
    });
    assert_eq!(passing(&consul, "exit")[0]["TaggedAddresses"]["wan"]["Address"], json!("198.18.0.1"));
    assert_eq!(get(ready, "10.0.0.1", "/ready"), "LIVE\n");
    assert!(get(ready, "x.test", "/v1/status").contains("/ready alone"), "{}", get(ready, "x.test", "/v1/status"));
    assert_eq!(status(&gateway)["registrations"].as_array().unwrap().len(), 3);

    assert_eq!(gateway.end(), Some(0));
    for (name, _) in expected {
        assert!(consul.get(&format!("/v1/health/service/{name}")).as_array().unwrap().is_empty(), "{name} is not registered any more");
    }
}

#[test]
fn a_certificate_that_is_missing_is_told_and_one_that_is_written_is_shown() {
    let mut consul = Consul::start("missing");
    consul.write(&json!({"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": "http"}}));
    consul.in_the_mesh("web-1", "web", Service::saying("web").address, &json!({}));
    let [tls] = free_ports();
    let listener = json!({"Port": tls, "Protocol": "http", "Services": [{"Name": "web", "Hosts": ["shop.example.test"]}]});
    consul.write(&json!({"Kind": "ingress-gateway", "Name": "edge", "TLS": {"Enabled": true}, "Listeners": [listener]}));
    let toml = |more: &str| format!("[consul]\naddr = \"{}\"\n\n[[gateway]]\nkind = \"ingress\"\nname = \"edge\"\n{more}", consul.address);
    let folder = scratch_with("uncertified", &[("gw.toml", &toml(""))]);
    let start = || Gateway::start(&["ingress", "-c", "gw.toml", "--state-dir", "state"], folder.path());
    let gateway = start();
    eventually("it is told that there is no certificate", || {
        gateway.said().contains("listener edge:")
            && gateway.said().contains("no certificate to show")
            && gateway.said().contains("--grpc-addr")
    });
    assert_eq!(gateway.end(), Some(0));

    let write = |host: &str| {
        let made = rcgen::generate_simple_self_signed([host.to_owned()]).unwrap();
        let put = |name: &str, text: &str| std::fs::write(Path::new(folder.path()).join(name), text).unwrap();
        put("edge-key.pem", &made.signing_key.serialize_pem());
        put("edge.pem", &made.cert.pem());
    };
    write("other.example.test");
    std::fs::write(folder.path().join("gw.toml"), toml("\n[[certificate]]\ncert = \"edge.pem\"\nkey = \"edge-key.pem\"\n")).unwrap();
    let gateway = start();
    eventually("it is told that none fits", || gateway.said().contains("no certificate is for shop.example.test"));
    write("shop.example.test");
    eventually("what is written is shown", || curl(&folder.path().join("edge.pem"), "shop.example.test", tls) == "web");
}

#[test]
fn what_a_listener_speaks_is_what_the_entry_of_consul_says() {
    if !at_least(1, 12) {
        // Older ones know nothing of it.
        return;
    }
    let consul = Consul::start("spoken");
    let [tls] = free_ports();
    let listener = |says: Value| json!({"Port": tls, "Protocol": "tcp", "TLS": says, "Services": [{"Name": "web"}]});
    let edge = |says: Value| json!({"Kind": "ingress-gateway", "Name": "edge", "Listeners": [listener(says)]});
    consul.write(&edge(json!({"Enabled": true})));
    let made = rcgen::generate_simple_self_signed(["shop.example.test".to_owned()]).unwrap();
    let toml = format!(
        "[consul]\naddr = \"{}\"\n\n[[gateway]]\nkind = \"ingress\"\nname = \"edge\"\n\n[[certificate]]\ncert = \"c.pem\"\nkey = \"k.pem\"\n",
        consul.address
    );
    let folder = scratch_with("spoken", &[("gw.toml", &toml), ("c.pem", &made.cert.pem()), ("k.pem", &made.signing_key.serialize_pem())]);
    let _gateway = Gateway::start(&["run", "--state-dir", "state"], folder.path());
    let speaks = |version: &str| {
        let mut command = Command::new("openssl");
        command.args(["s_client", version, "-connect", &format!("127.0.0.1:{tls}")]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
    };
    eventually("both are spoken", || speaks("-tls1_2") && speaks("-tls1_3"));
    consul.write(&edge(json!({"Enabled": true, "TLSMinVersion": "TLSv1_3"})));
    eventually("the newer alone is spoken", || !speaks("-tls1_2") && speaks("-tls1_3"));
}

#[test]
fn an_agent_of_another_datacenter_is_not_followed() {
    let consul = Consul::start("elsewhere");
    let toml = format!("[consul]\naddr = \"{}\"\ndatacenter = \"dc9\"\n\n[[gateway]]\nkind = \"mesh\"\n", consul.address);
    let folder = scratch_with("elsewhere", &[("gw.toml", &toml)]);
    let output = crate::support::gw(&["run", "--state-dir", "state"]).current_dir(folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("is of the datacenter dc1, not of dc9"), "{said}");
}

fn status(gateway: &Gateway) -> Value {
    let text = get(gateway.admin.port(), "127.0.0.1", "/v1/status");
    serde_json::from_str(&text).unwrap()
}
