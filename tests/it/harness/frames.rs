//! A client that sends frames of HTTP/2 one by one, right or wrong.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::LONG;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// How a connection went on after what was sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Stream 1 was reset, with this code.
    Reset(u32),
    /// The connection ended, with this code.
    Goaway(u32),
    /// The connection ended without a word.
    Closed,
    /// There was an answer on stream 1.
    Answer,
}

/// A connection of which the preface and empty settings are sent.
pub(crate) struct Frames(TcpStream);

impl Frames {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        let mut frames = Self(stream);
        frames.send(SETTINGS, 0, 0, b"");
        frames
    }

    pub(crate) fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
        // The gateway may have ended the connection, which is seen when it is read.
        drop(self.0.write_all(&[&head, payload].concat()));
    }

    /// What the gateway says to what was sent; what every connection begins with is passed over.
    pub(crate) fn end(mut self) -> End {
        loop {
            let mut head = [0; 9];
            if self.0.read_exact(&mut head).is_err() {
                return End::Closed;
            }
            let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
            if self.0.read_exact(&mut payload).is_err() {
                return End::Closed;
            }
            let number = |at: usize| u32::from_be_bytes(payload[at..at + 4].try_into().unwrap());
            match (head[3], head[8]) {
                (RST_STREAM, 1) => return End::Reset(number(0)),
                (GOAWAY, _) => return End::Goaway(number(4)),
                (HEADERS, 1) => return End::Answer,
                _ => {}
            }
        }
    }
}

/// A block of fields, each a literal that goes into no table (RFC 7541, 6.2.2).
pub(crate) fn block(fields: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in fields {
        out.push(0);
        for text in [name, value] {
            assert!(text.len() < 127, "a length of one byte");
            out.push(u8::try_from(text.len()).unwrap());
            out.extend_from_slice(text);
        }
    }
    out
}
