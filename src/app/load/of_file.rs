//! What is wrong with a `gw.toml` and its entries together: what no entry and no key is wrong by itself.

use std::fmt;
use std::sync::Arc;

use crate::app::certs::{self, Folder};
use crate::decide::compile::keys;
use crate::id::{ListenerName, ServiceKey, Table};
use crate::model::entry::{ConfigEntry, Entries, GatewayTls, IngressGateway, TlsParameters};
use crate::model::gateway::GatewayKind;
use crate::model::level::Level;
use crate::model::resources::Resources;
use crate::rt::log::with_causes;
use crate::source::diagnostic::Diagnostic;
use crate::source::entry::{Decoded, EntrySource};
use crate::source::file::{Configuration, GatewayFile, GatewayTable, ReadFile, exposed_token};
use crate::tls;

/// What is wrong with a `gw.toml` and the entries that were accepted, which are one set.
pub fn check_file(read: &ReadFile, configuration: &Configuration, decoded: &[&Decoded], entries: &Entries) -> Vec<Diagnostic> {
    let mut problems = unusable_identities(read, configuration);
    problems.extend(check_file_again(read, configuration, decoded, entries));
    problems
}

/// The same where the gateways run already: an identity that cannot be used any more holds up nothing else, and who serves says what
/// becomes of it.
pub(super) fn check_file_again(read: &ReadFile, configuration: &Configuration, decoded: &[&Decoded], entries: &Entries) -> Vec<Diagnostic> {
    let mut problems = unusable_certificates(read, configuration);
    problems.extend(unusable_bundles(read, configuration));
    problems.extend(unspeakable(read));
    problems.extend(leafless(read));
    problems.extend(exposed_token(read));
    if configuration.certificates.is_empty() {
        let with_tls = with_tls(decoded);
        problems.extend(configuration.gateways.iter().flat_map(|gateway| uncertified(&gateway.config.name, &with_tls)));
    }
    problems.extend(nowhere(configuration, decoded, entries));
    problems
}

/// Services that entries name and that nothing answers for: `gw.toml` is the whole catalogue.
fn nowhere(configuration: &Configuration, decoded: &[&Decoded], entries: &Entries) -> Vec<Diagnostic> {
    let Entries { routers, splitters, resolvers, .. } = entries;
    let shaped = routers.keys().chain(splitters.keys()).chain(resolvers.keys());
    let answering = configuration.services.iter().filter(|(_, s)| !s.instances.is_empty()).map(|(key, _)| key);
    let most = entries.len() + configuration.services.len();
    let mut known: Table<&str, ()> = Table::with_capacity_and_hasher(most, Default::default());
    known.extend(shaped.chain(answering).map(|key| (key.as_str(), ())));
    let datacenter = configuration.datacenter.as_str();
    let mut problems = Vec::new();
    for (source, entry) in decoded.iter().filter_map(|d| Some((&d.source, d.entry.as_ref()?))) {
        let then = match entry {
            ConfigEntry::TerminatingGateway(_) => "it is not offered",
            _ => "requests for it are answered with 503",
        };
        named(entry, datacenter, &mut |service, path| {
            if matches!(service, "" | "*") || known.contains_key(&*ServiceKey::text(service)) {
                return;
            }
            let message = format!("service {service} has no instance in gw.toml, and no router, splitter or resolver");
            let place = source.find(&path.to_string());
            let problem = Diagnostic::error("GW0506", message).level(Level::Warning).at(&source.text, place);
            let defaults = entries.service_defaults.get(&*ServiceKey::text(service));
            let todo = if defaults.is_some_and(|e| e.destination.is_some()) {
                "its Destination is for transparent proxies alone: add [[service]] with an instance at that address"
            } else {
                "add [[service]] with an instance, or correct the name"
            };
            problems.push(problem.help(format!("{then}; {todo}")));
        });
    }
    problems
}

/// Tells the services of this datacenter that an entry names, and where.
fn named(entry: &ConfigEntry, datacenter: &str, tell: &mut dyn FnMut(&str, fmt::Arguments<'_>)) {
    let here = |dc: &str, peer: &str| peer.is_empty() && (dc.is_empty() || dc == datacenter);
    match entry {
        ConfigEntry::IngressGateway(entry) => {
            for (l, listener) in entry.listeners.iter().enumerate() {
                let lines = listener.services.iter().enumerate();
                lines.for_each(|(s, service)| tell(&service.name, format_args!("Listeners[{l}].Services[{s}].Name")));
            }
        }
        ConfigEntry::TerminatingGateway(entry) => {
            entry.services.iter().enumerate().for_each(|(n, s)| tell(&s.name, format_args!("Services[{n}].Name")));
        }
        ConfigEntry::ServiceRouter(entry) => {
            let destinations = entry.routes.iter().enumerate().filter_map(|(n, r)| Some((n, r.destination.as_ref()?)));
            destinations.for_each(|(n, d)| tell(&d.service, format_args!("Routes[{n}].Destination.Service")));
        }
        ConfigEntry::ServiceSplitter(entry) => {
            entry.splits.iter().enumerate().for_each(|(n, s)| tell(&s.service, format_args!("Splits[{n}].Service")));
        }
        ConfigEntry::ServiceResolver(entry) => {
            let redirect = entry.redirect.iter().filter(|r| here(&r.datacenter, &r.peer));
            redirect.for_each(|r| tell(&r.service, format_args!("Redirect.Service")));
            for (key, failover) in &entry.failover {
                if failover.datacenters.is_empty() {
                    tell(&failover.service, format_args!("Failover[{key}].Service"));
                }
                let targets = failover.targets.iter().enumerate().filter(|(_, t)| here(&t.datacenter, &t.peer));
                targets.for_each(|(n, t)| tell(&t.service, format_args!("Failover[{key}].Targets[{n}].Service")));
            }
        }
        _ => {}
    }
}

/// An ingress gateway with a listener that begins with TLS, and where it stands.
pub(super) type WithTls = (Arc<IngressGateway>, EntrySource);

/// Every ingress gateway with a listener that begins with TLS.
pub(super) fn with_tls(decoded: &[&Decoded]) -> Vec<WithTls> {
    let gateways =
        decoded.iter().filter_map(|d| if let Some(ConfigEntry::IngressGateway(e)) = &d.entry { Some((e, &d.source)) } else { None });
    let begins = |e: &IngressGateway| e.tls.is_asked_for() || e.listeners.iter().any(|l| e.begins_with_tls(l));
    gateways.filter(|(e, _)| begins(e)).map(|(e, source)| (e.clone(), source.clone())).collect()
}

/// The listeners of a gateway that begin with TLS: an error for each, where there is no certificate to show.
pub(super) fn uncertified(gateway: &str, with_tls: &[WithTls]) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for (entry, source) in with_tls.iter().filter(|(e, _)| ServiceKey::of(&e.common.name) == ServiceKey::of(gateway)) {
        for (n, listener) in entry.listeners.iter().enumerate() {
            let own = listener.tls.as_ref().is_some_and(GatewayTls::is_asked_for);
            if !own && !entry.tls.is_asked_for() {
                continue;
            }
            let name = ListenerName::of(gateway, listener.port);
            let place = if own { format!("Listeners[{n}].TLS") } else { format!("Listeners[{n}]") };
            let message = format!("listener {name} begins with TLS, and there is no [[certificate]] to show");
            let problem = Diagnostic::error("GW0503", message).at(&source.text, source.find(&place));
            problems.push(problem.help("add [[certificate]] with cert and key, two PEM files, to gw.toml; SDS is taken from there too"));
        }
    }
    problems
}

/// Certificates whose files cannot be read, are no PEM, or do not fit each other.
fn unusable_certificates(read: &ReadFile, configuration: &Configuration) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for (written, certificate) in read.parsed.certificate.iter().zip(&configuration.certificates) {
        let Err(error) = tls::Credentials::build(std::slice::from_ref(certificate), None) else { continue };
        let span = match &error {
            tls::Error::Read(path, _) | tls::Error::Nothing(path, _) | tls::Error::Pem(path, _) if *path == certificate.cert => {
                written.cert.span()
            }
            _ => written.key.span(),
        };
        let why = std::error::Error::source(&error).map(|why| format!(": {why}")).unwrap_or_default();
        problems.push(Diagnostic::error("GW0504", format!("{error}{why}")).at(&read.text, span));
    }
    problems
}

/// With the trust domain of the CA in `[certs]`, where the file names none.
pub(in crate::app) fn with_trust_domain(read: &ReadFile, configuration: Configuration) -> Configuration {
    let certs = configuration.certs.as_ref().filter(|_| read.parsed.trust_domain.is_none());
    match certs.and_then(|folder| certs::trust_domain(&Folder::at(folder))) {
        Some(trust_domain) => Configuration { trust_domain, ..configuration },
        None => configuration,
    }
}

/// Issues the leaves of gateways that have none, or one that is of no use. What is wrong with that; where they run already, that the
/// CA cannot do it holds up nothing else.
pub(super) fn issue_missing(read: &ReadFile, configuration: &Configuration, again: bool) -> Option<Diagnostic> {
    let shown = configuration.gateways.iter().filter(|gateway| gateway.config.kind == GatewayKind::Ingress);
    let names: Vec<&str> = shown.map(|gateway| gateway.config.name.as_str()).collect();
    let error = issue(configuration, &names)?;
    let level = if again && !error.is_usage() { Level::Warning } else { Level::Error };
    let message = format!("a gateway's certificate is missing and cannot be issued: {}", with_causes(&error));
    Some(Diagnostic::error("GW0507", message).level(level).at(&read.text, read.parsed.certs.as_ref()?.dir.span()))
}

/// The same of the leaves that a terminating gateway shows for the services that it is linked with. Without one only its service is
/// not offered.
pub(super) fn issue_linked(read: &ReadFile, configuration: &Configuration, resources: &Resources) -> Option<Diagnostic> {
    let (inbound, _) = keys(resources);
    let leaves = inbound?.leaves;
    let names: Vec<&str> = leaves.iter().map(|leaf| leaf.service.as_str()).collect();
    let error = issue(configuration, &names)?;
    let message = format!("the leaf of a linked service is missing and cannot be issued: {}", with_causes(&error));
    Some(Diagnostic::error("GW0507", message).level(Level::Warning).at(&read.text, read.parsed.certs.as_ref()?.dir.span()))
}

/// Issues what is missing. Why that is not possible.
fn issue(configuration: &Configuration, names: &[&str]) -> Option<certs::CertsError> {
    let Configuration { datacenter, trust_domain, certs, .. } = configuration;
    certs::leaves(&Folder::at(certs.as_ref()?), names, datacenter.as_str(), trust_domain).err()
}

/// Gateways that the mesh would not trust.
fn unusable_identities(read: &ReadFile, configuration: &Configuration) -> Vec<Diagnostic> {
    let ingress = configuration.gateways.iter().filter(|gateway| gateway.config.kind == GatewayKind::Ingress);
    let problem = |gateway: &GatewayFile| {
        let name = &gateway.config.name;
        let error = tls::Mesh::build(&configuration.identity(name)?, &TlsParameters::default()).err()?;
        let help = format!("the folder has ca.pem, {name}.pem and {name}-key.pem for the gateway {name}; gw certs init begins one");
        Some(untrusted(read, &error)?.help(help))
    };
    ingress.filter_map(problem).collect()
}

/// Gateways that would not know whom to trust.
fn unusable_bundles(read: &ReadFile, configuration: &Configuration) -> Vec<Diagnostic> {
    let terminating = configuration.gateways.iter().filter(|gateway| gateway.config.kind == GatewayKind::Terminating);
    let problem = |gateway: &GatewayFile| {
        let roots = configuration.identity(&gateway.config.name)?.roots;
        // The CA may be made later, and elsewhere than where entries are looked at.
        let roots = Some(roots).filter(|roots| roots.exists())?;
        let error = tls::Bundle::read(&roots, configuration.trust_domain.clone()).err()?;
        Some(untrusted(read, &error)?.help("the folder has ca.pem, by which callers are trusted; gw certs init begins one"))
    };
    terminating.filter_map(problem).collect()
}

fn untrusted(read: &ReadFile, error: &tls::Error) -> Option<Diagnostic> {
    let why = std::error::Error::source(error).map(|why| format!(": {why}")).unwrap_or_default();
    Some(Diagnostic::error("GW0507", format!("{error}{why}")).at(&read.text, read.parsed.certs.as_ref()?.dir.span()))
}

/// Terminating gateways that would have no leaf to show.
fn leafless(read: &ReadFile) -> Vec<Diagnostic> {
    let has_leaves = read.parsed.certs.is_some() || read.parsed.consul.is_some();
    let terminating = |table: &&GatewayTable| !has_leaves && table.kind() == Some(GatewayKind::Terminating);
    let problem = |table: &GatewayTable| {
        let message =
            "a terminating gateway shows the leaves of the services that it speaks for, and there is no [certs] to take them from";
        let help = "add [certs] with dir = \"certs\", the folder of ca.pem and of NAME.pem and NAME-key.pem of each service";
        Diagnostic::error("GW0509", message).at(&read.text, table.kind.span()).help(help)
    };
    read.parsed.gateway.iter().filter(terminating).map(problem).collect()
}

/// Instances with a sidecar, which no gateway without an identity can speak to.
fn unspeakable(read: &ReadFile) -> Vec<Diagnostic> {
    // Mesh gateways speak to none: what they pass on is between others.
    let gateways = &read.parsed.gateway;
    let passed_on = !gateways.is_empty() && gateways.iter().all(|table| table.kind() == Some(GatewayKind::Mesh));
    if read.parsed.certs.is_some() || passed_on {
        return Vec::new();
    }
    let instances = read.parsed.service.iter().flat_map(|s| &s.instance);
    let mesh = instances.filter_map(|i| i.mesh.as_ref()).filter(|mesh| *mesh.get_ref()).map(|mesh| mesh.span());
    let problem = |span| {
        let message = "mesh = true: a sidecar asks for a certificate of the mesh, and there is no [certs] to show one from";
        Diagnostic::error("GW0508", message).at(&read.text, span).help("add [certs] with dir = \"certs\", the folder of ca.pem")
    };
    mesh.map(problem).collect()
}
