//! Piles of hellos: as they may be, and as nobody would send them. Chance is seeded.

use std::collections::BTreeMap;

use gw::rt::rng::Rng;

use crate::draft::{ALPN, Draft, SERVER_NAME, protocols, records, server_name, server_names};
use crate::parsers::{Beside, compare};
use crate::{Asked, read, read_in_segments};

fn seeds() -> Vec<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    match number("GW_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("GW_SEEDS").unwrap_or(3000)).collect(),
    }
}

const NAMES: [&str; 5] = ["web.default.dc1.internal.test.consul", "V1.Web.x", "a", "a_b.c-d", "server.dc2.consul"];
const PROTOCOLS: [&[u8]; 4] = [b"h2", b"http/1.1", b"\x8a\x8a", b"consul/rpc-multi"];

fn pick<T: Copy>(chance: &mut Rng, of: &[T]) -> T {
    of[chance.below(of.len() as u32) as usize]
}

/// A hello as clients send them, and what it asks for.
fn good(chance: &mut Rng) -> (Draft, Asked) {
    let mut asks = Asked::default();
    let mut draft = Draft::default();
    if chance.below(2) == 0 {
        draft = draft.post_quantum();
    }
    if chance.below(8) > 0 {
        let name = pick(chance, &NAMES);
        draft = draft.with(SERVER_NAME, server_name(name.as_bytes()));
        asks.sni = Some(name.to_ascii_lowercase());
    }
    if chance.below(2) == 0 {
        let offered: Vec<&[u8]> = PROTOCOLS.into_iter().filter(|_| chance.below(2) == 0).collect();
        if !offered.is_empty() {
            draft = draft.with(ALPN, protocols(&offered));
            asks.alpn = offered.iter().map(|protocol| protocol.to_vec()).collect();
        }
    }
    let grease = 0x3a3a;
    draft = draft.with(grease, vec![0; chance.below(300) as usize]);
    // In any order, as some clients have it.
    let extensions = draft.extensions.as_mut().expect("extensions");
    for last in (1..extensions.len()).rev() {
        extensions.swap(last, chance.below(last as u32 + 1) as usize);
    }
    (draft, asks)
}

/// The message in records of any length.
fn cut_up(chance: &mut Rng, message: &[u8]) -> Vec<u8> {
    match chance.below(3) {
        0 => records(message, message.len()),
        1 => records(message, 1 + chance.below(64) as usize),
        _ => records(message, 1 + chance.below(1024) as usize),
    }
}

#[test]
fn a_good_hello_is_read_as_other_parsers_read_it() {
    for seed in seeds() {
        let mut chance = Rng::seeded(seed);
        let (draft, asks) = good(&mut chance);
        let bytes = cut_up(&mut chance, &draft.message());
        assert_eq!(read(&bytes), Ok(Some(asks)), "seed {seed}");
        assert_eq!(compare(&format!("seed {seed}"), &bytes), Beside::Same, "seed {seed}");
    }
}

#[test]
fn a_hello_is_read_the_same_in_any_segments() {
    for seed in seeds() {
        let mut chance = Rng::seeded(seed);
        let bytes = spoiled(&mut chance);
        let mut ends: Vec<usize> = (0..chance.below(40)).map(|_| chance.below(bytes.len() as u32 + 1) as usize).collect();
        ends.sort_unstable();
        ends.push(bytes.len());
        assert_eq!(read_in_segments(&bytes, ends), read(&bytes), "seed {seed}");
    }
}

/// Whoever finds a name in a spoiled hello finds the same; and each reason for which only one of them finds one is really there.
#[test]
fn what_mutations_make_of_hellos_is_read_by_nobody_as_another_name() {
    let mut seen = BTreeMap::<Beside, usize>::new();
    let seeds = seeds();
    for seed in &seeds {
        let bytes = spoiled(&mut Rng::seeded(*seed));
        *seen.entry(compare(&format!("seed {seed}"), &bytes)).or_default() += 1;
    }
    for beside in [Beside::Same, Beside::BothRefuse, Beside::ServerRefuses, Beside::NameRefused] {
        assert!(seeds.len() == 1 || seen.contains_key(&beside), "{beside:?} was never seen: {seen:?}");
    }
}

/// A hello with something wrong in its parts, in its bytes, or in both.
fn spoiled(chance: &mut Rng) -> Vec<u8> {
    let (mut draft, _) = good(chance);
    if chance.below(2) == 0 {
        spoil_parts(chance, &mut draft);
    }
    let mut message = draft.message();
    if chance.below(2) == 0 {
        spoil_bytes(chance, &mut message);
    }
    let mut bytes = cut_up(chance, &message);
    if chance.below(4) == 0 {
        spoil_bytes(chance, &mut bytes);
    }
    bytes
}

fn spoil_parts(chance: &mut Rng, draft: &mut Draft) {
    let odd: [&[u8]; 10] = [b"", b"10.1.1.1", b"::1", b"web.default.", b"a\0b", b"a b", b"a..b", b"*.web", b"\xc3\xa9", &[b'a'; 254]];
    let name = pick(chance, &odd);
    let kind = pick(chance, &[0, 0, 1]);
    let extension = match chance.below(6) {
        0 => (SERVER_NAME, server_name(name)),
        1 => (SERVER_NAME, server_names(&[(kind, b"a.test"), (0, name)])),
        2 => (SERVER_NAME, server_names(&[(kind, b"a.test")])),
        3 => (ALPN, protocols(&[b"h2", name])),
        4 => (ALPN, protocols(&[])),
        _ => (pick(chance, &[10, 13, 43, 51, 0x3a3a, 21]), vec![0; chance.below(9) as usize]),
    };
    let extensions = draft.extensions.get_or_insert_default();
    if chance.below(2) == 0 {
        extensions.retain(|(kind, _)| *kind != extension.0);
    }
    extensions.insert(chance.below(extensions.len() as u32 + 1) as usize, extension);
}

fn spoil_bytes(chance: &mut Rng, bytes: &mut Vec<u8>) {
    for _ in 0..1 + chance.below(4) {
        let at = chance.below(bytes.len() as u32) as usize;
        match chance.below(5) {
            0 => bytes[at] ^= 1 << chance.below(8),
            1 => bytes[at] = chance.next_u64() as u8,
            2 => bytes.insert(at, chance.next_u64() as u8),
            3 if bytes.len() > 1 => drop(bytes.remove(at)),
            _ => bytes.truncate(at.max(1)),
        }
    }
}
