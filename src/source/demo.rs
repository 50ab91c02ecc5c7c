//! The embedded default: a small mesh, so that `gw ingress --listen 8080` just works.

use std::net::SocketAddr;
use std::sync::Arc;

use super::diagnostic::Text;
use super::entry::{self, Syntax};
use super::flags::{self, FlagError, Listen};
use crate::id::{Datacenter, ServiceName, TrustDomain};
use crate::model::entry::{ConfigEntry, Entries, EntryKind, IngressService, IntentionAction};
use crate::model::resources::Resources;
use crate::model::service::{Address, Service};

/// The entries of the small mesh, as an operator would write them.
pub const ENTRIES: [&str; 3] = [include_str!("demo/router.hcl"), include_str!("demo/splitter.hcl"), include_str!("demo/resolver.hcl")];

/// Where the echo services of the small mesh answer.
#[derive(Clone, Copy, Debug)]
pub struct Echoes {
    /// `web`, version v1.
    pub web_v1: SocketAddr,
    /// `web`, version v2.
    pub web_v2: SocketAddr,
    /// `api`.
    pub api: SocketAddr,
}

/// The small mesh behind the listeners of the command line.
pub fn resources(gateway: &str, listens: &[Listen], echoes: &Echoes) -> Result<Resources, FlagError> {
    let texts = ENTRIES.map(|content| Arc::new(Text { origin: "embedded".to_owned(), content: content.to_owned() }));
    let protocol = flags::one_protocol(listens)?;
    let decoded = texts.iter().flat_map(|text| entry::read(text, Syntax::Hcl).0);
    // Behind a tcp listener there are no requests to route or split; the default subset remains.
    let kept = |e: &ConfigEntry| protocol.is_http() || e.kind() == EntryKind::ServiceResolver;
    let mut entries: Entries = decoded.filter_map(|d| d.entry).filter(kept).collect();
    let hosts = if protocol.is_http() { vec!["*".to_owned()] } else { Vec::new() };
    let behind = IngressService { name: "web".to_owned(), hosts, ..IngressService::default() };
    entries.insert(flags::ingress_entry(gateway, listens, &[behind]));
    entries.insert(flags::proxy_defaults(protocol));
    let web = Service {
        name: ServiceName::from("web"),
        instances: vec![
            flags::instance("web-1", &Address::Socket(echoes.web_v1), &[("version", "v1")]),
            flags::instance("web-2", &Address::Socket(echoes.web_v2), &[("version", "v2")]),
        ],
    };
    let api = flags::service("api", &Address::Socket(echoes.api));
    Ok(Resources {
        gateway: flags::gateway(gateway, listens)?,
        datacenter: Datacenter::from("dc1"),
        trust_domain: TrustDomain::new(TrustDomain::OF_FILES),
        entries: Arc::new(entries),
        services: Arc::new([web, api].into_iter().map(|s| (s.name.key(), Arc::new(s))).collect()),
        federation: Default::default(),
        default_action: IntentionAction::Deny,
        rejected: Vec::new(),
        written: Default::default(),
    })
}
