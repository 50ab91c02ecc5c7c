//! The ClientHello of a connection that is passed on unread: what name it asks for. No I/O and no cryptography; bytes in, an answer out.
//!
//! A mesh gateway chooses by this name alone and hands every byte on, so two readings of one hello would be a hole: what is ambiguous
//! (two names, the extension twice, a name that other parsers cut at a NUL or a dot) is refused here, as Envoy refuses it. Whatever else
//! stands in a hello is the server's to judge.

mod body;
mod records;

use std::borrow::Cow;

pub use body::Alpn;
pub use records::HelloReader;

/// As much of a handshake message as is taken for a hello. Those of today, with post-quantum key shares, have up to 2 KiB.
const LONGEST_MESSAGE: usize = 16 * 1024;

/// Where the last byte of a hello may lie in its connection, with the headers of all its records: more need not be kept to know the
/// name. C+E allows 16 KiB of both together.
pub const LONGEST_HELLO: usize = LONGEST_MESSAGE + 2 * 1024;

/// What a ClientHello asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello<'a> {
    /// The name of the server in lower case, for names are compared without regard to case; `None` if it names none. With ECH this
    /// is the outer name, which is the one that is there to be routed by.
    pub sni: Option<Cow<'a, str>>,
    /// The protocols offered, to be shown: nothing is chosen by them.
    pub alpn: Alpn<'a>,
}

/// Why what a client says is no ClientHello to go by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoHello {
    /// Something else is spoken: plain HTTP, SSH, a server's half of TLS.
    #[error("the first byte is {}, not the 0x16 that begins TLS", printed(*.0))]
    NotTls(u8),
    /// A record is of a version of no TLS.
    #[error("the major version of a TLS record is {0}, not 3")]
    Version(u8),
    /// Another record comes between those of the hello.
    #[error("a TLS record of type {0} comes before the ClientHello has ended")]
    Interrupted(u8),
    /// A record without a byte, of which there could be any number.
    #[error("a TLS record of the ClientHello is empty")]
    EmptyRecord,
    /// A record longer than TLS has them.
    #[error("a TLS record of {0} bytes; at most 16384 are allowed")]
    LongRecord(usize),
    /// The first message is another one.
    #[error("the first handshake message is of type {0}, not a ClientHello")]
    NotHello(u8),
    /// The message, or the message with the headers of its records.
    #[error("the ClientHello is longer than the {LONGEST_MESSAGE} bytes that are read of one")]
    TooLong,
    /// Something in it is cut short or too long.
    #[error("the ClientHello's {0} cannot be read")]
    Malformed(&'static str),
    /// An extension that counts here stands there twice: servers differ in which one they take.
    #[error("the ClientHello has two {0} extensions")]
    Twice(&'static str),
    /// The name is none.
    #[error("the ClientHello's server name {0}")]
    Name(&'static str),
}

/// What is read of a server name, standing alone in a ClientHello that is passed on.
pub fn server_name(name: &str) -> Result<Cow<'_, str>, NoHello> {
    body::name_of(name.as_bytes()).map_err(NoHello::Name)
}

/// A byte, with its character for who wonders what was spoken.
fn printed(byte: u8) -> String {
    if byte.is_ascii_graphic() { format!("0x{byte:02x} ('{}')", char::from(byte)) } else { format!("0x{byte:02x}") }
}
