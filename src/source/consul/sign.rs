//! Certificates that Consul's HTTP API does not give: of keys that never leave the gateway, with DNS names, for mesh gateways. A server
//! signs them at its gRPC port, `ConnectCAService/Sign`, since Consul 1.13.

mod message;

use http::HeaderMap;
use http::header::CONTENT_TYPE;

use super::client::{AskError, Client, GrpcReply, Unreached};
use super::permission::{Access, Rule};
use super::settings::Settings;
use crate::id::Identity;

const METHOD: &str = "/hashicorp.consul.connectca.ConnectCAService/Sign";
/// Longer words of a server are cut.
const MOST_TEXT: usize = 400;

/// A server that signs.
#[derive(Debug)]
pub struct Signer(Client);

/// Why nothing was signed. The texts are Consul's own.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// Nobody was asked, or nobody answered.
    #[error(transparent)]
    Unanswered(#[from] AskError),
    /// The token may not.
    #[error("the token may not have a certificate signed for {whose}: {text}")]
    Denied {
        /// The identity that was asked for.
        whose: Box<Identity>,
        /// What the server says.
        text: String,
    },
    /// The server knows no such token.
    #[error("Consul knows no such token: {0}")]
    UnknownToken(String),
    /// The CA signs so many a second and no more.
    #[error("Consul's CA signs no more at the moment: {0}")]
    Busy(String),
    /// A client agent, or a Consul before 1.13.
    #[error("nothing is signed at {at}: {text}")]
    SignsNothing {
        /// The address.
        at: String,
        /// What is said there.
        text: String,
    },
    /// The request does not suit the server: another trust domain, or another datacenter.
    #[error("Consul refuses to sign for {whose}: {text}")]
    Refused {
        /// The identity that was asked for.
        whose: Box<Identity>,
        /// What the server says.
        text: String,
    },
    /// Anything else that is wrong there: no leader, no CA yet.
    #[error("Consul failed to sign (gRPC status {status}): {text}")]
    Failed {
        /// A number of gRPC's.
        status: u32,
        /// What the server says.
        text: String,
    },
    /// What came is no answer of this kind.
    #[error("what answers at {at} is no gRPC port of Consul: {saw}")]
    Strange {
        /// The address.
        at: String,
        /// What came.
        saw: String,
    },
}

impl Signer {
    /// The server of these settings; nothing where none is named.
    pub fn of(settings: &Settings) -> Result<Option<Self>, AskError> {
        Ok(Client::of_grpc(settings)?.map(Self))
    }

    /// Has a request signed (PKCS #10, in PEM), which asks for that identity: the chain in PEM, as it came. Whether it is of the key of
    /// the request, `tls::Request::answered` says.
    pub async fn sign(&self, whose: &Identity, csr: &str) -> Result<String, SignError> {
        let reply = self.0.call(METHOD, &message::request(csr)).await?;
        self.read(whose, &reply)
    }

    fn read(&self, whose: &Identity, reply: &GrpcReply) -> Result<String, SignError> {
        let GrpcReply { status, headers, .. } = reply;
        let strange = |saw: String| SignError::Strange { at: self.0.settings().agent.to_string(), saw };
        let kind = headers.get(CONTENT_TYPE).map(|kind| kind.as_bytes()).unwrap_or_default();
        if *status != 200 || !kind.starts_with(b"application/grpc") {
            return Err(strange(format!("HTTP status {status}, content-type {:?}", String::from_utf8_lossy(kind))));
        }
        let code = headers.get("grpc-status").and_then(|code| code.to_str().ok()).and_then(|code| code.parse().ok());
        match code {
            // The status comes at the very end: without it the answer may be cut.
            None => Err(strange("an answer without a grpc-status".to_owned())),
            Some(0) => {
                let chain = reply.message().and_then(message::chain);
                chain.map(str::to_owned).ok_or_else(|| strange("an answer that is no SignResponse".to_owned()))
            }
            Some(code) => Err(self.refusal(whose, code, text(headers))),
        }
    }

    fn refusal(&self, whose: &Identity, status: u32, text: String) -> SignError {
        let whose = Box::new(whose.clone());
        match status {
            3 => SignError::Refused { whose, text },
            7 => SignError::Denied { whose, text },
            8 => SignError::Busy(text),
            12 => SignError::SignsNothing { at: self.0.settings().agent.to_string(), text },
            16 => SignError::UnknownToken(text),
            _ => SignError::Failed { status, text },
        }
    }
}

impl SignError {
    /// What somebody can do about it.
    pub fn advice(&self) -> Option<String> {
        const HTTP_LEAF: &str = "without --grpc-addr and CONSUL_GRPC_ADDR leaves come over HTTP, and certificates of hosts from files";
        Some(match self {
            Self::Unanswered(AskError::Unreached { .. }) => {
                format!("is it the gRPC port of a Consul server (8502, or https:// and 8503)? {HTTP_LEAF}")
            }
            Self::Unanswered(AskError::File { .. } | AskError::Pem { .. }) => {
                "see --grpc-ca-file, --client-cert, --client-key, CONSUL_GRPC_CACERT, CONSUL_GRPC_CAPATH and the like".to_owned()
            }
            Self::Unanswered(other) => return other.advice().map(str::to_owned),
            Self::Denied { whose, .. } => format!("give the token the rule {}", needed_for(whose)),
            Self::UnknownToken(_) => "say another one by --token-file or CONSUL_HTTP_TOKEN_FILE".to_owned(),
            Self::Busy(_) => "it is asked for again in a while; csr_max_per_second of the CA's configuration is the limit".to_owned(),
            Self::SignsNothing { .. } => format!("name a server of Consul 1.13 or newer, no client agent; {HTTP_LEAF}"),
            Self::Refused { .. } => "look whether the server is of the datacenter and the trust domain of the agent".to_owned(),
            Self::Failed { .. } => return None,
            Self::Strange { .. } => format!("gRPC is at ports.grpc or ports.grpc_tls of a server, not at its HTTP port; {HTTP_LEAF}"),
        })
    }

    /// Whether the same request may be signed in a while.
    pub const fn is_passing(&self) -> bool {
        let lost = matches!(
            self,
            Self::Unanswered(AskError::Unreached { why: Unreached::Connect(_) | Unreached::TooSlow(_) | Unreached::Cut(_), .. })
        );
        lost || matches!(self, Self::Busy(_) | Self::Failed { .. })
    }
}

/// The rule that lets a token have this signed.
fn needed_for(whose: &Identity) -> Rule {
    match whose {
        Identity::Service(id) => Rule::Service(id.service.to_string(), Access::Write),
        Identity::MeshGateway { .. } => Rule::Whole("mesh", Access::Write),
    }
}

/// What the server says: percent-encoded, and in a line, with nothing that a terminal would obey.
fn text(headers: &HeaderMap) -> String {
    let said = headers.get("grpc-message").map(|said| said.as_bytes()).unwrap_or_default();
    let (mut out, mut rest) = (Vec::new(), said);
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        let (byte, taken) = match escaped.filter(|_| *first == b'%') {
            Some(byte) => (byte, 2),
            None => (*first, 0),
        };
        out.push(byte);
        rest = &after[taken..];
    }
    let text = String::from_utf8_lossy(&out);
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(MOST_TEXT).collect()
}
