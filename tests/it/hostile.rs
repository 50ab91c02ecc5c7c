//! Clients that want to hurt: the gateway, a process of its own here, keeps its memory and serves the others.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::harness::{Seen, Service, answer, get};
use crate::support;

const MIB: usize = 1024 * 1024;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// GET / of h.test, in HPACK.
const GET: &[u8] = b"\x82\x86\x84\x01\x06h.test";
/// GET /slow.
const SLOW: &[u8] = b"\x82\x86\x04\x05/slow\x01\x06h.test";

/// A gateway in front of a service that answers `/` with so many bytes, `/ok` with two, and `/slow` late.
struct Victim {
    process: support::Gateway,
    address: SocketAddr,
    before: usize,
    _folder: support::Scratch,
}

impl Victim {
    fn start(name: &str, length: usize) -> Self {
        let text = "x".repeat(length);
        let service = Service::answering(move |seen: &Seen| {
            if seen.line.contains("/slow") {
                std::thread::sleep(Duration::from_secs(1));
            }
            answer(200, if seen.line.contains("/ok") { "ok" } else { &text })
        });
        let (folder, port) = (support::scratch(name), support::free_port());
        let route = format!("/=http://{}", service.address);
        let process = support::Gateway::start(&["ingress", "--listen", &port.to_string(), "--route", &route], folder.path());
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut victim = Self { process, address, before: 0, _folder: folder };
        victim.serves_others();
        victim.before = victim.memory();
        victim
    }

    /// What it keeps in memory, in bytes.
    fn memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("it runs");
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).expect("a size");
        line.trim().trim_end_matches("kB").trim().parse::<usize>().expect("a number") * 1024
    }

    fn has_grown_by_less_than(&self, bytes: usize) {
        let grown = self.memory().saturating_sub(self.before);
        assert!(grown < bytes, "{} MiB more", grown / MIB);
    }

    fn serves_others(&self) {
        for _ in 0..20 {
            assert_eq!(get(self.address, "/ok").text(), "ok");
        }
    }
}

/// An HTTP/2 connection by hand.
struct Raw(TcpStream);

impl Raw {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(1))).unwrap();
        let mut raw = Self(stream);
        raw.0.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        // Whoever wants may send without an end.
        raw.frame(SETTINGS, 0, 0, &[0, 4, 0x7f, 0xff, 0xff, 0xff]).unwrap();
        raw.frame(WINDOW_UPDATE, 0, 0, &(0x7fff_ffff_u32 - 65_535).to_be_bytes()).unwrap();
        raw
    }

    /// Reads and forgets what comes.
    fn reading(self) -> Self {
        let mut stream = self.0.try_clone().unwrap();
        std::thread::spawn(move || std::io::copy(&mut stream, &mut std::io::sink()));
        self
    }

    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> std::io::Result<()> {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let mut frame = vec![length[1], length[2], length[3], kind, flags];
        frame.extend_from_slice(&stream.to_be_bytes());
        frame.extend_from_slice(payload);
        self.0.write_all(&frame)
    }
}

#[test]
fn a_client_that_resets_what_it_asks_loses_its_connection() {
    let victim = Victim::start("rapid-reset", 2);
    let mut raw = Raw::connect(victim.address).reading();
    let ended = (0..50_000_u32).find(|n| {
        let stream = 2 * n + 1;
        let asked = raw.frame(HEADERS, END_STREAM | END_HEADERS, stream, GET);
        asked.and_then(|()| raw.frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())).is_err()
    });
    assert!(ended.is_some(), "50,000 requests were taken");
    victim.serves_others();
    victim.has_grown_by_less_than(64 * MIB);
}

#[test]
fn a_client_that_waits_before_it_resets_what_it_asks_loses_its_connection_too() {
    let victim = Victim::start("slow-reset", 2);
    let mut raw = Raw::connect(victim.address).reading();
    let ended = (0..200_u32).find(|n| {
        let mut streams = (0..20).map(|i| 2 * (n * 20 + i) + 1);
        let asked = streams.clone().try_for_each(|s| raw.frame(HEADERS, END_STREAM | END_HEADERS, s, SLOW));
        // So that they are taken: what is reset before is counted by the library.
        std::thread::sleep(Duration::from_millis(10));
        asked.and_then(|()| streams.try_for_each(|s| raw.frame(RST_STREAM, 0, s, &8_u32.to_be_bytes()))).is_err()
    });
    assert!(ended.is_some(), "4,000 requests were taken");
    victim.serves_others();
    victim.has_grown_by_less_than(64 * MIB);
}

#[test]
fn a_head_without_an_end_loses_its_connection() {
    let victim = Victim::start("continuation", 2);
    let mut raw = Raw::connect(victim.address).reading();
    raw.frame(HEADERS, END_STREAM, 1, GET).unwrap();
    // A header of 100 bytes, again and again.
    let field = [b"\x00\x04x-xx\x5e".as_slice(), &[b'v'; 94]].concat();
    let block = field.repeat(150);
    let ended = (0..10_000).find(|_| raw.frame(CONTINUATION, 0, 1, &block).is_err());
    assert!(ended.is_some_and(|n| n * block.len() < 32 * MIB), "{ended:?}");
    // Also by small pieces, and by empty ones.
    for piece in [&field[..], &[]] {
        let mut raw = Raw::connect(victim.address).reading();
        raw.frame(HEADERS, END_STREAM, 1, GET).unwrap();
        assert!((0..1_000_000).any(|_| raw.frame(CONTINUATION, 0, 1, piece).is_err()));
    }
    victim.serves_others();
    victim.has_grown_by_less_than(64 * MIB);
}

#[test]
fn frames_that_want_an_answer_are_not_taken_faster_than_their_answers() {
    let victim = Victim::start("pings", 2);
    for (kind, payload) in [(PING, &[0; 8][..]), (SETTINGS, &[0, 4, 0, 1, 0, 0][..])] {
        let mut raw = Raw::connect(victim.address);
        let start = Instant::now();
        // Nothing is read of the answers.
        while start.elapsed() < Duration::from_secs(2) && raw.frame(kind, 0, 0, payload).is_ok() {}
        victim.serves_others();
        victim.has_grown_by_less_than(64 * MIB);
    }
}

#[test]
fn a_client_that_takes_none_of_its_answers_holds_little_of_them() {
    let victim = Victim::start("slow-readers", 8 * MIB);
    let mut raw = Raw::connect(victim.address);
    for n in 0..256 {
        raw.frame(HEADERS, END_STREAM | END_HEADERS, 2 * n + 1, GET).unwrap();
    }
    // Until nothing more comes.
    let (mut memory, mut since) = (victim.memory(), Instant::now());
    while since.elapsed() < Duration::from_secs(1) {
        std::thread::sleep(Duration::from_millis(20));
        if victim.memory() > memory + MIB {
            (memory, since) = (victim.memory(), Instant::now());
        }
    }
    victim.serves_others();
    victim.has_grown_by_less_than(256 * MIB);
    drop(raw);
}

#[test]
fn a_request_whose_body_nobody_wants_is_taken_up_to_the_window() {
    let victim = Victim::start("uploads", 2);
    let mut raw = Raw::connect(victim.address);
    let post = b"\x83\x86\x84\x01\x06h.test";
    let mut sent = 0;
    for n in 0..256 {
        raw.frame(HEADERS, END_HEADERS, 2 * n + 1, post).unwrap();
    }
    // More than the windows allow.
    'all: for _ in 0..100 {
        for n in 0..256 {
            if raw.frame(DATA, 0, 2 * n + 1, &[0; 16_384]).is_err() {
                break 'all;
            }
            sent += 16_384;
        }
    }
    // What stands in buffers of the system on the way is not the gateway's.
    assert!(sent < 128 * MIB, "{sent}");
    let mut rest = Vec::new();
    raw.0.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    drop(raw.0.read_to_end(&mut rest));
    victim.serves_others();
    victim.has_grown_by_less_than(64 * MIB);
}
