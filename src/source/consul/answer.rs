//! What an answer of Consul's HTTP API says before its JSON is looked at: found, not found, or why not.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;

use super::call::{Absent, Call};
use crate::model::entry::IntentionAction;
use crate::tls::Moment;

/// What came.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, whole.
    pub body: Bytes,
}

/// An answer that may be believed.
#[derive(Clone, Debug)]
pub struct Answer<T> {
    /// What its headers say.
    pub meta: Meta,
    /// What was asked for; nothing: there is none, which may be watched as well.
    pub what: Option<T>,
    /// As it came.
    pub body: Bytes,
}

/// What the headers of an answer say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// `X-Consul-Index`.
    pub index: Option<u64>,
    /// `X-Consul-KnownLeader`; 1.8 says it, now it is said only where it is unusual.
    pub known_leader: Option<bool>,
    /// `X-Consul-LastContact`: how old an answer may be that no leader gave.
    pub last_contact: Option<Duration>,
    /// `X-Consul-Results-Filtered-By-ACLs`: there is more than the token may see.
    pub filtered: bool,
    /// `X-Consul-Default-ACL-Policy`: what who has no rights may do.
    pub default_policy: Option<IntentionAction>,
    /// `X-Consul-ContentHash`, in place of an index.
    pub content_hash: Option<String>,
    /// `Date`: what the agent's clock says.
    pub date: Option<Moment>,
}

impl Meta {
    /// Headers that are no numbers say nothing.
    pub fn of(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
        Self {
            index: text("x-consul-index").and_then(|n| n.parse().ok()),
            known_leader: text("x-consul-knownleader").and_then(|b| b.parse().ok()),
            last_contact: text("x-consul-lastcontact").and_then(|n| n.parse().ok()).map(Duration::from_millis),
            filtered: text("x-consul-results-filtered-by-acls") == Some("true"),
            default_policy: text("x-consul-default-acl-policy").and_then(policy),
            content_hash: text("x-consul-contenthash").map(str::to_owned),
            date: text("date").and_then(Moment::of_http),
        }
    }
}

/// One of Consul's two words for what is allowed.
pub(super) fn policy(word: &str) -> Option<IntentionAction> {
    IntentionAction::WORDS.iter().find(|(w, _)| *w == word).map(|(_, action)| *action)
}

/// Why an answer says nothing about the world. The texts are Consul's own.
#[derive(Debug, thiserror::Error)]
pub enum Why {
    /// The token may not.
    #[error("the token may not: {0}")]
    Denied(String),
    /// Consul knows no such token.
    #[error("Consul knows no such token: {0}")]
    UnknownToken(String),
    /// An endpoint that this Consul does not have.
    #[error("this Consul has no such endpoint ({0})")]
    NoEndpoint(u16),
    /// A kind of entries that this Consul does not have.
    #[error("{0}")]
    UnknownKind(String),
    /// The question is wrong.
    #[error("Consul refuses ({status}): {text}")]
    Refused {
        /// The status.
        status: u16,
        /// What it says.
        text: String,
    },
    /// Too many questions, or too many connections.
    #[error("Consul is asked too much ({status}): {text}")]
    Busy {
        /// The status.
        status: u16,
        /// What it says.
        text: String,
    },
    /// The servers have no leader.
    #[error("Consul's servers have no leader")]
    NoLeader,
    /// The certificates of the mesh are not there yet.
    #[error("Consul's CA is not ready: {0}")]
    NoCa(String),
    /// Federation is not there yet.
    #[error("the datacenter is not federated: {0}")]
    NotFederated(String),
    /// No datacenter of that name is known.
    #[error("{0}")]
    NoDatacenter(String),
    /// The other datacenter cannot be reached from there.
    #[error("the other datacenter cannot be reached: {0}")]
    FarAway(String),
    /// Anything else that went wrong there.
    #[error("Consul failed ({status}): {text}")]
    Failed {
        /// The status.
        status: u16,
        /// What it says.
        text: String,
    },
    /// An answer that Consul does not give.
    #[error("that is no answer of Consul's ({0})")]
    Strange(u16),
    /// A body that is cut, or not Consul's.
    #[error("the answer is not the JSON that belongs there, and begins with {begins:?}")]
    Json {
        /// How it begins.
        begins: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl Why {
    /// What somebody can do about it.
    pub fn advice(&self) -> Option<&'static str> {
        Some(match self {
            Self::Denied(_) => {
                "gw config gen acl-policy --for KIND NAME prints what the token of a gateway needs; another one is said by --token-file or \
                 CONSUL_HTTP_TOKEN_FILE"
            }
            Self::UnknownToken(_) => {
                "say another one by --token-file or CONSUL_HTTP_TOKEN_FILE; `consul acl token read -self` tells about one"
            }
            Self::Refused { .. } => "`consul version` at the agent says whether it is between 1.8 and 1.21, the versions that gw knows",
            Self::Busy { .. } => {
                "raise limits.http_max_conns_per_client or limits.request_limits, or ask by https://, where few connections do"
            }
            Self::NoLeader => "look at `consul operator raft list-peers`",
            Self::NoCa(_) | Self::NotFederated(_) => "in a secondary datacenter: look whether its mesh gateways reach the primary",
            Self::NoDatacenter(_) => "`consul catalog datacenters` lists those that are known",
            Self::FarAway(_) => "look at the mesh gateways between the datacenters",
            Self::Strange(_) | Self::Json { .. } => {
                "something else may listen there: say where Consul's HTTP API is, by --http-addr or CONSUL_HTTP_ADDR"
            }
            Self::NoEndpoint(_) | Self::UnknownKind(_) | Self::Failed { .. } => return None,
        })
    }

    /// Whether the same question may be answered in a moment.
    pub const fn is_passing(&self) -> bool {
        use Why::{Busy, Failed, FarAway, Json, NoCa, NoLeader, NotFederated};
        matches!(self, Busy { .. } | Failed { .. } | FarAway(_) | Json { .. } | NoCa(_) | NoLeader | NotFederated(_))
    }
}

impl<T> Call<T> {
    /// What a reply to this call says.
    pub fn read(&self, reply: &Reply) -> Result<Answer<T>, Why> {
        let meta = Meta::of(&reply.headers);
        match reply.status {
            200 | 204 => {
                let begins = || shown(&reply.body, 60);
                let what = (self.decode)(&reply.body).map_err(|source| Why::Json { begins: begins(), source })?;
                Ok(Answer { meta, what: Some(what), body: reply.body.clone() })
            }
            404 if self.is_absence(&meta, &reply.body) => Ok(Answer { meta, what: None, body: reply.body.clone() }),
            status => Err(refusal(status, shown(&reply.body, 400))),
        }
    }

    /// A 404 is said of what is not there, and of endpoints that a version does not have.
    fn is_absence(&self, meta: &Meta, body: &[u8]) -> bool {
        match self.absent {
            Absent::Never => false,
            Absent::Indexed => meta.index.is_some(),
            Absent::Said(word) => String::from_utf8_lossy(body).contains(word),
            Absent::Always => true,
        }
    }
}

fn refusal(status: u16, text: String) -> Why {
    let says = |part: &str| text.contains(part);
    match status {
        401 | 403 if says("ACL not found") => Why::UnknownToken(text),
        401 | 403 => Why::Denied(text),
        404 | 405 => Why::NoEndpoint(status),
        429 | 503 => Why::Busy { status, text },
        400..500 => Why::Refused { status, text },
        500 if says("invalid config entry kind") => Why::UnknownKind(text),
        500 if says("No cluster leader") => Why::NoLeader,
        500 if says("CA has not finished initializing") || says("CA root is nil") => Why::NoCa(text),
        500 if says("Federation states are currently disabled") => Why::NotFederated(text),
        500 if says("No path to datacenter") => Why::NoDatacenter(text),
        500 if says("Remote DC has no server") || says("rpc error getting client") => Why::FarAway(text),
        500..600 => Why::Failed { status, text },
        _ => Why::Strange(status),
    }
}

/// The begin of a body, in a line, with nothing that a terminal would obey.
fn shown(body: &[u8], most: usize) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * most)]);
    let line = text.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    line.take(most).collect()
}
