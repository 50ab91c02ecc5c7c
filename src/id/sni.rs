//! The server names by which the mesh is addressed in TLS (semantics 2.1): written for a target, and read back into what they name.

use std::fmt;

use super::{DEFAULT_NAMESPACE, DEFAULT_PARTITION, TargetId, TrustDomain};

/// The SNI of a target of the own cluster: `[<subset>.]<service>.<namespace>.<dc>.internal.<trust domain>`, with the
/// partition and `internal-v1` where the partition is not the default one.
pub fn service_sni(target: &TargetId, trust_domain: &TrustDomain) -> String {
    let TargetId { service, subset, namespace, partition, datacenter, .. } = target;
    let dot = if subset.is_empty() { "" } else { "." };
    if **partition == *DEFAULT_PARTITION {
        // One allocation and no formatting: every target of every chain has one.
        [subset, dot, service, ".", namespace, ".", datacenter, ".internal.", trust_domain.as_str()].concat()
    } else {
        format!("{subset}{dot}{service}.{namespace}.{partition}.{datacenter}.internal-v1.{trust_domain}")
    }
}

/// The SNI of a service at a peer: `<service>.<namespace>.<partition>.<peer>.external.<trust domain>`, where the trust
/// domain is the exporter's and the peer is the exporter's name for the importer.
pub fn external_sni(target: &TargetId, trust_domain: &TrustDomain) -> String {
    let TargetId { service, namespace, partition, peer, .. } = target;
    format!("{service}.{namespace}.{partition}.{peer}.external.{trust_domain}")
}

/// What every server name of a datacenter's services ends in: `<dc>.internal.<trust domain>`.
pub fn datacenter_sni(datacenter: &str, trust_domain: &TrustDomain) -> String {
    format!("{datacenter}.internal.{trust_domain}")
}

/// The name of a server for those of federated datacenters, or of any server of a datacenter: `[<node>.]server.<dc>.<domain>`.
pub fn server_sni(node: Option<&str>, datacenter: &str, domain: &str) -> String {
    let node = node.map(|node| format!("{node}.")).unwrap_or_default();
    format!("{node}server.{datacenter}.{domain}")
}

/// What a server name names, in lower case. Read by its form alone: whether there is such a thing is not known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sni {
    /// A service or a subset of it, of a datacenter or of a peer.
    Target(TargetId, TrustDomain),
    /// The mesh gateways of a datacenter, which is what the names of its services end in.
    Gateways {
        /// The datacenter.
        datacenter: String,
        /// `default`, unless the name says another.
        partition: String,
        /// Of which mesh.
        trust_domain: TrustDomain,
    },
    /// A prepared query.
    Query {
        /// Its name.
        query: String,
        /// Where it is asked.
        datacenter: String,
        /// Of which mesh.
        trust_domain: TrustDomain,
    },
    /// The servers that peers of a datacenter speak to.
    Peering {
        /// The datacenter.
        datacenter: String,
        /// Of which mesh.
        trust_domain: TrustDomain,
    },
    /// A server of a datacenter, for other servers.
    Server {
        /// The server's node; any of them if not given.
        node: Option<String>,
        /// The datacenter.
        datacenter: String,
        /// The domain of Consul's DNS, `consul` unless it was configured.
        domain: String,
    },
}

/// Why a server name is none of the mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoSuchForm {
    /// Longer than any name of DNS.
    #[error("it is longer than 253 characters, as no name of DNS is")]
    TooLong,
    /// Two dots, or one at an end.
    #[error("a label of it is empty: it begins or ends with a dot, or has two in a row")]
    EmptyLabel,
    /// No form that Consul writes.
    #[error("it has no form that Consul writes, such as SERVICE.default.DATACENTER.internal.TRUST-DOMAIN")]
    Unknown,
}

impl Sni {
    /// No name of DNS is longer.
    pub const LONGEST: usize = 253;

    /// Reads a server name in any case. Where a name can be read in two ways, for what it names may be called `internal` too, the
    /// reading in the own trust domain goes before.
    pub fn parse(name: &str, own: &TrustDomain) -> Result<Self, NoSuchForm> {
        if name.len() > Self::LONGEST {
            return Err(NoSuchForm::TooLong);
        }
        let name = name.to_ascii_lowercase();
        let labels: Vec<&str> = name.split('.').collect();
        if labels.iter().any(|label| label.is_empty()) {
            return Err(NoSuchForm::EmptyLabel);
        }
        // What stands before the trust domain has six labels and the word at most.
        let readings = (1..labels.len().min(7)).filter_map(|word| of_mesh(&labels[..word], labels[word], &labels[word + 1..].join(".")));
        let readings: Vec<Self> = readings.collect();
        let in_own = readings.iter().position(|sni| sni.trust_domain() == Some(own));
        let best = readings.into_iter().nth(in_own.unwrap_or(0));
        best.or_else(|| of_servers(&labels)).ok_or(NoSuchForm::Unknown)
    }

    /// The mesh that it is of; `None` for servers, which are of none.
    pub fn trust_domain(&self) -> Option<&TrustDomain> {
        match self {
            Self::Target(_, trust_domain)
            | Self::Gateways { trust_domain, .. }
            | Self::Query { trust_domain, .. }
            | Self::Peering { trust_domain, .. } => Some(trust_domain),
            Self::Server { .. } => None,
        }
    }

    /// The datacenter that it says; `None` at a peer.
    pub fn datacenter(&self) -> Option<&str> {
        match self {
            Self::Target(id, _) => Some(&*id.datacenter).filter(|datacenter| !datacenter.is_empty()),
            Self::Gateways { datacenter, .. }
            | Self::Query { datacenter, .. }
            | Self::Peering { datacenter, .. }
            | Self::Server { datacenter, .. } => Some(datacenter),
        }
    }
}

/// The labels before the word that says which form it is, that word, and the trust domain after it.
fn of_mesh(before: &[&str], word: &str, trust_domain: &str) -> Option<Sni> {
    let mesh = || TrustDomain::new(trust_domain);
    let target = |subset: &str, service: &str, namespace: &str, partition: &str, datacenter: &str, peer: &str| {
        let (subset, namespace, partition, peer) = (subset.into(), namespace.into(), partition.into(), peer.into());
        Sni::Target(TargetId { subset, namespace, partition, peer, ..TargetId::service(service, datacenter) }, mesh())
    };
    Some(match (word, before) {
        _ if trust_domain.is_empty() => return None,
        ("internal", [service, namespace, dc]) => target("", service, namespace, DEFAULT_PARTITION, dc, ""),
        ("internal", [subset, service, namespace, dc]) => target(subset, service, namespace, DEFAULT_PARTITION, dc, ""),
        ("internal", [dc]) => gateways(dc, DEFAULT_PARTITION, mesh()),
        ("internal-v1", [.., DEFAULT_PARTITION, _]) => return None,
        ("internal-v1", [service, namespace, partition, dc]) => target("", service, namespace, partition, dc, ""),
        ("internal-v1", [subset, service, namespace, partition, dc]) => target(subset, service, namespace, partition, dc, ""),
        ("internal-v1", [partition, dc]) => gateways(dc, partition, mesh()),
        ("external", [service, namespace, partition, peer]) => target("", service, namespace, partition, "", peer),
        ("query", [query, DEFAULT_NAMESPACE, dc]) => {
            Sni::Query { query: (*query).to_owned(), datacenter: (*dc).to_owned(), trust_domain: mesh() }
        }
        ("peering", ["server", dc]) => Sni::Peering { datacenter: (*dc).to_owned(), trust_domain: mesh() },
        _ => return None,
    })
}

fn gateways(datacenter: &str, partition: &str, trust_domain: TrustDomain) -> Sni {
    Sni::Gateways { datacenter: datacenter.to_owned(), partition: partition.to_owned(), trust_domain }
}

/// `[<node>.]server.<dc>.<domain>`
fn of_servers(labels: &[&str]) -> Option<Sni> {
    let (node, datacenter, domain) = match labels {
        ["server", dc, domain @ ..] => (None, dc, domain),
        [node, "server", dc, domain @ ..] => (Some((*node).to_owned()), dc, domain),
        _ => return None,
    };
    let of = || Sni::Server { node, datacenter: (*datacenter).to_owned(), domain: domain.join(".") };
    (!domain.is_empty()).then(of)
}

impl fmt::Display for Sni {
    /// As it is written in a handshake.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target(id, trust_domain) if !id.peer.is_empty() => f.write_str(&external_sni(id, trust_domain)),
            Self::Target(id, trust_domain) => f.write_str(&service_sni(id, trust_domain)),
            Self::Gateways { datacenter, partition, trust_domain } if partition == DEFAULT_PARTITION => {
                f.write_str(&datacenter_sni(datacenter, trust_domain))
            }
            Self::Gateways { datacenter, partition, trust_domain } => write!(f, "{partition}.{datacenter}.internal-v1.{trust_domain}"),
            Self::Query { query, datacenter, trust_domain } => write!(f, "{query}.{DEFAULT_NAMESPACE}.{datacenter}.query.{trust_domain}"),
            Self::Peering { datacenter, trust_domain } => write!(f, "server.{datacenter}.peering.{trust_domain}"),
            Self::Server { node, datacenter, domain } => f.write_str(&server_sni(node.as_deref(), datacenter, domain)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_sni_names_subset_service_namespace_datacenter_and_trust_domain() {
        let td = TrustDomain::new("TD.consul");
        let mut id = TargetId::service("web", "dc1");
        assert_eq!(service_sni(&id, &td), "web.default.dc1.internal.td.consul");
        id.subset = "v2".into();
        assert_eq!(service_sni(&id, &td), "v2.web.default.dc1.internal.td.consul");
        id.partition = "p1".into();
        assert_eq!(service_sni(&id, &td), "v2.web.default.p1.dc1.internal-v1.td.consul");
    }

    fn read(name: &str) -> Result<Sni, NoSuchForm> {
        Sni::parse(name, &TrustDomain::new("td.consul"))
    }

    #[test]
    fn what_may_be_read_in_two_ways_is_of_the_own_trust_domain() {
        let subset = TargetId { subset: "a".into(), namespace: "c".into(), ..TargetId::service("b", "internal") };
        assert_eq!(read("a.b.c.internal.internal.TD.consul"), Ok(Sni::Target(subset, TrustDomain::new("td.consul"))));
        let other = TargetId { namespace: "b".into(), ..TargetId::service("a", "c") };
        assert_eq!(read("a.b.c.internal.internal.other"), Ok(Sni::Target(other, TrustDomain::new("internal.other"))));
    }

    #[test]
    fn what_no_form_fits_is_no_name_of_the_mesh() {
        use NoSuchForm::{EmptyLabel, TooLong, Unknown};
        for (name, why) in [
            ("", EmptyLabel),
            ("web.default.dc1.internal.td.consul.", EmptyLabel),
            ("web..dc1.internal.td.consul", EmptyLabel),
            (".dc1.internal.td", EmptyLabel),
            ("local_agent", Unknown),
            ("www.example.com", Unknown),
            ("web.default.dc1.internal", Unknown),
            ("x.v1.web.default.dc1.internal.td", Unknown),
            ("web.dc1.internal.td", Unknown),
            ("q.other.dc1.query.td", Unknown),
            ("web.default.default.dc1.internal-v1.td", Unknown),
            ("server.dc1", Unknown),
            ("server.consul", Unknown),
            (&"a.".repeat(127), TooLong),
        ] {
            assert_eq!(read(name), Err(why), "{name}");
        }
    }

    fn label() -> impl Strategy<Value = String> {
        // Also the words of the grammar, which services may have for names.
        prop_oneof![8 => "[a-z0-9][a-z0-9_-]{0,8}", 1 => Just("internal".to_owned()), 1 => Just("server".to_owned()), 1 => Just("query".to_owned())]
    }

    fn sni() -> impl Strategy<Value = Sni> {
        let trust_domain = prop_oneof![Just("td.consul".to_owned()), Just("prod".to_owned()), Just("a.b.c.d".to_owned())];
        (0..8, proptest::collection::vec(label(), 5), trust_domain).prop_map(|(form, labels, trust_domain)| {
            let [a, b, c, d, e] = <[String; 5]>::try_from(labels).expect("five");
            let trust_domain = TrustDomain::new(&trust_domain);
            // A name without a partition is of the default one.
            let partition = if form % 2 == 0 { DEFAULT_PARTITION.to_owned() } else { d };
            let id = TargetId { namespace: b.as_str().into(), partition: partition.as_str().into(), ..TargetId::service(&a, &c) };
            match form {
                0 | 1 => Sni::Target(id, trust_domain),
                2 | 3 => Sni::Target(TargetId { subset: e.as_str().into(), ..id }, trust_domain),
                4 => Sni::Target(TargetId { peer: e.as_str().into(), datacenter: "".into(), ..id }, trust_domain),
                5 => Sni::Gateways { datacenter: a, partition, trust_domain },
                6 => Sni::Query { query: a, datacenter: c, trust_domain },
                _ => Sni::Peering { datacenter: c, trust_domain },
            }
        })
    }

    proptest! {
        #[test]
        fn a_name_is_read_as_it_is_written(sni in sni(), upper in any::<bool>()) {
            let own = sni.trust_domain().expect("of a mesh").clone();
            let name = if upper { sni.to_string().to_ascii_uppercase() } else { sni.to_string() };
            prop_assert_eq!(Sni::parse(&name, &own), Ok(sni));
        }

        #[test]
        fn a_server_is_read_as_it_is_written(node in proptest::option::of("[a-z0-9-]{1,9}"), dc in "[a-z0-9_-]{1,9}") {
            prop_assume!(node.as_deref() != Some("server") && dc != "peering" && dc != "internal");
            let sni = Sni::Server { node, datacenter: dc, domain: "consul".into() };
            prop_assert_eq!(read(&sni.to_string()), Ok(sni));
        }

        #[test]
        fn whatever_a_client_sends_is_read_without_a_panic_and_written_the_same(name in "[a-zA-Z0-9._é-]{0,260}|([a-c]|server|internal|internal-v1|external|query|default|\\.){0,24}") {
            if let Ok(sni) = read(&name) {
                prop_assert_eq!(sni.to_string(), name.to_ascii_lowercase());
            }
        }
    }
}
