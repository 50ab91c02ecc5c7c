//! `/v1/tap`: what passes, as it passes, a JSON object a line, until it is over or who asked goes.

use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::{Body, Frame};
use serde_json::{Value, json};
use tokio::time::{Instant, Interval, Sleep, interval, sleep_until};

use super::{Asked, Here, Subject, text};
use crate::decide::code::Code;
use crate::model::credential::is_credential;
use crate::model::duration::GoDuration;
use crate::state::taps::{Filter, Listening, MOST, Statuses};

/// Where it is.
pub(super) const PATH: &str = "/v1/tap";
/// How often it is looked whether lines were lost.
const LOOK: Duration = Duration::from_secs(1);
/// After so many looks at which nothing was said an empty line is, so that who reads knows that the gateway is there.
const SILENT_LOOKS: u32 = 5;
/// Lines that go out together.
const TOGETHER: usize = 64;
/// The most headers that are told.
const HEADERS: usize = 8;

/// An answer that may go on.
pub(super) type Answer = Either<Full<Bytes>, Lines>;

/// The query, if this is what a request is for and who sends it may.
pub(super) fn asked<'r, B>(here: &Here, request: &'r Request<B>) -> Option<&'r str> {
    let is_asked = request.uri().path() == PATH && request.method() == Method::GET && !here.only_metrics;
    let may = is_asked && here.guard.admit(PATH, request.headers()).is_ok();
    may.then(|| request.uri().query().unwrap_or_default())
}

pub(super) async fn response(subject: &Subject, query: &str) -> Response<Answer> {
    let wanted = match Wanted::of(&Asked::of(query)) {
        Ok(wanted) => wanted,
        Err(why) => return text(StatusCode::BAD_REQUEST, why + "\n").map(Either::Left),
    };
    let Some(listening) = subject.taps.listen(wanted.filter).await else {
        let why = format!("{MOST} taps are open, and no more may be: end one of them\n");
        return text(StatusCode::TOO_MANY_REQUESTS, why).map(Either::Left);
    };
    let mut response = Response::new(Either::Right(Lines::new(listening, wanted.limit, wanted.within)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// What is asked for.
#[derive(Debug, Default)]
struct Wanted {
    filter: Filter,
    limit: Option<u64>,
    within: Option<Duration>,
}

impl Wanted {
    fn of(asked: &Asked) -> Result<Self, String> {
        let mut wanted = Self::default();
        for (name, value) in asked.pairs() {
            let text = || Some(value.to_owned());
            let wrong = |what: &str| format!("{name}={value} is no {what}");
            let Self { filter, limit, within } = &mut wanted;
            match name {
                "gateway" => filter.gateway = text(),
                "listener" => filter.listener = text(),
                "source" => filter.source = text(),
                "service" => filter.service = text(),
                "path_prefix" => filter.path_prefix = text(),
                "host" => filter.host = text(),
                "code" => filter.codes.push(code(value)?),
                "status" => filter.statuses.push(Statuses::read(value).ok_or_else(|| wrong("status such as 503 or 5xx"))?),
                "sample" => filter.sample = Some(sample(value).ok_or_else(|| wrong("sample such as 1/100"))?),
                "limit" => *limit = Some(value.parse().map_err(|_| wrong("number of lines"))?),
                "for" => *within = Some(time(value).ok_or_else(|| wrong("duration such as 30s"))?),
                "query" => filter.query = value.parse().map_err(|_| wrong("true or false"))?,
                "header" => filter.headers.push(header(value)?),
                _ => return Err(format!("{name} is not asked for here; {NAMES} are")),
            }
        }
        if wanted.filter.headers.len() > HEADERS {
            return Err(format!("no more than {HEADERS} headers are told"));
        }
        Ok(wanted)
    }
}

const NAMES: &str = "gateway, listener, source, service, code, status, path_prefix, host, sample, limit, for, query and header";

fn code(text: &str) -> Result<Code, String> {
    let known = Code::ALL.iter().find(|code| code.as_str() == text);
    known.copied().ok_or_else(|| format!("code={text} is no code: docs/codes.md has them, and gw inspect explain says what each means"))
}

/// `1/100`, or `100`.
fn sample(text: &str) -> Option<NonZeroU32> {
    text.strip_prefix("1/").unwrap_or(text).parse().ok()
}

fn time(text: &str) -> Option<Duration> {
    GoDuration::parse(text).ok()?.positive()
}

fn header(name: &str) -> Result<HeaderName, String> {
    if is_credential(name) {
        return Err(format!("header={name} has a secret in it: it is told to nobody"));
    }
    name.parse().map_err(|_| format!("header={name} is no name of a header"))
}

/// The lines of a tap.
#[derive(Debug)]
pub(super) struct Lines {
    listening: Listening,
    waiting: Vec<String>,
    told: u64,
    limit: u64,
    until: Option<Pin<Box<Sleep>>>,
    look: Interval,
    silent: u32,
    /// Of the lines that were lost, those that are told of.
    lost: u64,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Begins,
    Goes,
    Over,
}

impl Lines {
    fn new(listening: Listening, limit: Option<u64>, within: Option<Duration>) -> Self {
        // A time that no clock has an end for has none.
        let until = within.and_then(|within| Instant::now().checked_add(within)).map(|until| Box::pin(sleep_until(until)));
        let (limit, look) = (limit.unwrap_or(u64::MAX), interval(LOOK));
        Self { listening, waiting: Vec::new(), told: 0, limit, until, look, silent: 0, lost: 0, stage: Stage::Begins }
    }

    /// What is to be said of lines that were lost meanwhile.
    fn losses(&mut self) -> Option<String> {
        let lost = self.listening.dropped.load(Ordering::Relaxed);
        let more = lost - self.lost;
        self.lost = lost;
        (more > 0).then(|| said("dropped", json!({"dropped": more})))
    }

    fn over(&mut self, why: &str) -> String {
        self.stage = Stage::Over;
        let losses = self.losses().unwrap_or_default();
        losses + &said("over", json!({"why": why, "told": self.told, "dropped": self.lost}))
    }

    fn next(&mut self, cx: &mut Context<'_>) -> Poll<Option<String>> {
        match self.stage {
            Stage::Over => return Poll::Ready(None),
            Stage::Begins => {
                self.stage = Stage::Goes;
                let note = self.listening.deaf.then_some("not all workers have heard of it in time: what they see is not told");
                return Poll::Ready(Some(said("begins", json!({"note": note}))));
            }
            Stage::Goes => {}
        }
        if self.told >= self.limit {
            return Poll::Ready(Some(self.over("limit")));
        }
        if let Some(until) = &mut self.until
            && until.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Some(self.over("time")));
        }
        let most = usize::try_from(self.limit - self.told).unwrap_or(TOGETHER).min(TOGETHER);
        if let Poll::Ready(n) = self.listening.lines.poll_recv_many(cx, &mut self.waiting, most) {
            if n == 0 {
                return Poll::Ready(Some(self.over("end")));
            }
            self.told += n as u64;
            self.silent = 0;
            let mut lines = self.losses().unwrap_or_default();
            for line in self.waiting.drain(..) {
                lines += &line;
                lines.push('\n');
            }
            return Poll::Ready(Some(lines));
        }
        loop {
            ready!(self.look.poll_tick(cx));
            if let Some(losses) = self.losses() {
                return Poll::Ready(Some(losses));
            }
            self.silent += 1;
            if self.silent.is_multiple_of(SILENT_LOOKS) {
                return Poll::Ready(Some("\n".to_owned()));
            }
        }
    }
}

/// A line that tells of the tap itself.
fn said(event: &str, what: Value) -> String {
    let mut line = serde_json::Map::new();
    line.insert("schema".to_owned(), "gw.tap/v1".into());
    line.insert("event".to_owned(), event.into());
    line.extend(what.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())));
    format!("{}\n", Value::Object(line))
}

impl Body for Lines {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.next(cx).map(|next| next.map(|lines| Ok(Frame::data(lines.into()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tap_that_is_asked_for_wrongly_is_refused_with_what_is_right() {
        for (query, why) in [
            ("servise=web", "servise is not asked for here"),
            ("status=5x", "no status such as 503 or 5xx"),
            ("code=nope", "no code"),
            ("sample=0", "no sample such as 1/100"),
            ("sample=2/3", "no sample such as 1/100"),
            ("for=soon", "no duration"),
            ("limit=-1", "no number"),
            ("header=Authorization", "has a secret in it"),
            ("header=x-consul-token", "has a secret in it"),
            ("header=a%20b", "no name of a header"),
            (&"&header=a".repeat(9), "no more than 8"),
        ] {
            let said = Wanted::of(&Asked::of(query)).unwrap_err();
            assert!(said.contains(why), "{query}: {said}");
        }
        let wanted = Wanted::of(&Asked::of("status=5xx&code=ok&sample=1/10&limit=3&for=30s&query=true&header=x-a")).unwrap();
        assert_eq!((wanted.limit, wanted.within), (Some(3), Some(Duration::from_secs(30))));
        assert_eq!((wanted.filter.sample.map(NonZeroU32::get), wanted.filter.query), (Some(10), true));
    }
}
