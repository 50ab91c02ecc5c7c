//! The race of connections to several addresses (RFC 8305): one after the other, the next where one failed or let wait, and the
//! first that stands wins.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// How long an address may let wait before the next one is tried beside it (RFC 8305, 5).
const STAGGER: Duration = Duration::from_millis(250);
/// How many attempts are under way at once.
const AT_ONCE: usize = 8;

/// The connection that stood first, and the addresses that were tried before and are not it.
#[derive(Debug)]
pub(super) struct Won<T> {
    pub(super) stream: T,
    pub(super) address: SocketAddr,
    pub(super) passed: Vec<SocketAddr>,
}

/// No address took a connection: each with its reason.
#[derive(Debug)]
pub(super) struct Lost(pub(super) Vec<(SocketAddr, io::Error)>);

/// Runs the race until the deadline.
pub(super) async fn race<T, F>(addresses: &[SocketAddr], until: Instant, connect: impl Fn(SocketAddr) -> F) -> Result<Won<T>, Lost>
where
    T: 'static,
    F: Future<Output = io::Result<T>> + 'static,
{
    let mut waiting = addresses.iter().copied();
    let mut running = Vec::new();
    let mut failed: Vec<(SocketAddr, io::Error)> = Vec::new();
    let mut attempts = JoinSet::new();
    let mut next_at = Instant::now();
    let ended = loop {
        tokio::select! {
            biased;
            Some(done) = attempts.join_next(), if !attempts.is_empty() => match done {
                Ok((address, Ok(stream))) => {
                    let behind = running.into_iter().filter(|a| *a != address);
                    let passed = failed.into_iter().map(|(a, _)| a).chain(behind).collect();
                    return Ok(Won { stream, address, passed });
                }
                Ok((address, Err(e))) => {
                    running.retain(|a| *a != address);
                    failed.push((address, e));
                    next_at = Instant::now();
                }
                // A connect that panicked: nothing is known of it, so that it stays among those that let wait.
                Err(_) => next_at = Instant::now(),
            },
            () = sleep_until(until) => break io::ErrorKind::TimedOut,
            () = sleep_until(next_at), if waiting.len() > 0 && attempts.len() < AT_ONCE => {
                if let Some(address) = waiting.next() {
                    let attempt = connect(address);
                    attempts.spawn_local(async move { (address, attempt.await) });
                    running.push(address);
                    next_at = Instant::now() + STAGGER;
                }
            }
        }
        if attempts.is_empty() && waiting.len() == 0 {
            break io::ErrorKind::NotConnected;
        }
    };
    failed.extend(running.into_iter().map(|address| (address, ended.into())));
    Err(Lost(failed))
}

/// `10.0.0.1:80: connection refused; [fd00::1]:80: timed out`
impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no address was tried in time");
        }
        for (n, (address, why)) in self.0.iter().enumerate() {
            let separator = if n > 0 { "; " } else { "" };
            write!(f, "{separator}{address}: {why}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Lost {}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    const DEAD: u16 = 1;
    const SILENT: u16 = 2;
    const SLOW: u16 = 3;

    /// Milliseconds after the start, and the port.
    type Began = Vec<(u64, u16)>;

    /// Races with connections that behave as their port says; the log says when each began.
    fn run(ports: &[u16]) -> (Result<Won<u16>, Lost>, Began) {
        let addresses: Vec<SocketAddr> = ports.iter().map(|p| ([127, 0, 0, 1], *p).into()).collect();
        let log = Rc::new(RefCell::new(Vec::new()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let local = tokio::task::LocalSet::new();
        let began = log.clone();
        let result = local.block_on(&runtime, async move {
            let start = Instant::now();
            let connect = |address: SocketAddr| {
                began.borrow_mut().push((start.elapsed().as_millis() as u64, address.port()));
                async move {
                    match address.port() {
                        DEAD => return Err(io::ErrorKind::ConnectionRefused.into()),
                        SILENT => std::future::pending().await,
                        SLOW => tokio::time::sleep(Duration::from_millis(300)).await,
                        _ => {}
                    }
                    Ok(address.port())
                }
            };
            race(&addresses, start + Duration::from_secs(5), connect).await
        });
        let log = log.borrow().clone();
        (result, log)
    }

    #[test]
    fn the_second_address_is_tried_where_the_first_lets_wait_and_the_first_to_stand_wins() {
        let (won, log) = run(&[SILENT, 80, 81]);
        let won = won.expect("a connection");
        assert_eq!((won.stream, won.passed.len()), (80, 1));
        assert_eq!(log, [(0, SILENT), (250, 80)]);
    }

    #[test]
    fn a_slow_address_that_stands_in_the_end_still_wins_over_silent_ones() {
        let (won, log) = run(&[SLOW, SILENT]);
        assert_eq!(won.expect("a connection").stream, SLOW);
        assert_eq!(log, [(0, SLOW), (250, SILENT)]);
    }

    #[test]
    fn an_address_that_refuses_is_followed_at_once() {
        let (won, log) = run(&[DEAD, DEAD, 80]);
        assert_eq!(won.expect("a connection").passed.len(), 2);
        assert_eq!(log, [(0, DEAD), (0, DEAD), (0, 80)]);
    }

    #[test]
    fn where_none_stands_each_address_is_named_with_its_reason() {
        let (lost, log) = run(&[DEAD, SILENT]);
        assert_eq!(lost.expect_err("no connection").to_string(), "127.0.0.1:1: connection refused; 127.0.0.1:2: timed out");
        assert_eq!(log.len(), 2);
        assert!(run(&[]).0.is_err());
    }
}
