//! An ingress gateway in this process.

use std::io::Write;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gw::app::config::{AccessLogTo, RunConfig, Token, TracesTo};
use gw::app::{self, Bound, StartError};
use gw::id::{Datacenter, ServiceName, TrustDomain};
use gw::model::check::Check;
use gw::model::entry::{Entries, IntentionAction};
use gw::model::federation::Federation;
use gw::model::gateway::{Certificate, GatewayConfig, GatewayKind, Identity, RecordFormat, Switches};
use gw::model::resources::Resources;
use gw::model::service::{Address, Health, Instance, Service};
use serde_json::{Value, json};

/// What a gateway is to know: entries as Consul takes them, and instances.
pub(crate) struct World {
    entries: Vec<Value>,
    instances: Vec<(String, Instance)>,
    dns: Vec<SocketAddr>,
    certificates: Vec<Certificate>,
    federation: Federation,
    identity: Option<Identity>,
    drain_time: Duration,
    switches: Switches,
    max_connections: Option<usize>,
    kind: GatewayKind,
    datacenter: Datacenter,
    port: u16,
    metrics: Option<SocketAddr>,
    token: Option<Token>,
    traces: Option<TracesTo>,
    format: RecordFormat,
    unrecorded: bool,
}

impl World {
    /// One listener on a free port; every Host means `web`, which speaks the protocol.
    pub(crate) fn of(protocol: &str) -> Self {
        let services = if protocol == "tcp" { json!([{"Name": "web"}]) } else { json!([{"Name": "web", "Hosts": ["*"]}]) };
        let listener = json!({"Port": 0, "Protocol": protocol, "Services": services});
        Self {
            entries: vec![
                json!({"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": protocol}}),
                json!({"Kind": "ingress-gateway", "Name": "edge", "Listeners": [listener]}),
            ],
            instances: Vec::new(),
            dns: Vec::new(),
            certificates: Vec::new(),
            federation: Federation::default(),
            identity: None,
            drain_time: Duration::from_secs(10),
            switches: Switches::default(),
            max_connections: None,
            kind: GatewayKind::Ingress,
            datacenter: Datacenter::from("dc1"),
            port: 0,
            metrics: None,
            token: None,
            traces: None,
            format: RecordFormat::Json,
            unrecorded: false,
        }
    }

    /// A mesh gateway on a free port.
    pub(crate) fn between() -> Self {
        Self { kind: GatewayKind::Mesh, ..Self::of("tcp") }
    }

    pub(crate) fn instance(self, service: &str, address: SocketAddr) -> Self {
        self.add(service, Address::Socket(address), Health::Passing, None)
    }

    /// An instance with a sidecar.
    pub(crate) fn mesh_instance(self, service: &str, address: SocketAddr) -> Self {
        let mut world = self.instance(service, address);
        world.instances.last_mut().expect("it was added").1.mesh = true;
        world
    }

    /// The mesh gateways of a datacenter.
    pub(crate) fn mesh_gateways(mut self, datacenter: &str, addresses: &[SocketAddr]) -> Self {
        let gateway = |(n, address): (usize, &SocketAddr)| instance(format!("mesh-gateway-{}", n + 1), Address::Socket(*address));
        let gateways = addresses.iter().enumerate().map(gateway).collect();
        self.federation.datacenters.entry(datacenter.into()).or_default().gateways = gateways;
        self
    }

    /// A server of Consul; the gateway exposes servers.
    pub(crate) fn server(mut self, node: &str, address: SocketAddr) -> Self {
        let server = Instance { node: node.to_owned(), ..instance(node.to_owned(), Address::Socket(address)) };
        self.federation.servers.instances.push(server);
        self
    }

    /// One of the mesh gateways of a datacenter is critical.
    pub(crate) fn critical_gateway(mut self, datacenter: &str, address: SocketAddr) -> Self {
        let gateways = &mut self.federation.datacenters.get_mut(datacenter).expect("it has gateways").gateways;
        let there = gateways.iter_mut().find(|gateway| gateway.address == Address::Socket(address));
        there.expect("a gateway at the address").health = Health::Critical;
        self
    }

    /// What the gateway shows to sidecars.
    pub(crate) fn identity(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// An instance at `host:port`.
    pub(crate) fn named(self, service: &str, address: &str) -> Self {
        self.add(service, Address::parse(address).expect("an address"), Health::Passing, None)
    }

    /// An instance that is checked; until it was, it counts as this.
    pub(crate) fn checked(self, service: &str, address: SocketAddr, health: Health, check: Check) -> Self {
        self.add(service, Address::Socket(address), health, Some(Arc::new(check)))
    }

    fn add(mut self, service: &str, address: Address, health: Health, check: Option<Arc<Check>>) -> Self {
        let number = self.instances.iter().filter(|(name, _)| name == service).count() + 1;
        let instance = Instance { health, check, ..instance(format!("{service}-{number}"), address) };
        self.instances.push((service.to_owned(), instance));
        self
    }

    /// Names are asked for there.
    pub(crate) fn dns(mut self, server: SocketAddr) -> Self {
        self.dns.push(server);
        self
    }

    /// Adds an entry; one of the same kind and name is replaced.
    pub(crate) fn entry(mut self, entry: Value) -> Self {
        self.entries.push(entry);
        self
    }

    /// TLS on the listener, with these certificates.
    pub(crate) fn tls(mut self, certificates: Vec<Certificate>) -> Self {
        self.certificates = certificates;
        self.entries[1]["Listeners"][0]["TLS"] = json!({"Enabled": true});
        self
    }

    /// What the TLS of the gateway and of the listener say besides.
    pub(crate) fn speaking(mut self, gateway: Value, listener: Value) -> Self {
        self.entries[1]["TLS"] = gateway;
        self.entries[1]["Listeners"][0]["TLS"] = listener;
        self.entries[1]["Listeners"][0]["TLS"]["Enabled"] = json!(true);
        self
    }

    /// The listener on an address of its own instead of a free one.
    pub(crate) fn on(mut self, address: SocketAddr) -> Self {
        self.entries[1]["Listeners"][0]["Port"] = json!(address.port());
        self.port = address.port();
        self
    }

    /// All of it in another datacenter than dc1.
    pub(crate) fn elsewhere(mut self, datacenter: &str) -> Self {
        self.datacenter = Datacenter::from(datacenter);
        self.instances.iter_mut().for_each(|(_, instance)| datacenter.clone_into(&mut instance.datacenter));
        self
    }

    /// What an operator may decide otherwise.
    pub(crate) fn switches(mut self, switches: Switches) -> Self {
        self.switches = switches;
        self
    }

    /// So many connections at once, by one worker.
    pub(crate) fn max_connections(mut self, most: usize) -> Self {
        self.max_connections = Some(most);
        self
    }

    /// Metrics are told there too.
    pub(crate) fn metrics(self, address: SocketAddr) -> Self {
        Self { metrics: Some(address), ..self }
    }

    /// What admin requests have to show.
    pub(crate) fn token(self, token: &str) -> Self {
        Self { token: Some(Token::new(token).expect("a token")), ..self }
    }

    /// Spans go to a collector.
    pub(crate) fn traces(self, collector: SocketAddr, ratio: f64) -> Self {
        let traces = TracesTo { endpoint: format!("http://{collector}"), ratio, service: "edge".to_owned() };
        Self { traces: Some(traces), ..self }
    }

    /// Records are lines of text.
    pub(crate) fn in_text(self) -> Self {
        Self { format: RecordFormat::Text, ..self }
    }

    /// There are no records.
    pub(crate) fn unrecorded(self) -> Self {
        Self { unrecorded: true, ..self }
    }

    pub(crate) fn drain_time(mut self, time: Duration) -> Self {
        self.drain_time = time;
        self
    }

    pub(crate) fn start(self) -> Gateway {
        self.try_start().expect("the gateway starts")
    }

    pub(crate) fn try_start(self) -> Result<Gateway, StartError> {
        let entries: Entries = self
            .entries
            .iter()
            .map(|entry| match gw::source::entry::from_json(entry) {
                Ok(decoded) => decoded.entry.expect("a kind that gw acts on"),
                Err(e) => panic!("{entry}: {e:?}"),
            })
            .collect();
        let mut services = std::collections::BTreeMap::new();
        for (name, instance) in &self.instances {
            let name = ServiceName::from(name.as_str());
            let service: &mut Service = services.entry(name.key()).or_insert_with(|| Service { name: name.clone(), instances: Vec::new() });
            service.instances.push(instance.clone());
        }
        let gateway = GatewayConfig {
            switches: self.switches,
            identity: self.identity,
            // Of a gateway that has a single listener.
            port: Some(self.port),
            exposes_servers: !self.federation.servers.instances.is_empty(),
            ..GatewayConfig::of(self.kind, "edge")
        };
        let resources = Resources {
            gateway,
            datacenter: self.datacenter,
            trust_domain: TrustDomain::new("11111111-2222-3333-4444-555555555555.consul"),
            entries: Arc::new(entries),
            services: Arc::new(services.into_iter().map(|(key, service)| (key, Arc::new(service))).collect()),
            federation: Arc::new(self.federation),
            default_action: IntentionAction::Deny,
            rejected: Vec::new(),
            written: Default::default(),
        };
        let records = Records::default();
        let defaults = RunConfig::new(vec![resources]);
        let config = RunConfig {
            certificates: self.certificates,
            dns: self.dns,
            admin: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
            admin_token: self.token,
            metrics: self.metrics,
            workers: NonZeroUsize::new(if self.max_connections.is_some() { 1 } else { 2 }),
            max_connections: self.max_connections.unwrap_or(defaults.max_connections),
            access_log: (!self.unrecorded).then(|| AccessLogTo::Writer(Box::new(records.clone()))),
            record_format: self.format,
            traces: self.traces,
            drain_time: self.drain_time,
            ..defaults
        };
        let bound = app::start(config)?;
        let address = bound.listeners.first().expect("a listener").1;
        Ok(Gateway { address, admin: bound.admin[0], metrics: bound.metrics, records, bound: Some(bound) })
    }
}

fn instance(id: String, address: Address) -> Instance {
    Instance::new(id, address, "dc1")
}

/// A gateway that runs until it is dropped or stopped.
pub(crate) struct Gateway {
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) metrics: Option<SocketAddr>,
    records: Records,
    bound: Option<Bound>,
}

impl Gateway {
    /// Whether something ended with that code.
    pub(crate) fn recorded(&self, code: &str) -> bool {
        self.records.all().iter().any(|record| record["code"] == code)
    }

    /// Its access records as they were written, once it has ended.
    pub(crate) fn stop_for_text(mut self) -> String {
        self.bound.take().expect("it runs").stop().expect("it ends well");
        String::from_utf8(self.records.0.lock().unwrap().clone()).expect("a text")
    }

    /// Tells it to drain.
    pub(crate) fn shutdown(&self) {
        self.bound.as_ref().expect("it runs").shutdown.trigger();
    }

    /// Waits for its end. Its access records.
    pub(crate) fn wait(mut self) -> Vec<Value> {
        self.bound.take().expect("it runs").wait().expect("it ends well");
        self.records.all()
    }

    /// Ends it. Its access records.
    pub(crate) fn stop(self) -> Vec<Value> {
        self.shutdown();
        self.wait()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Some(bound) = self.bound.take() {
            drop(bound.stop());
        }
    }
}

/// The access records of a gateway.
#[derive(Clone, Default)]
pub(crate) struct Records(Arc<Mutex<Vec<u8>>>);

impl Records {
    pub(crate) fn all(&self) -> Vec<Value> {
        let bytes = self.0.lock().unwrap();
        let lines = bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).expect("a record is a line of JSON")).collect()
    }
}

impl Write for Records {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
