//! The same questions of whoever is asked: as names and values, and their answers.

use http::Method;
use http::header::HeaderValue;
use serde_json::{Value, json};

use super::AskedRequest;
use super::explained::{self, AuthzQuestion};
use super::pairs::{self, Which};
use crate::app::inspect::parse_headers;
use crate::app::world::{Asked, Unanswered, Verb, World};

/// One pair.
pub const PAIR: Verb = Verb { page: "/v1/authz", answer };
/// Many pairs.
pub const PAIRS: Verb = Verb { page: "/v1/authz/pairs", answer: answer_pairs };

/// Of more pairs than this nobody reads the answers.
const MOST: usize = 1_000_000;
/// A process that runs has better things to do, and keeps the answer whole.
const MOST_OF_RUNNING: usize = 100_000;

fn answer(world: &World, asked: &Asked) -> Result<Value, Unanswered> {
    let question = read(asked).map_err(Unanswered::Wrong)?;
    Ok(json!(explained::explain(world, question)))
}

fn answer_pairs(world: &World, asked: &Asked) -> Result<Value, Unanswered> {
    let which = match (asked.one("who-can"), asked.one("reach")) {
        (None, None) => Which::Every,
        (Some(destination), None) => Which::WhoCan(destination.to_owned()),
        (None, Some(source)) => Which::Reach(source.to_owned()),
        (Some(_), Some(_)) => return Err(Unanswered::Wrong("who-can and reach are two questions".to_owned())),
    };
    let runs = world.gateways.iter().any(|gateway| gateway.generation() > 0);
    let most = if runs { MOST_OF_RUNNING } else { MOST };
    pairs::pairs(world, &which, most).map(|pairs| json!(pairs)).map_err(|e| Unanswered::Wrong(e.to_string()))
}

/// A question about many pairs, as it is asked.
pub fn written_pairs(which: &Which) -> Vec<(&'static str, String)> {
    match which {
        Which::Every => Vec::new(),
        Which::WhoCan(destination) => vec![("who-can", destination.clone())],
        Which::Reach(source) => vec![("reach", source.clone())],
    }
}

/// A question about one pair, as it is asked.
pub fn written(question: &AuthzQuestion) -> Vec<(&'static str, String)> {
    let mut asked = vec![("source", question.source.clone()), ("destination", question.destination.clone())];
    if let Some(AskedRequest { method, authority, target, headers }) = &question.request {
        asked.extend([("method", method.to_string()), ("authority", authority.clone()), ("path", target.clone())]);
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        asked.extend(headers.iter().map(|(name, value)| ("header", format!("{name}: {}", text(value)))));
    }
    asked
}

/// The question that is asked; without a method, a path and a header it is about a connection.
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
