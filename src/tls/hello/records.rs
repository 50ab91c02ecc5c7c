//! From the bytes of a connection to the bytes of its first handshake message, however they are cut into records and segments.

use super::{Hello, LONGEST_HELLO, LONGEST_MESSAGE, NoHello, body};

/// The type of a record that holds handshake messages.
const HANDSHAKE: u8 = 22;
/// The type of the message.
const CLIENT_HELLO: u8 = 1;
const RECORD_HEADER: usize = 5;
const MESSAGE_HEADER: usize = 4;
const LONGEST_RECORD: usize = 1 << 14;

/// Reads a ClientHello as it arrives. The bytes stay with who reads them, for they are sent on as they came; here is only how far they
/// were looked at, so that a hello of single bytes costs little more than one that comes at once.
#[derive(Debug, Default)]
pub struct HelloReader {
    /// What the records before this one held of the message: nothing, if it lies in one record, as hellos do.
    before: Vec<u8>,
    /// Where what this record holds begins in the connection, and where it ends.
    starts: usize,
    ends: usize,
}

impl HelloReader {
    /// The hello, `None` if more of it has to come, or why there will be none. `bytes` is all that the connection said from its first
    /// byte on, each time; what comes after the hello is not looked at.
    pub fn read<'a>(&'a mut self, bytes: &'a [u8]) -> Result<Option<Hello<'a>>, NoHello> {
        let bytes = &bytes[..bytes.len().min(LONGEST_HELLO)];
        let (record, length) = loop {
            let record = bytes.get(self.starts..self.ends.min(bytes.len())).unwrap_or_default();
            match message_length(&self.before, record)? {
                Some(length) if self.before.len() + record.len() >= length => break (record, length),
                _ if self.next_record(bytes)? => {}
                _ if bytes.len() == LONGEST_HELLO => return Err(NoHello::TooLong),
                _ => return Ok(None),
            }
        };
        body::read(self.whole(record, length)).map(Some)
    }

    /// Goes on to the next record, if this one and the next one's header are there. What is wrong with a header is said by its first
    /// wrong byte: who speaks no TLS need not say five.
    fn next_record(&mut self, bytes: &[u8]) -> Result<bool, NoHello> {
        let header = bytes.get(self.ends..).unwrap_or_default();
        match header.first() {
            Some(&HANDSHAKE) | None => {}
            Some(&other) if self.ends == 0 => return Err(NoHello::NotTls(other)),
            Some(&other) => return Err(NoHello::Interrupted(other)),
        }
        // The minor version is not looked at, as TLS 1.3 wants it (RFC 8446, 5.1).
        if let Some(&major) = header.get(1).filter(|major| **major != 3) {
            return Err(NoHello::Version(major));
        }
        let Some(&[_, _, _, high, low]) = header.first_chunk::<RECORD_HEADER>() else { return Ok(false) };
        let length = usize::from(u16::from_be_bytes([high, low]));
        match length {
            0 => return Err(NoHello::EmptyRecord),
            1..=LONGEST_RECORD => {}
            _ => return Err(NoHello::LongRecord(length)),
        }
        self.before.extend_from_slice(&bytes[self.starts..self.ends]);
        self.starts = self.ends + RECORD_HEADER;
        self.ends = self.starts + length;
        Ok(true)
    }

    /// The message without its header: where it lies, or put together.
    fn whole<'a>(&'a mut self, record: &'a [u8], length: usize) -> &'a [u8] {
        if self.before.is_empty() {
            return &record[MESSAGE_HEADER..length];
        }
        let rest = length.saturating_sub(self.before.len());
        self.before.extend_from_slice(&record[..rest]);
        &self.before[MESSAGE_HEADER..length]
    }
}

/// The length of the message with its header, as soon as that can be read.
fn message_length(before: &[u8], record: &[u8]) -> Result<Option<usize>, NoHello> {
    let mut header = before.iter().chain(record).copied();
    match header.next() {
        Some(CLIENT_HELLO) => {}
        Some(other) => return Err(NoHello::NotHello(other)),
        None => return Ok(None),
    }
    let (Some(high), Some(middle), Some(low)) = (header.next(), header.next(), header.next()) else { return Ok(None) };
    let length = u32::from_be_bytes([0, high, middle, low]) as usize;
    if length > LONGEST_MESSAGE { Err(NoHello::TooLong) } else { Ok(Some(MESSAGE_HEADER + length)) }
}
