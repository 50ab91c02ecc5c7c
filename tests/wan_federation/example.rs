//! `examples/wan-federation`: what `gw wan-fed init` writes is a federation, on a machine where nothing else was done.

use std::path::Path;
use std::process::{Command, Output};

use crate::program::program;
use crate::support::{Scratch, scratch};

/// The example, up. Down when dropped.
struct Example {
    net: String,
    folder: Scratch,
}

impl Example {
    fn up() -> Self {
        let example = Self { net: format!("gw{}-ex", std::process::id()), folder: scratch("wan-federation-example") };
        let output = example.script("up");
        assert!(output.status.success(), "{}", text(&output));
        example
    }

    fn script(&self, verb: &str) -> Output {
        let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/wan-federation/run"));
        command.env("GW", env!("CARGO_BIN_EXE_gw")).env("CONSUL", program()).env("NET", &self.net).env("NO_COLOR", "1");
        command.arg(verb).env("STATE", self.folder.path().join("state")).output().expect("the script")
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        drop(self.script("down"));
    }
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn what_init_writes_alone_is_a_federation_that_works() {
    let example = Example::up();
    let across = example.script("across");
    assert_eq!(String::from_utf8_lossy(&across.stdout), "dc2: hello from dc1\ndc1: hello from dc2\n", "{}", text(&across));

    let status = text(&example.script("status"));
    assert!(status.contains("fresh") && status.contains("192.0.2.2:8443") && !status.contains("stale"), "{status}");
    let test = example.script("test");
    assert!(test.status.success() && text(&test).matches("nothing is wrong").count() == 2, "{}", text(&test));

    // The server of one has no way to that of the other.
    let netns = format!("{}-dc1", example.net);
    let direct = Command::new("ip").args(["netns", "exec", &netns, "curl", "-s", "--max-time", "2", "http://10.0.2.10:8300/"]).status();
    assert!(!direct.expect("ip").success());
}
