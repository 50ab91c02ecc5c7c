//! `{"chain": {"entries": [..], "service": "web", "datacenter": "dc1", "override": {..}}}`

use serde_json::{Value, json};

use super::entries;
use crate::decide::chain::{self, Overrides, Question};
use crate::id::TrustDomain;
use crate::model::duration::GoDuration;
use crate::source::consul::chain::to_json;

/// Any one will do: answers of different meshes are compared without it.
const TRUST_DOMAIN: &str = "11111111-2222-3333-4444-555555555555.consul";

/// `{"chain": {..}}` as Consul prints it, or `{"error": ".."}`.
pub(super) fn answer(question: &Value) -> Value {
    match compiled(question) {
        Ok(chain) => json!({"chain": chain}),
        Err(error) => json!({"error": error}),
    }
}

fn compiled(question: &Value) -> Result<Value, String> {
    let text = |name: &str, default: &str| question.get(name).and_then(Value::as_str).unwrap_or(default).to_owned();
    let service = text("service", "");
    if service.is_empty() {
        return Err("a chain is asked for a service".to_owned());
    }
    let entries = entries(question)?;
    let overrides = overrides(question.get("override").unwrap_or(&Value::Null))?;
    let (datacenter, trust_domain) = (&text("datacenter", "dc1"), &TrustDomain::new(TRUST_DOMAIN));
    let question = Question { service: &service, datacenter, trust_domain, overrides };
    let chain = chain::compile(&entries, &question).map_err(|e| format!("failed to compile discovery chain: {e}"))?;
    Ok(to_json(&chain))
}

/// Consul's three overrides, in its spelling; a timeout is a Go duration or a number of nanoseconds.
fn overrides(value: &Value) -> Result<Overrides, String> {
    let connect_timeout = match value.get("OverrideConnectTimeout") {
        None | Some(Value::Null) => GoDuration::ZERO,
        Some(Value::String(text)) => GoDuration::parse(text).map_err(|e| format!("OverrideConnectTimeout: {e}"))?,
        Some(other) => other.as_i64().map(GoDuration::from_nanos).ok_or("OverrideConnectTimeout is no duration")?,
    };
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(Overrides {
        mesh_gateway: text(value.get("OverrideMeshGateway").and_then(|m| m.get("Mode"))),
        protocol: text(value.get("OverrideProtocol")),
        connect_timeout,
    })
}
