//! What is a hello to go by and what is not, and why: a table, whose hellos are also those that fuzzing starts from.

use gw::tls::NoHello;

use crate::draft::{ALPN, Draft, SERVER_NAME, prefixed, protocols, record, records, server_name, server_names};
use crate::{Answer, Asked, read};

const NAME: &str = "web.default.dc2.internal.11111111-2222-3333-4444-555555555555.consul";
const SERVER_NAME_MALFORMED: Answer = Err(NoHello::Malformed("server_name extension"));
const ALPN_MALFORMED: Answer = Err(NoHello::Malformed("application_layer_protocol_negotiation extension"));

/// A hello, by the name of its file in the corpus, and what it comes to.
pub(crate) type Rule = (&'static str, Vec<u8>, Answer);

#[test]
fn every_rule_holds() {
    for (name, bytes, answer) in all() {
        assert_eq!(read(&bytes), answer, "{name}");
    }
}

#[test]
fn who_speaks_no_tls_is_refused_at_the_first_byte() {
    for (spoken, why) in [
        (&b"GET / HTTP/1.1\r\n"[..], "the first byte is 0x47 ('G'), not the 0x16 that begins TLS"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "the first byte is 0x53 ('S'), not the 0x16 that begins TLS"),
        (b"\x80\x2e\x01\x03\x01", "the first byte is 0x80, not the 0x16 that begins TLS"),
    ] {
        assert_eq!(read(&spoken[..1]).map_err(|why| why.to_string()), Err(why.to_owned()));
    }
    assert_eq!(read(b"\x16\x02"), Err(NoHello::Version(2)), "a version of no TLS, at the second byte");
    assert_eq!(read(b"\x16\x03\x01\x02\x00\x02"), Err(NoHello::NotHello(2)), "a ServerHello, at its type");
    assert_eq!(read(b"\x16\x03\x01\x02\x00\x01\x01\x00\x00"), Err(NoHello::TooLong), "a length, before what is so long");
}

pub(crate) fn all() -> Vec<Rule> {
    [whole(), names(), extensions(), framing(), bodies()].concat()
}

fn to(sni: &str) -> Answer {
    Ok(Some(Asked { sni: Some(sni.to_owned()), alpn: vec![] }))
}

fn whole() -> Vec<Rule> {
    let asked = |sni: Option<&str>, alpn: &[&[u8]]| {
        Ok(Some(Asked { sni: sni.map(str::to_owned), alpn: alpn.iter().map(|protocol| protocol.to_vec()).collect() }))
    };
    let bare = Draft { extensions: None, ..Draft::default() };
    let old = Draft { version: 0x0301, extensions: None, suites: vec![0x2f], ..Draft::default() };
    let h2 = protocols(&[b"\x0a\x0a", b"h2", b"http/1.1"]);
    vec![
        ("name", Draft::to(NAME).bytes(), to(NAME)),
        ("name-in-capitals", Draft::to("WEB.default.DC2.internal").bytes(), to("web.default.dc2.internal")),
        ("name-post-quantum", Draft::to(NAME).post_quantum().bytes(), to(NAME)),
        ("name-and-alpn", Draft::to(NAME).with(ALPN, h2).bytes(), asked(Some(NAME), &[b"\x0a\x0a", b"h2", b"http/1.1"])),
        (
            "name-outside-ech",
            Draft::to("public.test").with(0xfe0d, [&[0, 0, 1, 0, 1, 7][..], &[0; 240]].concat()).bytes(),
            to("public.test"),
        ),
        ("name-and-early-data", [Draft::to(NAME).bytes(), vec![23, 3, 3, 0, 2, 1, 2]].concat(), to(NAME)),
        ("name-of-single-letter", Draft::to("x").bytes(), to("x")),
        ("no-name", Draft::default().bytes(), asked(None, &[])),
        ("no-name-but-alpn", Draft::default().with(ALPN, protocols(&[b"h2"])).bytes(), asked(None, &[b"h2"])),
        ("no-extensions", bare.bytes(), asked(None, &[])),
        ("no-extension-in-the-list", Draft { extensions: Some(vec![]), ..bare }.bytes(), asked(None, &[])),
        ("tls10", old.with(SERVER_NAME, server_name(b"old.test")).bytes(), to("old.test")),
    ]
}

fn names() -> Vec<Rule> {
    let long = |last: &str| format!("{}.{}.{}.{last}", "a".repeat(63), "b".repeat(63), "c".repeat(63));
    let longest = long(&"d".repeat(61));
    let refused = |name: &[u8], why| (Draft::default().with(SERVER_NAME, server_name(name)).bytes(), Err(NoHello::Name(why)));
    let odd = "has bytes that no name of a host has";
    let mut rules = vec![("name-of-253-bytes", Draft::to(&longest).bytes(), to(&longest))];
    for (file, name, why) in [
        ("name-empty", &b""[..], "is empty"),
        ("name-of-254-bytes", long(&"d".repeat(62)).as_bytes(), "is longer than 253 bytes"),
        ("name-with-dot-at-end", b"web.default.", "ends with a dot"),
        ("name-with-nul", b"web\0.default", odd),
        ("name-with-blank", b"web default", odd),
        ("name-not-ascii", "wéb.default".as_bytes(), odd),
        ("name-not-utf8", b"w\xffb", odd),
        ("name-ipv4", b"10.0.0.1", "is an IP address"),
        ("name-ipv6", b"2001:db8::1", "is an IP address"),
    ] {
        let (bytes, answer) = refused(name, why);
        rules.push((file, bytes, answer));
    }
    let several = |names: &[(u8, &[u8])]| Draft::default().with(SERVER_NAME, server_names(names)).bytes();
    rules.push(("names-two", several(&[(0, b"a.test"), (0, b"b.test")]), Err(NoHello::Name("is one of several"))));
    rules.push(("names-of-two-types", several(&[(0, b"a.test"), (7, b"b.test")]), Err(NoHello::Name("is one of several"))));
    rules.push(("name-of-other-type", several(&[(7, b"a.test")]), Err(NoHello::Name("is of a type that is no host name"))));
    rules
}

fn extensions() -> Vec<Rule> {
    let with = |kind, said: Vec<u8>| Draft::default().with(kind, said).bytes();
    let twice = |kind, said: Vec<u8>| Draft::to(NAME).with(kind, said.clone()).with(kind, said).bytes();
    let two_names = Draft::to(NAME).with(SERVER_NAME, server_name(b"other.test")).bytes();
    vec![
        ("server-name-twice", two_names, Err(NoHello::Twice("server_name"))),
        ("alpn-twice", twice(ALPN, protocols(&[b"h2"])), Err(NoHello::Twice("application_layer_protocol_negotiation"))),
        // The server's to judge.
        ("other-extension-twice", twice(0x2a2a, vec![]), to(NAME)),
        ("server-name-empty", with(SERVER_NAME, vec![]), SERVER_NAME_MALFORMED),
        ("server-name-empty-list", with(SERVER_NAME, vec![0, 0]), SERVER_NAME_MALFORMED),
        ("server-name-longer-than-its-list", with(SERVER_NAME, [server_name(b"a.test"), vec![0]].concat()), SERVER_NAME_MALFORMED),
        ("server-name-cut", with(SERVER_NAME, vec![0, 5, 0, 0, 9, b'a', b'b']), SERVER_NAME_MALFORMED),
        ("alpn-empty", with(ALPN, vec![]), ALPN_MALFORMED),
        ("alpn-empty-list", with(ALPN, vec![0, 0]), ALPN_MALFORMED),
        ("alpn-empty-protocol", with(ALPN, protocols(&[b"h2", b""])), ALPN_MALFORMED),
        ("alpn-cut", with(ALPN, vec![0, 3, 9, b'h', b'2']), ALPN_MALFORMED),
    ]
}

fn framing() -> Vec<Rule> {
    let message = Draft::to(NAME).message();
    let quantum = Draft::to(NAME).post_quantum().message();
    let (first, second) = message.split_at(100);
    let after = |other: &[u8]| [record(first), other.to_vec(), record(second)].concat();
    // Up to a message of so many bytes with its header.
    let padded = |length: usize| {
        let bare = Draft::to(NAME).with(21, vec![]).message().len();
        Draft::to(NAME).with(21, vec![0; length - bare]).message()
    };
    let longest = padded(4 + 16384);
    vec![
        ("records-of-one-byte", records(&message, 1), to(NAME)),
        ("records-of-three-bytes", records(&message, 3), to(NAME)),
        ("records-post-quantum", records(&quantum, 500), to(NAME)),
        ("record-with-more-than-the-hello", record(&[&message[..], &[0, 0, 0, 0]].concat()), to(NAME)),
        ("records-of-two-versions", [[&[22, 3, 3][..], &prefixed(2, first)].concat(), record(second)].concat(), to(NAME)),
        ("longest", records(&longest, 16384), to(NAME)),
        ("longest-in-small-records", records(&longest, 64), to(NAME)),
        ("longer", records(&padded(4 + 16385), 16384), Err(NoHello::TooLong)),
        ("longest-in-too-many-records", records(&longest, 20), Err(NoHello::TooLong)),
        ("alert-first", vec![21, 3, 1, 0, 2, 1, 0], Err(NoHello::NotTls(21))),
        ("alert-between", after(&[21, 3, 1, 0, 2, 1, 0]), Err(NoHello::Interrupted(21))),
        ("change-cipher-spec-between", after(&[20, 3, 3, 0, 1, 1]), Err(NoHello::Interrupted(20))),
        ("version-changes-between", after(&[22, 2, 3, 0, 1, 1]), Err(NoHello::Version(2))),
        ("record-empty-first", [record(&[]), record(&message)].concat(), Err(NoHello::EmptyRecord)),
        ("record-empty-between", after(&record(&[])), Err(NoHello::EmptyRecord)),
        ("record-too-long", [&[22, 3, 1, 0x40, 1][..], &message].concat(), Err(NoHello::LongRecord(16385))),
        ("plain-http", b"GET / HTTP/1.1\r\nhost: web\r\n\r\n".to_vec(), Err(NoHello::NotTls(b'G'))),
        ("ssh", b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), Err(NoHello::NotTls(b'S'))),
        ("ssl2", [&[0x80, 46, 1, 3, 1, 0, 21, 0, 0, 0, 16][..], &[0; 37]].concat(), Err(NoHello::NotTls(0x80))),
        ("server-hello", record(&[&[2][..], &message[1..]].concat()), Err(NoHello::NotHello(2))),
        ("nothing", vec![], Ok(None)),
        ("half", record(&message)[..150].to_vec(), Ok(None)),
    ]
}

fn bodies() -> Vec<Rule> {
    let malformed = |what| Err(NoHello::Malformed(what));
    let message = Draft::to(NAME).message();
    // With other lengths around the same bytes.
    let body_cut = |at: usize| record(&[vec![1], prefixed(3, &message[4..at])].concat());
    let behind = |bytes: &[u8]| record(&[vec![1], prefixed(3, &[&message[4..], bytes].concat())].concat());
    vec![
        ("body-empty", body_cut(4), malformed("beginning")),
        ("body-cut-in-random", body_cut(30), malformed("beginning")),
        ("body-cut-in-session", body_cut(50), malformed("session id")),
        ("body-cut-in-suites", body_cut(74), malformed("list of cipher suites")),
        ("body-cut-in-compression", body_cut(79), malformed("list of compression methods")),
        ("body-cut-in-extensions", body_cut(120), malformed("list of extensions")),
        ("body-goes-on", behind(&[0]), malformed("list of extensions")),
        ("session-of-33-bytes", Draft { session: vec![1; 33], ..Draft::to(NAME) }.bytes(), malformed("session id")),
        ("no-cipher-suites", Draft { suites: vec![], ..Draft::to(NAME) }.bytes(), malformed("list of cipher suites")),
        ("no-compression", Draft { compression: vec![], ..Draft::to(NAME) }.bytes(), malformed("list of compression methods")),
    ]
}
