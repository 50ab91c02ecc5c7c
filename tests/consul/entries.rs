//! `gw config` beside a real Consul: what is there, what would change, and changes in an order that it takes.

use std::path::Path;
use std::process::{Command, Output};

use gw::app::consul::apply::{ApplyError, apply};
use gw::app::consul::change::{ChangeSet, Wanted, changes};
use gw::app::consul::{Consul as Asked, Flags, Settings};
use gw::app::entries::Input;
use gw::model::entry::EntryKind;
use serde_json::{Value, json};

use crate::agent::Consul;
use crate::program::at_least;
use crate::support::scratch_with;

/// gw as one types it, with nothing of the environment but where Consul is.
fn gw(consul: &Consul, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gw"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("GW_") || name.starts_with("CONSUL_")) {
        command.env_remove(name);
    }
    command.env("NO_COLOR", "1").env("CONSUL_HTTP_ADDR", consul.address.to_string()).env("CONSUL_HTTP_TOKEN", &consul.token);
    command.args(args).output().expect("gw runs")
}

#[track_caller]
fn expect(output: &Output, code: i32) -> (String, String) {
    let (out, err) = (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned());
    assert_eq!(output.status.code(), Some(code), "stdout:\n{out}\nstderr:\n{err}");
    (out, err)
}

/// A folder with a file of entries each time it is written, gone when it is dropped.
pub(crate) struct Folder(std::path::PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("gw-entries-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn has(&self, entries: &[Value]) -> &str {
        std::fs::write(self.0.join("all.json"), Value::from(entries).to_string()).unwrap();
        Path::to_str(&self.0).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn defaults(name: &str, protocol: &str) -> Value {
    json!({"Kind": "service-defaults", "Name": name, "Protocol": protocol})
}

fn router(destination: &str) -> Value {
    let route = json!({"Match": {"HTTP": {"PathPrefix": "/api/"}}, "Destination": {"Service": destination, "RequestTimeout": "60s"}});
    json!({"Kind": "service-router", "Name": "web", "Routes": [route]})
}

fn edge(protocol: &str) -> Value {
    let listener = |port: u16, name: &str, protocol: &str| json!({"Port": port, "Protocol": protocol, "Services": [{"Name": name}]});
    json!({"Kind": "ingress-gateway", "Name": "edge", "Listeners": [listener(8080, "web", protocol), listener(8081, "other", "tcp")]})
}

#[test]
fn what_files_say_is_written_read_and_deleted_in_an_order_that_consul_takes() {
    let (consul, folder) = (Consul::start("entries"), Folder::new("order"));
    // In the file in the order in which Consul refuses each but the last.
    let folder_name = folder.has(&[edge("http"), router("api"), defaults("web", "http"), defaults("api", "http")]);
    let (out, _) = expect(&gw(&consul, &["config", "diff", folder_name, "-o", "name"]), 1);
    assert_eq!(out.lines().count(), 4, "{out}");
    let (out, err) = expect(&gw(&consul, &["config", "apply", folder_name, "--dry-run"]), 0);
    assert!(out.lines().last().unwrap().ends_with("ingress-gateway/edge") && err.contains("nothing is written"), "{out}{err}");
    expect(&gw(&consul, &["config", "read", "service-router", "web"]), 6);
    expect(&gw(&consul, &["config", "apply", folder_name]), 0);
    expect(&gw(&consul, &["config", "diff", folder_name]), 0);

    let (out, _) = expect(&gw(&consul, &["config", "read", "service-router", "web", "-o", "hcl"]), 0);
    assert!(out.contains("Kind = \"service-router\"") && !out.contains("ModifyIndex"), "{out}");
    let (out, _) = expect(&gw(&consul, &["config", "list", "-o", "name"]), 0);
    let all = ["service-defaults/api", "service-defaults/web", "service-router/web", "ingress-gateway/edge"];
    assert_eq!(out.lines().collect::<Vec<_>>(), all);

    // The same in other words.
    let same = json!({"kind": "service-router", "name": "web", "routes": [
        {"match": {"http": {"path_prefix": "/api/"}}, "destination": {"service": "api", "request_timeout": "1m", "num_retries": 0}}]});
    expect(&gw(&consul, &["config", "diff", folder.has(&[same])]), 0);
    let (out, _) = expect(&gw(&consul, &["config", "diff", folder.has(&[router("other")]), "-o", "json", "--prune"]), 3);
    assert!(out.contains("Routes[0].Destination.Service"), "{out}");

    let (_, err) = expect(&gw(&consul, &["config", "delete", "service-defaults", "web"]), 3);
    assert!(err.contains("error[GW0403]") && err.contains("\"web\""), "{err}");
    expect(&gw(&consul, &["config", "delete", "service-router", "web"]), 0);
    expect(&gw(&consul, &["config", "delete", "service-router", "web"]), 6);
    expect(&gw(&consul, &["config", "apply", folder.has(&[defaults("web", "http")]), "--prune"]), 0);
    let (out, _) = expect(&gw(&consul, &["config", "list", "-o", "name"]), 0);
    assert_eq!(out, "service-defaults/web\n");
}

#[test]
fn what_is_in_the_way_is_set_aside_for_a_moment_and_comes_back() {
    let (consul, folder) = (Consul::start("aside"), Folder::new("aside"));
    let kept = [router("api"), edge("http")];
    let with = |protocol: &str| [&kept[..], &[defaults("web", protocol), defaults("api", protocol)]].concat();
    expect(&gw(&consul, &["config", "apply", folder.has(&with("http"))]), 0);
    let before = consul.get("/v1/config/service-router/web")["Routes"].clone();

    // Neither service can become http2 before the other, nor under its listener; the router stays as it is, the gateway does not.
    let wanted = [edge("http2"), defaults("web", "http2"), defaults("api", "http2")];
    let folder_name = folder.has(&wanted);
    let (out, _) = expect(&gw(&consul, &["config", "apply", folder_name, "--dry-run"]), 0);
    assert!(out.contains("set aside   service-router/web") && out.contains("bring back  service-router/web"), "{out}");
    assert!(out.contains("reduce      ingress-gateway/edge"), "{out}");
    expect(&gw(&consul, &["config", "apply", folder_name]), 0);
    assert_eq!(consul.get("/v1/config/service-router/web")["Routes"], before);
    assert_eq!(consul.get("/v1/config/ingress-gateway/edge")["Listeners"].as_array().unwrap().len(), 2);
    expect(&gw(&consul, &["config", "diff", folder_name]), 0);
}

#[test]
fn nothing_is_written_that_does_not_fit_together_or_that_the_token_may_not() {
    let (consul, folder) = (Consul::like("refused", crate::agent::Like { acl: true, ..Default::default() }), Folder::new("refused"));
    let (_, err) = expect(&gw(&consul, &["config", "apply", folder.has(&[defaults("api", "http"), router("api")])]), 3);
    assert!(err.contains("error[GW0403]") && err.contains("all.json"), "{err}");
    let (out, _) = expect(&gw(&consul, &["config", "list", "-o", "name"]), 0);
    assert_eq!(out, "");
    // Splits that kill a server of 1.21 are not written to find out.
    let split = |service: &str, headers: Value| json!({"Weight": 100, "Service": service, "RequestHeaders": headers});
    let splitter = |name: &str, split: Value| json!({"Kind": "service-splitter", "Name": name, "Splits": [split]});
    let outer = splitter("web", split("api", json!({"Remove": ["x"]})));
    let inner = splitter("api", split("db", json!({"Add": {"x": "1"}})));
    let all = [outer, inner, defaults("web", "http"), defaults("api", "http"), defaults("db", "http")];
    let (_, err) = expect(&gw(&consul, &["config", "apply", folder.has(&all)]), 3);
    assert!(err.contains("error[GW0409]"), "{err}");

    let folder_name = folder.has(&[defaults("api", "http")]);
    let (_, err) = expect(&gw(&consul, &["config", "apply", folder_name, "--token", "11111111-2222-3333-4444-555555555555"]), 5);
    assert!(err.contains("no such token") && !err.contains("11111111"), "{err}");
    let rules = json!({"Name": "reader", "Rules": "service_prefix \"\" { policy = \"read\" }\noperator = \"read\""});
    consul.put("/v1/acl/policy", &rules.to_string());
    let token = consul.put("/v1/acl/token", &json!({"Policies": [{"Name": "reader"}]}).to_string());
    let (_, err) = expect(&gw(&consul, &["config", "apply", folder_name, "--token", token["SecretID"].as_str().unwrap()]), 5);
    assert!(err.contains("ermission denied") && err.contains("0 of 1 steps"), "{err}");
    let closed = gw(&consul, &["config", "list", "--http-addr", "127.0.0.1:1"]);
    let (_, err) = expect(&closed, 4);
    assert!(err.contains("http://127.0.0.1:1") && err.contains("--http-addr"), "{err}");
}

fn changed(consul: &Consul, folder: &Folder, entries: &[Value]) -> (Asked, ChangeSet) {
    let flags = Flags { http_addr: Some(consul.address.to_string()), ..Flags::default() };
    let asked = Asked::of(Settings::of(&flags, |_| None).unwrap()).unwrap();
    let wanted = Wanted::Entries { inputs: vec![Input::Path(folder.has(entries).into())], prune: false };
    let set = changes(&asked, &wanted).unwrap();
    (asked, set)
}

#[test]
fn who_was_overtaken_undoes_nothing_and_what_was_set_aside_is_back() {
    let (consul, folder) = (Consul::start("overtaken"), Folder::new("overtaken"));
    let before = [defaults("web", "http"), defaults("api", "http"), router("api")];
    expect(&gw(&consul, &["config", "apply", folder.has(&before)]), 0);
    let (asked, set) = changed(&consul, &folder, &[defaults("web", "http2"), defaults("api", "http2")]);
    for name in ["web", "api"] {
        let by = json!({"Kind": "service-defaults", "Name": name, "Protocol": "http", "ExternalSNI": "somebody.else"});
        consul.write(&by);
    }
    let mut done = Vec::new();
    let error = apply(&asked, &set, |deed| done.push(deed.to_string())).unwrap_err();
    assert!(matches!(&error, ApplyError::Conflict { lost, .. } if lost.to_string().is_empty()), "{error}");
    assert_eq!(done, ["set aside service-router/web"]);
    assert_eq!(consul.get("/v1/config/service-router/web")["Routes"][0]["Destination"]["Service"], "api");
    for name in ["web", "api"] {
        assert_eq!(consul.get(&format!("/v1/config/service-defaults/{name}"))["ExternalSNI"], "somebody.else");
    }
    // What was made by somebody else meanwhile is not replaced, and what was changed not deleted.
    let (asked, set) = changed(&consul, &folder, &[defaults("new", "http")]);
    consul.write(&defaults("new", "grpc"));
    assert!(matches!(apply(&asked, &set, |_| {}), Err(ApplyError::Conflict { .. })));
    let set = changes(&asked, &Wanted::Without(EntryKind::ServiceDefaults, "new".to_owned())).unwrap();
    consul.write(&defaults("new", "http2"));
    assert!(matches!(apply(&asked, &set, |_| {}), Err(ApplyError::Conflict { .. })));
    assert_eq!(consul.get("/v1/config/service-defaults/new")["Protocol"], "http2");
}

#[test]
fn the_chain_of_a_service_is_shown_as_consul_has_it_and_beside_it() {
    let (consul, folder) = (Consul::start("beside"), Folder::new("beside"));
    let entries = [defaults("web", "http"), defaults("api", "http"), router("api")];
    expect(&gw(&consul, &["config", "apply", folder.has(&entries)]), 0);
    let (out, err) = expect(&gw(&consul, &["inspect", "chain", "web"]), 0);
    assert!(out.contains("router web") && out.contains("target api.default.default.dc1"), "{out}");
    assert!(err.contains(&format!("from Consul at http://{}", consul.address)), "{err}");
    let (out, err) = expect(&gw(&consul, &["inspect", "chain", "web", "--verify"]), 0);
    assert!(out.is_empty() && err.contains("compiles the same"), "{out}{err}");
    // Before partitions chains have other names, which is said.
    assert_eq!(err.contains("has no partitions"), !at_least(1, 11), "{err}");
    let args = ["inspect", "chain", "web", "--verify", "-o", "json", "--datacenter", "dc2", "--override-protocol", "tcp"];
    let (out, _) = expect(&gw(&consul, &args), 0);
    let answer: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&answer["schema"], &answer["equal"]), (&json!("gw.chain-verify/v1"), &json!(true)));
}

#[test]
fn expectations_are_asked_of_a_consul_and_of_what_it_was_before() {
    let mut consul = Consul::start("expected");
    consul.write(&json!({"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": "http"}}));
    for name in ["web", "api"] {
        consul.in_the_mesh(&format!("{name}-1"), name, "127.0.0.1:3000".parse().unwrap(), &json!({}));
    }
    let services = json!([{"Name": "web", "Hosts": ["*"]}]);
    consul.write(
        &json!({"Kind": "ingress-gateway", "Name": "edge", "Listeners": [{"Port": 8080, "Protocol": "http", "Services": services}]}),
    );
    let test = "[[request]]\nurl = \"http://x:8080/\"\nexpect = { service = \"web\", code = \"ok\" }\n";
    let folder = scratch_with("expected", &[("expected.toml", test)]);
    let [file, dump] = ["expected.toml", "old.dump"].map(|name| folder.path().join(name).display().to_string());
    let (out, err) = expect(&gw(&consul, &["config", "test", &file]), 0);
    assert!(out.starts_with("ok ") && err.contains("1 of 1 expectations are met, asked of Consul at"), "{out}{err}");
    let (said, _) = expect(&gw(&consul, &["inspect", "dump", "--http-addr", &consul.address.to_string()]), 0);
    std::fs::write(&dump, said).unwrap();
    consul.write(&json!({"Kind": "service-resolver", "Name": "web", "Redirect": {"Service": "api"}}));
    let (out, _) = expect(&gw(&consul, &["config", "test", &file]), 1);
    assert!(out.starts_with("FAILED") && out.contains("service: expected web, is api"), "{out}");
    assert!(out.contains("[service-resolver/web Redirect] Consul, modify index"), "{out}");
    // From what it was to what it is, and the other way round.
    let (out, err) = expect(&gw(&consul, &["config", "test", &file, "--against", &dump]), 1);
    assert!(
        out.contains(" web.default.default.dc1 ")
            && out.contains(" api.default.default.dc1 ")
            && err.contains("1 of 1 change their answer, from the dump ")
            && err.contains(" to Consul at "),
        "{out}{err}"
    );
    let at = format!("http://{}", consul.address);
    let (out, _) = expect(&gw(&consul, &["config", "test", &file, "--against", &at, "--dump", &dump]), 1);
    let places = ["api.default.default.dc1", "web.default.default.dc1"].map(|target| out.find(target));
    assert!(places[0].is_some() && places[0] < places[1], "{out}");
    expect(&gw(&consul, &["config", "test", &file, "--against", &at]), 0);
}
