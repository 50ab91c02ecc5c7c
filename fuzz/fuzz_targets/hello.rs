//! The ClientHello reader on anything: it never panics, answers the same however the bytes are cut, and names nothing but names.

#![no_main]

use gw::tls::{Hello, HelloReader, NoHello};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut reader = HelloReader::default();
    let at_once = reader.read(bytes);
    if let Ok(Some(hello)) = &at_once {
        assert_named(hello);
    }
    assert_eq!(in_pieces(bytes, &mut HelloReader::default()), at_once);
});

/// The same, heard in segments whose lengths the bytes themselves give.
fn in_pieces<'a>(bytes: &'a [u8], reader: &'a mut HelloReader) -> Result<Option<Hello<'a>>, NoHello> {
    let mut end = 0;
    while end < bytes.len() {
        end = bytes.len().min(end + 1 + usize::from(bytes[end] % 97));
        // Asked for the answer once more, so that it is borrowed only at the end.
        if !matches!(reader.read(&bytes[..end]), Ok(None)) {
            break;
        }
    }
    reader.read(&bytes[..end])
}

fn assert_named(hello: &Hello<'_>) {
    assert!(hello.alpn.iter().all(|protocol| !protocol.is_empty()));
    let Some(name) = &hello.sni else { return };
    assert!((1..=253).contains(&name.len()) && !name.ends_with('.'), "{name}");
    assert!(name.bytes().all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase()), "{name}");
}
