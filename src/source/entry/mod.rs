//! Config entries as Consul takes them: HCL v1, JSON or TOML to the model, weakly decoded, normalized and validated.

mod api_gateway;
mod check;
pub mod codes;
mod common;
mod cx;
mod decode;
mod earlier;
mod exported_services;
mod extension;
mod fields;
mod file_system_certificate;
mod hcl;
mod hcl_token;
mod http_route;
mod ingress_gateway;
mod inline_certificate;
mod json;
mod jwt_provider;
mod kind;
mod matching;
mod mesh;
mod octets;
mod parts;
mod proxy_defaults;
mod read;
mod reference;
mod request_uri;
mod resolver_rules;
mod scalar;
mod service_defaults;
mod service_intentions;
mod service_resolver;
mod service_router;
mod service_splitter;
mod starter;
mod tcp_route;
mod terminating_gateway;
mod tls;
mod toml;
pub(in crate::source) mod tree;
mod word;
mod write;

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use serde_json::Value;

pub use fields::{near, nearest};

use super::diagnostic::{Diagnostic, Text};
use crate::model::entry::*;

/// How a text is written. A text whose first non-blank byte is `{` is JSON, whatever its name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Syntax {
    /// HCL version 1, Consul's dialect.
    Hcl,
    /// JSON.
    Json,
    /// TOML with Consul's field names.
    Toml,
}

/// A text in TOML, or in JSON where it begins with a brace, as values with their places; what is wrong, and where, if it is none.
pub(in crate::source) fn tree_of(text: &str) -> Result<tree::Node, (String, Range<usize>)> {
    let read = if text.trim_start().starts_with('{') { json::read(text) } else { toml::read(text) };
    read.map_err(|error| (error.message, error.span))
}

/// An entry that was read and is accepted for itself; whether the set fits together is `decide::graph`.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// Its kind.
    pub kind: EntryKind,
    /// Its name.
    pub name: String,
    /// The entry, of a kind that the model has; `None` of one that is judged and no more.
    pub entry: Option<ConfigEntry>,
    /// Findings and warnings.
    pub notes: Vec<Diagnostic>,
    /// Where it was read.
    pub source: EntrySource,
    /// What the next reading of the same file may take from it.
    parts: parts::Parts,
}

impl Decoded {
    /// What Consul would store and print: its JSON without indexes. Made when it is asked for: a run never asks.
    pub fn stored(&self) -> Value {
        self.entry.as_ref().map_or_else(|| kind::print_judged(self.kind, &self.source.tree(), self.source.again), print)
    }
}

/// Where an entry was read, so that later checks can point into it.
#[derive(Clone, Debug)]
pub struct EntrySource {
    /// The text.
    pub text: Arc<Text>,
    /// The whole entry.
    pub span: Range<usize>,
    /// Every value and where it stands. Of an accepted entry hardly anything is asked for, so it is read again when it is.
    tree: OnceLock<Arc<tree::Node>>,
    again: read::Again,
}

impl EntrySource {
    /// The bytes of a place in Consul's field names, `Routes[2].Match`; the nearest part of it that exists.
    pub fn find(&self, path: &str) -> Range<usize> {
        check::find(&self.tree(), path)
    }

    fn tree(&self) -> Arc<tree::Node> {
        self.tree.get_or_init(|| Arc::new(self.again.tree(&self.text, &self.span))).clone()
    }
}

/// Reads one entry that came as JSON, as Consul's HTTP API takes it.
pub fn from_json(value: &Value) -> Result<Decoded, Vec<Diagnostic>> {
    let text = nowhere();
    without_text(value, text.clone(), |root| kind::decode(root, &text, false), read::Again::Nowhere)
}

/// Takes one entry as a Consul stores it, whatever its version allows. What cannot be decoded is refused; what would be refused if
/// it were written today, and fields that are not known here, are findings among the notes. What intentions allow beside something
/// that is not understood, they deny.
pub fn from_stored(value: &Value) -> Result<Decoded, Vec<Diagnostic>> {
    without_text(value, nowhere(), kind::decode_stored, read::Again::Stored)
}

fn nowhere() -> Arc<Text> {
    Arc::new(Text { origin: String::new(), content: String::new() })
}

fn without_text(
    value: &Value,
    text: Arc<Text>,
    decode: impl FnOnce(&tree::Node) -> Result<kind::Accepted, Vec<Diagnostic>>,
    again: read::Again,
) -> Result<Decoded, Vec<Diagnostic>> {
    let root = Arc::new(tree::Node::from_json(value));
    let accepted = decode(&root)?;
    // There is no text to read it from again.
    Ok(accepted.at(EntrySource { text, span: 0..0, tree: OnceLock::from(root), again }))
}

/// Reads all entries of a text. Each is accepted or refused for itself: the accepted ones, then everything that is wrong
/// with the others.
pub fn read(text: &Arc<Text>, syntax: Syntax) -> (Vec<Decoded>, Vec<Diagnostic>) {
    let read = read::entries(text, syntax, &[]);
    (read.decoded, read.problems)
}

/// The same with the same result, where entries of the same file were read before: those that stand in it as they did are
/// neither read nor judged again.
pub fn read_again<'a>(text: &Arc<Text>, syntax: Syntax, earlier: &'a [Decoded]) -> ReadAgain<'a> {
    read::entries(text, syntax, earlier)
}

/// A text of entries that was read before, and how it differs.
#[derive(Debug, Default)]
pub struct ReadAgain<'a> {
    /// The accepted entries.
    pub decoded: Vec<Decoded>,
    /// Everything that is wrong with the others.
    pub problems: Vec<Diagnostic>,
    /// The numbers of those that were not accepted before as they stand here.
    pub fresh: Vec<usize>,
    /// Those that were accepted before, and do not stand in the text as they did.
    pub gone: Vec<&'a Decoded>,
}

/// An entry as Consul's JSON, without indexes.
pub fn print(entry: &ConfigEntry) -> Value {
    kind::print(entry)
}

/// A route of a router, as Consul's JSON.
pub fn print_route(route: &ServiceRoute) -> Value {
    kind::print_part(route)
}

/// A leg of a splitter, as Consul's JSON.
pub fn print_split(split: &ServiceSplit) -> Value {
    kind::print_part(split)
}

/// A subset of a resolver, as Consul's JSON.
pub fn print_subset(subset: &Subset) -> Value {
    kind::print_part(subset)
}

/// A load balancer of a resolver, as Consul's JSON.
pub fn print_load_balancer(load_balancer: &LoadBalancer) -> Value {
    kind::print_part(load_balancer)
}

/// A failover policy, as Consul's JSON.
pub fn print_failover_policy(policy: &FailoverPolicy) -> Value {
    kind::print_part(policy)
}

/// An Envoy extension, as Consul's JSON.
pub fn print_extension(extension: &EnvoyExtension) -> Value {
    kind::print_part(extension)
}

/// A stored entry as HCL, which is read back as the same entry; but for objects in objects of an opaque map (`Config`,
/// `Arguments`), which HCL version 1 reads as lists of one.
pub fn to_hcl(stored: &Value) -> String {
    write::hcl(stored)
}

/// A stored entry as TOML, which is read back as the same entry.
pub fn to_toml(stored: &Value) -> String {
    write::toml(stored)
}

/// A commented entry to start from, in HCL, valid as printed; nothing for a kind that nobody can write.
pub fn starter(kind: EntryKind, name: &str) -> Option<String> {
    starter::starter(kind, name)
}
