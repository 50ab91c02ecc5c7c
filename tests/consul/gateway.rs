//! A gateway in this process whose control plane is a real Consul.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Instant;

use gw::app::config::RunConfig;
use gw::app::from_consul::{ConsulSource, WantedOfConsul};
use gw::app::register::Wanted;
use gw::app::{self, Bound};
use gw::model::gateway::{Certificate, GatewayConfig, GatewayKind};
use gw::source::consul::settings::{Flags, Settings};
use serde_json::Value;

use crate::agent::Consul;
use crate::harness::{Client, LONG, eventually, request};
use crate::support::free_ports;

/// What a gateway is like.
#[derive(Default)]
pub(crate) struct Like {
    /// Where the last good state is kept.
    pub(crate) state: Option<PathBuf>,
    /// The server that signs its keys.
    pub(crate) grpc: Option<SocketAddr>,
    pub(crate) certificates: Vec<Certificate>,
    /// What the agent is told.
    pub(crate) register: Vec<Wanted>,
}

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
        Self::like(consul, kind, name, Like { state, ..Like::default() })
    }

    /// The same, as one wants it.
    pub(crate) fn like(consul: &Consul, kind: GatewayKind, name: &str, like: Like) -> Self {
        let [port] = free_ports();
        let gateway = GatewayConfig { port: Some(port), ..GatewayConfig::of(kind, name) };
        let mut started = Self::several(consul, vec![gateway], like);
        started.port = port;
        started
    }

    /// Several of them in one process.
    pub(crate) fn several(consul: &Consul, gateways: Vec<GatewayConfig>, like: Like) -> Self {
        Self::begin(consul.address, &consul.token, gateways, like)
    }

    /// One that finds Consul at an address and with a token, and is registered.
    pub(crate) fn registered(at: SocketAddr, token: &str, (kind, name): (GatewayKind, &str), state: Option<PathBuf>) -> Self {
        let [port] = free_ports();
        let gateway = GatewayConfig { port: Some(port), ..GatewayConfig::of(kind, name) };
        let mut started = Self::all_registered(at, token, vec![gateway], state);
        started.port = port;
        started
    }

    /// Several such.
    pub(crate) fn all_registered(at: SocketAddr, token: &str, gateways: Vec<GatewayConfig>, state: Option<PathBuf>) -> Self {
        let wanted = |gateway: &GatewayConfig| Wanted::new(gateway.kind, &gateway.name, self::at(gateway.port.unwrap()));
        let register = gateways.iter().map(wanted).collect();
        Self::begin(at, token, gateways, Like { state, register, ..Like::default() })
    }

    fn begin(at: SocketAddr, token: &str, gateways: Vec<GatewayConfig>, like: Like) -> Self {
        let flags = Flags {
            http_addr: Some(at.to_string()),
            token: Some(token.to_owned()),
            grpc_addr: like.grpc.map(|grpc| grpc.to_string()),
            ..Flags::default()
        };
        let settings = Settings::of(&flags, |_| None).unwrap();
        let Like { state, certificates, register, .. } = like;
        let mut source = ConsulSource::begin(WantedOfConsul { settings, gateways, certificates, state }).unwrap();
        let start = Instant::now();
        let resources = source.sync(|progress| assert!(start.elapsed() < LONG, "never complete: {progress:?}")).unwrap();
        let admin = vec![self::at(0)];
        let config = RunConfig { certificates: source.certificates(), consul: Some(source), admin, register, ..RunConfig::new(resources) };
        Self { bound: Some(app::start(config).unwrap()), port: 0 }
    }

    /// What it says of itself.
    pub(crate) fn status(&self) -> Value {
        let mut client = Client::try_connect(self.admin()).unwrap();
        client.send("GET /v1/status HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n");
        serde_json::from_slice(&client.answer().unwrap().body).unwrap()
    }

    /// What is wrong with a watch; nothing where all is well. `None`: there is no such watch.
    pub(crate) fn trouble(&self, what: &str) -> Option<String> {
        let status = self.status();
        let watch = status["consul"]["watches"].as_array()?.iter().find(|watch| watch["what"] == what)?.clone();
        Some(watch["trouble"].as_str().unwrap_or_default().to_owned())
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
