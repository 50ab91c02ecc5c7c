//! Whether an HTTP/1 head is well-formed, and what body follows it (wire 3 and 6; `docs/differences.md`, stricter).

use std::borrow::Cow;

use http::Uri;

use super::MAX_HEADERS;
use super::carried::carry;
use crate::decide::code::Code;

/// What was found in a head.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Checked {
    /// The request line as the library takes it, where it came otherwise: with single blanks, and odd bytes carried.
    pub(super) line: Option<Vec<u8>>,
    /// Where the request line ends.
    pub(super) line_end: usize,
    /// Where the head ends.
    pub(super) end: usize,
    /// What follows the head.
    pub(super) framing: Framing,
    /// It asks for a tunnel, a websocket's or by CONNECT: nothing else may follow, whether it is granted or not.
    pub(super) tunnel: bool,
    /// `proxy-connection: close`, which old clients say instead of `connection`.
    pub(super) closes: bool,
}

/// The body of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// None.
    None,
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunked,
}

impl Checked {
    /// Checks a whole head, from the request line to the empty line, and looks at nothing behind it.
    pub(super) fn of(head: &[u8]) -> Result<Self, Code> {
        let (first, line_end) = line(head).ok_or(Code::BadRequest)?;
        let line = request_line(first)?;
        let connect = line.as_deref().unwrap_or(first).starts_with(b"CONNECT ");
        let mut fields = Fields::default();
        let mut at = line_end;
        loop {
            let (field, length) = self::line(&head[at..]).ok_or(Code::BadRequest)?;
            at += length;
            if field.is_empty() {
                break;
            }
            fields.add(field)?;
        }
        let websocket = fields.websocket == Some(true) && fields.names_upgrade;
        Ok(Self { line, line_end, end: at, framing: fields.framing()?, tunnel: websocket || connect, closes: fields.closes })
    }

    /// How long a head is for the library, that came with so many bytes.
    pub(super) fn length(&self, came: usize) -> usize {
        self.line.as_ref().map_or(came, |line| came - self.line_end + line.len())
    }
}

/// A line without its end, and where the next one begins. `None`: it does not end in CR LF.
fn line(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let end = memchr::memchr(b'\n', bytes)?;
    let line = bytes[..end].strip_suffix(b"\r")?;
    Some((line, end + 1))
}

/// The request line with single blanks and a target that the library takes; `None` if it is so. Blanks and tabs around the target
/// are forgiven, as Envoy does.
fn request_line(written: &[u8]) -> Result<Option<Vec<u8>>, Code> {
    let blank = |b: &u8| matches!(b, b' ' | b'\t');
    let line = written.trim_ascii_end();
    let method = line.iter().position(blank).ok_or(Code::BadRequest)?;
    let version = line.iter().rposition(blank).ok_or(Code::BadRequest)?;
    let (method, target, version) = (&line[..method], line[method..version].trim_ascii(), &line[version + 1..]);
    let known = matches!(version, b"HTTP/1.1" | b"HTTP/1.0");
    if method.is_empty() || !all(method, TOKEN) || target.is_empty() || !all(target, TARGET) || !known {
        return Err(Code::BadRequest);
    }
    let carried = carry(target);
    // The library takes every path; where it does not take another form, nobody would know of the request.
    if !target.starts_with(b"/") && Uri::try_from(&*carried).is_err() {
        return Err(Code::BadRequest);
    }
    let single = method.len() + target.len() + version.len() + 2 == written.len() && !line.contains(&b'\t');
    if single && matches!(carried, Cow::Borrowed(_)) {
        return Ok(None);
    }
    Ok(Some([method, b" ", &carried, b" ", version, b"\r\n"].concat()))
}

/// What the header fields say of the body.
#[derive(Debug, Default)]
struct Fields {
    count: usize,
    length: Option<u64>,
    coding: Option<bool>,
    websocket: Option<bool>,
    names_upgrade: bool,
    closes: bool,
}

impl Fields {
    fn add(&mut self, field: &[u8]) -> Result<(), Code> {
        self.count += 1;
        if self.count > MAX_HEADERS {
            return Err(Code::HeadersTooLarge);
        }
        // A line that begins with a blank would be folded; its name is none.
        let end = field.iter().position(|b| KINDS[usize::from(*b)] & TOKEN == 0).ok_or(Code::BadRequest)?;
        let (name, value) = (&field[..end], field[end + 1..].trim_ascii());
        if name.is_empty() || field[end] != b':' || !is_value(value) {
            return Err(Code::BadRequest);
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            self.add_length(value)?;
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if self.coding.is_some() {
                return Err(Code::BadRequest);
            }
            self.coding = Some(value.eq_ignore_ascii_case(b"chunked"));
        } else if name.eq_ignore_ascii_case(b"upgrade") {
            // Two lines are one list, and no list is a websocket.
            self.websocket = Some(self.websocket.is_none() && is_websocket(value));
        } else if name.eq_ignore_ascii_case(b"connection") {
            self.names_upgrade |= value.split(|b| *b == b',').any(|t| t.trim_ascii().eq_ignore_ascii_case(b"upgrade"));
        } else if name.eq_ignore_ascii_case(b"proxy-connection") {
            self.closes = value.eq_ignore_ascii_case(b"close");
        }
        Ok(())
    }

    /// One length of digits alone, of which nobody's number runs over: two that are equal are two too many.
    fn add_length(&mut self, value: &[u8]) -> Result<(), Code> {
        let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        let number = std::str::from_utf8(value).ok().filter(|_| digits && self.length.is_none()).and_then(|v| v.parse::<u64>().ok());
        let number = number.filter(|n| i64::try_from(*n).is_ok());
        self.length = Some(number.ok_or(Code::BadRequest)?);
        Ok(())
    }

    const fn framing(&self) -> Result<Framing, Code> {
        match (self.coding, self.length) {
            (None, None) => Ok(Framing::None),
            (None, Some(length)) => Ok(Framing::Length(length)),
            (Some(_), Some(_)) => Err(Code::BadRequest),
            (Some(true), None) => Ok(Framing::Chunked),
            (Some(false), None) => Err(Code::UnsupportedCoding),
        }
    }
}

/// Whether a request's `upgrade`, its only one, asks for a websocket.
pub(super) fn is_websocket(upgrade: &[u8]) -> bool {
    upgrade.eq_ignore_ascii_case(b"websocket")
}

/// What of a head a byte may stand in: every byte is looked up once, for this is done to all that comes.
static KINDS: [u8; 256] = kinds();
/// A method or the name of a header (RFC 9110, 5.6.2).
const TOKEN: u8 = 1;
/// A target: printable, and no fragment.
const TARGET: u8 = 2;
/// The value of a header: no control byte but the tab.
const VALUE: u8 = 4;
/// A host (wire 2): what is unreserved, a delimiter within a part, or `%`, `:`, `@`, `[`, `]`.
pub(super) const HOST: u8 = 8;

const fn kinds() -> [u8; 256] {
    let mut kinds = [0; 256];
    let mut at = 0;
    while at < kinds.len() {
        let byte = at as u8;
        let token = byte.is_ascii_alphanumeric()
            || matches!(byte, b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~');
        let target = byte.is_ascii_graphic() && byte != b'#';
        let value = byte == b'\t' || !byte.is_ascii_control();
        let host = byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=')
            || matches!(byte, b'%' | b':' | b'@' | b'[' | b']');
        kinds[at] =
            if host { HOST } else { 0 } | if token { TOKEN } else { 0 } | if target { TARGET } else { 0 } | if value { VALUE } else { 0 };
        at += 1;
    }
    kinds
}

/// Whether all bytes may stand there.
pub(super) fn all(bytes: &[u8], kind: u8) -> bool {
    // Without a way out in the middle, which would cost more than it spares.
    bytes.iter().fold(kind, |all, b| all & KINDS[usize::from(*b)]) == kind
}

/// Whether all bytes may stand in the value of a header: eight at a time, for most of a head is such.
fn is_value(bytes: &[u8]) -> bool {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    // The highest bit of some byte is set where one is less than `least`.
    let any_below = |eight: u64, least: u64| eight.wrapping_sub(EACH * least) & !eight & (EACH * 0x80) != 0;
    let (eights, rest) = bytes.as_chunks();
    let passes = |bytes: &[u8; 8]| {
        let eight = u64::from_ne_bytes(*bytes);
        // A tab is told from other control bytes one by one.
        !(any_below(eight, 0x20) || any_below(eight ^ (EACH * 0x7f), 1)) || all(bytes, VALUE)
    };
    eights.iter().all(passes) && all(rest, VALUE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_that_may_not_stand_in_a_value_is_found_wherever_it_stands() {
        for byte in 0..=u8::MAX {
            for at in 0..19 {
                let mut value = *b"aaaa\taaaaaaaaaaaaaa";
                value[at] = byte;
                assert_eq!(is_value(&value), byte == b'\t' || !byte.is_ascii_control(), "{byte} at {at}");
            }
        }
    }

    fn check(head: &str) -> Result<Framing, Code> {
        Checked::of(head.as_bytes()).map(|c| c.framing)
    }

    #[test]
    fn heads_that_pass_say_what_body_follows() {
        for (head, framing) in [
            ("GET / HTTP/1.1\r\nhost: h\r\n\r\n", Framing::None),
            ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n", Framing::Length(3)),
            ("POST / HTTP/1.1\r\nTransfer-Encoding:\tChunked\r\n\r\n", Framing::Chunked),
            ("GET /%zz<>\"{}|^`?a=\\ HTTP/1.0\r\n\r\n", Framing::None),
        ] {
            assert_eq!(check(head), Ok(framing), "{head:?}");
        }
    }

    #[test]
    fn blanks_around_the_target_are_forgiven() {
        for line in ["GET  /a HTTP/1.1", "GET /a\t HTTP/1.1", "GET /a HTTP/1.1 "] {
            let checked = Checked::of(format!("{line}\r\nhost: h\r\n\r\n").as_bytes()).unwrap();
            assert_eq!(checked.line.as_deref(), Some(&b"GET /a HTTP/1.1\r\n"[..]), "{line:?}");
            assert_eq!(checked.line_end, line.len() + 2);
        }
        assert_eq!(Checked::of(b"GET /a HTTP/1.1\r\nhost: h\r\n\r\n").unwrap().line, None);
    }

    #[test]
    fn a_websocket_is_what_the_only_upgrade_line_asks_for() {
        for (fields, websocket) in [
            ("connection: keep-alive, Upgrade\r\nupgrade: WebSocket\r\n", true),
            ("upgrade: websocket\r\nconnection: x\r\nconnection: upgrade\r\n", true),
            ("upgrade: websocket\r\nupgrade: h2c\r\nconnection: upgrade\r\n", false),
            ("upgrade: websocket\r\nupgrade: websocket\r\nupgrade: websocket\r\nconnection: upgrade\r\n", false),
            ("connection: upgrade\r\nupgrade: h2c\r\nupgrade: websocket\r\n", false),
            ("connection: upgrade\r\nupgrade: h2c, websocket\r\n", false),
            ("upgrade: websocket\r\n", false),
        ] {
            assert_eq!(Checked::of(format!("GET / HTTP/1.1\r\n{fields}\r\n").as_bytes()).unwrap().tunnel, websocket, "{fields:?}");
        }
    }

    #[test]
    fn connect_asks_for_a_tunnel() {
        assert!(Checked::of(b"CONNECT  h:80 HTTP/1.1\r\n\r\n").unwrap().tunnel);
        assert!(!Checked::of(b"CONNECTS h:80 HTTP/1.1\r\n\r\n").unwrap().tunnel);
    }

    #[test]
    fn heads_that_must_not_pass_are_refused() {
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "x: 1\r\n".repeat(101));
        for (head, code) in [
            ("GET /a b HTTP/1.1\r\n\r\n", Code::BadRequest),
            ("GET /a#b HTTP/1.1\r\n\r\n", Code::BadRequest),
            ("GET /ü HTTP/1.1\r\n\r\n", Code::BadRequest),
            ("GET /\u{7f} HTTP/1.1\r\n\r\n", Code::BadRequest),
            ("GET http://[::1/ HTTP/1.1\r\n\r\n", Code::BadRequest),
            ("GET a/b HTTP/1.1\r\n\r\n", Code::BadRequest),
            ("GET / HTTP/1.2\r\n\r\n", Code::BadRequest),
            ("GET / http/1.1\r\n\r\n", Code::BadRequest),
            ("GET /\r\n\r\n", Code::BadRequest),
            ("G(T / HTTP/1.1\r\n\r\n", Code::BadRequest),
            (" GET / HTTP/1.1\r\n\r\n", Code::BadRequest),
            ("GET / HTTP/1.1\nhost: h\n\n", Code::BadRequest),
            ("GET / HTTP/1.1\r\nhost : h\r\n\r\n", Code::BadRequest),
            ("GET / HTTP/1.1\r\nx: 1\r\n folded\r\n\r\n", Code::BadRequest),
            ("GET / HTTP/1.1\r\nno-colon\r\n\r\n", Code::BadRequest),
            ("GET / HTTP/1.1\r\nx: a\0b\r\n\r\n", Code::BadRequest),
            ("GET / HTTP/1.1\r\nx: a\rb\r\n\r\n", Code::BadRequest),
            ("POST / HTTP/1.1\r\ncontent-length: 3\r\ncontent-length: 3\r\n\r\n", Code::BadRequest),
            ("POST / HTTP/1.1\r\ncontent-length: 3, 3\r\n\r\n", Code::BadRequest),
            ("POST / HTTP/1.1\r\ncontent-length: +3\r\n\r\n", Code::BadRequest),
            ("POST / HTTP/1.1\r\ncontent-length: 99999999999999999999\r\n\r\n", Code::BadRequest),
            ("POST / HTTP/1.1\r\ncontent-length: 18446744073709551615\r\n\r\n", Code::BadRequest),
            ("POST / HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n", Code::BadRequest),
            ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n", Code::BadRequest),
            ("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n", Code::BadRequest),
            ("POST / HTTP/1.1\r\ntransfer-encoding: gzip, chunked\r\n\r\n", Code::UnsupportedCoding),
            ("POST / HTTP/1.1\r\ntransfer-encoding: identity\r\n\r\n", Code::UnsupportedCoding),
            (many.as_str(), Code::HeadersTooLarge),
        ] {
            assert_eq!(check(head), Err(code), "{head:?}");
        }
    }
}
