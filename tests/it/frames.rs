//! HTTP/2 by frames: those that must not pass end the stream or the connection with the code that says why, and what HTTP/1 would read
//! in another way than HTTP/2 does reaches no service.

use crate::harness::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, End, Frames, HEADERS, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE, block,
};
use crate::harness::{Service, World};

const GET: [(&[u8], &[u8]); 4] = [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"h.test"), (b":path", b"/case")];
const POST: [(&[u8], &[u8]); 4] = [(b":method", b"POST"), (b":scheme", b"http"), (b":authority", b"h.test"), (b":path", b"/case")];

#[test]
fn a_frame_that_must_not_come_ends_stream_or_connection_with_its_code() {
    let (service, _) = Service::remembering();
    let gateway = World::of("http").instance("web", service.address).start();
    type Send = fn(&mut Frames);
    let cases: [(&str, Send, End); 12] = [
        ("a request", |f| f.send(HEADERS, END_HEADERS | END_STREAM, 1, &block(&GET)), End::Answer),
        ("a frame larger than 16 KiB", |f| f.send(DATA, 0, 1, &[0; 16_385]), End::Goaway(6)),
        // The library says 1 where RFC 9113 has codes of their own, 6 for lengths and 9 for headers that cannot be read.
        ("settings of a wrong length", |f| f.send(SETTINGS, 0, 0, &[0; 5]), End::Goaway(1)),
        ("a ping of a wrong length", |f| f.send(PING, 0, 0, &[0; 7]), End::Goaway(1)),
        ("settings of a stream", |f| f.send(SETTINGS, 0, 1, b""), End::Goaway(1)),
        ("data before headers", |f| f.send(DATA, END_STREAM, 1, b"x"), End::Goaway(1)),
        ("headers of an even stream", |f| f.send(HEADERS, END_HEADERS | END_STREAM, 2, &block(&GET)), End::Goaway(1)),
        ("a reset of an idle stream", |f| f.send(RST_STREAM, 0, 1, &[0, 0, 0, 8]), End::Goaway(1)),
        ("a continuation of nothing", |f| f.send(CONTINUATION, END_HEADERS, 1, b""), End::Goaway(1)),
        ("an index of no header", |f| f.send(HEADERS, END_HEADERS | END_STREAM, 1, &[0xff, 0xff, 0x7f]), End::Goaway(1)),
        ("a window that runs over", |f| f.send(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]), End::Goaway(3)),
        (
            "another frame between headers and their continuation",
            |f| {
                f.send(HEADERS, END_STREAM, 1, &block(&GET));
                f.send(PING, 0, 0, &[0; 8]);
            },
            End::Goaway(1),
        ),
    ];
    let mut wrong = Vec::new();
    for (name, send, end) in cases {
        let mut frames = Frames::connect(gateway.address);
        send(&mut frames);
        let seen = frames.end();
        if seen != end {
            wrong.push(format!("{name}: {seen:?}, not {end:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn fields_that_http1_would_read_in_another_way_reach_no_service() {
    let (service, lines) = Service::remembering();
    let gateway = World::of("http").instance("web", service.address).start();
    let wrong: [(&[u8], &[u8]); 24] = [
        (b"x", b"y\r\nGET /smuggled HTTP/1.1"),
        (b"x", b"y\r\ntransfer-encoding: chunked"),
        (b"x", b"y\nz: a"),
        (b"x", b"y\rz"),
        (b"x", b"y\0z"),
        (b"x\r\ny", b"z"),
        (b"x\ny", b"z"),
        (b"x: y", b"z"),
        (b"x ", b"y"),
        (b" x", b"y"),
        (b"", b"y"),
        (b"X-Upper", b"y"),
        (b"transfer-encoding", b"chunked"),
        (b"connection", b"close"),
        (b"keep-alive", b"1"),
        (b"proxy-connection", b"close"),
        (b"upgrade", b"websocket"),
        (b"te", b"gzip"),
        (b":path", b"/smuggled"),
        (b":method", b"GET"),
        (b":status", b"200"),
        (b":unknown", b"x"),
        (b"content-length", b"4, 4"),
        (b"content-length", b"9"),
    ];
    for (name, value) in wrong {
        let mut frames = Frames::connect(gateway.address);
        frames.send(HEADERS, END_HEADERS, 1, &block(&[&POST[..], &[(name, value)]].concat()));
        frames.send(DATA, END_STREAM, 1, b"0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n");
        let _ended = frames.end();
        let seen: Vec<String> = std::mem::take(&mut *lines.lock().unwrap());
        assert_eq!(seen, Vec::<String>::new(), "{:?}: {:?}", String::from_utf8_lossy(name), String::from_utf8_lossy(value));
    }
}

#[test]
fn pseudo_fields_that_http1_would_read_in_another_way_reach_no_service() {
    let (service, lines) = Service::remembering();
    let gateway = World::of("http").instance("web", service.address).start();
    let wrong: [(usize, &[u8]); 13] = [
        (0, b"GET /smuggled HTTP/1.1\r\nx:"),
        (0, b"GET /smuggled"),
        (0, b""),
        (0, b"CONNECT"),
        (1, b"http\r\nx: y"),
        (2, b"h.test\r\nx: y"),
        (2, b"h.test /smuggled"),
        (2, b"h.test/x"),
        (3, b"/case HTTP/1.1\r\nx: y"),
        (3, b"/case x"),
        (3, b"/case\0"),
        (3, b"case"),
        (3, b""),
    ];
    for (at, value) in wrong {
        let mut fields = GET;
        fields[at].1 = value;
        let mut frames = Frames::connect(gateway.address);
        frames.send(HEADERS, END_HEADERS | END_STREAM, 1, &block(&fields));
        let _ended = frames.end();
        assert_eq!(*lines.lock().unwrap(), Vec::<String>::new(), "{}", String::from_utf8_lossy(value));
    }
}
