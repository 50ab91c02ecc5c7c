//! `{"authz": {"entries": [..], "default": "deny", "source": "a", "destination": "b", "request": {..}}}`

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Value, json};

use super::entries;
use crate::app::authz::{self, AskedRequest, Judged};
use crate::decide::authz::{Judges, check};
use crate::decide::chain;
use crate::decide::normalize::Normalization;
use crate::id::TrustDomain;
use crate::model::entry::{Entries, IntentionAction};

/// `{"allowed": false, "by": "a -> b"}` or `{"error": ".."}`. Without a request it is Consul's `intentions/check`, with one what a
/// terminating gateway does.
pub(super) fn answer(question: &Value) -> Value {
    match answered(question) {
        Ok((allowed, by)) => json!({"allowed": allowed, "by": by}),
        Err(error) => json!({"error": error}),
    }
}

fn answered(question: &Value) -> Result<(bool, String), String> {
    let name = |key: &str| {
        let text = question.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        text.ok_or_else(|| format!("an authz question has a {key}, the name of a service"))
    };
    let (source, destination) = (name("source")?, name("destination")?);
    let default = default_action(question.get("default"))?;
    let entries = entries(question)?;
    match question.get("request") {
        None | Some(Value::Null) => Ok(check(&entries, default, source, destination)),
        Some(request) => of_request(entries, default, source, destination, request),
    }
}

fn of_request(
    entries: Entries,
    default: IntentionAction,
    source: &str,
    destination: &str,
    request: &Value,
) -> Result<(bool, String), String> {
    let reads_requests = chain::is_http_like(&chain::protocol(&entries, destination));
    let request = if reads_requests { Some(asked(request)?) } else { None };
    let normalization = Normalization::of(entries.mesh.as_deref());
    let mut judges = Judges::default();
    judges.begin(Arc::new(entries), &TrustDomain::new(TrustDomain::OF_FILES), default);
    let judge = judges.of(destination);
    let judged = authz::judge(&judge, &normalization, source, request, &mut ());
    let by = match &judged {
        Judged::Verdict(verdict) => verdict.by.to_string(),
        Judged::Unfit(_) | Judged::Redirect(_) => "mesh".to_owned(),
    };
    Ok((judged.allowed(), by))
}

/// What `default` of a question says; `deny` if it says nothing.
pub fn default_action(value: Option<&Value>) -> Result<IntentionAction, String> {
    let word = value.and_then(Value::as_str).unwrap_or("deny");
    let known = IntentionAction::WORDS.iter().find(|(known, _)| *known == word);
    known.map(|(_, action)| *action).ok_or_else(|| format!("default is {word:?}, which is not allow or deny"))
}

/// `{"method": "GET", "authority": "web.test", "path": "/x?y=1", "headers": [["name", "value"]]}`
fn asked(request: &Value) -> Result<AskedRequest, String> {
    let text = |key: &str, default: &str| request.get(key).and_then(Value::as_str).unwrap_or(default).to_owned();
    let method = text("method", "GET");
    let mut headers = HeaderMap::new();
    for header in request.get("headers").and_then(Value::as_array).into_iter().flatten() {
        let part = |n: usize| header.get(n).and_then(Value::as_str).unwrap_or_default();
        let wrong = || format!("{header} is not a header such as [\"x-version\", \"v2\"]");
        let name = HeaderName::from_bytes(part(0).as_bytes()).map_err(|_| wrong())?;
        headers.append(name, HeaderValue::from_bytes(part(1).trim().as_bytes()).map_err(|_| wrong())?);
    }
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| format!("{method:?} is not a method"))?;
    Ok(AskedRequest::new(method, &text("authority", ""), &text("path", "/"), headers))
}
