//! `gw inspect` as one types it: the same answer of a gateway that runs, of its files and of its dump; and the conventions of a command
//! that stands in scripts. That the wire does what it says is held by `tests/law`.

mod support;

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use support::{Example, Gateway, Scratch, TRUST_DOMAIN, examples, gw, scratch_with};

/// What a command printed, and how it ended.
fn run(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output = gw(args).current_dir(folder).output().expect("gw runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// What answers alike, whoever is asked, but for what only a process has: the number of its publication, and a clock.
fn without_what_only_a_process_has(text: &str) -> String {
    let own = |line: &&str| {
        let key = line.trim_start();
        !["\"generation\"", "\"remaining\"", "\"taken\"", "\"from\""].iter().any(|own| key.starts_with(own))
    };
    text.lines().filter(own).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_question_has_one_answer_from_a_gateway_that_runs_its_files_and_its_dump() {
    for (n, example) in examples().into_iter().enumerate() {
        let Example { name, folder, path, .. } = Example::copy(&example, "places");
        // All of them are made of the one that is JSON.
        let formats: &[&str] = if n == 0 { &["table", "wide", "json", "jsonl", "name"] } else { &["json"] };
        let file = path.display().to_string();
        let gateway = Gateway::start(&["run", "-c", &file], folder.path());
        let admin = gateway.admin.to_string();
        let (code, dump, err) = run(folder.path(), &["inspect", "dump", "--admin", &admin]);
        assert_eq!(code, Some(0), "{name}: {err}");
        assert!(!dump.contains("PRIVATE KEY"));
        std::fs::write(folder.path().join("gw.dump"), dump).expect("a dump");
        let service = ["web", "pay", "shop", "db", "billing"];
        let name_of = format!("billing.default.dc1.internal.{TRUST_DOMAIN}");
        let mut questions: Vec<Vec<&str>> =
            ["routes", "listeners", "services", "certs", "intentions", "datacenters", "problems", "status"].map(|verb| vec![verb]).into();
        questions.extend(service.map(|service| vec!["chain", service]));
        questions.extend([vec!["authz", "web", "billing"], vec!["authz", "--matrix"], vec!["sni", &name_of]]);
        questions.push(vec!["route", "GET", "http://shop.test/api/cart?x=1", "-H", "x-version: v2", "--roll", "77"]);
        for question in questions {
            for format in formats.iter().copied() {
                let ask = |place: &[&str]| {
                    let args = [&["inspect"], &question[..], &["-o", format], place].concat();
                    let (code, out, err) = run(folder.path(), &args);
                    assert!(code.is_some_and(|code| code < 4), "{name}: {args:?}: {code:?} {err}");
                    // What is said to be typed asks the same one again.
                    (code, without_what_only_a_process_has(&out.replace(&place.join(" "), "PLACE")))
                };
                let of_files = ask(&["-c", &file]);
                // One object a line has all of it in that line.
                let one_line = question[0] == "status" || (format == "jsonl" && matches!(question[0], "listeners" | "certs"));
                if one_line {
                    continue;
                }
                assert_eq!(ask(&["--admin", &admin]), of_files, "{name}, {question:?}, -o {format}: what runs");
                assert_eq!(ask(&["--dump", "gw.dump"]), of_files, "{name}, {question:?}, -o {format}: the dump");
            }
        }
        assert_eq!(gateway.end(), Some(0));
    }
}

#[test]
fn what_comes_to_a_listener_that_reads_no_requests_is_answered_for_the_connection() {
    let edge = r#"{"Kind": "ingress-gateway", "Name": "edge", "Listeners": [
      {"Port": 8080, "Protocol": "http", "Services": [{"Name": "web", "Hosts": ["*"]}]},
      {"Port": 9000, "Protocol": "tcp", "Services": [{"Name": "db"}]}]}"#;
    let toml = "entries = [\"gw.d\"]\n[[gateway]]\nkind = \"ingress\"\nname = \"edge\"\n[[service]]\nname = \"db\"\n\
                [[service.instance]]\naddress = \"127.0.0.1:3001\"\n";
    let folder = scratch_with("bytes", &[("gw.d/web.json", WEB), ("gw.d/edge.json", edge), ("gw.toml", toml)]);
    let ask = |url: &str| run(folder.path(), &["inspect", "route", "GET", url, "-c", "gw.toml", "-o", "name"]);
    let (code, out, err) = ask("http://127.0.0.1:9000/");
    assert_eq!((code, &*out), (Some(0), "db.default.default.dc1\n"), "{err}");
    assert!(err.contains("edge:9000 reads no request of it: this is what becomes of the connection"), "{err}");
    let (_, out, _) = run(folder.path(), &["inspect", "route", "GET", "http://127.0.0.1:9000/", "-c", "gw.toml"]);
    assert!(out.starts_with("a connection from 127.0.0.1\n  + listener edge:9000, tcp\n"), "{out}");
    assert!(out.ends_with("=> forwarded to db.default.default.dc1, db-1 at 127.0.0.1:3001\n"), "{out}");
    // Whoever asks for a port that is none means the one listener that reads requests.
    for url in ["http://127.0.0.1:8080/", "http://shop.test/"] {
        assert_eq!(ask(url).1, "no_healthy_endpoint\n");
    }
}

const WEB: &str = r#"{"Kind": "service-defaults", "Name": "web", "Protocol": "http"}"#;
const EDGE: &str = r#"{"Kind": "ingress-gateway", "Name": "edge", "Listeners": [
  {"Port": 8080, "Protocol": "http", "Services": [{"Name": "web", "Hosts": ["shop.test"]}, {"Name": "gone", "Hosts": ["gone.test"]}]}
]}"#;
const GONE: &str = r#"{"Kind": "service-defaults", "Name": "gone", "Protocol": "http"}"#;
const ROUTER: &str = r#"{"Kind": "service-router", "Name": "web", "Routes": [
  {"Match": {"HTTP": {"PathPrefix": "/"}}},
  {"Match": {"HTTP": {"PathPrefix": "/never"}}}
]}"#;
const GW_TOML: &str = "entries = [\"gw.d\"]\n[[gateway]]\nkind = \"ingress\"\nname = \"edge\"\n[[gateway]]\nkind = \"mesh\"\naddress = \"127.0.0.1:8080\"\n\
                       [[datacenter]]\nname = \"dc2\"\n[[datacenter]]\nname = \"dc1\"\nown = true\n\
                       [[service]]\nname = \"web\"\n[[service.instance]]\naddress = \"127.0.0.1:3000\"\nhealth = \"critical\"\n";

fn troubled(name: &str) -> Scratch {
    let entries = [("gw.d/web.json", WEB), ("gw.d/edge.json", EDGE), ("gw.d/gone.json", GONE), ("gw.d/router.json", ROUTER)];
    scratch_with(name, &[&entries[..], &[("gw.toml", GW_TOML)]].concat())
}

#[test]
fn problems_are_told_with_place_reason_and_what_to_type_and_the_exit_code_says_that_there_are_some() {
    let folder = troubled("problems");
    let (code, out, err) = run(folder.path(), &["inspect", "problems", "-c", "gw.toml", "-o", "json"]);
    assert_eq!(code, Some(1), "{err}");
    let answer: Value = serde_json::from_str(&out).expect("JSON");
    let problems = answer["problems"].as_array().expect("a list");
    let of = |code: &str, word: &str| {
        let found = problems.iter().find(|p| p["code"] == *code && p["what"].as_str().is_some_and(|what| what.contains(word)));
        found.unwrap_or_else(|| panic!("no {code} {word}: {answer:#}"))
    };
    assert_eq!(of("no_healthy_endpoint", "web-1 is critical")["level"], "error");
    assert_eq!(of("no_healthy_endpoint", "gone.default.default.dc1 has no instance")["place"], "gw.d/edge.json:2");
    assert_eq!(of("GW0411", "")["place"], "gw.d/router.json:3");
    assert_eq!(of("no_gateway", "dc2")["next"], "gw inspect datacenters -c gw.toml");
    assert!(of("port", "127.0.0.1:8080")["what"].as_str().is_some_and(|what| what.contains("edge:8080") && what.contains("mesh-gateway")));
    for problem in problems {
        assert!(["what", "next"].iter().all(|key| problem[key].as_str().is_some_and(|text| !text.is_empty())), "{problem}");
    }
    let well = scratch_with("well", &[("gw.d/web.json", WEB)]);
    let (code, out, err) = run(well.path(), &["inspect", "problems", "-c", "gw.d"]);
    assert_eq!((code, out.as_str()), (Some(0), ""), "{err}");
}

#[test]
fn certificates_that_end_or_are_not_there_are_problems_before_anybody_misses_them() {
    let exit = r#"{"Kind": "terminating-gateway", "Name": "exit", "Services": [{"Name": "billing"}]}"#;
    let toml = "entries = [\"gw.d\"]\n[certs]\ndir = \"certs\"\n[[gateway]]\nkind = \"terminating\"\nname = \"exit\"\n\
                [[service]]\nname = \"billing\"\n[[service.instance]]\naddress = \"127.0.0.1:1\"\n";
    let folder = scratch_with("ending", &[("gw.d/exit.json", exit), ("gw.toml", toml)]);
    assert_eq!(run(folder.path(), &["certs", "init"]).0, Some(0));
    let (_, out, _) = run(folder.path(), &["inspect", "certs", "-c", "gw.toml"]);
    assert!(out.contains("unreadable"), "no leaf yet: {out}");
    let (_, out, _) = run(folder.path(), &["inspect", "problems", "-c", "gw.toml"]);
    assert!(out.contains("do gw certs issue billing\n"), "{out}");
    assert_eq!(run(folder.path(), &["certs", "issue", "billing", "--ttl", "1s"]).0, Some(0));
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let (_, out, err) = run(folder.path(), &["inspect", "certs", "-c", "gw.toml", "-o", "json"]);
        let answer: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}{err}"));
        let certificates = answer["certificates"].as_array().expect("a list");
        let leaf = certificates.iter().find(|c| c["role"] == "leaf").unwrap_or_else(|| panic!("no leaf: {answer:#}"));
        assert!(certificates.iter().any(|c| c["role"] == "root" && c["state"] == "ok"), "{answer:#}");
        if leaf["state"] == "expired" {
            break;
        }
        assert!(std::time::Instant::now() < until, "{leaf:#}");
        std::thread::yield_now();
    }
    let (code, out, _) = run(folder.path(), &["inspect", "problems", "-c", "gw.toml"]);
    assert!(code == Some(1) && out.contains("error certificate") && out.contains("do gw certs issue billing --force"), "{out}");
}

#[test]
fn a_dump_has_no_credentials_and_what_is_no_dump_is_refused() {
    let edits = r#"{"Kind": "service-router", "Name": "web", "Routes": [{"Match": {"HTTP": {"PathPrefix": "/"}},
      "Destination": {"RequestHeaders": {"Set": {"Authorization": "Bearer s3cret", "x-plain": "seen"}}}}]}"#;
    let folder =
        scratch_with("dump", &[("gw.d/web.json", WEB), ("gw.d/gone.json", GONE), ("gw.d/edge.json", EDGE), ("gw.d/router.json", edits)]);
    let (code, dump, err) = run(folder.path(), &["inspect", "dump", "-c", "gw.d"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(!dump.contains("s3cret") && dump.contains("seen"), "{dump}");
    for (text, why) in [("{}", "missing field"), ("no JSON", "expected"), (&*dump.replace("gw.dump/v1", "gw.dump/v9"), "this gw reads")] {
        std::fs::write(folder.path().join("other"), text).expect("a file");
        let (code, _, err) = run(folder.path(), &["inspect", "routes", "--dump", "other"]);
        assert!(code == Some(3) && err.contains("is no dump of gw") && err.contains(why), "{code:?} {err}");
    }
    assert_eq!(run(folder.path(), &["inspect", "routes", "--dump", "nowhere"]).0, Some(3));
}

#[test]
fn exit_codes_say_what_became_of_a_question_wherever_it_was_asked() {
    let folder = troubled("codes");
    for (args, wanted) in [
        (&["route", "GET", "http://shop.test/", "--service", "edge", "-c", "gw.toml"][..], 1),
        (&["route", "GET", "http://shop.test/", "-c", "gw.toml"], 2),
        (&["route", "GET", "http://shop.test/", "-c", "nowhere.toml"], 3),
        (&["route", "GET", "http://shop.test/", "--admin", "127.0.0.1:1"], 4),
        (&["route", "GET", "http://shop.test/", "--http-addr", "127.0.0.1:1"], 4),
        (&["sni", "x.test", "--http-addr", "127.0.0.1:1", "--kind", "mesh"], 4),
        (&["services", "--http-addr", "127.0.0.1:1", "-c", "gw.toml"], 2),
        (&["listeners", "-c", "gw.toml", "--admin", "127.0.0.1:1"], 2),
        (&["routes", "-o", "xml"], 2),
        (&["explain", "nothing"], 6),
        (&["problems", "-c", "gw.toml"], 1),
    ] {
        let (code, out, err) = run(folder.path(), &[&["inspect"], args].concat());
        assert_eq!(code, Some(wanted), "{args:?}: {out}{err}");
        assert!(wanted < 2 || (out.is_empty() && !err.is_empty()), "{args:?}: what is wrong is for stderr: {out}{err}");
    }
}

#[test]
fn a_script_reads_json_through_pipes_and_one_that_stops_reading_is_no_error() {
    let folder = troubled("script");
    let exe = env!("CARGO_BIN_EXE_gw");
    let shell = |script: &str| {
        let mut command = Command::new("bash");
        command.args(["-c", &format!("set -o pipefail; {script}")]).current_dir(folder.path()).stdin(Stdio::null());
        let output = command.env("GW", exe).env_remove("CONSUL_HTTP_ADDR").env_remove("GW_CONFIG").output().expect("a shell");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for verb in ["routes", "listeners", "services", "certs", "intentions", "datacenters", "status"] {
        let (code, out, err) = shell(&format!("$GW inspect {verb} -c gw.toml -o json | jq -e -r .schema"));
        assert!(code == Some(0) && out.starts_with("gw.") && out.ends_with("/v1\n"), "{verb}: {out}{err}");
        let (code, out, err) = shell(&format!("$GW inspect {verb} -c gw.toml -o jsonl | jq -e -r .schema | sort -u"));
        assert!(code == Some(0) || out.is_empty(), "{verb}: {out}{err}");
        let (code, _, err) = shell(&format!("$GW inspect {verb} -c gw.toml -o json | head -c 1 >/dev/null; exit ${{PIPESTATUS[0]}}"));
        assert_eq!(code, Some(0), "{verb}: {err}");
        let (code, _, err) = shell(&format!("$GW inspect {verb} -c gw.toml >&-"));
        assert!(code.is_some_and(|code| code < 2) && !err.contains("panicked"), "{verb}, stdout closed: {code:?} {err}");
    }
    let (code, out, _) = shell("$GW inspect services -c gw.toml -o json | jq -r '.services[] | select(.critical > 0) | .service'");
    assert_eq!((code, out.as_str()), (Some(0), "web\n"));
    let (code, out, _) = shell("if $GW inspect problems -c gw.toml -o name >codes 2>/dev/null; then echo well; else sort -u codes; fi");
    assert_eq!((code, out.as_str()), (Some(0), "GW0411\nGW0506\nno_gateway\nno_healthy_endpoint\nport\nrejected\n"));
}
