//! mesh: field table, validation (semantics 12.3).

use std::sync::Arc;

use super::check::Check;
use super::fields::fields;
use super::kind::{Acted, Kind};
use super::tls;
use super::word::{Word, words};
use crate::model::entry::*;

// There is no field for the name: it is refused, though the entry has one.
fields!(Mesh {
    transparent_proxy: "TransparentProxy" ~ "transparent_proxy"; keep,
    allow_enabling_permissive_mutual_tls: "AllowEnablingPermissiveMutualTLS" ~ "allow_enabling_permissive_mutual_tls",
    validate_clusters: "ValidateClusters" ~ "validate_clusters",
    tls: "TLS",
    http: "HTTP",
    peering: "Peering",
    common.meta: "Meta",
});

fields!(TransparentProxyMesh { mesh_destinations_only: "MeshDestinationsOnly" ~ "mesh_destinations_only"; keep });

fields!(MeshTls { incoming: "Incoming", outgoing: "Outgoing" });

fields!(TlsParameters {
    tls_min_version: "TLSMinVersion" ~ "tls_min_version",
    tls_max_version: "TLSMaxVersion" ~ "tls_max_version",
    cipher_suites: "CipherSuites" ~ "cipher_suites",
});

fields!(MeshHttp {
    sanitize_x_forwarded_client_cert: "SanitizeXForwardedClientCert" ~ "sanitize_x_forwarded_client_cert"; keep,
    incoming: "Incoming",
});

fields!(MeshIncomingHttp { request_normalization: "RequestNormalization" ~ "request_normalization" });

fields!(RequestNormalization {
    insecure_disable_path_normalization: "InsecureDisablePathNormalization" ~ "insecure_disable_path_normalization"; keep,
    merge_slashes: "MergeSlashes" ~ "merge_slashes"; keep,
    path_with_escaped_slashes_action: "PathWithEscapedSlashesAction" ~ "path_with_escaped_slashes_action"; keep as Word<EscapedSlashesAction>,
    headers_with_underscores_action: "HeadersWithUnderscoresAction" ~ "headers_with_underscores_action"; keep as Word<UnderscoresAction>,
});

fields!(MeshPeering { peer_through_mesh_gateways: "PeerThroughMeshGateways" ~ "peer_through_mesh_gateways"; keep });

words!(EscapedSlashesAction);
words!(UnderscoresAction);

impl Kind for Mesh {
    fn normalize(&mut self) {
        self.common.name = Self::NAME.to_owned();
    }

    fn validate(&self, check: &mut Check<'_>) {
        for (side, parameters) in [("Incoming", self.incoming_tls()), ("Outgoing", self.outgoing_tls())] {
            if let Some(parameters) = parameters {
                tls::parameters(parameters, &format!("TLS.{side}"), check);
                tls::not_spoken(parameters, &format!("TLS.{side}"), check);
            }
        }
    }

    fn common(&self) -> &Common {
        &self.common
    }
}

impl Acted for Mesh {
    fn entry(self) -> ConfigEntry {
        ConfigEntry::Mesh(Arc::new(self))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::model::level::Level;
    use crate::source::entry::from_json;

    /// What is stored besides the kind, or the code of the first error.
    fn stored(fields: &Value) -> Result<Value, &'static str> {
        let mut entry = json!({"Kind": "mesh"});
        entry.as_object_mut().zip(fields.as_object()).into_iter().for_each(|(entry, fields)| entry.extend(fields.clone()));
        let decoded = from_json(&entry).map_err(|problems| problems[0].code)?;
        assert_eq!((decoded.name.as_str(), decoded.notes.len()), ("mesh", 0));
        let mut stored = decoded.stored();
        stored.as_object_mut().map(|map| map.remove("Kind"));
        Ok(stored)
    }

    #[test]
    fn what_is_given_is_stored_and_what_consul_always_prints() {
        let normalization = |escaped: &str, underscores: &str| {
            json!({"InsecureDisablePathNormalization": false, "MergeSlashes": true, "PathWithEscapedSlashesAction": escaped,
                   "HeadersWithUnderscoresAction": underscores})
        };
        let http =
            |normalization: Value| json!({"SanitizeXForwardedClientCert": false, "Incoming": {"RequestNormalization": normalization}});
        for (given, wanted) in [
            (json!({}), json!({})),
            (json!({"TLS": {"incoming": {"tls_min_version": "TLSv1_1"}}}), json!({"TLS": {"Incoming": {"TLSMinVersion": "TLSv1_1"}}})),
            (
                json!({"HTTP": [{}], "Peering": {}}),
                json!({"HTTP": {"SanitizeXForwardedClientCert": false}, "Peering": {"PeerThroughMeshGateways": false}}),
            ),
            (
                json!({"HTTP": {"Incoming": {"request_normalization": {"merge_slashes": "t"}}}}),
                json!({"HTTP": http(normalization("", ""))}),
            ),
            (
                json!({"HTTP": {"Incoming": {"RequestNormalization": normalization("KEEP_UNCHANGED", "DROP_HEADER")}}}),
                json!({"HTTP": http(normalization("KEEP_UNCHANGED", "DROP_HEADER"))}),
            ),
            (
                json!({"allow_enabling_permissive_mutual_tls": 2, "ValidateClusters": false}),
                json!({"AllowEnablingPermissiveMutualTLS": true}),
            ),
            (json!({"Meta": {"a": 5}, "TransparentProxy": null}), json!({"Meta": {"a": "5"}})),
        ] {
            let mut wanted = wanted;
            wanted["TransparentProxy"] = json!({"MeshDestinationsOnly": false});
            assert_eq!(stored(&given), Ok(wanted), "{given}");
        }
    }

    #[test]
    fn what_gw_does_not_speak_is_told_with_what_is_left() {
        let (one, old) = ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_RSA_WITH_AES_128_CBC_SHA");
        for (parameters, told) in [
            (json!({"CipherSuites": [one], "TLSMinVersion": "TLSv1_0"}), None),
            (
                json!({"CipherSuites": [one, old]}),
                Some((Level::Warning, "what is spoken is TLS 1.3, and TLS 1.2 with TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384")),
            ),
            (json!({"CipherSuites": [old]}), Some((Level::Warning, "what is spoken is TLS 1.3 alone"))),
            (json!({"CipherSuites": [old], "TLSMaxVersion": "TLSv1_2"}), Some((Level::Finding, "no gateway starts with it"))),
            (json!({"TLSMaxVersion": "TLSv1_1"}), Some((Level::Finding, "no gateway starts with it"))),
        ] {
            for side in ["Incoming", "Outgoing"] {
                let notes = from_json(&json!({"Kind": "mesh", "TLS": {side: parameters}})).unwrap().notes;
                let found = notes.first().map(|note| (note.level, note.help.join(" ")));
                let same = match (&found, told) {
                    (Some((level, help)), Some((wanted, begins))) => *level == wanted && help.starts_with(begins),
                    (found, told) => found.is_none() && told.is_none(),
                };
                assert!(same && notes.iter().all(|note| note.message.starts_with(&format!("TLS.{side}"))), "{parameters}: {notes:?}");
            }
        }
    }

    #[test]
    fn what_consul_refuses_is_refused() {
        let normalization = |field: &str, value: Value| json!({"HTTP": {"Incoming": {"RequestNormalization": {field: value}}}});
        for (given, code) in [
            (json!({"Name": "mesh"}), "GW0102"),
            (json!({"Name": null}), "GW0102"),
            (json!({"TLS": {"Incoming": {"TLSMinVersion": "TLSV1_2"}}}), "GW0211"),
            (json!({"TLS": {"Outgoing": {"TLSMinVersion": "TLSv1_3", "TLSMaxVersion": "TLSv1_1"}}}), "GW0211"),
            (json!({"TLS": {"Incoming": {"Enabled": true}}}), "GW0102"),
            (normalization("HeadersWithUnderscoresAction", json!("drop_header")), "GW0203"),
            (normalization("HeadersWithUnderscoresAction", json!(1)), "GW0203"),
            (normalization("PathWithEscapedSlashesAction", json!("DROP_HEADER")), "GW0203"),
            (normalization("PathWithEscapedSlashesAction", json!({})), "GW0103"),
            (json!({"Peering": {"PeerThroughMeshGateways": true, "peer_through_mesh_gateways": true}}), "GW0102"),
            (json!({"Peering": "x"}), "GW0103"),
            (json!({"Meta": {"x": "y".repeat(513)}}), "GW0202"),
        ] {
            assert_eq!(stored(&given), Err(code), "{given}");
        }
    }
}
