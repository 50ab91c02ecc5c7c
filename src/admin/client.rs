//! Asking a running gw.

use std::net::SocketAddr;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::asked::query;

/// Within which a gateway that runs has answered.
const TIME: Duration = Duration::from_secs(10);

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
    let unreachable = |source| AskError::Unreachable { address, source };
    // A proxy of the environment is none for loopback.
    let client = reqwest::Client::builder().no_proxy().timeout(TIME).build().map_err(unreachable)?;
    let response = client.get(format!("http://{address}{path}")).send().await.map_err(unreachable)?;
    let status = response.status();
    if !status.is_success() {
        let said: String = response.text().await.unwrap_or_default().trim().chars().take(LONGEST_SAID).collect();
        return Err(AskError::Status { address, path: path.to_owned(), status: status.as_u16(), said });
    }
    response.json().await.map_err(|source| AskError::NotJson { address, path: path.to_owned(), source })
}

/// The same for callers without a runtime.
pub fn get_blocking(address: SocketAddr, path: &str) -> Result<Value, AskError> {
    blocking(get(address, path))
}

/// The answer of a running gateway to a question, for the same.
pub fn ask_blocking<T: DeserializeOwned>(address: SocketAddr, page: &str, asked: &[(&str, String)]) -> Result<T, AskError> {
    blocking(get(address, &format!("{page}?{}", query(asked))))
}

fn blocking<T>(asking: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime needs no more than descriptors");
    runtime.block_on(asking)
}
