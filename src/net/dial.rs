//! A connection to where an instance answers.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

use super::addresses::Addresses;
use super::names::{Followed, Names};
use super::race::{Lost, Won, race};
use crate::model::service::Address;

/// How long a name that nobody connects to is followed, and a connection to an address that its name has no more is kept.
const UNUSED: Duration = Duration::from_secs(60);

/// How long an instance may take nothing of what is sent to it: one that is gone holds no connection for ever.
const STALLED: Duration = Duration::from_secs(300);

/// Connects to instances: one a thread, with the names that the thread connects to at hand.
#[derive(Debug)]
pub struct Dialer {
    names: Names,
    followed: RefCell<HashMap<String, Used>>,
}

#[derive(Debug)]
struct Used {
    name: Followed,
    at: Instant,
    /// What it had when that was looked at, and since when it has less.
    had: Vec<IpAddr>,
    lost: Option<Instant>,
}

impl Dialer {
    /// For this thread.
    pub fn new(names: &Names) -> Self {
        Self { names: names.clone(), followed: RefCell::default() }
    }

    /// Connects within a time, the wait for a name that is being resolved and all its addresses together.
    ///
    /// # Errors
    /// If nothing took the connection: the error names every address that was tried, or says why the name has none.
    pub async fn connect(&self, address: &Address, within: Duration) -> io::Result<TcpStream> {
        let until = Instant::now() + within;
        let stream = match address {
            Address::Socket(address) => match timeout_at(until, TcpStream::connect(*address)).await {
                Ok(Ok(stream)) => stream,
                Ok(Err(e)) => return Err(lost(vec![(*address, e)])),
                Err(_) => return Err(lost(vec![(*address, io::ErrorKind::TimedOut.into())])),
            },
            Address::Host(host, port) => self.connect_to_name(host, *port, until).await?,
        };
        stream.set_nodelay(true)?;
        let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(15));
        let socket = SockRef::from(&stream);
        socket.set_tcp_keepalive(&keepalive)?;
        socket.set_tcp_user_timeout(Some(STALLED))?;
        Ok(stream)
    }

    async fn connect_to_name(&self, host: &str, port: u16, until: Instant) -> io::Result<TcpStream> {
        let addresses = self.resolve(host, until).await?;
        let sockets: Vec<SocketAddr> = addresses.in_turn().into_iter().map(|ip| SocketAddr::new(ip, port)).collect();
        match race(&sockets, until, TcpStream::connect).await {
            Ok(Won { stream, address, passed }) => {
                passed.iter().for_each(|a| addresses.failed(a.ip()));
                addresses.worked(address.ip());
                Ok(stream)
            }
            Err(Lost(tried)) => {
                tried.iter().for_each(|(a, _)| addresses.failed(a.ip()));
                Err(lost(tried))
            }
        }
    }

    /// The addresses of a name; only one that was never resolved is waited for.
    async fn resolve(&self, host: &str, until: Instant) -> io::Result<Arc<Addresses>> {
        let mut name = match self.known(host) {
            Ok(known) => return known,
            Err(name) => name,
        };
        match timeout_at(until, name.resolved()).await {
            Ok(known) => known,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, format!("{host} is not resolved yet"))),
        }
    }

    /// What is known of a name, or the name to wait for.
    fn known(&self, host: &str) -> Result<io::Result<Arc<Addresses>>, Followed> {
        let mut followed = self.followed.borrow_mut();
        let used = match followed.get_mut(host) {
            Some(used) => used,
            None => followed.entry(host.to_owned()).or_insert_with(|| Used::new(self.names.follow(host))),
        };
        used.at = Instant::now();
        used.name.known().ok_or_else(|| used.name.clone())
    }

    /// Lets go of names that were not connected to for a while, if nobody keeps connections to them. The names that have lost an
    /// address a while ago: connections to it are to end.
    pub fn sweep(&self, is_kept: impl Fn(&str) -> bool) -> Vec<String> {
        let mut lost = Vec::new();
        self.followed.borrow_mut().retain(|host, used| {
            if used.has_lost() {
                lost.push(host.clone());
            }
            used.at.elapsed() < UNUSED || is_kept(host)
        });
        lost
    }
}

impl Used {
    fn new(name: Followed) -> Self {
        Self { name, at: Instant::now(), had: Vec::new(), lost: None }
    }

    /// Whether an address left for as long as connections are kept: said once.
    fn has_lost(&mut self) -> bool {
        let has: Vec<IpAddr> = match self.name.known() {
            Some(Ok(addresses)) => addresses.ips().collect(),
            _ => Vec::new(),
        };
        if self.lost.is_none() && self.had.iter().any(|ip| !has.contains(ip)) {
            self.lost = Some(Instant::now());
        }
        self.had = has;
        self.lost.take_if(|since| since.elapsed() >= UNUSED).is_some()
    }
}

fn lost(tried: Vec<(SocketAddr, io::Error)>) -> io::Error {
    let kind = tried.last().map_or(io::ErrorKind::AddrNotAvailable, |(_, e)| e.kind());
    io::Error::new(kind, Lost(tried))
}

#[cfg(test)]
mod tests {
    use super::super::names::{Answer, names};
    use super::*;

    #[test]
    fn a_name_says_once_that_it_lost_an_address_when_connections_there_were_kept_long_enough() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (names, mut resolver) = names(Vec::new());
            let dialer = Dialer::new(&names);
            assert!(dialer.known("web.test").is_err(), "nothing is known yet");
            let (_, sender) = resolver.next().await.expect("a name to be asked for");
            let say = |list: &[&str]| {
                let list: Vec<IpAddr> = list.iter().map(|a| a.parse().unwrap()).collect();
                sender.send_replace(Answer::Addresses(Arc::new(Addresses::new(&list))));
            };
            say(&["10.0.0.1", "10.0.0.2"]);
            assert!(dialer.sweep(|_| true).is_empty());
            say(&["10.0.0.2", "10.0.0.3"]);
            assert!(dialer.sweep(|_| true).is_empty());
            tokio::time::advance(UNUSED).await;
            assert_eq!(dialer.sweep(|_| true), ["web.test"]);
            tokio::time::advance(UNUSED).await;
            assert!(dialer.sweep(|_| true).is_empty());
            assert_eq!(sender.receiver_count(), 1);
            dialer.sweep(|_| false);
            assert_eq!(sender.receiver_count(), 0, "nobody follows it any more");
        });
    }
}
