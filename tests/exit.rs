//! A terminating gateway beside openssl and curl, with leaves of `gw certs`.

#![allow(clippy::unwrap_used)]

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use support::{Gateway, Scratch, backend, curl, free_port, gw, scratch};

const TRUST_DOMAIN: &str = "11111111-2222-3333-4444-555555555555.consul";

fn name(service: &str) -> String {
    format!("{service}.default.dc1.internal.{TRUST_DOMAIN}")
}

/// A gateway that lets web get what is below /shop of the service `outside`.
fn exit(name: &str) -> (Scratch, Gateway, u16) {
    let web = r#"{"Name": "web", "Permissions": [{"Action": "allow", "HTTP": {"PathPrefix": "/shop", "Methods": ["GET"]}}]}"#;
    exit_to(name, backend("outside-1"), "http", web)
}

/// A gateway to the service `outside` there, with one source of its intention.
fn exit_to(name: &str, outside: SocketAddr, protocol: &str, source: &str) -> (Scratch, Gateway, u16) {
    let (folder, port) = (scratch(name), free_port());
    let at = folder.path();
    let toml = format!(
        "entries = [\"gw.d\"]\n[certs]\ndir = \"certs\"\n[[gateway]]\nkind = \"terminating\"\nname = \"exit\"\naddress = \"127.0.0.1:{port}\"\n\
         [[service]]\nname = \"outside\"\n[[service.instance]]\naddress = \"{outside}\"\n"
    );
    std::fs::create_dir(at.join("gw.d")).unwrap();
    std::fs::write(at.join("gw.toml"), toml).unwrap();
    let entries = format!(
        r#"[
        {{"Kind": "service-defaults", "Name": "outside", "Protocol": "{protocol}"}},
        {{"Kind": "terminating-gateway", "Name": "exit", "Services": [{{"Name": "outside"}}]}},
        {{"Kind": "service-intentions", "Name": "outside", "Sources": [{source}]}}
    ]"#
    );
    std::fs::write(at.join("gw.d/entries.json"), entries).unwrap();
    certs(at, &["init", "--trust-domain", TRUST_DOMAIN]);
    ["web", "other"].iter().for_each(|service| certs(at, &["issue", service]));
    let gateway = Gateway::start(&["terminating", "-c", "gw.toml"], at);
    (folder, gateway, port)
}

fn certs(at: &Path, args: &[&str]) {
    let output = gw(&[&["certs"], args].concat()).current_dir(at).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What openssl says of a connection, to which a request is sent.
fn s_client(at: &Path, port: u16, args: &[&str]) -> String {
    let mut client = Command::new("openssl");
    client.args(["s_client", "-connect", &format!("127.0.0.1:{port}"), "-CAfile", "certs/ca.pem", "-ign_eof"]).args(args);
    let mut child = client.current_dir(at).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // An end before that is one of the answers.
    let _ = stdin.write_all(b"GET /shop HTTP/1.1\r\nHost: outside\r\nConnection: close\r\n\r\n");
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

#[test]
fn openssl_is_let_in_with_a_leaf_of_the_mesh_in_either_version_and_not_without() {
    let (folder, gateway, port) = exit("interop-exit-openssl");
    let (at, outside) = (folder.path(), name("outside"));
    let as_web = ["-cert", "certs/web.pem", "-key", "certs/web-key.pem"];
    for version in ["-tls1_2", "-tls1_3"] {
        let said = s_client(at, port, &[&as_web[..], &["-servername", &outside, version]].concat());
        assert!(said.contains("outside-1 GET /shop"), "{version}: {said}");
        assert!(said.contains("Verify return code: 0 (ok)") || said.contains("Verification: OK"), "{version}: {said}");
        let said = s_client(at, port, &["-servername", &outside, version]);
        assert!(!said.contains("HTTP/1.1"), "no certificate, {version}: {said}");
        let said = s_client(at, port, &[&as_web[..], &["-servername", "outside", version]].concat());
        assert!(said.contains("no peer certificate available"), "wrong name, {version}: {said}");
    }
    let said = s_client(at, port, &[&as_web[..], &["-noservername"]].concat());
    assert!(said.contains("no peer certificate available"), "no name: {said}");
    assert_eq!(gateway.end(), Some(0));
}

/// A service that answers nothing, and counts its connections and their bytes.
fn counting() -> (SocketAddr, Arc<[AtomicUsize; 2]>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, counted) = (listener.local_addr().unwrap(), Arc::<[AtomicUsize; 2]>::default());
    let counts = counted.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            counts[0].fetch_add(1, Ordering::SeqCst);
            let mut bytes = [0; 1024];
            if let Ok(n) = stream.read(&mut bytes) {
                counts[1].fetch_add(n, Ordering::SeqCst);
            }
        }
    });
    (address, counted)
}

#[test]
fn of_what_openssl_sends_not_a_byte_arrives_unless_it_is_allowed() {
    let (outside, counted) = counting();
    let (folder, gateway, port) = exit_to("interop-exit-bytes", outside, "tcp", r#"{"Name": "web", "Action": "allow"}"#);
    let (at, name) = (folder.path(), name("outside"));
    certs(at, &["init", "--dir", "foreign", "--trust-domain", TRUST_DOMAIN]);
    certs(at, &["issue", "web", "--dir", "foreign"]);
    let counts = || [0, 1].map(|n| counted[n].load(Ordering::SeqCst));
    let other = ["-cert", "certs/other.pem", "-key", "certs/other-key.pem"];
    let foreign = ["-cert", "foreign/web.pem", "-key", "foreign/web-key.pem"];
    let web = ["-cert", "certs/web.pem", "-key", "certs/web-key.pem"];
    for version in ["-tls1_2", "-tls1_3"] {
        for (shown, why) in [(&other[..], "no intention allows it"), (&foreign, "of another CA"), (&[], "no certificate")] {
            s_client(at, port, &[shown, &["-servername", &name, version]].concat());
            assert_eq!(counts(), [0, 0], "{why}, {version}");
        }
        s_client(at, port, &[&web[..], &["-servername", "outside", version]].concat());
        assert_eq!(counts(), [0, 0], "a name of none of its services, {version}");
    }
    s_client(at, port, &[&web[..], &["-servername", &name]].concat());
    let [connections, bytes] = counts();
    assert!(connections == 1 && bytes > 0, "{connections} {bytes}");
    assert_eq!(gateway.end(), Some(0));
}

#[test]
fn curl_is_judged_by_who_it_is_and_by_method_and_path() {
    let (folder, gateway, port) = exit("interop-exit-curl");
    let outside = name("outside");
    let ask = |who: &str, args: &str, path: &str| {
        let certs = folder.path().join("certs");
        let shown = format!("--cert {0}/{who}.pem --key {0}/{who}-key.pem", certs.display());
        curl(&format!("-k --path-as-is {shown} --connect-to {outside}:443:127.0.0.1:{port} {args} https://{outside}{path}"))
    };
    assert_eq!(ask("web", "", "/shop/1"), "outside-1 GET /shop/1");
    assert_eq!(ask("web", "-X DELETE", "/shop/1"), "gw denied");
    assert_eq!(ask("web", "", "/admin"), "gw denied");
    assert_eq!(ask("web", "", "/shop/../admin"), "gw denied");
    assert_eq!(ask("other", "", "/shop/1"), "gw denied");
    assert_eq!(gateway.end(), Some(0));
}

#[test]
fn a_file_of_anchors_that_cannot_be_used_is_said_once_and_found_before() {
    let (folder, gateway, _) = exit("interop-exit-anchors");
    let (at, anchors) = (folder.path(), folder.path().join("nowhere.pem"));
    let entries = std::fs::read_to_string(at.join("gw.d/entries.json")).unwrap();
    let linked = format!("\"Services\": [{{\"Name\": \"outside\", \"CAFile\": \"{}\"}}]", anchors.display());
    std::fs::write(at.join("gw.d/entries.json"), entries.replace(r#""Services": [{"Name": "outside"}]"#, &linked)).unwrap();
    let what =
        format!("CAFile {0}: cannot read {0}: No such file or directory (os error 2); what needs it is not served yet", anchors.display());
    until(|| gateway.said().contains(&what), || gateway.said());
    let output = gw(&["config", "validate", "gw.toml"]).current_dir(at).output().unwrap();
    let found = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(found.contains(&what), "{found}");
    let changes = || gateway.said().matches("is in effect").count();
    let before = changes();
    std::fs::copy(at.join("certs/ca.pem"), &anchors).unwrap();
    until(|| changes() > before, || gateway.said());
    std::fs::write(&anchors, "nonsense").unwrap();
    until(|| gateway.said().contains("what it was before is still in use"), || gateway.said());
    assert_eq!(gateway.said().matches(&what).count(), 1, "{}", gateway.said());
    assert_eq!(gateway.end(), Some(0));
}

/// Waits for a condition.
#[track_caller]
fn until(mut holds: impl FnMut() -> bool, said: impl Fn() -> String) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(20), "never; it said:\n{}", said());
        std::thread::sleep(Duration::from_millis(10));
    }
}
