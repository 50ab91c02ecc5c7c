//! Asking a running gw.

use std::net::{SocketAddr, TcpStream};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::asked::query;
use super::guard::{Token, TokenError};

/// Within which a gateway that runs has answered.
const TIME: Duration = Duration::from_secs(10);

/// Within which it has done what it was asked to.
const DEED_TIME: Duration = Duration::from_secs(65);

/// Where the token stands that is shown to a gateway that asks for one.
const TOKEN_FILE: &str = "GW_ADMIN_TOKEN_FILE";

/// Within which a gateway whose page goes on says something, if only that it is there.
const SILENT: Duration = Duration::from_secs(20);

/// No line of one is longer.
const LONGEST_LINE: usize = 1 << 20;

/// Of what comes with another status no more than this is said again.
const LONGEST_SAID: usize = 500;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nothing answers there.
    #[error("no gateway answers at {address}")]
    Unreachable {
        /// The address that was asked.
        address: SocketAddr,
        /// Why.
        source: reqwest::Error,
    },
    /// The token that is to be shown cannot be.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// Something answers, but not so.
    #[error("{address} answered {status} to {path}: {said}")]
    Status {
        /// The address that was asked.
        address: SocketAddr,
        /// The page.
        path: String,
        /// The status.
        status: u16,
        /// What it said with it.
        said: String,
    },
    /// What it told from time to time has no end: it is gone.
    #[error("the gateway at {address} is gone")]
    Gone {
        /// The address that was asked.
        address: SocketAddr,
        /// Why, where that is known.
        source: Option<reqwest::Error>,
    },
    /// The answer is no JSON, or another one: something else listens there.
    #[error("what {address} answered to {path} is not what gw answers: another version, or something else")]
    NotJson {
        /// The address that was asked.
        address: SocketAddr,
        /// The page.
        path: String,
        /// Why.
        source: reqwest::Error,
    },
}

/// The JSON of a page of a running gateway.
pub async fn get<T: DeserializeOwned>(address: SocketAddr, path: &str) -> Result<T, AskError> {
    ask(Method::GET, address, path, |status| status.is_success()).await
}

/// Has a running gateway do something; what it says of it. A 422 is such an answer: it was tried, and refused.
pub async fn post(address: SocketAddr, path: &str, asked: &[(&str, String)]) -> Result<Value, AskError> {
    let done = |status: StatusCode| status.is_success() || status == StatusCode::UNPROCESSABLE_ENTITY;
    ask(Method::POST, address, &format!("{path}?{}", query(asked)), done).await
}

/// Reads a page that goes on, line by line, until it ends or `take` has had enough. What the gateway says while it has nothing to say
/// is left out; one that is silent for longer is gone.
pub async fn read_lines(
    address: SocketAddr,
    page: &str,
    asked: &[(&str, String)],
    mut take: impl FnMut(&str) -> ControlFlow<()>,
) -> Result<(), AskError> {
    let unreachable = |source| AskError::Unreachable { address, source };
    let client = reqwest::Client::builder().no_proxy().connect_timeout(TIME).read_timeout(SILENT).build().map_err(unreachable)?;
    let path = format!("{page}?{}", query(asked));
    let mut response = send(client.get(format!("http://{address}{path}")), address, &path, |status| status.is_success()).await?;
    let mut rest = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|source| AskError::Gone { address, source: Some(source) })? {
        rest.extend_from_slice(&chunk);
        let whole = rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        for line in String::from_utf8_lossy(&rest[..whole]).lines().filter(|line| !line.is_empty()) {
            if take(line).is_break() {
                return Ok(());
            }
        }
        rest.drain(..whole);
        if rest.len() > LONGEST_LINE {
            break;
        }
    }
    Err(AskError::Gone { address, source: None })
}

/// Whether something listens there.
pub fn is_there(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, TIME).is_ok()
}

async fn ask<T: DeserializeOwned>(
    method: Method,
    address: SocketAddr,
    path: &str,
    answers: impl Fn(StatusCode) -> bool,
) -> Result<T, AskError> {
    let unreachable = |source| AskError::Unreachable { address, source };
    // A proxy of the environment is none for loopback. A reload takes its time.
    let time = if method == Method::POST { DEED_TIME } else { TIME };
    let client = reqwest::Client::builder().no_proxy().timeout(time).build().map_err(unreachable)?;
    let response = send(client.request(method, format!("http://{address}{path}")), address, path, answers).await?;
    response.json().await.map_err(|source| AskError::NotJson { address, path: path.to_owned(), source })
}

/// Shows the token if there is one. What comes with another status is an error.
async fn send(
    mut request: reqwest::RequestBuilder,
    address: SocketAddr,
    path: &str,
    answers: impl Fn(StatusCode) -> bool,
) -> Result<reqwest::Response, AskError> {
    if let Some(file) = std::env::var_os(TOKEN_FILE) {
        request = request.header(AUTHORIZATION, Token::read(Path::new(&file))?.bearer());
    }
    let response = request.send().await.map_err(|source| AskError::Unreachable { address, source })?;
    let status = response.status();
    if !answers(status) {
        let said: String = response.text().await.unwrap_or_default().trim().chars().take(LONGEST_SAID).collect();
        return Err(AskError::Status { address, path: path.to_owned(), status: status.as_u16(), said });
    }
    Ok(response)
}

/// The same for callers without a runtime.
pub fn get_blocking(address: SocketAddr, path: &str) -> Result<Value, AskError> {
    blocking(get(address, path))
}

/// The answer of a running gateway to a question, for the same.
pub fn ask_blocking<T: DeserializeOwned>(address: SocketAddr, page: &str, asked: &[(&str, String)]) -> Result<T, AskError> {
    blocking(get(address, &format!("{page}?{}", query(asked))))
}

/// Has it done, for the same.
pub fn post_blocking(address: SocketAddr, path: &str, asked: &[(&str, String)]) -> Result<Value, AskError> {
    blocking(post(address, path, asked))
}

/// Runs it on a thread without a runtime.
pub fn blocking<T>(asking: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime needs no more than descriptors");
    runtime.block_on(asking)
}
