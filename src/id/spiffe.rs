//! SPIFFE trust domains, and the ids of services in them.

use std::fmt;
use std::sync::Arc;

use super::{DEFAULT_PARTITION, TargetId};

/// The trust domain of a mesh, `<uuid>.consul` where Consul made it: the last part of every mesh SNI and the
/// authority of every SPIFFE id. Compared without case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TrustDomain(Arc<str>);

impl TrustDomain {
    /// The trust domain of a mesh of files that names none.
    pub const OF_FILES: &str = "11111111-2222-3333-4444-555555555555.consul";

    /// Takes the text as it is, lower-cased.
    pub fn new(text: &str) -> Self {
        Self(text.to_ascii_lowercase().into())
    }

    /// The trust domain in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The identity of a service: `spiffe://<trust domain>[/ap/<partition>]/ns/<namespace>/dc/<datacenter>/svc/<service>` (semantics
/// 2.2). The parts are decoded; two ids are equal if their parts are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SpiffeId {
    /// Compared without case.
    pub trust_domain: TrustDomain,
    /// `default` is not written.
    pub partition: Arc<str>,
    /// `default` in the community edition.
    pub namespace: Arc<str>,
    /// Where the service's certificate was issued.
    pub datacenter: Arc<str>,
    /// The service.
    pub service: Arc<str>,
}

impl SpiffeId {
    /// What the instances of a target of the own cluster call themselves, whichever subset is meant.
    pub fn of_target(target: &TargetId, trust_domain: &TrustDomain) -> Self {
        Self {
            trust_domain: trust_domain.clone(),
            partition: target.partition.clone(),
            namespace: target.namespace.clone(),
            datacenter: target.datacenter.clone(),
            service: target.service.clone(),
        }
    }

    /// Reads the URI of a certificate. `None`: it is no service's.
    pub fn parse(uri: &str) -> Option<Self> {
        let (trust_domain, path) = trust_domain_and_path(uri)?;
        let parts: Vec<String> = path.split('/').map(decoded).collect::<Option<_>>()?;
        let (partition, rest) = match parts.as_slice() {
            [ap, partition, rest @ ..] if ap == "ap" => (partition.as_str(), rest),
            rest => (DEFAULT_PARTITION, rest),
        };
        let [ns, namespace, dc, datacenter, svc, service] = rest else {
            return None;
        };
        if (ns.as_str(), dc.as_str(), svc.as_str()) != ("ns", "dc", "svc") {
            return None;
        }
        Some(Self {
            trust_domain,
            partition: partition.into(),
            namespace: namespace.as_str().into(),
            datacenter: datacenter.as_str().into(),
            service: service.as_str().into(),
        })
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "spiffe://{}", self.trust_domain)?;
        if *self.partition != *DEFAULT_PARTITION {
            write!(f, "/ap/{}", Encoded(&self.partition))?;
        }
        write!(f, "/ns/{}/dc/{}/svc/{}", Encoded(&self.namespace), Encoded(&self.datacenter), Encoded(&self.service))
    }
}

/// Whom Consul's CA certifies for a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// A service.
    Service(SpiffeId),
    /// The mesh gateways of a datacenter: `spiffe://<trust domain>/gateway/mesh/dc/<datacenter>`, as the community edition has it.
    MeshGateway {
        /// The trust domain.
        trust_domain: TrustDomain,
        /// The datacenter.
        datacenter: Arc<str>,
    },
}

impl Identity {
    /// Reads the URI of a certificate. `None`: it is of neither.
    pub fn parse(uri: &str) -> Option<Self> {
        if let Some(service) = SpiffeId::parse(uri) {
            return Some(Self::Service(service));
        }
        let (trust_domain, path) = trust_domain_and_path(uri)?;
        let datacenter = path.strip_prefix("gateway/mesh/dc/").filter(|rest| !rest.contains('/'))?;
        Some(Self::MeshGateway { trust_domain, datacenter: decoded(datacenter)?.into() })
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(id) => id.fmt(f),
            Self::MeshGateway { trust_domain, datacenter } => write!(f, "spiffe://{trust_domain}/gateway/mesh/dc/{}", Encoded(datacenter)),
        }
    }
}

/// What every id begins with, and the rest of it.
fn trust_domain_and_path(uri: &str) -> Option<(TrustDomain, &str)> {
    let scheme = uri.get(..9).filter(|s| s.eq_ignore_ascii_case("spiffe://"))?;
    let (trust_domain, path) = uri[scheme.len()..].split_once('/')?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    let is_one = !trust_domain.is_empty() && trust_domain.bytes().all(plain);
    is_one.then(|| (TrustDomain::new(trust_domain), path))
}

/// A path element with what is not unreserved (RFC 3986, 2.3) percent-encoded.
struct Encoded<'a>(&'a str);

impl fmt::Display for Encoded<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for b in self.0.bytes() {
            if b.is_ascii_alphanumeric() || b"-._~".contains(&b) {
                write!(f, "{}", char::from(b))?;
            } else {
                write!(f, "%{b:02X}")?;
            }
        }
        Ok(())
    }
}

/// A path element, decoded; `None` if it is empty, or its escapes or what they stand for are wrong.
fn decoded(element: &str) -> Option<String> {
    let mut out = Vec::with_capacity(element.len());
    let mut bytes = element.bytes();
    while let Some(b) = bytes.next() {
        if b == b'%' {
            let digit = |b: Option<u8>| char::from(b?).to_digit(16);
            let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
            out.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            out.push(b);
        }
    }
    String::from_utf8(out).ok().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_written() {
        let mut target = TargetId::service("web", "dc1");
        let td = TrustDomain::new("TD.consul");
        let id = SpiffeId::of_target(&target, &td);
        assert_eq!(id.to_string(), "spiffe://td.consul/ns/default/dc/dc1/svc/web");
        assert_eq!(SpiffeId::parse("SPIFFE://Td.Consul/ns/default/dc/dc1/svc/w%65b"), Some(id));
        target.partition = "p/1".into();
        let id = SpiffeId::of_target(&target, &td);
        assert_eq!(id.to_string(), "spiffe://td.consul/ap/p%2F1/ns/default/dc/dc1/svc/web");
        assert_eq!(SpiffeId::parse(&id.to_string()), Some(id));
    }

    #[test]
    fn what_is_no_services_id_is_none() {
        for uri in [
            "",
            "spiffe://",
            "spiffe://td.consul",
            "https://td.consul/ns/default/dc/dc1/svc/web",
            "spiffe:///ns/default/dc/dc1/svc/web",
            "spiffe://u@td.consul/ns/default/dc/dc1/svc/web",
            "spiffe://td.consul/ns/default/dc/dc1/svc/",
            "spiffe://td.consul/ns/default/dc/dc1/svc/web/",
            "spiffe://td.consul/ns/default/dc/dc1/svc/w%6",
            "spiffe://td.consul/ns/default/dc/dc1/svc/w%ff",
            "spiffe://td.consul/ns//dc/dc1/svc/web",
            "spiffe://td.consul/gateway/mesh/dc/dc1",
            "spiffe://td.consul/agent/server/dc/dc1",
        ] {
            assert_eq!(SpiffeId::parse(uri), None, "{uri}");
        }
    }

    #[test]
    fn a_mesh_gateways_id_is_read_as_it_is_written() {
        let id = Identity::MeshGateway { trust_domain: TrustDomain::new("td.consul"), datacenter: "dc1".into() };
        assert_eq!(id.to_string(), "spiffe://td.consul/gateway/mesh/dc/dc1");
        assert_eq!(Identity::parse(&id.to_string()), Some(id));
        let web = Identity::parse("spiffe://td.consul/ns/default/dc/dc1/svc/web");
        assert!(matches!(web, Some(Identity::Service(id)) if &*id.service == "web"));
        for none in ["spiffe://td.consul/gateway/mesh/dc/", "spiffe://td.consul/gateway/mesh/dc/a/b", "spiffe:///gateway/mesh/dc/dc1"] {
            assert_eq!(Identity::parse(none), None, "{none}");
        }
    }
}
