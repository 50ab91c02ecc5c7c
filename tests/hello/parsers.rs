//! Beside rustls' acceptor, which reads all of a hello, as a server does. Who finds a name finds the same one. Where only one of them
//! finds something, it is for one of a few reasons, which are told apart here.

use gw::tls::NoHello;

use crate::{Asked, read};

/// How the reader and rustls fared with the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Beside {
    /// The same name and the same protocols.
    Same,
    /// Neither has anything to say.
    BothRefuse,
    /// rustls refuses what is the server's to judge: versions, other extensions, one of them twice, signatures, what comes after the hello
    /// in its record; and names that DNS does not have but a table of names may.
    ServerRefuses,
    /// rustls takes an IP address for no name, a dot at the end for none, and passes over names of other types.
    NameRefused,
    /// rustls takes hellos of up to 64 KiB.
    LengthRefused,
}

pub(crate) fn compare(name: &str, bytes: &[u8]) -> Beside {
    match (read(bytes), by_rustls(bytes)) {
        (Ok(Some(asked)), Some(other)) => {
            assert_eq!(asked, other, "{name}: rustls reads something else");
            Beside::Same
        }
        (Ok(Some(_)), None) => Beside::ServerRefuses,
        (Ok(None) | Err(_), None) => Beside::BothRefuse,
        (Err(NoHello::Name(_)), Some(_)) => Beside::NameRefused,
        (Err(NoHello::TooLong), Some(_)) => Beside::LengthRefused,
        (ours, Some(other)) => panic!("{name}: rustls has read {other:?}, and here: {ours:?}"),
    }
}

fn by_rustls(bytes: &[u8]) -> Option<Asked> {
    let mut acceptor = rustls::server::Acceptor::default();
    let mut left = bytes;
    while !left.is_empty() {
        acceptor.read_tls(&mut left).ok()?;
        if let Some(accepted) = acceptor.accept().ok()? {
            let hello = accepted.client_hello();
            let alpn = hello.alpn().map(|offered| offered.map(<[u8]>::to_vec).collect());
            return Some(Asked { sni: hello.server_name().map(str::to_ascii_lowercase), alpn: alpn.unwrap_or_default() });
        }
    }
    None
}
