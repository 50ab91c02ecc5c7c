//! `gw config test` as one types it: expectations that hold, each kind of one that does not, files that are none, shares of nested
//! splitters, and two configurations laid side by side by an access log.

mod support;

use std::fmt::Write;
use std::path::Path;

use gw::app::expect;
use gw::app::world::Place;
use serde_json::Value;
use support::{Example, Gateway, Scratch, curl, examples, gw, scratch_with};

/// What a command printed, and how it ended.
fn run(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output = gw(args).current_dir(folder).output().expect("gw runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// The expectations beside the examples, by the example's name.
fn beside(name: &str) -> Option<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/routing-tests");
    ["toml", "json"].iter().find_map(|end| std::fs::read_to_string(folder.join(format!("{name}.{end}"))).ok())
}

#[test]
fn the_expectations_beside_the_examples_are_met_as_their_comments_say() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut ran = 0;
    for file in std::fs::read_dir(root.join("examples/routing-tests")).expect("a folder") {
        let file = file.expect("a file").path();
        let example = format!("examples/{}.toml", file.file_stem().expect("a name").to_string_lossy());
        let file = file.strip_prefix(root).expect("of this project").display().to_string();
        let text = std::fs::read_to_string(root.join(&file)).expect("a text");
        assert!(file.ends_with(".json") || text.contains(&format!("gw config test {file} -c {example}")), "{file} says how it is run");
        let (code, out, err) = run(root, &["config", "test", &file, "-c", &example]);
        assert_eq!(code, Some(0), "{out}{err}");
        assert!(out.lines().all(|line| line.starts_with("ok ")) && out.contains(&format!("{file}:")), "{out}");
        ran += out.lines().count();
    }
    assert!(ran >= 15, "{ran}");
}

#[test]
fn what_is_expected_is_what_the_wire_does_and_the_same_of_a_gateway_that_runs_and_of_its_dump() {
    let mut asked = 0;
    for example in examples() {
        let Some(tests) = beside(&example.file_stem().expect("a name").to_string_lossy()) else { continue };
        let Example { name, folder, path, ports, .. } = Example::copy(&example, "expected");
        let here = |text: &str| ports.iter().fold(text.to_owned(), |text, (old, new)| text.replace(&old.to_string(), &new.to_string()));
        let file = folder.path().join("tests.txt");
        std::fs::write(&file, here(&tests)).expect("a file");
        let gateway = Gateway::start(&["run", "-c", &path.display().to_string()], folder.path());
        let dump = folder.path().join("gw.dump");
        std::fs::write(&dump, run(folder.path(), &["inspect", "dump", "--admin", &gateway.admin.to_string()]).1).expect("a dump");
        let expectations = expect::read(&[&file]).unwrap_or_else(|e| panic!("{name}: {e:?}"));
        for place in [Place::Files(path.clone()), Place::Running(gateway.admin), Place::Dump(dump)] {
            let world = place.world().unwrap_or_else(|e| panic!("{name}: {e}"));
            let tests = expect::run(&world, None, &expectations).unwrap_or_else(|e| panic!("{name}: {e:?}"));
            assert_eq!(tests.missed, 0, "{name}, {}: {:#}", place.name(), tests.json());
        }
        let world = Place::Files(path).world().expect("a world");
        let tests = expect::run(&world, None, &expectations).expect("answers");
        for (one, test) in expectations.iter().zip(&tests.json()["tests"].as_array().cloned().expect("a list")) {
            let value = |key: &str| one.asked.iter().filter(|(known, _)| *known == key).map(|(_, v)| v.clone()).collect::<Vec<_>>();
            let outcome = &test["explanation"]["outcome"];
            // Of whom the dice choose, and who needs a certificate, other tests ask.
            if test["kind"] != "request" || !value("peer").is_empty() || outcome["roll"].is_u64() {
                continue;
            }
            let headers: String = value("header").iter().fold(String::new(), |mut text, line| {
                write!(text, "-H '{line}' ").expect("writing to a String");
                text
            });
            let method = value("method").first().cloned().unwrap_or_else(|| "GET".to_owned());
            let answer = curl(&format!("-X {method} {headers} '{}'", value("url")[0]));
            let word = |key: &str| outcome[key].as_str().unwrap_or_default().to_owned();
            let said = match outcome["outcome"].as_str() {
                Some("forward") => format!("{} {method} {}", word("instance"), word("path")),
                _ => format!("gw {}", word("code")),
            };
            assert_eq!(answer, said, "{name}: {test:#}");
            asked += 1;
        }
        assert_eq!(gateway.end(), Some(0));
    }
    assert!(asked >= 6, "{asked}");
}

const EDGE: &str = r#"{"Kind": "ingress-gateway", "Name": "edge", "Listeners": [
  {"Port": 8080, "Protocol": "http", "Services": [{"Name": "web", "Hosts": ["*"]}]},
  {"Port": 9000, "Protocol": "tcp", "Services": [{"Name": "db"}]}
]}"#;
const DEFAULTS: &str = r#"{"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": "http"}}"#;
const DB: &str = r#"{"Kind": "service-defaults", "Name": "db", "Protocol": "tcp"}"#;
const ROUTER: &str = r#"{"Kind": "service-router", "Name": "web", "Routes": [
  {"Match": {"HTTP": {"PathPrefix": "/api/"}}, "Destination": {"Service": "api", "PrefixRewrite": "/",
    "RequestHeaders": {"Set": {"x-team": "api"}, "Remove": ["x-secret"]}, "ResponseHeaders": {"Add": {"x-from": "%REQ(x-team)%"}},
    "NumRetries": 3, "RetryOnConnectFailure": true}},
  {"Match": {"HTTP": {"PathPrefix": "/split"}}, "Destination": {"Service": "outer"}},
  {"Match": {"HTTP": {"Header": [{"Name": "X-Canary", "Present": true}]}}, "Destination": {"Service": "api"}}
]}"#;
const OUTER: &str = r#"{"Kind": "service-splitter", "Name": "outer", "Splits": [{"Weight": 33.33, "Service": "inner"}, {"Weight": 66.67, "Service": "web"}]}"#;
const INNER: &str =
    r#"{"Kind": "service-splitter", "Name": "inner", "Splits": [{"Weight": 50, "Service": "api"}, {"Weight": 50, "Service": "gone"}]}"#;
const GW_TOML: &str = "entries = [\"gw.d\"]\n[[gateway]]\nkind = \"ingress\"\nname = \"edge\"\n\
  [[service]]\nname = \"web\"\n[[service.instance]]\naddress = \"127.0.0.1:3000\"\n\
  [[service]]\nname = \"api\"\n[[service.instance]]\naddress = \"127.0.0.1:3001\"\n\
  [[service]]\nname = \"db\"\n[[service.instance]]\naddress = \"127.0.0.1:3002\"\n";

fn shop(name: &str) -> Scratch {
    scratch_with(
        name,
        &[
            ("gw.d/edge.json", EDGE),
            ("gw.d/defaults.json", DEFAULTS),
            ("gw.d/db.json", DB),
            ("gw.d/router.json", ROUTER),
            ("gw.d/outer.json", OUTER),
            ("gw.d/inner.json", INNER),
            ("gw.toml", GW_TOML),
        ],
    )
}

#[test]
fn whatever_can_be_expected_holds_and_fails_with_what_is_instead() {
    let folder = shop("keys");
    let api = "[[request]]\nurl = \"http://x/api/cart\"\nheaders = { x-secret = \"s\" }\n";
    let denied = "[[authz]]\nsource = \"a\"\ndestination = \"b\"\n";
    for (question, holds, fails, is) in [
        (api, "service = \"api\"", "service = \"web\"", "service: expected web, is api"),
        (api, "subset = \"\"", "subset = \"v1\"", "subset: expected v1, is \"\""),
        (api, "datacenter = \"dc1\"", "datacenter = \"dc2\"", "expected dc2, is dc1"),
        (api, "target = \"api.default.default.dc1\"", "target = \"api\"", "expected api, is api.default.default.dc1"),
        (api, "instance = \"api-1\"", "instance = \"api-2\"", "expected api-2, is api-1"),
        (api, "code = \"ok\"", "code = \"no_host\"", "expected no_host, is ok"),
        (api, "rule = \"service-router/web Routes[0]\"", "rule = \"service-router/web Routes[1]\"", "is ingress-gateway/edge"),
        (api, "path = \"/cart\"", "path = \"/api/cart\"", "expected /api/cart, is /cart"),
        (api, "timeout = 15", "timeout = 5", "expected 5, is 15"),
        (api, "retries = 3", "retries = 0", "expected 0, is 3"),
        (api, "sends = { x-team = \"api\" }", "sends = { x-team = \"web\" }", "sends x-team: expected web, is api"),
        (api, "drops = [\"x-secret\"]", "drops = [\"x-team\"]", "drops x-team: expected not to be sent, is api"),
        (api, "answers = { x-from = \"api\" }", "answers = { x-none = \"\" }", "answers x-none: expected , is not there"),
        (api, "code = \"ok\"", "status = 200", "for the service to say"),
        (
            "[[request]]\nurl = \"http://x/split\"\nroll = 2000\n",
            "status = 503, code = \"no_healthy_endpoint\"",
            "status = 404",
            "expected 404, is 503",
        ),
        ("[[request]]\nurl = \"http://x/\"\nheaders = [\"x-canary: 1\"]\n", "service = \"api\"", "service = \"web\"", "is api"),
        ("[[request]]\nurl = \"http://x/\"\n", "split = { web = 100 }", "split = { api = 100 }", "is web.default.default.dc1 100 %"),
        ("[[connection]]\nlistener = \"edge:9000\"\n", "service = \"db\"", "service = \"web\"", "is db"),
        (denied, "allowed = false, by = \"default\"", "allowed = true", "allowed: expected true, is false"),
    ] {
        for (expect, wanted) in [(holds, None), (fails, Some(is))] {
            std::fs::write(folder.path().join("t.toml"), format!("{question}expect = {{ {expect} }}\n")).expect("a file");
            let (code, out, err) = run(folder.path(), &["config", "test", "t.toml", "-c", "gw.toml"]);
            assert_eq!(code, Some(i32::from(wanted.is_some())), "{question}{expect}\n{out}{err}");
            assert!(wanted.is_none_or(|words| out.starts_with("FAILED t.toml:1: ") && out.contains(words)), "{question}{expect}\n{out}");
            assert!(wanted.is_none() || out.contains("=> "), "the reason is there: {out}");
            let advised = !out.contains("no_healthy_endpoint") || wanted.is_none() || out.contains("no instance of gone is known at all");
            assert!(advised, "what to write is there: {out}");
        }
    }
}

#[test]
fn connections_are_asked_by_server_name_and_by_who_connects() {
    let mesh = "trust_domain = \"mesh.consul\"\n[[gateway]]\nkind = \"mesh\"\naddress = \"127.0.0.1:8443\"\n\
                [[service]]\nname = \"web\"\n[[service.instance]]\naddress = \"127.0.0.1:3000\"\nmesh = true\n";
    let exit = "trust_domain = \"mesh.consul\"\nentries = [\"gw.d\"]\n[certs]\ndir = \"certs\"\n[[gateway]]\nkind = \"terminating\"\nname = \"exit\"\n\
                address = \"127.0.0.1:8443\"\n[[service]]\nname = \"db\"\n[[service.instance]]\naddress = \"127.0.0.1:3001\"\n";
    let linked = r#"{"Kind": "terminating-gateway", "Name": "exit", "Services": [{"Name": "db"}]}"#;
    let intention = r#"{"Kind": "service-intentions", "Name": "db", "Sources": [{"Name": "web", "Action": "allow"}]}"#;
    let folder =
        scratch_with("names", &[("mesh.toml", mesh), ("exit.toml", exit), ("gw.d/exit.json", linked), ("gw.d/db.json", intention)]);
    assert_eq!(run(folder.path(), &["certs", "init", "--trust-domain", "mesh.consul"]).0, Some(0));
    for (config, question, expect) in [
        ("mesh.toml", "sni = \"web\"", "service = \"web\", code = \"ok\", instance = \"web-1\""),
        ("mesh.toml", "sni = \"web.default.dc1.internal.mesh.consul\"", "target = \"web.default.default.dc1\""),
        ("mesh.toml", "sni = \"gone.default.dc1.internal.mesh.consul\"", "code = \"no_sni\""),
        ("mesh.toml", "listener = \"8443\"", "code = \"sni_absent\""),
        ("exit.toml", "sni = \"db\"\npeer = \"web\"", "service = \"db\", code = \"ok\""),
        ("exit.toml", "sni = \"db\"\npeer = \"cron\"", "code = \"denied\""),
    ] {
        std::fs::write(folder.path().join("t.toml"), format!("[[connection]]\n{question}\nexpect = {{ {expect} }}\n")).expect("a file");
        let (code, out, err) = run(folder.path(), &["config", "test", "t.toml", "-c", config]);
        assert_eq!(code, Some(0), "{config} {question}: {out}{err}");
    }
}

#[test]
fn shares_of_nested_splitters_are_those_of_every_roll_of_the_dice() {
    let folder = shop("shares");
    let test = "[[request]]\nurl = \"http://x/split\"\nexpect = { split = { api = 16.67, web = 66.67, no_healthy_endpoint = 16.66 } }\n";
    std::fs::write(folder.path().join("t.toml"), test).expect("a file");
    let (code, out, err) = run(folder.path(), &["config", "test", "t.toml", "-c", "gw.toml"]);
    // Every number that the dice can show, asked of the same brain.
    let world = Place::Files(folder.path().join("gw.toml")).world().expect("a world");
    let mut text = String::new();
    for roll in 0..10_000 {
        write!(text, "[[request]]\nurl = \"http://x/split\"\nroll = {roll}\nexpect = {{ code = \"ok\" }}\n").expect("writing to a String");
    }
    std::fs::write(folder.path().join("all.toml"), text).expect("a file");
    let every = expect::read(&[folder.path().join("all.toml")]).expect("expectations");
    let every = expect::run(&world, None, &every).expect("answers").json();
    let count = |key: &str, name: &str| {
        every["tests"].as_array().into_iter().flatten().filter(|test| test["explanation"]["outcome"][key] == *name).count()
    };
    let (api, web, none) = (count("service", "api"), count("service", "web"), count("code", "no_healthy_endpoint"));
    assert_eq!(api + web + none, 10_000);
    let near = |count: usize, percent: f64| (count as f64 / 100.0 - percent).abs() < 0.015;
    assert!(near(api, 16.67) && near(web, 66.67) && near(none, 16.66), "{api} {web} {none}");
    assert_eq!(code, Some(0), "{out}{err}");
}

#[test]
fn a_file_that_is_none_is_refused_with_every_error_at_its_place() {
    let folder = shop("refused");
    let text = "[[request]]\nurl = \"http://x/\"\nexpect = { servce = \"web\" }\n\n[[request]]\nurl = \"x\"\nexpect = { code = \"ok\" }\n";
    std::fs::write(folder.path().join("t.toml"), text).expect("a file");
    let (code, out, err) = run(folder.path(), &["config", "test", "t.toml", "-c", "gw.toml"]);
    assert_eq!((code, out.as_str()), (Some(3), ""));
    assert!(
        err.contains("error[GW0014]: unknown key \"servce\"") && err.contains("t.toml:3:12") && err.contains("did you mean \"service\"?"),
        "{err}"
    );
    std::fs::write(folder.path().join("t.toml"), text.replace("servce", "service")).expect("a file");
    let (code, _, err) = run(folder.path(), &["config", "test", "t.toml", "-c", "gw.toml", "--error-format", "short"]);
    assert!(code == Some(3) && err.contains("t.toml:5:1") && err.contains("\"x\" is not a URL"), "{code:?} {err}");
    for (args, wanted) in [
        (&["config", "test", "nowhere.toml", "-c", "gw.toml"][..], 3),
        (&["config", "test", "t.toml", "-c", "nowhere.toml"], 3),
        (&["config", "test", "-c", "gw.toml"], 2),
        (&["config", "test", "--log", "x", "-c", "gw.toml"], 2),
        (&["config", "test", "--against", "gw.toml", "--log", "nowhere", "-c", "gw.toml"], 3),
        (&["config", "test", "t.toml", "--http-addr", "127.0.0.1:1"], 4),
    ] {
        std::fs::write(folder.path().join("t.toml"), "[[request]]\nurl = \"http://x/\"\nexpect = { code = \"ok\" }\n").expect("a file");
        let (code, out, err) = run(folder.path(), args);
        assert!(code == Some(wanted) && out.is_empty() && !err.is_empty(), "{args:?}: {code:?} {out}{err}");
    }
    // A question that has no answer there is no answer of no.
    for (question, words) in [
        ("[[connection]]\nlistener = \"edge:8080\"", "reads requests there"),
        ("[[connection]]\nlistener = \"edge:1\"", "there are edge:8080, edge:9000"),
        ("[[request]]\nurl = \"http://x/\"\ngateway = \"other\"", "no gateway is called \"other\""),
        ("[[request]]\nurl = \"http://x/\"\nroll = -1", "is no number"),
    ] {
        std::fs::write(folder.path().join("t.toml"), format!("{question}\nexpect = {{ code = \"ok\" }}\n")).expect("a file");
        let (code, _, err) = run(folder.path(), &["config", "test", "t.toml", "-c", "gw.toml"]);
        assert!(code == Some(3) && err.contains("GW0015") && err.contains(words), "{question}: {code:?} {err}");
    }
}

#[test]
fn build_servers_and_programs_read_what_became_of_expectations() {
    let folder = shop("junit");
    let text = "[[request]]\nname = \"a < b\"\nurl = \"http://x/\"\nexpect = { service = \"web\" }\n\
                [[request]]\nurl = \"http://x/api/\"\nexpect = { service = \"web\" }\n";
    std::fs::write(folder.path().join("t.toml"), text).expect("a file");
    let (code, out, err) = run(folder.path(), &["config", "test", "t.toml", "-c", "gw.toml", "--junit", "out.xml", "-o", "json"]);
    assert_eq!(code, Some(1), "{err}");
    let answer: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((&answer["schema"], &answer["met"], &answer["missed"]), (&"gw.tests/v1".into(), &1.into(), &1.into()));
    assert_eq!(answer["tests"][1]["differs"][0], serde_json::json!({"what": "service", "expected": "web", "actual": "api"}));
    assert_eq!(answer["tests"][1]["explanation"]["schema"], "gw.explanation/v1");
    let xml = std::fs::read_to_string(folder.path().join("out.xml")).expect("a file");
    assert!(xml.contains("tests=\"2\" failures=\"1\" skipped=\"0\"") && xml.contains("name=\"1: a &lt; b\"/>"), "{xml}");
    assert!(xml.contains("<failure message=\"service: expected web, is api\">GET http://x/api/: forwarded to api.default"), "{xml}");
}

#[test]
fn what_changes_for_the_requests_of_an_access_log_is_told_in_groups_with_the_rule_on_each_side() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/router.toml");
    let Example { folder, path, ports, .. } = Example::copy(&example, "against");
    let port = ports[&8080];
    let gateway = Gateway::start(&["run", "-c", &path.display().to_string(), "--access-log", "access.log"], folder.path());
    for (method, target, times) in [("GET", "/", 3), ("GET", "/api/cart", 2), ("POST", "/orders/7", 4), ("GET", "/?preview=yes", 1)] {
        (0..times).for_each(|_| drop(curl(&format!("-X {method} 'http://127.0.0.1:{port}{target}'"))));
    }
    curl(&format!("-H 'host: other.test' http://127.0.0.1:{port}/"));
    assert_eq!(gateway.end(), Some(0));
    let file = path.display().to_string();
    // The same has the same answers.
    let (code, out, err) = run(folder.path(), &["config", "test", "--against", &file, "--log", "access.log", "-c", &file]);
    assert!(code == Some(0) && out.lines().count() <= 1 && err.contains("0 of 11 change their answer"), "{code:?} {out}{err}");
    // Orders are taken by nobody in particular, and every host is served.
    let (code, dump, _) = run(folder.path(), &["inspect", "dump", "-c", &file]);
    assert_eq!(code, Some(0));
    std::fs::write(folder.path().join("old.dump"), dump).expect("a dump");
    let edit = |name: &str, from: &str, to: &str| {
        let file = folder.path().join("router").join(name);
        let text = std::fs::read_to_string(&file).expect("an entry");
        assert!(text.contains(from), "{text}");
        std::fs::write(file, text.replace(from, to)).expect("an entry");
    };
    edit("web-router.hcl", "[\"POST\", \"PUT\"]", "[\"PUT\"]");
    edit("edge.hcl", "[\"127.0.0.1\"]", "[\"*\"]");
    let args = ["config", "test", "--against", "old.dump", "--log", "access.log", "-c", &file];
    let (code, out, err) = run(folder.path(), &args);
    assert!(code == Some(1) && err.contains("5 of 11 change their answer"), "{code:?} {out}{err}");
    assert!(err.contains("no record has the headers x-version"), "{err}");
    let (_, out, _) = run(folder.path(), &[&args[..], &["-o", "json"]].concat());
    let answer: Value = serde_json::from_str(&out).expect("JSON");
    let group = |n: usize| &answer["changes"][n];
    assert_eq!((&group(0)["count"], &group(0)["before"]["answer"]), (&4.into(), &"api.default.default.dc1".into()), "{answer:#}");
    assert_eq!(group(0)["after"]["answer"], "v1.web.default.default.dc1", "{answer:#}");
    let rules = "service-router/web > service-resolver/web DefaultSubset > service-resolver/web Subsets.v1";
    assert_eq!((&group(0)["before"]["rule"], &group(0)["after"]["rule"]), (&"service-router/web Routes[1]".into(), &rules.into()));
    assert_eq!((&group(1)["count"], &group(1)["before"]["answer"]), (&1.into(), &"404 no_host".into()), "{answer:#}");
    assert!(group(1)["example"] == "GET other.test/" && answer["changes"].as_array().is_some_and(|all| all.len() == 2), "{answer:#}");
}

#[test]
fn a_log_of_envoy_is_read_too_and_what_is_no_record_is_counted_however_long() {
    let folder = shop("envoy");
    let changed = GW_TOML.replace("127.0.0.1:3002\"", "127.0.0.1:3002\"\nhealth = \"critical\"");
    std::fs::write(folder.path().join("new.toml"), changed).expect("a file");
    let http = r#"{"start_time":"2026-01-01T00:00:00.000Z","route_name":null,"method":"GET","path":"/","protocol":"HTTP/1.1","response_code":200,"authority":"shop.test","user_agent":"curl","x_forwarded_for":"10.0.0.1","request_id":"1","downstream_local_address":"10.0.0.2:8080","downstream_remote_address":"10.0.0.9:4711","requested_server_name":null}"#;
    let tcp = r#"{"start_time":"2026-01-01T00:00:00.000Z","method":null,"path":null,"response_code":0,"downstream_local_address":"10.0.0.2:9000","downstream_remote_address":"10.0.0.9:4711"}"#;
    let long = "x".repeat(3 << 20);
    let log = format!("{http}\n{tcp}\n{long}\nno JSON\n{{}}\n{tcp}\n");
    std::fs::write(folder.path().join("access.log"), log).expect("a log");
    let args = ["config", "test", "--against", "gw.toml", "--log", "access.log", "-c", "new.toml", "-o", "json"];
    let (code, out, err) = run(folder.path(), &args);
    let answer: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}{err}"));
    assert_eq!(code, Some(1), "{out}{err}");
    assert_eq!((&answer["asked"], &answer["changed"], &answer["unread"]), (&3.into(), &2.into(), &3.into()), "{answer:#}");
    assert_eq!(answer["changes"][0]["after"]["answer"], "503 no_healthy_endpoint", "{answer:#}");
    assert_eq!(answer["changes"][0]["before"]["place"], "gw.d/edge.json:3", "{answer:#}");
    // What services may do to each other is asked, too.
    std::fs::write(folder.path().join("open.toml"), format!("default_intention = \"allow\"\n{GW_TOML}")).expect("a file");
    std::fs::write(folder.path().join("t.toml"), "[[authz]]\nsource = \"a\"\ndestination = \"b\"\nexpect = { allowed = true }\n")
        .expect("a file");
    let (code, out, _) = run(folder.path(), &["config", "test", "t.toml", "--against", "gw.toml", "-c", "open.toml"]);
    assert!(code == Some(1) && out.contains("denied by the default policy") && out.contains("allowed by the default policy"), "{out}");
    // Expectations ask as well, of what they expect nothing is looked at.
    std::fs::write(folder.path().join("t.toml"), "[[connection]]\nlistener = \"edge:9000\"\nexpect = { code = \"ok\" }\n").expect("a file");
    let (code, out, _) = run(folder.path(), &["config", "test", "t.toml", "--against", "gw.toml", "-c", "new.toml"]);
    assert!(code == Some(1) && out.contains("db.default.default.dc1") && out.contains("503 no_healthy_endpoint"), "{out}");
}
