//! A service that does as it is told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::LONG;
use crate::support::free_port;

/// A service on a free port. It goes on until the test ends.
pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Service {
    /// Runs `serve` with each connection, on a thread of its own.
    pub(crate) fn start(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let (serve, counter) = (Arc::new(serve), connections.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                stream.set_read_timeout(Some(LONG)).unwrap();
                stream.set_nodelay(true).unwrap();
                counter.fetch_add(1, Ordering::SeqCst);
                let serve = serve.clone();
                std::thread::spawn(move || serve(stream));
            }
        });
        Self { address, connections }
    }

    /// Answers each request with `text`, on connections that are kept.
    pub(crate) fn saying(text: &'static str) -> Self {
        Self::answering(move |_| answer(200, text))
    }

    /// Answers each request with what `make` makes of it, on connections that are kept.
    pub(crate) fn answering(make: impl Fn(&Seen) -> String + Send + Sync + 'static) -> Self {
        Self::start(move |stream| {
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut stream = stream;
            while let Some(seen) = read_request(&mut reader) {
                if stream.write_all(make(&seen).as_bytes()).is_err() {
                    return;
                }
            }
        })
    }

    /// Answers, and remembers the lines of what it was asked.
    pub(crate) fn remembering() -> (Self, Arc<Mutex<Vec<String>>>) {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let seen = lines.clone();
        let service = Self::answering(move |request: &Seen| {
            seen.lock().unwrap().push(request.line.clone());
            answer(200, "ok")
        });
        (service, lines)
    }

    /// An address where nobody listens.
    pub(crate) fn nowhere() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], free_port()))
    }

    /// How many connections it has had.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// A request that reached a service.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<(String, String)>,
}

impl Seen {
    /// The values of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// An answer with a length.
pub(crate) fn answer(status: u16, text: &str) -> String {
    format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n{text}", text.len())
}

/// Reads one request; `None` at the end of the connection.
pub(crate) fn read_request(reader: &mut BufReader<TcpStream>) -> Option<Seen> {
    let mut seen = Seen { line: line(reader)?, ..Seen::default() };
    seen.headers = header_lines(reader)?;
    if seen.header("transfer-encoding").is_some() {
        loop {
            let size = usize::from_str_radix(&line(reader)?, 16).ok()?;
            if size == 0 {
                seen.trailers = header_lines(reader)?;
                break;
            }
            let mut chunk = vec![0; size];
            reader.read_exact(&mut chunk).ok()?;
            seen.body.extend_from_slice(&chunk);
            line(reader)?;
        }
    } else if let Some(length) = seen.header("content-length").and_then(|l| l.parse().ok()) {
        seen.body = vec![0; length];
        reader.read_exact(&mut seen.body).ok()?;
    }
    Some(seen)
}

fn line(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    match reader.read_line(&mut line) {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(line.trim_end().to_owned()),
    }
}

fn header_lines(reader: &mut BufReader<TcpStream>) -> Option<Vec<(String, String)>> {
    let mut out = Vec::new();
    loop {
        let line = line(reader)?;
        if line.is_empty() {
            return Some(out);
        }
        let (name, value) = line.split_once(':')?;
        out.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}
