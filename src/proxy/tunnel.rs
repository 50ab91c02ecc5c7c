//! What follows a 101: the two connections become one tunnel.

use bytes::Bytes;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;

use super::outcome::Outcome;
use super::pool::Lease;
use super::progress::Progress;
use super::splice::{Broke, splice};
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
        let (Some(client), Some(service)) = (io(client), io(service)) else {
            self.outcome.end(Code::Internal);
            return;
        };
        let code = match splice(client, service, &self.worker.buffer, &self.progress).await {
            Ok(()) => Code::Ok,
            Err(Broke::Client) => Code::ClientGone,
            Err(Broke::Service) => Code::UpstreamBroken,
        };
        self.outcome.end(code);
        drop((self.lease, self.drain));
    }
}

/// The stream under an upgraded connection, with what the HTTP library read too much.
fn io(upgraded: Upgraded) -> Option<Io> {
    let parts = upgraded.downcast::<TokioIo<Io>>().ok()?;
    let read: Bytes = parts.read_buf;
    Some(parts.io.into_inner().replaying(read))
}
