//! What follows a 101: the two connections become one tunnel.

use std::time::Duration;

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;

use super::guard::Guard;
use super::outcome::Outcome;
use super::pool::Lease;
use super::progress::Progress;
use super::splice::splice;
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
}

impl Tunnel {
    /// Copies until both ends are done.
    pub(super) async fn run(mut self) {
        let (Ok(client), Ok(service)) = (self.client.await, self.service.await) else {
            return;
        };
        let (Ok(client), Ok(service)) = (client.downcast::<TokioIo<Guard>>(), service.downcast::<TokioIo<Io>>()) else {
            self.outcome.end(Code::Internal);
            return;
        };
        // What the HTTP library, and before it the guard, read too much comes first.
        let (client_io, unread) = client.io.into_inner().into_inner();
        let client = client_io.replaying([client.read_buf, unread.freeze()].concat().into());
        let service = service.io.into_inner().replaying(service.read_buf);
        let copied = splice(client, service, &self.worker.buffer, &self.progress, self.idle).await;
        self.outcome.end(copied.map_or_else(Code::from, |()| Code::Ok));
        drop((self.lease, self.drain));
    }
}
