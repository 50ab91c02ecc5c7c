//! The shape of `gw.toml`. Unknown keys are errors.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;

use super::datacenters::{Datacenters, PeerTable, ServerTable};
use crate::source::consul::settings::Flags;
use crate::source::diagnostic::{Diagnostic, Text};

/// The keys at the top of a `gw.toml`.
pub(super) const KEYS: &[&str] = &[
    "datacenter",
    "trust_domain",
    "entries",
    "default_intention",
    "certs",
    "consul",
    "gateway",
    "service",
    "certificate",
    "dns",
    "peer",
    "server",
    "domain",
];

/// `gw.toml` as it is written; `convert` gives it its meaning.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GwToml {
    /// `datacenter`, or `[[datacenter]]`
    pub datacenter: Option<Datacenters>,
    /// `[[peer]]`
    #[serde(default)]
    pub peer: Vec<PeerTable>,
    /// `[[server]]`
    #[serde(default)]
    pub server: Vec<ServerTable>,
    /// The domain of Consul's DNS, with which the names of servers end; `consul` if not given.
    pub domain: Option<Spanned<String>>,
    /// The trust domain of the mesh.
    pub trust_domain: Option<String>,
    /// Files or folders of config entries.
    #[serde(default)]
    pub entries: Vec<Spanned<String>>,
    /// `allow` or `deny`, where no intention says anything; `deny` if not given. An ingress gateway does not ask: the services
    /// behind it do.
    pub default_intention: Option<Spanned<String>>,
    /// `[certs]`
    pub certs: Option<CertsTable>,
    /// `[consul]`
    pub consul: Option<Spanned<Flags>>,
    /// `[[gateway]]`
    #[serde(default)]
    pub gateway: Vec<GatewayTable>,
    /// `[[service]]`
    #[serde(default)]
    pub service: Vec<ServiceTable>,
    /// `[[certificate]]`
    #[serde(default)]
    pub certificate: Vec<CertificateTable>,
    /// `[dns]`
    #[serde(default)]
    pub dns: DnsTable,
}

/// `[certs]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertsTable {
    /// The folder of the mesh's certificates: `ca.pem`, and for each gateway `NAME.pem` and `NAME-key.pem`.
    pub dir: Spanned<String>,
}

/// `[[gateway]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayTable {
    /// `ingress`, `mesh` or `terminating`.
    pub kind: Spanned<String>,
    /// The service name; the kind's default if not given.
    pub name: Option<String>,
    /// Where its listeners bind: an IP address; 127.0.0.1 if not given. Of a terminating gateway, which has one, `ip:port`;
    /// 127.0.0.1:8443 if not given.
    pub address: Option<Spanned<String>>,
    /// Where clients of other datacenters connect, as it is registered: `ip:port`. A mesh gateway listens there besides.
    pub wan_address: Option<Spanned<String>>,
    /// Whether a mesh gateway carries what Consul's servers of federated datacenters say to each other; `false` if not given.
    pub expose_servers: Option<Spanned<bool>>,
    /// Where its admin listener binds: `ip:port`.
    pub admin: Option<Spanned<String>>,
    /// Where access records go: a file, or `stdout`.
    pub access_log: Option<Spanned<String>>,
    /// `json` or `text`; `json` if not given.
    pub access_log_format: Option<Spanned<String>>,
    /// A switch of `docs/differences.md`.
    #[serde(default)]
    pub strict_host_port: bool,
    /// A switch of `docs/differences.md`: `append` or `keep`.
    pub forwarded: Option<Spanned<String>>,
    /// A switch of `docs/differences.md`.
    pub code_header: Option<bool>,
    /// A switch of `docs/differences.md`: `["h2", "http/1.1"]` or `["http/1.1"]`.
    pub alpn: Option<Spanned<Vec<String>>>,
    /// A switch of `docs/differences.md`.
    pub deny_cuts: Option<bool>,
    /// A switch of `docs/differences.md`.
    pub check_upstream_name: Option<bool>,
}

/// `[[service]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceTable {
    /// Its name.
    pub name: Spanned<String>,
    /// Where it is; the own datacenter if not given.
    pub datacenter: Option<Spanned<String>>,
    /// `[[service.instance]]`
    #[serde(default)]
    pub instance: Vec<InstanceTable>,
}

/// `[[service.instance]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstanceTable {
    /// `ip:port` or `host:port`.
    pub address: Spanned<String>,
    /// Whether a sidecar answers there with mTLS.
    pub mesh: Option<Spanned<bool>>,
    /// `SERVICE-N` if not given.
    pub id: Option<String>,
    /// `Service.Meta`
    #[serde(default)]
    pub meta: BTreeMap<String, String>,
    /// `Service.Tags`
    #[serde(default)]
    pub tags: Vec<String>,
    /// `passing`, `warning` or `critical`; `passing` if not given.
    pub health: Option<Spanned<String>>,
    /// Relative weight; 1 if not given, 0 takes the instance out.
    pub weight: Option<u32>,
    /// An active check.
    pub check: Option<Spanned<CheckTable>>,
}

/// `check` of an instance, in the words of Consul's check definitions.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckTable {
    /// A path of the instance, or a URL.
    pub http: Option<Spanned<String>>,
    /// `true`, or `ip:port` or `host:port`.
    pub tcp: Option<Spanned<TcpCheck>>,
    /// `GET` if not given.
    pub method: Option<Spanned<String>>,
    /// Headers of the request: names, each with a list of values.
    #[serde(default)]
    pub header: BTreeMap<String, Vec<Spanned<String>>>,
    /// `10s` if not given.
    pub interval: Option<Spanned<String>>,
    /// The interval if not given, at most `10s`.
    pub timeout: Option<Spanned<String>>,
    /// 1 if not given.
    #[serde(default)]
    pub success_before_passing: u32,
    /// 1 if not given.
    #[serde(default)]
    pub failures_before_critical: u32,
}

/// `tcp` of a check.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "tcp is true, or an address such as 127.0.0.1:3000")]
pub enum TcpCheck {
    /// Where the instance answers.
    Own(bool),
    /// Elsewhere.
    At(String),
}

/// `[dns]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DnsTable {
    /// `ip` or `ip:port`; those of `/etc/resolv.conf` if not given.
    #[serde(default)]
    pub servers: Vec<Spanned<String>>,
}

/// `[[certificate]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateTable {
    /// A PEM file: the leaf, then intermediates.
    pub cert: Spanned<String>,
    /// A PEM file with its key.
    pub key: Spanned<String>,
    /// The names it is for, instead of those in the certificate.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// What an entry's `TLS.SDS.CertResource` calls it.
    pub name: Option<String>,
}

/// Parses the text; the error is placed where TOML or the schema is broken.
pub(super) fn parse(text: &Arc<Text>) -> Result<GwToml, Vec<Diagnostic>> {
    toml::from_str(&text.content).map_err(|e| {
        let span: Range<usize> = e.span().unwrap_or(0..0);
        let twice = e.message() == "duplicate key" && text.content.get(span.clone()).is_some_and(|key| key.contains("datacenter"));
        let message = e.message().lines().collect::<Vec<_>>().join("; ");
        let mut diagnostic = Diagnostic::error("GW0003", message).at(text, span);
        if diagnostic.message.starts_with("unknown field") {
            if let Some(name) = meant(&diagnostic.message) {
                diagnostic = diagnostic.label(format!("did you mean {name:?}?"));
            }
            diagnostic = diagnostic.help("gw.toml(5) lists every key");
        }
        if twice {
            diagnostic = diagnostic
                .help("TOML has one key datacenter: instead of datacenter = .. say own = true in the [[datacenter]] of the own one");
        }
        vec![diagnostic]
    })
}

/// The key that was probably meant, of those that the message lists: the first in backquotes is the one that was written.
fn meant(message: &str) -> Option<String> {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let written = quoted.next()?;
    let scored = quoted.map(|name| (name, strsim::jaro_winkler(written, name))).filter(|(_, score)| *score >= 0.8);
    scored.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(name, _)| name.to_owned())
}
