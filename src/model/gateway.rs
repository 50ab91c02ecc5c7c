//! What is run: a gateway of a kind, its listeners, and the switches of `docs/differences.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::entry::TlsParameters;
use crate::id::{ListenerName, ServiceKey};

/// The kinds of gateways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GatewayKind {
    /// Entry from outside into the mesh.
    Ingress,
    /// Between datacenters.
    Mesh,
    /// Out of the mesh.
    Terminating,
}

impl GatewayKind {
    /// The word of `gw.toml` and of the command.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Mesh => "mesh",
            Self::Terminating => "terminating",
        }
    }

    /// The service name that a gateway has when none is given, as `consul connect envoy` has it.
    pub const fn default_name(self) -> &'static str {
        match self {
            Self::Ingress => "ingress-gateway",
            Self::Mesh => "mesh-gateway",
            Self::Terminating => "terminating-gateway",
        }
    }
}

/// One gateway of a process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GatewayConfig {
    /// Its kind.
    pub kind: GatewayKind,
    /// Its service name; an ingress gateway's entry has the same name.
    pub name: String,
    /// Where its listeners bind.
    pub address: IpAddr,
    /// Ports whose listener binds to another address than that.
    pub addresses: BTreeMap<u16, IpAddr>,
    /// Where the one listener of a gateway binds whose entry names no port. Of an ingress gateway it is no listener: whoever asks there
    /// is told whether the gateway is ready.
    pub port: Option<u16>,
    /// Where a mesh gateway listens besides, for clients of other datacenters.
    pub wan: Option<SocketAddr>,
    /// Whether a mesh gateway carries what Consul's servers of federated datacenters say to each other.
    pub exposes_servers: bool,
    /// Where the gateway differs from Consul with Envoy on purpose, and the operator decides.
    pub switches: Switches,
    /// What it shows to the services of the mesh; without one it speaks to none that has a sidecar.
    pub identity: Option<Identity>,
    /// The leaves that it shows for services which are not in the mesh themselves.
    pub leaves: Option<LeafFolder>,
}

/// A folder of leaves, named as [`Identity::in_folder`] has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeafFolder {
    /// Where it is.
    pub path: PathBuf,
    /// The services whose leaves are there by now, in lower case as their files are; that of another one comes when a client names it.
    /// `None`: all should be there.
    pub there: Option<Arc<BTreeSet<String>>>,
}

impl LeafFolder {
    /// One in which all should be.
    pub const fn of_all(path: PathBuf) -> Self {
        Self { path, there: None }
    }

    /// The leaf of a service, which those server names mean; `None`: it is not there.
    pub fn leaf(&self, service: &str, names: impl FnOnce() -> Vec<String>) -> Option<Leaf> {
        let file = match &self.there {
            None => service.to_owned(),
            Some(there) => there.get(&*ServiceKey::text(service))?.clone(),
        };
        let Identity { cert, key, .. } = Identity::in_folder(&self.path, &file);
        Some(Leaf { service: service.to_owned(), names: names(), cert, key })
    }
}

impl GatewayConfig {
    /// A gateway of which nothing but kind and name is known: on loopback, with everything as usual.
    pub fn of(kind: GatewayKind, name: &str) -> Self {
        let address = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
        Self {
            kind,
            name: name.to_owned(),
            address,
            addresses: BTreeMap::new(),
            port: None,
            wan: None,
            exposes_servers: false,
            switches: Switches::default(),
            identity: None,
            leaves: None,
        }
    }

    /// Where an ingress gateway says whether it is ready, if it does.
    pub fn ready(&self) -> Option<SocketAddr> {
        self.port.filter(|_| self.kind == GatewayKind::Ingress).map(|port| SocketAddr::new(self.address, port))
    }

    /// The port of a gateway that has one listener, and was given none: the one of `consul connect envoy`.
    pub const PORT: u16 = 8443;
}

/// The switches of `docs/differences.md`; the defaults are gw's own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switches {
    /// `strict_host_port`: a Host with another port than the listener's matches nothing.
    pub strict_host_port: bool,
    /// `forwarded`: what happens to `x-forwarded-for` and `x-forwarded-host`.
    pub forwarded: Forwarded,
    /// `code_header`: whether gw's own answers carry `x-gw-code`.
    pub code_header: bool,
    /// `alpn`: what TLS listeners that read requests offer.
    pub alpn: Alpn,
    /// `deny_cuts`: whether connections end that an intention no longer allows.
    pub deny_cuts: bool,
    /// `check_upstream_name`: whether the certificate of a service outside the mesh must be for the host name it is known by, where
    /// its entry says no SNI.
    pub check_upstream_name: bool,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            strict_host_port: false,
            forwarded: Forwarded::Append,
            code_header: true,
            alpn: Alpn::Http2,
            deny_cuts: true,
            check_upstream_name: true,
        }
    }
}

/// How access records are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecordFormat {
    /// A JSON object a line: the keys of Consul's default access log, `code` and `rule`.
    #[default]
    Json,
    /// A line as Envoy's default format has it, then the code and the rule.
    Text,
}

/// What happens to `x-forwarded-for` and `x-forwarded-host`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Forwarded {
    /// The client's address is appended, the host set if absent.
    Append,
    /// Both are left as they came.
    Keep,
}

/// The versions of HTTP that a TLS listener offers by ALPN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Alpn {
    /// `h2`, then `http/1.1`.
    Http2,
    /// `http/1.1` alone.
    Http1,
}

/// What a listener's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Bytes.
    Tcp,
    /// HTTP/1.1, or HTTP/2 by prior knowledge or ALPN, from clients; HTTP/1.1 towards services.
    Http,
    /// The same from clients, HTTP/2 towards services.
    Http2,
    /// As `Http2`.
    Grpc,
}

impl Protocol {
    /// The protocol of one of Consul's four words; anything else behaves as tcp (semantics 1).
    pub fn of(word: &str) -> Self {
        match word {
            "http" => Self::Http,
            "http2" => Self::Http2,
            "grpc" => Self::Grpc,
            _ => Self::Tcp,
        }
    }

    /// Whether requests are read: http, http2 and grpc.
    pub const fn is_http(self) -> bool {
        !matches!(self, Self::Tcp)
    }

    /// Consul's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Http => "http",
            Self::Http2 => "http2",
            Self::Grpc => "grpc",
        }
    }
}

/// A listener to be bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// `edge:8080`.
    pub name: ListenerName,
    /// Address and port.
    pub bind: SocketAddr,
    /// What its bytes are.
    pub protocol: Protocol,
    /// How a connection begins.
    pub mode: ListenerMode,
}

/// How a connection of a listener begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListenerMode {
    /// The protocol itself.
    Plain,
    /// TLS with certificates chosen by SNI.
    TerminateTls,
    /// mTLS of the mesh: SNI names the service, whose leaf is shown; who connects must show one too. What is spoken is the
    /// service's protocol.
    TerminateMtls,
    /// The server name of the ClientHello chooses the service, and TLS is between client and service: what is read is sent on as it is.
    Passthrough,
}

/// A certificate of TLS listeners, in files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// PEM: the leaf, then intermediates.
    pub cert: PathBuf,
    /// PEM: its key.
    pub key: PathBuf,
    /// The names it is for; empty is those in the certificate.
    pub hosts: Vec<String>,
    /// What an entry's `TLS.SDS.CertResource` calls it.
    pub name: Option<String>,
}

/// The identity of a gateway in the mesh, in files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// PEM: the leaf, then intermediates.
    pub cert: PathBuf,
    /// PEM: its key.
    pub key: PathBuf,
    /// PEM: the root certificates that the mesh trusts.
    pub roots: PathBuf,
}

impl Identity {
    /// The files of a service in a folder, named as `consul tls` names them: `ca.pem`, `NAME.pem`, `NAME-key.pem`.
    pub fn in_folder(folder: &Path, service: &str) -> Self {
        let file = |name: String| folder.join(name);
        Self { cert: file(format!("{service}.pem")), key: file(format!("{service}-key.pem")), roots: file("ca.pem".to_owned()) }
    }

    /// Each of the files.
    pub fn files(self) -> [PathBuf; 3] {
        [self.cert, self.key, self.roots]
    }
}

/// What a mesh-mTLS listener shows, and whom it trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboundKeys {
    /// PEM: the root certificates that the mesh trusts.
    pub roots: PathBuf,
    /// The datacenter that the leaves are of.
    pub datacenter: String,
    /// The leaves of the services behind it.
    pub leaves: Vec<Leaf>,
    /// `TLS.Incoming` of `mesh`: which versions and suites are spoken.
    pub tls: TlsParameters,
}

/// The leaf that is shown for a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// The service.
    pub service: String,
    /// The server names that mean it, in lower case.
    pub names: Vec<String>,
    /// PEM: the leaf, then intermediates.
    pub cert: PathBuf,
    /// PEM: its key.
    pub key: PathBuf,
}

/// The files by which a service outside the mesh is spoken to with TLS, as the entry of its gateway names them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OutsideFiles {
    /// `CAFile`
    pub anchors: Anchors,
    /// `CertFile` and `KeyFile`
    pub own: Option<(PathBuf, PathBuf)>,
}

/// Whom a service outside the mesh must have its certificate from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Anchors {
    /// PEM: any certificate in it is trusted, and what it vouches for.
    File(PathBuf),
    /// `system`: the roots of the machine.
    System,
}

impl OutsideFiles {
    /// What an entry says; `None` without a `CAFile`: the service is spoken to in clear text.
    pub fn of(ca_file: &str, cert_file: &str, key_file: &str) -> Option<Self> {
        let anchors = match ca_file {
            "" => return None,
            "system" => Anchors::System,
            path => Anchors::File(path.into()),
        };
        let own = (!cert_file.is_empty() && !key_file.is_empty()).then(|| (cert_file.into(), key_file.into()));
        Some(Self { anchors, own })
    }

    /// Each of the files.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let anchors = if let Anchors::File(path) = &self.anchors { Some(path) } else { None };
        anchors.into_iter().chain(self.own.iter().flat_map(|(cert, key)| [cert, key]))
    }
}

impl fmt::Display for Anchors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "CAFile {}", path.display()),
            Self::System => f.write_str("the roots of the machine (CAFile = \"system\")"),
        }
    }
}
