//! `gw certs issue`: a leaf with a new key.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{DirArgs, life, wrote};
use crate::app::certs::{self, Kind, Order};
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::ui::Ui;

/// Issue a leaf with a new key
#[derive(Debug, Args)]
#[command(after_long_help = "\
KINDS
  service  a service of the mesh, and every gateway: URI
           spiffe://TRUST-DOMAIN/ns/default/dc/DC/svc/NAME alone, 72h
  server   a server of Consul, NAME is its node: server.DC.consul, NAME.server.DC.consul,
           localhost, 127.0.0.1, a year
  client   a client of Consul's agents: client.DC.consul, localhost, 127.0.0.1, a year
  dns      a server with the host name or address NAME, for TLS listeners, 90 days

EXAMPLES
  gw certs issue web
  gw certs issue web --datacenter dc2 --ttl 24h --force
  gw certs issue s1 --kind server
  gw certs issue shop.example.test --kind dns --san www.shop.example.test --san 192.0.2.7

EXIT CODES
  0  issued; the paths are on stdout    1  cannot be written    2  usage    3  the CA is refused    6  no CA
  8  there is one, and no --force")]
pub(super) struct IssueArgs {
    /// The service, the node or the host name; the files are called by it
    name: String,
    #[command(flatten)]
    leaf: LeafArgs,
    /// Overwrite what is there
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    dir: DirArgs,
}

/// What a leaf is to be.
#[derive(Debug, Args)]
pub(super) struct LeafArgs {
    /// What it is for
    #[arg(long, value_name = "KIND", default_value = "service")]
    kind: KindArg,
    /// One more DNS name or IP address (repeatable)
    #[arg(long, value_name = "NAME")]
    san: Vec<String>,
    /// How long it is valid, such as 72h
    #[arg(long, value_name = "DURATION", value_parser = life)]
    ttl: Option<Duration>,
    /// The datacenter; without the flag that of gw certs init
    #[arg(long, value_name = "NAME")]
    datacenter: Option<String>,
    /// The name of the mesh, where the CA's certificate does not say it
    #[arg(long, value_name = "NAME")]
    trust_domain: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum KindArg {
    Service,
    Server,
    Client,
    Dns,
}

impl LeafArgs {
    /// As the app takes it.
    pub(super) fn order(self, name: String, force: bool) -> Order {
        let kind = match self.kind {
            KindArg::Service => Kind::Service,
            KindArg::Server => Kind::Server,
            KindArg::Client => Kind::Client,
            KindArg::Dns => Kind::Dns,
        };
        let Self { san, ttl, datacenter, trust_domain, .. } = self;
        Order { name, kind, san, ttl, datacenter, trust_domain, force }
    }
}

pub(super) fn run(args: IssueArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let order = args.leaf.order(args.name, args.force);
    wrote(&certs::issue(&args.dir.folder(), &order)?, ui)?;
    Ok(Answer::Yes)
}
