//! Following a chunked body to its end, without keeping any of it (RFC 9112, 7.1).

/// Where in a chunked body one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chunks(At);

/// How following ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The body is complete.
    Complete,
    /// This is no chunked body.
    Wrong,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// In the digits of a size: how many there were, and their value.
    Size(u8, u64),
    /// Behind them, up to the line's end.
    Extension(u64),
    /// After the CR of a size line.
    SizeEnd(u64),
    Data(u64),
    DataCr,
    DataLf,
    /// At the start of a line behind the last chunk.
    Trailer,
    /// In a trailer line.
    TrailerLine,
    /// After the CR of a trailer line.
    TrailerLf,
    /// After the CR of the empty line.
    LastLf,
}

impl Chunks {
    /// Before the first chunk.
    pub(super) const START: Self = Self(At::Size(0, 0));

    /// Goes on through `bytes`: how many of them belong to the body, and whether it ends with them.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> (usize, Option<End>) {
        let mut at = 0;
        while at < bytes.len() {
            if let At::Data(left) = self.0 {
                let n = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len() - at);
                at += n;
                let left = left - n as u64;
                self.0 = if left == 0 { At::DataCr } else { At::Data(left) };
                continue;
            }
            match self.0.step(bytes[at]) {
                Ok(next) => self.0 = next,
                Err(end) => return (at + usize::from(end == End::Complete), Some(end)),
            }
            at += 1;
        }
        (at, None)
    }
}

impl At {
    fn step(self, byte: u8) -> Result<Self, End> {
        Ok(match (self, byte) {
            (Self::Size(digits @ 0..16, value), b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let digit = char::from(byte).to_digit(16).map_or(0, u64::from);
                Self::Size(digits + 1, value << 4 | digit)
            }
            (Self::Size(1.., value), b'\r') | (Self::Extension(value), b'\r') => Self::SizeEnd(value),
            (Self::Size(1.., value), b';' | b' ' | b'\t') => Self::Extension(value),
            (Self::Extension(value), b) if b != b'\n' => Self::Extension(value),
            (Self::SizeEnd(0), b'\n') => Self::Trailer,
            (Self::SizeEnd(value), b'\n') => Self::Data(value),
            (Self::DataCr, b'\r') => Self::DataLf,
            (Self::DataLf, b'\n') => Self::Size(0, 0),
            (Self::Trailer, b'\r') => Self::LastLf,
            (Self::TrailerLine, b'\r') => Self::TrailerLf,
            // A line feed alone ends no line: whoever thinks it does sees the body end elsewhere.
            (Self::Trailer | Self::TrailerLine, b) if b != b'\n' => Self::TrailerLine,
            (Self::TrailerLf, b'\n') => Self::Trailer,
            (Self::LastLf, b'\n') => return Err(End::Complete),
            _ => return Err(End::Wrong),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunked_body_is_followed_to_its_end_however_it_is_cut() {
        for (body, rest) in [
            ("0\r\n\r\n", "GET /"),
            ("3\r\nabc\r\n0\r\n\r\n", ""),
            ("3;ext=1\r\nabc\r\nA\r\n0123456789\r\n0\r\nx-t: 1\r\nx-u: 2\r\n\r\n", "next"),
            ("1 \r\na\r\n0\r\n\r\n", "x"),
        ] {
            let bytes = format!("{body}{rest}").into_bytes();
            for cut in 0..=body.len() {
                let mut chunks = Chunks::START;
                let (first, end) = chunks.follow(&bytes[..cut]);
                if end.is_some() {
                    assert_eq!((first, end), (body.len(), Some(End::Complete)), "{body:?}");
                    continue;
                }
                let (second, end) = chunks.follow(&bytes[cut..]);
                assert_eq!((first + second, end), (body.len(), Some(End::Complete)), "{body:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn what_is_no_chunked_body_is_wrong() {
        for body in [
            "zz\r\n",
            "\r\n",
            "3\nabc",
            "3\r\nabcd\r\n",
            "11111111111111111\r\n",
            "-1\r\n",
            "3\r\nabc\n0",
            "3;x\nabc",
            "3;x\ry\nabc",
            "0\r\n\nx: y\r\n\r\n",
            "0\r\nx: y\n\r\n",
            "0\r\nx: y\r\r\n\r\n",
        ] {
            let mut chunks = Chunks::START;
            assert_eq!(chunks.follow(body.as_bytes()).1, Some(End::Wrong), "{body:?}");
        }
    }
}
