//! What TLS listeners speak with clients from outside: configurations built once, of the certificates that are shown and of what their
//! entry says about versions and suites.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::{NoServerSessionStorage, ResolvesServerCert};

use super::range::Range;
use super::{Unusable, with_source};
use crate::id::ListenerName;
use crate::model::entry::TlsParameters;
use crate::model::gateway::{Alpn, Protocol};

/// What one of them speaks.
#[derive(Clone, Debug)]
pub(super) struct Listening {
    range: Option<Range>,
    http2: Arc<ServerConfig>,
    http1: Arc<ServerConfig>,
    bytes: Arc<ServerConfig>,
}

/// What those of an entry speak that says something about it. `None`: nothing, for nothing of what it asks for is there.
pub(super) type ByListener = HashMap<ListenerName, Option<Listening>>;

impl Listening {
    /// With certificates of `resolver`; `shows`: it has some. Without a range everything that there is.
    pub(super) fn of(resolver: &Arc<impl ResolvesServerCert + 'static>, shows: bool, range: Option<Range>) -> Self {
        let config = |alpn| config(resolver.clone(), shows, alpn, range.as_ref());
        Self { http2: config(&[b"h2", b"http/1.1"]), http1: config(&[b"http/1.1"]), bytes: config(&[]), range }
    }

    /// With what `alpn` says if requests are read, without ALPN if not.
    pub(super) const fn server(&self, protocol: Protocol, alpn: Alpn) -> &Arc<ServerConfig> {
        match (protocol.is_http(), alpn) {
            (true, Alpn::Http2) => &self.http2,
            (true, Alpn::Http1) => &self.http1,
            (false, _) => &self.bytes,
        }
    }

    /// Whether these are the very objects of others.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.http2, &other.http2)
    }
}

/// What the listeners speak whose entry says something about it: the very objects that they had where it says the same. One that could
/// speak nothing goes on with what it spoke before, which is told.
pub(super) fn by_listener(
    resolver: &Arc<impl ResolvesServerCert + 'static>,
    shows: bool,
    said: &[(ListenerName, TlsParameters)],
    before: Option<&ByListener>,
    unusable: &mut Vec<Unusable>,
) -> ByListener {
    let mut all = ByListener::new();
    for (name, said) in said {
        let before = before.and_then(|before| before.get(name)?.as_ref());
        let range = Range::of(said, format!("the TLS of the listener {name}")).or_else(|error| {
            unusable.push(Unusable { what: format!("listener {name}"), kept: before.is_some(), why: with_source(&error) });
            before.and_then(|before| before.range.clone()).ok_or(error)
        });
        let the_same = |range: &Range| before.filter(|before| before.range.as_ref() == Some(range)).cloned();
        let new = range.ok().map(|range| the_same(&range).unwrap_or_else(|| Listening::of(resolver, shows, Some(range))));
        all.insert(name.clone(), new);
    }
    all
}

/// Whether two sets are the very same objects.
pub(super) fn same(one: &ByListener, other: &ByListener) -> bool {
    let same = |(name, a): (&ListenerName, &Option<Listening>)| match (a, other.get(name)) {
        (Some(a), Some(Some(b))) => a.is(b),
        (None, Some(None)) => true,
        _ => false,
    };
    one.len() == other.len() && one.iter().all(same)
}

/// Without a certificate no handshake ends well, so that there is no ticket to make: the first random byte of the library costs
/// 50 ms, which is a good part of a start.
fn config(resolver: Arc<impl ResolvesServerCert + 'static>, shows: bool, alpn: &[&[u8]], range: Option<&Range>) -> Arc<ServerConfig> {
    let provider = range.map_or_else(super::shared_provider, Range::provider);
    let builder = ServerConfig::builder_with_provider(provider);
    let versions = match range {
        Some(range) => builder.with_protocol_versions(range.versions()),
        None => builder.with_safe_default_protocol_versions(),
    };
    let versions = versions.expect("there are suites for each of the versions");
    let mut config = versions.with_no_client_auth().with_cert_resolver(resolver);
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    // Tickets instead of a table of sessions that the workers would have to share.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    if shows && let Ok(ticketer) = rustls::crypto::aws_lc_rs::Ticketer::new() {
        config.ticketer = ticketer;
    }
    Arc::new(config)
}
