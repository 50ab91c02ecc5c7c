//! The open tcp connections, as they are asked for: by the admin listener, of the workers, each of which knows its own.

use std::cmp::Reverse;
use std::time::Duration;

use serde::{Serialize, Serializer};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, timeout_at};

/// How long a worker may take to answer: it answers between two connections' turns.
const TIME: Duration = Duration::from_secs(2);
/// How many may ask a worker at once.
const ASKED: usize = 16;

/// A tcp connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Connection {
    /// The listener that it came to: `mesh-gateway:8443`.
    pub listener: String,
    /// Who connected.
    pub client: String,
    /// The server name of its TLS handshake.
    pub sni: Option<String>,
    /// The SPIFFE id that was shown, on a listener that asks for one.
    pub peer: Option<String>,
    /// Where it goes; nowhere yet while it is dialed.
    pub target: Option<String>,
    /// The instance's id.
    pub instance: Option<String>,
    /// The instance's address.
    pub address: Option<String>,
    /// Bytes from the client.
    pub bytes_received: u64,
    /// Bytes to the client.
    pub bytes_sent: u64,
    /// How long it has been open.
    #[serde(rename = "age_ms", serialize_with = "milliseconds")]
    pub age: Duration,
    /// How long nothing has moved.
    #[serde(rename = "silent_ms", serialize_with = "milliseconds")]
    pub silent: Duration,
}

fn milliseconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

/// Which come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// The oldest.
    #[default]
    Age,
    /// Those with the most bytes, both ways together.
    Bytes,
}

impl Sort {
    /// What is largest for those that come first.
    pub fn key(self, age: Duration, received: u64, sent: u64) -> u128 {
        match self {
            Self::Age => age.as_nanos(),
            Self::Bytes => u128::from(received) + u128::from(sent),
        }
    }
}

/// What a worker is asked.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Which come first.
    pub sort: Sort,
    /// How many are told at most.
    pub limit: usize,
    /// Where the answer goes.
    pub answer: Sender<Page>,
}

/// What a worker tells: of its connections those that come first, in no order.
#[derive(Clone, Debug)]
pub struct Page {
    /// How many it has.
    pub total: usize,
    /// Those that come first.
    pub connections: Vec<Connection>,
}

/// The open connections: `"schema": "gw.connections/v1"`.
#[derive(Clone, Debug, Serialize)]
pub struct Listing {
    /// `gw.connections/v1`
    pub schema: &'static str,
    /// The gateways of the process that they are of.
    pub gateways: Vec<String>,
    /// How many there are.
    pub total: usize,
    /// Workers that did not answer: their connections are not among these.
    pub unanswered: usize,
    /// Those that come first, in order.
    pub connections: Vec<Connection>,
}

/// Asks the workers of a process.
#[derive(Clone, Debug)]
pub struct Lister(Vec<Sender<Ask>>);

impl Lister {
    /// For so many workers, and where each of them is asked.
    pub fn of(workers: usize) -> (Self, Vec<Receiver<Ask>>) {
        let (asks, asked) = (0..workers).map(|_| channel(ASKED)).unzip();
        (Self(asks), asked)
    }

    /// The connections that come first, of these gateways.
    pub async fn list(&self, gateways: Vec<String>, sort: Sort, limit: usize) -> Listing {
        let (answer, mut answers) = channel(self.0.len().max(1));
        let ask = Ask { sort, limit, answer };
        self.0.iter().for_each(|worker| drop(worker.try_send(ask.clone())));
        drop(ask);
        let until = Instant::now() + TIME;
        let mut listing = Listing { schema: "gw.connections/v1", gateways, total: 0, unanswered: self.0.len(), connections: Vec::new() };
        while let Ok(Some(page)) = timeout_at(until, answers.recv()).await {
            listing.unanswered -= 1;
            listing.total += page.total;
            listing.connections.extend(page.connections);
        }
        listing.connections.sort_by_key(|c| Reverse(sort.key(c.age, c.bytes_received, c.bytes_sent)));
        listing.connections.truncate(limit);
        listing
    }
}
