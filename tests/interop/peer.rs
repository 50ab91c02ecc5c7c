//! Programs of others: started, spoken to, ended.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use crate::harness::eventually;
use crate::support::free_port;

/// A program that runs until it is dropped.
pub(crate) struct Peer {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts a program with its input and output at hand.
    pub(crate) fn start(command: &mut Command) -> Self {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|e| panic!("{command:?}: {e}; tests/run installs what is needed"));
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// Starts a server that is told its port, and waits until it listens. A port that another one took in between is tried anew.
    pub(crate) fn listening(mut command: impl FnMut(u16) -> Command) -> (Self, SocketAddr) {
        for _ in 0..5 {
            let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
            let mut peer = Self::start(&mut command(address.port()));
            let mut up = false;
            eventually("the server listens, or ends", || {
                up = TcpStream::connect(address).is_ok();
                up || peer.child.try_wait().unwrap().is_some()
            });
            if up && peer.child.try_wait().unwrap().is_none() {
                return (peer, address);
            }
        }
        panic!("it does not listen; its own words stand above");
    }

    /// A script of this folder that prints its port first.
    pub(crate) fn script(name: &str) -> (Self, SocketAddr) {
        let mut peer = Self::start(&mut python(name));
        let port: u16 = peer.line().parse().expect("a port");
        (peer, SocketAddr::from(([127, 0, 0, 1], port)))
    }

    /// The next line that it prints.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    pub(crate) fn tell(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A script of this folder, with the Python that has what `requirements.txt` names.
pub(crate) fn python(script: &str) -> Command {
    let mut command = installed("python");
    command.arg("-B").arg(Path::new(HERE).join(script)).env_remove("http_proxy").env_remove("HTTP_PROXY").env("no_proxy", "*");
    command
}

const HERE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop");

/// A program of the environment that `requirements.txt` describes; it is made where it is missing.
pub(crate) fn installed(program: &str) -> Command {
    static PROGRAMS: OnceLock<PathBuf> = OnceLock::new();
    let programs = PROGRAMS.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("interop");
        let made = Command::new(Path::new(HERE).join("venv")).arg(&folder).status().expect("a shell");
        assert!(made.success(), "the packages of tests/interop/requirements.txt cannot be installed; pip's words stand above");
        folder.join("bin")
    });
    Command::new(programs.join(program))
}

/// Runs a program to its end: what it printed.
#[track_caller]
pub(crate) fn output(command: &mut Command) -> Vec<u8> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|e| panic!("{command:?}: {e}; tests/run installs what is needed"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {}: {said} {}", output.status, String::from_utf8_lossy(&output.stdout));
    output.stdout
}

/// Runs cases of a client script: each must be `ok`.
#[track_caller]
pub(crate) fn cases(command: &mut Command, cases: &[&str]) {
    let printed = output(command.args(cases));
    let printed = String::from_utf8(printed).unwrap();
    let wanted: Vec<String> = cases.iter().map(|case| format!("ok {case}")).collect();
    assert_eq!(printed.lines().collect::<Vec<_>>(), wanted, "{command:?}");
}

/// For how long a client program may try.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
