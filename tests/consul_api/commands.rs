//! What commands say of a Consul that does not answer as it should, and how they end.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::Stdio;

use crate::fake::{FakeConsul, Fault};
use crate::support::{gw, scratch, scratch_with};

#[test]
fn a_change_that_consul_does_not_answer_in_time_ends_with_seven() {
    // Whoever connects is let in, and is never answered.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("an address").to_string();
    let folder = scratch_with("apply-late", &[("web.json", r#"{"Kind": "service-defaults", "Name": "web", "Protocol": "http"}"#)]);
    let output = gw(&["config", "apply", "web.json", "--http-addr", &address]).current_dir(folder.path()).output().expect("gw runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(7), 0), "{said}");
    assert!(said.contains(&format!("asked Consul at http://{address}")) && said.contains("20 s"), "{said}");
}

#[test]
fn a_first_sync_that_the_token_may_not_have_says_what_to_type() {
    for (text, why) in [("ACL not found", "Consul knows no such token"), ("Permission denied", "the token may not")] {
        let (fake, folder) = (FakeConsul::start(), scratch("sync-denied"));
        fake.fault(Fault::Status(403, text, ""));
        let args = ["ingress", "--service", "edge", "--admin-bind", "127.0.0.1:0", "--state-dir", "state"];
        let mut command = gw(&args);
        command.args(["--http-addr", &fake.address()]).current_dir(folder.path()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("gw starts");
        let lines = BufReader::new(child.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
        let mut said = Vec::new();
        let told = lines.inspect(|line| said.push(line.clone())).any(|line| {
            let all = [why, "gw config gen acl-policy --for ingress edge", "--token-file FILE or CONSUL_HTTP_TOKEN_FILE"];
            all.iter().all(|part| line.contains(part))
        });
        drop(child.kill());
        drop(child.wait());
        assert!(told, "{said:#?}");
    }
}
