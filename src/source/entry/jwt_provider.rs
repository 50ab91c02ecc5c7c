//! jwt-provider: field table, normalization, validation (semantics 17, features O).

use std::fmt::Arguments;

use super::check::Check;
use super::codes;
use super::fields::{fields, shape};
use super::kind::Kind;
use super::octets::{self, Octets};
use super::request_uri;
use super::scalar::Nanos;
use crate::model::entry::Common;

/// `jwt-provider`.
#[derive(Default)]
pub(super) struct JwtProvider {
    common: Common,
    key_set: Option<KeySet>,
    issuer: String,
    audiences: Vec<String>,
    locations: Vec<Location>,
    forwarding: Option<Forwarding>,
    clock_skew_seconds: i64,
    cache_config: Option<CacheConfig>,
}

fields!(JwtProvider {
    common.name: "Name"; keep,
    key_set: "JSONWebKeySet" ~ "json_web_key_set",
    issuer: "Issuer",
    audiences: "Audiences",
    locations: "Locations",
    forwarding: "Forwarding",
    clock_skew_seconds: "ClockSkewSeconds" ~ "clock_skew_seconds",
    cache_config: "CacheConfig" ~ "cache_config",
    common.meta: "Meta",
});

shape!(KeySet { local: Option<LocalKeys> = "Local", remote: Option<RemoteKeys> = "Remote" });

shape!(
    /// Keys in the entry, or in a file of each proxy.
    LocalKeys { jwks: String = "JWKS", filename: String = "Filename" }
);

shape!(
    /// Keys that each proxy asks for.
    RemoteKeys {
        uri: String = "URI",
        request_timeout_ms: i64 = "RequestTimeoutMs" ~ "request_timeout_ms",
        cache_duration: Nanos = "CacheDuration" ~ "cache_duration",
        fetch_asynchronously: bool = "FetchAsynchronously" ~ "fetch_asynchronously",
        use_sni: bool = "UseSNI" ~ "use_sni",
        retry_policy: Option<RetryPolicy> = "RetryPolicy" ~ "retry_policy",
        cluster: Option<Cluster> = "JWKSCluster" ~ "jwks_cluster",
    }
);

shape!(RetryPolicy {
    num_retries: i64 = "NumRetries" ~ "num_retries",
    back_off: Option<BackOff> = "RetryPolicyBackOff" ~ "retry_policy_back_off",
});

shape!(BackOff {
    base_interval: Nanos = "BaseInterval" ~ "base_interval",
    max_interval: Nanos = "MaxInterval" ~ "max_interval",
});

shape!(Cluster {
    discovery_type: String = "DiscoveryType" ~ "discovery_type",
    tls_certificates: Option<Trust> = "TLSCertificates" ~ "tls_certificates",
    connect_timeout: Nanos = "ConnectTimeout" ~ "connect_timeout",
});

shape!(
    /// By what the certificate of the server is verified.
    Trust {
        provider_instance: Option<ProviderInstance> = "CaCertificateProviderInstance" ~ "ca_certificate_provider_instance",
        trusted_ca: Option<TrustedCa> = "TrustedCA" ~ "trusted_ca",
    }
);

shape!(ProviderInstance {
    instance_name: String = "InstanceName" ~ "instance_name",
    certificate_name: String = "CertificateName" ~ "certificate_name",
});

shape!(TrustedCa {
    filename: String = "Filename",
    environment_variable: String = "EnvironmentVariable" ~ "environment_variable",
    inline_string: String = "InlineString" ~ "inline_string",
    inline_bytes: Octets = "InlineBytes" ~ "inline_bytes",
});

shape!(
    /// Where the token stands in a request.
    Location {
        header: Option<InHeader> = "Header",
        query_param: Option<Named> = "QueryParam" ~ "query_param",
        cookie: Option<Named> = "Cookie",
    }
);

shape!(InHeader { name: String = "Name", value_prefix: String = "ValuePrefix" ~ "value_prefix", forward: bool = "Forward" });

shape!(Named { name: String = "Name" });

shape!(Forwarding {
    header_name: String = "HeaderName" ~ "header_name",
    pad_forward_payload_header: bool = "PadForwardPayloadHeader" ~ "pad_forward_payload_header"; keep,
});

shape!(CacheConfig { size: i64 = "Size" });

/// How much clocks may differ where nothing is said.
const CLOCK_SKEW_SECONDS: i64 = 30;

impl Kind for JwtProvider {
    fn normalize(&mut self) {
        if self.clock_skew_seconds == 0 {
            self.clock_skew_seconds = CLOCK_SKEW_SECONDS;
        }
    }

    fn validate(&self, check: &mut Check<'_>) {
        let KeySet { local, remote } = self.key_set.as_ref().unwrap_or(&KeySet { local: None, remote: None });
        one_of(&[("Local", local.is_some()), ("Remote", remote.is_some())], format_args!("JSONWebKeySet"), check);
        if let Some(local) = local {
            local_rules(local, check);
        }
        if let Some(remote) = remote {
            remote_rules(remote, check);
        }
        for (i, location) in self.locations.iter().enumerate() {
            location_rules(location, format_args!("Locations[{i}]"), check);
        }
        if self.forwarding.as_ref().is_some_and(|f| f.header_name.is_empty()) {
            check.error(codes::NAME, "Forwarding", "Forwarding needs a HeaderName");
        }
    }

    fn common(&self) -> &Common {
        &self.common
    }
}

/// Exactly one of some fields is given.
fn one_of(fields: &[(&str, bool)], at: Arguments<'_>, check: &mut Check<'_>) {
    if fields.iter().filter(|(_, given)| *given).count() != 1 {
        let names = fields.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        check.error(codes::EXCLUSIVE, at, format!("{at} must have exactly one of {names}"));
    }
}

fn local_rules(local: &LocalKeys, check: &mut Check<'_>) {
    let at = "JSONWebKeySet.Local";
    one_of(&[("JWKS", !local.jwks.is_empty()), ("Filename", !local.filename.is_empty())], format_args!("{at}"), check);
    if octets::from_base64(&local.jwks).is_none() {
        check.error(
            codes::VALUE,
            format!("{at}.JWKS"),
            format!("{at}.JWKS is not base64: encode the JSON of the key set, with its padding"),
        );
    }
}

fn remote_rules(remote: &RemoteKeys, check: &mut Check<'_>) {
    let at = "JSONWebKeySet.Remote";
    if !request_uri::is_one(&remote.uri) {
        let message = format!("{at}.URI {:?} is no URI, such as \"https://idp.example/jwks.json\"", remote.uri);
        check.error(codes::VALUE, format!("{at}.URI"), message);
    }
    if let Some(back_off) = remote.retry_policy.as_ref().and_then(|p| p.back_off.as_ref()) {
        let (base, max): (i64, i64) = (back_off.base_interval.into(), back_off.max_interval.into());
        if max != 0 && base > max {
            let at = format!("{at}.RetryPolicy.RetryPolicyBackOff");
            check.error(codes::EXCLUSIVE, format!("{at}.MaxInterval"), format!("{at}.MaxInterval is below BaseInterval"));
        }
    }
    if let Some(cluster) = &remote.cluster {
        cluster_rules(cluster, &format!("{at}.JWKSCluster"), check);
    }
}

const DISCOVERY_TYPES: [&str; 5] = ["STRICT_DNS", "STATIC", "LOGICAL_DNS", "EDS", "ORIGINAL_DST"];

fn cluster_rules(cluster: &Cluster, at: &str, check: &mut Check<'_>) {
    let discovery = cluster.discovery_type.as_str();
    if !discovery.is_empty() && !DISCOVERY_TYPES.contains(&discovery) {
        let message = format!("{at}.DiscoveryType {discovery:?} is none of {}", DISCOVERY_TYPES.join(", "));
        check.error(codes::VALUE, format!("{at}.DiscoveryType"), message);
    }
    let Some(Trust { provider_instance, trusted_ca }) = &cluster.tls_certificates else { return };
    let at = format_args!("{at}.TLSCertificates");
    let given = [("CaCertificateProviderInstance", provider_instance.is_some()), ("TrustedCA", trusted_ca.is_some())];
    one_of(&given, at, check);
    if let Some(ca) = trusted_ca {
        let given = [
            ("Filename", !ca.filename.is_empty()),
            ("EnvironmentVariable", !ca.environment_variable.is_empty()),
            ("InlineString", !ca.inline_string.is_empty()),
            ("InlineBytes", !ca.inline_bytes.is_none()),
        ];
        one_of(&given, format_args!("{at}.TrustedCA"), check);
    }
}

fn location_rules(location: &Location, at: Arguments<'_>, check: &mut Check<'_>) {
    let Location { header, query_param, cookie } = location;
    let places = [
        ("Header", header.as_ref().map(|h| &h.name)),
        ("QueryParam", query_param.as_ref().map(|q| &q.name)),
        ("Cookie", cookie.as_ref().map(|c| &c.name)),
    ];
    one_of(&places.map(|(field, name)| (field, name.is_some())), at, check);
    for (field, _) in places.iter().filter(|(_, name)| name.is_some_and(String::is_empty)) {
        check.error(codes::NAME, format!("{at}.{field}"), format!("{at}.{field} needs a Name"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::source::entry::from_json;

    fn judged(fields: &Value) -> Result<Value, Vec<&'static str>> {
        let mut entry = json!({"Kind": "jwt-provider", "Name": "okta", "JSONWebKeySet": {"Local": {"Filename": "/j"}}});
        entry.as_object_mut().zip(fields.as_object()).into_iter().for_each(|(entry, fields)| entry.extend(fields.clone()));
        from_json(&entry).map(|d| d.stored()).map_err(|problems| problems.into_iter().map(|d| d.code).collect())
    }

    #[test]
    fn what_is_given_is_stored_and_the_clock_skew_filled_in() {
        let remote =
            json!({"URI": "https://x", "cache_duration": "5m", "JWKSCluster": {"tls_certificates": {"TrustedCA": {"inline_bytes": "ca"}}}});
        let stored = judged(&json!({"json_web_key_set": {"Remote": remote}, "JSONWebKeySet": null, "Forwarding": {"HeaderName": "x"}}));
        assert_eq!(stored.err(), Some(vec!["GW0102"]), "null is given, too");
        let stored = judged(&json!({"JSONWebKeySet": {"Remote": remote}, "Forwarding": {"HeaderName": "x"}, "cache_config": {}}));
        let wanted = json!({
            "Kind": "jwt-provider", "Name": "okta", "ClockSkewSeconds": 30, "CacheConfig": {},
            "JSONWebKeySet": {"Remote": {"URI": "https://x", "CacheDuration": 300_000_000_000_i64,
                "JWKSCluster": {"TLSCertificates": {"TrustedCA": {"InlineBytes": "Y2E="}}}}},
            "Forwarding": {"HeaderName": "x", "PadForwardPayloadHeader": false},
        });
        assert_eq!(stored, Ok(wanted));
    }

    #[test]
    fn providers_are_judged_by_consuls_rules() {
        let keys = |keys: Value| json!({"JSONWebKeySet": keys});
        let remote = |field: &str, value: Value| json!({"JSONWebKeySet": {"Remote": {"URI": "https://x", field: value}}});
        let trust = |trust: Value| remote("JWKSCluster", json!({"TLSCertificates": trust}));
        for (fields, wanted) in [
            (json!({"Locations": [{"Header": {"Name": "a"}}, {"query_param": {"name": "q"}}]}), &[][..]),
            (keys(json!({"Local": {"jwks": "e30="}})), &[]),
            (remote("RetryPolicy", json!({"retry_policy_back_off": {"BaseInterval": "2s"}})), &[]),
            (trust(json!({"TrustedCA": {"Filename": "/c"}})), &[]),
            (keys(json!(null)), &["GW0204"]),
            (keys(json!({"Local": {}})), &["GW0204"]),
            (keys(json!({"Local": {"Filename": "/j"}, "Remote": {"URI": "/x"}})), &["GW0204"]),
            (keys(json!({"Local": {"JWKS": "e30"}})), &["GW0203"]),
            (keys(json!({"Remote": {"URI": "x"}})), &["GW0203"]),
            (keys(json!({"Remote": {}})), &["GW0203"]),
            (remote("RetryPolicy", json!({"RetryPolicyBackOff": {"BaseInterval": "2s", "MaxInterval": "1s"}})), &["GW0204"]),
            (remote("JWKSCluster", json!({"DiscoveryType": "static"})), &["GW0203"]),
            (trust(json!({})), &["GW0204"]),
            (trust(json!({"TrustedCA": {"Filename": "/c", "InlineString": "x"}})), &["GW0204"]),
            (json!({"Locations": [{}, {"Cookie": {}}]}), &["GW0204", "GW0201"]),
            (json!({"Forwarding": {}}), &["GW0201"]),
            (json!({"Name": ""}), &["GW0201"]),
        ] {
            assert_eq!(judged(&fields).err().unwrap_or_default(), wanted, "{fields}");
        }
    }
}
