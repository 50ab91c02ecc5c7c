//! `gw admin`, and what a running gateway tells of itself, as one types it.

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Output;

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

/// A connection to the service that has had an answer.
fn open(port: u16) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the gateway listens");
    stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").expect("it takes it");
    assert!(stream.read(&mut [0; 1024]).expect("it answers") > 0);
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
