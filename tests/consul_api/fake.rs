//! A Consul that answers what it is told: blocking queries, and faults on demand.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// What is wrong with the answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Nothing,
    /// Another status and text, with a header.
    Status(u16, &'static str, &'static str),
    /// The first half of the body, then the end.
    Cut,
    /// Something else than JSON, with status 200.
    Garbled,
    /// So many bytes.
    Long(usize),
    /// The connection ends without an answer.
    Closed,
}

/// A question that was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Path and query.
    pub(crate) target: String,
    /// Lines of the head, lower case up to the colon.
    pub(crate) headers: Vec<String>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    fn param(&self, name: &str) -> Option<&str> {
        let (_, query) = self.target.split_once('?')?;
        query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }
}

struct World {
    /// Index and body by path.
    answers: BTreeMap<String, (u64, String)>,
    fault: Fault,
    asked: Vec<Asked>,
}

#[derive(Clone)]
struct Shared(Arc<(Mutex<World>, Condvar)>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, World> {
        self.0.0.lock().expect("nobody panicked")
    }

    fn change(&self, change: impl FnOnce(&mut World)) {
        change(&mut self.lock());
        self.0.1.notify_all();
    }
}

/// It goes on until the test ends.
pub(crate) struct FakeConsul {
    shared: Shared,
    address: SocketAddr,
}

impl FakeConsul {
    pub(crate) fn start() -> Self {
        let world = World { answers: BTreeMap::new(), fault: Fault::Nothing, asked: Vec::new() };
        let shared = Shared(Arc::new((Mutex::new(world), Condvar::new())));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let accepting = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (shared, reading) = (accepting.clone(), stream.try_clone().expect("the same socket"));
                std::thread::spawn(move || serve(&shared, reading, stream));
            }
        });
        Self { shared, address }
    }

    /// Answers at a unix socket, too.
    pub(crate) fn also_at(&self, path: &Path) {
        let listener = UnixListener::bind(path).expect("a socket");
        let accepting = self.shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (shared, reading) = (accepting.clone(), stream.try_clone().expect("the same socket"));
                std::thread::spawn(move || serve(&shared, reading, stream));
            }
        });
    }

    pub(crate) fn address(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What a path answers from now on.
    pub(crate) fn set(&self, path: &str, index: u64, body: &str) {
        self.shared.change(|world| drop(world.answers.insert(path.to_owned(), (index, body.to_owned()))));
    }

    /// What is wrong from now on, for questions that wait as well.
    pub(crate) fn fault(&self, fault: Fault) {
        self.shared.change(|world| world.fault = fault);
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.shared.lock().asked.clone()
    }
}

fn serve(shared: &Shared, reading: impl Read, mut writing: impl Write) {
    let mut reading = BufReader::new(reading);
    while let Some(asked) = read(&mut reading) {
        shared.lock().asked.push(asked.clone());
        if answer(shared, &asked, &mut writing).is_none() {
            return;
        }
    }
}

/// The head of a question. None of the tests sends a body.
fn read(reading: &mut impl BufRead) -> Option<Asked> {
    let mut lines = reading.lines().map_while(Result::ok).take_while(|line| !line.is_empty());
    let target = lines.next()?.split(' ').nth(1)?.to_owned();
    let headers = lines.map(|line| line.split_once(": ").map(|(n, v)| format!("{}: {v}", n.to_lowercase())).unwrap_or(line));
    Some(Asked { target, headers: headers.collect() })
}

/// `None`: the connection ends.
fn answer(shared: &Shared, asked: &Asked, writing: &mut impl Write) -> Option<()> {
    let path = asked.target.split('?').next().unwrap_or_default();
    let (fault, found) = wait(shared, asked, path);
    let (status, header, body) = match (&fault, &found) {
        (Fault::Closed, _) => return None,
        (Fault::Status(status, text, header), _) => (*status, (*header).to_owned(), (*text).to_owned()),
        (Fault::Garbled, _) => (200, "X-Consul-Index: 99".to_owned(), "<html>".to_owned()),
        (Fault::Long(bytes), _) => (200, String::new(), " ".repeat(*bytes)),
        (Fault::Nothing | Fault::Cut, Some((index, body))) => (200, format!("X-Consul-Index: {index}"), body.clone()),
        (Fault::Nothing | Fault::Cut, None) => (404, String::new(), String::new()),
    };
    let header = if header.is_empty() { "X-None: none".to_owned() } else { header };
    let sent = if fault == Fault::Cut { &body[..body.len() / 2] } else { &body };
    write!(writing, "HTTP/1.1 {status} Said\r\n{header}\r\nContent-Length: {}\r\n\r\n{sent}", body.len()).ok()?;
    (fault != Fault::Cut).then_some(())
}

/// Waits as a blocking query does: till the index is above the one that was asked with, or time is over, or a fault comes.
fn wait(shared: &Shared, asked: &Asked, path: &str) -> (Fault, Option<(u64, String)>) {
    let index: u64 = asked.param("index").and_then(|n| n.parse().ok()).unwrap_or_default();
    let wait = asked.param("wait").and_then(|w| w.strip_suffix("ms")?.parse().ok()).unwrap_or_default();
    let until = Instant::now() + Duration::from_millis(wait);
    let mut world = shared.lock();
    loop {
        let found = world.answers.get(path).cloned();
        let news = index == 0 || found.as_ref().is_none_or(|(now, _)| *now != index);
        let left = until.saturating_duration_since(Instant::now());
        if news || world.fault != Fault::Nothing || left.is_zero() {
            return (world.fault.clone(), found);
        }
        world = shared.0.1.wait_timeout(world, left).expect("nobody panicked").0;
    }
}
