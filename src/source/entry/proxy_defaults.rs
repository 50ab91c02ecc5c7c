//! proxy-defaults: field table, normalization, validation (semantics 12.2).

use std::sync::Arc;

use serde_json::Value;

use super::check::Check;
use super::codes;
use super::common;
use super::extension;
use super::fields::{Mode, fields};
use super::kind::{Acted, Kind};
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
        if self.common.name != "global" {
            check.error(codes::NAME, "Name", format!("the name of proxy-defaults must be \"global\", not {:?}", self.common.name));
        }
        if let Some(Err(kind)) = config_protocol(self) {
            check.error(codes::TYPE, "Config.protocol", format!("Config.protocol must be a string, not {kind}"));
        }
        let socket_dir = self.config.as_ref().and_then(|c| c.get("envoy_hcp_metrics_bind_socket_dir"));
        if let Some(length) = socket_dir.and_then(Value::as_str).map(str::len).filter(|n| *n > 70) {
            let message = format!("envoy_hcp_metrics_bind_socket_dir has {length} bytes, at most 70 are allowed");
            check.error(codes::VALUE, "Config.envoy_hcp_metrics_bind_socket_dir", message);
        }
        access_log_rules(&self.access_logs, check);
        common::mutual_tls_mode(&self.mutual_tls_mode, check);
        common::mesh_gateway_mode(&self.mesh_gateway, "MeshGateway.Mode", check);
        extension::validate(&self.envoy_extensions, check);
        let failover_mode = self.failover_policy.as_ref().map_or("", |p| p.mode.as_str());
        if !matches!(failover_mode, "" | "sequential" | "order-by-locality") {
            let message = format!("FailoverPolicy.Mode {failover_mode:?} must be \"\", \"sequential\" or \"order-by-locality\"");
            check.error(codes::VALUE, "FailoverPolicy.Mode", message);
        }
        if self.prioritize_by_locality.as_ref().is_some_and(|p| !p.mode.is_empty()) {
            check.error(codes::ENTERPRISE, "PrioritizeByLocality", "PrioritizeByLocality belongs to Consul Enterprise");
        }
    }

    fn common(&self) -> &Common {
        &self.common
    }
}

impl Acted for ProxyDefaults {
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

/// Access logs are checked when they are not enabled, too.
fn access_log_rules(logs: &AccessLogs, check: &mut Check<'_>) {
    let kind = logs.r#type.as_str();
    if !matches!(kind, "" | "stdout" | "stderr" | "file") {
        check.error(codes::VALUE, "AccessLogs.Type", format!("AccessLogs.Type {kind:?} must be \"stdout\", \"stderr\" or \"file\""));
    }
    if kind == "file" && logs.path.is_empty() {
        check.error(codes::EXCLUSIVE, "AccessLogs", "AccessLogs of type \"file\" need a Path");
    }
    if kind != "file" && !logs.path.is_empty() {
        check.error(codes::EXCLUSIVE, "AccessLogs.Path", "AccessLogs.Path goes with the type \"file\" only");
    }
    if !logs.json_format.is_empty() && !logs.text_format.is_empty() {
        check.error(codes::EXCLUSIVE, "AccessLogs", "AccessLogs cannot have both JSONFormat and TextFormat");
    }
    let own = [(&logs.json_format, "JSONFormat", "its JSON"), (&logs.text_format, "TextFormat", "its text")];
    if let Some((_, field, instead)) = own.iter().find(|(format, ..)| logs.enabled && !format.is_empty()) {
        let message = format!("AccessLogs.{field} is a format that gw does not write: records are in {instead}");
        check.warning(codes::LOG_FORMAT, format!("AccessLogs.{field}"), message, "docs/admin.md has the keys and the line of gw's records");
    }
    let parsed = serde_json::from_str::<serde::de::IgnoredAny>(&logs.json_format);
    if let Some(e) = parsed.err().filter(|_| !logs.json_format.is_empty()) {
        check.error(codes::VALUE, "AccessLogs.JSONFormat", format!("AccessLogs.JSONFormat is no JSON: {e}"));
    }
}
