//! `gw certs` as one types it, and what it makes in the eyes of openssl: read, verified, and spoken with in both versions of TLS.

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use support::{free_port, gw, scratch};

const TD: &str = "11111111-2222-3333-4444-555555555555.consul";
const LONG: Duration = Duration::from_secs(20);

fn run(folder: &Path, args: &[&str]) -> Output {
    gw(args).current_dir(folder).output().expect("gw runs")
}

#[track_caller]
fn expect(output: &Output, code: i32) -> (String, String) {
    let (out, err) = (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned());
    assert_eq!(output.status.code(), Some(code), "stdout:\n{out}\nstderr:\n{err}");
    (out, err)
}

/// What it prints; it must succeed.
#[track_caller]
fn ok(folder: &Path, args: &[&str]) -> String {
    expect(&run(folder, args), 0).0
}

/// openssl with words of a shell: its stdout and whether it succeeded.
fn openssl(folder: &Path, words: &str) -> (String, bool) {
    let output = Command::new("sh").arg("-c").arg(format!("openssl {words}")).current_dir(folder).output().expect("a shell");
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (text, output.status.success())
}

#[track_caller]
fn openssl_ok(folder: &Path, words: &str) -> String {
    let (text, good) = openssl(folder, words);
    assert!(good, "openssl {words}: {text}");
    text
}

fn id(service: &str) -> String {
    format!("spiffe://{TD}/ns/default/dc/dc1/svc/{service}")
}

/// A CA in `certs`.
fn mesh(name: &str, more: &[&str]) -> support::Scratch {
    let folder = scratch(name);
    ok(folder.path(), &[&["certs", "init", "--trust-domain", TD], more].concat());
    folder
}

fn verify(folder: &Path, file: &str, roots: &str, service: &str) -> Output {
    run(folder, &["certs", "verify", file, "--roots", roots, "--spiffe", &id(service)])
}

#[test]
fn a_ca_and_a_leaf_are_what_openssl_takes_and_consul_would_make() {
    let folder = mesh("certs-shape", &[]);
    assert_eq!(ok(folder.path(), &["certs", "issue", "web"]), "certs/web.pem\ncerts/web-key.pem\n");
    let text = openssl_ok(folder.path(), "verify -x509_strict -purpose sslserver -CAfile certs/ca.pem certs/web.pem");
    assert!(text.contains("web.pem: OK"), "{text}");
    openssl_ok(folder.path(), "verify -x509_strict -purpose sslclient -CAfile certs/ca.pem certs/web.pem");
    let text = openssl_ok(folder.path(), "x509 -in certs/web.pem -noout -text -certopt no_pubkey,no_sigdump");
    for part in [
        "Subject: \n",
        "Subject Alternative Name: critical",
        &format!("URI:{}", id("web")),
        "Digital Signature, Key Encipherment, Data Encipherment, Key Agreement",
        "TLS Web Client Authentication, TLS Web Server Authentication",
        "CA:FALSE",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let field = |file: &str, ext: &str| openssl_ok(folder.path(), &format!("x509 -in certs/{file}.pem -noout -ext {ext}"));
    let digest = openssl_ok(folder.path(), "x509 -in certs/web.pem -noout -pubkey | openssl pkey -pubin -outform der | openssl sha256 -r");
    let ski = field("web", "subjectKeyIdentifier").lines().nth(1).unwrap_or_default().replace(':', "").trim().to_lowercase();
    assert!(digest.starts_with(&ski) && ski.len() == 64, "{digest} {ski}");
    let key_id = |text: String| text.lines().nth(1).unwrap_or_default().trim().trim_start_matches("keyid:").to_owned();
    assert_eq!(key_id(field("web", "authorityKeyIdentifier")), key_id(field("ca", "subjectKeyIdentifier")));
    let text = openssl_ok(folder.path(), "x509 -in certs/ca.pem -noout -text");
    for part in ["CA:TRUE", "Digital Signature, Certificate Sign, CRL Sign", &format!("URI:spiffe://{TD}"), "NIST CURVE: P-256"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(
        openssl_ok(folder.path(), "pkey -in certs/web-key.pem -pubout"),
        openssl_ok(folder.path(), "x509 -in certs/web.pem -noout -pubkey")
    );
}

#[test]
fn keys_are_for_their_owner_alone_and_nothing_is_overwritten_unasked() {
    let folder = mesh("certs-files", &[]);
    ok(folder.path(), &["certs", "issue", "web"]);
    let mode = |file: &str| std::fs::metadata(folder.path().join("certs").join(file)).expect("a file").permissions().mode() & 0o777;
    assert_eq!((mode("ca-key.pem"), mode("web-key.pem"), mode("ca.pem"), mode("web.pem")), (0o600, 0o600, 0o644, 0o644));
    let read = |file: &str| std::fs::read(folder.path().join("certs").join(file)).expect("a file");
    let before = [read("ca.pem"), read("ca-key.pem"), read("web.pem"), read("web-key.pem")];
    for args in [&["certs", "init"][..], &["certs", "issue", "web"]] {
        let (_, err) = expect(&run(folder.path(), args), 8);
        assert!(err.contains("exists and is not overwritten: --force does it"), "{err}");
    }
    assert_eq!(before, [read("ca.pem"), read("ca-key.pem"), read("web.pem"), read("web-key.pem")]);
    ok(folder.path(), &["certs", "issue", "web", "--force"]);
    assert_ne!(before[2], read("web.pem"));
    let left: Vec<_> = std::fs::read_dir(folder.path().join("certs")).expect("a folder").flatten().map(|f| f.file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().ends_with(".tmp")), "{left:?}");
}

#[test]
fn of_several_runs_at_once_one_issues_and_what_it_wrote_fits() {
    let folder = mesh("certs-at-once", &[]);
    let start = || {
        let mut command = gw(&["certs", "issue", "web"]);
        command.current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("gw starts")
    };
    let running: Vec<Child> = (0..8).map(|_| start()).collect();
    let mut codes: Vec<Option<i32>> = running.into_iter().map(|mut child| child.wait().expect("gw ends").code()).collect();
    codes.sort_unstable();
    assert_eq!(codes, [&[Some(0)][..], &[Some(8); 7]].concat());
    let public = openssl_ok(folder.path(), "pkey -in certs/web-key.pem -pubout");
    assert_eq!(public, openssl_ok(folder.path(), "x509 -in certs/web.pem -noout -pubkey"));
}

#[test]
fn what_means_nothing_is_refused_with_what_is_wanted() {
    let folder = mesh("certs-usage", &[]);
    for (args, code, words) in [
        (&["certs", "issue", "../web"][..], 2, "a file cannot be called so"),
        (&["certs", "issue", "ca"], 2, "the CA's own files"),
        (&["certs", "issue", "web-key"], 2, "NAME-key.pem is where a key is"),
        (&["certs", "issue", "web", "--ttl", "soon"], 2, "ttl"),
        (&["certs", "issue", "web", "--san", "no/host"], 2, "neither a host name nor an address"),
        (&["certs", "issue", "web", "--trust-domain", "other.consul"], 2, "nobody trusts it for other.consul"),
        (&["certs", "issue", "web", "--dir", "elsewhere"], 6, "gw certs init makes one"),
        (&["certs", "init", "--dir", "x", "--trust-domain", "a b"], 2, "is no trust domain"),
        (&["certs", "needs-renewal", "certs/none.pem"], 3, "none.pem"),
        (&["certs", "needs-renewal", "certs/ca.pem", "--at", "66"], 2, "such as 66%"),
        (&["certs", "verify", "certs/ca.pem", "--roots", "certs/ca.pem"], 2, "--spiffe"),
        (&["certs", "verify", "certs/ca.pem", "--roots", "certs/ca.pem", "--spiffe", "web"], 2, "is no id of a service"),
        (&["certs", "rotate", "--finish"], 8, "no rotation has begun"),
        (&["certs", "inspect", "127.0.0.1:1"], 4, "cannot look at 127.0.0.1:1"),
    ] {
        let (_, err) = expect(&run(folder.path(), args), code);
        assert!(err.contains(words), "{args:?}: {err}");
    }
    assert!(!folder.path().join("elsewhere").exists(), "what cannot be done leaves nothing behind");
}

#[test]
fn a_name_that_a_path_cannot_carry_is_encoded_in_the_id() {
    let folder = mesh("certs-encoded", &[]);
    ok(folder.path(), &["certs", "issue", "my web", "--datacenter", "dc/2"]);
    let text = openssl_ok(folder.path(), "x509 -in 'certs/my web.pem' -noout -ext subjectAltName");
    assert!(text.contains(&format!("URI:spiffe://{TD}/ns/default/dc/dc%2F2/svc/my%20web")), "{text}");
}

#[test]
fn certificates_of_agents_and_of_hosts_are_as_consul_tls_makes_them() {
    let folder = mesh("certs-kinds", &["--datacenter", "dc7"]);
    ok(folder.path(), &["certs", "issue", "s1", "--kind", "server"]);
    ok(folder.path(), &["certs", "issue", "c1", "--kind", "client", "--datacenter", "dc8"]);
    ok(folder.path(), &["certs", "issue", "shop.test", "--kind", "dns", "--san", "*.shop.test", "--san", "192.0.2.7"]);
    let names = |file: &str| openssl_ok(folder.path(), &format!("x509 -in certs/{file}.pem -noout -ext subjectAltName,extendedKeyUsage"));
    let server = names("s1");
    assert!(server.contains("DNS:server.dc7.consul, DNS:s1.server.dc7.consul, DNS:localhost, IP Address:127.0.0.1"), "{server}");
    assert!(server.contains("Client Auth") && server.contains("Server Auth"), "{server}");
    let client = names("c1");
    assert!(client.contains("DNS:client.dc8.consul, DNS:localhost, IP Address:127.0.0.1"), "{client}");
    let host = names("shop.test");
    assert!(host.contains("DNS:shop.test, DNS:*.shop.test, IP Address:192.0.2.7") && !host.contains("Client Auth"), "{host}");
    for (file, name) in [("s1", "s1.server.dc7.consul"), ("shop.test", "www.shop.test"), ("shop.test", "192.0.2.7")] {
        let file = format!("certs/{file}.pem");
        ok(folder.path(), &["certs", "verify", &file, "--roots", "certs/ca.pem", "--dns", name]);
    }
    let no = run(folder.path(), &["certs", "verify", "certs/shop.test.pem", "--roots", "certs/ca.pem", "--dns", "else.test"]);
    assert!(expect(&no, 1).1.contains("it is not for the host \"else.test\""));
}

#[test]
fn verify_says_yes_only_to_whom_the_mesh_would() {
    let (folder, other) = (mesh("certs-verify", &["--intermediate"]), mesh("certs-verify-other", &[]));
    ok(folder.path(), &["certs", "issue", "web"]);
    let (out, _) = expect(&verify(folder.path(), "certs/web.pem", "certs/ca.pem", "web"), 0);
    assert!(out.starts_with("trusted until 20"), "{out}");
    let no = |output: &Output, words: &str| {
        let (_, err) = expect(output, 1);
        assert!(err.contains(words), "{err}");
    };
    no(&verify(folder.path(), "certs/web.pem", "certs/ca.pem", "api"), "svc/api was expected");
    let foreign = other.path().join("certs/ca.pem");
    no(&verify(folder.path(), "certs/web.pem", foreign.to_str().expect("a path"), "web"), "no root that is trusted vouches for it");
    // The leaf alone, as a peer that forgets its intermediate sends it.
    openssl_ok(folder.path(), "x509 -in certs/web.pem -out alone.pem");
    no(&verify(folder.path(), "alone.pem", "certs/ca.pem", "web"), "have it sent along");
    let read = |file: &str| std::fs::read(folder.path().join("certs").join(file)).expect("a file");
    std::fs::write(folder.path().join("twice.pem"), [read("web.pem"), read("ca-intermediate.pem")].concat()).expect("a file");
    expect(&verify(folder.path(), "twice.pem", "certs/ca.pem", "web"), 0);
    openssl_ok(folder.path(), "verify -x509_strict -CAfile certs/ca.pem -untrusted certs/web.pem certs/web.pem");
}

#[test]
fn a_request_of_openssl_is_signed_and_its_key_stays_where_it_is() {
    let folder = mesh("certs-sign", &[]);
    for (kind, make) in [("ec", "-newkey ec -pkeyopt ec_paramgen_curve:P-256"), ("rsa", "-newkey rsa:2048"), ("ed", "-newkey ed25519")] {
        openssl_ok(folder.path(), &format!("req -new {make} -nodes -keyout {kind}-key.pem -subj / -out {kind}.csr"));
        let signed = ok(folder.path(), &["certs", "sign", &format!("{kind}.csr"), "--service", "web"]);
        std::fs::write(folder.path().join(format!("{kind}.pem")), signed).expect("a file");
        expect(&verify(folder.path(), &format!("{kind}.pem"), "certs/ca.pem", "web"), 0);
        let public = openssl_ok(folder.path(), &format!("pkey -in {kind}-key.pem -pubout"));
        assert_eq!(public, openssl_ok(folder.path(), &format!("x509 -in {kind}.pem -noout -pubkey")), "{kind}");
    }
    openssl_ok(folder.path(), "req -new -newkey rsa:1024 -nodes -keyout weak-key.pem -subj / -out weak.csr");
    let (_, err) = expect(&run(folder.path(), &["certs", "sign", "weak.csr", "--service", "web"]), 3);
    assert!(err.contains("the request is refused") && err.contains("RSA of 2048 bits and more"), "{err}");
    let asks = "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout x.pem -subj / -addext subjectAltName=DNS:bank.test -out asks.csr";
    openssl_ok(folder.path(), asks);
    let (_, err) = expect(&run(folder.path(), &["certs", "sign", "asks.csr", "--service", "web"]), 3);
    assert!(err.contains("asks for the name \"bank.test\""), "{err}");
}

#[test]
fn a_ca_from_outside_signs_whatever_its_key_is() {
    for (kind, make) in
        [("rsa", "-newkey rsa:2048"), ("ed25519", "-newkey ed25519"), ("p384", "-newkey ec -pkeyopt ec_paramgen_curve:P-384")]
    {
        let folder = scratch(&format!("certs-outside-{kind}"));
        std::fs::create_dir(folder.path().join("certs")).expect("a folder");
        let usage = "-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign";
        let subject = "-subj '/C=DE/O=Some Org/OU=One/CN=Outside Root'";
        openssl_ok(
            folder.path(),
            &format!("req -x509 -days 30 {make} -nodes -keyout certs/ca-key.pem -out certs/ca.pem {subject} {usage}"),
        );
        if kind == "rsa" {
            // As older tools write it: PKCS #1.
            openssl_ok(folder.path(), "rsa -in certs/ca-key.pem -traditional -out certs/ca-key.pem");
        }
        let (_, err) = expect(&run(folder.path(), &["certs", "issue", "web"]), 2);
        assert!(err.contains("--trust-domain says which it is"), "{err}");
        ok(folder.path(), &["certs", "issue", "web", "--trust-domain", TD]);
        expect(&verify(folder.path(), "certs/web.pem", "certs/ca.pem", "web"), 0);
        openssl_ok(folder.path(), "verify -x509_strict -CAfile certs/ca.pem certs/web.pem");
    }
}

#[test]
fn what_is_renewed_has_the_same_names_and_life_and_another_key() {
    let folder = mesh("certs-renew", &[]);
    ok(folder.path(), &["certs", "issue", "web", "--ttl", "24h"]);
    ok(folder.path(), &["certs", "issue", "shop.test", "--kind", "dns"]);
    assert_eq!(ok(folder.path(), &["certs", "renew"]), "", "nothing is old");
    assert_eq!(run(folder.path(), &["certs", "needs-renewal", "certs/web.pem", "--at", "66%"]).status.code(), Some(1));
    assert_eq!(run(folder.path(), &["certs", "needs-renewal", "certs/web.pem", "--at", "0%"]).status.code(), Some(0));
    let read = |file: &str| std::fs::read(folder.path().join("certs").join(file)).expect("a file");
    let (cert, key, host) = (read("web.pem"), read("web-key.pem"), read("shop.test.pem"));
    assert_eq!(ok(folder.path(), &["certs", "renew", "web", "--at", "0%"]), "certs/web.pem\ncerts/web-key.pem\n");
    assert!(cert != read("web.pem") && key != read("web-key.pem") && host == read("shop.test.pem"));
    expect(&verify(folder.path(), "certs/web.pem", "certs/ca.pem", "web"), 0);
    let listed: serde_json::Value = serde_json::from_str(&ok(folder.path(), &["certs", "list", "-o", "json"])).expect("JSON");
    let names: Vec<&str> = listed["leaves"].as_array().expect("leaves").iter().filter_map(|leaf| leaf["name"].as_str()).collect();
    assert_eq!(names, ["shop.test", "web"]);
    assert_eq!(listed["leaves"][1]["spiffe_id"], id("web"));
    let still = openssl_ok(folder.path(), "x509 -in certs/web.pem -noout -checkend 86000");
    assert!(still.contains("will not expire"), "{still}");
    assert!(!openssl(folder.path(), "x509 -in certs/web.pem -noout -checkend 86500").1, "24h and no longer");
}

#[test]
fn the_cas_own_files_are_never_overwritten_by_a_leaf() {
    let folder = mesh("certs-renew-ca", &["--intermediate"]);
    ok(folder.path(), &["certs", "issue", "web"]);
    let files = ["ca.pem", "ca-key.pem", "ca-intermediate.pem", "ca-intermediate-key.pem"];
    let read = || files.map(|file| std::fs::read(folder.path().join("certs").join(file)).expect("a file"));
    let before = read();
    for name in ["ca", "ca-cross", "ca-new", "ca-old"] {
        let (_, err) = expect(&run(folder.path(), &["certs", "renew", "web", name, "--at", "0%"]), 2);
        assert!(err.contains("the CA's own files") && err.contains("gw certs rotate"), "{err}");
    }
    expect(&run(folder.path(), &["certs", "renew", "../certs/web", "--at", "0%"]), 2);
    // Whatever another CA is called.
    std::fs::copy(folder.path().join("certs/ca.pem"), folder.path().join("certs/mine.pem")).expect("a copy");
    std::fs::copy(folder.path().join("certs/ca-key.pem"), folder.path().join("certs/mine-key.pem")).expect("a copy");
    let (_, err) = expect(&run(folder.path(), &["certs", "renew", "mine", "--at", "0%"]), 2);
    assert!(err.contains("mine.pem is the certificate of a CA"), "{err}");
    assert_eq!(read(), before);
    assert_eq!(std::fs::read(folder.path().join("certs/mine.pem")).expect("a file"), before[0]);
}

#[test]
fn a_leaf_that_cannot_be_renewed_keeps_no_other_from_it() {
    let folder = mesh("certs-renew-bad", &[]);
    for name in ["a", "c"] {
        ok(folder.path(), &["certs", "issue", name]);
    }
    let at = |file: &str| folder.path().join("certs").join(file);
    std::fs::write(at("b.pem"), "no certificate").expect("a file");
    std::fs::write(at("b-key.pem"), "no key").expect("a file");
    let output = run(folder.path(), &["certs", "renew", "--at", "0%", "--exec", "echo \"$GW_RENEWED\" > told"]);
    let (out, err) = expect(&output, 6);
    assert_eq!(out, "certs/a.pem\ncerts/a-key.pem\ncerts/c.pem\ncerts/c-key.pem\n");
    assert!(err.contains("b.pem is no certificate: gw certs issue b makes one"), "{err}");
    assert_eq!(std::fs::read_to_string(folder.path().join("told")).expect("a file"), out);
}

#[test]
fn a_ca_of_the_same_name_with_another_key_is_another_ca() {
    let folder = scratch("certs-same-name");
    std::fs::create_dir(folder.path().join("certs")).expect("a folder");
    let make = || {
        let usage = "-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign";
        let out = "-keyout certs/ca-key.pem -out certs/ca.pem -subj '/CN=Our Root'";
        openssl_ok(folder.path(), &format!("req -x509 -days 30 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes {out} {usage}"));
    };
    make();
    ok(folder.path(), &["certs", "issue", "web", "--trust-domain", TD]);
    assert_eq!(ok(folder.path(), &["certs", "renew"]), "");
    make();
    assert_eq!(ok(folder.path(), &["certs", "renew"]), "certs/web.pem\ncerts/web-key.pem\n");
    expect(&verify(folder.path(), "certs/web.pem", "certs/ca.pem", "web"), 0);
}

#[test]
fn the_ca_below_the_root_is_renewed_as_a_ca_and_its_leaves_after_it() {
    let folder = mesh("certs-renew-below", &["--intermediate"]);
    ok(folder.path(), &["certs", "issue", "web"]);
    assert_eq!(ok(folder.path(), &["certs", "renew", "ca-intermediate"]), "", "it is not old");
    std::fs::copy(folder.path().join("certs/web.pem"), folder.path().join("old.pem")).expect("a copy");
    let written = ok(folder.path(), &["certs", "renew", "ca-intermediate", "--at", "0%"]);
    assert_eq!(written, "certs/ca-intermediate-key.pem\ncerts/ca-intermediate.pem\n");
    let text = openssl_ok(folder.path(), "x509 -in certs/ca-intermediate.pem -noout -text");
    assert!(text.contains("CA:TRUE"), "{text}");
    assert_eq!(ok(folder.path(), &["certs", "renew"]), "certs/web.pem\ncerts/web-key.pem\n");
    for leaf in ["certs/web.pem", "old.pem"] {
        expect(&verify(folder.path(), leaf, "certs/ca.pem", "web"), 0);
    }
    let alone = mesh("certs-renew-no-below", &[]);
    assert!(expect(&run(alone.path(), &["certs", "renew", "ca-intermediate"]), 6).1.contains("signed by the root"));
    assert!(!alone.path().join("certs/ca-intermediate.pem").exists());
}

/// A process that is killed when it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < LONG, "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_daemon_renews_what_is_due_and_tells_a_command() {
    let folder = mesh("certs-daemon", &[]);
    ok(folder.path(), &["certs", "issue", "web", "--ttl", "4s"]);
    let read = || std::fs::read(folder.path().join("certs/web.pem")).expect("a file");
    let first = read();
    let exec = "printf '%s\\n' \"$GW_RENEWED\" >> told";
    let child = gw(&["certs", "renew", "--daemon", "--exec", exec]).current_dir(folder.path()).stdout(Stdio::null()).spawn();
    let _running = Running(child.expect("gw starts"));
    let told = || std::fs::read_to_string(folder.path().join("told")).unwrap_or_default();
    eventually("it tells of two renewals", || told().matches("certs/web.pem").count() >= 2);
    assert_ne!(first, read());
    assert!(told().contains("certs/web-key.pem"));
}

#[test]
fn a_rotation_is_begun_carried_out_and_ended_and_both_sides_verify_on_the_way() {
    for intermediate in [&[][..], &["--intermediate"]] {
        let folder = mesh(&format!("certs-rotate-{}", intermediate.len()), intermediate);
        let at = |file: &str| folder.path().join(file);
        ok(folder.path(), &["certs", "issue", "web"]);
        std::fs::copy(at("certs/ca.pem"), at("old-ca.pem")).expect("a copy");
        std::fs::copy(at("certs/web.pem"), at("old-web.pem")).expect("a copy");
        ok(folder.path(), &["certs", "rotate"]);
        assert!(expect(&run(folder.path(), &["certs", "rotate"]), 8).1.contains("has begun already"));
        assert!(expect(&run(folder.path(), &["certs", "rotate", "--finish"]), 8).1.contains("gw certs renew"));
        assert_eq!(ok(folder.path(), &["certs", "renew"]), "certs/web.pem\ncerts/web-key.pem\n");
        // Whoever has only the old bundle trusts the new leaf, whoever has the new one the old leaf.
        for (leaf, roots) in [("certs/web.pem", "old-ca.pem"), ("old-web.pem", "certs/ca.pem"), ("certs/web.pem", "certs/ca.pem")] {
            expect(&verify(folder.path(), leaf, roots, "web"), 0);
            openssl_ok(folder.path(), &format!("verify -CAfile {roots} -untrusted {leaf} {leaf}"));
        }
        let (_, err) = expect(&run(folder.path(), &["certs", "rotate", "--finish"]), 0);
        assert!(err.contains("the rotation is over"), "{err}");
        expect(&verify(folder.path(), "certs/web.pem", "certs/ca.pem", "web"), 0);
        expect(&verify(folder.path(), "old-web.pem", "certs/ca.pem", "web"), 1);
        assert!(!at("certs/ca-old-key.pem").exists() && !at("certs/ca-cross.pem").exists());
        ok(folder.path(), &["certs", "issue", "api"]);
        expect(&verify(folder.path(), "certs/api.pem", "certs/ca.pem", "api"), 0);
    }
}

#[test]
fn a_rotation_that_died_at_any_point_is_taken_up_and_the_old_roots_key_is_kept() {
    for intermediate in [&[][..], &["--intermediate"]] {
        let folder = mesh(&format!("certs-half-{}", intermediate.len()), intermediate);
        ok(folder.path(), &["certs", "issue", "web"]);
        let certs = folder.path().join("certs");
        let read = |file: &str| std::fs::read(certs.join(file)).expect("a file");
        let put = |file: &str, bytes: &[u8]| std::fs::write(certs.join(file), bytes).expect("a file");
        let names = ["ca.pem", "ca-key.pem", "ca-intermediate.pem", "ca-intermediate-key.pem", "web.pem", "web-key.pem"];
        let before: Vec<(&str, Vec<u8>)> = names.into_iter().filter(|f| certs.join(f).exists()).map(|f| (f, read(f))).collect();
        std::fs::copy(certs.join("ca.pem"), folder.path().join("old-ca.pem")).expect("a copy");
        std::fs::copy(certs.join("web.pem"), folder.path().join("old-web.pem")).expect("a copy");
        ok(folder.path(), &["certs", "rotate"]);
        let mut steps = vec![("ca-new-key.pem", read("ca-key.pem"))];
        let written = ["ca.pem", "ca-cross.pem", "ca-old-key.pem", "ca-key.pem", "ca-intermediate-key.pem", "ca-intermediate.pem"];
        steps.extend(written.into_iter().filter(|f| certs.join(f).exists()).map(|f| (f, read(f))));
        for died_after in 1..=steps.len() {
            std::fs::remove_dir_all(&certs).expect("a folder");
            std::fs::create_dir(&certs).expect("a folder");
            before.iter().chain(&steps[..died_after]).for_each(|(file, bytes)| put(file, bytes));
            expect(&run(folder.path(), &["certs", "rotate", "--finish"]), 8);
            ok(folder.path(), &["certs", "rotate"]);
            assert_eq!(read("ca-old-key.pem"), before[1].1, "{intermediate:?} {died_after}");
            assert_ne!(read("ca-key.pem"), before[1].1);
            assert!(!certs.join("ca-new-key.pem").exists());
            ok(folder.path(), &["certs", "renew"]);
            for (leaf, roots) in [("certs/web.pem", "old-ca.pem"), ("old-web.pem", "certs/ca.pem"), ("certs/web.pem", "certs/ca.pem")] {
                expect(&verify(folder.path(), leaf, roots, "web"), 0);
            }
            ok(folder.path(), &["certs", "rotate", "--finish"]);
            expect(&verify(folder.path(), "certs/web.pem", "certs/ca.pem", "web"), 0);
            expect(&verify(folder.path(), "old-web.pem", "certs/ca.pem", "web"), 1);
        }
    }
}

#[test]
fn an_end_of_a_rotation_that_died_at_any_point_is_taken_up() {
    for left in [&["ca-cross.pem", "ca-old-key.pem"][..], &["ca-old-key.pem"]] {
        let folder = mesh(&format!("certs-half-end-{}", left.len()), &[]);
        let at = |file: &str| folder.path().join("certs").join(file);
        ok(folder.path(), &["certs", "rotate"]);
        let kept: Vec<_> = left.iter().map(|file| (file, std::fs::read(at(file)).expect("a file"))).collect();
        ok(folder.path(), &["certs", "rotate", "--finish"]);
        kept.iter().for_each(|(file, bytes)| std::fs::write(at(file), bytes).expect("a file"));
        ok(folder.path(), &["certs", "rotate", "--finish"]);
        assert!(!at("ca-old-key.pem").exists() && !at("ca-cross.pem").exists());
        // Nor does what is left of a rotation that is over stand in the way of the next one.
        std::fs::write(at("ca-old-key.pem"), &kept.last().expect("a key").1).expect("a file");
        let signs = std::fs::read(at("ca-key.pem")).expect("a key");
        ok(folder.path(), &["certs", "rotate"]);
        assert_eq!(std::fs::read(at("ca-old-key.pem")).expect("a key"), signs);
    }
}

/// openssl as a server that wants a client's certificate of the mesh.
fn s_server(folder: &Path, port: u16, version: &str) -> Running {
    let chain = "-cert certs/web.pem -cert_chain certs/web.pem -key certs/web-key.pem";
    let words =
        format!("s_server -accept 127.0.0.1:{port} {chain} -CAfile certs/ca.pem -Verify 3 -verify_return_error {version} -www -quiet");
    let child = Command::new("openssl").args(words.split(' ')).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let running = Running(child.expect("openssl starts"));
    eventually("openssl listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    running
}

#[test]
fn openssl_speaks_mtls_with_what_is_issued_in_both_versions_and_in_a_rotation() {
    let folder = mesh("certs-mtls", &["--intermediate"]);
    ok(folder.path(), &["certs", "issue", "web"]);
    ok(folder.path(), &["certs", "issue", "api"]);
    let ask = |port: u16, who: &str| {
        let chain = format!("-cert {who}.pem -cert_chain {who}.pem -key {who}-key.pem");
        let client = format!("s_client -connect 127.0.0.1:{port} {chain} -CAfile certs/ca.pem -verify_return_error -quiet");
        let mut command = Command::new("openssl");
        let command = command.args(client.split(' ')).current_dir(folder.path());
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = Running(child.expect("openssl starts"));
        drop(child.0.stdin.as_mut().expect("a pipe").write_all(b"GET / HTTP/1.0\r\n\r\n"));
        let mut text = String::new();
        child.0.stdout.take().expect("a pipe").read_to_string(&mut text).expect("a text");
        text
    };
    let both = |who: &str, good: bool| {
        for version in ["-tls1_2", "-tls1_3"] {
            let port = free_port();
            let _server = s_server(folder.path(), port, version);
            let text = ask(port, who);
            assert_eq!(text.contains("HTTP/1.0 200 ok"), good, "{version} {who}: {text}");
        }
    };
    both("certs/api", true);
    std::fs::copy(folder.path().join("certs/api.pem"), folder.path().join("old.pem")).expect("a copy");
    std::fs::copy(folder.path().join("certs/api-key.pem"), folder.path().join("old-key.pem")).expect("a copy");
    ok(folder.path(), &["certs", "rotate"]);
    ok(folder.path(), &["certs", "renew"]);
    both("certs/api", true);
    both("old", true);
    ok(folder.path(), &["certs", "rotate", "--finish"]);
    both("certs/api", true);
    both("old", false);
}

#[test]
fn inspect_shows_a_file_a_pipe_and_a_server_and_says_what_is_wrong() {
    let folder = mesh("certs-inspect", &["--intermediate"]);
    ok(folder.path(), &["certs", "issue", "web"]);
    let shown: serde_json::Value =
        serde_json::from_str(&ok(folder.path(), &["certs", "inspect", "certs/web.pem", "-o", "json"])).expect("JSON");
    assert_eq!(shown["certificates"][0]["spiffe_id"], id("web"));
    assert_eq!((shown["certificates"][1]["ca"].as_bool(), shown["wrong"].as_array().map(Vec::len)), (Some(true), Some(0)));
    let sha = openssl_ok(folder.path(), "x509 -in certs/web.pem -noout -fingerprint -sha256").replace(':', "").to_lowercase();
    assert!(sha.trim().ends_with(shown["certificates"][0]["sha256"].as_str().expect("a digest")), "{sha}");

    let config = "certs/web.pem -cert_chain certs/ca-intermediate.pem -key certs/web-key.pem -alpn h2";
    let port = free_port();
    let words = format!("s_server -accept 127.0.0.1:{port} -cert {config} -quiet");
    let child =
        Command::new("openssl").args(words.split(' ')).current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let _server = Running(child.expect("openssl starts"));
    eventually("openssl listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    let server = format!("localhost:{port}");
    let shown = ok(folder.path(), &["certs", "inspect", &server, "--sni", "web.test", "--alpn", "h2", "-o", "json"]);
    let shown: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!((&shown["served"]["version"], &shown["served"]["alpn"]), (&"TLSv1_3".into(), &"h2".into()));
    assert_eq!(shown["certificates"][0]["spiffe_id"], id("web"));

    openssl_ok(folder.path(), "req -x509 -newkey rsa:1024 -nodes -keyout x.pem -subj /CN=old -out old.pem -days 1");
    let (_, err) = expect(&run(folder.path(), &["certs", "inspect", "old.pem"]), 1);
    assert!(err.contains("wrong: certificate 1: its key is RSA 1024"), "{err}");
}
