//! The program as one types it: exit codes, what goes to stdout and what to stderr, texts of errors.

mod support;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use support::{Gateway, Scratch, backend, curl, free_port, gw, scratch, scratch_with};

fn run(folder: &Path, args: &[&str], stdin: &str) -> Output {
    let mut command = gw(args);
    let command = command.current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("gw starts");
    // One that reads no stdin may have ended already.
    drop(child.stdin.take().expect("a pipe").write_all(stdin.as_bytes()));
    child.wait_with_output().expect("gw ends")
}

#[track_caller]
fn expect(output: &Output, code: i32) -> (String, String) {
    let (out, err) = (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned());
    assert_eq!(output.status.code(), Some(code), "stdout:\n{out}\nstderr:\n{err}");
    (out, err)
}

const WEB: &str = r#"{"Kind": "service-defaults", "Name": "web", "Protocol": "http"}"#;

const ROUTER: &str = r#"{"Kind": "service-router", "Name": "web", "Routes": [
  {"Match": {"HTTP": {"PathPrefix": "/v2/"}}, "Destination": {"ServiceSubset": "v2"}}
]}"#;

const RESOLVER: &str = r#"{"Kind": "service-resolver", "Name": "web", "DefaultSubset": "v1", "Subsets": {
  "v1": {"Filter": "Service.Meta.version == v1"}, "v2": {"Filter": "Service.Meta.version == v2"}
}}"#;

const EDGE: &str = r#"{"Kind": "ingress-gateway", "Name": "edge", "Listeners": [
  {"Port": 8080, "Protocol": "http", "Services": [{"Name": "web", "Hosts": ["shop.test"]}]}
]}"#;

const GW_TOML: &str = r#"
entries = ["gw.d"]

[[gateway]]
kind = "ingress"
name = "edge"

[[service]]
name = "web"
[[service.instance]]
address = "127.0.0.1:3000"
meta = { version = "v1" }
"#;

fn shop(name: &str) -> Scratch {
    let entries = [("gw.d/web.json", WEB), ("gw.d/router.json", ROUTER), ("gw.d/resolver.json", RESOLVER), ("gw.d/edge.json", EDGE)];
    scratch_with(name, &[&entries[..], &[("gw.toml", GW_TOML)]].concat())
}

#[test]
fn without_a_word_gw_prints_ten_lines() {
    let folder = scratch("bare");
    let (out, err) = expect(&run(folder.path(), &[], ""), 0);
    assert_eq!(out.lines().count(), 10, "{out}");
    assert_eq!(err, "");
}

#[test]
fn a_wrong_word_is_usage_and_says_what_was_meant() {
    let folder = scratch("usage");
    for args in
        [&["ingres"][..], &["inspect"], &["config", "validate", "--nope"], &["run", "--workers", "0"], &["ingress", "--listen", "x"]]
    {
        let (out, err) = expect(&run(folder.path(), args, ""), 2);
        assert!(out.is_empty() && !err.is_empty(), "{args:?}");
    }
    let (_, err) = expect(&run(folder.path(), &["ingres"], ""), 2);
    assert!(err.contains("'ingress'"), "{err}");
}

#[test]
fn a_gateway_with_nothing_to_listen_on_says_what_to_type() {
    let folder = scratch("nothing");
    let (_, err) = expect(&run(folder.path(), &["ingress"], ""), 2);
    assert!(err.contains("--listen 8080"), "{err}");
}

#[test]
fn entries_that_fit_together_are_accepted() {
    let folder = shop("accepted");
    for inputs in [&[][..], &["gw.toml"], &["gw.d"], &["gw.toml", "gw.d"]] {
        let (out, err) = expect(&run(folder.path(), &[&["config", "validate"], inputs].concat(), ""), 0);
        assert_eq!(out, "");
        assert!(err.starts_with("4 entries"), "{err}");
    }
    let (_, err) = expect(&run(folder.path(), &["config", "validate", "-"], WEB), 0);
    assert!(err.starts_with("1 entry read"), "{err}");
}

#[test]
fn every_error_is_there_at_once_sorted_by_file_and_line() {
    let a = "{\"Kind\": \"service-router\", \"Name\": \"a\",\n \"Rooutes\": [],\n \"Routes\": [{\"Match\": {\"HTTP\": {\"PathPrefix\": \"x\"}}}]}";
    let b = r#"{"Kind": "service-spliter", "Name": "b"}"#;
    let folder = scratch_with("errors", &[("gw.d/b.json", b), ("gw.d/a.json", a)]);
    let (_, err) = expect(&run(folder.path(), &["config", "validate", "gw.d", "--error-format", "short"], ""), 3);
    let lines: Vec<&str> = err.lines().collect();
    assert!(lines[0].starts_with("gw.d/a.json:2:2: error[GW0102]: ") && lines[0].contains("Rooutes"), "{err}");
    assert!(lines.iter().any(|l| l.starts_with("gw.d/b.json:1:") && l.contains("error[GW0105]")), "{err}");
    let (_, err) = expect(&run(folder.path(), &["config", "validate", "gw.d"], ""), 3);
    assert!(err.contains(" --> gw.d/a.json:2:2") && err.contains("Routes") && err.contains("^^^^"), "{err}");
    let (_, err) = expect(&run(folder.path(), &["config", "validate", "gw.d", "--error-format", "json"], ""), 3);
    let first: serde_json::Value = serde_json::from_str(err.lines().next().expect("a line")).expect("JSON");
    assert_eq!((&first["file"], &first["line"], &first["code"]), (&"gw.d/a.json".into(), &2.into(), &"GW0102".into()));
}

#[test]
fn entries_that_clash_are_refused_as_a_set() {
    let missing = r#"{"Kind": "service-router", "Name": "web", "Routes": [{"Destination": {"ServiceSubset": "v9"}}]}"#;
    let folder = scratch_with("clash", &[("a.json", WEB), ("b.json", missing)]);
    let (_, err) = expect(&run(folder.path(), &["config", "validate", ".", "--error-format", "short"], ""), 3);
    assert!(err.contains("v9") && err.contains("b.json:1:"), "{err}");
    let twice = scratch_with("twice", &[("a.json", WEB), ("b.json", &WEB.replace("web", "WEB"))]);
    let (_, err) = expect(&run(twice.path(), &["config", "validate", ".", "--error-format", "short"], ""), 3);
    assert!(err.contains("GW0501"), "{err}");
}

#[test]
fn a_file_that_is_not_there_is_refused_and_not_a_panic() {
    let folder = scratch("absent");
    for args in
        [&["config", "validate", "nope.hcl"][..], &["run", "-c", "nope.toml"], &["inspect", "route", "GET", "http://x/", "-c", "no"]]
    {
        let (_, err) = expect(&run(folder.path(), args, ""), 3);
        assert!(err.contains("GW0001"), "{err}");
    }
}

#[test]
fn an_unknown_key_of_gw_toml_is_an_error_at_its_place() {
    let folder = scratch_with("toml", &[("gw.toml", "[[gateway]]\nkind = \"ingress\"\nadmn = \"127.0.0.1:1\"\n")]);
    let (_, err) = expect(&run(folder.path(), &["config", "validate", "--error-format", "short"], ""), 3);
    assert!(err.starts_with("gw.toml:3:1: error[GW0003]"), "{err}");
}

#[test]
fn an_entry_to_begin_with_is_valid_as_it_is_printed() {
    let folder = scratch("gen");
    for kind in gw::app::entries::kinds() {
        let (entry, _) = expect(&run(folder.path(), &["config", "gen", kind, "web"], ""), 0);
        assert!(entry.contains('#'), "{entry}");
        let (_, err) = expect(&run(folder.path(), &["config", "convert", "--to", "toml", "-"], &entry), 0);
        assert_eq!(err, "", "{kind}");
        expect(&run(folder.path(), &["config", "validate", "-"], &entry), 0);
    }
    for kind in ["proxy-defaults", "mesh", "exported-services"] {
        expect(&run(folder.path(), &["config", "gen", kind], ""), 0);
    }
    expect(&run(folder.path(), &["config", "gen", "service-router"], ""), 2);
    let (_, err) = expect(&run(folder.path(), &["config", "gen", "service-rooter", "web"], ""), 2);
    assert!(err.contains("service-router"), "{err}");
}

#[test]
fn a_kind_that_gw_does_not_act_on_is_said_so_once_and_is_no_error() {
    let entry = |kind: &str, name: &str, more: &str| format!("{{\"Kind\": \"{kind}\", \"Name\": \"{name}\"{more}}}");
    let all = [entry("tcp-route", "a", ""), entry("tcp-route", "b", ""), entry("http-route", "c", ""), entry("service-defaults", "d", "")];
    let folder = scratch("ignored");
    let (_, err) = expect(&run(folder.path(), &["config", "validate", "-"], &format!("{{\"entries\": [{}]}}", all.join(", "))), 0);
    assert_eq!(err.matches("does not act on tcp-route entries").count(), 1, "{err}");
    assert!(err.contains("the 2 entries of this kind") && err.contains("does not act on http-route entries"), "{err}");
    assert!(!err.contains("service-defaults entries"), "{err}");
    let wrong = [entry("tcp-route", "a", ", \"Services\": [{\"Weight\": 1}]"), entry("control-plane-request-limit", "b", "")];
    let (_, err) = expect(
        &run(folder.path(), &["config", "validate", "--error-format", "short", "-"], &format!("{{\"entries\": [{}]}}", wrong.join(", "))),
        3,
    );
    assert!(err.contains("unknown field \"Weight\" in Services[0]") && err.contains("belong to Consul Enterprise"), "{err}");
}

#[test]
fn an_entry_means_the_same_in_every_syntax() {
    let folder = shop("convert");
    for file in ["gw.d/router.json", "gw.d/resolver.json", "gw.d/edge.json"] {
        let (json, _) = expect(&run(folder.path(), &["config", "convert", "--to", "json", file], ""), 0);
        for syntax in ["hcl", "toml"] {
            let (text, _) = expect(&run(folder.path(), &["config", "convert", "--to", syntax, file], ""), 0);
            let path = format!("back.{syntax}");
            std::fs::write(folder.path().join(&path), &text).expect("a file");
            let (back, _) = expect(&run(folder.path(), &["config", "convert", "--to", "json", &path], ""), 0);
            assert_eq!(back, json, "{file} through {syntax}:\n{text}");
        }
    }
    let (json, _) = expect(&run(folder.path(), &["config", "convert", "--to", "json", "gw.d"], ""), 0);
    let list: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(list.as_array().map(Vec::len), Some(4));
    expect(&run(folder.path(), &["config", "convert", "--to", "hcl", "gw.d"], ""), 3);
}

#[test]
fn inspect_route_says_where_and_why_and_its_exit_code_is_the_answer() {
    let folder = shop("route");
    let (out, _) = expect(&run(folder.path(), &["inspect", "route", "GET", "http://shop.test:8080/"], ""), 0);
    assert!(out.contains("- service-router/web Routes[0]") && out.contains("=> forwarded to v1.web.default.default.dc1"), "{out}");
    let (out, _) = expect(&run(folder.path(), &["inspect", "route", "GET", "http://shop.test/v2/x", "-o", "name"], ""), 1);
    assert_eq!(out, "no_healthy_endpoint\n");
    let (out, _) = expect(&run(folder.path(), &["inspect", "route", "GET", "http://other.test/", "-o", "json"], ""), 1);
    let answer: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((&answer["schema"], &answer["outcome"]["code"]), (&"gw.explanation/v1".into(), &"no_host".into()));
    expect(&run(folder.path(), &["inspect", "route", "GET", "no-url"], ""), 2);
}

#[test]
fn a_target_of_another_datacenter_is_explained_with_its_gateway_or_with_what_to_write() {
    let resolver = r#"{"Kind": "service-resolver", "Name": "web", "Failover": {"*": {"Datacenters": ["dc2"]}}}"#;
    let defaults = r#"{"Kind": "service-defaults", "Name": "web", "Protocol": "http", "MeshGateway": {"Mode": "remote"}}"#;
    let gateway = "[[gateway]]\nkind = \"ingress\"\nname = \"edge\"\n";
    let alone = format!("entries = [\"gw.d\"]\n{gateway}");
    let known = "[[datacenter]]\nname = \"dc1\"\nown = true\n[[datacenter]]\nname = \"dc2\"\ngateways = [\"10.0.2.1:8443\"]\n";
    let known = format!("{alone}[certs]\ndir = \"certs\"\n{known}");
    let entries = [("gw.d/web.json", resolver), ("gw.d/defaults.json", defaults), ("gw.d/edge.json", EDGE)];
    let folder = scratch_with("elsewhere", &[&entries[..], &[("alone.toml", &*alone), ("known.toml", &*known)]].concat());
    let ask = |args: &[&str], code| expect(&run(folder.path(), args, ""), code);
    let route = ["inspect", "route", "GET", "http://shop.test:8080/", "-c"];

    let add = "no mesh gateway of dc2 is known; add [[datacenter]] with name = \"dc2\" and gateways = [\"IP:PORT\"]";
    let (out, _) = ask(&[&route[..], &["alone.toml"]].concat(), 1);
    assert!(out.contains(&format!("- web.default.default.dc2: its mesh gateway mode is remote, and {add}")), "{out}");
    let (_, err) = ask(&["config", "validate", "alone.toml"], 0);
    assert!(err.contains(add) && err.contains("gw.d/web.json"), "{err}");

    ask(&["certs", "init"], 0);
    ask(&["certs", "issue", "edge"], 0);
    let (out, _) = ask(&[&route[..], &["known.toml"]].concat(), 0);
    let step = "+ mesh gateway mesh-gateway-1 at 10.0.2.1:8443, one of 1, by mode remote, to web.default.default.dc2";
    assert!(out.contains(step) && out.contains("=> forwarded to web.default.default.dc2, mesh gateway mesh-gateway-1"), "{out}");
    let (out, _) = ask(&["inspect", "routes", "-o", "wide", "-c", "known.toml"], 0);
    assert!(out.contains("10.0.2.1:8443 (mesh gateway)"), "{out}");
    let (out, _) = ask(&["inspect", "chain", "web", "-c", "known.toml"], 0);
    assert!(out.contains("target web.default.default.dc1\n") && out.contains("web.default.default.dc2, by mesh gateway: remote"), "{out}");
}

#[test]
fn inspect_authz_says_who_may_and_by_which_line_and_its_exit_code_is_the_answer() {
    let web = "Kind = \"service-intentions\"\nName = \"web\"\nSources = [\n  { Name = \"*\", Action = \"deny\" },\n  { Name = \"api\", \
               Permissions = [\n    { Action = \"allow\", HTTP { PathPrefix = \"/pub\" } },\n  ] },\n  { Name = \"edge\", Action = \"allow\" },\n  { Name = \"cron\", Permissions = [{ Action = \"deny\", HTTP { PathPrefix = \"/x\" } }] },\n]\n";
    let defaults = "Kind = \"service-defaults\"\nName = \"web\"\nProtocol = \"http\"\n";
    let folder = scratch_with("authz", &[("gw.d/web.hcl", web), ("gw.d/defaults.hcl", defaults)]);
    let ask = |args: &[&str], code| expect(&run(folder.path(), &[&["inspect", "authz"], args].concat(), ""), code);
    let (out, _) = ask(&["edge", "web"], 0);
    assert!(out.contains("=> allowed by edge -> web   [service-intentions/web Sources[2]] gw.d/web.hcl:8"), "{out}");
    assert!(out.contains("* -> web, deny, is shadowed   [service-intentions/web Sources[0]] gw.d/web.hcl:4"), "{out}");
    let (out, _) = ask(&["api", "web"], 1);
    assert!(out.contains("give --method and --path"), "{out}");
    let (out, err) = ask(&["cron", "web"], 1);
    assert!(
        out.contains("lets nothing pass") && err.contains("warning: service-intentions/web Sources[3]: every request of cron is denied"),
        "{out}{err}"
    );
    let (out, _) = ask(&["api", "web", "--path", "/pub/x", "-o", "name"], 0);
    assert_eq!(out, "allowed\n");
    let (out, _) = ask(&["api", "web", "--path", "/pub/../admin"], 1);
    assert!(out.contains("sent on, as /admin") && out.contains("denied by the default policy, deny"), "{out}");
    let (_, err) = ask(&["Edge", "web"], 1);
    assert!(err.contains("is not for Edge: its source is \"edge\""), "{err}");
    let (out, err) = ask(&["edge", "other"], 1);
    assert!(out.contains("no intention is for it") && err.contains("default_intention"), "{out}{err}");
    let (out, _) = ask(&["--who-can", "web", "-o", "name"], 0);
    assert_eq!(out, "api\nedge\n");
    let (out, _) = ask(&["--matrix"], 0);
    assert_eq!(
        out.lines().map(|l| l.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()[..3],
        ["web *", "api by request (deny)", "cron deny (deny)"]
    );
    let (out, _) = ask(&["--reach", "nobody", "-o", "json"], 1);
    let answer: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((&answer["schema"], &answer["pairs"][0]["by"]), (&"gw.authz.pairs/v1".into(), &"* -> web".into()));
    ask(&[], 2);
    ask(&["a", "--matrix"], 2);
    ask(&["a", "b", "-H", "no header"], 2);
}

#[test]
fn inspect_authz_reads_a_path_as_the_gateway_does_which_leaves_it_as_it_is_where_no_permission_looks_at_it() {
    let speaks = "Kind = \"service-defaults\"\nName = \"web\"\nProtocol = \"http\"\n";
    for (says, code) in [("Action = \"allow\"", 0), ("Permissions = [{ Action = \"allow\", HTTP { PathPrefix = \"/\" } }]", 1)] {
        let web = format!("Kind = \"service-intentions\"\nName = \"web\"\nSources = [{{ Name = \"api\", {says} }}]\n");
        let folder = scratch_with("authz-path", &[("gw.d/web.hcl", &web), ("gw.d/defaults.hcl", speaks)]);
        expect(&run(folder.path(), &["inspect", "authz", "api", "web", "--path", "/a%00"], ""), code);
    }
}

const BETWEEN: &str = r#"
datacenter = [
  { name = "dc1", own = true, gateways = ["10.0.1.1:8443"] },
  { name = "dc2", gateways = ["10.0.2.1:8443", "gateway.dc2.test:8443"] },
  { name = "dc3" },
]
trust_domain = "td.consul"
entries = ["gw.d"]

[[gateway]]
kind = "mesh"
address = "127.0.0.1:8443"

[[peer]]
name = "far"
trust_domain = "far.consul"
gateways = ["10.0.9.1:8443"]

[[service]]
name = "web"
[[service.instance]]
address = "127.0.0.1:3000"
mesh = true
meta = { version = "v1" }
[[service.instance]]
address = "127.0.0.1:3001"
mesh = true
health = "critical"
meta = { version = "v1" }

[[service]]
name = "plain"
[[service.instance]]
address = "127.0.0.1:3002"
"#;

#[test]
fn inspect_sni_says_what_a_name_names_where_it_leads_and_what_is_wrong_when_nowhere() {
    let exports = r#"{"Kind": "exported-services", "Name": "default", "Services": [{"Name": "plain", "Consumers": [{"Peer": "east"}]}]}"#;
    let folder = scratch_with("sni", &[("gw.d/resolver.json", RESOLVER), ("gw.d/exports.json", exports), ("gw.toml", BETWEEN)]);
    let ask = |name: &str, code| expect(&run(folder.path(), &["inspect", "sni", name], ""), code).0;
    let out = ask("V1.web.default.dc1.internal.td.consul", 0);
    let wanted = "\
V1.web.default.dc1.internal.td.consul, which names subset v1 of service web in dc1, at the gateway mesh-gateway
  + listener mesh-gateway:8443, tcp
  + service web, for v1.web.default.dc1.internal.td.consul   [service/web]
  + route   [service/web]
  + target v1.web.default.default.dc1   [service-resolver/web] gw.d/resolver.json:1
  + instance web-1 at 127.0.0.1:3000, one of 1
  . web-1 at 127.0.0.1:3000, passing, weight 1
=> passed on to v1.web.default.default.dc1, web-1 at 127.0.0.1:3000   [service/web]
";
    assert_eq!(out, wanted);
    for (name, code, wanted) in [
        ("web.default.dc1.internal.td.consul", 0, "=> passed on to v1.web.default.default.dc1, web-1 at 127.0.0.1:3000"),
        (
            "any.thing.default.dc2.internal.td.consul",
            0,
            "=> passed on to mesh-gateway.default.default.dc2, mesh-gateway-1 at 10.0.2.1:8443   [datacenter/dc2]",
        ),
        ("web.default.default.dc1.external.far.consul", 0, "mesh-gateway-1 at 10.0.9.1:8443   [peer/far]"),
        ("web.default.dc3.internal.td.consul", 1, "no mesh gateway of dc3 is known; add gateways = [\"IP:PORT\"] to its [[datacenter]]"),
        (
            "web.default.dc4.internal.td.consul",
            1,
            "closed, no_sni: no [[datacenter]] is called dc4\n   there are dc1, dc2, dc3; [[datacenter]] with name = \"dc4\"",
        ),
        ("web.default.dc1.internal.other.consul", 1, "other.consul is a foreign trust domain: this mesh's is td.consul"),
        (
            "web.default.default.x.external.other.consul",
            1,
            "no [[peer]] has the trust domain other.consul\n   there is only far.consul of far",
        ),
        ("web.default.default.dc1.external.td.consul", 1, "exported-services exports no web to a peer dc1\n   to it there is no service"),
        ("plain.default.default.east.external.td.consul", 1, "exports plain to the peer east, and gw does not route what others import"),
        (
            "v1.plain.default.dc1.internal.td.consul",
            1,
            "plain has no subsets: it has no service-resolver\n   of the services with subsets there is only web (v1, v2)",
        ),
        ("wen.default.dc1.internal.td.consul", 1, "dc1 is this gateway's own datacenter, and it has no service wen\n   did you mean web?"),
        ("v3.web.default.dc1.internal.td.consul", 1, "service-resolver/web has no subset v3\n   there are v1, v2"),
        ("v2.web.default.dc1.internal.td.consul", 1, "closed, no_healthy_endpoint: v2.web.default.default.dc1"),
        ("plain.default.dc1.internal.td.consul", 1, "plain-1 is not in the mesh"),
        ("web.ns1.dc1.internal.td.consul", 1, "namespace ns1, partition default"),
        ("dc2.internal.td.consul", 1, "the service before it is missing\n   SERVICE.default.dc2.internal.td.consul"),
        ("q.default.dc1.query.td.consul", 1, "which names the prepared query q in dc1"),
        (
            "node.server.dc2.consul",
            1,
            "closed, servers_not_exposed: it names servers of Consul, and the gateway mesh-gateway does not expose servers\n   start it with",
        ),
        (
            "web.default.dc1.internal.td.consul.",
            1,
            "closed, client_tls: the ClientHello's server name ends with a dot\n   a gateway ends the connection of a client that sends it",
        ),
        (".web.default.dc1.internal.td.consul", 1, "closed, no_sni: a label of it is empty"),
        ("local_agent", 1, "which names nothing of a mesh"),
    ] {
        let out = ask(name, code);
        assert!(out.contains(wanted), "{name}: wanted {wanted}\n{out}");
    }
    let (out, _) = expect(&run(folder.path(), &["inspect", "sni", "v9.web.default.dc1.internal.td.consul", "-o", "json"], ""), 1);
    let answer: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((&answer["schema"], &answer["code"], &answer["routed"]), (&"gw.sni/v1".into(), &"no_sni".into(), &false.into()));
    assert_eq!((&answer["names"]["what"], &answer["names"]["subset"]), (&"subset".into(), &"v9".into()));
    let (out, _) = expect(&run(folder.path(), &["inspect", "sni", "a.default.dc2.internal.td.consul", "-o", "name"], ""), 0);
    assert_eq!(out, "mesh-gateway.default.default.dc2\n");
}

#[test]
fn inspect_sni_says_where_names_of_servers_lead_at_a_gateway_that_exposes_them() {
    let servers =
        "[[server]]\nnode = \"dc1-s1\"\naddress = \"10.0.1.10:8300\"\n[[server]]\nnode = \"dc1-s2\"\naddress = \"10.0.1.11:8300\"\n";
    let toml = BETWEEN.replace("kind = \"mesh\"\n", "kind = \"mesh\"\nexpose_servers = true\nwan_address = \"127.0.0.2:8443\"\n") + servers;
    let folder = scratch_with("sni-servers", &[("gw.d/resolver.json", RESOLVER), ("gw.toml", &toml)]);
    let wanted = "\
DC1-s2.server.dc1.consul, which names the server dc1-s2 in dc1, at the gateway mesh-gateway
  + listener mesh-gateway:8443, tcp
  + service consul, for dc1-s2.server.dc1.consul   [service/consul dc1-s2]
  + route   [service/consul dc1-s2]
  + target dc1-s2.consul.default.default.dc1
  + instance dc1-s2 at 10.0.1.11:8300, one of 1
  . dc1-s2 at 10.0.1.11:8300, passing, weight 1
=> passed on to dc1-s2.consul.default.default.dc1, dc1-s2 at 10.0.1.11:8300   [service/consul dc1-s2]
";
    let ask = |name: &str, code| expect(&run(folder.path(), &["inspect", "sni", name], ""), code).0;
    assert_eq!(ask("DC1-s2.server.dc1.consul", 0), wanted);
    for (name, code, wanted) in [
        ("server.dc1.consul", 0, "one of 2\n  . dc1-s1 at 10.0.1.10:8300, passing, weight 1\n  . dc1-s2 at 10.0.1.11:8300"),
        ("any.server.dc2.consul", 0, "mesh-gateway-1 at 10.0.2.1:8443   [datacenter/dc2]"),
        ("dc1-s22.server.dc1.consul", 1, "closed, no_sni: dc1 has no server on a node dc1-s22\n   did you mean dc1-s2?"),
        ("dc4-s1.server.dc4.consul", 1, "closed, no_sni: no [[datacenter]] is called dc4"),
        ("dc3-s1.server.dc3.consul", 1, "no mesh gateway of dc3 is known"),
        ("server.dc1.other.test", 1, "other.test is not the domain of these servers, which is consul\n   server.dc1.consul"),
        ("server.dc1.peering.td.consul", 1, "this version of gw routes no peering"),
    ] {
        let out = ask(name, code);
        assert!(out.contains(wanted), "{name}: wanted {wanted}\n{out}");
    }
}

#[test]
fn inspect_sni_asks_gateways_that_go_by_names_alone() {
    let folder = shop("sni-ingress");
    let (_, err) = expect(&run(folder.path(), &["inspect", "sni", "web.default.dc1.internal.td.consul"], ""), 2);
    assert!(err.contains("edge is an ingress gateway, which asks for a Host"), "{err}");
    let exit = "Kind = \"terminating-gateway\"\nName = \"exit\"\nServices = [{ Name = \"billing\" }]\n";
    let toml = "entries = [\"gw.d\"]\ntrust_domain = \"td.consul\"\n[certs]\ndir = \"certs\"\n[[gateway]]\nkind = \"terminating\"\nname = \"exit\"\n\
                [[service]]\nname = \"billing\"\n[[service.instance]]\naddress = \"127.0.0.1:1\"\n[[service]]\nname = \"other\"\n\
                [[service.instance]]\naddress = \"127.0.0.1:1\"\n";
    let folder = scratch_with("sni-exit", &[("gw.d/exit.hcl", exit), ("gw.toml", toml)]);
    let ask = |name: &str, code| expect(&run(folder.path(), &["inspect", "sni", name], ""), code).0;
    assert!(
        ask("billing.default.dc1.internal.td.consul", 0).contains("=> offered by this terminating gateway to whom an intention allows")
    );
    assert!(ask("other.default.dc1.internal.td.consul", 1).contains("this terminating gateway is not linked with it"));
    assert!(ask("web.default.dc2.internal.td.consul", 1).contains("dc2 is another datacenter"));
}

#[test]
fn a_mesh_gateway_needs_files_and_no_certificate() {
    let empty = scratch("mesh-without");
    let (_, err) = expect(&run(empty.path(), &["mesh"], ""), 2);
    assert!(err.contains("a mesh gateway comes from files") && err.contains("[[datacenter]]"), "{err}");
    let folder = scratch_with("mesh-validate", &[("gw.d/resolver.json", RESOLVER), ("gw.toml", BETWEEN)]);
    expect(&run(folder.path(), &["config", "validate", "gw.toml"], ""), 0);
}

#[test]
fn inspect_chain_prints_a_tree_or_what_consul_prints() {
    let folder = shop("chain");
    let (out, _) = expect(&run(folder.path(), &["inspect", "chain", "web"], ""), 0);
    assert!(out.contains("router web") && out.contains("PathPrefix \"/v2/\"") && out.contains("service-router/web Routes[0]"), "{out}");
    let args = ["inspect", "chain", "web", "-c", "gw.d", "-o", "consul", "--datacenter", "dc9"];
    let (out, _) = expect(&run(folder.path(), &args, ""), 0);
    let chain: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((&chain["Chain"]["ServiceName"], &chain["Chain"]["Datacenter"]), (&"web".into(), &"dc9".into()));
    let circle = [
        ("a.json", r#"{"Kind": "service-resolver", "Name": "a", "Redirect": {"Service": "b"}}"#),
        ("b.json", r#"{"Kind": "service-resolver", "Name": "b", "Redirect": {"Service": "a"}}"#),
    ];
    let circle = scratch_with("circle", &circle);
    let (_, err) = expect(&run(circle.path(), &["inspect", "chain", "a", "-c", "."], ""), 3);
    assert!(err.contains("circular"), "{err}");
}

#[test]
fn inspect_routes_lists_files_and_says_when_nothing_answers() {
    let folder = shop("routes");
    let (out, err) = expect(&run(folder.path(), &["inspect", "routes", "-c", "gw.toml"], ""), 0);
    assert!(out.contains("edge:8080") && out.contains("shop.test") && out.contains("v1.web.default.default.dc1"), "{out}");
    assert_eq!(err, "from gw.toml\n");
    let (out, _) = expect(&run(folder.path(), &["inspect", "routes", "-c", "gw.toml", "-o", "jsonl"], ""), 0);
    assert!(out.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{out}");
    let (_, err) = expect(&run(folder.path(), &["inspect", "routes", "--admin", "127.0.0.1:1"], ""), 4);
    assert!(err.contains("127.0.0.1:1") && err.contains("-c FILE asks files instead"), "{err}");
    // Files have no connections.
    let (_, err) = expect(&run(folder.path(), &["inspect", "connections", "--admin", "127.0.0.1:1"], ""), 4);
    assert!(err.contains("is a gateway running") && !err.contains("-c FILE"), "{err}");
}

#[test]
fn every_key_of_gw_toml_is_in_its_page() {
    let page = include_str!("../docs/gw.toml.md");
    let service = "[[service]]\nname = \"web\"\n[[service.instance]]\naddress = \"127.0.0.1:1\"\n";
    for (part, before) in [
        ("## At the top", ""),
        ("## [certs]", "[certs]\n"),
        ("## [consul]", "[consul]\n"),
        ("## [[gateway]]", "[[gateway]]\nkind = \"mesh\"\n"),
        ("## [[service]]", "[[service]]\n"),
        ("## [[service.instance]]", service),
        ("## [[datacenter]]", "[[datacenter]]\n"),
        ("## [[server]]", "[[server]]\n"),
        ("## [[peer]]", "[[peer]]\n"),
        ("## [[certificate]]", "[[certificate]]\n"),
        ("## [dns]", "[dns]\n"),
    ] {
        let text = page.split(&format!("{part}\n")).nth(1).unwrap_or_else(|| panic!("no {part}"));
        let text = text.split("\n## ").next().unwrap_or_default();
        let folder = scratch_with("keys", &[("gw.toml", &format!("{before}wrong = 1\n"))]);
        let (_, err) = expect(&run(folder.path(), &["config", "validate", "--error-format", "short"], ""), 3);
        let (_, keys) = err.split_once("unknown field `wrong`, expected ").unwrap_or_else(|| panic!("{part}: {err}"));
        let keys: Vec<&str> = keys.lines().next().unwrap_or_default().split('`').skip(1).step_by(2).collect();
        assert!(!keys.is_empty(), "{part}: {err}");
        let is_a_part = |key: &str| ["[[KEY]]", "[KEY]", "[[service.KEY]]"].iter().any(|part| page.contains(&part.replace("KEY", key)));
        for key in keys.into_iter().filter(|key| !is_a_part(key)) {
            assert!(text.contains(&format!("`{key}`")), "{part} says nothing of {key}");
        }
    }
}

#[test]
fn every_code_is_explained() {
    let folder = scratch("explain");
    for code in ["no_route", "GW0102", "gw0404"] {
        let (out, _) = expect(&run(folder.path(), &["inspect", "explain", code], ""), 0);
        assert_eq!(out.lines().count(), 1, "{out}");
    }
}

#[test]
fn a_code_that_there_is_not_is_told_with_those_that_are_like_it() {
    let folder = scratch("explain-near");
    for (word, near) in [
        ("nope", "did you mean no_"),
        ("timeout", "idle_timeout or hello_timeout"),
        ("no-rout", "did you mean no_route"),
        ("gw0103x", "GW0103"),
    ] {
        let (_, err) = expect(&run(folder.path(), &["inspect", "explain", word], ""), 6);
        assert!(err.contains(near), "{word}: {err}");
    }
    let (_, err) = expect(&run(folder.path(), &["inspect", "explain", "zzz"], ""), 6);
    assert!(err.contains("docs/codes.md") && !err.contains("did you mean"), "{err}");
}

#[test]
fn an_entry_of_consuls_is_named_by_two_words_or_by_one() {
    let (folder, nobody) = (scratch("one-word"), format!("127.0.0.1:{}", free_port()));
    for verb in ["read", "delete"] {
        for named in [&["service-router", "web"][..], &["service-router/web"], &["mesh"], &["mesh/mesh"]] {
            let args = [&["config", verb][..], named, &["--http-addr", &nobody]].concat();
            let (_, err) = expect(&run(folder.path(), &args, ""), 4);
            assert!(err.contains(&nobody), "{args:?}: {err}");
        }
        for (named, why) in [
            (&["service-router/web", "api"][..], "service-router/web is an entry already: api is one word too many"),
            (&["service-router"], "an entry of kind service-router needs a name"),
            (&["service-router/"], "an entry of kind service-router needs a name"),
            (&["web/service-router"], "no such kind of entries"),
        ] {
            let args = [&["config", verb][..], named, &["--http-addr", &nobody]].concat();
            let (_, err) = expect(&run(folder.path(), &args, ""), 2);
            assert!(err.contains(why), "{args:?}: {err}");
        }
    }
}

#[test]
fn a_dump_is_json_also_where_one_says_so() {
    let folder = shop("dump-json");
    let (plain, _) = expect(&run(folder.path(), &["inspect", "dump", "-c", "gw.toml"], ""), 0);
    let (json, _) = expect(&run(folder.path(), &["inspect", "dump", "-c", "gw.toml", "-o", "json"], ""), 0);
    let (line, _) = expect(&run(folder.path(), &["inspect", "dump", "-c", "gw.toml", "-o", "jsonl"], ""), 0);
    assert_eq!((plain.lines().count(), line.lines().count()), (json.lines().count(), 1));
    expect(&run(folder.path(), &["inspect", "dump", "-c", "gw.toml", "-o", "table"], ""), 2);
}

/// A shop of which a subset has no instance.
fn shop_with_a_hole(name: &str) -> Scratch {
    let folder = shop(name);
    std::fs::create_dir_all(folder.path().join("a b")).expect("a folder");
    std::fs::rename(folder.path().join("gw.d"), folder.path().join("a b/gw.d")).expect("a folder that moves");
    std::fs::rename(folder.path().join("gw.toml"), folder.path().join("a b/gw.toml")).expect("a file that moves");
    folder
}

#[test]
fn what_problems_say_to_type_asks_the_same_one_again() {
    let folder = shop_with_a_hole("again");
    let (out, _) = expect(&run(folder.path(), &["inspect", "problems", "-c", "a b/gw.toml"], ""), 1);
    assert!(out.contains("  do gw inspect chain web -c 'a b/gw.toml'\n"), "{out}");
    let (out, _) = expect(&run(folder.path(), &["inspect", "problems", "-c", "a b/gw.toml", "--service", "edge", "-o", "json"], ""), 1);
    let told: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    let next: Vec<&str> = told["problems"].as_array().expect("a list").iter().filter_map(|p| p["next"].as_str()).collect();
    assert!(next.contains(&"gw inspect chain web -c 'a b/gw.toml' --service edge"), "{next:?}");
    let (dump, _) = expect(&run(folder.path(), &["inspect", "dump", "-c", "a b/gw.toml"], ""), 0);
    std::fs::write(folder.path().join("gw.dump"), dump).expect("a file");
    let (out, _) = expect(&run(folder.path(), &["inspect", "problems", "--dump", "gw.dump"], ""), 1);
    assert!(out.contains("  do gw inspect chain web --dump gw.dump\n"), "{out}");
}

#[test]
fn connections_say_of_which_gateway_they_are() {
    let folder = scratch("connections-of");
    let listen = free_port().to_string();
    let gateway = Gateway::start(&["ingress", "--listen", &listen, "--service", "edge"], folder.path());
    let admin = gateway.admin.to_string();
    let (_, err) = expect(&run(folder.path(), &["inspect", "connections", "--admin", &admin], ""), 0);
    assert_eq!(err, format!("from the gateway at {admin}: edge\n"));
}

#[test]
fn an_address_that_is_taken_is_told_with_what_to_type() {
    let folder = scratch("address-taken");
    let held = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = held.local_addr().expect("an address").port().to_string();
    let (_, err) = expect(&run(folder.path(), &["ingress", "--listen", &port, "--admin-bind", "127.0.0.1:0"], ""), 1);
    assert!(err.contains(&format!("ss -ltnp 'sport = :{port}' says who listens there; --listen")), "{err}");
    let (listen, admin) = (free_port().to_string(), format!("127.0.0.1:{port}"));
    let (_, err) = expect(&run(folder.path(), &["ingress", "--listen", &listen, "--admin-bind", &admin], ""), 1);
    assert!(err.contains(&format!("ss -ltnp 'sport = :{port}'")) && err.contains("--admin-bind IP:PORT names another one"), "{err}");
}

#[test]
fn batch_answers_every_line_in_order_whatever_it_says() {
    let folder = scratch("batch");
    let questions = format!(
        "{}\nno json\n\n{}\n{}\n",
        serde_json::json!({"validate": {"existing": [], "write": serde_json::from_str::<serde_json::Value>(WEB).expect("JSON")}}),
        serde_json::json!({"chain": {"entries": [], "service": "web", "datacenter": "dc1"}}),
        serde_json::json!({"other": {}}),
    );
    let (out, err) = expect(&run(folder.path(), &["inspect", "batch"], &questions), 0);
    let answers: Vec<serde_json::Value> = out.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    assert_eq!(answers.len(), 4, "{out}");
    assert_eq!(answers[0]["accepted"], true, "{out}");
    assert!(answers[1]["error"].is_string() && answers[2]["chain"].is_object() && answers[3]["error"].is_string(), "{out}");
    assert_eq!(err, "");
}

#[test]
fn one_that_has_read_enough_is_no_error() {
    let folder = scratch("pipe");
    let mut child =
        gw(&["completions", "bash"]).current_dir(folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("gw starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("gw ends");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn pages_are_written_where_they_are_wanted() {
    let folder = scratch("man");
    let (out, _) = expect(&run(folder.path(), &["man", "pages"], ""), 0);
    assert!(out.lines().all(|path| folder.path().join(path).is_file()), "{out}");
    assert!(out.contains("pages/man1/gw-ingress.1") && out.contains("pages/man5/gw.toml.5"), "{out}");
}

/// Looks again and again until the gateway has said it.
#[track_caller]
fn wait_for(gateway: &Gateway, words: &str) {
    for _ in 0..1000 {
        if gateway.said().contains(words) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("not said: {words:?} in\n{}", gateway.said());
}

/// All that a gateway says on stderr until every one of the words was there, and what came with them.
#[track_caller]
fn said_before_it_was_killed(child: &mut std::process::Child, words: &[&str]) -> String {
    let mut lines = std::io::BufReader::new(child.stderr.take().expect("a pipe"));
    let mut said = String::new();
    while !words.iter().all(|w| said.contains(w)) {
        assert!(std::io::BufRead::read_line(&mut lines, &mut said).expect("text") > 0, "it ended, having said\n{said}");
    }
    drop(child.kill());
    std::io::Read::read_to_string(&mut lines, &mut said).expect("text");
    child.wait().expect("gw ends");
    said
}

fn signal(gateway: &Gateway, name: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), &gateway.id().to_string()]).status().expect("kill runs");
    assert!(sent.success());
}

#[test]
fn signals_with_nothing_to_do_say_so_and_do_not_kill() {
    let folder = scratch("signals");
    let listen = free_port().to_string();
    let gateway = Gateway::start(&["ingress", "--listen", &listen], folder.path());
    signal(&gateway, "HUP");
    wait_for(&gateway, "gw: there is nothing to read again, for what is served comes from the command line");
    signal(&gateway, "USR1");
    wait_for(&gateway, "USR1: there is no file of access records to open anew");
    assert_eq!(gateway.end(), Some(0));
}

#[test]
fn hup_reads_the_files_again_and_says_what_came_of_it() {
    let folder = shop("hup");
    let edge = EDGE.replace("8080", &free_port().to_string());
    std::fs::write(folder.path().join("gw.d/edge.json"), &edge).expect("a file");
    let gateway = Gateway::start(&["run", "--error-format", "short"], folder.path());
    signal(&gateway, "HUP");
    wait_for(&gateway, "gw: nothing changed, generation 1 goes on serving");
    let second = free_port();
    let listener = format!("{{\"Port\": {second}, \"Protocol\": \"http\", \"Services\": [{{\"Name\": \"web\"}}]}}, {{\"Port\"");
    std::fs::write(folder.path().join("gw.d/edge.json"), edge.replacen("{\"Port\"", &listener, 1)).expect("a file");
    wait_for(&gateway, "gw: generation 2 is in effect after ");
    wait_for(&gateway, &format!(" ms; edge:{second} listens on 127.0.0.1:{second}"));
    assert_eq!(gateway.end(), Some(0));
}

#[test]
fn a_reload_that_is_refused_prints_what_validate_prints() {
    let folder = shop("rejected");
    std::fs::write(folder.path().join("gw.d/edge.json"), EDGE.replace("8080", &free_port().to_string())).expect("a file");
    let gateway = Gateway::start(&["run"], folder.path());
    wait_for(&gateway, "admin on");
    let before = gateway.said().len();
    std::fs::write(folder.path().join("gw.d/router.json"), ROUTER.replace("\"Routes\"", "\"Rooutes\"")).expect("a file");
    wait_for(&gateway, "gw: the configuration of generation 1 goes on serving");
    let said = gateway.said()[before..].to_owned();
    let (_, validated) = expect(&run(folder.path(), &["config", "validate", "gw.toml"], ""), 3);
    let validated = validated.lines().filter(|line| !line.contains(" read: ")).collect::<Vec<_>>().join("\n");
    assert!(validated.contains("GW0102") && said.contains(&validated), "said\n{said}\nvalidated\n{validated}");
    let (_, listed) = expect(&run(folder.path(), &["inspect", "routes", "--admin", &gateway.admin.to_string()], ""), 0);
    assert!(listed.contains("generation 1") && listed.contains("are refused, and this goes on serving: gw.d/router.json:"), "{listed}");
}

#[test]
fn usr1_opens_the_access_log_anew_after_it_was_moved_away() {
    let folder = scratch("reopen");
    let listen = free_port().to_string();
    let route = format!("/={}", backend("web"));
    let gateway = Gateway::start(&["ingress", "--listen", &listen, "--route", &route, "--access-log", "access.log"], folder.path());
    let (log, moved) = (folder.path().join("access.log"), folder.path().join("access.log.1"));
    curl(&format!("http://127.0.0.1:{listen}/one"));
    eventually_in(&log, "/one");
    std::fs::rename(&log, &moved).expect("a file");
    signal(&gateway, "USR1");
    for _ in 0..1000 {
        if log.is_file() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    curl(&format!("http://127.0.0.1:{listen}/two"));
    eventually_in(&log, "/two");
    assert!(!std::fs::read_to_string(&moved).expect("a file").contains("/two"));
}

/// Looks again and again until a file has it.
#[track_caller]
fn eventually_in(file: &Path, words: &str) {
    for _ in 0..1000 {
        if std::fs::read_to_string(file).is_ok_and(|text| text.contains(words)) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("{words:?} is not in {}", file.display());
}

#[test]
fn a_listener_with_tls_needs_certificates_that_can_be_used() {
    let tls = EDGE.replace("\"Name\": \"edge\",", "\"Name\": \"edge\", \"TLS\": {\"Enabled\": true},");
    let entries = [("gw.d/web.json", WEB), ("gw.d/edge.json", tls.as_str())];
    let folder = scratch_with("uncertified", &[&entries[..], &[("gw.toml", GW_TOML)]].concat());
    for args in [&["config", "validate", "--error-format", "short"][..], &["run", "--error-format", "short"]] {
        let (_, err) = expect(&run(folder.path(), args, ""), 3);
        assert!(err.starts_with("gw.d/edge.json:2:3: error[GW0503]: listener edge:8080"), "{err}");
    }
    let (_, err) = expect(&run(folder.path(), &["ingress", "--config-dir", "gw.d"], ""), 3);
    assert!(err.contains("GW0503"), "{err}");
    expect(&run(folder.path(), &["config", "validate", "gw.d"], ""), 0);
    let more = format!(
        "{GW_TOML}\n[[certificate]]\ncert = \"gw.toml\"\nkey = \"nope.pem\"\n\n[[certificate]]\ncert = \"no.pem\"\nkey = \"no.pem\"\n"
    );
    std::fs::write(folder.path().join("gw.toml"), more).expect("a file");
    for args in [&["config", "validate", "--error-format", "short"][..], &["run", "--error-format", "short"]] {
        let (_, err) = expect(&run(folder.path(), args, ""), 3);
        assert!(err.contains("gw.toml:15:8: error[GW0504]: gw.toml holds no certificate"), "{err}");
        assert!(err.contains("gw.toml:19:8: error[GW0504]: cannot read no.pem"), "{err}");
    }
}

#[test]
fn a_gateway_without_an_admin_listener_offers_no_look_at_it() {
    let folder = scratch("taken");
    // Held by us, or by whoever has it already.
    let _held = std::net::TcpListener::bind("127.0.0.1:19000");
    let listen = free_port().to_string();
    let mut child = gw(&["ingress", "--listen", &listen]).current_dir(folder.path()).stderr(Stdio::piped()).spawn().expect("gw starts");
    let err = said_before_it_was_killed(&mut child, &["is taken", "curl"]);
    assert!(err.contains("127.0.0.1:19000 is taken") && err.contains("curl") && !err.contains("gw inspect"), "{err}");
}

#[test]
fn the_embedded_default_on_tcp_offers_no_paths() {
    let folder = scratch("tcp");
    let listen = format!("{}/tcp", free_port());
    let gateway = Gateway::start(&["ingress", "--listen", &listen], folder.path());
    wait_for(&gateway, "gw inspect routes");
    assert!(!gateway.said().contains("/api/cart"), "{}", gateway.said());
}

#[test]
fn a_gateway_whose_consul_does_not_answer_says_what_it_waits_for() {
    let (folder, port) = (scratch("waits"), free_port());
    let mut command = gw(&["ingress", "--admin-bind", "127.0.0.1:0", "--state-dir", "state"]);
    let command = command.current_dir(folder.path()).env("CONSUL_HTTP_ADDR", format!("127.0.0.1:{port}")).stderr(Stdio::piped());
    let mut child = command.spawn().expect("gw starts");
    let first = format!("first sync with Consul at http://127.0.0.1:{port}");
    let err = said_before_it_was_killed(&mut child, &[&first, "Connection refused"]);
    assert!(err.contains(&first) && err.contains("Connection refused"), "{err}");
}

#[test]
fn who_registers_names_a_consul() {
    let folder = scratch("registers");
    let (_, err) = expect(&run(folder.path(), &["ingress", "--listen", "8080", "--register"], ""), 2);
    assert!(err.contains("--http-addr"), "{err}");
}

#[test]
fn what_stands_beside_the_consul_of_a_file_is_refused_with_both_places() {
    let beside = "datacenter = \"dc1\"\nentries = [\"gw.d\"]\n\n[consul]\naddr = \"127.0.0.1:1\"\ntoken = \"s3cr3t\"\n\n\
                  [[gateway]]\nkind = \"terminating\"\n\n[[service]]\nname = \"web\"\n";
    let folder = scratch_with("beside", &[("gw.toml", beside), ("gw.d/web.json", WEB)]);
    for args in [&["config", "validate", "gw.toml", "--error-format", "short"][..], &["run", "--error-format", "short"]] {
        let (_, err) = expect(&run(folder.path(), args, ""), 3);
        assert!(err.contains("gw.toml:2:12: error[GW0012]: entries stands beside the [consul] of line 4"), "{err}");
        assert!(err.contains("gw.toml:12:8: error[GW0012]: [[service]] stands beside the [consul] of line 4"), "{err}");
        assert!(err.contains("error[GW0012]: datacenter") && !err.contains("s3cr3t"), "{err}");
    }
    let alone = "[consul]\naddr = \"127.0.0.1:1\"\ntoken = \"s3cr3t\"\n\n[[gateway]]\nkind = \"terminating\"\n";
    std::fs::write(folder.path().join("gw.toml"), alone).expect("a file");
    let (_, err) = expect(&run(folder.path(), &["config", "validate", "gw.toml"], ""), 0);
    assert!(err.contains("GW0013") && err.contains("chmod 600") && !err.contains("s3cr3t"), "{err}");
    let (_, err) = expect(&run(folder.path(), &["terminating", "-c", "gw.toml", "--config-dir", "gw.d"], ""), 2);
    assert!(err.contains("--config-dir gw.d") && err.contains("[consul] of gw.toml"), "{err}");
    let (_, err) = expect(&run(folder.path(), &["ingress", "-c", "gw.toml"], ""), 2);
    assert!(err.contains("there is no ingress gateway in the file"), "{err}");
    for asked in [&["route", "GET", "http://x.test/"][..], &["chain", "web"], &["services"]] {
        let (_, err) = expect(&run(folder.path(), &[&["inspect"], asked, &["-c", "gw.toml"]].concat(), ""), 2);
        assert!(err.contains("takes everything from Consul"), "{err}");
    }
}

#[test]
fn a_gateway_without_its_entry_says_which_entries_there_are() {
    let folder = shop("noentry");
    std::fs::write(folder.path().join("gw.toml"), GW_TOML.replace("edge", "egde")).expect("a file");
    let (_, err) = expect(&run(folder.path(), &["run", "-c", "gw.toml"], ""), 3);
    assert!(err.contains("there is no ingress-gateway/egde among the entries, only ingress-gateway/edge"), "{err}");
    let (_, err) = expect(&run(folder.path(), &["ingress", "--config-dir", "gw.d", "--service", "nope"], ""), 3);
    assert!(err.contains("there is no ingress-gateway/nope among the entries, only ingress-gateway/edge"), "{err}");
}

#[test]
fn an_empty_file_is_named() {
    let folder = scratch_with("empty", &[("h.hcl", ""), ("t.toml.d/t.toml", "")]);
    let (_, err) = expect(&run(folder.path(), &["config", "validate", "h.hcl"], ""), 3);
    assert!(err.contains("GW0105") && err.contains("--> h.hcl:1:1"), "{err}");
    let (_, err) = expect(&run(folder.path(), &["config", "validate", "t.toml.d", "--error-format", "short"], ""), 3);
    assert!(err.starts_with("t.toml.d/t.toml:1:1: error[GW0105]"), "{err}");
}

#[test]
fn what_run_refuses_validate_refuses() {
    let gateway = |admin: &str| format!("[[gateway]]\nkind = \"ingress\"\nname = \"edge\"\nadmin = \"{admin}\"\n");
    let folder = scratch_with("refused", &[("gw.toml", &gateway("0.0.0.0:19000"))]);
    let args = ["config", "validate", "--error-format", "short"];
    let (_, err) = expect(&run(folder.path(), &args, ""), 3);
    assert!(err.starts_with("gw.toml:4:9: error[GW0008]"), "{err}");
    std::fs::write(folder.path().join("gw.toml"), gateway("127.0.0.1:1").repeat(2)).expect("a file");
    let (_, err) = expect(&run(folder.path(), &args, ""), 3);
    assert!(err.contains("gw.toml:6:8: error[GW0009]"), "{err}");
}

#[test]
fn a_sidecar_without_an_identity_to_show_and_an_identity_that_is_none_are_refused() {
    let service = "[[service]]\nname = \"web\"\n[[service.instance]]\naddress = \"127.0.0.1:1\"\nmesh = true\n";
    let gateway = "[[gateway]]\nkind = \"ingress\"\nname = \"edge\"\n";
    let folder = scratch_with("sidecar", &[("gw.toml", &format!("{gateway}{service}"))]);
    let args = ["config", "validate", "--error-format", "short"];
    let (_, err) = expect(&run(folder.path(), &args, ""), 3);
    assert!(err.starts_with("gw.toml:8:8: error[GW0508]"), "{err}");
    std::fs::write(folder.path().join("gw.toml"), format!("[certs]\ndir = \"certs\"\n{gateway}{service}")).expect("a file");
    let (_, err) = expect(&run(folder.path(), &args, ""), 3);
    assert!(err.starts_with("gw.toml:2:7: error[GW0507]: cannot read ") && err.contains("ca.pem"), "{err}");
}

#[test]
fn a_gw_toml_under_another_name_is_known_as_one() {
    let folder =
        scratch_with("othername", &[("q.toml", "entires = [\"gw.d\"]\n"), ("n.toml", "entries = [\"nodir\"]\n"), ("c.toml", "[certs]\n")]);
    let validate = |file: &str| expect(&run(folder.path(), &["config", "validate", file], ""), 3).1;
    let err = validate("q.toml");
    assert!(err.contains("GW0003") && err.contains("did you mean \"entries\"?"), "{err}");
    let err = validate("n.toml");
    assert!(err.contains("GW0001") && err.contains("n.toml:1:12"), "{err}");
    assert!(validate("c.toml").contains("GW0003"));
}

#[test]
fn inspect_route_takes_only_what_can_be_asked() {
    let folder = shop("ask");
    expect(&run(folder.path(), &["inspect", "route", "GET", "http://shop.test/", "--roll", "10000"], ""), 2);
    expect(&run(folder.path(), &["inspect", "route", "GET", "ftp://shop.test/"], ""), 2);
    let (_, err) = expect(&run(folder.path(), &["inspect", "route", "GET", "https://shop.test/"], ""), 0);
    assert!(err.contains("edge:8080 takes http alone"), "{err}");
}

#[test]
fn a_folder_without_entries_is_refused_and_endings_have_no_case() {
    let folder = scratch_with("folders", &[("none/read.me", ""), ("upper/WEB.HCL", "Kind = \"service-defaults\"\nName = \"web\"\n")]);
    let (_, err) = expect(&run(folder.path(), &["config", "validate", "none"], ""), 3);
    assert!(err.contains("no entries found in none"), "{err}");
    let (_, err) = expect(&run(folder.path(), &["config", "validate", "upper"], ""), 0);
    assert!(err.contains("1 entry read"), "{err}");
}

#[test]
fn a_folder_that_is_named_twice_is_read_once() {
    let folder = shop("once");
    let (_, err) = expect(&run(folder.path(), &["ingress", "-c", "gw.toml", "--config-dir", "gw.d", "--listen", "1"], ""), 2);
    assert!(err.contains("no listener on that port"), "{err}");
}

#[test]
fn a_protocol_that_is_none_is_a_finding_and_a_route_twice_is_usage() {
    let wrong = r#"{"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": "htpp"}}"#;
    let folder = scratch_with("protocol", &[("p.json", wrong)]);
    let (_, err) = expect(&run(folder.path(), &["config", "validate", "p.json", "--error-format", "short"], ""), 0);
    assert!(err.contains("finding[GW0505]"), "{err}");
    let args = ["ingress", "--listen", "0", "--route", "/=127.0.0.1:1", "--route", "/=127.0.0.1:2"];
    let (_, err) = expect(&run(folder.path(), &args, ""), 2);
    assert!(err.contains("--route / is given twice"), "{err}");
}

#[test]
fn a_folder_of_entries_is_found_where_there_is_no_gw_toml() {
    let folder = shop("folder");
    std::fs::remove_file(folder.path().join("gw.toml")).expect("a file");
    let (_, _) = expect(&run(folder.path(), &["inspect", "chain", "web"], ""), 0);
    let (_, _) = expect(&run(folder.path(), &["inspect", "route", "GET", "http://shop.test:8080/"], ""), 1);
    let (out, _) = expect(&run(folder.path(), &["inspect", "routes", "-c", "gw.d"], ""), 0);
    assert!(out.contains("edge:8080"), "{out}");
    std::fs::remove_file(folder.path().join("gw.d/edge.json")).expect("a file");
    let (_, err) = expect(&run(folder.path(), &["run"], ""), 3);
    assert!(err.contains("no ingress-gateway/"), "{err}");
}

#[test]
fn a_service_that_nothing_answers_for_is_a_warning() {
    let folder = shop("nowhere");
    let edge =
        EDGE.replace("\"web\", \"Hosts\"", "\"wbe\", \"Hosts\"").replace("\"http\"", "\"tcp\"").replace(", \"Hosts\": [\"shop.test\"]", "");
    std::fs::write(folder.path().join("gw.d/edge.json"), edge).expect("a file");
    let (_, err) = expect(&run(folder.path(), &["config", "validate", "--error-format", "short"], ""), 0);
    assert!(err.contains("gw.d/edge.json:2:") && err.contains("warning[GW0506]: service wbe"), "{err}");
}

#[test]
fn a_policy_is_printed_for_a_gateway_and_names_what_its_entry_links() {
    let folder = scratch("policy");
    std::fs::write(folder.path().join("exit.json"), r#"{"Kind": "terminating-gateway", "Name": "exit", "Services": [{"Name": "legacy"}]}"#)
        .expect("a file");
    let generate = |args: &[&str], code| expect(&run(folder.path(), &[&["config", "gen", "acl-policy"], args].concat(), ""), code);
    let (edge, _) = generate(&["--for", "ingress", "edge"], 0);
    assert!(edge.contains("service \"edge\" { policy = \"write\" }\n") && !edge.contains("agent_prefix"), "{edge}");
    let (default, _) = generate(&["--for", "mesh"], 0);
    assert!(default.contains("service \"mesh-gateway\" { policy = \"write\" }\n"), "{default}");
    let (exit, _) = generate(&["--for", "terminating", "exit", "-c", "exit.json", "--service", "more"], 0);
    for linked in ["exit", "legacy", "more"] {
        assert!(exit.contains(&format!("service \"{linked}\" {{ policy = \"write\" }}\n")), "{exit}");
    }
    let (_, err) = generate(&["--for", "terminating", "other", "-c", "exit.json"], 3);
    assert!(err.contains("no terminating-gateway other"), "{err}");
    for wrong in [&["edge"][..], &["--for", "egress", "edge"], &["--for", "ingress", "edge", "--service", "web"]] {
        generate(wrong, 2);
    }
}

#[test]
fn a_gateway_whose_log_nobody_takes_serves_and_ends_as_ever() {
    let folder = scratch("full");
    let full = || std::fs::File::options().write(true).open("/dev/full").expect("a device of Linux");
    let port = free_port();
    let mut command = gw(&["ingress", "--listen", &port.to_string(), "--admin-bind", "127.0.0.1:0"]);
    let mut child = command.current_dir(folder.path()).stdout(full()).stderr(full()).spawn().expect("gw starts");
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert_eq!(child.try_wait().expect("a child"), None, "it ended");
        assert!(std::time::Instant::now() < deadline, "it does not answer");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    // There is no access log to open anew, which is logged.
    for signal in ["-USR1", "-TERM"] {
        let answer = curl(&format!("http://127.0.0.1:{port}/"));
        assert!(answer.contains("\"service\": \"web\""), "{answer}");
        let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill runs");
        assert!(sent.success());
    }
    assert_eq!(child.wait().expect("gw ends").code(), Some(0));
}
