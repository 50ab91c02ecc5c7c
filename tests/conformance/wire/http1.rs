//! HTTP/1 messages on a blocking stream, read for both sides without judging them.

use std::io::{Error, ErrorKind, Read, Result};
use std::net::TcpStream;

use super::hpack::Fields;

/// A stream with what was read of it and not yet used.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) stream: TcpStream,
    buffer: Vec<u8>,
}

impl Reader {
    pub(super) const fn new(stream: TcpStream, buffer: Vec<u8>) -> Self {
        Self { stream, buffer }
    }

    fn fill(&mut self) -> Result<()> {
        let mut bytes = [0; 64 * 1024];
        match self.stream.read(&mut bytes)? {
            0 => Err(ErrorKind::UnexpectedEof.into()),
            n => {
                self.buffer.extend_from_slice(&bytes[..n]);
                Ok(())
            }
        }
    }

    fn until(&mut self, mark: &[u8]) -> Result<String> {
        let mut from = 0;
        loop {
            if let Some(at) = self.buffer[from..].windows(mark.len()).position(|w| w == mark) {
                let rest = self.buffer.split_off(from + at + mark.len());
                let found = std::mem::replace(&mut self.buffer, rest);
                return Ok(found[..from + at].iter().copied().map(char::from).collect());
            }
            from = self.buffer.len().saturating_sub(mark.len());
            self.fill()?;
        }
    }

    pub(super) fn exactly(&mut self, n: usize) -> Result<Vec<u8>> {
        while self.buffer.len() < n {
            self.fill()?;
        }
        let rest = self.buffer.split_off(n);
        Ok(std::mem::replace(&mut self.buffer, rest))
    }

    /// The first line and the fields, names in small letters.
    pub(super) fn head(&mut self) -> Result<(String, Fields)> {
        let text = self.until(b"\r\n\r\n")?;
        let mut lines = text.split("\r\n");
        let first = lines.next().unwrap_or_default().to_owned();
        Ok((first, lines.filter_map(field).collect()))
    }

    /// Chunks to the last, and the trailers.
    pub(super) fn chunks(&mut self) -> Result<(Vec<u8>, Fields)> {
        let mut body = Vec::new();
        loop {
            let line = self.until(b"\r\n")?;
            let size = line.split(';').next().and_then(|s| usize::from_str_radix(s.trim(), 16).ok());
            let size = size.ok_or_else(|| Error::new(ErrorKind::InvalidData, line))?;
            if size == 0 {
                break;
            }
            body.extend(self.exactly(size)?);
            self.exactly(2)?;
        }
        let mut trailers = Vec::new();
        loop {
            let line = self.until(b"\r\n")?;
            if line.is_empty() {
                return Ok((body, trailers));
            }
            trailers.extend(field(&line));
        }
    }

    /// Everything up to the end of the connection.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        while self.fill().is_ok() {}
        std::mem::take(&mut self.buffer)
    }
}

fn field(line: &str) -> Option<(String, String)> {
    let (name, value) = line.split_once(':')?;
    Some((name.to_ascii_lowercase(), value.trim_matches([' ', '\t']).to_owned()))
}

/// The first value of a name.
pub(super) fn value<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    fields.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
}
