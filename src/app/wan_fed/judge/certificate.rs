//! What is wrong with the certificate that a server shows to another one (consul-api 9).

use super::super::fault::{Fault, Finding};
use super::super::hops::{Name, Place};
use super::super::probe::Seen;
use crate::tls::{Bundle, Moment, Side, Why, X509};

/// What is wrong, if anything is. The first that explains the rest is enough.
pub(super) fn judge(place: &Place, name: &Name, seen: &Seen, anchors: Option<&Bundle>, now: Moment) -> Option<Finding> {
    let found = |fault, who: &str, cause: String, fix: &str| {
        Some(Finding::new(fault, &*name.hop, format!("{who}, shown at {}", place.at), cause, fix))
    };
    let Some(leaf) = seen.chain.first().and_then(X509::read) else {
        return found(Fault::NotAGateway, &name.sni, "no certificate that can be read was shown".to_owned(), "see what listens there");
    };
    let who = format!("certificate of {:?} by {:?}", leaf.called(), leaf.issuer);
    let datacenter = &name.datacenter;
    if leaf.until < now {
        return found(
            Fault::Expired,
            &who,
            format!("it is expired since {}: no server takes it", leaf.until),
            "issue another one (gw wan-fed init --force, consul tls cert create -server), and restart the server",
        );
    }
    if leaf.from > now {
        let cause = format!(
            "it is not valid before {}, and here it is {now}: the clock of this machine or of the one that issued it is wrong",
            leaf.from
        );
        return found(
            Fault::ClockSkew,
            &who,
            cause,
            "have the clocks set by the same source (chronyc tracking, timedatectl), then issue the certificate again",
        );
    }
    let beside = seen.chain.get(1..).unwrap_or_default();
    if let Some(Err(why)) = anchors.map(|anchors| anchors.chain(&seen.chain[0], beside, Side::Server, now)) {
        let ca = matches!(why, Why::Issuer | Why::Signature);
        let cause = format!(
            "it is not by the CA of --ca, which every server of the federation must trust: {why} (a server says \"bad certificate\" or \"x509: certificate signed by unknown authority\")"
        );
        return match why {
            Why::Date { over: true, .. } => found(Fault::Expired, &who, why.to_string(), "make another CA, and certificates by it"),
            Why::Date { .. } => found(Fault::ClockSkew, &who, why.to_string(), "look at the clocks of both machines"),
            _ if ca => found(
                Fault::OtherCa,
                &who,
                cause,
                "issue the servers' certificates by one CA: gw wan-fed init --ca, with the folder agent-ca of the primary",
            ),
            why => found(Fault::OtherCa, &who, format!("it is not fit for a server: {why}"), "issue another one: gw wan-fed init"),
        };
    }
    if covers(&leaf.dns, &name.sni) {
        return None;
    }
    let said = format!("it is for {}, and servers ask for {}", leaf.dns.join(", "), name.sni);
    let elsewhere = leaf.dns.iter().find_map(|dns| of_datacenter(dns)).filter(|dc| !dc.eq_ignore_ascii_case(datacenter));
    let here = leaf.dns.iter().any(|dns| of_datacenter(dns).is_some_and(|dc| dc.eq_ignore_ascii_case(datacenter)));
    match elsewhere {
        Some(other) if !here => found(
            Fault::WrongDatacenter,
            &who,
            format!("{said}: it is of the datacenter {other}, not {datacenter}"),
            "look at the server's datacenter and at the datacenter its certificate was issued for (-dc, --dc), and at what the gateway's address leads to",
        ),
        _ => found(
            Fault::MissingSan,
            &who,
            format!("{said} (\"x509: certificate is valid for .., not {}\")", name.sni),
            "issue it with both names: gw wan-fed init --server NODE, or consul tls cert create -server -dc DC -node NODE",
        ),
    }
}

/// Whether one of these names is that one, or a wildcard for it.
fn covers(names: &[String], wanted: &str) -> bool {
    let below = |name: &str| {
        let end = name.strip_prefix("*.")?;
        wanted.split_once('.').map(|(_, rest)| rest.eq_ignore_ascii_case(end))
    };
    names.iter().any(|name| name.eq_ignore_ascii_case(wanted) || below(name) == Some(true))
}

/// The datacenter of `server.DC.DOMAIN` or `NODE.server.DC.DOMAIN`.
fn of_datacenter(dns: &str) -> Option<&str> {
    let mut labels = dns.split('.');
    let first = labels.next()?;
    if first != "server" && labels.next()? != "server" {
        return None;
    }
    labels.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_covered_by_itself_in_any_case_and_by_a_wildcard_of_one_label() {
        let names = ["*.server.dc1.consul".to_owned(), "Server.DC1.consul".to_owned()];
        assert!(covers(&names, "s1.server.dc1.consul") && covers(&names, "server.dc1.consul"));
        assert!(!covers(&names, "s1.server.dc2.consul") && !covers(&names, "a.b.server.dc1.consul"));
    }

    #[test]
    fn the_datacenter_is_read_from_both_forms() {
        for (dns, datacenter) in
            [("server.dc1.consul", Some("dc1")), ("s1.server.dc2.consul", Some("dc2")), ("localhost", None), ("client.dc1.consul", None)]
        {
            assert_eq!(of_datacenter(dns), datacenter, "{dns}");
        }
    }
}
