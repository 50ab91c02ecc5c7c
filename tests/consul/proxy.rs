//! A proxy between a gateway and a real Consul that spoils answers when it is told to, and counts connections.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What is wrong with answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Spoil {
    /// Another status and text, and none of Consul's headers.
    Status(u16, &'static str),
    /// The first half of the body.
    Cut,
    /// With Consul's own headers, a body of the same length that is no JSON.
    Garbage,
    /// Nothing for so long, and then the answer.
    Slow(Duration),
}

#[derive(Debug, Default)]
struct Shared {
    /// By what their paths begin with.
    spoiled: Mutex<Vec<(String, Spoil)>>,
    asked: Mutex<Vec<String>>,
    spoilt: AtomicUsize,
    open: AtomicUsize,
    most: AtomicUsize,
}

/// It goes on until the test ends.
#[derive(Clone, Debug)]
pub(crate) struct Spoiler {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

impl Spoiler {
    pub(crate) fn before(consul: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, shared) = (listener.local_addr().unwrap(), Arc::new(Shared::default()));
        let of_all = shared.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let shared = of_all.clone();
                std::thread::spawn(move || {
                    let now = shared.open.fetch_add(1, Ordering::SeqCst) + 1;
                    shared.most.fetch_max(now, Ordering::SeqCst);
                    drop(serve(&shared, client, consul));
                    shared.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, shared }
    }

    /// From now on answers to paths that begin so are like that; those to questions that wait at this moment as well.
    pub(crate) fn spoil(&self, path: &str, how: &Spoil) {
        self.lock().push((path.to_owned(), how.clone()));
    }

    /// From now on answers are Consul's.
    pub(crate) fn heal(&self) {
        self.lock().clear();
    }

    /// How many answers were spoilt.
    pub(crate) fn spoilt(&self) -> usize {
        self.shared.spoilt.load(Ordering::SeqCst)
    }

    /// How many questions went to a path that begins so.
    pub(crate) fn asked(&self, path: &str) -> usize {
        self.shared.asked.lock().unwrap_or_else(PoisonError::into_inner).iter().filter(|asked| asked.starts_with(path)).count()
    }

    /// Connections that are open, and the most that there were at a time.
    pub(crate) fn connections(&self) -> (usize, usize) {
        (self.shared.open.load(Ordering::SeqCst), self.shared.most.load(Ordering::SeqCst))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(String, Spoil)>> {
        self.shared.spoiled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection, a question and its answer after the other.
fn serve(shared: &Shared, mut client: TcpStream, consul: SocketAddr) -> std::io::Result<()> {
    let (mut asked, mut answered) = (Vec::new(), Vec::new());
    let mut agent: Option<TcpStream> = None;
    while let Some(question) = message(&mut client, &mut asked)? {
        let target = String::from_utf8_lossy(&question).split(' ').nth(1).unwrap_or_default().to_owned();
        shared.asked.lock().unwrap_or_else(PoisonError::into_inner).push(target.clone());
        let spoiled = shared.spoiled.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let how = spoiled.iter().find(|(path, _)| target.starts_with(path.as_str())).map(|(_, how)| how.clone());
        let answer = match how {
            Some(Spoil::Status(..)) => None,
            _ => {
                if agent.is_none() {
                    agent = Some(TcpStream::connect(consul)?);
                }
                let agent = agent.as_mut().expect("connected");
                agent.write_all(&question)?;
                // Whoever gives up waiting must not be waited for.
                Some(message_while(agent, &mut answered, &client)?)
            }
        };
        // As things are when the answer comes: what waits is spoilt as well.
        let spoiled = shared.spoiled.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let how = spoiled.iter().find(|(path, _)| target.starts_with(path.as_str())).map(|(_, how)| how.clone());
        if how.is_some() {
            shared.spoilt.fetch_add(1, Ordering::SeqCst);
        }
        match (how, answer) {
            (None, Some(answer)) => client.write_all(&answer)?,
            (Some(Spoil::Slow(time)), Some(answer)) => {
                std::thread::sleep(time);
                client.write_all(&answer)?;
            }
            (Some(Spoil::Status(status, text)), _) => {
                write!(client, "HTTP/1.1 {status} Said\r\ncontent-length: {}\r\n\r\n{text}", text.len())?;
            }
            (Some(how), Some(answer)) => {
                let body = answer.windows(4).position(|w| w == b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
                if how == Spoil::Cut {
                    client.write_all(&answer[..body + (answer.len() - body) / 2])?;
                    return client.shutdown(Shutdown::Both);
                }
                client.write_all(&answer[..body])?;
                client.write_all(&vec![b'<'; answer.len() - body])?;
            }
            // Healed in the middle: as if the connection was lost.
            (_, None) => return client.shutdown(Shutdown::Both),
        }
    }
    Ok(())
}

/// A whole message, with a body of a known length: questions and answers of this API have one, or none.
fn message(stream: &mut TcpStream, read: &mut Vec<u8>) -> std::io::Result<Option<Vec<u8>>> {
    loop {
        if let Some(length) = length(read) {
            return Ok(Some(read.drain(..length).collect()));
        }
        let mut some = [0; 16 << 10];
        match stream.read(&mut some)? {
            0 => return Ok(None),
            n => read.extend_from_slice(&some[..n]),
        }
    }
}

/// The same of the agent, as long as the client is there.
fn message_while(agent: &mut TcpStream, read: &mut Vec<u8>, client: &TcpStream) -> std::io::Result<Vec<u8>> {
    agent.set_read_timeout(Some(Duration::from_millis(20)))?;
    loop {
        match message(agent, read) {
            Ok(Some(message)) => return Ok(message),
            Ok(None) => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            Err(e) if matches!(e.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                client.set_nonblocking(true)?;
                let gone = matches!(client.peek(&mut [0]), Ok(0));
                client.set_nonblocking(false)?;
                if gone {
                    return Err(std::io::ErrorKind::BrokenPipe.into());
                }
            }
            Err(e) => return Err(e),
        }
    }
}

/// The length of the first message, once all of it is there.
fn length(read: &[u8]) -> Option<usize> {
    let head = read.windows(4).position(|w| w == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&read[..head]).to_lowercase();
    if text.contains("transfer-encoding: chunked") {
        return read[head..].windows(5).position(|w| w == b"0\r\n\r\n").map(|at| head + at + 5);
    }
    let body = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok()).unwrap_or(0);
    (read.len() >= head + body).then_some(head + body)
}
