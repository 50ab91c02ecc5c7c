//! Asking a Consul agent: one question, one answer, or why there is none.

mod build;
mod error;
mod grpc;
mod lines;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue};

use super::answer::{Answer, Reply};
use super::call::Call;
use super::settings::{AgentTls, Grpc, Secret, Settings, Token};

pub use error::{AskError, Unreached};
pub(super) use grpc::GrpcReply;
use lines::Lines;
pub use lines::{MOST_CONNECTIONS, MOST_QUICK, STANDING as MOST_STANDING};

/// Longer answers are not read: 5,000 services with three instances each in one list are a quarter of it.
const MOST_BYTES: usize = 64 << 20;
/// A longer token is none.
const MOST_TOKEN_BYTES: u64 = 4096;
/// Consul answers a question that does not wait within this, or says after 12 s that it has no leader.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often other tasks have their turn until a connection is back where the next question finds it: it would open one of its own, which
/// counts among the twelve until it is closed again.
const BACK: usize = 3;

const TOKEN: HeaderName = HeaderName::from_static("x-consul-token");

/// A way to an agent, with connections that are kept.
pub struct Client {
    http: reqwest::Client,
    /// Where questions go; the prefix of a proxy is in it.
    base: reqwest::Url,
    settings: Settings,
    lines: Arc<Lines>,
    /// What the token's file held when it could last be read.
    last: Mutex<Option<Secret>>,
}

/// How long an answer may take, for it to be another one than what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Answer at once.
    Not,
    /// Answer when the index is above this one, or when the time is over.
    Index(u64, Duration),
}

impl Client {
    /// A way to the agent of these settings. Files of TLS are read once.
    pub fn new(settings: Settings) -> Result<Self, AskError> {
        let (http, base) = build::build(&settings, build::Speaks::Http)?;
        Ok(Self { http, base, settings, lines: Arc::default(), last: Mutex::default() })
    }

    /// A way to the same agent for another thread, on which a question is asked now and then: it keeps no connection, and both together
    /// have no more than one would have.
    pub fn beside(&self) -> Result<Self, AskError> {
        let (http, base) = build::build(&self.settings, build::Speaks::HttpNowAndThen)?;
        Ok(Self { http, base, settings: self.settings.clone(), lines: self.lines.clone(), last: Mutex::default() })
    }

    /// A way to the gRPC port of a server, which is shown the same token and certificate; nothing where none is named.
    pub(super) fn of_grpc(settings: &Settings) -> Result<Option<Self>, AskError> {
        let Some(Grpc { at, anchors }) = settings.grpc.clone() else { return Ok(None) };
        // Only the HTTP API stands behind a proxy, and only there it can be said that nothing is verified.
        let tls = AgentTls { anchors, unverified: false, ..settings.tls.clone() };
        let settings = Settings { agent: at, tls, auth: None, ..settings.clone() };
        let (http, base) = build::build(&settings, build::Speaks::Grpc)?;
        Ok(Some(Self { http, base, settings, lines: Arc::default(), last: Mutex::default() }))
    }

    /// Whether all questions go over one connection at the same time: HTTP/2, which an agent speaks behind TLS alone.
    pub fn is_one_connection(&self) -> bool {
        self.base.scheme() == "https"
    }

    /// What it was made of.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Asks, and waits no longer than an answer takes.
    pub async fn ask<T>(&self, call: &Call<T>) -> Result<Answer<T>, AskError> {
        self.ask_when(call, Wait::Not).await
    }

    /// Asks, and waits for news.
    pub async fn ask_when<T>(&self, call: &Call<T>, wait: Wait) -> Result<Answer<T>, AskError> {
        let reply = self.reply(call, wait).await?;
        call.read(&reply).map_err(|why| self.answered(call, why))
    }

    /// What comes back, whatever it is.
    pub(super) async fn reply<T>(&self, call: &Call<T>, wait: Wait) -> Result<Reply, AskError> {
        let failed = |why| AskError::Unreached { agent: self.settings.agent.to_string(), asked: call.to_string(), why };
        let patience = match wait {
            // Consul adds up to a sixteenth, so that not all that wait come back at the same time.
            Wait::Index(_, time) => time + time / 16 + PATIENCE,
            Wait::Not => PATIENCE,
        };
        let _turn = if self.is_one_connection() { None } else { self.lines.turn(call, wait).await };
        let request = self.request(call, wait)?.timeout(patience);
        let mut response = request.send().await.map_err(|e| failed(Unreached::of(e, patience)))?;
        let (status, headers) = (response.status().as_u16(), std::mem::take(response.headers_mut()));
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| failed(Unreached::of(e, patience)))? {
            if body.len() + chunk.len() > MOST_BYTES {
                return Err(failed(Unreached::TooLong(MOST_BYTES)));
            }
            body.extend_from_slice(&chunk);
        }
        for _ in 0..BACK {
            tokio::task::yield_now().await;
        }
        Ok(Reply { status, headers, body: body.freeze() })
    }

    pub(super) fn answered<T>(&self, call: &Call<T>, why: super::answer::Why) -> AskError {
        AskError::Answered { agent: self.settings.agent.to_string(), asked: call.to_string(), why }
    }

    fn request<T>(&self, call: &Call<T>, wait: Wait) -> Result<reqwest::RequestBuilder, AskError> {
        let mut url = self.base.clone();
        if !call.is_of_names() {
            return Err(AskError::Name(call.to_string()));
        }
        // An address of http or https has a path.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push("v1").extend(&call.path);
        }
        let datacenter = self.settings.datacenter.as_ref().filter(|_| !call.is_of_another_datacenter() && !call.is_of_the_agent());
        if !call.params.is_empty() || wait != Wait::Not || datacenter.is_some() {
            let mut query = url.query_pairs_mut();
            query.extend_pairs(&call.params).extend_pairs(datacenter.map(|dc| ("dc", dc)));
            if let Wait::Index(index, time) = wait {
                query.append_pair("index", &index.to_string()).append_pair("wait", &format!("{}ms", time.as_millis()));
            }
        }
        let mut request = self.http.request(call.method.clone(), url);
        if let Some((user, password)) = &self.settings.auth {
            request = request.basic_auth(user, Some(password.reveal()));
        }
        if let Some(token) = self.token()? {
            request = request.header(TOKEN, token);
        }
        Ok(match &call.body {
            Some(body) => request.header(CONTENT_TYPE, "application/json").body(body.clone()),
            None => request,
        })
    }

    /// The token as it is now. Whoever writes its file may be in the middle of it: then it is the one that was there before.
    fn token(&self) -> Result<Option<HeaderValue>, AskError> {
        let Token { file, text } = &self.settings.token;
        let Some(file) = file else { return text.as_ref().map(|text| header(text, "the token")).transpose() };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match read_token(file) {
            Ok(read) => *last = read.or_else(|| text.clone()),
            Err(_) if last.is_some() => {}
            Err(source) => return Err(AskError::TokenFile { file: file.clone(), source }),
        }
        last.as_ref().map(|token| header(token, &file.display().to_string())).transpose()
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// The token of a file; nothing of an empty one.
fn read_token(file: &Path) -> std::io::Result<Option<Secret>> {
    use std::io::Read;
    let mut text = String::new();
    std::fs::File::open(file)?.take(MOST_TOKEN_BYTES).read_to_string(&mut text)?;
    let token = text.trim();
    Ok((!token.is_empty()).then(|| Secret::new(token)))
}

fn header(token: &Secret, whence: &str) -> Result<HeaderValue, AskError> {
    let mut value = HeaderValue::from_str(token.reveal()).map_err(|_| AskError::Token(whence.to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}
