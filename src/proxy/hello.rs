//! How a connection begins that is passed on: its ClientHello is read, and kept to be sent on as it came.
//!
//! All of a hello must be there within one time, however it trickles. Who waits stands in a queue of the worker's in which the oldest
//! is first: so one timer serves them all, and when too many wait, whoever has waited the longest makes room. A client that says its
//! hello as clients do is there for a round trip; one that stalls is what is old.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::worker::Worker;
use crate::decide::code::Code;
use crate::decide::plan::Refusal;
use crate::rt::task;
use crate::tls::HelloReader;

/// Within which the hello must be complete, as for C+E (wan-federation 5).
const TIME: Duration = Duration::from_secs(15);
/// The same when the gateway ends.
const LAST_TIME: Duration = Duration::from_millis(500);
/// What is read at once: more than a hello has. What follows it in the same segment is sent on with it.
const READ: usize = 16 * 1024;

/// What a client has said: the name that it asks for, and every byte so far.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) sni: Option<String>,
    pub(super) bytes: Vec<u8>,
}

/// Those of a worker whose hello is not complete.
#[derive(Debug)]
pub(super) struct Hellos {
    waiting: RefCell<BTreeMap<u64, Waiting>>,
    next: Cell<u64>,
    most: Cell<usize>,
    time: Cell<Duration>,
    /// There is somebody again, or less time.
    news: Notify,
}

#[derive(Debug)]
struct Waiting {
    since: Instant,
    waker: Waker,
}

/// A place in the queue, until it is dropped.
#[derive(Debug)]
struct Place<'w> {
    hellos: &'w Hellos,
    number: u64,
    since: Instant,
}

impl Default for Hellos {
    fn default() -> Self {
        let (waiting, next, news) = (RefCell::default(), Cell::new(0), Notify::new());
        Self { waiting, next, most: Cell::new(usize::MAX), time: Cell::new(TIME), news }
    }
}

impl Hellos {
    /// How many may wait at once.
    pub(super) fn at_most(&self, most: usize) {
        self.most.set(most);
    }

    /// The gateway ends: who has said nothing by now has little time left.
    pub(super) fn hurry(&self) {
        self.time.set(LAST_TIME);
        self.news.notify_one();
    }

    /// The older half makes room: the process has no descriptors left.
    pub(super) fn halve(&self) {
        let half = self.waiting.borrow().len().div_ceil(2);
        (0..half).for_each(|_| self.drop_first());
    }

    /// Ends those whose time is over, as long as the worker runs.
    pub(super) fn watch(self: &Rc<Self>) {
        let hellos = self.clone();
        task::spawn(async move {
            loop {
                let first = hellos.first();
                match first.map(|since| since + hellos.time.get()) {
                    Some(until) if until <= Instant::now() => hellos.drop_first(),
                    // Woken by news, or late: the first is looked at again either way.
                    Some(until) => drop(timeout_at(until, hellos.news.notified()).await),
                    None => hellos.news.notified().await,
                }
            }
        });
    }

    fn first(&self) -> Option<Instant> {
        self.waiting.borrow().first_key_value().map(|(_, waiting)| waiting.since)
    }

    /// Who is woken finds its place gone.
    fn drop_first(&self) {
        let first = self.waiting.borrow_mut().pop_first();
        first.into_iter().for_each(|(_, waiting)| waiting.waker.wake());
    }

    fn enter(&self, waker: &Waker) -> Place<'_> {
        if self.waiting.borrow().len() >= self.most.get() {
            self.drop_first();
        }
        let (number, since) = (self.next.get(), Instant::now());
        self.next.set(number + 1);
        let mut waiting = self.waiting.borrow_mut();
        if waiting.is_empty() {
            self.news.notify_one();
        }
        waiting.insert(number, Waiting { since, waker: waker.clone() });
        Place { hellos: self, number, since }
    }
}

impl Place<'_> {
    /// Why there is no place any more, if there is none.
    fn lost(&self) -> Option<Refusal> {
        if self.hellos.waiting.borrow().contains_key(&self.number) {
            return None;
        }
        Some(if self.since.elapsed() >= self.hellos.time.get() {
            Refusal::new(Code::HelloTimeout, "the ClientHello was not complete in time")
        } else {
            Refusal::new(Code::Overloaded, "others wait whose ClientHello is not complete, and this one waited the longest")
        })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.hellos.waiting.borrow_mut().remove(&self.number);
    }
}

/// Reads a hello to its end; nothing of who closes without a byte, as checks of Consul do.
pub(super) async fn read(stream: &mut TcpStream, worker: &Worker) -> Result<Option<Said>, Refusal> {
    let mut bytes = Vec::new();
    let mut reader = HelloReader::default();
    let mut place: Option<Place<'_>> = None;
    let sni = std::future::poll_fn(|cx| {
        if let Some(lost) = place.as_ref().and_then(Place::lost) {
            return Poll::Ready(Err(lost));
        }
        let polled = more(cx, stream, worker, &mut bytes, &mut reader);
        if polled.is_pending() && place.is_none() {
            place = Some(worker.hellos.enter(cx.waker()));
        }
        polled
    })
    .await;
    match sni {
        Ok(sni) => Ok(Some(Said { sni, bytes })),
        Err(refusal) if refusal.code == Code::ClientGone && bytes.is_empty() => Ok(None),
        Err(refusal) => Err(refusal),
    }
}

/// Reads on until the hello is complete: the name that it asks for.
fn more(
    cx: &mut Context<'_>,
    stream: &mut TcpStream,
    worker: &Worker,
    bytes: &mut Vec<u8>,
    reader: &mut HelloReader,
) -> Poll<Result<Option<String>, Refusal>> {
    let gone = |why: &dyn std::fmt::Display| Refusal::new(Code::ClientGone, format!("before its ClientHello was complete: {why}"));
    loop {
        let mut buffer = worker.buffer.borrow_mut();
        let mut read = ReadBuf::new(&mut buffer.bytes()[..READ]);
        ready!(Pin::new(&mut *stream).poll_read(cx, &mut read)).map_err(|error| gone(&error))?;
        if read.filled().is_empty() {
            return Poll::Ready(Err(gone(&"it has closed its side")));
        }
        bytes.extend_from_slice(read.filled());
        match reader.read(bytes) {
            Ok(Some(hello)) => return Poll::Ready(Ok(hello.sni.map(Into::into))),
            Ok(None) => {}
            Err(none) => return Poll::Ready(Err(Refusal::new(Code::ClientTls, none.to_string()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::meters::Meter;
    use super::*;
    use crate::net::{Dialer, names};
    use crate::rt::rng::Rng;
    use crate::state::refusals::Refusals;

    /// Reads the hello of a client that says one byte and stalls, on a clock that goes to the next timer when nothing happens.
    fn stalled(prepare: impl FnOnce(&Worker)) -> (Refusal, Duration) {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_all().start_paused(true).build_local(Default::default()).unwrap();
        runtime.block_on(async {
            let worker =
                Worker::new(Dialer::new(&names(Vec::new()).0), Meter::alone(), Refusals::default(), None, None, None, Rng::from_entropy());
            worker.hellos.watch();
            prepare(&worker);
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            client.write_all(&[0x16]).unwrap();
            let (stream, _) = listener.accept().unwrap();
            stream.set_nonblocking(true).unwrap();
            let mut stream = TcpStream::from_std(stream).unwrap();
            let start = Instant::now();
            let refusal = read(&mut stream, &worker).await.unwrap_err();
            assert!(worker.hellos.waiting.borrow().is_empty());
            (refusal, start.elapsed())
        })
    }

    #[test]
    fn a_hello_that_stalls_is_over_after_its_time_which_is_short_when_the_gateway_ends() {
        let (refusal, took) = stalled(|_| {});
        assert_eq!((refusal.code, took.as_secs()), (Code::HelloTimeout, 15));
        let (refusal, took) = stalled(|worker| worker.hellos.hurry());
        assert_eq!((refusal.code, took.as_millis()), (Code::HelloTimeout, 500));
    }

    #[test]
    fn who_has_waited_the_longest_makes_room() {
        let hellos = Hellos::default();
        hellos.at_most(2);
        let places: Vec<Place<'_>> = (0..3).map(|_| hellos.enter(Waker::noop())).collect();
        let lost = |place: &Place<'_>| place.lost().map(|refusal| refusal.code);
        assert_eq!(places.iter().map(lost).collect::<Vec<_>>(), [Some(Code::Overloaded), None, None]);
        hellos.halve();
        assert_eq!(places.iter().map(lost).collect::<Vec<_>>(), [Some(Code::Overloaded), Some(Code::Overloaded), None]);
    }
}
