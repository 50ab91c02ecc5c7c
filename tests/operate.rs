//! `gw admin`, and what a running gateway tells of itself, as one types it.

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use support::{Gateway, Scratch, backend, curl, free_port, gw, scratch_with};

fn run(folder: &Path, gateway: &Gateway, args: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } =
        gw(args).args(["--admin", &gateway.admin.to_string()]).current_dir(folder).output().expect("gw runs");
    (status.code(), String::from_utf8_lossy(&stdout).into_owned(), String::from_utf8_lossy(&stderr).into_owned())
}

/// A gateway that runs from files, with more lines of the gateway, and where it listens.
fn shop(name: &str, lines: &str, args: &[&str]) -> (Scratch, Gateway, u16) {
    let (port, address) = (free_port(), backend("web"));
    let edge =
        format!(r#"{{"Kind": "ingress-gateway", "Name": "edge", "Listeners": [{{"Port": {port}, "Services": [{{"Name": "web"}}]}}]}}"#);
    let file = format!(
        "entries = [\"gw.d\"]\n[[gateway]]\nkind = \"ingress\"\nname = \"edge\"\n{lines}\n[[service]]\nname = \"web\"\n[[service.instance]]\naddress = \"{address}\"\n"
    );
    let folder = scratch_with(name, &[("gw.toml", &file), ("gw.d/edge.json", &edge)]);
    let gateway = Gateway::start(&[&["run", "-c", "gw.toml"], args].concat(), folder.path());
    (folder, gateway, port)
}

/// A connection to the service that has had an answer, all of it: what is not read when it is dropped is reset.
fn open(port: u16) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the gateway listens");
    stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").expect("it takes it");
    let (mut answer, mut part) = (Vec::new(), [0; 1024]);
    while !answer.ends_with(b" GET /") {
        let count = stream.read(&mut part).expect("it answers");
        assert!(count > 0, "{}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&part[..count]);
    }
    stream
}

#[test]
fn a_reload_says_what_came_of_it_by_its_words_and_its_code() {
    let (folder, gateway, _) = shop("operate-reload", "", &[]);
    let (code, out, _) = run(folder.path(), &gateway, &["admin", "reload"]);
    assert_eq!((code, out.as_str()), (Some(0), "generation 1 is in effect: the configuration says the same\n"));
    let defaults = r#"{"Kind": "service-defaults", "Name": "web", "Protocol": "tcp", "MaxInboundConnections": 7}"#;
    std::fs::write(folder.path().join("gw.d/web.json"), defaults).expect("a file");
    let (code, out, _) = run(folder.path(), &gateway, &["admin", "reload", "-o", "json"]);
    let done: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    // Whoever saw the file first.
    assert!(code == Some(0) && ["changed", "same"].contains(&done["result"].as_str().unwrap_or_default()), "{out}");
    std::fs::write(folder.path().join("gw.d/web.json"), "{").expect("a file");
    let (code, out, err) = run(folder.path(), &gateway, &["admin", "reload"]);
    assert!(code == Some(3) && out.starts_with("refused, generation ") && out.contains("web.json"), "{code:?} {out} {err}");
    assert!(err.contains("nothing has changed"), "{err}");
}

#[test]
fn a_drain_that_is_typed_waits_for_the_end_of_the_gateway() {
    let (folder, gateway, port) = shop("operate-drain", "", &["--drain-time", "600s"]);
    let stream = open(port);
    let (code, out, err) = run(folder.path(), &gateway, &["admin", "drain", "--timeout", "200ms"]);
    assert_eq!((code, out.as_str(), err.as_str()), (Some(0), "drained\n", ""));
    drop(stream);
    let (code, _, err) = run(folder.path(), &gateway, &["admin", "drain"]);
    assert!(code == Some(4) && err.contains("no gateway answers"), "{code:?} {err}");
    assert_eq!(gateway.end(), Some(0), "it had ended well");
}

#[test]
fn a_stop_that_is_typed_ends_a_gateway_at_once_and_well() {
    let (folder, gateway, port) = shop("operate-stop", "", &["--drain-time", "600s"]);
    let _stream = open(port);
    let (code, out, _) = run(folder.path(), &gateway, &["admin", "stop", "-o", "json"]);
    assert!(code == Some(0) && out.contains("\"gw.stop/v1\""), "{out}");
    assert_eq!(gateway.end(), Some(0));
}

#[test]
fn what_is_logged_changes_while_the_gateway_runs() {
    let (folder, port, closed) = (scratch_with("operate-log", &[]), free_port(), free_port());
    let (listen, route) = (port.to_string(), format!("/=http://127.0.0.1:{closed}"));
    let gateway = Gateway::start(&["ingress", "--listen", &listen, "--route", &route], folder.path());
    let log = |args: &[&str]| run(folder.path(), &gateway, &[&["admin", "log"], args].concat());
    let fails = || assert_eq!(curl(&format!("http://127.0.0.1:{port}/")), "gw connect_failed");
    assert_eq!(log(&[]).1, "info\n");
    fails();
    assert!(!gateway.said().contains("no connection"), "{}", gateway.said());
    assert_eq!((log(&["gw=trace,debug"]).1, log(&[]).1), ("gw=trace,debug\n".to_owned(), "gw=trace,debug\n".to_owned()));
    let start = std::time::Instant::now();
    while !gateway.said().contains("no connection") {
        assert!(start.elapsed().as_secs() < 20, "nothing is said: {}", gateway.said());
        fails();
    }
    let (code, _, err) = log(&["loud"]);
    assert!(code == Some(2) && err.contains("is no level"), "{code:?} {err}");
    assert_eq!(log(&[]).1, "gw=trace,debug\n");
}

#[test]
fn off_loopback_the_admin_listener_wants_a_token_and_gw_shows_it() {
    let folder = scratch_with("operate-token", &[("token", "0123456789abcdef\n"), ("short", "x\n")]);
    let port = free_port();
    let listen = format!("--listen={port}");
    let start = |more: &[&str]| {
        let args = [&["ingress", &listen, "--admin-bind", "0.0.0.0:0"], more].concat();
        let output = gw(&args).current_dir(folder.path()).output().expect("gw runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, err) = start(&[]);
    assert!(code == Some(1) && err.contains("--admin-token-file"), "{code:?} {err}");
    let (code, err) = start(&["--admin-token-file", "short"]);
    assert!(code == Some(3) && err.contains("shorter than 16"), "{code:?} {err}");
    let gateway = Gateway::start_at(&["ingress", &listen, "--admin-token-file", "token"], folder.path(), "0.0.0.0:0");
    let admin = format!("127.0.0.1:{}", gateway.admin.port());
    assert_eq!(curl(&format!("http://{admin}/ready")), "LIVE");
    assert!(curl(&format!("http://{admin}/v1/routes")).starts_with("show the token"));
    let ask = |token: Option<&str>| {
        let mut command = gw(&["inspect", "routes", "--admin", &admin]);
        if let Some(token) = token {
            command.env("GW_ADMIN_TOKEN_FILE", folder.path().join(token));
        }
        command.output().expect("gw runs").status.code()
    };
    assert_eq!((ask(Some("token")), ask(Some("short"))), (Some(0), Some(3)));
    assert_eq!(run(folder.path(), &gateway, &["admin", "log"]).0, Some(5));
}

#[test]
fn gw_toml_says_where_access_records_go_and_how_they_look() {
    let (folder, gateway, port) = shop("operate-records", "access_log = \"access.log\"\naccess_log_format = \"text\"", &[]);
    drop(open(port));
    assert_eq!(gateway.end(), Some(0));
    let text = std::fs::read_to_string(folder.path().join("access.log")).expect("the file of records");
    assert!(text.starts_with('[') && text.contains("] \"- - -\" 0 ") && text.trim_end().ends_with("Listeners[0].Services[0]\""), "{text}");
}

#[test]
fn metrics_are_told_alone_where_that_is_asked_for() {
    let port = free_port();
    let (_folder, gateway, listener) = shop("operate-metrics", "", &["--metrics-bind", &format!("127.0.0.1:{port}")]);
    drop(open(listener));
    assert!(gateway.said().contains(&format!("metrics on http://127.0.0.1:{port}/metrics")), "{}", gateway.said());
    assert!(curl(&format!("http://127.0.0.1:{port}/metrics")).contains("gw_connections_total{gateway=\"edge\""));
}

/// A gateway whose entries have records written, with more of `AccessLogs`.
fn recorded_by_entries(name: &str, logs: &str, args: &[&str]) -> (Scratch, Option<i32>, String) {
    let (port, address) = (free_port(), backend("web"));
    let edge =
        format!("Kind = \"ingress-gateway\"\nName = \"edge\"\nListeners = [{{ Port = {port}, Services = [{{ Name = \"web\" }}] }}]\n");
    let file = format!(
        "entries = [\"gw.d\"]\n[[gateway]]\nkind = \"ingress\"\nname = \"edge\"\n[[service]]\nname = \"web\"\n[[service.instance]]\naddress = \"{address}\"\n"
    );
    let defaults = format!("Kind = \"proxy-defaults\"\nName = \"global\"\nAccessLogs = {{ Enabled = true, {logs} }}\n");
    let folder = scratch_with(name, &[("gw.toml", &file), ("gw.d/edge.hcl", &edge), ("gw.d/defaults.hcl", &defaults)]);
    let gateway = Gateway::start(&[&["run", "-c", "gw.toml"], args].concat(), folder.path());
    drop(open(port));
    let said = gateway.said();
    (folder, gateway.end(), said)
}

#[test]
fn proxy_defaults_say_where_access_records_go_where_nobody_else_does() {
    let path = std::env::temp_dir().join(format!("gw-access-logs-{}.log", std::process::id()));
    let logs = format!("Type = \"file\", Path = \"{}\"", path.display());
    let (_folder, code, _) = recorded_by_entries("operate-defaults", &logs, &[]);
    let text = std::fs::read_to_string(&path).expect("the file of records");
    drop(std::fs::remove_file(&path));
    let record: serde_json::Value = serde_json::from_str(text.lines().next().expect("a record")).expect("JSON");
    assert_eq!((code, record["code"].as_str()), (Some(0), Some("ok")), "{text}");
    // A flag wins, and what stands in the entry is not even opened.
    let (folder, code, _) = recorded_by_entries("operate-defaults-flag", &logs, &["--access-log", "own.log"]);
    assert!(code == Some(0) && folder.path().join("own.log").exists() && !path.exists());
}

#[test]
fn a_format_of_proxy_defaults_that_gw_does_not_write_is_told_and_text_stays_text() {
    let (_folder, code, said) = recorded_by_entries("operate-format", "Type = \"stderr\", TextFormat = \"%PROTOCOL%\"", &[]);
    assert_eq!(code, Some(0));
    assert!(said.contains("AccessLogs.TextFormat") && said.contains("GW0313"), "{said}");
}

/// What a command prints to stdout until it ends, and its exit code; `signal` is sent when it has printed something.
fn watched(args: &[&str], signal: Option<&str>) -> (Option<i32>, String) {
    let mut child = gw(args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("gw runs");
    let mut out = String::new();
    let mut stdout = child.stdout.take().expect("a pipe");
    if let Some(signal) = signal {
        let mut first = [0; 1];
        stdout.read_exact(&mut first).expect("it prints");
        out.push(first[0].into());
        let id = child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().expect("kill").success());
    }
    stdout.read_to_string(&mut out).expect("a text");
    (child.wait().expect("it ends").code(), out)
}

/// Asks again and again until told to stop.
fn load(port: u16) -> (std::thread::JoinHandle<u64>, std::sync::Arc<std::sync::atomic::AtomicBool>) {
    let stop = std::sync::Arc::<std::sync::atomic::AtomicBool>::default();
    let stopped = stop.clone();
    let asking = std::thread::spawn(move || {
        let mut asked = 0;
        while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
            drop(open(port));
            asked += 1;
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        asked
    });
    (asking, stop)
}

#[test]
fn what_passes_is_watched_as_one_types_it_until_there_was_enough_or_ctrl_c() {
    let (_folder, gateway, port) = http("operate-tap", &[]);
    let admin = gateway.admin.to_string();
    let (asking, stop) = load(port);
    let tap = |args: &[&str], signal| watched(&[&["inspect", "tap", "--admin", &admin], args].concat(), signal);
    let (code, out) = tap(&["--limit", "3"], None);
    assert!(code == Some(0) && out.lines().count() == 3, "{code:?} {out}");
    assert!(out.lines().all(|line| line.contains(" GET a/ 200 ok ") && line.contains(" -> web web-1 ")), "{out}");
    let (code, out) = tap(&["-o", "jsonl", "--service", "web"], Some("-INT"));
    let first: serde_json::Value = serde_json::from_str(out.lines().next().expect("a line")).expect("JSON");
    assert_eq!((code, first["event"].as_str()), (Some(0), Some("begins")));
    assert_eq!(tap(&["--status", "5xx", "--for", "300ms"], None), (Some(0), String::new()));
    assert_eq!(tap(&["--header", "authorization"], None).0, Some(2));
    assert_eq!(tap(&["--code", "nope"], None).0, Some(2));
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    asking.join().expect("it asked");
    let gone = std::thread::spawn(move || watched(&["inspect", "tap", "--admin", &admin, "-o", "jsonl"], None));
    while !curl(&format!("http://{}/metrics", gateway.admin)).contains("gw_taps_active 1\n") {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(gateway.end(), Some(0));
    assert_eq!(gone.join().expect("it ended").0, Some(4), "the gateway is gone");
}

/// A gateway that reads requests.
fn http(name: &str, args: &[&str]) -> (Scratch, Gateway, u16) {
    let (port, address) = (free_port(), backend("web"));
    let edge = format!(
        r#"{{"Kind": "ingress-gateway", "Name": "edge", "Listeners": [{{"Port": {port}, "Protocol": "http", "Services": [{{"Name": "web", "Hosts": ["*"]}}]}}]}}"#
    );
    let defaults = r#"{"Kind": "service-defaults", "Name": "web", "Protocol": "http"}"#;
    let file = format!(
        "entries = [\"gw.d\"]\n[[gateway]]\nkind = \"ingress\"\nname = \"edge\"\n[[service]]\nname = \"web\"\n[[service.instance]]\naddress = \"{address}\"\n"
    );
    let folder = scratch_with(name, &[("gw.toml", &file), ("gw.d/edge.json", &edge), ("gw.d/web.json", defaults)]);
    let gateway = Gateway::start(&[&["run", "-c", "gw.toml"], args].concat(), folder.path());
    (folder, gateway, port)
}

#[test]
fn what_top_tells_is_what_was_asked() {
    let (_folder, gateway, port) = http("operate-top", &[]);
    let admin = gateway.admin.to_string();
    drop(open(port));
    let (asking, stop) = load(port);
    let top = |args: &[&str], signal| watched(&[&["inspect", "top", "--admin", &admin], args].concat(), signal);
    let (code, out) = top(&["--once", "-o", "jsonl", "--interval", "500ms"], None);
    let told: serde_json::Value = serde_json::from_str(&out).expect("a line of JSON");
    assert_eq!((code, told["schema"].as_str(), told["rows"][0]["service"].as_str()), (Some(0), Some("gw.top/v1"), Some("web")));
    let (rate, p99) = (told["total"]["rate"].as_f64().unwrap_or_default(), told["rows"][0]["p99"].as_f64());
    assert!(rate > 1.0 && rate <= 200.0 && p99.is_some_and(|p99| p99 > 0.0), "{told}");
    let (code, out) = top(&["--once", "--interval", "200ms"], None);
    assert!(
        code == Some(0) && out.starts_with("LISTENER") && out.contains(" web ") && out.lines().last().is_some_and(|l| l.starts_with("all")),
        "{out}"
    );
    let (code, out) = top(&["-o", "jsonl", "--interval", "100ms"], Some("-TERM"));
    assert!(code == Some(0) && out.starts_with('{'), "{code:?} {out}");
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let asked = asking.join().expect("it asked");
    assert!(asked > 0);
    assert_eq!(top(&["--interval", "1ms"], None).0, Some(2));
    assert_eq!(gateway.end(), Some(0));
    assert_eq!(top(&["--once"], None).0, Some(4));
}
