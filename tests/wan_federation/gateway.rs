//! A mesh gateway of a datacenter: the program, in a network of its own, controlled by a Consul.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use crate::network::{self, Network};
use crate::{eventually, program::spawn};

/// A gateway. Killed when dropped.
pub(crate) struct Gateway {
    /// What it is started with, after `gw`.
    pub(crate) arguments: Vec<String>,
    /// Where servers of its own datacenter connect.
    pub(crate) lan: SocketAddr,
    /// Where everybody else does.
    pub(crate) wan: SocketAddr,
    /// The namespace that it is in, such as `dc1-gw1`.
    pub(crate) namespace: String,
    folder: PathBuf,
    process: Option<Child>,
}

impl Gateway {
    /// The gateway of that number of a datacenter. `consul`: the HTTP API of the agent that it asks.
    pub(crate) fn new(datacenter: u8, number: u8, consul: &str, folder: &Path) -> Self {
        let namespace = format!("dc{datacenter}-gw{number}");
        let folder = folder.join(&namespace);
        fs::create_dir_all(&folder).expect("a folder");
        let (lan, wan) = (network::lan(datacenter, number), network::wan(datacenter, number));
        let state = folder.join("state");
        // An agent has one service of an id, and both gateways of a datacenter have one agent here.
        let name = if number == 1 { "mesh-gateway".to_owned() } else { format!("mesh-gateway-{number}") };
        let line = format!(
            "mesh --expose-servers --register --service {name} --address {lan} --wan-address {wan} --http-addr {consul} --drain-time 100ms \
             --workers 1 --log info,gw=debug --state-dir {} --access-log {}",
            state.display(),
            folder.join("access").display()
        );
        let arguments = line.split(' ').map(str::to_owned).collect();
        Self { arguments, lan, wan, namespace, folder, process: None }
    }

    /// Starts it, and does not wait for anything.
    pub(crate) fn start(&mut self, network: &Network) {
        let log = File::options().create(true).append(true).open(self.folder.join("log")).expect("a file");
        // `GW=PATH` names another one than that of these tests: of a release, or one that stays as it is for a long run.
        let program = std::env::var_os("GW").unwrap_or_else(|| env!("CARGO_BIN_EXE_gw").into());
        let mut command = network.inside(&self.namespace, program);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("GW_")) {
            command.env_remove(name);
        }
        self.process = Some(spawn(command.args(&self.arguments).env("NO_COLOR", "1"), log));
    }

    /// Starts it, and waits until it listens.
    #[track_caller]
    pub(crate) fn up(&mut self, network: &Network) {
        self.start(network);
        eventually(&format!("{} listens", self.namespace), || self.listens(network));
    }

    /// Whether somebody listens at its LAN address.
    pub(crate) fn listens(&self, network: &Network) -> bool {
        !network.exec(&self.namespace, &format!("ss -Hltn src {}", self.lan)).stdout.is_empty()
    }

    /// TERM, and waits for its end, which must be a good one.
    #[track_caller]
    pub(crate) fn stop(&mut self) {
        self.signal("TERM");
        let code = self.process.take().expect("it runs").wait().expect("it ends").code();
        assert_eq!(code, Some(0), "{} ends: {}", self.namespace, self.log());
    }

    /// Ends it at once.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            drop(process.kill());
            drop(process.wait());
        }
    }

    /// Sends it a signal: `STOP`, `CONT`.
    #[track_caller]
    pub(crate) fn signal(&self, name: &str) {
        let id = self.process.as_ref().expect("it runs").id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().expect("kill runs").success());
    }

    /// Whether its process is there.
    pub(crate) fn runs(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| process.try_wait().is_ok_and(|ended| ended.is_none()))
    }

    /// What it said so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// The access records of connections that have ended, one a line.
    pub(crate) fn records(&self) -> String {
        fs::read_to_string(self.folder.join("access")).unwrap_or_default()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.kill();
    }
}
