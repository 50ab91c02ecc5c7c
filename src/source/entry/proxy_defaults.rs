//! proxy-defaults: field table, normalization, validation (semantics 12.2).

use std::sync::Arc;

use serde_json::Value;

use super::check::Check;
use super::codes;
use super::fields::{Mode, fields};
use super::kind::Kind;
use crate::model::entry::*;

fields!(ProxyDefaults {
    common.name: "Name"; keep,
    config: "Config"; keep,
    mode: "Mode",
    transparent_proxy: "TransparentProxy" ~ "transparent_proxy"; keep,
    mutual_tls_mode: "MutualTLSMode" ~ "mutual_tls_mode",
    mesh_gateway: "MeshGateway" ~ "mesh_gateway"; keep as Mode,
    expose: "Expose"; keep,
    access_logs: "AccessLogs" ~ "access_logs"; keep,
    envoy_extensions: "EnvoyExtensions" ~ "envoy_extensions",
    failover_policy: "FailoverPolicy" ~ "failover_policy",
    prioritize_by_locality: "PrioritizeByLocality" ~ "prioritize_by_locality",
    common.meta: "Meta",
});

impl Kind for ProxyDefaults {
    fn normalize(&mut self) {
        if self.common.name.is_empty() {
            self.common.name = "global".to_owned();
        }
        self.protocol = config_protocol(self).and_then(Result::ok).unwrap_or_default().to_lowercase();
    }

    fn validate(&self, check: &mut Check<'_>) {
        if let Some(Err(kind)) = config_protocol(self) {
            check.error(codes::TYPE, "Config.protocol", format!("Config.protocol must be a string, not {kind}"));
        }
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn entry(self) -> ConfigEntry {
        ConfigEntry::ProxyDefaults(Arc::new(self))
    }
}

fields!(AccessLogs {
    enabled: "Enabled",
    disable_listener_logs: "DisableListenerLogs" ~ "disable_listener_logs",
    r#type: "Type",
    path: "Path",
    json_format: "JSONFormat" ~ "json_format",
    text_format: "TextFormat" ~ "text_format",
});

/// `Config.protocol` in any spelling of the key: the text, or what stands there and cannot be taken for one.
fn config_protocol(entry: &ProxyDefaults) -> Option<Result<String, &'static str>> {
    let config = entry.config.as_ref()?;
    let value = config.get("protocol").or_else(|| config.iter().find(|(k, _)| k.eq_ignore_ascii_case("protocol")).map(|(_, v)| v))?;
    Some(match value {
        Value::Null => Ok(String::new()),
        Value::String(s) => Ok(s.clone()),
        Value::Bool(b) => Ok((if *b { "1" } else { "0" }).to_owned()),
        Value::Number(n) => Ok(n.to_string()),
        Value::Array(_) => Err("a list"),
        Value::Object(_) => Err("an object"),
    })
}
