//! The program of Consul: where it is, how new it is, and its processes.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// Where the program is: what `CONSUL` names, else the one that the script beside this installs.
pub(crate) fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        if let Some(named) = std::env::var_os("CONSUL") {
            return named.into();
        }
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("consul");
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/consul/install");
        let installed = Command::new(script).arg(&folder).status().expect("a shell");
        assert!(installed.success(), "Consul cannot be installed; apt's words stand above, and CONSUL=PATH names another");
        folder.join("consul")
    })
}

/// Whether it is that new: `major.minor`.
pub(crate) fn at_least(major: u32, minor: u32) -> bool {
    static VERSION: OnceLock<(u32, u32)> = OnceLock::new();
    let version = VERSION.get_or_init(|| {
        let said = Command::new(program()).arg("version").output().expect("Consul runs").stdout;
        let said = String::from_utf8_lossy(&said);
        let numbers = said.trim_start_matches("Consul v").split(['.', '-', '\n']).map_while(|n| n.parse().ok()).collect::<Vec<u32>>();
        (numbers[0], numbers[1])
    });
    *version >= (major, minor)
}

/// Starts a process that knows nothing of the Consul that whoever runs the tests may have, but what it is told on purpose.
pub(crate) fn spawn(command: &mut Command, log: File) -> Child {
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CONSUL_")) {
        // What was set on purpose stays.
        if !command.get_envs().any(|(set, _)| set == name.as_str()) {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null()).stdout(log.try_clone().expect("a file")).stderr(log).spawn().expect("it starts")
}
