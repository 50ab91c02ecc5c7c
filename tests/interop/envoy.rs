//! Envoy as a sidecar has it: mTLS with leaves of `gw certs`, and the other end known by its SPIFFE id.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use gw::app::certs::{self, Folder as Certs, Init, Order};
use serde_json::{Value, json};

use crate::harness::{Exit, Folder, TRUST_DOMAIN, eventually, get};
use crate::peer::{Peer, installed};

/// An Envoy that runs until it is dropped.
pub(crate) struct Envoy {
    _peer: Peer,
    _folder: Folder,
    pub(crate) address: SocketAddr,
    admin: SocketAddr,
}

/// Which bytes it carries between its two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carries {
    Tcp,
    Http,
    /// HTTP/2 towards where it sends to; it takes either from clients.
    Http2,
}

/// TLS on one of its sides.
pub(crate) struct Tls<'a> {
    /// The folder of `gw certs`.
    pub(crate) certs: &'a Path,
    /// Whose leaf it shows.
    pub(crate) shows: &'a str,
    /// The service that the other end must be, if it must show anything.
    pub(crate) expects: Option<&'a str>,
    /// `TLSv1_2` or `TLSv1_3`, that one alone.
    pub(crate) version: &'a str,
}

/// Both versions of TLS, as Envoy calls them and counts connections.
pub(crate) const VERSIONS: [(&str, &str); 2] = [("TLSv1_2", "TLSv1.2"), ("TLSv1_3", "TLSv1.3")];

impl Tls<'_> {
    fn context(&self, side: &str, more: &[(&str, Value)]) -> Value {
        let file = |name: String| json!({"filename": self.certs.join(name)});
        let mut common = json!({
            "tls_params": {"tls_minimum_protocol_version": self.version, "tls_maximum_protocol_version": self.version},
            "tls_certificates": [{
                "certificate_chain": file(format!("{}.pem", self.shows)),
                "private_key": file(format!("{}-key.pem", self.shows)),
            }],
        });
        if let Some(service) = self.expects {
            let id = crate::harness::Ca::id(service);
            common["validation_context"] = json!({
                "trusted_ca": file("ca.pem".to_owned()),
                "match_typed_subject_alt_names": [{"san_type": "URI", "matcher": {"exact": id}}],
            });
        }
        let kind = format!("type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.{side}TlsContext");
        let mut context = json!({"@type": kind, "common_tls_context": common});
        more.iter().for_each(|(key, value)| context[*key] = value.clone());
        json!({"name": "tls", "typed_config": context})
    }
}

impl Envoy {
    /// In front of a service of the mesh: plain to it, mTLS from it, with this server name.
    pub(crate) fn calling(to: SocketAddr, sni: &str, tls: &Tls<'_>, carries: Carries) -> Self {
        let chain = json!({"filters": [filter(carries)]});
        let mut cluster = cluster(to, carries);
        cluster["transport_socket"] = tls.context("Upstream", &[("sni", json!(sni))]);
        Self::start(&json!({"filter_chains": [chain]}), &cluster)
    }

    /// Behind the mesh: TLS to it if the client asks for this server name, plain from it.
    pub(crate) fn behind(to: SocketAddr, sni: &str, tls: &Tls<'_>, carries: Carries) -> Self {
        let client = ("require_client_certificate", json!(tls.expects.is_some()));
        let chain = json!({
            "filter_chain_match": {"server_names": [sni]},
            "transport_socket": tls.context("Downstream", &[client]),
            "filters": [filter(carries)],
        });
        let inspector = "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector";
        let inspector = json!({"name": "tls_inspector", "typed_config": {"@type": inspector}});
        Self::start(&json!({"listener_filters": [inspector], "filter_chains": [chain]}), &cluster(to, carries))
    }

    fn start(listener: &Value, cluster: &Value) -> Self {
        let folder = Folder::new("envoy");
        let admin = folder.at("admin");
        let (peer, address) = Peer::listening(|port| {
            let mut listener = listener.clone();
            listener["name"] = json!("in");
            listener["address"] = at(SocketAddr::from(([127, 0, 0, 1], port)));
            let config = json!({
                "admin": {"address": at(SocketAddr::from(([127, 0, 0, 1], 0)))},
                "static_resources": {"listeners": [listener], "clusters": [cluster]},
            });
            folder.write("envoy.json", &config.to_string());
            let mut command = installed("envoy");
            command.args(["--concurrency", "1", "--disable-hot-restart", "-l", "error", "-c"]).arg(folder.at("envoy.json"));
            command.arg("--admin-address-path").arg(&admin);
            command
        });
        let mut found = None;
        eventually("Envoy says where its admin listener is", || {
            found = std::fs::read_to_string(&admin).ok().and_then(|text| text.parse().ok());
            found.is_some()
        });
        Self { _peer: peer, _folder: folder, address, admin: found.unwrap() }
    }

    /// What it has counted.
    pub(crate) fn counted(&self, name: &str) -> u64 {
        let answer = get(self.admin, "/stats");
        let line = answer.text().lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        line.map_or(0, |number| number.parse().unwrap())
    }
}

fn at(address: SocketAddr) -> Value {
    json!({"socket_address": {"address": address.ip().to_string(), "port_value": address.port()}})
}

fn filter(carries: Carries) -> Value {
    let filters = "type.googleapis.com/envoy.extensions.filters";
    if carries == Carries::Tcp {
        let proxy = format!("{filters}.network.tcp_proxy.v3.TcpProxy");
        return json!({"name": "tcp", "typed_config": {"@type": proxy, "stat_prefix": "in", "cluster": "out"}});
    }
    let (manager, router) =
        (format!("{filters}.network.http_connection_manager.v3.HttpConnectionManager"), format!("{filters}.http.router.v3.Router"));
    // Streams of gRPC have no end, and the gateway's `server` is looked at.
    let route = json!({"match": {"prefix": "/"}, "route": {"cluster": "out", "timeout": "0s"}});
    json!({"name": "http", "typed_config": {
        "@type": manager,
        "stat_prefix": "in",
        "server_header_transformation": "PASS_THROUGH",
        "http_filters": [{"name": "router", "typed_config": {"@type": router}}],
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
    }})
}

fn cluster(to: SocketAddr, carries: Carries) -> Value {
    let endpoints = json!([{"lb_endpoints": [{"endpoint": {"address": at(to)}}]}]);
    let mut cluster = json!({
        "name": "out", "type": "STATIC", "connect_timeout": "5s",
        "load_assignment": {"cluster_name": "out", "endpoints": endpoints},
    });
    if carries == Carries::Http2 {
        let options = json!({
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": {"http2_protocol_options": {}},
        });
        cluster["typed_extension_protocol_options"] = json!({"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options});
    }
    cluster
}

/// A CA of `gw certs`, with leaves of these services.
pub(crate) fn mesh(folder: PathBuf, services: &[&str]) -> Certs {
    gw::tls::install();
    let ca = Certs::at(folder);
    certs::init(&ca, &Init { trust_domain: Some(TRUST_DOMAIN.to_owned()), force: true, ..Init::default() }).unwrap();
    for service in services {
        certs::issue(&ca, &Order { force: true, ..Order::service(service) }).unwrap();
    }
    ca
}

/// The way out of the mesh, with a CA of `gw certs` instead of the tests' own.
pub(crate) fn exit(name: &str, protocol: &str, services: &[&str]) -> (Exit, Certs) {
    let exit = Exit::of(name, protocol);
    let ca = mesh(exit.folder.at("certs"), &[&["web"], services].concat());
    (exit, ca)
}
