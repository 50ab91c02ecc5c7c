//! Envoy extensions: known by name, checked by the arguments that Consul checks (semantics 12.1).

use serde_json::Value;

use super::check::Check;
use super::codes;
use crate::model::entry::*;

const BUILT_IN: [&str; 7] = [
    "builtin/aws/lambda",
    "builtin/ext-authz",
    "builtin/http/localratelimit",
    "builtin/lua",
    "builtin/otel-access-logging",
    "builtin/property-override",
    "builtin/wasm",
];

/// Every extension of an entry.
pub(super) fn validate(extensions: &[EnvoyExtension], check: &mut Check<'_>) {
    for (i, extension) in extensions.iter().enumerate() {
        let at = format!("EnvoyExtensions[{i}]");
        if extension.name.is_empty() {
            check.error(codes::NAME, &at, format!("{at} needs a Name"));
        } else if !BUILT_IN.contains(&extension.name.as_str()) {
            check.error(codes::EXTENSION, &at, format!("{at} {:?} is no built-in extension", extension.name));
        } else {
            for why in arguments(extension) {
                check.error(codes::EXTENSION, format!("{at}.Arguments"), format!("{at} {:?}: {why}", extension.name));
            }
        }
    }
}

/// What is wrong with the arguments.
fn arguments(extension: &EnvoyExtension) -> Vec<String> {
    let text = |name: &str| argument(extension, name).and_then(Value::as_str).unwrap_or_default();
    let missing = |names: &[&str]| {
        let absent = names.iter().filter(|n| argument(extension, n).is_none_or(is_blank));
        absent.map(|n| format!("missing {n}")).collect::<Vec<_>>()
    };
    match extension.name.as_str() {
        "builtin/lua" => {
            let mut wrong = missing(&["Script"]);
            if !matches!(text("Listener"), "inbound" | "outbound") {
                wrong.push(format!("Listener must be \"inbound\" or \"outbound\", not {:?}", text("Listener")));
            }
            if !matches!(text("ProxyType"), "" | "connect-proxy" | "api-gateway") {
                wrong.push(format!("unexpected ProxyType {:?}", text("ProxyType")));
            }
            wrong
        }
        "builtin/aws/lambda" => {
            let mut wrong = missing(&["ARN"]);
            if !matches!(text("InvocationMode").to_ascii_lowercase().as_str(), "" | "synchronous" | "asynchronous") {
                wrong.push(format!("unexpected InvocationMode {:?}", text("InvocationMode")));
            }
            wrong
        }
        "builtin/ext-authz" | "builtin/otel-access-logging" => missing(&["Config"]),
        "builtin/wasm" => missing(&["PluginConfig"]),
        "builtin/property-override" => missing(&["Patches"]),
        _ => Vec::new(),
    }
}

/// An argument by its name, in any case.
fn argument<'a>(extension: &'a EnvoyExtension, name: &str) -> Option<&'a Value> {
    extension.arguments.as_ref()?.iter().find(|(k, _)| k.eq_ignore_ascii_case(name)).map(|(_, v)| v)
}

fn is_blank(value: &Value) -> bool {
    matches!(value, Value::Null) || value.as_str().is_some_and(str::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}
