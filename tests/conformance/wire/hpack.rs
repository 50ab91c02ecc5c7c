//! Header blocks of HTTP/2 (RFC 7541): any are read, and written with literals alone, so that also what must not pass can be sent.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Names and values; bytes are characters.
pub(super) type Fields = Vec<(String, String)>;

/// The static table (RFC 7541, appendix A): a value stands behind its name and a blank.
const STATIC: [&str; 61] = [
    ":authority",
    ":method GET",
    ":method POST",
    ":path /",
    ":path /index.html",
    ":scheme http",
    ":scheme https",
    ":status 200",
    ":status 204",
    ":status 206",
    ":status 304",
    ":status 400",
    ":status 404",
    ":status 500",
    "accept-charset",
    "accept-encoding gzip, deflate",
    "accept-language",
    "accept-ranges",
    "accept",
    "access-control-allow-origin",
    "age",
    "allow",
    "authorization",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-range",
    "content-type",
    "cookie",
    "date",
    "etag",
    "expect",
    "expires",
    "from",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "last-modified",
    "link",
    "location",
    "max-forwards",
    "proxy-authenticate",
    "proxy-authorization",
    "range",
    "referer",
    "refresh",
    "retry-after",
    "server",
    "set-cookie",
    "strict-transport-security",
    "transfer-encoding",
    "user-agent",
    "vary",
    "via",
    "www-authenticate",
];

/// How long the code of each byte is, and of the end (RFC 7541, appendix B). The code is canonical: lengths say all.
#[rustfmt::skip]
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28,
    28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7,
    6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24,
    23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22,
    23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27,
    26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25,
    24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
];

static SYMBOLS: LazyLock<HashMap<(u8, u32), u16>> = LazyLock::new(|| {
    let mut order: Vec<(u8, u16)> = LENGTHS.iter().copied().zip(0..).collect();
    order.sort_unstable();
    let (mut code, mut last) = (0_u32, 0);
    let mut symbols = HashMap::new();
    for (length, symbol) in order {
        code <<= length - last;
        last = length;
        symbols.insert((length, code), symbol);
        code += 1;
    }
    symbols
});

/// Reads header blocks of one direction of a connection.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    /// The newest first.
    table: Vec<(String, String)>,
    most: Option<usize>,
}

impl Decoder {
    /// `None`: this is no header block.
    pub(super) fn decode(&mut self, block: &[u8]) -> Option<Fields> {
        let mut bytes = block;
        let mut fields = Vec::new();
        while let Some(first) = bytes.first().copied() {
            if first & 0x80 != 0 {
                let index = number(&mut bytes, 7)?;
                fields.push(self.entry(index)?);
            } else if first & 0xe0 == 0x20 {
                self.most = Some(number(&mut bytes, 5)?);
                self.trim();
            } else {
                let indexed = first & 0x40 != 0;
                let index = number(&mut bytes, if indexed { 6 } else { 4 })?;
                let name = if index == 0 { string(&mut bytes)? } else { self.entry(index)?.0 };
                let field = (name, string(&mut bytes)?);
                if indexed {
                    self.table.insert(0, field.clone());
                    self.trim();
                }
                fields.push(field);
            }
        }
        Some(fields)
    }

    fn entry(&self, index: usize) -> Option<(String, String)> {
        match STATIC.get(index.checked_sub(1)?) {
            Some(entry) => {
                let (name, value) = entry.split_once(' ').unwrap_or((entry, ""));
                Some((name.to_owned(), value.to_owned()))
            }
            None => self.table.get(index - STATIC.len() - 1).cloned(),
        }
    }

    fn trim(&mut self) {
        let size = |table: &[(String, String)]| table.iter().map(|(n, v)| n.chars().count() + v.chars().count() + 32).sum::<usize>();
        while size(&self.table) > self.most.unwrap_or(4096) {
            self.table.pop();
        }
    }
}

/// A block of literals that nobody keeps.
pub(super) fn encode(fields: &[(String, String)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in fields {
        out.push(0);
        for text in [name, value] {
            let bytes: Vec<u8> = super::latin1(text);
            let mut left = bytes.len();
            if left < 127 {
                out.push(left as u8);
            } else {
                out.push(127);
                left -= 127;
                while left >= 128 {
                    out.push((left % 128) as u8 | 0x80);
                    left /= 128;
                }
                out.push(left as u8);
            }
            out.extend(bytes);
        }
    }
    out
}

fn number(bytes: &mut &[u8], bits: u32) -> Option<usize> {
    let (first, mut rest) = bytes.split_first()?;
    let full = (1_usize << bits) - 1;
    let mut value = usize::from(*first) & full;
    if value == full {
        for shift in (0..28).step_by(7) {
            let (next, after) = rest.split_first()?;
            rest = after;
            value += usize::from(*next & 0x7f) << shift;
            if *next < 128 {
                break;
            }
        }
    }
    *bytes = rest;
    Some(value)
}

fn string(bytes: &mut &[u8]) -> Option<String> {
    let coded = bytes.first()? & 0x80 != 0;
    let length = number(bytes, 7)?;
    let (text, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    if !coded {
        return Some(text.iter().copied().map(char::from).collect());
    }
    let (mut out, mut code, mut bits) = (String::new(), 0_u32, 0_u8);
    for bit in text.iter().flat_map(|byte| (0..8).rev().map(move |n| byte >> n & 1)) {
        code = code << 1 | u32::from(bit);
        bits += 1;
        if let Some(symbol) = SYMBOLS.get(&(bits, code)) {
            out.push(char::from(u8::try_from(*symbol).ok()?));
            (code, bits) = (0, 0);
        }
    }
    Some(out)
}

#[test]
fn the_examples_of_the_rfc_are_read() {
    // RFC 7541, C.4: requests in the Huffman code, with a table that grows.
    let mut decoder = Decoder::default();
    let bytes = |hex: &str| (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).expect("hex")).collect::<Vec<u8>>();
    let first = decoder.decode(&bytes("828684418cf1e3c2e5f23a6ba0ab90f4ff")).expect("a block");
    assert_eq!(first[3], (":authority".to_owned(), "www.example.com".to_owned()));
    let second = decoder.decode(&bytes("828684be5886a8eb10649cbf")).expect("a block");
    assert_eq!(second[3..], [(":authority".to_owned(), "www.example.com".to_owned()), ("cache-control".to_owned(), "no-cache".to_owned())]);
    assert_eq!(Decoder::default().decode(&encode(&second)), Some(second));
}
