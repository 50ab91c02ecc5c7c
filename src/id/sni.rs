//! The server names by which mesh services are addressed in TLS (semantics 2.1).

use super::{DEFAULT_PARTITION, TargetId, TrustDomain};

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

#[cfg(test)]
mod tests {
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
}
