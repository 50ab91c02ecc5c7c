//! Gateways that register themselves with a real Consul.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use gw::app::register::{Registered, Standing, Wanted, keep};
use gw::model::gateway::GatewayKind;
use gw::rt::supervise::Supervisor;
use gw::source::consul::client::Client;
use serde_json::{Value, json};

use crate::agent::Consul;
use crate::follow::client;
use crate::harness::eventually;

/// A gateway that is kept registered until the test ends, or it is told to end.
pub(crate) struct Kept {
    registered: Registered,
    threads: Option<Supervisor>,
}

impl Kept {
    pub(crate) fn begin(client: Client, wanted: Wanted) -> Self {
        wanted.check().unwrap();
        let mut threads = Supervisor::default();
        let (registered, shutdown) = (Registered::default(), threads.shutdown());
        let shows = registered.clone();
        let keeps = move || async move {
            keep(Arc::new(client), wanted, shows, shutdown).await;
            Ok(())
        };
        threads.start("registers", keeps).unwrap();
        Self { registered, threads: Some(threads) }
    }

    pub(crate) fn standing(&self) -> Standing {
        self.registered.standing()
    }

    #[track_caller]
    pub(crate) fn is_registered(&self) {
        eventually("it is registered", || self.standing().since.is_some() && self.standing().trouble.is_none());
    }

    /// Ends as a gateway that is told to.
    fn end(&mut self) {
        if let Some(threads) = self.threads.take() {
            threads.shutdown().trigger();
            threads.join().unwrap();
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.end();
    }
}

/// Something that listens, and takes what connects.
fn listens() -> (SocketAddr, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    (listener.local_addr().unwrap(), listener)
}

/// The service, and the status of its check, as everybody sees it.
fn seen(consul: &Consul, name: &str) -> Option<(Value, String)> {
    let all = consul.get(&format!("/v1/health/service/{name}"));
    let row = all.as_array()?.first()?.clone();
    let checks = row["Checks"].as_array()?.clone();
    let own = checks.iter().find(|check| check["ServiceName"] == json!(name))?;
    Some((row["Service"].clone(), own["Status"].as_str()?.to_owned()))
}

#[test]
fn a_gateway_is_in_the_catalog_as_it_wants_to_be_known_until_it_ends() {
    let consul = Consul::start("registered");
    let (address, _listens) = listens();
    let wanted = Wanted {
        wan: Some("198.18.0.1:8443".parse().unwrap()),
        exposes_servers: true,
        ..Wanted::new(GatewayKind::Mesh, "mesh-gateway", address)
    };
    let mut kept = Kept::begin(client(&consul, ""), wanted);
    kept.is_registered();
    eventually("it is in the catalog", || seen(&consul, "mesh-gateway").is_some());
    let (service, status) = seen(&consul, "mesh-gateway").unwrap();
    assert_eq!(status, "passing", "from the first moment");
    let at = |host: &str, port: u16| json!({"Address": host, "Port": port});
    assert_eq!(service["Kind"], "mesh-gateway");
    assert_eq!((&service["Address"], &service["Port"]), (&json!("127.0.0.1"), &json!(address.port())));
    assert_eq!(service["TaggedAddresses"]["lan"], at("127.0.0.1", address.port()));
    assert_eq!(service["TaggedAddresses"]["wan"], at("198.18.0.1", 8443));
    assert_eq!(service["Meta"], json!({"consul-wan-federation": "1"}));
    eventually("the agent has looked, and is content", || {
        let check = consul.get("/v1/agent/checks")["service:mesh-gateway"].clone();
        check["Output"] != json!("") && check["Status"] == "passing"
    });

    kept.end();
    eventually("it is gone", || seen(&consul, "mesh-gateway").is_none());
    assert!(kept.standing().since.is_none());
}

#[test]
fn who_was_gone_for_so_long_that_its_check_failed_is_well_at_once_when_it_is_back() {
    let consul = Consul::start("back");
    let (address, _listens) = listens();
    // As an earlier process leaves it. A registration that is made again keeps what the check has found.
    consul.register(&json!({"Kind": "mesh-gateway", "ID": "mg", "Name": "mg", "Address": "127.0.0.1", "Port": address.port(),
        "Check": {"TCP": address.to_string(), "Interval": "1h", "Status": "critical"}}));
    eventually("it is critical", || seen(&consul, "mg").is_some_and(|(_, status)| status == "critical"));
    let kept = Kept::begin(client(&consul, ""), Wanted::new(GatewayKind::Mesh, "mg", address));
    kept.is_registered();
    // Mostly before the agent has looked, which it does within two seconds.
    assert_eq!(consul.get("/v1/agent/checks")["service:mg"]["Status"], "passing");
}

#[test]
fn what_somebody_else_did_to_a_registration_is_made_good() {
    let consul = Consul::start("meddled");
    let (address, _listens) = listens();
    let kept = Kept::begin(client(&consul, ""), Wanted::new(GatewayKind::Ingress, "edge", address));
    kept.is_registered();
    consul.put("/v1/agent/service/deregister/edge", "");
    eventually("it is there again", || seen(&consul, "edge").is_some());
    consul.register(&json!({"Kind": "ingress-gateway", "ID": "edge", "Name": "edge", "Address": "127.0.0.2", "Port": 1}));
    eventually("it is as it was", || seen(&consul, "edge").is_some_and(|(service, _)| service["Port"] == json!(address.port())));
    kept.is_registered();
    let index = consul.get("/v1/agent/service/edge");
    assert!(Wanted::new(GatewayKind::Ingress, "edge", address).is(&serde_json::from_value(index).unwrap()), "and is left alone then");
}

#[test]
fn an_agent_that_comes_late_or_restarts_has_the_gateway_soon() {
    let mut consul = Consul::start("late");
    consul.end();
    let (address, _listens) = listens();
    let mut kept = Kept::begin(client(&consul, ""), Wanted::new(GatewayKind::Terminating, "exit", address));
    eventually("it is told", || kept.standing().trouble.is_some_and(|why| why.contains("no connection")));
    assert!(kept.standing().since.is_none());
    for _ in 0..2 {
        consul.run();
        consul.leads();
        eventually("it is in the catalog, and well", || seen(&consul, "exit").is_some_and(|(_, status)| status == "passing"));
        kept.is_registered();
        consul.end();
    }
    let start = std::time::Instant::now();
    kept.end();
    assert!(start.elapsed().as_secs() < 5, "an agent that is away holds up no end");
}
