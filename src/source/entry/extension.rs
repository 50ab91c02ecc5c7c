//! Envoy extensions: known by name, checked by the arguments that Consul checks (semantics 12.1).

use serde_json::Value;

use super::check::Check;
use super::codes;
use crate::model::entry::*;

const BUILT_IN: [&str; 6] =
    ["builtin/aws/lambda", "builtin/ext-authz", "builtin/lua", "builtin/otel-access-logging", "builtin/property-override", "builtin/wasm"];

/// Every extension of an entry.
pub(super) fn validate(extensions: &[EnvoyExtension], check: &mut Check<'_>) {
    for (i, extension) in extensions.iter().enumerate() {
        let at = format!("EnvoyExtensions[{i}]");
        for (field, constraint) in [("ConsulVersion", &extension.consul_version), ("EnvoyVersion", &extension.envoy_version)] {
            if !constraint.is_empty() && !constraint.split(',').all(is_constraint) {
                let message = format!("{at}.{field} {constraint:?} is no version constraint, such as \">= 1.21\"");
                check.error(codes::EXTENSION, format!("{at}.{field}"), message);
            }
        }
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

/// One part of a version constraint: an operator that may be absent, and a version.
fn is_constraint(part: &str) -> bool {
    let part = part.trim();
    let version = part.trim_start_matches(['=', '!', '<', '>', '~']);
    let operator = &part[..part.len() - version.len()];
    let version = version.trim_start();
    let version = version.strip_prefix('v').unwrap_or(version);
    let numbers = &version[..version.find(['-', '+']).unwrap_or(version.len())];
    let number = |n: &str| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit());
    matches!(operator, "" | "=" | "!=" | ">" | "<" | ">=" | "<=" | "~>") && numbers.split('.').all(number)
}

/// What is wrong with the arguments.
fn arguments(extension: &EnvoyExtension) -> Vec<String> {
    let arguments = Arguments { map: extension.arguments.as_ref(), wrong: Vec::new() };
    match extension.name.as_str() {
        "builtin/lua" => arguments.needs("Script").one_of("Listener", &["inbound", "outbound"]).proxy(&["connect-proxy", "api-gateway"]),
        "builtin/aws/lambda" => arguments.needs("ARN"),
        "builtin/ext-authz" => arguments.listener().proxy(&["connect-proxy"]).service(&["GrpcService", "HttpService"]),
        "builtin/otel-access-logging" => arguments.listener().proxy(&["connect-proxy"]).service(&["GrpcService"]),
        "builtin/wasm" => {
            arguments.one_of("Protocol", &["tcp", "http"]).one_of("ListenerType", &["inbound", "outbound"]).proxy(&["connect-proxy"]).code()
        }
        _ => arguments.patches(),
    }
    .wrong
}

/// Arguments, and what is wrong with them so far.
struct Arguments<'a> {
    map: Option<&'a Opaque>,
    wrong: Vec<String>,
}

impl<'a> Arguments<'a> {
    fn get(&self, path: &[&str]) -> Option<&'a Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(member(self.map?, first)?, |value, name| member(value.as_object()?, name))
    }

    /// A text; absent is empty. Another type is wrong.
    fn text(&mut self, path: &[&str]) -> &'a str {
        match self.get(path) {
            None | Some(Value::Null) => "",
            Some(Value::String(s)) => s,
            Some(_) => {
                self.wrong.push(format!("{} must be a string", path.join(".")));
                ""
            }
        }
    }

    fn needs(mut self, name: &str) -> Self {
        if self.text(&[name]).is_empty() && self.wrong.is_empty() {
            self.wrong.push(format!("{name} is required"));
        }
        self
    }

    fn one_of(mut self, name: &str, words: &[&str]) -> Self {
        let word = self.text(&[name]);
        if !words.contains(&word) {
            self.wrong.push(format!("{name} {word:?} must be one of {}", words.join(", ")));
        }
        self
    }

    fn optional(self, name: &str, words: &[&str]) -> Self {
        if matches!(self.get(&[name]), None | Some(Value::Null)) || self.get(&[name]).and_then(Value::as_str) == Some("") {
            return self;
        }
        self.one_of(name, words)
    }

    fn proxy(self, words: &[&str]) -> Self {
        self.optional("ProxyType", words)
    }

    fn listener(self) -> Self {
        self.optional("ListenerType", &["inbound", "outbound"])
    }

    /// Exactly one of the services that can answer, and its target: this host or a service of the mesh.
    fn service(mut self, names: &[&str]) -> Self {
        let given: Vec<&&str> = names.iter().filter(|n| self.get(&["Config", n]).is_some_and(|v| !v.is_null())).collect();
        let [name] = given.as_slice() else {
            self.wrong.push(format!("Config must have exactly one of {}", names.join(", ")));
            return self;
        };
        let target = ["Config", name, "Target"];
        if self.get(&target).is_none_or(Value::is_null) {
            self.wrong.push(format!("Config.{name}.Target is required"));
            return self;
        }
        let uri = self.text(&[&target[..], &["URI"]].concat());
        let service = self.text(&[&target[..], &["Service", "Name"]].concat());
        if uri.is_empty() == service.is_empty() {
            self.wrong.push(format!("Config.{name}.Target must have exactly one of Service and URI"));
        }
        let host = uri.rsplit_once(':').map(|(host, _)| host.trim_matches(['[', ']']));
        if !uri.is_empty() && !matches!(host, Some("localhost" | "127.0.0.1" | "::1")) {
            self.wrong.push(format!("Config.{name}.Target.URI {uri:?} must be localhost, 127.0.0.1 or ::1 and a port"));
        }
        self
    }

    /// The code of a plugin: a file, or a service, path and checksum.
    fn code(mut self) -> Self {
        let code = ["PluginConfig", "VmConfig", "Code"];
        let mut at = |path: &[&str]| self.text(&[&code[..], path].concat());
        let file = at(&["Local", "Filename"]);
        let service = at(&["Remote", "HttpURI", "Service", "Name"]);
        let uri = at(&["Remote", "HttpURI", "URI"]);
        let checksum = at(&["Remote", "SHA256"]);
        if file.is_empty() != (!service.is_empty() || !uri.is_empty()) {
            self.wrong.push("VmConfig.Code must have exactly one of Local and Remote".to_owned());
        } else if file.is_empty() && (service.is_empty() || uri.is_empty() || checksum.is_empty()) {
            self.wrong.push("VmConfig.Code.Remote needs HttpURI.Service, HttpURI.URI and SHA256".to_owned());
        }
        self
    }

    fn patches(mut self) -> Self {
        let patches = self.get(&["Patches"]);
        if patches.is_none_or(|p| p.is_null() || p.as_array().is_some_and(Vec::is_empty)) {
            self.wrong.push("at least one of Patches is required".to_owned());
        }
        self
    }
}

/// A member by its name, in any case.
fn member<'a>(map: &'a Opaque, name: &str) -> Option<&'a Value> {
    map.get(name).or_else(|| map.iter().find(|(k, _)| k.eq_ignore_ascii_case(name)).map(|(_, v)| v))
}
