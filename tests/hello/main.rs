//! The reader of ClientHellos from outside: rules as a table, the corpus of `fuzz/` replayed, every cut into segments, and beside
//! rustls as another parser, on hellos of real clients, on generated ones, and on what mutations make of them.
//!
//! `GW_BLESS=1` writes the rules' hellos into the corpus, `GW_SEEDS=100000` widens the sweep, `GW_SEED=N` replays one seed.

mod clients;
mod corpus;
mod draft;
mod generated;
mod parsers;
mod rules;

use gw::tls::{Hello, HelloReader, NoHello};

/// What a hello asks for, kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Asked {
    sni: Option<String>,
    alpn: Vec<Vec<u8>>,
}

impl Asked {
    fn of(hello: &Hello<'_>) -> Self {
        Self { sni: hello.sni.as_deref().map(str::to_owned), alpn: hello.alpn.iter().map(<[u8]>::to_vec).collect() }
    }
}

type Answer = Result<Option<Asked>, NoHello>;

fn read(bytes: &[u8]) -> Answer {
    HelloReader::default().read(bytes).map(|hello| hello.as_ref().map(Asked::of))
}

/// The first answer there is when `bytes` arrive up to each of these ends.
fn read_in_segments(bytes: &[u8], ends: impl IntoIterator<Item = usize>) -> Answer {
    let mut reader = HelloReader::default();
    for end in ends {
        let answer = reader.read(&bytes[..end])?;
        if let Some(hello) = answer {
            return Ok(Some(Asked::of(&hello)));
        }
    }
    Ok(None)
}

/// The answer, after making sure that it hangs on no segment.
fn read_however_cut(name: &str, bytes: &[u8]) -> Answer {
    let answer = read(bytes);
    for cut in 0..=bytes.len() {
        assert_eq!(read_in_segments(bytes, [cut, bytes.len()]), answer, "{name}, cut at {cut}");
    }
    assert_eq!(read_in_segments(bytes, 0..=bytes.len()), answer, "{name}, byte by byte");
    answer
}
