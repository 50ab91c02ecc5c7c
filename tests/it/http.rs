//! HTTP/1 through the gateway.

use std::io::{BufReader, Read, Write};
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use crate::harness::{Client, Seen, Service, World, answer, get, read_request, request};

#[test]
fn requests_of_a_kept_connection_go_over_one_connection_to_the_service() {
    let service = Service::answering(|seen: &Seen| answer(200, &seen.line));
    let gateway = World::of("http").instance("web", service.address).start();
    let mut client = Client::connect(gateway.address);
    for n in 0..5 {
        let answer = client.ask(&request("GET", &format!("/{n}?q"), "", ""));
        assert_eq!((answer.status, answer.text()), (200, format!("GET /{n}?q HTTP/1.1").as_str()));
        assert!(answer.header("date").is_some());
    }
    assert_eq!(service.connections(), 1);
}

#[test]
fn a_service_is_told_who_asked_and_how() {
    let service = Service::answering(|seen: &Seen| answer(200, &format!("{:?}", seen.headers)));
    let gateway = World::of("http").instance("web", service.address).start();
    let text = String::from_utf8(get(gateway.address, "/").body).unwrap();
    for wanted in [
        r#"("host", "h.test")"#,
        r#"("x-forwarded-proto", "http")"#,
        r#"("x-forwarded-for", "127.0.0.1")"#,
        r#"("x-forwarded-host", "h.test")"#,
        r#"("x-request-id", "#,
    ] {
        assert!(text.contains(wanted), "{wanted} in {text}");
    }
}

#[test]
fn chunks_and_trailers_go_both_ways() {
    let (tell, told) = channel();
    let tell = Mutex::new(tell);
    let service = Service::answering(move |seen: &Seen| {
        tell.lock().unwrap().send((seen.body.clone(), seen.trailers.clone())).unwrap();
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-down\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\nx-down: 2\r\n\r\n".to_owned()
    });
    let gateway = World::of("http").instance("web", service.address).start();
    let mut client = Client::connect(gateway.address);
    let answer = client.ask(
        "POST / HTTP/1.1\r\nhost: h.test\r\nte: trailers\r\ntransfer-encoding: chunked\r\ntrailer: x-up\r\n\r\n5\r\nhello\r\n1\r\n!\r\n0\r\nx-up: 1\r\n\r\n",
    );
    assert_eq!((answer.text(), &answer.trailers), ("onetwo", &vec![("x-down".to_owned(), "2".to_owned())]));
    assert_eq!(told.recv().unwrap(), (b"hello!".to_vec(), vec![("x-up".to_owned(), "1".to_owned())]));
}

#[test]
fn a_body_waits_for_the_service_and_is_not_gathered_in_the_gateway() {
    const TOTAL: usize = 48 * 1024 * 1024;
    let (go, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let service = Service::start(move |mut stream| {
        wait.lock().unwrap().recv().unwrap();
        let mut total = 0;
        let mut buffer = vec![0; 256 * 1024];
        let mut tail = Vec::new();
        while !tail.ends_with(b"end") {
            let n = stream.read(&mut buffer).unwrap();
            total += n;
            tail.extend_from_slice(&buffer[n.saturating_sub(3)..n]);
            tail.drain(..tail.len().saturating_sub(3));
        }
        stream.write_all(answer(200, &total.to_string()).as_bytes()).unwrap();
    });
    let gateway = World::of("http").instance("web", service.address).start();
    let mut client = Client::connect(gateway.address);
    client.send(&format!("POST / HTTP/1.1\r\nhost: h.test\r\ncontent-length: {TOTAL}\r\n\r\n"));
    let mut writer = client.stream.try_clone().unwrap();
    writer.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
    let mut sent = 0;
    let block = vec![b'x'; 64 * 1024];
    // Until nothing is taken any more: the sockets are full, and so is what little the gateway keeps.
    while let Ok(n) = writer.write(&block) {
        sent += n;
        assert!(sent < TOTAL / 2, "{sent} bytes were taken though the service reads nothing");
    }
    go.send(()).unwrap();
    writer.set_write_timeout(None).unwrap();
    while sent < TOTAL - 3 {
        let n = (TOTAL - 3 - sent).min(block.len());
        writer.write_all(&block[..n]).unwrap();
        sent += n;
    }
    writer.write_all(b"end").unwrap();
    let answer = client.answer().expect("an answer");
    assert!(answer.text().parse::<usize>().unwrap() > TOTAL);
}

#[test]
fn requests_sent_at_once_are_answered_in_turn_each_with_its_body() {
    let service = Service::answering(|seen: &Seen| answer(200, &format!("{} {}", seen.line, String::from_utf8_lossy(&seen.body))));
    let gateway = World::of("http").instance("web", service.address).start();
    let chunked = "POST /2 HTTP/1.1\r\nhost: h.test\r\ntransfer-encoding: chunked\r\n\r\n4\r\nfour\r\n3\r\nsix\r\n0\r\n\r\n";
    let all = [&request("POST", "/1", "", "GET / HTTP/1.1"), chunked, "\r\n", &request("GET", "/3", "", "")].concat();
    let wanted = ["POST /1 HTTP/1.1 GET / HTTP/1.1", "POST /2 HTTP/1.1 foursix", "GET /3 HTTP/1.1 "];
    // In one piece, and byte by byte.
    for size in [all.len(), 1, 7] {
        let mut client = Client::connect(gateway.address);
        for piece in all.as_bytes().chunks(size) {
            client.stream.write_all(piece).unwrap();
        }
        for text in wanted {
            assert_eq!(client.answer().unwrap().text(), text, "{size}");
        }
    }
}

#[test]
fn nothing_behind_a_refused_request_is_served() {
    let service = Service::saying("ok");
    let gateway = World::of("http").instance("web", service.address).start();
    let mut client = Client::connect(gateway.address);
    let two_lengths = "POST / HTTP/1.1\r\nhost: h.test\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd";
    let answer = client.ask(&[two_lengths, &request("GET", "/", "", "")].concat());
    assert_eq!((answer.status, answer.header("connection")), (400, Some("close")));
    assert!(client.answer().is_none());
    assert_eq!(service.connections(), 0);
}

#[test]
fn an_answer_that_ends_with_its_connection_is_chunked_for_the_client() {
    let service = Service::start(|stream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        read_request(&mut reader);
        let mut stream = stream;
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nto the end").unwrap();
    });
    let gateway = World::of("http").instance("web", service.address).start();
    let answer = get(gateway.address, "/");
    assert_eq!((answer.header("transfer-encoding"), answer.text()), (Some("chunked"), "to the end"));
}

#[test]
fn http_1_0_is_served_without_chunks() {
    let service = Service::answering(|_| "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n".to_owned());
    let gateway = World::of("http").instance("web", service.address).start();
    let mut client = Client::connect(gateway.address);
    let answer = client.ask("GET / HTTP/1.0\r\n\r\n");
    assert_eq!((answer.status, answer.header("transfer-encoding"), answer.text()), (200, None, "ok"));
}

#[test]
fn a_pooled_connection_that_the_service_closed_costs_no_request() {
    // Answers once a connection, and closes it without a word when the test says so.
    let (close, wait) = channel::<()>();
    let (closed, is_closed) = channel::<()>();
    let ends = Mutex::new((wait, closed));
    let service = Service::start(move |stream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        if read_request(&mut reader).is_some() {
            let mut stream = stream;
            stream.write_all(answer(200, "ok").as_bytes()).unwrap();
            let ends = ends.lock().unwrap();
            ends.0.recv().unwrap();
            drop((reader, stream));
            ends.1.send(()).unwrap();
        }
    });
    let gateway = World::of("http").instance("web", service.address).start();
    let mut client = Client::connect(gateway.address);
    for n in 1..20 {
        assert_eq!(client.ask(&request("GET", "/", "", "")).status, 200);
        assert_eq!(service.connections(), n);
        close.send(()).unwrap();
        is_closed.recv().unwrap();
    }
}

#[test]
fn the_length_of_a_request_that_gw_answers_itself_does_not_matter() {
    let gateway = World::of("http").start();
    let mut client = Client::connect(gateway.address);
    let body = "x".repeat(200_000);
    let answer = client.ask(&request("POST", "/", "", &body));
    assert_eq!((answer.status, answer.header("x-gw-code")), (503, Some("no_healthy_endpoint")));
}
