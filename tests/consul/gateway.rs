//! A gateway in this process whose control plane is a real Consul.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Instant;

use gw::app::config::RunConfig;
use gw::app::from_consul::{ConsulSource, WantedOfConsul};
use gw::app::{self, Bound};
use gw::model::gateway::{GatewayConfig, GatewayKind, Switches};
use gw::source::consul::settings::{Flags, Settings};

use crate::agent::{Consul, free_ports};
use crate::harness::{Client, LONG, eventually, request};

/// A gateway that runs until the test ends.
pub(crate) struct Gateway {
    bound: Option<Bound>,
    /// Of a gateway with one listener.
    pub(crate) port: u16,
}

impl Gateway {
    /// The gateway of that kind and name.
    pub(crate) fn start(consul: &Consul, kind: GatewayKind, name: &str) -> Self {
        Self::keeping(consul, kind, name, None)
    }

    /// The same, with what Consul said kept in a folder.
    pub(crate) fn keeping(consul: &Consul, kind: GatewayKind, name: &str, state: Option<PathBuf>) -> Self {
        let flags = Flags { http_addr: Some(consul.address.to_string()), token: Some(consul.token.clone()), ..Flags::default() };
        let settings = Settings::of(&flags, |_| None).unwrap();
        let [port] = free_ports();
        let gateway = GatewayConfig {
            kind,
            name: name.to_owned(),
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            addresses: Default::default(),
            port: Some(port),
            switches: Switches::default(),
            identity: None,
            leaves: None,
        };
        let mut source = ConsulSource::begin(WantedOfConsul { settings, gateways: vec![gateway], certificates: Vec::new(), state }).unwrap();
        let start = Instant::now();
        let resources = source.sync(|progress| assert!(start.elapsed() < LONG, "never complete: {progress:?}")).unwrap();
        let config = RunConfig { certificates: source.certificates(), consul: Some(source), ..RunConfig::new(resources) };
        Self { bound: Some(app::start(config).unwrap()), port }
    }

    /// Waits until something listens there.
    pub(crate) fn listens(&self, port: u16) {
        eventually("the listener is there", || Client::try_connect(at(port)).is_some());
    }

    /// Ends it; it must end well.
    pub(crate) fn stop(mut self) {
        self.bound.take().unwrap().stop().unwrap();
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some(bound) = self.bound.take() {
            drop(bound.stop());
        }
    }
}

pub(crate) fn at(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// What a GET is answered: the body, or the status and gw's code. Nothing: no answer.
pub(crate) fn get(port: u16, host: &str, path: &str) -> String {
    let Some(mut client) = Client::try_connect(at(port)) else { return String::new() };
    client.send(&request("GET", path, "connection: close\r\n", "").replace("h.test", host));
    let Some(answer) = client.answer() else { return String::new() };
    match answer.header("x-gw-code") {
        Some(code) => format!("{} {code}", answer.status),
        None => answer.text().to_owned(),
    }
}
