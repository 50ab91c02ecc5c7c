//! What a ClientHello says, once it is there: the name and the protocols; everything around them only has to fit together.

use std::borrow::Cow;
use std::net::IpAddr;

use super::{Hello, NoHello};

/// Types of extensions.
const SERVER_NAME: u16 = 0;
const ALPN: u16 = 16;
/// The only type of name there is.
const HOST_NAME: u8 = 0;
/// The longest name that DNS can have.
const LONGEST_NAME: usize = 253;

/// The protocols that a client offers, the one it likes best first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Alpn<'a>(&'a [u8]);

impl<'a> Alpn<'a> {
    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut left = Cut(self.0);
        std::iter::from_fn(move || left.short())
    }
}

/// Reads the message behind its header.
pub(super) fn read(message: &[u8]) -> Result<Hello<'_>, NoHello> {
    let mut left = Cut(message);
    let part = NoHello::Malformed;
    // Its version and the client's random.
    left.take(2 + 32).ok_or(part("beginning"))?;
    left.short().filter(|id| id.len() <= 32).ok_or(part("session id"))?;
    left.long().filter(|suites| !suites.is_empty() && suites.len().is_multiple_of(2)).ok_or(part("list of cipher suites"))?;
    left.short().filter(|methods| !methods.is_empty()).ok_or(part("list of compression methods"))?;
    if left.0.is_empty() {
        return Ok(Hello { sni: None, alpn: Alpn::default() });
    }
    let extensions = left.long().filter(|_| left.0.is_empty()).ok_or(part("list of extensions"))?;
    read_extensions(Cut(extensions))
}

fn read_extensions(mut left: Cut<'_>) -> Result<Hello<'_>, NoHello> {
    let (mut sni, mut alpn) = (None, None);
    while !left.0.is_empty() {
        let (kind, said) = left.extension().ok_or(NoHello::Malformed("list of extensions"))?;
        match kind {
            SERVER_NAME if sni.replace(server_name(said)?).is_some() => return Err(NoHello::Twice("server_name")),
            ALPN if alpn.replace(protocols(said)?).is_some() => return Err(NoHello::Twice("application_layer_protocol_negotiation")),
            _ => {}
        }
    }
    Ok(Hello { sni, alpn: alpn.unwrap_or_default() })
}

fn server_name(said: &[u8]) -> Result<Cow<'_, str>, NoHello> {
    let malformed = NoHello::Malformed("server_name extension");
    let mut names = Cut(said).only_list().map(Cut).ok_or(malformed.clone())?;
    let (Some(kind), Some(name)) = (names.byte(), names.long()) else { return Err(malformed) };
    if !names.0.is_empty() {
        return Err(NoHello::Name("is one of several"));
    }
    if kind != HOST_NAME {
        return Err(NoHello::Name("is of a type that is no host name"));
    }
    name_of(name).map_err(NoHello::Name)
}

/// A name as tables of names have them, or what it is instead.
pub(super) fn name_of(name: &[u8]) -> Result<Cow<'_, str>, &'static str> {
    if name.is_empty() {
        return Err("is empty");
    }
    if name.len() > LONGEST_NAME {
        return Err("is longer than 253 bytes");
    }
    let graphic = name.iter().all(u8::is_ascii_graphic);
    let name = std::str::from_utf8(name).ok().filter(|_| graphic).ok_or("has bytes that no name of a host has")?;
    if name.ends_with('.') {
        return Err("ends with a dot");
    }
    if name.parse::<IpAddr>().is_ok() {
        return Err("is an IP address");
    }
    let lower = !name.bytes().any(|byte| byte.is_ascii_uppercase());
    Ok(if lower { Cow::Borrowed(name) } else { Cow::Owned(name.to_ascii_lowercase()) })
}

fn protocols(said: &[u8]) -> Result<Alpn<'_>, NoHello> {
    let malformed = NoHello::Malformed("application_layer_protocol_negotiation extension");
    let list = Cut(said).only_list().filter(|list| !list.is_empty()).ok_or(malformed.clone())?;
    let mut left = Cut(list);
    while !left.0.is_empty() {
        left.short().filter(|protocol| !protocol.is_empty()).ok_or(malformed.clone())?;
    }
    Ok(Alpn(list))
}

/// Bytes that are cut off from the front. Nothing is cut off where it is not there.
struct Cut<'a>(&'a [u8]);

impl<'a> Cut<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, left) = self.0.split_at_checked(length)?;
        self.0 = left;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|byte| byte[0])
    }

    fn number(&mut self) -> Option<u16> {
        let (number, left) = self.0.split_first_chunk()?;
        self.0 = left;
        Some(u16::from_be_bytes(*number))
    }

    /// What has its length before it in one byte.
    fn short(&mut self) -> Option<&'a [u8]> {
        let length = self.byte()?;
        self.take(length.into())
    }

    /// What has its length before it in two bytes.
    fn long(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(length.into())
    }

    fn extension(&mut self) -> Option<(u16, &'a [u8])> {
        Some((self.number()?, self.long()?))
    }

    /// A list that is all there is.
    fn only_list(mut self) -> Option<&'a [u8]> {
        self.long().filter(|_| self.0.is_empty())
    }
}
