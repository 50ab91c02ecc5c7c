//! Metrics, in the form that who scrapes prefers.

use std::sync::{Arc, PoisonError};

use http::header::{ACCEPT, HeaderMap};
use http::{Response, StatusCode};
use http_body_util::Full;

use super::{Standing, Subject, page};

/// Where they are: the second as Envoy calls it.
pub(super) const PATHS: &[&str] = &["/metrics", "/stats/prometheus"];

/// The form of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposition {
    /// Prometheus' text format 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Exposition {
    fn asked_for(headers: &HeaderMap) -> Self {
        let accepted = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
        if accepted.contains("application/openmetrics-text") { Self::OpenMetrics } else { Self::Prometheus }
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// Makes the text of a scrape.
#[derive(Clone)]
pub struct Scrape(pub Arc<Making>);

/// From what is served, in a form.
type Making = dyn Fn(&Standing, Exposition) -> String + Send + Sync;

impl std::fmt::Debug for Scrape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scrape")
    }
}

/// Here and now: it reads files of the kernel and adds up what all workers counted, which takes less than a thread of its own would disturb
/// the workers.
pub(super) fn response(subject: &Subject, headers: &HeaderMap) -> Response<Full<bytes::Bytes>> {
    let form = Exposition::asked_for(headers);
    let standing = {
        let standing = subject.standing.lock().unwrap_or_else(PoisonError::into_inner);
        Standing { gateways: standing.gateways.clone(), refused: standing.refused.clone() }
    };
    page(StatusCode::OK, form.content_type(), (subject.metrics.0)(&standing, form))
}
