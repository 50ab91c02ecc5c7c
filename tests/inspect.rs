//! `gw inspect` as one types it: the same answer of a gateway that runs, of its files and of its dump; what the wire did is that answer;
//! and the conventions of a command that stands in scripts.

mod support;

use std::path::Path;
use std::process::{Command, Stdio};

use gw::app::inspect::{self, Explanation, RouteQuestion};
use gw::app::world::Place;
use serde_json::Value;
use support::{Example, Gateway, Scratch, TRUST_DOMAIN, curl, examples, gw, scratch_with};

/// What a command printed, and how it ended.
fn run(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output = gw(args).current_dir(folder).output().expect("gw runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Chance from a seed (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % n
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
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
fn what_the_wire_did_with_generated_requests_to_every_example_is_what_each_place_says() {
    let mut compared = 0;
    for example in examples().into_iter().filter(|example| !example.ends_with("tcp.toml")) {
        let Example { name, folder, path, ports, .. } = Example::copy(&example, "law");
        let file = path.display().to_string();
        let gateway = Gateway::start(&["run", "-c", &file, "--access-log", "access.log"], folder.path());
        let running = Place::Running(gateway.admin);
        std::fs::write(folder.path().join("gw.dump"), run(folder.path(), &["inspect", "dump", "--admin", &gateway.admin.to_string()]).1)
            .expect("a dump");
        let places = [Place::Files(path.clone()), running, Place::Dump(folder.path().join("gw.dump"))];
        let port = *ports.values().next().expect("a port");
        for seed in 1..=25 {
            let mut random = Random((seed as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
            let method = random.pick(&["GET", "GET", "POST", "PUT", "DELETE"]);
            let target =
                random.pick(&["/", "/api/cart", "/orders/7", "/admin/x?debug=1", "/v2/", "/static/a.css", "/invoices", "/invoices/%61"]);
            let header = random.pick(&["x-version: v2", "x-team: a", "x-debug: 1", "accept: */*"]);
            let (url, curl_args, peer, host) = if name == "terminating" {
                let who = random.pick(&["web", "api"]);
                (format!("https://billing:{port}{target}"), by_mtls(who, port, method, target, header, folder.path()), Some(who), None)
            } else {
                let host = random.pick(&["shop.test", "www.shop.test", "api.shop.test", "blog.test", "other.test"]);
                let args = format!("--path-as-is -X {method} -H 'host: {host}' -H '{header}' 'http://127.0.0.1:{port}{target}'");
                (format!("http://127.0.0.1:{port}{target}"), args, None, Some(host))
            };
            curl(&curl_args);
            let record = last_record(&folder, seed as usize);
            let headers = host.map(|host| format!("host: {host}")).into_iter().chain([header.to_owned()]).collect();
            let roll = record["roll"].as_u64().map(|roll| roll as u32);
            let question = RouteQuestion { method: method.to_owned(), url, headers, roll, source: None, sni: None, peer: None };
            let asked = inspect::written(&question, peer, None);
            let answers =
                places.iter().map(|place| place.ask(inspect::ROUTE, &asked).unwrap_or_else(|e| panic!("{name}, seed {seed}: {e}")));
            let answers: Vec<Value> = answers.collect();
            let context = || format!("{name}, seed {seed}: curl {curl_args}\nrecord {record}\nsaid {:#}", answers[0]);
            assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{}\nbut {:#}\nand {:#}", context(), answers[1], answers[2]);
            let said: Explanation = serde_json::from_value(answers[0].clone()).expect("an explanation");
            match &said.outcome {
                inspect::ExplainedOutcome::Forward { rules, .. } => assert_eq!(record["rules"], serde_json::json!(rules), "{}", context()),
                inspect::ExplainedOutcome::Refuse { code, .. } => assert_eq!(record["code"], **code, "{}", context()),
            }
            assert!(said.places.values().all(|place| place.contains(".hcl:") || place.contains(".json:") || place.contains(".toml:")));
            compared += 1;
        }
        assert_eq!(gateway.end(), Some(0));
    }
    assert!(compared >= 100, "{compared}");
}

/// The arguments of curl for a service of the mesh that asks billing.
fn by_mtls(who: &str, port: u16, method: &str, target: &str, header: &str, folder: &Path) -> String {
    if !folder.join(format!("certs/{who}.pem")).exists() {
        assert!(gw(&["certs", "issue", who]).current_dir(folder).output().expect("gw runs").status.success());
    }
    let name = format!("billing.default.dc1.internal.{TRUST_DOMAIN}");
    let certs = folder.join("certs");
    let (cert, key) = (certs.join(format!("{who}.pem")), certs.join(format!("{who}-key.pem")));
    format!(
        "-k --http1.1 --path-as-is -X {method} -H '{header}' -H 'host: billing:{port}' --cert {} --key {} --connect-to {name}:{port}:127.0.0.1:{port} \
         'https://{name}:{port}{target}'",
        cert.display(),
        key.display()
    )
}

/// The record of the request of that number; it may be written a moment after its answer.
fn last_record(folder: &Scratch, number: usize) -> Value {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let text = std::fs::read_to_string(folder.path().join("access.log")).unwrap_or_default();
        let whole: Vec<&str> = text.split_inclusive('\n').filter(|line| line.ends_with('\n')).collect();
        if let Some(line) = whole.get(number - 1) {
            return serde_json::from_str(line).expect("a record");
        }
        assert!(std::time::Instant::now() < until, "no record {number}: {text}");
        std::thread::yield_now();
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
