//! `gw wan-fed` as one types it: what is written and never overwritten, what is refused, and what is found at stand-ins that a file names.

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use support::{Scratch, free_port, gw, scratch, scratch_with};

fn run(folder: &Path, args: &str) -> Output {
    gw(&args.split_whitespace().collect::<Vec<_>>()).current_dir(folder).env_remove("CONSUL_HTTP_ADDR").output().expect("gw runs")
}

#[track_caller]
fn expect(output: &Output, code: i32) -> (String, String) {
    let (out, err) = (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned());
    assert_eq!(output.status.code(), Some(code), "stdout:\n{out}\nstderr:\n{err}");
    (out, err)
}

fn openssl(folder: &Path, args: &str) -> String {
    let output = Command::new("openssl").args(args.split(' ')).current_dir(folder).output().expect("openssl");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "openssl {args}: {said}");
    said
}

const PRIMARY: &str = "wan-fed init --role primary --dc dc1 --server s1=10.0.1.10 --server s2=10.0.1.11 --gateway-address 10.0.1.1:8443 \
                       --gateway-wan-address 192.0.2.1:8443 --out dc1";
const SECONDARY: &str = "wan-fed init --role secondary --dc dc2 --primary-dc dc1 --primary-gateway 192.0.2.1:8443 \
                         --gateway-address 10.0.2.1:8443 --gateway-wan-address 192.0.2.2:8443 --out dc2";

#[test]
fn init_writes_what_a_datacenter_needs_and_keys_are_its_owners() {
    let folder = scratch("wan-fed-init");
    let (out, _) = expect(&run(folder.path(), PRIMARY), 0);
    for path in out.lines() {
        let mode = std::fs::metadata(path).unwrap_or_else(|e| panic!("{path}: {e}")).permissions().mode() & 0o777;
        assert_eq!(mode, if path.ends_with("-key.pem") { 0o600 } else { 0o644 }, "{path}");
    }
    assert!(
        out.lines().any(|path| path.ends_with("dc1/s2.hcl")) && out.lines().any(|path| path.ends_with("dc1/proxy-defaults.hcl")),
        "{out}"
    );
    for node in ["s1", "s2"] {
        for name in ["server.dc1.consul".to_owned(), format!("{node}.server.dc1.consul")] {
            let verify = format!("verify -CAfile dc1/agent-ca.pem -purpose sslserver -verify_hostname {name} dc1/{node}.pem");
            openssl(folder.path(), &verify);
        }
        openssl(folder.path(), &format!("verify -CAfile dc1/agent-ca.pem -purpose sslclient dc1/{node}.pem"));
    }
    // The entry is one that Consul takes.
    expect(&run(folder.path(), "config validate dc1/proxy-defaults.hcl"), 0);
    let start = std::fs::read_to_string(folder.path().join("dc1/mesh-gateway.sh")).expect("a script");
    assert!(start.contains(" mesh --register --expose-servers --address 10.0.1.1:8443 --wan-address 192.0.2.1:8443"), "{start}");
}

#[test]
fn nothing_is_overwritten_without_force_and_the_ca_never() {
    let folder = scratch("wan-fed-force");
    expect(&run(folder.path(), PRIMARY), 0);
    let read = |name: &str| std::fs::read_to_string(folder.path().join("dc1").join(name)).expect("a file");
    let (ca, leaf) = (read("agent-ca/ca.pem"), read("s1.pem"));
    let (out, err) = expect(&run(folder.path(), PRIMARY), 8);
    assert!(out.is_empty() && err.contains("--force"), "{out}{err}");
    assert_eq!(read("s1.pem"), leaf);
    expect(&run(folder.path(), &format!("{PRIMARY} --force")), 0);
    assert!(read("s1.pem") != leaf && read("agent-ca/ca.pem") == ca && read("agent-ca.pem") == ca);
}

#[test]
fn a_secondary_is_certified_by_the_primarys_ca_in_whatever_form_that_is() {
    let folder = scratch("wan-fed-secondary");
    expect(&run(folder.path(), PRIMARY), 0);
    let (_, err) = expect(&run(folder.path(), SECONDARY), 2);
    assert!(err.contains("--ca DIR"), "{err}");
    expect(&run(folder.path(), &format!("{SECONDARY} --ca dc1/agent-ca")), 0);
    openssl(folder.path(), "verify -CAfile dc1/agent-ca.pem -verify_hostname dc2-s1.server.dc2.consul dc2/dc2-s1.pem");
    assert!(!folder.path().join("dc2/proxy-defaults.hcl").exists(), "entries come from the primary");

    // As `consul tls ca create` makes it: SEC1.
    openssl(folder.path(), "ecparam -name prime256v1 -genkey -noout -out consul-agent-ca-key.pem");
    openssl(folder.path(), "req -x509 -new -key consul-agent-ca-key.pem -days 30 -subj /CN=agents -out consul-agent-ca.pem");
    expect(
        &run(
            folder.path(),
            &format!("{SECONDARY} --force --ca-cert consul-agent-ca.pem --ca-key consul-agent-ca-key.pem --consul-version 1.8.7"),
        ),
        0,
    );
    openssl(folder.path(), "verify -CAfile consul-agent-ca.pem -verify_hostname dc2-s1.server.dc2.consul dc2/dc2-s1.pem");
    let config = std::fs::read_to_string(folder.path().join("dc2/dc2-s1.hcl")).expect("a file");
    assert!(config.contains("\nverify_server_hostname = true") && !config.contains("tls {"), "{config}");
}

#[test]
fn what_makes_no_federation_is_usage() {
    let folder = scratch("wan-fed-usage");
    for (args, word) in [
        ("wan-fed init", "--role primary"),
        ("wan-fed init --role primary --dc dc1", "--gateway-address"),
        ("wan-fed init --role secondary --dc dc2 --gateway-address 10.0.0.1:1", "--primary-dc"),
        ("wan-fed init --role primary --dc dc1 --gateway-address 10.0.0.1:1 --server a.b", "does not encode a datacenter"),
        ("wan-fed init --role primary --dc dc1 --gateway-address 10.0.0.1:1 --ca-cert x", "--ca-key"),
        ("wan-fed plan", "--http-addr"),
        ("wan-fed test --cert x", "--key"),
    ] {
        let (out, err) = expect(&run(folder.path(), args), 2);
        assert!(out.is_empty() && err.contains(word), "{args}: {err}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0, "nothing is written");
}

#[test]
fn a_plan_says_what_init_would_write_and_what_is_there() {
    let folder = scratch("wan-fed-plan");
    let plan = PRIMARY.replace("init", "plan");
    let steps = |folder: &Scratch| {
        let (out, _) = expect(&run(folder.path(), &format!("{plan} -o json")), 1);
        let plan: Value = serde_json::from_str(&out).expect("JSON");
        assert_eq!(plan["schema"], "gw.wan-fed-plan/v1");
        plan["steps"].as_array().expect("steps").clone()
    };
    assert!(steps(&folder).iter().all(|step| step["done"] == false) && !folder.path().join("dc1").exists());
    expect(&run(folder.path(), PRIMARY), 0);
    let after = steps(&folder);
    let done: Vec<&str> = after.iter().filter(|step| step["done"] == true).filter_map(|step| step["what"].as_str()).collect();
    assert!(done.len() == 10 && done.iter().any(|what| what.starts_with("dc1/s2-key.pem")), "{done:#?}");
    assert!(after.iter().any(|step| step["what"] == "server s1 of dc1 runs"));
}

#[test]
fn where_nothing_can_be_reached_that_is_another_exit_than_where_something_is_wrong() {
    let folder = scratch("wan-fed-nothing");
    let nobody = format!("127.0.0.1:{}", free_port());
    for verb in ["status", "test", "plan"] {
        let (_, err) = expect(&run(folder.path(), &format!("wan-fed {verb} --http-addr {nobody}")), 4);
        assert!(err.contains("error: "), "{verb}: {err}");
    }
}

/// What answers at an address: a mesh gateway that knows no name, or something else.
fn stand_in(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            drop(stream.read(&mut [0; 4096]));
            drop(stream.write_all(answer));
        }
    });
    address
}

fn files(name: &str, gateways: &[SocketAddr]) -> Scratch {
    let gateways: Vec<String> = gateways.iter().map(|at| format!("\"{at}\"")).collect();
    let own = stand_in(b"");
    let text = format!(
        "[[gateway]]\nkind = \"mesh\"\naddress = \"{own}\"\n\n[[datacenter]]\nname = \"dc1\"\nown = true\n\n[[datacenter]]\nname = \"dc2\"\ngateways = [{}]\n",
        gateways.join(", ")
    );
    scratch_with(name, &[("gw.toml", &text)])
}

#[test]
fn the_gateways_that_a_file_names_are_probed() {
    let closes = stand_in(b"");
    let folder = files("wan-fed-files", &[closes]);
    let (out, err) = expect(&run(folder.path(), "wan-fed test -c gw.toml -o wide"), 0);
    assert!(out.contains(&closes.to_string()) && err.contains("nothing is wrong"), "{out}{err}");
    let (out, _) = expect(&run(folder.path(), "wan-fed status -c gw.toml"), 0);
    assert!(out.contains(&closes.to_string()) && out.contains("dc2"), "{out}");

    let speaks = stand_in(b"SSH-2.0-OpenSSH_9.9\r\n");
    let gone = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let folder = files("wan-fed-wrong", &[closes, speaks, gone]);
    let (out, _) = expect(&run(folder.path(), "wan-fed test -c gw.toml --junit out.xml -o json"), 1);
    let trial: Value = serde_json::from_str(&out).expect("JSON");
    let found: Vec<&str> = trial["findings"].as_array().expect("findings").iter().filter_map(|f| f["fault"].as_str()).collect();
    assert_eq!(found, ["gateway-port-closed", "not-a-gateway"], "{out}");
    let junit = std::fs::read_to_string(folder.path().join("out.xml")).expect("a file");
    assert!(
        junit.starts_with("<?xml") && junit.contains("classname=\"dc1 -&gt; dc2\"") && junit.contains("gateway-port-closed"),
        "{junit}"
    );
}

#[test]
fn a_plan_and_a_status_are_told_in_every_form() {
    let folder = scratch("wan-fed-forms");
    let plan = PRIMARY.replace("init", "plan");
    let (all, _) = expect(&run(folder.path(), &format!("{plan} -o jsonl")), 1);
    let steps: Vec<Value> = all.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(!steps.is_empty() && steps.iter().all(|step| step["schema"] == "gw.wan-fed-plan.step/v1"), "{all}");
    let (names, _) = expect(&run(folder.path(), &format!("{plan} -o name")), 1);
    let wanted: Vec<&str> = steps.iter().filter(|step| step["done"] == false).filter_map(|step| step["what"].as_str()).collect();
    assert_eq!(names.lines().collect::<Vec<_>>(), wanted);
    let dead = free_port();
    let toml = format!("[[gateway]]\nkind = \"mesh\"\n[[datacenter]]\nname = \"dc2\"\ngateways = [\"127.0.0.1:{dead}\"]\n");
    std::fs::write(folder.path().join("gw.toml"), toml).expect("a file");
    for verb in ["status", "test"] {
        let asked = |form: &str| {
            let output = run(folder.path(), &format!("wan-fed {verb} -c gw.toml -o {form}"));
            assert!(output.status.code().is_some_and(|code| code < 2 || code == 4), "{verb} {form}: {output:?}");
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        let whole: Value = serde_json::from_str(&asked("json")).expect("JSON");
        let findings = whole["findings"].as_array().expect("a list").len();
        assert_eq!(asked("name").lines().count(), findings, "{verb}");
        let lines = asked("jsonl");
        assert_eq!(lines.lines().filter(|line| line.contains("\"gw.wan-fed.finding/v1\"")).count(), findings, "{verb}: {lines}");
    }
}
