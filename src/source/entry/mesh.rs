//! mesh: field table, validation (semantics 12.3).

use std::sync::Arc;

use super::check::Check;
use super::fields::fields;
use super::kind::Kind;
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
            }
        }
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn entry(self) -> ConfigEntry {
        ConfigEntry::Mesh(Arc::new(self))
    }
}
