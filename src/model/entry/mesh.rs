//! mesh (semantics 12.3): there is one, and nobody writes its name.

use super::{Common, TlsParameters};

/// `mesh`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mesh {
    /// Meta; the name is always `mesh`.
    pub common: Common,
    /// `TransparentProxy.MeshDestinationsOnly`.
    pub transparent_proxy: TransparentProxyMesh,
    /// `AllowEnablingPermissiveMutualTLS`.
    pub allow_enabling_permissive_mutual_tls: bool,
    /// `ValidateClusters`.
    pub validate_clusters: bool,
    /// `TLS`.
    pub tls: Option<MeshTls>,
    /// `HTTP`.
    pub http: Option<MeshHttp>,
    /// `Peering`.
    pub peering: Option<MeshPeering>,
}

/// `TransparentProxy` of the mesh.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TransparentProxyMesh {
    /// `MeshDestinationsOnly`.
    pub mesh_destinations_only: bool,
}

/// `TLS`: what mesh connections are negotiated with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MeshTls {
    /// `Incoming`.
    pub incoming: Option<TlsParameters>,
    /// `Outgoing`.
    pub outgoing: Option<TlsParameters>,
}

/// `HTTP`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MeshHttp {
    /// `SanitizeXForwardedClientCert`.
    pub sanitize_x_forwarded_client_cert: bool,
    /// `Incoming`.
    pub incoming: Option<MeshIncomingHttp>,
}

/// `HTTP.Incoming`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MeshIncomingHttp {
    /// `RequestNormalization`.
    pub request_normalization: Option<RequestNormalization>,
}

/// `RequestNormalization`; the default normalizes paths and leaves slashes and headers alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestNormalization {
    /// `InsecureDisablePathNormalization`.
    pub insecure_disable_path_normalization: bool,
    /// `MergeSlashes`.
    pub merge_slashes: bool,
    /// `PathWithEscapedSlashesAction`; absent is as [`EscapedSlashesAction::ImplementationSpecificDefault`].
    pub path_with_escaped_slashes_action: Option<EscapedSlashesAction>,
    /// `HeadersWithUnderscoresAction`; absent is as [`UnderscoresAction::Allow`].
    pub headers_with_underscores_action: Option<UnderscoresAction>,
}

/// What becomes of a path with `%2F` or `%5C`, in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EscapedSlashesAction {
    /// `IMPLEMENTATION_SPECIFIC_DEFAULT`: Envoy's is to keep them.
    ImplementationSpecificDefault,
    /// `KEEP_UNCHANGED`
    KeepUnchanged,
    /// `REJECT_REQUEST`: 400.
    RejectRequest,
    /// `UNESCAPE_AND_REDIRECT`: 307 to the normalized path.
    UnescapeAndRedirect,
    /// `UNESCAPE_AND_FORWARD`
    UnescapeAndForward,
}

impl EscapedSlashesAction {
    /// All, by Consul's words.
    pub const WORDS: &[(&str, Self)] = &[
        ("IMPLEMENTATION_SPECIFIC_DEFAULT", Self::ImplementationSpecificDefault),
        ("KEEP_UNCHANGED", Self::KeepUnchanged),
        ("REJECT_REQUEST", Self::RejectRequest),
        ("UNESCAPE_AND_REDIRECT", Self::UnescapeAndRedirect),
        ("UNESCAPE_AND_FORWARD", Self::UnescapeAndForward),
    ];
}

/// What becomes of a header whose name has an underscore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnderscoresAction {
    /// `ALLOW`
    Allow,
    /// `REJECT_REQUEST`: 400.
    RejectRequest,
    /// `DROP_HEADER`
    DropHeader,
}

impl UnderscoresAction {
    /// All, by Consul's words.
    pub const WORDS: &[(&str, Self)] =
        &[("ALLOW", Self::Allow), ("REJECT_REQUEST", Self::RejectRequest), ("DROP_HEADER", Self::DropHeader)];
}

/// `Peering`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MeshPeering {
    /// `PeerThroughMeshGateways`.
    pub peer_through_mesh_gateways: bool,
}

impl Mesh {
    /// The one name that a mesh entry has.
    pub const NAME: &str = "mesh";

    /// `HTTP.Incoming.RequestNormalization`, where it is given.
    pub fn request_normalization(&self) -> Option<&RequestNormalization> {
        self.http.as_ref()?.incoming.as_ref()?.request_normalization.as_ref()
    }

    /// `HTTP.SanitizeXForwardedClientCert`.
    pub fn sanitizes_xfcc(&self) -> bool {
        self.http.as_ref().is_some_and(|http| http.sanitize_x_forwarded_client_cert)
    }

    /// `TLS.Incoming`, where it is given.
    pub fn incoming_tls(&self) -> Option<&TlsParameters> {
        self.tls.as_ref()?.incoming.as_ref()
    }

    /// `TLS.Outgoing`, where it is given.
    pub fn outgoing_tls(&self) -> Option<&TlsParameters> {
        self.tls.as_ref()?.outgoing.as_ref()
    }
}
