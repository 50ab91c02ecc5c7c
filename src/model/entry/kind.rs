//! The kinds of config entries, and how a decision names the entry and rule it came from.

use std::fmt;
use std::sync::{Arc, LazyLock};

macro_rules! kinds {
    ($($variant:ident $text:literal,)*; $($other:ident $word:literal,)*) => {
        /// A kind of Consul 1.21, written exactly so, lower case; and what rules come from beside entries.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EntryKind {
            $(#[doc = concat!("`", $text, "`")] $variant,)*
            $(#[doc = concat!("`", $word, "`")] $other,)*
        }

        impl EntryKind {
            /// Every kind of entry that Consul knows.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Consul's word.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                    $(Self::$other => $word,)*
                }
            }
        }
    };
}

kinds! {
    ServiceDefaults "service-defaults",
    ProxyDefaults "proxy-defaults",
    ServiceRouter "service-router",
    ServiceSplitter "service-splitter",
    ServiceResolver "service-resolver",
    IngressGateway "ingress-gateway",
    TerminatingGateway "terminating-gateway",
    ServiceIntentions "service-intentions",
    Mesh "mesh",
    ExportedServices "exported-services",
    SamenessGroup "sameness-group",
    ApiGateway "api-gateway",
    BoundApiGateway "bound-api-gateway",
    HttpRoute "http-route",
    TcpRoute "tcp-route",
    InlineCertificate "inline-certificate",
    FileSystemCertificate "file-system-certificate",
    JwtProvider "jwt-provider",
    ;
    // What is no entry has rules too: at a mesh gateway a service is reached by its name, whether there are entries for it or not.
    Service "service",
    Datacenter "datacenter",
    Peer "peer",
}

impl EntryKind {
    /// Whether a gateway does something because of such an entry; the others are judged, stored and no more.
    pub const fn is_acted_on(self) -> bool {
        use EntryKind::*;
        matches!(
            self,
            ServiceDefaults
                | ProxyDefaults
                | ServiceRouter
                | ServiceSplitter
                | ServiceResolver
                | IngressGateway
                | TerminatingGateway
                | ServiceIntentions
                | Mesh
        )
    }

    /// The name of the one entry there is of such a kind.
    pub const fn only_name(self) -> Option<&'static str> {
        match self {
            Self::ProxyDefaults => Some("global"),
            Self::Mesh => Some("mesh"),
            Self::ExportedServices => Some("default"),
            _ => None,
        }
    }

    /// The kind of that word, exact and in lower case, as Consul takes it.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|k| k.as_str() == text)
    }
}

impl fmt::Display for EntryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An entry, printed `kind/name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryRef {
    /// Its kind.
    pub kind: EntryKind,
    /// Its name as written.
    pub name: Arc<str>,
}

impl EntryRef {
    /// The entry of that kind and name.
    pub fn new(kind: EntryKind, name: &str) -> Self {
        Self { kind, name: name.into() }
    }

    /// This entry as a whole.
    pub fn whole(&self) -> RuleRef {
        static NOWHERE: LazyLock<Arc<str>> = LazyLock::new(|| Arc::from(""));
        RuleRef { entry: self.clone(), path: NOWHERE.clone() }
    }

    /// A place in this entry, `Routes[2]`; empty for the entry as a whole.
    pub fn at(&self, path: impl Into<Arc<str>>) -> RuleRef {
        RuleRef { entry: self.clone(), path: path.into() }
    }
}

impl fmt::Display for EntryRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.name)
    }
}

/// The rule that decided something: an entry the operator wrote and the place in it. Printed `kind/name Routes[2]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleRef {
    /// The entry.
    pub entry: EntryRef,
    /// The place, in Consul's field names: `Routes[2]`, `Splits[0]`, `Listeners[0].Services[1]`; empty for the whole.
    pub path: Arc<str>,
}

impl fmt::Display for RuleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entry.fmt(f)?;
        if !self.path.is_empty() {
            write!(f, " {}", self.path)?;
        }
        Ok(())
    }
}
