//! The two messages of `ConnectCAService/Sign`, in protocol buffers: a text each.

/// `SignRequest { csr = 1 }`.
pub(super) fn request(csr: &str) -> Vec<u8> {
    let mut out = vec![1 << 3 | 2];
    let mut left = csr.len();
    while left > 0x7f {
        out.push((left & 0x7f) as u8 | 0x80);
        left >>= 7;
    }
    out.push(left as u8);
    out.extend_from_slice(csr.as_bytes());
    out
}

/// The text of `SignResponse { cert_pem = 2 }`; other fields may stand beside it. `None`: it is no such message.
pub(super) fn chain(mut message: &[u8]) -> Option<&str> {
    let mut found = None;
    while !message.is_empty() {
        let tag = varint(&mut message)?;
        match tag & 7 {
            0 => drop(varint(&mut message)?),
            1 => drop(take(&mut message, 8)?),
            2 => {
                let length = usize::try_from(varint(&mut message)?).ok()?;
                let value = take(&mut message, length)?;
                if tag >> 3 == 2 {
                    found = Some(std::str::from_utf8(value).ok()?);
                }
            }
            5 => drop(take(&mut message, 4)?),
            _ => return None,
        }
    }
    found
}

fn take<'a>(message: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = message.split_at_checked(length)?;
    *message = rest;
    Some(taken)
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = *take(message, 1)?.first()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_request_is_its_text_behind_its_length() {
        assert_eq!(request("abc"), [0x0a, 3, b'a', b'b', b'c']);
        let long = "x".repeat(300);
        assert_eq!(request(&long)[..3], [0x0a, 0xac, 0x02]);
        assert_eq!(request(&long).len(), 303);
    }

    #[test]
    fn the_chain_is_found_among_what_is_not_known() {
        assert_eq!(chain(b"\x12\x03abc"), Some("abc"));
        assert_eq!(chain(b"\x08\x96\x01\x19........\x12\x03abc\x1a\x01z\x25...."), Some("abc"));
        for none in [&b""[..], b"\x0a\x03abc", b"\x12\x04abc", b"\x12", b"\x12\x01\xff", b"\x13\x03abc", &[0xff; 11]] {
            assert_eq!(chain(none), None, "{none:?}");
        }
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(message in prop::collection::vec(any::<u8>(), 0..64)) {
            chain(&message);
        }
    }
}
