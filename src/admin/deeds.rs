//! What is done when it is asked for by POST. Envoy's names answer too, in Envoy's words, so that hooks work unchanged.

use std::sync::Arc;
use std::time::Duration;

use http::{Response, StatusCode};
use http_body_util::Full;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::{Asked, Subject, page, text};
use crate::model::duration::GoDuration;
use crate::rt::log;

/// How long a reload may take before nobody waits for it any more.
const RELOAD_TIME: Duration = Duration::from_secs(60);

/// Something that is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Reload,
    Drain,
    Stop,
    Log,
}

/// Each with its own page, and Envoy's, which is answered in text.
const DEEDS: &[(&str, Deed, bool)] = &[
    ("/v1/reload", Deed::Reload, false),
    ("/v1/drain", Deed::Drain, false),
    ("/v1/stop", Deed::Stop, false),
    ("/v1/log", Deed::Log, false),
    ("/drain_listeners", Deed::Drain, true),
    ("/quitquitquit", Deed::Stop, true),
    ("/logging", Deed::Log, true),
];

/// What came of reading the configuration again: `"schema": "gw.reload/v1"`.
#[derive(Clone, Debug, Serialize)]
pub struct Reloaded {
    /// `gw.reload/v1`
    pub schema: &'static str,
    /// `changed`, `same`, `refused`, or `nothing` where there are no files to read.
    pub result: &'static str,
    /// The generation that is in effect.
    pub generation: u64,
    /// Why it is refused.
    pub why: Option<String>,
}

/// Asks for the configuration to be read again, and is told what came of it.
#[derive(Clone)]
pub struct Reloading(pub Arc<dyn Fn() -> oneshot::Receiver<Reloaded> + Send + Sync>);

impl std::fmt::Debug for Reloading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reloading")
    }
}

/// What is done at a path, and whether it is answered in Envoy's words.
pub(super) fn find(path: &str) -> Option<Asks> {
    DEEDS.iter().find(|(name, ..)| *name == path).map(|(_, deed, envoy)| Asks { deed: *deed, envoy: *envoy })
}

/// All paths.
pub(super) fn names() -> String {
    DEEDS.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", ")
}

/// A deed that is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asks {
    deed: Deed,
    envoy: bool,
}

impl Asks {
    pub(super) async fn response(self, subject: &Subject, query: &str) -> Response<Full<bytes::Bytes>> {
        let asked = Asked::of(query);
        let done = match self.deed {
            Deed::Reload => return reload(subject).await,
            Deed::Drain => drain(subject, &asked),
            Deed::Stop => {
                subject.shutdown.end();
                Ok(json!({"schema": "gw.stop/v1", "stopping": true}))
            }
            Deed::Log => set_log(&asked),
        };
        match done {
            Ok(_) if self.envoy && self.deed != Deed::Log => text(StatusCode::OK, "OK\n".to_owned()),
            Ok(done) if self.envoy => text(StatusCode::OK, format!("active loggers:\n  gw: {}\n", done["filter"].as_str().unwrap_or("-"))),
            Ok(done) => page(StatusCode::OK, "application/json", format!("{done:#}\n")),
            Err(why) => text(StatusCode::BAD_REQUEST, format!("{why}\n")),
        }
    }
}

async fn reload(subject: &Subject) -> Response<Full<bytes::Bytes>> {
    match timeout(RELOAD_TIME, (subject.reload.0)()).await {
        Ok(Ok(reloaded)) => {
            let status = if reloaded.result == "refused" { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
            page(status, "application/json", format!("{:#}\n", json!(reloaded)))
        }
        Ok(Err(_)) => text(StatusCode::SERVICE_UNAVAILABLE, "nobody reads the configuration any more: the process ends\n".to_owned()),
        Err(_) => text(StatusCode::GATEWAY_TIMEOUT, "the configuration is still being read after 60 s\n".to_owned()),
    }
}

/// `timeout=5s`: how long connections may go on; without it as long as the gateway was started with.
fn drain(subject: &Subject, asked: &Asked) -> Result<Value, String> {
    let within = asked.one("timeout").map(parse).transpose()?;
    subject.shutdown.drain(within);
    Ok(json!({"schema": "gw.drain/v1", "draining": true, "timeout": within.map(|time| time.as_secs_f64())}))
}

fn parse(text: &str) -> Result<Duration, String> {
    let time = GoDuration::parse(text).map_err(|e| format!("timeout={text} is no duration such as 30s: {e}"))?;
    if time == GoDuration::ZERO {
        return Ok(Duration::ZERO);
    }
    time.positive().ok_or_else(|| format!("timeout={text} is negative"))
}

fn set_log(asked: &Asked) -> Result<Value, String> {
    let before = log::filter();
    if let Some(filter) = asked.one("level") {
        log::set(filter)?;
    }
    Ok(json!({"schema": "gw.log/v1", "filter": log::filter(), "before": before}))
}
