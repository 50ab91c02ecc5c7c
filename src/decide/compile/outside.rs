//! The instances of a service outside the mesh: which are used, with which TLS, under which Host.

use std::sync::Arc;

use http::HeaderValue;

use super::health::least_bad;
use super::target::endpoint;
use crate::decide::snapshot::{Endpoint, Unused, UpstreamTls};
use crate::model::entry::{LinkedService, RuleRef};
use crate::model::gateway::{OutsideFiles, Protocol};
use crate::model::service::{Instance, Service};

/// How a terminating gateway speaks to a service that it is linked with.
#[derive(Clone, Debug)]
pub(super) struct Outside {
    rule: RuleRef,
    /// `None`: in clear text.
    files: Option<OutsideFiles>,
    /// `SNI`; empty is none.
    sni: String,
    rewrites_host: bool,
    protocol: Protocol,
    /// Whether the host name of an instance stands in for an `SNI` that is not given (`docs/differences.md`, upstream-name).
    checks_name: bool,
}

impl Outside {
    pub(super) fn of(linked: &LinkedService, rule: RuleRef, protocol: Protocol, checks_name: bool) -> Self {
        Self {
            rule,
            files: OutsideFiles::of(&linked.ca_file, &linked.cert_file, &linked.key_file),
            sni: linked.sni.clone(),
            rewrites_host: !linked.disable_auto_host_rewrite,
            protocol,
            checks_name,
        }
    }

    /// The instances in use, in the order of the catalog, and the others.
    pub(super) fn endpoints<'i>(
        &self,
        service: &Service,
        instances: impl Iterator<Item = &'i Instance>,
        only_passing: bool,
    ) -> (Vec<Arc<Endpoint>>, Vec<Unused>) {
        let excluded = |instance: &Instance| instance.mesh.then_some("in the mesh itself");
        let (used, unused) = least_bad(instances, only_passing, excluded);
        (used.into_iter().map(|instance| Arc::new(self.endpoint(service, instance))).collect(), unused)
    }

    fn endpoint(&self, service: &Service, instance: &Instance) -> Endpoint {
        let host = instance.address.host();
        let named = || host.filter(|_| self.checks_name).map(|host| host.trim_end_matches('.').to_owned());
        let name = if self.sni.is_empty() { named() } else { Some(self.sni.clone()) };
        let (rule, protocol) = (self.rule.clone(), self.protocol);
        let tls = self.files.clone().map(|files| Arc::new(UpstreamTls::Outside { rule, files, name, protocol }));
        let host = host.filter(|_| self.rewrites_host).and_then(|host| HeaderValue::from_str(host).ok());
        Endpoint { host, ..endpoint(service.name.as_str(), instance, tls) }
    }
}
