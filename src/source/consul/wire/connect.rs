//! `/v1/connect/...` and `/v1/agent/connect/...`: the certificates of the mesh, and who may talk to whom.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Nullable, or_null};

/// `.../ca/roots`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RootsAnswer {
    /// The one that signs now; empty before there is one.
    #[serde(rename = "ActiveRootID")]
    pub active_root_id: String,
    /// The trust domain: another one before a datacenter has found its primary.
    pub trust_domain: String,
    /// All that are trusted.
    #[serde(deserialize_with = "or_null")]
    pub roots: Vec<RootRow>,
}

/// A root of the mesh.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RootRow {
    /// Its id.
    #[serde(rename = "ID")]
    pub id: String,
    /// What it is called.
    pub name: String,
    /// PEM.
    pub root_cert: String,
    /// PEM: what stands between it and leaves.
    #[serde(deserialize_with = "or_null")]
    pub intermediate_certs: Vec<String>,
    /// The one that signs.
    pub active: bool,
}

/// `.../ca/leaf/SERVICE`.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct LeafAnswer {
    /// PEM: the leaf, then what stands between it and a root; some of it twice, or out of order.
    #[serde(rename = "CertPEM")]
    pub cert_pem: String,
    /// PEM: its key.
    #[serde(rename = "PrivateKeyPEM")]
    pub private_key_pem: String,
    /// The service.
    pub service: String,
    /// Its id.
    #[serde(rename = "ServiceURI")]
    pub service_uri: String,
    /// From when, RFC 3339.
    pub valid_after: String,
    /// Till when.
    pub valid_before: String,
}

impl fmt::Debug for LeafAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("LeafAnswer");
        shown.field("service_uri", &self.service_uri).field("valid_before", &self.valid_before).finish_non_exhaustive()
    }
}

/// An intention, as `/v1/connect/intentions` and its `/match` list it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct IntentionRow {
    /// Who asks; `*` is everybody.
    pub source_name: String,
    /// The peer of who asks; empty is this cluster.
    pub source_peer: String,
    /// Who is asked.
    pub destination_name: String,
    /// `allow` or `deny`; absent where there are permissions.
    pub action: String,
    /// What may be asked for, in the words of a service-intentions entry.
    pub permissions: Option<Value>,
    /// What a request must carry besides, likewise.
    #[serde(rename = "JWT")]
    pub jwt: Option<Value>,
    /// The highest decides.
    pub precedence: i64,
    /// What its writer says about it.
    pub description: String,
}

/// `/v1/connect/intentions/match`: by the name that was asked for, the highest precedence first.
pub type MatchAnswer = BTreeMap<String, Nullable<Vec<IntentionRow>>>;

/// `/v1/agent/connect/authorize`, the question.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AuthorizeBody {
    /// Who is asked.
    pub target: String,
    /// The id of who asks.
    #[serde(rename = "ClientCertURI")]
    pub client_cert_uri: String,
    /// The serial number of their certificate.
    pub client_cert_serial: String,
}

/// `/v1/agent/connect/authorize`, the answer, which knows neither requests nor tokens, nor the trust domain.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct AuthorizeAnswer {
    /// Whether they may talk.
    pub authorized: bool,
    /// Why.
    pub reason: String,
}

/// `/v1/connect/intentions/check`, which does not know `default_intention_policy`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct CheckAnswer {
    /// Whether they may talk.
    pub allowed: bool,
}
