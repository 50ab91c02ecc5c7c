//! Live requests and tcp connections, as they are asked for: a tap is given to every worker, which tells it what passes its filter.
//! What finds no place in its queue is counted, and nobody waits.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::HeaderName;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::decide::code::Code;
use crate::id::{ListenerName, SpiffeId};

/// How many taps there may be at once: each makes every request that passes its filter a little dearer.
pub const MOST: usize = 4;
/// Lines that may wait for a slow reader.
const QUEUE: usize = 512;
/// How long a worker may take to hear of a tap: it does between two requests' turns.
const TIME: Duration = Duration::from_secs(2);

/// What a tap is told of. What is not said lets everything pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The gateway that was come to.
    pub gateway: Option<String>,
    /// The listener: `edge:8080`, or its port.
    pub listener: Option<String>,
    /// Who came: the service of a certificate, its whole SPIFFE id, or an IP address.
    pub source: Option<String>,
    /// The service that was decided for.
    pub service: Option<String>,
    /// How it ended: one of these.
    pub codes: Vec<Code>,
    /// The status that the client was told: one of these.
    pub statuses: Vec<Statuses>,
    /// With what the path begins, without its query.
    pub path_prefix: Option<String>,
    /// The host that was asked for, without its port; `*.shop.test` is every name below.
    pub host: Option<String>,
    /// One of how many is told, by chance.
    pub sample: Option<NonZeroU32>,
    /// What stands behind the `?` of a path is told.
    pub query: bool,
    /// Headers of requests that are told. None that has a secret.
    pub headers: Vec<HeaderName>,
}

/// Statuses: `503`, or `5xx`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statuses {
    first: u16,
    last: u16,
}

impl Statuses {
    /// From a status of three digits, or a class of them.
    pub fn read(text: &str) -> Option<Self> {
        let class = text.strip_suffix("xx").or_else(|| text.strip_suffix("XX"));
        let (first, last) = match class {
            Some(class) => class.parse::<u16>().ok().map(|class| (class * 100, class * 100 + 99))?,
            None => text.parse().ok().map(|status| (status, status))?,
        };
        (100..1000).contains(&first).then_some(Self { first, last })
    }

    const fn has(self, status: u16) -> bool {
        self.first <= status && status <= self.last
    }
}

impl Filter {
    /// Whether it wants what comes to a listener.
    pub fn meets(&self, listener: &ListenerName) -> bool {
        let name = listener.as_str();
        let gateway = name.split_once(':').map_or(name, |(gateway, _)| gateway);
        let port = name.rsplit_once(':').map_or("", |(_, port)| port);
        self.gateway.as_deref().is_none_or(|wanted| wanted == gateway)
            && self.listener.as_deref().is_none_or(|wanted| wanted == name || wanted == port)
    }

    /// Whether it wants what one sends: by its address, and by the id of the certificate that it has shown.
    pub fn is_from(&self, client: IpAddr, peer: Option<&SpiffeId>) -> bool {
        let Some(wanted) = self.source.as_deref() else { return true };
        let shown = peer.is_some_and(|id| *id.service == *wanted || id.to_string() == wanted);
        shown || wanted.parse().is_ok_and(|wanted: IpAddr| wanted == client.to_canonical())
    }

    /// Whether only requests can be told, for it is about what only they have.
    pub const fn is_of_requests(&self) -> bool {
        self.path_prefix.is_some() || self.host.is_some()
    }

    /// Whether it wants a request for a host and a path.
    pub fn asks_for(&self, host: &str, path: &str) -> bool {
        let path = path.split('?').next().unwrap_or_default();
        self.path_prefix.as_deref().is_none_or(|prefix| path.starts_with(prefix))
            && self.host.as_deref().is_none_or(|wanted| is_host(wanted, host))
    }

    /// Whether it wants what goes to a service; `None`: to none.
    pub fn goes_to(&self, service: Option<&str>) -> bool {
        self.service.is_none() || self.service.as_deref() == service
    }

    /// Whether it wants what ended so.
    pub fn ends_in(&self, code: Code, status: u16) -> bool {
        (self.codes.is_empty() || self.codes.contains(&code))
            && (self.statuses.is_empty() || self.statuses.iter().any(|some| some.has(status)))
    }

    /// Whether it says how what it wants ends: then nothing is told before the end.
    pub const fn is_of_ends(&self) -> bool {
        !self.codes.is_empty() || !self.statuses.is_empty()
    }
}

/// Whether a host is the one that is wanted, or below it.
fn is_host(wanted: &str, host: &str) -> bool {
    let bare = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    match wanted.strip_prefix('*') {
        Some(end) => bare.len() > end.len() && bare.get(bare.len() - end.len()..).is_some_and(|of| of.eq_ignore_ascii_case(end)),
        None => bare.eq_ignore_ascii_case(wanted),
    }
}

/// Where what passes a filter is told. It is over when who listens is gone.
#[derive(Clone, Debug)]
pub struct Tap {
    /// What it wants.
    pub filter: Arc<Filter>,
    lines: Sender<String>,
    dropped: [Arc<AtomicU64>; 2],
}

impl Tap {
    /// Tells it a line, without waiting.
    pub fn tell(&self, line: String) {
        if self.lines.try_send(line).is_err() && !self.lines.is_closed() {
            for dropped in &self.dropped {
                dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Whether it is another handle on the same one.
    pub fn is(&self, other: &Self) -> bool {
        self.lines.same_channel(&other.lines)
    }

    /// Resolves when nobody listens any more.
    pub async fn over(&self) {
        self.lines.closed().await;
    }
}

/// A tap for a worker, which lets go of `heard` once it tells it what passes.
#[derive(Debug)]
pub struct Opened {
    /// The tap.
    pub tap: Tap,
    /// Gone when it is in effect.
    pub heard: Sender<()>,
}

/// One who listens.
#[derive(Debug)]
pub struct Listening {
    /// The lines, as they come.
    pub lines: Receiver<String>,
    /// Those that found no place.
    pub dropped: Arc<AtomicU64>,
    /// Workers that have not heard of it: what they see is not told.
    pub deaf: bool,
    /// Its place among those there may be.
    _place: OwnedSemaphorePermit,
}

/// Opens taps at the workers of a process.
#[derive(Clone, Debug)]
pub struct Tapper {
    workers: Vec<Sender<Opened>>,
    places: Arc<Semaphore>,
    dropped: Arc<AtomicU64>,
}

impl Tapper {
    /// For so many workers, and where each of them hears of taps.
    pub fn of(workers: usize) -> (Self, Vec<Receiver<Opened>>) {
        let (workers, opened) = (0..workers).map(|_| channel(MOST)).unzip();
        (Self { workers, places: Arc::new(Semaphore::new(MOST)), dropped: Arc::default() }, opened)
    }

    /// Begins to listen; in effect when this returns. `None`: there are too many.
    pub async fn listen(&self, filter: Filter) -> Option<Listening> {
        let place = self.places.clone().try_acquire_owned().ok()?;
        let (lines, listened) = channel(QUEUE);
        let dropped = Arc::<AtomicU64>::default();
        let tap = Tap { filter: Arc::new(filter), lines, dropped: [dropped.clone(), self.dropped.clone()] };
        let (heard, mut all) = channel(1);
        let give = |worker: &Sender<Opened>| worker.try_send(Opened { tap: tap.clone(), heard: heard.clone() }).is_ok();
        let given = self.workers.iter().filter(|worker| give(worker)).count();
        drop(heard);
        let deaf = timeout(TIME, all.recv()).await.is_err() || given < self.workers.len();
        Some(Listening { lines: listened, dropped, deaf, _place: place })
    }

    /// How many taps there are.
    pub fn open(&self) -> usize {
        MOST - self.places.available_permits()
    }

    /// Lines that found no place in the queue of their tap, of all taps there were.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_filter_says_must_hold_and_what_it_does_not_say_may_be_anything() {
        let all = Filter::default();
        let edge = ListenerName::of("edge", 8080);
        let client: IpAddr = "10.0.0.1".parse().unwrap();
        assert!(
            all.meets(&edge) && all.is_from(client, None) && all.asks_for("", "*") && all.goes_to(None) && all.ends_in(Code::Denied, 0)
        );
        let filter = Filter {
            gateway: Some("edge".to_owned()),
            listener: Some("8080".to_owned()),
            source: Some("web".to_owned()),
            service: Some("api".to_owned()),
            codes: vec![Code::Ok],
            statuses: vec![Statuses::read("5xx").unwrap(), Statuses::read("404").unwrap()],
            path_prefix: Some("/a".to_owned()),
            host: Some("*.shop.test".to_owned()),
            ..Filter::default()
        };
        assert!(filter.meets(&edge) && !filter.meets(&ListenerName::of("edge", 80)) && !filter.meets(&ListenerName::of("other", 8080)));
        let [web, api] =
            ["web", "api"].map(|service| SpiffeId::parse(&format!("spiffe://t.consul/ns/default/dc/dc1/svc/{service}")).unwrap());
        assert!(filter.is_from(client, Some(&web)) && !filter.is_from(client, Some(&api)) && !filter.is_from(client, None));
        let whole = Filter { source: Some(web.to_string()), ..Filter::default() };
        assert!(whole.is_from(client, Some(&web)) && !whole.is_from(client, Some(&api)));
        assert!(filter.goes_to(Some("api")) && !filter.goes_to(Some("web")) && !filter.goes_to(None));
        for (code, status, wanted) in [(Code::Ok, 503, true), (Code::Ok, 404, true), (Code::Ok, 400, false), (Code::NoHost, 404, false)] {
            assert_eq!(filter.ends_in(code, status), wanted, "{code} {status}");
        }
        for (host, path, wanted) in [
            ("a.shop.test", "/a", true),
            ("A.SHOP.test:80", "/ab?c", true),
            ("shop.test", "/a", false),
            ("a.shop.test", "/?x=/a", false),
            ("ä.shop.test", "/a", true),
        ] {
            assert_eq!(filter.asks_for(host, path), wanted, "{host} {path}");
        }
        let address = Filter { source: Some("10.0.0.1".to_owned()), ..Filter::default() };
        assert!(address.is_from("::ffff:10.0.0.1".parse().unwrap(), None) && !address.is_from("10.0.0.2".parse().unwrap(), None));
    }

    #[test]
    fn statuses_are_one_of_three_digits_or_a_class() {
        assert!(Statuses::read("2xx").is_some_and(|s| s.has(200) && s.has(299) && !s.has(300)));
        for wrong in ["", "xx", "5x", "20", "66000", "0xx", "-1xx", "1000", "99999xx"] {
            assert_eq!(Statuses::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn more_taps_than_there_may_be_are_refused_and_a_place_is_free_when_one_goes() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (tapper, _) = Tapper::of(0);
            let mut taps = Vec::new();
            for _ in 0..MOST {
                taps.push(tapper.listen(Filter::default()).await.expect("a place"));
            }
            assert!(tapper.listen(Filter::default()).await.is_none());
            taps.pop();
            assert!(tapper.listen(Filter::default()).await.is_some());
        });
    }

    #[test]
    fn what_finds_no_place_in_the_queue_of_a_tap_is_counted() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (tapper, mut opened) = Tapper::of(1);
            let worker = async {
                let Opened { tap, heard } = opened[0].recv().await.unwrap();
                drop(heard);
                tap
            };
            let (listening, tap) = tokio::join!(tapper.listen(Filter::default()), worker);
            let listening = listening.unwrap();
            (0..QUEUE + 3).for_each(|n| tap.tell(n.to_string()));
            assert_eq!((listening.dropped.load(Ordering::Relaxed), tapper.dropped(), listening.deaf), (3, 3, false));
            drop(listening);
            tap.over().await;
            tap.tell(String::new());
            assert_eq!(tapper.dropped(), 3, "nobody misses what nobody listens to");
        });
    }
}
