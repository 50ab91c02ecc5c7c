//! The instances of a service outside the mesh: which are used, with which TLS, under which Host.

use std::sync::Arc;

use http::HeaderValue;

use super::target::{endpoint, unused, why_unused};
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

    /// The instances in use, in the order of the catalog. Where none is well the least bad are better than none
    /// (`docs/differences.md`, panic).
    pub(super) fn endpoints<'i>(
        &self,
        service: &Service,
        instances: impl Iterator<Item = &'i Instance>,
        only_passing: bool,
    ) -> (Vec<Arc<Endpoint>>, Vec<Unused>) {
        let why = |instance: &Instance| if instance.mesh { Some("in the mesh itself") } else { why_unused(instance, only_passing) };
        let mut all: Vec<(&Instance, Option<&'static str>)> = instances.map(|instance| (instance, why(instance))).collect();
        if all.iter().all(|(_, why)| why.is_some()) {
            let could = |instance: &Instance| !instance.mesh && instance.weight > 0;
            let best = all.iter().filter(|(i, _)| could(i)).map(|(i, _)| i.health).min();
            let last_resort = |(i, why): &mut (&Instance, _)| {
                if could(i) && Some(i.health) == best {
                    *why = None;
                }
            };
            all.iter_mut().for_each(last_resort);
        }
        let (mut used, mut rest) = (Vec::new(), Vec::new());
        for (instance, why) in all {
            match why {
                None => used.push(Arc::new(self.endpoint(service, instance))),
                Some(why) => rest.push(unused(instance, why)),
            }
        }
        (used, rest)
    }

    fn endpoint(&self, service: &Service, instance: &Instance) -> Endpoint {
        let host = instance.address.host();
        let named = || host.filter(|_| self.checks_name).map(|host| host.trim_end_matches('.').to_owned());
        let name = if self.sni.is_empty() { named() } else { Some(self.sni.clone()) };
        let (rule, protocol) = (self.rule.clone(), self.protocol);
        let tls = self.files.clone().map(|files| Arc::new(UpstreamTls::Outside { rule, files, name, protocol }));
        let host = host.filter(|_| self.rewrites_host).and_then(|host| HeaderValue::from_str(host).ok());
        Endpoint { host, ..endpoint(service, instance, tls) }
    }
}
