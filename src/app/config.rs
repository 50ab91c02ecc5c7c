//! What a run is meant to be: `cli` converts what was typed.

use std::fmt;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use super::echo::EchoServices;
use super::files::Files;
use super::from_consul::ConsulSource;
use super::register;
pub use super::traces::TracesTo;
use crate::model::gateway::{Certificate, RecordFormat};
use crate::model::resources::Resources;

pub use crate::admin::{Token, TokenError};

/// Where a gateway answers admin requests and `gw inspect` asks, if nothing else is said.
pub const ADMIN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 19000);

/// A run of one or several gateways in one process.
#[derive(Debug)]
pub struct RunConfig {
    /// The gateways, each with the whole world as it sees it.
    pub gateways: Vec<Resources>,
    /// For TLS listeners.
    pub certificates: Vec<Certificate>,
    /// The DNS servers that are asked for the host names of instances; none is those of the machine.
    pub dns: Vec<SocketAddr>,
    /// The files that all this comes from, to be followed; `None` is from the command line.
    pub files: Option<Files>,
    /// The Consul that all this comes from, to be followed.
    pub consul: Option<ConsulSource>,
    /// What the agent of that Consul is told of the gateways, if it is.
    pub register: Vec<register::Wanted>,
    /// Where the gateways come from, for who asks: `Consul at http://127.0.0.1:8500`.
    pub origin: String,
    /// The services of the embedded default, if it is served.
    pub echo: Option<EchoServices>,
    /// Where admin requests are answered; off loopback only with a token.
    pub admin: Vec<SocketAddr>,
    /// What who asks there has to show.
    pub admin_token: Option<Token>,
    /// Where metrics are told besides, and nothing else.
    pub metrics: Option<SocketAddr>,
    /// Threads of the data path; `None` is one per core.
    pub workers: Option<NonZeroUsize>,
    /// Where access records go.
    pub access_log: Option<AccessLogTo>,
    /// How they are written.
    pub record_format: RecordFormat,
    /// Where spans of requests go.
    pub traces: Option<TracesTo>,
    /// How long connections may go on after TERM.
    pub drain_time: Duration,
    /// Connections of each worker.
    pub max_connections: usize,
    /// Whether signals are heard: yes in a process of its own.
    pub signals: bool,
    /// The seed of all chance, for tests; `None` is another one each time.
    pub seed: Option<u64>,
}

impl RunConfig {
    /// A run with the defaults of the command line.
    pub fn new(gateways: Vec<Resources>) -> Self {
        Self {
            gateways,
            certificates: Vec::new(),
            dns: Vec::new(),
            files: None,
            consul: None,
            register: Vec::new(),
            origin: String::new(),
            echo: None,
            admin: Vec::new(),
            admin_token: None,
            metrics: None,
            workers: None,
            access_log: None,
            record_format: RecordFormat::Json,
            traces: None,
            drain_time: Duration::from_secs(30),
            max_connections: 100_000,
            signals: false,
            seed: None,
        }
    }
}

/// Where access records go.
pub enum AccessLogTo {
    /// A file, appended to.
    File(PathBuf),
    /// Standard output, or what a test reads.
    Writer(Box<dyn Write + Send>),
}

impl fmt::Debug for AccessLogTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Writer(_) => f.write_str("Writer"),
        }
    }
}
