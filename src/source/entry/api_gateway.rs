//! api-gateway: field table, normalization, validation (semantics 13).

use std::fmt::Arguments;

use serde_json::Value as Json;

use super::check::Check;
use super::codes;
use super::cx::Cx;
use super::decode::{Field, object};
use super::fields::{fields, shape};
use super::kind::Kind;
use super::reference::{Reference, Status};
use super::tls;
use super::tree::Node;
use crate::model::entry::{Common, EntryKind, TlsParameters};

/// `api-gateway`.
#[derive(Default)]
pub(super) struct ApiGateway {
    common: Common,
    listeners: Vec<Listener>,
    status: Status,
}

fields!(ApiGateway {
    common.name: "Name"; keep,
    listeners: "Listeners"; keep,
    common.meta: "Meta",
    status: "Status",
});

shape!(
    /// `Listeners[]`
    Listener {
        name: String = "Name"; keep,
        hostname: String = "Hostname"; keep,
        port: i64 = "Port"; keep,
        protocol: String = "Protocol"; keep,
        tls: ListenerTls = "TLS"; keep,
        over_ride: Option<Policy> = "Override",
        default: Option<Policy> = "Default",
    }
);

/// `Listeners[].TLS`, whose words are not those of other gateways.
#[derive(Default)]
pub(super) struct ListenerTls {
    certificates: Vec<Reference>,
    parameters: TlsParameters,
}

fields!(ListenerTls {
    certificates: "Certificates"; keep,
    parameters.tls_max_version: "MaxVersion" hcl "tls_max_version"; keep,
    parameters.tls_min_version: "MinVersion" hcl "tls_min_version"; keep,
    parameters.cipher_suites: "CipherSuites" hcl "cipher_suites"; keep,
});

shape!(
    /// What holds for requests of a listener.
    Policy { jwt: Option<Unverified> = "JWT" }
);

/// Where Consul Enterprise has the tokens that are asked for, and other Consuls have nothing.
#[derive(Default)]
pub(super) struct Unverified;

impl Field for Unverified {
    fn decode(node: &Node, cx: &mut Cx) -> Self {
        for (key, node) in object(node, cx).into_iter().flatten() {
            let message = format!("{}.{}: tokens are verified by api gateways of Consul Enterprise alone", cx.here(), key.text);
            cx.error(codes::ENTERPRISE, &node.span, message);
        }
        Self
    }

    fn print(&self) -> Json {
        Json::Object(serde_json::Map::new())
    }

    fn is_empty(&self) -> bool {
        false
    }
}

impl Kind for ApiGateway {
    fn normalize(&mut self) {
        for listener in &mut self.listeners {
            listener.protocol = listener.protocol.to_lowercase();
            for certificate in listener.tls.certificates.iter_mut().filter(|c| c.kind.is_empty()) {
                EntryKind::InlineCertificate.as_str().clone_into(&mut certificate.kind);
            }
        }
    }

    fn validate(&self, check: &mut Check<'_>) {
        if self.listeners.is_empty() {
            check.error(codes::EMPTY, "Listeners", "Listeners must have at least one listener");
        }
        for (i, listener) in self.listeners.iter().enumerate() {
            let at = format_args!("Listeners[{i}]");
            let before = &self.listeners[..i];
            if before.iter().any(|l| l.name == listener.name) {
                check.error(codes::DUPLICATE, format!("{at}.Name"), format!("listener {:?} is there more than once", listener.name));
            }
            let unlike = |l: &&Listener| l.hostname != listener.hostname || l.protocol != listener.protocol;
            if let Some(other) = before.iter().rev().find(|l| l.port == listener.port).filter(unlike) {
                let message = format!(
                    "listeners {:?} and {:?} share port {}, and must have the same Hostname and Protocol",
                    other.name, listener.name, listener.port
                );
                check.error(codes::EXCLUSIVE, at, message);
            }
            listener_rules(listener, at, check);
        }
    }

    fn common(&self) -> &Common {
        &self.common
    }
}

fn listener_rules(listener: &Listener, at: Arguments<'_>, check: &mut Check<'_>) {
    let Listener { name, hostname, port, protocol, tls, .. } = listener;
    if !is_listener_name(name) {
        let message = format!("{at}.Name {name:?} must be small letters, digits and dashes between them, and dots between such parts");
        check.error(codes::NAME, format!("{at}.Name"), message);
    }
    if !matches!(protocol.as_str(), "http" | "tcp") {
        check.error(codes::VALUE, format!("{at}.Protocol"), format!("{at}.Protocol {protocol:?} is none of http, tcp"));
    }
    if protocol == "tcp" && !hostname.is_empty() {
        check.error(codes::EXCLUSIVE, format!("{at}.Hostname"), format!("{at}.Hostname cannot be set with protocol tcp"));
    }
    if !(1..=65535).contains(port) {
        check.error(codes::PORT_RANGE, format!("{at}.Port"), format!("{at}.Port {port} is not in the range 1 to 65535"));
    }
    if hostname.strip_prefix("*.").unwrap_or(hostname).contains('*') {
        let message = format!("{at}.Hostname {hostname:?} may have a wildcard only as its leftmost label, before others");
        check.error(codes::HOST, format!("{at}.Hostname"), message);
    }
    for (i, certificate) in tls.certificates.iter().enumerate() {
        certificate_rules(certificate, &format!("{at}.TLS.Certificates[{i}]"), check);
    }
    tls::parameters_as(["MinVersion", "MaxVersion"], &tls.parameters, &format!("{at}.TLS"), check);
}

fn certificate_rules(certificate: &Reference, at: &str, check: &mut Check<'_>) {
    let kinds = [EntryKind::InlineCertificate, EntryKind::FileSystemCertificate];
    if !kinds.iter().any(|kind| kind.as_str() == certificate.kind) {
        let message = format!("{at}.Kind {:?} must be \"inline-certificate\" or \"file-system-certificate\"", certificate.kind);
        check.error(codes::VALUE, format!("{at}.Kind"), message);
    }
    if certificate.name.is_empty() {
        check.error(codes::NAME, at, format!("{at} needs the Name of a certificate"));
    }
}

/// Labels of small letters, digits and dashes, the dashes not at an end; as long as one wants.
fn is_listener_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    name.split('.').all(|label| {
        let bytes = label.as_bytes();
        let ends = bytes.first().zip(bytes.last()).is_some_and(|(first, last)| plain(*first) && plain(*last));
        ends && bytes.iter().all(|b| plain(*b) || *b == b'-')
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::source::entry::from_json;

    /// What is stored of the listeners, or the codes of what is wrong.
    fn stored(listeners: Value) -> Result<Value, Vec<&'static str>> {
        let judged = from_json(&json!({"Kind": "api-gateway", "Name": "gw", "Listeners": listeners}));
        judged.map(|d| d.stored()["Listeners"].clone()).map_err(|problems| problems.into_iter().map(|d| d.code).collect())
    }

    /// A listener with other fields than the usual ones.
    fn with(fields: Value) -> Value {
        let mut listener = json!({"Name": "l1", "Port": 8443, "Protocol": "http"});
        listener.as_object_mut().zip(fields.as_object()).into_iter().for_each(|(l, fields)| l.extend(fields.clone()));
        listener
    }

    #[test]
    fn what_is_given_is_stored_and_what_consul_fills_in() {
        let tls = json!({"Certificates": null, "MaxVersion": "", "MinVersion": "", "CipherSuites": null});
        let plain = json!({"Name": "l1", "Hostname": "", "Port": 8443, "Protocol": "http", "TLS": tls});
        assert_eq!(stored(with(json!({"Protocol": "HTTP"}))), Ok(json!([plain])));
        let certificates =
            stored(with(json!({"TLS": {"Certificates": [{"Name": "a"}, {"kind": "file-system-certificate", "Name": "b"}]}})));
        let wanted = json!([
            {"Kind": "inline-certificate", "Name": "a", "SectionName": ""},
            {"Kind": "file-system-certificate", "Name": "b", "SectionName": ""},
        ]);
        assert_eq!(certificates.map(|l| l[0]["TLS"]["Certificates"].clone()), Ok(wanted));
    }

    #[test]
    fn listeners_are_judged_by_consuls_rules() {
        let tls = |field: &str, value: Value| with(json!({"TLS": {field: value}}));
        for (listeners, wanted) in [
            (with(json!({"Hostname": "*.", "Override": {"JWT": {}}, "Default": null})), &[][..]),
            (with(json!({"Name": "a.b-c.0", "Hostname": "bad host"})), &[]),
            (json!([with(json!({})), with(json!({"Name": "l2"}))]), &[]),
            (json!([]), &["GW0214"]),
            (json!([with(json!({})), with(json!({"Port": 1}))]), &["GW0206"]),
            (json!([with(json!({})), with(json!({"Name": "l2", "Hostname": "x"}))]), &["GW0204"]),
            (json!([with(json!({})), with(json!({"Name": "l2", "Protocol": "tcp"}))]), &["GW0204"]),
            (with(json!({"Name": "A"})), &["GW0201"]),
            (with(json!({"Name": "a-"})), &["GW0201"]),
            (with(json!({"Name": "a..b"})), &["GW0201"]),
            (with(json!({"Name": ""})), &["GW0201"]),
            (with(json!({"Port": 65536})), &["GW0216"]),
            (with(json!({"Protocol": "grpc"})), &["GW0203"]),
            (with(json!({"Protocol": "tcp", "Hostname": "x"})), &["GW0204"]),
            (with(json!({"Hostname": "*"})), &["GW0210"]),
            (with(json!({"Hostname": "*.*.x"})), &["GW0210"]),
            (with(json!({"Override": {"JWT": {"Providers": [{"Name": "okta"}]}}})), &["GW0106"]),
            (tls("Certificates", json!([{}])), &["GW0201"]),
            (tls("Certificates", json!([{"Kind": "x", "Name": "a"}])), &["GW0203"]),
            (tls("MinVersion", json!("x")), &["GW0211"]),
            (tls("TLSMinVersion", json!("TLSv1_2")), &["GW0102"]),
            (tls("min_version", json!("TLSv1_2")), &["GW0102"]),
            (tls("tls_min_version", json!("TLSv1_2")), &["GW0102"]),
        ] {
            assert_eq!(stored(listeners.clone()).err().unwrap_or_default(), wanted, "{listeners}");
        }
    }
}
