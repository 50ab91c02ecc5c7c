//! What can be wrong with a federation: a word each, by which programs know it.

use serde::{Serialize, Serializer};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// An agent does not answer.
    Agent,
    /// A server does not use mesh gateways for other datacenters.
    FederationOff,
    /// Datacenters disagree on which is the primary.
    OtherPrimary,
    /// Only one datacenter is known.
    Alone,
    /// A node's name has a dot.
    NodeName,
    /// A datacenter has no mesh gateway.
    NoGateway,
    /// A gateway does not say that it carries what servers say.
    MetaMissing,
    /// A gateway is critical, and so is not used.
    GatewayCritical,
    /// Nobody is at the address under which a gateway is known in its datacenter.
    LanAddress,
    /// Nobody is at the address under which other datacenters know a gateway.
    WanAddress,
    /// Nothing listens at a gateway's port.
    PortClosed,
    /// One direction does not work that the other one shows to be possible.
    Blocked,
    /// A server does not answer at its own address.
    Server,
    /// A gateway closes connections for a name that it should know.
    NameUnknown,
    /// What answers there is no mesh gateway.
    NotAGateway,
    /// A certificate lacks a name that servers are asked for by.
    MissingSan,
    /// A certificate is of another datacenter.
    WrongDatacenter,
    /// A certificate is by a CA that is not trusted.
    OtherCa,
    /// A certificate is over.
    Expired,
    /// Clocks differ, or a certificate is of the future.
    ClockSkew,
    /// TLS ends somewhere else than at a server of Consul.
    Alpn,
    /// A server refuses the certificate of another one.
    Refused,
    /// Questions are not answered by another datacenter.
    Rpc,
    /// A datacenter has no federation state.
    NoState,
    /// A federation state is not what is there.
    StaleState,
    /// Datacenters trust different roots of the mesh.
    OtherRoots,
    /// ACLs do not come from the primary.
    AclReplication,
}

impl Fault {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent-unreachable",
            Self::FederationOff => "federation-off",
            Self::OtherPrimary => "other-primary",
            Self::Alone => "alone",
            Self::NodeName => "node-name",
            Self::NoGateway => "no-gateway",
            Self::MetaMissing => "meta-missing",
            Self::GatewayCritical => "gateway-critical",
            Self::LanAddress => "lan-address",
            Self::WanAddress => "wan-address",
            Self::PortClosed => "gateway-port-closed",
            Self::Blocked => "blocked-direction",
            Self::Server => "server-unreachable",
            Self::NameUnknown => "name-unknown",
            Self::NotAGateway => "not-a-gateway",
            Self::MissingSan => "missing-san",
            Self::WrongDatacenter => "wrong-datacenter",
            Self::OtherCa => "other-ca",
            Self::Expired => "expired-certificate",
            Self::ClockSkew => "clock-skew",
            Self::Alpn => "tls-ended",
            Self::Refused => "certificate-refused",
            Self::Rpc => "no-answer",
            Self::NoState => "no-federation-state",
            Self::StaleState => "stale-federation-state",
            Self::OtherRoots => "other-roots",
            Self::AclReplication => "acl-replication",
        }
    }
}

impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Something that is wrong, where, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// What kind of thing.
    pub fault: Fault,
    /// Which way it stands in: `dc1 -> dc2`, or a datacenter alone.
    pub hop: String,
    /// At what: a gateway, a server, an address.
    pub at: String,
    /// What was seen, and why it matters.
    pub cause: String,
    /// What to type, or to change.
    pub fix: String,
}

impl Finding {
    pub(super) fn new(
        fault: Fault,
        hop: impl Into<String>,
        at: impl Into<String>,
        cause: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        Self { fault, hop: hop.into(), at: at.into(), cause: cause.into(), fix: fix.into() }
    }
}
