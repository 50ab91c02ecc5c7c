//! `gw inspect route`: one request asked of the brain, with every step and near miss; and, a file each, what else is asked.

mod advice;
mod asked;
pub mod certs;
mod connection;
pub mod datacenters;
mod edited;
pub(in crate::app) mod heard;
pub mod intentions;
pub mod listeners;
pub mod problems;
pub mod services;
mod shares;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http::header::HOST;
use http::uri::{PathAndQuery, Uri};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use serde::{Deserialize, Serialize};

use crate::decide::Snapshot;
use crate::decide::balance::{Dice, Idle};
use crate::decide::code::Code;
use crate::decide::facts::{Facts, RequestHead};
use crate::decide::plan::{Plan, Refusal};
use crate::decide::snapshot::{Endpoint, Target};
use crate::decide::witness::Step;
use crate::id::SpiffeId;
use crate::proxy::HeadAsRead;

pub(in crate::app) use self::asked::explained;
pub use self::asked::{ROUTE, peer, written};
pub(in crate::app) use self::connection::connection;
pub use self::edited::EditedHeaders;
pub(in crate::app) use self::shares::shares;

const SCHEMA: &str = "gw.explanation/v1";

/// A request to ask about.
#[derive(Clone, Debug)]
pub struct RouteQuestion {
    /// The method.
    pub method: String,
    /// `http://shop.test:8080/cart?x=1`; the port chooses the listener where there are several.
    pub url: String,
    /// `NAME: VALUE`.
    pub headers: Vec<String>,
    /// What the dice show; none is 0.
    pub roll: Option<u32>,
    /// Who asks; loopback if not given.
    pub source: Option<IpAddr>,
    /// The server name of the handshake, on a listener of the mesh: in full, or the service alone; the URL's host if not given.
    pub sni: Option<String>,
    /// Whose certificate is shown there.
    pub peer: Option<SpiffeId>,
}

/// Why a question cannot be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuestionError {
    /// Not an absolute URL.
    #[error("{0:?} is not a URL such as http://shop.test:8080/cart")]
    Url(String),
    /// Not a method.
    #[error("{0:?} is not a method")]
    Method(String),
    /// Not `NAME: VALUE`.
    #[error("{0:?} is not a header such as 'x-version: v2'")]
    Header(String),
    /// No listener fits the URL.
    #[error("no listener is at the port of {url:?}: there are {}", .listeners.join(", "))]
    Listener {
        /// The URL.
        url: String,
        /// The listeners there are.
        listeners: Vec<String>,
    },
}

/// The answer to a question: what was known, every step, and the outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// `gw.explanation/v1`
    pub schema: Cow<'static, str>,
    /// What was known.
    pub facts: ExplainedFacts,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// What the data path does.
    pub outcome: ExplainedOutcome,
    /// Where the rules that are named are written: `gw.d/web.hcl:4`, or `Consul, modify index 42`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub places: BTreeMap<String, String>,
    /// What is worth knowing beside.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What was known when it was decided.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExplainedFacts {
    /// The listener.
    pub listener: String,
    /// Who connected.
    pub client: String,
    /// The server name of the handshake, on a listener of the mesh.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sni: Option<String>,
    /// Whose certificate was shown there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// The method.
    pub method: String,
    /// The Host.
    pub authority: String,
    /// Path and query.
    pub target: String,
    /// The headers.
    pub headers: Vec<(String, String)>,
}

/// What the data path does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum ExplainedOutcome {
    /// It forwards.
    Forward {
        /// `ok`
        code: Cow<'static, str>,
        /// The rules that led there, outermost first.
        rules: Vec<String>,
        /// The target.
        target: String,
        /// The target's service.
        #[serde(default)]
        service: String,
        /// The target's subset; empty is the whole service.
        #[serde(default)]
        subset: String,
        /// The target's datacenter; empty at a peer.
        #[serde(default)]
        datacenter: String,
        /// The instance that is tried first.
        #[serde(default)]
        instance: String,
        /// What entries make of headers, where they edit any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        edited: Option<Box<EditedHeaders>>,
        /// The instances in the order they would be tried.
        instances: Vec<String>,
        /// The path that is sent.
        path: String,
        /// The target's SNI.
        sni: String,
        /// What the dice showed, where they were asked.
        roll: Option<u32>,
        /// The request timeout in seconds; none is no limit.
        request_timeout: Option<f64>,
        /// The idle timeout in seconds; none is no limit.
        idle_timeout: Option<f64>,
        /// How often it is tried again.
        retries: u32,
    },
    /// It answers itself.
    Refuse {
        /// The stable reason.
        code: Cow<'static, str>,
        /// The status of the answer.
        status: u16,
        /// What the reason means.
        meaning: Cow<'static, str>,
        /// The rule that led to it.
        rule: Option<String>,
        /// What was looked for.
        subject: String,
        /// Where the answer sends the client instead.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        location: Option<String>,
        /// What the dice showed, where they were asked.
        roll: Option<u32>,
    },
}

impl Explanation {
    fn new(facts: &Facts<'_>, steps: Vec<Step>, outcome: ExplainedOutcome) -> Self {
        let facts = ExplainedFacts::of(facts);
        Self { schema: SCHEMA.into(), facts, steps, outcome, places: BTreeMap::new(), notes: Vec::new() }
    }

    /// The rules that it names.
    pub(in crate::app) fn rules(&self) -> Vec<&str> {
        let of_outcome: Vec<&str> = match &self.outcome {
            ExplainedOutcome::Forward { rules, .. } => rules.iter().map(String::as_str).collect(),
            ExplainedOutcome::Refuse { rule, .. } => rule.as_deref().into_iter().collect(),
        };
        self.steps.iter().flat_map(Step::rules).chain(of_outcome).collect()
    }

    /// Whether it is about a connection, of which nobody reads requests.
    pub fn is_of_connection(&self) -> bool {
        self.facts.method.is_empty()
    }

    /// How the gateway answers itself, in words: `refused with 404 no_host: MEANING (SUBJECT)`, and of a connection `closed, no_sni: ..`.
    pub fn refused(&self) -> Option<String> {
        let ExplainedOutcome::Refuse { code, status, meaning, subject, .. } = &self.outcome else { return None };
        let ended = if self.is_of_connection() { "closed,".to_owned() } else { format!("refused with {status}") };
        Some(format!("{ended} {code}: {meaning} ({subject})"))
    }

    /// Whether the request is forwarded.
    pub fn forwards(&self) -> bool {
        matches!(self.outcome, ExplainedOutcome::Forward { .. })
    }
}

/// Always the same number: the roll that was asked for.
pub(super) struct Fixed(pub(super) u32);

impl Dice for Fixed {
    fn roll(&mut self, sides: u32) -> u32 {
        self.0 % sides.max(1)
    }
}

/// Asks the brain: the very function that the data path obeys, with a witness that records.
pub fn route(snapshot: &Snapshot, question: &RouteQuestion) -> Result<Explanation, QuestionError> {
    let wrong_url = || QuestionError::Url(question.url.clone());
    let method = Method::from_bytes(question.method.as_bytes()).map_err(|_| QuestionError::Method(question.method.clone()))?;
    let url: Uri = question.url.parse().map_err(|_| wrong_url())?;
    let authority = url.authority().ok_or_else(wrong_url)?;
    let scheme = url.scheme_str().ok_or_else(wrong_url)?;
    let target = url.path_and_query().map_or("/", PathAndQuery::as_str);
    let headers = parse_headers(&question.headers, scheme)?;
    let roll = question.roll.unwrap_or(0);
    let listener = heard::listener(snapshot, authority, &question.url)?;
    let sent = question.sni.as_deref().or_else(|| heard::of_url(authority));
    let sent = listener.names.as_ref().and_then(|names| Some(heard::in_full(names, sent?)));
    let host = headers.get("host").and_then(|h| h.to_str().ok()).unwrap_or(authority.as_str());
    let client = SocketAddr::new(question.source.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), 0);
    let host = host.to_owned();
    let name = &listener.listener.name;
    let (heard, peer) = (heard::name(listener, sent.as_deref()), question.peer.as_ref());
    let sni = if let Ok(name) = &heard { name.as_deref() } else { sent.as_deref() };
    let facts = |request| Facts { listener: name, client, local: listener.listener.bind, sni, peer, request };
    if let Err(why) = &heard {
        return Ok(Explanation::new(&facts(None), Vec::new(), unread(Code::ClientTls, why)));
    }
    if !heard::reads_requests(snapshot, listener, sni) {
        return Ok(explain(snapshot, &facts(None), roll));
    }
    let as_it_came = facts(Some(RequestHead { method: &method, authority: &host, target, scheme, headers: &headers }));
    let mut read = match as_read(&method, target, &host, &headers, scheme) {
        Ok(read) => read,
        // Nothing is decided of what cannot be read.
        Err(code) => return Ok(Explanation::new(&as_it_came, Vec::new(), unread(code, &host))),
    };
    let mut steps = Vec::new();
    let prepared = snapshot.prepare(name, sni, &read.target, &mut read.headers, &mut steps);
    let (target, unfit) = match &prepared {
        Ok(prepared) => (prepared.as_deref().unwrap_or(&read.target), None),
        Err(refusal) => (read.target.as_str(), Some(refuse(refusal))),
    };
    let HeadAsRead { method, authority, scheme, headers, .. } = &read;
    let facts = facts(Some(RequestHead { method, authority, target, scheme, headers }));
    Ok(match unfit {
        Some(outcome) => Explanation::new(&facts, steps, outcome),
        None => explain_after(steps, snapshot, &facts, roll),
    })
}

/// The request as the data path reads it: HTTP/1.1, with its Host.
fn as_read(method: &Method, target: &str, host: &str, headers: &HeaderMap, scheme: &str) -> Result<HeadAsRead, Code> {
    let mut request = Request::new(());
    *request.method_mut() = method.clone();
    *request.uri_mut() = target.parse().map_err(|_| Code::BadRequest)?;
    *request.headers_mut() = headers.clone();
    request.headers_mut().insert(HOST, HeaderValue::from_str(host).map_err(|_| Code::BadRequest)?);
    HeadAsRead::of(request.into_parts().0, scheme == "https")
}

fn unread(code: Code, subject: &str) -> ExplainedOutcome {
    let (status, meaning) = (code.status(), code.meaning().into());
    ExplainedOutcome::Refuse {
        code: code.as_str().into(),
        status,
        meaning,
        rule: None,
        subject: subject.to_owned(),
        location: None,
        roll: None,
    }
}

/// The same for facts that are known already.
pub fn explain(snapshot: &Snapshot, facts: &Facts<'_>, roll: u32) -> Explanation {
    explain_after(Vec::new(), snapshot, facts, roll)
}

fn explain_after(mut steps: Vec<Step>, snapshot: &Snapshot, facts: &Facts<'_>, roll: u32) -> Explanation {
    let answer = snapshot.plan(facts, &Idle, &mut Fixed(roll), &mut steps);
    let outcome = match answer {
        Ok(plan) => forward(&plan, facts),
        Err(refusal) => refuse(&refusal),
    };
    Explanation::new(facts, steps, outcome)
}

fn forward(plan: &Plan, facts: &Facts<'_>) -> ExplainedOutcome {
    let sent = facts.request.map_or("", |r| r.target);
    let target = &plan.first_target().id;
    ExplainedOutcome::Forward {
        code: "ok".into(),
        rules: plan.rules().map(ToString::to_string).collect(),
        target: target.to_string(),
        service: target.service.to_string(),
        subset: target.subset.to_string(),
        datacenter: target.datacenter.to_string(),
        instance: plan.hops().next().map(|(_, endpoint)| endpoint.id.clone()).unwrap_or_default(),
        edited: edited::headers(plan, facts).map(Box::new),
        instances: plan.hops().map(|(target, endpoint)| hop(target, endpoint)).collect(),
        path: plan.rewritten.clone().unwrap_or_else(|| sent.to_owned()),
        sni: plan.first_target().sni.clone(),
        roll: plan.roll,
        request_timeout: plan.route.timeouts.request.map(|d| d.as_secs_f64()),
        idle_timeout: plan.route.timeouts.idle.map(|d| d.as_secs_f64()),
        retries: plan.route.retry.as_ref().map_or(0, |r| r.retries),
    }
}

fn hop(target: &Target, endpoint: &Endpoint) -> String {
    let Endpoint { id, address, .. } = endpoint;
    match target.through() {
        Some(mode) => format!("mesh gateway {id} at {address} ({mode}) for {}", target.id),
        None => format!("{id} at {address}"),
    }
}

fn refuse(refusal: &Refusal) -> ExplainedOutcome {
    ExplainedOutcome::Refuse {
        code: refusal.code.as_str().into(),
        status: refusal.code.status(),
        meaning: refusal.code.meaning().into(),
        rule: refusal.rule.as_ref().map(ToString::to_string),
        subject: refusal.subject.clone(),
        location: refusal.location.clone(),
        roll: refusal.roll,
    }
}

impl ExplainedFacts {
    fn of(facts: &Facts<'_>) -> Self {
        let request = facts.request;
        Self {
            listener: facts.listener.to_string(),
            client: facts.client.ip().to_string(),
            sni: facts.sni.map(str::to_owned),
            peer: facts.peer.map(ToString::to_string),
            method: request.map(|r| r.method.to_string()).unwrap_or_default(),
            authority: request.map(|r| r.authority.to_owned()).unwrap_or_default(),
            target: request.map(|r| r.target.to_owned()).unwrap_or_default(),
            headers: request.map(|r| printed(r.headers)).unwrap_or_default(),
        }
    }
}

fn printed(headers: &HeaderMap) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())).collect()
}

/// The headers as they reach the router: with `x-forwarded-proto`, which a gateway sets unless it was sent.
pub fn parse_headers(given: &[String], scheme: &str) -> Result<HeaderMap, QuestionError> {
    let mut headers = HeaderMap::new();
    for line in given {
        let wrong = || QuestionError::Header(line.clone());
        let (name, value) = line.split_once(':').ok_or_else(wrong)?;
        let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| wrong())?;
        headers.append(name, HeaderValue::from_str(value.trim()).map_err(|_| wrong())?);
    }
    if let (false, Ok(value)) = (headers.contains_key("x-forwarded-proto"), HeaderValue::from_str(scheme)) {
        headers.insert("x-forwarded-proto", value);
    }
    Ok(headers)
}
