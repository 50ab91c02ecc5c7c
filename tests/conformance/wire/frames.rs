//! HTTP/2 as frames on a blocking stream.

use std::io::{Read, Write};

/// What a connection begins with.
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RESET: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const END_STREAM: u8 = 1;
pub(super) const ACK: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

/// One frame, its padding taken out.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

impl Frame {
    pub(super) fn read(from: &mut impl Read) -> std::io::Result<Self> {
        let mut head = [0; 9];
        from.read_exact(&mut head)?;
        let [a, b, c, kind, flags, w, x, y, z] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        from.read_exact(&mut payload)?;
        let padded = flags & 8 != 0 && matches!(kind, DATA | HEADERS);
        if padded {
            let padding = usize::from(payload[0]);
            payload = payload[1..payload.len() - padding].to_vec();
        }
        if kind == HEADERS && flags & 0x20 != 0 {
            payload.drain(..5);
        }
        Ok(Self { kind, flags, stream: u32::from_be_bytes([w, x, y, z]) & 0x7fff_ffff, payload })
    }

    pub(super) const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The error code of a reset or a goaway.
    pub(super) fn error(&self) -> u32 {
        let at = if self.kind == GOAWAY { 4 } else { 0 };
        self.payload.get(at..at + 4).map_or(0, |b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]))
    }
}

pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    out.extend([kind, flags]);
    out.extend(stream.to_be_bytes());
    out.extend(payload);
    out
}

/// Settings, and a window that nothing here fills.
pub(super) fn opening() -> Vec<u8> {
    let initial_window = [&[0, 4][..], &(1_u32 << 24).to_be_bytes()].concat();
    [frame(SETTINGS, 0, 0, &initial_window), frame(WINDOW, 0, 0, &(1_u32 << 24).to_be_bytes())].concat()
}

/// Answers what every peer must answer.
pub(super) fn acknowledge(frame_read: &Frame, to: &mut impl Write) -> std::io::Result<()> {
    match frame_read.kind {
        SETTINGS if !frame_read.has(ACK) => to.write_all(&frame(SETTINGS, ACK, 0, &[])),
        PING if !frame_read.has(ACK) => to.write_all(&frame(PING, ACK, 0, &frame_read.payload)),
        _ => Ok(()),
    }
}

/// A header block in as many frames as it needs.
pub(super) fn headers(stream: u32, block: &[u8], end: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let pieces: Vec<&[u8]> = if block.is_empty() { vec![block] } else { block.chunks(16_000).collect() };
    for (n, piece) in pieces.iter().enumerate() {
        let last = if n + 1 == pieces.len() { END_HEADERS } else { 0 };
        let ends = if end && n == 0 { END_STREAM } else { 0 };
        out.extend(frame(if n == 0 { HEADERS } else { CONTINUATION }, last | ends, stream, piece));
    }
    out
}

/// A body in as many frames as it needs.
pub(super) fn data(stream: u32, body: &[u8], end: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let mut pieces = body.chunks(16_000).peekable();
    while let Some(piece) = pieces.next() {
        out.extend(frame(DATA, if end && pieces.peek().is_none() { END_STREAM } else { 0 }, stream, piece));
    }
    if body.is_empty() && end {
        out.extend(frame(DATA, END_STREAM, stream, &[]));
    }
    out
}
