//! Names of services, datacenters and listeners.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::sync::Arc;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes any text; Consul checks nothing about the names of entries but that they are not empty.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// The name as it was written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }
    };
}

name! {
    /// A service as it was spelled. Ids, SNI and texts keep this spelling; look-ups go by [`ServiceKey`].
    ServiceName
}

name! {
    /// A Consul datacenter, such as `dc1`.
    Datacenter
}

name! {
    /// A listener of a gateway, such as `edge:8080`: unique in one process.
    ListenerName
}

/// A service name for look-ups: names of Consul's entries have no case, `Web` and `web` are one entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceKey(Arc<str>);

impl ServiceKey {
    /// The key of a name in any spelling.
    pub fn of(name: &str) -> Self {
        Self(Self::text(name).into())
    }

    /// The text of that key, for a look-up: nothing is made of a name that is written as its key is.
    pub fn text(name: &str) -> Cow<'_, str> {
        let plain = name.bytes().all(|b| b.is_ascii() && !b.is_ascii_uppercase());
        if plain { Cow::Borrowed(name) } else { Cow::Owned(name.to_lowercase()) }
    }

    /// The lower-case name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Datacenter {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for ServiceKey {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl ServiceName {
    /// The key by which entries and instances of this service are found.
    pub fn key(&self) -> ServiceKey {
        ServiceKey::of(self.as_str())
    }
}

impl ListenerName {
    /// The listener of a gateway on a port; the port is a signed number because Consul checks no range.
    pub fn of(gateway: &str, port: i64) -> Self {
        Self::new(format!("{gateway}:{port}"))
    }

    /// The listener of a mesh gateway for clients of other datacenters, whose port may be that of the other one.
    pub fn of_wan(gateway: &str, port: u16) -> Self {
        Self::new(format!("{gateway}:wan:{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_any_case_and_keep_their_spelling() {
        let name = ServiceName::from("Web");
        assert_eq!(name.key(), ServiceKey::of("wEB"));
        assert_eq!(name.to_string(), "Web");
    }
}
