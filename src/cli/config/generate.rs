//! `gw config gen`: an entry to begin with, or the policy of a gateway's token.

use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::app::entries;
use crate::app::policy::{self, NoPolicy};
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::model::gateway::GatewayKind;
use crate::ui::Ui;

/// What is no entry, and can be printed all the same.
const POLICY: &str = "acl-policy";

/// Print a commented entry to begin with, valid as it is; or the least ACL policy for the token of a gateway
#[derive(Debug, Args)]
#[command(after_long_help = "\
EXAMPLES
  gw config gen ingress-gateway edge > gw.d/edge.hcl
  gw config gen service-resolver web | gw config validate -
  gw config gen acl-policy --for terminating exit --service legacy | consul acl policy create -name exit -rules -

EXIT CODES
  0  printed    2  usage    3  the files are refused, or have no such gateway")]
pub(super) struct GenArgs {
    /// The kind of the entry, or acl-policy
    #[arg(value_parser = PossibleValuesParser::new(entries::kinds().into_iter().chain([POLICY])))]
    kind: String,
    /// Its name; proxy-defaults, mesh and exported-services, of which there is one, need none. Of a policy: the gateway's
    name: Option<String>,
    /// The kind of gateway that the policy is for
    #[arg(long = "for", value_name = "KIND", value_parser = gateway_kind)]
    gateway: Option<GatewayKind>,
    /// A service that the terminating gateway speaks for; * is all (repeatable)
    #[arg(long, value_name = "NAME", requires = "gateway")]
    service: Vec<String>,
    /// A gw.toml, a file of config entries, or a folder of them, whose terminating-gateway entry names the services
    #[arg(short, long, value_name = "FILE|DIR", requires = "gateway")]
    config: Option<PathBuf>,
}

fn gateway_kind(word: &str) -> Result<GatewayKind, String> {
    let all = [GatewayKind::Ingress, GatewayKind::Mesh, GatewayKind::Terminating];
    all.into_iter().find(|kind| kind.as_str() == word).ok_or_else(|| "there are ingress, mesh and terminating".to_owned())
}

pub(super) fn run(args: &GenArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    match args.gateway {
        Some(gateway) if args.kind == POLICY => return policy(args, gateway, ui),
        None if args.kind == POLICY => return Err(Failure::Usage("say whose policy: --for ingress, mesh or terminating".to_owned())),
        Some(_) => return Err(Failure::Usage(format!("--for is for {POLICY} alone"))),
        None => {}
    }
    let kind = super::kind(&args.kind).map_err(Failure::Usage)?;
    let name = super::name(kind, args.name.clone())?;
    // Only kinds with a starter are taken as arguments.
    ui.print(&entries::starter(&args.kind, &name).unwrap_or_default())?;
    Ok(Answer::Yes)
}

fn policy(args: &GenArgs, gateway: GatewayKind, ui: &mut Ui) -> Result<Answer, Failure> {
    let name = args.name.as_deref().unwrap_or(gateway.default_name());
    if gateway != GatewayKind::Terminating && (!args.service.is_empty() || args.config.is_some()) {
        return Err(Failure::Usage("--service and -c are for terminating gateways: others show no certificates of services".to_owned()));
    }
    let policy = policy::least(gateway, name, args.service.clone(), args.config.as_deref()).map_err(|none| match none {
        NoPolicy::Files(problems) => Failure::Invalid(problems),
        NoPolicy::NoEntry => Failure::Refused(format!("the files have no terminating-gateway {name}")),
    })?;
    ui.print(&policy)?;
    Ok(Answer::Yes)
}
