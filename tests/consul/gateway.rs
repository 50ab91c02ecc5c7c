//! A gateway in this process whose control plane is a real Consul.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Instant;

use gw::app::config::RunConfig;
use gw::app::from_consul::{ConsulSource, WantedOfConsul};
use gw::app::register::Wanted;
use gw::app::{self, Bound};
use gw::model::gateway::{GatewayConfig, GatewayKind};
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
        let [port] = free_ports();
        Self::begin(consul.address, &consul.token, (kind, name), port, state, None)
    }

    /// One that finds Consul at an address and with a token, and is registered.
    pub(crate) fn registered(at: SocketAddr, token: &str, (kind, name): (GatewayKind, &str), state: Option<PathBuf>) -> Self {
        let [port] = free_ports();
        let register = Wanted::new(kind, name, self::at(port));
        Self::begin(at, token, (kind, name), port, state, Some(register))
    }

    fn begin(
        at: SocketAddr,
        token: &str,
        (kind, name): (GatewayKind, &str),
        port: u16,
        state: Option<PathBuf>,
        register: Option<Wanted>,
    ) -> Self {
        let flags = Flags { http_addr: Some(at.to_string()), token: Some(token.to_owned()), ..Flags::default() };
        let settings = Settings::of(&flags, |_| None).unwrap();
        let gateway = GatewayConfig { port: Some(port), ..GatewayConfig::of(kind, name) };
        let mut source = ConsulSource::begin(WantedOfConsul { settings, gateway, listens: Vec::new(), state }).unwrap();
        let start = Instant::now();
        let resources = source.sync(|progress| assert!(start.elapsed() < LONG, "never complete: {progress:?}")).unwrap();
        let admin = vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))];
        let config = RunConfig { consul: Some(source), admin, register, ..RunConfig::new(vec![resources]) };
        Self { bound: Some(app::start(config).unwrap()), port }
    }

    /// Waits until something listens there.
    pub(crate) fn listens(&self, port: u16) {
        eventually("the listener is there", || Client::try_connect(at(port)).is_some());
    }

    /// Where it is asked.
    pub(crate) fn admin(&self) -> SocketAddr {
        self.bound.as_ref().expect("it runs").admin[0]
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
