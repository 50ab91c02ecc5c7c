//! `examples/two-datacenters` as one starts it: its script, real network namespaces, curl and openssl. Needs what the script needs, root
//! among it, and fails where it has not.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

mod support;

/// The example, up until it is dropped.
struct Example {
    folder: support::Scratch,
    net: String,
}

impl Example {
    fn up() -> Self {
        let example = Self { folder: support::scratch("two-datacenters"), net: format!("gw-{}", std::process::id()) };
        example.run(&["up"]);
        example
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn script(&self, args: &[&str]) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/two-datacenters/run");
        let mut command = Command::new(script);
        command.args(args).env("GW", env!("CARGO_BIN_EXE_gw")).env("STATE", self.state()).env("NET", &self.net);
        command.output().expect("the script")
    }

    /// What the script prints, if all is well.
    fn run(&self, args: &[&str]) -> String {
        let output = self.script(args);
        assert!(output.status.success(), "run {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Whether a command succeeds in a namespace.
    fn inside(&self, namespace: &str, command: &str) -> bool {
        let netns = format!("{}-{namespace}", self.net);
        Command::new("ip").args(["netns", "exec", &netns, "sh", "-c", command]).output().expect("ip").status.success()
    }

    /// What a gateway said, and its access records.
    fn said(&self, gateway: &str) -> String {
        std::fs::read_to_string(self.state().join(format!("{gateway}.log"))).expect("what a gateway said")
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        drop(self.script(&["down"]));
    }
}

#[test]
fn a_service_answers_from_another_datacenter_whose_network_cannot_be_reached_and_no_gateway_between_can_read_it() {
    let example = Example::up();
    assert_eq!(example.run(&["curl", "/"]), "hello from web in dc2\n");

    // The certificate that is shown in dc1 is the service's of dc2.
    let shown = example.run(&["certificate"]);
    assert!(shown.contains("/ns/default/dc/dc2/svc/web"), "{shown}");
    assert_eq!(files_below(&example.state().join("dc1-mesh")), ["gw.toml"], "no certificate, no key");
    assert_eq!(files_below(&example.state().join("dc2-mesh")), ["gw.toml"], "no certificate, no key");

    // The way through the gateways is the only one.
    let there = |address| format!("curl -s --noproxy '*' --max-time 2 http://{address}/");
    assert!(example.inside("dc2", &there("10.0.0.20:8080")), "web answers in its datacenter");
    for (namespace, address) in
        [("dc1", "10.0.0.20:8080"), ("dc1-mesh", "10.0.0.20:8080"), ("dc1", "192.0.2.2:8443"), ("dc2", "192.0.2.1:8443")]
    {
        assert!(!example.inside(namespace, &there(address)), "{address} from {namespace}");
    }

    // One gateway on the way less, and the one before it says so.
    let kill = format!("kill -9 $(ip netns pids {}-dc2-mesh)", example.net);
    assert!(Command::new("sh").args(["-c", &kill]).status().expect("a shell").success());
    let end = Instant::now() + Duration::from_secs(20);
    // Who asks at once may still be let in by the kernel of one that is dying.
    while !example.said("dc1-mesh").contains("connect_failed") {
        assert!(Instant::now() < end, "{}", example.said("dc1-mesh"));
        let answer = example.run(&["curl", "/"]);
        assert!(answer.contains("gw inspect explain"), "{answer}");
    }
}

#[test]
fn the_script_says_what_it_lacks_and_leaves_nothing_behind() {
    let folder = support::scratch("two-datacenters-without");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/two-datacenters/run");
    let run = |gw: &str, net: &str| {
        let state = folder.path().join("state");
        let output = Command::new(&script).arg("up").env("GW", gw).env("STATE", &state).env("NET", net).output().expect("the script");
        assert!(!output.status.success() && !state.exists(), "{gw}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(run("/nowhere/gw", "gw-none").contains("there is no /nowhere/gw"));
    let net = format!("gw-{}-false", std::process::id());
    run("false", &net);
    let list = Command::new("ip").args(["netns", "list"]).output().expect("ip");
    assert!(!String::from_utf8_lossy(&list.stdout).contains(&net));
}

fn files_below(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    entries.map(|name| name.to_string_lossy().into_owned()).collect()
}
