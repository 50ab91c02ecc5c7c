//! What is wrong by what agents know alone.

use std::collections::BTreeSet;

use crate::app::wan_fed::fault::{Fault, Finding};
use crate::app::wan_fed::seen::{Datacenter, Gateway, View, told_apart};

/// By how many seconds clocks may differ: certificates begin a minute before they are made.
const SKEW: i64 = 30;

/// What is wrong by what agents know.
pub fn known(views: &[View]) -> Vec<Finding> {
    let mut findings = Vec::new();
    // What files say is what was meant; nobody was asked.
    let asked = || views.iter().filter(|view| view.is_of_agent());
    for view in asked() {
        of_agent(view, &mut findings);
        for datacenter in &view.datacenters {
            of_datacenter(view, datacenter, &mut findings);
        }
        for other in asked().filter(|other| other.datacenter != view.datacenter) {
            between(view, other, &mut findings);
        }
    }
    findings.sort();
    findings.dedup_by(|one, other| (one.fault, &one.hop, &one.at) == (other.fault, &other.hop, &other.at));
    findings
}

fn of_agent(view: &View, findings: &mut Vec<Finding>) {
    let own = &view.datacenter;
    let at = format!("agent {} of {own}", view.node);
    if view.federates == Some(false) {
        let cause =
            "it does not use mesh gateways to reach servers of other datacenters (connect.enable_mesh_gateway_wan_federation is false)";
        let fix = "connect { enabled = true, enable_mesh_gateway_wan_federation = true } in every server's configuration, primary_datacenter the same in all datacenters, and restart the servers; gw wan-fed init writes it";
        findings.push(Finding::new(Fault::FederationOff, own, &at, cause, fix));
    }
    if let Some(ahead) = view.clock_ahead.filter(|ahead| ahead.abs() > SKEW) {
        let which = if ahead > 0 { "ahead of" } else { "behind" };
        let cause = format!("its clock is {} s {which} this machine's: certificates are valid at other times there", ahead.abs());
        findings.push(Finding::new(
            Fault::ClockSkew,
            own,
            &at,
            cause,
            "have both machines' clocks set by the same source (chronyc tracking, timedatectl)",
        ));
    }
    if view.others().next().is_none() {
        let cause = if view.primary == *own {
            "no other datacenter has found it: secondaries come by primary_gateways, the WAN address of a mesh gateway here".to_owned()
        } else {
            format!("it has not found its primary, {}", view.primary)
        };
        findings.push(Finding::new(Fault::Alone, own, &at, cause, "gw wan-fed plan says what is missing"));
    }
    if let Some(why) = &view.states_trouble {
        findings.push(Finding::new(
            Fault::NoState,
            own,
            &at,
            format!("there are no federation states: {why}"),
            "look whether its servers have reached the primary, and whether the token may read them (operator:read)",
        ));
    }
}

fn of_datacenter(view: &View, datacenter: &Datacenter, findings: &mut Vec<Finding>) {
    let (own, name) = (&view.datacenter, &datacenter.name);
    let hop = if own == name { own.clone() } else { format!("{own} -> {name}") };
    for server in datacenter.servers.iter().filter(|server| server.node.contains('.')) {
        let cause =
            format!("its node's name has a dot: it is {}.{name} among all servers, which \"does not encode a datacenter\"", server.node);
        findings.push(Finding::new(
            Fault::NodeName,
            &**name,
            format!("server {}", server.node),
            cause,
            "another node_name, without dots, and a certificate for it",
        ));
    }
    let gateways = view.gateways_of(name);
    if gateways.is_empty() && (own == name || datacenter.round_trip.is_some()) {
        let cause = "no mesh gateway is registered there, and servers of different datacenters reach each other through nothing else";
        findings.push(Finding::new(
            Fault::NoGateway,
            &**name,
            format!("datacenter {name}"),
            cause,
            "gw mesh --register --expose-servers --address LAN:PORT --wan-address WAN:PORT on a machine of it",
        ));
    }
    // The catalog there knows of its gateways before anybody else does.
    let answered = datacenter.round_trip.is_some() && !datacenter.gateways.is_empty();
    for gateway in if answered { &datacenter.gateways } else { gateways } {
        of_gateway(name, gateway, findings);
    }
    if let Some(why) = &datacenter.trouble {
        findings.push(Finding::new(
            Fault::Rpc,
            hop,
            format!("?dc={name} at {}", view.agent),
            because(why, own, name),
            "gw wan-fed test from a machine of each datacenter shows how far one comes",
        ));
        return;
    }
    of_state(view, datacenter, findings);
    let roots = view.own().filter(|own| {
        !own.roots.is_empty()
            && !datacenter.roots.is_empty()
            && (&own.roots, &own.trust_domain) != (&datacenter.roots, &datacenter.trust_domain)
    });
    if let Some(own) = roots {
        let cause = format!(
            "{} trusts the roots of {}, and {name} those of {}: services of one are strangers in the other",
            own.name, own.trust_domain, datacenter.trust_domain
        );
        findings.push(Finding::new(
            Fault::OtherRoots,
            hop.clone(),
            format!("datacenter {name}"),
            cause,
            "the same primary_datacenter in all datacenters; a secondary takes the primary's roots within half a minute of its first join",
        ));
    }
    if let Some(acl) = datacenter.acl_replication.as_ref().filter(|acl| !acl.running) {
        let cause =
            format!("tokens and policies do not come from {} (last {}, last error {})", view.primary, acl.last_success, acl.last_error);
        findings.push(Finding::new(
            Fault::AclReplication,
            hop,
            format!("datacenter {name}"),
            cause,
            "acl.tokens.replication of its servers needs acl:write in the primary",
        ));
    }
}

fn of_gateway(datacenter: &str, gateway: &Gateway, findings: &mut Vec<Finding>) {
    let at = format!("gateway {} of {datacenter}", gateway.id);
    if !gateway.federates {
        let cause = "it is registered without Meta consul-wan-federation=1: servers do not use it, and it closes what asks for servers";
        findings.push(Finding::new(
            Fault::MetaMissing,
            datacenter,
            at,
            cause,
            "run it with --expose-servers (gw mesh --register --expose-servers ..; consul connect envoy -expose-servers)",
        ));
    } else if gateway.health == "critical" {
        let cause = "its check is critical, and servers use only gateways that are not";
        findings.push(Finding::new(
            Fault::GatewayCritical,
            datacenter,
            at,
            cause,
            format!("see that it runs, and that its agent reaches {}", gateway.lan),
        ));
    }
}

/// The state of a datacenter that answered, against its own catalog.
fn of_state(view: &View, datacenter: &Datacenter, findings: &mut Vec<Finding>) {
    if view.states_trouble.is_some() {
        return;
    }
    let (own, name) = (&view.datacenter, &datacenter.name);
    let hop = if own == name { own.clone() } else { format!("{own} -> {name}") };
    let at = format!("federation state of {name} in {own}");
    let Some(state) = view.state(name) else {
        if !datacenter.gateways.is_empty() {
            let cause = format!(
                "{own} has none, so it finds no mesh gateway of {name}: each datacenter's leader tells the primary, and the others copy it from there"
            );
            findings.push(Finding::new(
                Fault::NoState,
                hop,
                at,
                cause,
                format!("look at the way from {name} to the primary, {}: gw wan-fed test there", view.primary),
            ));
        }
        return;
    };
    let apart = told_apart(&state.gateways, &datacenter.gateways);
    if !apart.is_empty() {
        let cause = format!(
            "it is another one than the catalog there, about {}: what {name} said last came at {}",
            apart.join(", "),
            state.updated_at
        );
        findings.push(Finding::new(
            Fault::StaleState,
            hop,
            at,
            cause,
            format!("{name}'s leader tells the primary, {}: look at that direction, and at the log of that leader", view.primary),
        ));
    }
}

/// What two agents say of the same.
fn between(view: &View, other: &View, findings: &mut Vec<Finding>) {
    if view.primary != other.primary {
        let names: BTreeSet<&str> = [view, other].iter().map(|v| v.datacenter.as_str()).collect();
        let hop = names.into_iter().collect::<Vec<_>>().join(" -> ");
        let mut primaries = [view, other].map(|v| format!("{} says {}", v.datacenter, v.primary));
        primaries.sort_unstable();
        findings.push(Finding::new(
            Fault::OtherPrimary,
            hop,
            "primary_datacenter",
            format!("they disagree on the primary: {}", primaries.join(", ")),
            "the same primary_datacenter in every server's configuration",
        ));
    }
    if view.states_trouble.is_some() || other.states_trouble.is_some() {
        return;
    }
    let (Some(there), Some(here)) = (other.state(&other.datacenter), view.state(&other.datacenter)) else { return };
    let apart = told_apart(&here.gateways, &there.gateways);
    if !apart.is_empty() {
        let (own, name) = (&view.datacenter, &other.datacenter);
        let cause = format!(
            "{own} has another one than {name} itself, about {}: it came at {}, and {name}'s at {}",
            apart.join(", "),
            here.updated_at,
            there.updated_at
        );
        findings.push(Finding::new(
            Fault::StaleState,
            format!("{own} -> {name}"),
            format!("federation state of {name} in {own}"),
            cause,
            format!("{name}'s leader tells the primary, {}: look at that direction, and at the log of that leader", view.primary),
        ));
    }
}

/// Consul's words for why another datacenter does not answer, and what they mean.
fn because(why: &str, own: &str, other: &str) -> String {
    let means = if why.contains("No path to datacenter") {
        format!("{own} has never heard of {other} (a server of one must have joined, by primary_gateways)")
    } else if why.contains("Remote DC has no server") {
        format!("no gateway of {own} that is well is known, or none of {other} answered for minutes: it is tried again within 180 s")
    } else if why.contains("failed to get conn: EOF") || why.contains("connection reset") {
        format!("a gateway on the way closed: it does not know the name of {other}'s servers, or does not reach their gateways")
    } else if why.contains("x509") {
        "a server was reached, and its certificate is not trusted".to_owned()
    } else {
        format!("a question to {other} was not answered")
    };
    format!("{means}: {why}")
}
