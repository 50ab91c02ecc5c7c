//! Names and connections: host names become addresses that are kept fresh, and addresses become connections.
//!
//! | what | file |
//! |---|---|
//! | names that somebody follows, and who keeps them fresh | `names` |
//! | what one answer does to what is known | `known` |
//! | one question to DNS or the hosts file | `lookup` |
//! | the addresses of a name, and whose turn it is | `addresses` |
//! | the race of connections to several addresses | `race` |
//! | a connection to where an instance answers | `dial` |
//!
//! Names are resolved on the control thread, once for the whole process: one question to DNS however many workers there are, and
//! a request finds the addresses of its instance in its worker's own memory.

mod addresses;
mod dial;
mod known;
mod lookup;
mod names;
mod race;

pub use dial::Dialer;
pub use names::{Counted, Followed, Names, Resolver, names};
