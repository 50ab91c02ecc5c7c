//! The id of a target of a discovery chain.

use std::fmt;
use std::sync::{Arc, LazyLock};

use super::{DEFAULT_NAMESPACE, DEFAULT_PARTITION};

/// What a discovery chain ends in: a service or a subset of it, in a datacenter or at a peer.
///
/// Printed as Consul prints it (semantics 4.1): `[<subset>.]<service>.<namespace>.<partition>.<datacenter>`,
/// or `<service>.<namespace>.<partition>.external.<peer>`, which names no subset although there may be one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetId {
    /// The service, in the spelling of the reference that named it.
    pub service: Arc<str>,
    /// Empty: the service as a whole.
    pub subset: Arc<str>,
    /// `default` in the community edition, unless a route's destination says otherwise.
    pub namespace: Arc<str>,
    /// As `namespace`.
    pub partition: Arc<str>,
    /// Empty for a target at a peer.
    pub datacenter: Arc<str>,
    /// Empty for a target of the own cluster.
    pub peer: Arc<str>,
}

impl TargetId {
    /// A whole service of the default namespace and partition.
    pub fn service(service: &str, datacenter: &str) -> Self {
        static PARTS: LazyLock<[Arc<str>; 3]> = LazyLock::new(|| ["", DEFAULT_NAMESPACE, DEFAULT_PARTITION].map(Arc::from));
        let [empty, namespace, partition] = &*PARTS;
        Self {
            service: service.into(),
            subset: empty.clone(),
            namespace: namespace.clone(),
            partition: partition.clone(),
            datacenter: datacenter.into(),
            peer: empty.clone(),
        }
    }
}

impl TargetId {
    /// As it is printed. Every chain prints its ids over and over, so this is one allocation and no formatting.
    pub fn text(&self) -> String {
        self.parts().concat()
    }

    /// The same after a word.
    pub fn after(&self, word: &str) -> String {
        let [a, b, c, d, e, f, g, h, i] = self.parts();
        [word, a, b, c, d, e, f, g, h, i].concat()
    }

    fn parts(&self) -> [&str; 9] {
        let (subset, dot) = if !self.subset.is_empty() && self.peer.is_empty() { (&*self.subset, ".") } else { ("", "") };
        let (at, place) = if self.peer.is_empty() { (".", &self.datacenter) } else { (".external.", &self.peer) };
        [subset, dot, &self.service, ".", &self.namespace, ".", &self.partition, at, place]
    }
}

impl fmt::Display for TargetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts().iter().try_for_each(|part| f.write_str(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_id_is_printed_as_consul_prints_it() {
        let mut id = TargetId::service("web", "dc1");
        assert_eq!(id.to_string(), "web.default.default.dc1");
        id.subset = "v1".into();
        assert_eq!(id.to_string(), "v1.web.default.default.dc1");
        id.peer = "east".into();
        id.datacenter = "".into();
        assert_eq!(id.to_string(), "web.default.default.external.east");
    }
}
