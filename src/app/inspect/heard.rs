//! What a listener hears of a connection before anything is decided: which listener is meant, and what it reads of the server name.

use std::net::IpAddr;

use http::uri::Authority;

use super::QuestionError;
use crate::decide::Snapshot;
use crate::decide::names::NameTable;
use crate::decide::snapshot::CompiledListener;
use crate::model::gateway::ListenerMode;
use crate::tls;

/// The name that a client sends, as the listener reads it. `Ok(None)`: none; `Err`: the handshake is refused, and why.
pub(in crate::app) fn name(listener: &CompiledListener, sent: Option<&str>) -> Result<Option<String>, String> {
    let Some(sent) = sent else { return Ok(None) };
    match listener.listener.mode {
        ListenerMode::Passthrough => tls::passed_on_name(sent).map(|name| Some(name.into_owned())).map_err(|why| why.to_string()),
        ListenerMode::TerminateMtls => tls::ended_name(sent).map_err(str::to_owned),
        ListenerMode::Plain | ListenerMode::TerminateTls => Ok(Some(sent.to_owned())),
    }
}

/// The name that a client of a URL sends: its host, and none where that is an address.
pub(super) fn of_url(authority: &Authority) -> Option<&str> {
    let host = authority.host();
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.parse::<IpAddr>().is_err().then_some(host)
}

/// The name that a service is known by, where it is the service's alone.
pub(super) fn in_full(names: &NameTable, name: &str) -> String {
    let begins = format!("{}.", name.to_ascii_lowercase());
    let mut longer = names.whole().filter(|known| known.starts_with(&begins));
    match (names.find(name).is_some(), longer.next(), longer.next()) {
        (false, Some(only), None) => only.to_owned(),
        _ => name.to_owned(),
    }
}

/// Whether requests are read of what comes by a name, or connections are passed on as they are.
pub(super) fn reads_requests(snapshot: &Snapshot, of: &CompiledListener, name: Option<&str>) -> bool {
    match &of.names {
        Some(_) => of.inbound.is_some() && snapshot.named(&of.listener.name, name).is_ok_and(|service| service.protocol.is_http()),
        None => of.listener.protocol.is_http(),
    }
}

/// The listener at the URL's port. Where none is there: the one that goes by server names, else the only one that reads requests, else
/// the only one.
pub(super) fn listener<'a>(snapshot: &'a Snapshot, authority: &Authority, url: &str) -> Result<&'a CompiledListener, QuestionError> {
    let mut all: Vec<&CompiledListener> = snapshot.listeners.values().map(AsRef::as_ref).collect();
    all.sort_by(|a, b| a.listener.name.cmp(&b.listener.name));
    let wanted = authority.port_u16().unwrap_or(if url.starts_with("https:") { 443 } else { 80 });
    let only = |of: &[&'a CompiledListener]| if let [only] = of { Some(*only) } else { None };
    let reading: Vec<&CompiledListener> = all.iter().copied().filter(|l| l.listener.protocol.is_http()).collect();
    let at_port = all.iter().copied().find(|l| l.listener.bind.port() == wanted);
    let by_name = all.iter().copied().find(|l| l.names.is_some());
    at_port.or(by_name).or_else(|| only(&reading)).or_else(|| only(&all)).ok_or_else(|| QuestionError::Listener {
        url: url.to_owned(),
        listeners: all.iter().map(|l| l.listener.name.to_string()).collect(),
    })
}
