//! The same questions of files, of a process that runs, and in that process: one function answers them.

use std::net::SocketAddr;
use std::path::PathBuf;

use http::Method;
use http::header::HeaderValue;
use serde_json::{Value, json};

use super::explained::{self, AuthzAnswer, AuthzQuestion};
use super::pairs::{self, Pairs, TooMany, Which};
use super::{AskedRequest, World};
use crate::admin::client::{self, AskError};
use crate::admin::{Asked, Gateway};
use crate::app::inspect::parse_headers;
use crate::app::load::Loader;
use crate::model::resources::Resources;
use crate::source::diagnostic::Diagnostic;
use crate::tls;

/// Where one pair is asked about.
pub(in crate::app) const PAGE: &str = "/v1/authz";
/// Where many are.
pub(in crate::app) const PAIRS_PAGE: &str = "/v1/authz/pairs";

/// Of more pairs than this nobody reads the answers.
const MOST: usize = 1_000_000;
/// A process that runs has better things to do, and keeps the answer whole.
const MOST_OF_RUNNING: usize = 100_000;

/// Whom to ask.
#[derive(Clone, Debug)]
pub enum Of {
    /// The entries of a `gw.toml` or a folder of them.
    Files(PathBuf),
    /// The process that answers there.
    Running(SocketAddr),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AuthzError {
    /// What is wrong with the files.
    #[error("the files are refused")]
    Files(Vec<Diagnostic>),
    /// Too many to be printed.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// No answer from the process.
    #[error(transparent)]
    Ask(#[from] AskError),
}

/// Asks about one pair.
pub fn explain(of: &Of, question: AuthzQuestion) -> Result<AuthzAnswer, AuthzError> {
    match of {
        Of::Files(files) => in_files(files.clone(), |world| explained::explain(world, question)),
        Of::Running(address) => {
            tls::install();
            Ok(client::ask_blocking(*address, PAGE, &written(&question))?)
        }
    }
}

/// Asks about many pairs.
pub fn pairs(of: &Of, which: &Which) -> Result<Pairs, AuthzError> {
    match of {
        Of::Files(files) => Ok(in_files(files.clone(), |world| pairs::pairs(world, which, MOST))??),
        Of::Running(address) => {
            tls::install();
            let asked = match which {
                Which::Every => Vec::new(),
                Which::WhoCan(destination) => vec![("who-can", destination.clone())],
                Which::Reach(source) => vec![("reach", source.clone())],
            };
            Ok(client::ask_blocking(*address, PAIRS_PAGE, &asked)?)
        }
    }
}

fn in_files<T>(files: PathBuf, ask: impl FnOnce(&World<'_>) -> T) -> Result<T, AuthzError> {
    let mut loader = Loader::default();
    let loaded = loader.load(&files, &[]).map_err(AuthzError::Files)?;
    let configuration = &loaded.configuration;
    Ok(ask(&World {
        entries: &loaded.entries,
        services: &configuration.services,
        default: configuration.default_action,
        trust_domain: &configuration.trust_domain,
        place: &|rule| loader.place(rule),
    }))
}

/// What is served by. Where it is written is not known: files may say something else by now.
fn in_service<T>(said: &Resources, ask: impl FnOnce(&World<'_>) -> T) -> T {
    ask(&World {
        entries: &said.entries,
        services: &said.services,
        default: said.default_action,
        trust_domain: &said.trust_domain,
        place: &|_| None,
    })
}

/// The answer of a process that runs, about one pair.
pub(in crate::app) fn answer(gateways: &[Gateway], asked: &Asked) -> Result<Value, String> {
    let said = first(gateways)?;
    Ok(json!(in_service(said, |world| Ok::<_, String>(explained::explain(world, read(asked)?)))?))
}

/// The same about many.
pub(in crate::app) fn answer_pairs(gateways: &[Gateway], asked: &Asked) -> Result<Value, String> {
    let which = match (asked.one("who-can"), asked.one("reach")) {
        (Some(destination), None) => Which::WhoCan(destination.to_owned()),
        (None, Some(source)) => Which::Reach(source.to_owned()),
        (None, None) => Which::Every,
        (Some(_), Some(_)) => return Err("who-can and reach are two questions".to_owned()),
    };
    let found = in_service(first(gateways)?, |world| pairs::pairs(world, &which, MOST_OF_RUNNING));
    found.map(|pairs| json!(pairs)).map_err(|e| e.to_string())
}

/// The gateways of a process have their entries in common.
fn first(gateways: &[Gateway]) -> Result<&Resources, String> {
    gateways.first().map(|gateway| &gateway.said).ok_or_else(|| "nothing is served yet".to_owned())
}

/// A question as a page is asked it.
fn written(question: &AuthzQuestion) -> Vec<(&'static str, String)> {
    let mut asked = vec![("source", question.source.clone()), ("destination", question.destination.clone())];
    if let Some(AskedRequest { method, authority, target, headers }) = &question.request {
        asked.extend([("method", method.to_string()), ("authority", authority.clone()), ("path", target.clone())]);
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        asked.extend(headers.iter().map(|(name, value)| ("header", format!("{name}: {}", text(value)))));
    }
    asked
}

/// The question that a page is asked; without a method, a path and a header it is about a connection.
fn read(asked: &Asked) -> Result<AuthzQuestion, String> {
    let needed = |name: &str| asked.one(name).map(str::to_owned).ok_or_else(|| format!("{name}= is missing: a service"));
    let (source, destination) = (needed("source")?, needed("destination")?);
    let (method, path) = (asked.one("method"), asked.one("path"));
    let headers: Vec<String> = asked.all("header").map(str::to_owned).collect();
    if method.is_none() && path.is_none() && headers.is_empty() {
        return Ok(AuthzQuestion { source, destination, request: None });
    }
    let headers = parse_headers(&headers, "https").map_err(|e| e.to_string())?;
    let method = method.unwrap_or("GET");
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| format!("{method:?} is not a method"))?;
    let authority = asked.one("authority").unwrap_or(&destination);
    let request = AskedRequest::new(method, authority, path.unwrap_or("/"), headers);
    Ok(AuthzQuestion { source, destination, request: Some(request) })
}
