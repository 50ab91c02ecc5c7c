//! What is wrong by what was met on the way.

use super::super::fault::{Fault, Finding};
use super::super::hops::{Place, Role};
use super::super::probe::{Keys, Met, Named, QUICK};
use super::super::seen::View;
use super::super::trial::{Check, Outcome};
use super::certificate;
use crate::tls::{End, Moment};

/// What came of every probe; what is wrong is added to what is known to be.
pub(in super::super) fn met(views: &[View], mets: &[Met], keys: &Keys, now: Moment, findings: &mut Vec<Finding>) -> Vec<Check> {
    let mut checks: Vec<Check> = views.iter().flat_map(questions).collect();
    for met in mets {
        checks.push(reached(views, mets, met, findings));
        if let Some(stray) = &met.stray {
            checks.push(a_gateway(met, stray, findings));
        }
        for named in &met.named {
            checks.extend(asked(met, named, keys, now, findings));
        }
        let without = met.tcp.is_ok() && met.place.names.is_empty() && met.place.role != Role::Server;
        if without {
            let why =
                "names of servers are not asked for there: it does not carry them, or --ca does not say who certifies servers".to_owned();
            checks.push(Check::new(&met.place.hop, "tls", &met.place.at, Outcome::NotProbed { why }));
        }
    }
    if !views.is_empty()
        && mets.iter().any(|met| !met.named.is_empty())
        && mets.iter().all(|met| met.named.iter().all(|named| named.spoken.is_none()))
    {
        let why = "nothing was said to servers, which ask for a certificate: --ca, --cert and --key of an agent".to_owned();
        checks.push(Check::new("", "speak", "all servers", Outcome::NotProbed { why }));
    }
    checks
}

/// What `?dc=` came to.
fn questions(view: &View) -> Vec<Check> {
    let asked = |datacenter: &super::super::seen::Datacenter| {
        let hop = format!("{} -> {}", view.datacenter, datacenter.name);
        let outcome = match (&datacenter.round_trip, &datacenter.trouble) {
            (Some(_), _) => Outcome::Ok,
            (None, Some(why)) => Outcome::Failed { why: why.clone() },
            (None, None) => return None,
        };
        Some(Check { seconds: datacenter.round_trip, ..Check::new(&hop, "rpc", &format!("?dc={}", datacenter.name), outcome) })
    };
    view.others().filter_map(asked).collect()
}

/// Whether anybody is there.
fn reached(views: &[View], mets: &[Met], met: &Met, findings: &mut Vec<Finding>) -> Check {
    let place = &met.place;
    let check = |outcome| Check::new(&place.hop, "tcp", &place.at, outcome);
    let end = match &met.tcp {
        Ok(()) => return check(Outcome::Ok).took(met.took),
        Err(end) => end,
    };
    let who = who(place);
    if *end == End::Refused {
        let (fault, fix) = match place.role {
            Role::Server => (Fault::Server, format!("see that Consul runs on {}, and listens at {}", place.who, place.at)),
            _ => (Fault::PortClosed, format!("start the gateway, or register the address where it listens instead of {}", place.at)),
        };
        findings.push(Finding::new(fault, &*place.hop, who, format!("nothing listens at {}: the connection is refused", place.at), fix));
        return check(Outcome::Failed { why: "refused".to_owned() });
    }
    if *end == End::NoRoute && !is_beside_a_gateway(mets, place) {
        return check(Outcome::NotProbed { why: "this machine has no route there".to_owned() });
    }
    // A network that nothing answers in is not this machine's to judge.
    let answers = |other: &&Met| other.place.network() == place.network() && (other.tcp.is_ok() || other.tcp == Err(End::Refused));
    if !mets.iter().any(|other| answers(&other)) {
        let why = match place.network() {
            Some(datacenter) => format!("no address inside of {datacenter} answers here: run it on a machine there, too"),
            None => "no address between datacenters answers here: run it on the machines of the gateways, too".to_owned(),
        };
        return check(Outcome::NotProbed { why });
    }
    let (fault, cause, fix) = nobody(views, met, end);
    findings.push(Finding::new(fault, &*place.hop, who, cause, fix));
    check(Outcome::Failed { why: words(end) })
}

/// Whether this machine is where gateways of the hop's first datacenter are: it must reach those of others, and a server need not.
fn is_beside_a_gateway(mets: &[Met], place: &Place) -> bool {
    let from = super::ends(&place.hop).next().filter(|from| *from != place.datacenter);
    let own = |met: &&Met| met.place.role == Role::GatewayWan && Some(met.place.datacenter.as_str()) == from && met.tcp.is_ok();
    place.role == Role::GatewayWan && mets.iter().any(|met| own(&met))
}

/// Nobody answers at an address, though others near it do.
fn nobody(views: &[View], met: &Met, end: &End) -> (Fault, String, String) {
    let place = &met.place;
    let at = &place.at;
    match place.role {
        Role::Server => (
            Fault::Server,
            format!("nobody answers at {at}: {}", words(end)),
            format!("see that {} runs, and that the way to {at} is open", place.who),
        ),
        Role::GatewayLan => (
            Fault::LanAddress,
            format!("it is registered at {at} in its datacenter, and nobody answers there: {}", words(end)),
            format!("register the address where servers of {} reach it: --address", place.datacenter),
        ),
        Role::GatewayWan => {
            let from = super::ends(&place.hop).next().filter(|from| *from != place.datacenter);
            let back = from.is_some_and(|from| {
                views
                    .iter()
                    .any(|view| view.datacenter == place.datacenter && view.others().any(|dc| dc.name == from && dc.round_trip.is_some()))
            });
            let nobody_has_it = *end == End::Unreachable && met.took >= QUICK;
            if let (true, false, Some(from)) = (back, nobody_has_it, from) {
                let cause = format!(
                    "{at} is not reached from {from} ({}), while {} reaches {from}: something blocks this direction alone",
                    words(end),
                    place.datacenter
                );
                return (
                    Fault::Blocked,
                    cause,
                    format!("let connections from {from}'s gateways to {at} through (firewall, security group, routes)"),
                );
            }
            let cause = format!(
                "other datacenters know it at {at}, and nobody answers there: {} (an inner address, a load balancer that is not there, or a firewall)",
                words(end)
            );
            (
                Fault::WanAddress,
                cause,
                "register the address where others reach it: --wan-address IP:PORT, or open the way to it".to_owned(),
            )
        }
    }
}

/// Whether what answers there passes TLS on by name, and ends what nobody is named by.
fn a_gateway(met: &Met, stray: &Result<super::super::probe::Seen, End>, findings: &mut Vec<Finding>) -> Check {
    let place = &met.place;
    let check = |outcome| Check::new(&place.hop, "gateway", &place.at, outcome);
    let cause = match stray {
        Ok(_) => "it shows a certificate for a name that nobody has: something that ends TLS itself, not a mesh gateway",
        Err(End::NoTls) => "what answers is no TLS: not a mesh gateway",
        Err(_) => return check(Outcome::Ok),
    };
    let fix =
        format!("register the address of the gateway; a load balancer before it passes TCP on as it is (see what listens at {})", place.at);
    findings.push(Finding::new(Fault::NotAGateway, &*place.hop, who(place), cause, fix));
    check(Outcome::Failed { why: cause.to_owned() })
}

/// What a name came to: what was shown, and what was answered.
fn asked(met: &Met, named: &Named, keys: &Keys, now: Moment, findings: &mut Vec<Finding>) -> Vec<Check> {
    let (place, name) = (&met.place, &met.place.names[named.name]);
    let check = |what, outcome| Check::new(&name.hop, what, &place.at, outcome).by(&name.sni, named.alpn).took(named.took);
    let seen = match &named.shown {
        Ok(seen) => seen,
        Err(end) => {
            findings.push(closed(place, &name.hop, &name.sni, end));
            return vec![check("tls", Outcome::Failed { why: words(end) })];
        }
    };
    if let Some(finding) = certificate::judge(place, name, seen, keys.anchors.as_ref(), now) {
        let why = finding.cause.clone();
        findings.push(finding);
        return vec![check("tls", Outcome::Failed { why })];
    }
    if seen.alpn.as_deref() != Some(named.alpn) {
        let took = seen.alpn.as_deref().unwrap_or("none");
        let cause = format!(
            "the protocol {} was offered and {took} was taken: TLS ends at something else than a server of Consul of 1.8 or later",
            named.alpn
        );
        findings.push(Finding::new(Fault::Alpn, &*name.hop, who(place), &*cause, "let TLS be passed on as it is all the way"));
        return vec![check("tls", Outcome::Failed { why: cause })];
    }
    let mut checks = vec![check("tls", Outcome::Ok)];
    match &named.spoken {
        None => {}
        Some(Ok(time)) => checks.push(check("speak", Outcome::Ok).took(*time)),
        Some(Err(end)) => {
            let (fault, cause, fix) = unspoken(end);
            findings.push(Finding::new(fault, &*name.hop, format!("{}, at {}", name.sni, place.at), cause, fix));
            checks.push(check("speak", Outcome::Failed { why: words(end) }));
        }
    }
    checks
}

/// Why a name was not led to a server.
fn closed(place: &Place, hop: &str, sni: &str, end: &End) -> Finding {
    let (cause, fix) = match place.role {
        Role::Server => (
            format!("{} does not answer TLS by {sni} at its own port: {}", place.who, words(end)),
            "see that it has a certificate (ca_file, cert_file, key_file), and that the port is that of server RPC".to_owned(),
        ),
        Role::GatewayLan => (
            format!(
                "it ends what asks for {sni} ({}): it does not know the gateways of that datacenter, or does not reach them",
                words(end)
            ),
            format!(
                "gw inspect sni {sni} at it says which; see that its agent has the federation state of that datacenter, and that it reaches the WAN addresses there"
            ),
        ),
        Role::GatewayWan => (
            format!(
                "it ends what asks for {sni} ({}): it does not know its own servers by that name (the Meta consul-wan-federation, the datacenter's name, the domain, the node's name), or does not reach them",
                words(end)
            ),
            format!("gw inspect sni {sni} at it says which; --expose-servers where it is started"),
        ),
    };
    let fault = if place.role == Role::Server { Fault::Server } else { Fault::NameUnknown };
    Finding::new(fault, hop, who(place), cause, fix)
}

/// A server was reached, and said nothing, or no.
fn unspoken(end: &End) -> (Fault, String, String) {
    match end {
        End::Alert(_) | End::Closed => (
            Fault::Refused,
            format!("the server does not take the certificate of --cert ({}): it trusts another CA, or clocks differ", words(end)),
            "the certificates of all servers by one CA, which is ca_file in all of them".to_owned(),
        ),
        _ => (
            Fault::Rpc,
            format!("TLS reaches the server, and what is said after it is not answered: {}", words(end)),
            "something on the way holds up data of an open connection: an idle or size limit of a load balancer, an MTU".to_owned(),
        ),
    }
}

fn who(place: &Place) -> String {
    match place.role {
        Role::Server => format!("server {} of {}", place.who, place.datacenter),
        Role::GatewayLan | Role::GatewayWan => format!("gateway {} of {}", place.who, place.datacenter),
    }
}

/// How a connection ended.
fn words(end: &End) -> String {
    match end {
        End::Refused => "the connection is refused".to_owned(),
        End::NoRoute => "this machine has no route there".to_owned(),
        End::Unreachable => "the network says that it cannot be reached".to_owned(),
        End::Silent => "no answer in time".to_owned(),
        End::Closed => "the connection was closed without an answer".to_owned(),
        End::Alert(alert) => format!("the TLS alert {alert}"),
        End::NoTls => "what came is no TLS".to_owned(),
        End::NoAddress => "the name has no address".to_owned(),
        End::Other(why) => why.clone(),
    }
}
