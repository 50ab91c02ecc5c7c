//! What follows a 101: the two connections become one tunnel.

use std::time::Duration;

use bytes::Bytes;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;

use super::carried::Restoring;
use super::copy::{IDLE, copy, unless_idle};
use super::guard::Guard;
use super::judged::UnderWay;
use super::listen::Open;
use super::outcome::Outcome;
use super::pool::Lease;
use super::progress::Progress;
use super::worker::Worker;
use crate::decide::code::Code;
use crate::rt::drain::DrainWatch;
use crate::tls::Io;

/// A tunnel to be.
#[derive(Debug)]
pub(super) struct Tunnel {
    pub(super) client: OnUpgrade,
    pub(super) service: OnUpgrade,
    pub(super) worker: std::rc::Rc<Worker>,
    pub(super) progress: std::rc::Rc<Progress>,
    pub(super) outcome: Outcome,
    /// The route's; its request timeout is over with the 101.
    pub(super) idle: Option<Duration>,
    /// Counted as a request in flight.
    pub(super) lease: Lease,
    /// Waited for when the gateway drains.
    pub(super) drain: DrainWatch,
    /// The client's connection, which is open until the end of the tunnel.
    pub(super) open: std::rc::Rc<Open>,
    /// Resolves when the request would not be allowed any more; `None`: nobody asks.
    pub(super) judged: Option<Box<UnderWay>>,
}

impl Tunnel {
    /// Copies until both ends are done.
    pub(super) async fn run(mut self) {
        let (Ok(client), Ok(service)) = (self.client.await, self.service.await) else {
            return;
        };
        let (Ok(client), Some((service, first))) = (client.downcast::<TokioIo<Guard>>(), stream_of(service)) else {
            self.outcome.end(Code::Internal);
            return;
        };
        // What the HTTP library, and before it the guard, read too much comes first.
        let (client_io, unread) = client.io.into_inner().into_inner();
        let client = client_io.replaying([client.read_buf, unread.freeze()].concat().into());
        let service = service.replaying(first);
        let forbidden = async {
            match self.judged {
                Some(judged) => judged.await,
                None => std::future::pending().await,
            }
        };
        let copied = copy(client, service, &self.worker.buffer, &self.progress);
        let copied = tokio::select! {
            biased;
            copied = unless_idle(copied, self.progress.clone(), self.idle.unwrap_or(IDLE)) => copied.map_err(Code::from),
            () = forbidden => Err(Code::Denied),
        };
        self.outcome.end(copied.map_or_else(|code| code, |()| Code::Ok));
        drop((self.lease, self.drain, self.open));
    }
}

/// The service's stream, and what was read of it.
fn stream_of(service: Upgraded) -> Option<(Io, Bytes)> {
    let service = match service.downcast::<TokioIo<Io>>() {
        Ok(parts) => return Some((parts.io.into_inner(), parts.read_buf)),
        Err(service) => service,
    };
    let parts = service.downcast::<TokioIo<Restoring>>().ok()?;
    Some((parts.io.into_inner().into_inner(), parts.read_buf))
}
