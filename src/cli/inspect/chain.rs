//! `gw inspect chain`: what the entries make of a service.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::app::chain::{self, ChainQuestion, ChainQuestionError};
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::cli::input;
use crate::cli::inspect::describe;
use crate::model::chain::{ChainNode, ChainResolver, DiscoveryChain};
use crate::ui::Ui;

/// Show the discovery chain of a service: router, splitter, resolver, targets
#[derive(Debug, Args)]
#[command(after_long_help = "\
EXAMPLES
  gw inspect chain web -c gw.toml
  gw inspect chain web -c gw.d -o consul --datacenter dc2    as Consul's /v1/discovery-chain/web?compile-dc=dc2

EXIT CODES
  0  printed    2  usage    3  the files are refused, or the service has no chain")]
pub(super) struct ChainArgs {
    /// The service
    service: String,
    /// A gw.toml, a file of config entries, or a folder of them; without the flag ./gw.toml, or ./gw.d
    #[arg(short, long, value_name = "FILE|DIR", env = "GW_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
    /// Compile for this datacenter
    #[arg(long, value_name = "NAME")]
    datacenter: Option<String>,
    /// Consul's OverrideProtocol
    #[arg(long, value_name = "PROTOCOL")]
    override_protocol: Option<String>,
    /// Consul's OverrideMeshGateway
    #[arg(long, value_name = "MODE")]
    override_mesh_gateway: Option<String>,
    /// Consul's OverrideConnectTimeout
    #[arg(long, value_name = "DURATION")]
    override_connect_timeout: Option<String>,
    /// How it is printed
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Output,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Output {
    /// As a tree
    Table,
    /// As JSON, with the rule that every node came from
    Json,
    /// The targets alone
    Name,
    /// In exactly the shape of Consul's /v1/discovery-chain
    Consul,
}

pub(super) fn run(args: ChainArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let question = ChainQuestion {
        service: args.service,
        datacenter: args.datacenter,
        protocol: args.override_protocol,
        mesh_gateway: args.override_mesh_gateway,
        connect_timeout: args.override_connect_timeout,
    };
    let chain = chain::ask(&input::files(args.config), &question)?;
    match args.output {
        Output::Table => ui.print(&tree(&chain))?,
        Output::Json => ui.print(&format!("{:#}\n", with_rules(&chain)))?,
        Output::Name => chain.targets.keys().try_for_each(|id| ui.print(&format!("{id}\n")))?,
        Output::Consul => ui.print(&format!("{:#}\n", chain::as_consul(&chain)))?,
    }
    Ok(Answer::Yes)
}

impl From<ChainQuestionError> for Failure {
    fn from(error: ChainQuestionError) -> Self {
        match error {
            ChainQuestionError::Files(problems) => Self::Invalid(problems),
            ChainQuestionError::Duration(_) => Self::Usage(error.to_string()),
            ChainQuestionError::Chain(why) => Self::Chain(why),
        }
    }
}

/// Consul's shape, with the rules beside.
fn with_rules(chain: &DiscoveryChain) -> serde_json::Value {
    let rules = chain.nodes.iter().map(|(key, node)| {
        let rules: Vec<String> = match node {
            ChainNode::Router { routes, .. } => routes.iter().map(|r| r.rule.to_string()).collect(),
            ChainNode::Splitter { splits, .. } => splits.iter().flat_map(|s| s.rules.iter().map(ToString::to_string)).collect(),
            ChainNode::Resolver(resolver) => resolver.rules.iter().map(ToString::to_string).collect(),
        };
        (key.clone(), serde_json::Value::from(rules))
    });
    let rules: serde_json::Map<String, serde_json::Value> = rules.collect();
    serde_json::json!({ "schema": "gw.chain/v1", "chain": chain::as_consul(chain)["Chain"], "rules": rules })
}

fn tree(chain: &DiscoveryChain) -> String {
    let what = if chain.default { ", shaped by no entry" } else { "" };
    let mut text = format!("{} in {}, {}{what}\n", chain.service_name, chain.datacenter, chain.protocol);
    let mut printed = BTreeSet::new();
    Tree { chain, text: &mut text, printed: &mut printed }.node(&chain.start_node, 1);
    text
}

struct Tree<'a> {
    chain: &'a DiscoveryChain,
    text: &'a mut String,
    /// Nodes that were printed: one that several lead to is printed once.
    printed: &'a mut BTreeSet<String>,
}

impl Tree<'_> {
    fn line(&mut self, depth: usize, text: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{}{text}", "  ".repeat(depth));
    }

    fn node(&mut self, key: &str, depth: usize) {
        if !self.printed.insert(key.to_owned()) {
            return self.line(depth, &format!("{key}, as above"));
        }
        match self.chain.nodes.get(key) {
            Some(ChainNode::Router { name, routes }) => {
                self.line(depth, &format!("router {name}"));
                for route in routes {
                    self.line(depth + 1, &format!("{}   [{}]", describe::route(&route.definition), route.rule));
                    self.node(&route.next_node, depth + 2);
                }
            }
            Some(ChainNode::Splitter { name, splits, .. }) => {
                self.line(depth, &format!("splitter {name}"));
                for split in splits {
                    self.line(depth + 1, &format!("{} %   [{}]", split.weight, describe::rules(&split.rules)));
                    self.node(&split.next_node, depth + 2);
                }
            }
            Some(ChainNode::Resolver(resolver)) => self.resolver(resolver, depth),
            None => self.line(depth, &format!("{key}, which is not there")),
        }
    }

    fn resolver(&mut self, resolver: &ChainResolver, depth: usize) {
        let by = if resolver.rules.is_empty() { String::new() } else { format!("   [{}]", describe::rules(&resolver.rules)) };
        self.line(depth, &format!("resolver {}{by}", resolver.name));
        let failover = resolver.failover.iter().flat_map(|f| f.targets.iter().map(|t| ("then", t)));
        for (word, id) in resolver.target.iter().map(|t| ("target", t)).chain(failover) {
            let details = self.chain.targets.get(id).map(|target| {
                let filter = if target.subset.filter.is_empty() { String::new() } else { format!(", where {}", target.subset.filter) };
                let passing = if target.subset.only_passing { ", only passing" } else { "" };
                // What is in the own datacenter is reached directly, whatever the mode.
                let elsewhere = *target.id.datacenter != *self.chain.datacenter && !target.mesh_gateway.is_empty();
                let gateway = if elsewhere { format!(", by mesh gateway: {}", target.mesh_gateway) } else { String::new() };
                format!("{filter}{passing}{gateway}")
            });
            self.line(depth + 1, &format!("{word} {id}{}", details.unwrap_or_default()));
        }
    }
}
