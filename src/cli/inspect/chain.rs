//! `gw inspect chain`: what the entries make of a service.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::app::chain::{self, ChainQuestion, ChainQuestionError};
use crate::app::consul::Consul;
use crate::app::consul::verify::{self, ChainDiffers, Class, Verified, VerifyError};
use crate::cli::Answer;
use crate::cli::consul::{AgentArgs, settings};
use crate::cli::error::Failure;
use crate::cli::input;
use crate::cli::inspect::describe;
use crate::model::chain::{ChainNode, ChainResolver, DiscoveryChain};
use crate::ui::{Table, Ui};

/// Show the discovery chain of a service: router, splitter, resolver, targets
#[derive(Debug, Args)]
#[command(after_long_help = "\
The entries are those of -c; else those of the Consul that --http-addr or CONSUL_HTTP_ADDR names; else those of ./gw.toml or ./gw.d.
With --verify the chain that Consul compiles itself is laid beside: what differs is listed, and what differs by the version of Consul
alone is counted and explained.

EXAMPLES
  gw inspect chain web -c gw.toml
  gw inspect chain web --http-addr 127.0.0.1:8500 --verify
  gw inspect chain web -c gw.d -o consul --datacenter dc2    as Consul's /v1/discovery-chain/web?compile-dc=dc2

EXIT CODES
  0  printed, or equal    1  differs from Consul's    2  usage    3  the files are refused, or the service has no chain
  4  Consul cannot be reached    5  the token may not    7  Consul did not answer in time")]
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
    /// Lay the chain that Consul compiles itself beside
    #[arg(long, conflicts_with = "config")]
    verify: bool,
    /// How it is printed
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Output,
    #[command(flatten)]
    agent: AgentArgs,
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
    if args.verify {
        let consul = Consul::of(settings(&args.agent.flags(), ui)?)?;
        return verified(&consul, &verify::verify(&consul, &question)?, args.output, ui);
    }
    let chain = match args.config {
        None if args.agent.is_named() => {
            let consul = Consul::of(settings(&args.agent.flags(), ui)?)?;
            ui.note(&format!("from Consul at {}", consul.name()));
            let (chain, unread) = verify::compiled(&consul, &question)?;
            unread.iter().for_each(|unread| ui.note(&format!("warning: {unread}")));
            chain
        }
        config => chain::ask(&input::files(config), &question)?,
    };
    match args.output {
        Output::Table => ui.print(&tree(&chain))?,
        Output::Json => ui.print(&format!("{:#}\n", with_rules(&chain)))?,
        Output::Name => chain.targets.keys().try_for_each(|id| ui.print(&format!("{id}\n")))?,
        Output::Consul => ui.print(&format!("{:#}\n", chain::as_consul(&chain)))?,
    }
    Ok(Answer::Yes)
}

/// What differs from Consul's own chain, and what is explained.
fn verified(consul: &Consul, verified: &Verified, output: Output, ui: &mut Ui) -> Result<Answer, Failure> {
    verified.unread.iter().for_each(|unread| ui.note(&format!("warning: {unread}")));
    let place = |d: &ChainDiffers| d.differs.place();
    let real = || verified.differs.iter().filter(|d| d.class.is_none());
    match output {
        Output::Table if verified.is_equal() => {}
        Output::Table => {
            let mut table = Table::new(&["PLACE", "GW", "CONSUL"]);
            real().for_each(|d| table.row(vec![place(d), d.differs.one.to_string(), d.differs.other.to_string()]));
            ui.table(&table)?;
        }
        Output::Json | Output::Consul => {
            let one = |d: &ChainDiffers| json!({"place": place(d), "gw": d.differs.one, "consul": d.differs.other, "explained": d.class.map(Class::why)});
            let differs: Vec<Value> = verified.differs.iter().map(one).collect();
            ui.print(&format!("{:#}\n", json!({"schema": "gw.chain-verify/v1", "equal": verified.is_equal(), "differs": differs})))?;
        }
        Output::Name => real().try_for_each(|d| ui.print(&format!("{}\n", place(d))))?,
    }
    let mut explained: BTreeMap<Class, usize> = BTreeMap::new();
    verified.differs.iter().filter_map(|d| d.class).for_each(|class| *explained.entry(class).or_default() += 1);
    for (class, times) in explained {
        ui.note(&format!("explained, {times} times: {}", class.why()));
    }
    let word = if verified.is_equal() { "the same" } else { "another one" };
    ui.note(&format!("{} compiles {word}", consul.name()));
    Ok(if verified.is_equal() { Answer::Yes } else { Answer::No })
}

impl From<VerifyError> for Failure {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Ask(error) => error.into(),
            VerifyError::Question(error) => error.into(),
        }
    }
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
fn with_rules(chain: &DiscoveryChain) -> Value {
    let rules = chain.nodes.iter().map(|(key, node)| {
        let rules: Vec<String> = match node {
            ChainNode::Router { routes, .. } => routes.iter().map(|r| r.rule.to_string()).collect(),
            ChainNode::Splitter { splits, .. } => splits.iter().flat_map(|s| s.rules.iter().map(ToString::to_string)).collect(),
            ChainNode::Resolver(resolver) => resolver.rules.iter().map(ToString::to_string).collect(),
        };
        (key.clone(), Value::from(rules))
    });
    let rules: serde_json::Map<String, Value> = rules.collect();
    json!({ "schema": "gw.chain/v1", "chain": chain::as_consul(chain)["Chain"], "rules": rules })
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
