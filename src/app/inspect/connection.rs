//! A connection whose bytes are passed on, asked of the brain: no request is read of it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::{Explanation, explain, heard, peer, unread};
use crate::app::world::{Asked, OneGateway, Unanswered};
use crate::decide::Snapshot;
use crate::decide::code::Code;
use crate::decide::facts::Facts;
use crate::decide::snapshot::CompiledListener;

/// What becomes of it: `listener` (a name, an address or a port), `sni`, `source`, `peer` and `roll` say what is known of it.
pub(in crate::app) fn connection(gateway: &OneGateway, asked: &Asked) -> Result<Explanation, Unanswered> {
    let wrong = |what: &str, value: &str| Unanswered::Wrong(format!("{what} = {value:?} is none"));
    let number = |roll: &str| roll.parse::<u32>().map_err(|_| wrong("roll", roll));
    let address = |source: &str| source.parse::<IpAddr>().map_err(|_| wrong("source", source));
    let roll = asked.one("roll").map(number).transpose()?.unwrap_or(0);
    let source = asked.one("source").map(address).transpose()?.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let peer = asked.one("peer").map(|named| peer(named, &gateway.said));
    let snapshot = gateway.snapshot();
    let compiled = choose(snapshot, asked)?;
    let listener = &compiled.listener;
    let sent = asked.one("sni").map(|name| compiled.names.as_ref().map_or_else(|| name.to_owned(), |names| heard::in_full(names, name)));
    let heard = heard::name(compiled, sent.as_deref());
    let sni = heard.as_ref().map_or(sent.as_deref(), Option::as_deref);
    if heard.is_ok() && heard::reads_requests(snapshot, compiled, sni) {
        return Err(Unanswered::Wrong(format!("{} reads requests there: ask for one, [[request]] with its url", listener.name)));
    }
    let (name, client) = (&listener.name, SocketAddr::new(source, 0));
    let facts = Facts { listener: name, client, local: listener.bind, sni, peer: peer.as_ref(), request: None };
    Ok(match &heard {
        Ok(_) => explain(snapshot, &facts, roll),
        Err(why) => Explanation::new(&facts, Vec::new(), unread(Code::ClientTls, why)),
    })
}

/// The listener that is named; without a name the one that goes by server names, where there is one, or the only one.
fn choose<'a>(snapshot: &'a Snapshot, asked: &Asked) -> Result<&'a CompiledListener, Unanswered> {
    let mut all: Vec<&CompiledListener> = snapshot.listeners.values().map(AsRef::as_ref).collect();
    all.sort_by(|a, b| a.listener.name.cmp(&b.listener.name));
    let known = || all.iter().map(|l| l.listener.name.to_string()).collect::<Vec<_>>().join(", ");
    let found = match asked.one("listener") {
        Some(wanted) => {
            let port = wanted.rsplit(':').next().and_then(|port| port.parse::<u16>().ok());
            let named = all.iter().find(|l| l.listener.name.as_str() == wanted || l.listener.bind.to_string() == wanted);
            named.or_else(|| all.iter().find(|l| Some(l.listener.bind.port()) == port))
        }
        None if asked.one("sni").is_some() => all.iter().find(|l| l.names.is_some()).or(all.first().filter(|_| all.len() == 1)),
        None => all.first().filter(|_| all.len() == 1),
    };
    found.copied().ok_or_else(|| {
        Unanswered::Wrong(format!(
            "no listener is meant by listener = {:?}: there are {}",
            asked.one("listener").unwrap_or_default(),
            known()
        ))
    })
}
