//! W3C trace context (W3C Recommendation, 23 November 2021): a request's place in a trace is read, handed on, and recorded if it is
//! sampled. Without traces the headers pass as they came.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

pub(super) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
/// The flag of a trace that is recorded.
const SAMPLED: u8 = 1;
/// `00-` 32 digits `-` 16 digits `-` 2 digits.
const LENGTH: usize = 55;

/// On which side of a request a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A request of a client.
    Server,
    /// What is sent to an instance for it.
    Client,
}

/// A request that was recorded.
#[derive(Clone, Debug)]
pub struct Span {
    /// Whose.
    pub kind: Kind,
    /// Its place.
    pub traced: Traced,
    /// `GET web.default.default.dc1`
    pub name: String,
    /// When it began.
    pub start: SystemTime,
    /// How long it took.
    pub took: Duration,
    /// What is known of it: texts and numbers.
    pub attributes: Vec<(&'static str, Value)>,
    /// Whether it ended as it should not.
    pub failed: bool,
}

/// The place of a span in its trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traced {
    /// The trace.
    pub trace: [u8; 16],
    /// The span.
    pub span: [u8; 8],
    /// The span that it is a part of.
    pub parent: Option<[u8; 8]>,
    /// `tracestate`, as it came.
    pub state: String,
}

impl Traced {
    /// The place of a hop below it.
    pub(super) fn below(&self, chance: [u8; 16]) -> Self {
        Self { span: id(chance), parent: Some(self.span), ..self.clone() }
    }

    /// `traceparent` of who records it.
    pub(super) fn sampled(&self) -> HeaderValue {
        self.header(SAMPLED)
    }

    fn header(&self, flags: u8) -> HeaderValue {
        let value = format!("00-{}-{}-{flags:02x}", hex(&self.trace), hex(&self.span));
        HeaderValue::from_str(&value).expect("hexadecimal digits and hyphens")
    }
}

/// How many spans were taken by a collector, and how many went nowhere.
#[derive(Debug, Default)]
pub struct Spans {
    /// Taken.
    pub sent: AtomicU64,
    /// Not taken, or never offered.
    pub dropped: AtomicU64,
}

/// What a worker knows of traces: which requests are sampled, and where their spans go.
#[derive(Clone, Debug)]
pub struct Tracing {
    queue: SyncSender<Span>,
    counted: Arc<Spans>,
    /// Of traces that begin here those are sampled whose last eight bytes are less.
    sampled_below: u64,
}

impl Tracing {
    /// Spans go there. `ratio`: which part of the traces that begin here is sampled.
    pub fn new(queue: SyncSender<Span>, counted: Arc<Spans>, ratio: f64) -> Self {
        // A share of all numbers; 1.0 is saturated, and is every one but the last.
        Self { queue, counted, sampled_below: (ratio * u64::MAX as f64) as u64 }
    }

    /// Without waiting.
    pub(super) fn write(&self, span: Span) {
        if self.queue.try_send(span).is_err() {
            self.counted.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The place of a request: below that of its client, or at the beginning of a trace.
    pub(super) fn context(&self, headers: &HeaderMap, mut chance: impl FnMut() -> [u8; 16]) -> Context {
        if let Some(parent) = parent(headers) {
            if parent.flags & SAMPLED == 0 {
                return Context::Passed;
            }
            let states = headers.get_all(TRACESTATE).iter().filter_map(|state| state.to_str().ok());
            let state = states.collect::<Vec<_>>().join(",");
            return Context::Sampled(Traced { trace: parent.trace, span: id(chance()), parent: Some(parent.span), state });
        }
        let (trace, span) = (chance(), id(chance()));
        let last = trace.last_chunk().copied().map_or(0, u64::from_be_bytes);
        let traced = Traced { trace, span, parent: None, state: String::new() };
        if last < self.sampled_below || self.sampled_below == u64::MAX { Context::Sampled(traced) } else { Context::Begun(traced) }
    }
}

/// What is done about a request's place in a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Context {
    /// The client does not record: its headers pass as they came.
    Passed,
    /// A trace that nobody records begins, and whoever comes after is told.
    Begun(Traced),
    /// Recorded.
    Sampled(Traced),
}

impl Context {
    /// The place, if the span is recorded.
    pub(super) fn traced(&self) -> Option<Traced> {
        if let Self::Sampled(traced) = self { Some(traced.clone()) } else { None }
    }

    /// Tells it to the service.
    pub(super) fn hand_on(&self, headers: &mut HeaderMap) {
        let (traced, flags) = match self {
            Self::Passed => return,
            Self::Begun(traced) => (traced, 0),
            Self::Sampled(traced) => (traced, SAMPLED),
        };
        headers.insert(TRACEPARENT, traced.header(flags));
        if traced.parent.is_none() {
            // Of a trace that is not continued.
            headers.remove(TRACESTATE);
        }
    }
}

/// Lower-case digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Parent {
    trace: [u8; 16],
    span: [u8; 8],
    flags: u8,
}

/// What the client says, if that is one and well-formed.
fn parent(headers: &HeaderMap) -> Option<Parent> {
    let mut said = headers.get_all(TRACEPARENT).iter();
    let (said, None) = (said.next()?.to_str().ok()?, said.next()) else { return None };
    let later = said.as_bytes().get(LENGTH) == Some(&b'-') && !said.starts_with("00");
    if said.len() != LENGTH && !later {
        return None;
    }
    let mut parts = said.get(..LENGTH)?.split('-');
    let [version] = digits(parts.next()?)?;
    let (trace, span, [flags]) = (digits(parts.next()?)?, digits(parts.next()?)?, digits(parts.next()?)?);
    let valid = version != 0xff && trace != [0; 16] && span != [0; 8] && parts.next().is_none();
    valid.then_some(Parent { trace, span, flags })
}

/// So many bytes in lower-case digits.
fn digits<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || !text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
        return None;
    }
    let mut bytes = [0; N];
    for (n, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * n..2 * n + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// A span's id, of chance.
fn id(chance: [u8; 16]) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = chance;
    [a, b, c, d, e, f, g, h]
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

    fn headers(said: &[&str]) -> HeaderMap {
        said.iter().map(|value| (TRACEPARENT, HeaderValue::from_str(value).unwrap())).collect()
    }

    fn tracing(ratio: f64) -> Tracing {
        Tracing::new(sync_channel(1).0, Arc::default(), ratio)
    }

    #[test]
    fn what_is_no_traceparent_is_none() {
        let right = format!("00-{TRACE}-b7ad6b7169203331-01");
        assert_eq!(parent(&headers(&[&right])).unwrap().flags, 1);
        // Of a later version more may follow.
        assert!(parent(&headers(&[&format!("cc-{TRACE}-b7ad6b7169203331-01-what")])).is_some());
        for wrong in [
            "",
            "00",
            &format!("{right}-what"),
            &format!("{right}x"),
            &format!("cc-{TRACE}-b7ad6b7169203331-01x"),
            &format!("ff-{TRACE}-b7ad6b7169203331-01"),
            &format!("00-{}-b7ad6b7169203331-01", "0".repeat(32)),
            &format!("00-{TRACE}-0000000000000000-01"),
            &right.to_uppercase(),
            &right.replace('-', "_"),
            &right.replacen('a', "+", 1),
        ] {
            assert_eq!(parent(&headers(&[wrong])), None, "{wrong}");
        }
        assert_eq!(parent(&headers(&[&right, &right])), None, "twice");
    }

    #[test]
    fn a_request_is_traced_below_its_client_and_by_its_clients_word() {
        let mut sampled = headers(&[&format!("00-{TRACE}-b7ad6b7169203331-01")]);
        sampled.append(TRACESTATE, HeaderValue::from_static("a=1"));
        sampled.append(TRACESTATE, HeaderValue::from_static("b=2"));
        let context = tracing(0.0).context(&sampled, || [7; 16]);
        let traced = context.traced().unwrap();
        assert_eq!((hex(&traced.trace).as_str(), hex(&traced.parent.unwrap()).as_str()), (TRACE, "b7ad6b7169203331"));
        context.hand_on(&mut sampled);
        assert_eq!(sampled[TRACEPARENT], format!("00-{TRACE}-0707070707070707-01"));
        assert_eq!((traced.state.as_str(), sampled.get_all(TRACESTATE).iter().count()), ("a=1,b=2", 2));
        let not = headers(&[&format!("00-{TRACE}-b7ad6b7169203331-00")]);
        let mut handed_on = not.clone();
        tracing(1.0).context(&not, || [7; 16]).hand_on(&mut handed_on);
        assert_eq!(handed_on, not, "who does not record is passed on as it came");
    }

    #[test]
    fn of_traces_that_begin_here_so_many_are_sampled_as_was_asked() {
        let share = |ratio: f64| {
            let mut n = 0u64;
            let mut next = || {
                n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
                [n.to_be_bytes(), n.to_be_bytes()].concat().try_into().unwrap()
            };
            (0..1000).filter(|_| tracing(ratio).context(&HeaderMap::new(), &mut next).traced().is_some()).count()
        };
        assert_eq!((share(0.0), share(1.0)), (0, 1000));
        assert!((200..300).contains(&share(0.25)), "{}", share(0.25));
        let mut began = HeaderMap::new();
        began.insert(TRACESTATE, HeaderValue::from_static("left=over"));
        tracing(0.0).context(&began, || [7; 16]).hand_on(&mut began);
        assert_eq!(began[TRACEPARENT], format!("00-{}-0707070707070707-00", "07".repeat(16)));
        assert!(!began.contains_key(TRACESTATE));
    }
}
