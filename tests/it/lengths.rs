//! Bodies whose length is said in an unusual way, or not at all: they arrive whole, on both sides.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};

use http::Request;
use http_body_util::BodyExt;

use crate::harness::http2::{Frames, ask, connect, run};
use crate::harness::{Client, LONG, Seen, Service, World, answer};

/// A service that tells what body came, and how it was framed.
fn telling() -> (Service, Receiver<(String, Option<String>)>) {
    let (tell, told) = channel();
    let tell = Mutex::new(tell);
    let service = Service::answering(move |seen: &Seen| {
        let body = String::from_utf8(seen.body.clone()).unwrap();
        tell.lock().unwrap().send((body, seen.header("transfer-encoding").map(str::to_owned))).unwrap();
        answer(200, "")
    });
    (service, told)
}

#[test]
fn a_body_without_a_length_reaches_the_service_whatever_the_method() {
    let (service, told) = telling();
    let gateway = World::of("http").instance("web", service.address).start();
    for method in ["GET", "HEAD", "DELETE", "POST"] {
        let chunked = "transfer-encoding: chunked\r\n\r\n4\r\nsome\r\n0\r\n\r\n";
        let nominated = "connection: content-length\r\ncontent-length: 4\r\n\r\nsome";
        for rest in [chunked, nominated] {
            let mut client = Client::connect(gateway.address);
            client.send(&format!("{method} / HTTP/1.1\r\nhost: h.test\r\n{rest}"));
            let came = told.recv_timeout(LONG).expect("a request");
            assert_eq!(came, ("some".to_owned(), Some("chunked".to_owned())), "{method} {rest:?}");
            assert_eq!(client.head().map(|head| head.status), Some(200), "{method} {rest:?}");
        }
        run(async {
            let mut sender = connect(gateway.address).await;
            let request = Request::builder().method(method).uri("http://h.test/").body(Frames::of(&["so", "me"], None)).unwrap();
            assert_eq!(sender.send_request(request).await.unwrap().status(), 200, "{method}");
        });
        assert_eq!(told.recv_timeout(LONG), Ok(("some".to_owned(), Some("chunked".to_owned()))), "{method}");
    }
}

#[test]
fn a_request_without_a_body_is_sent_without_chunks() {
    let (service, told) = telling();
    let gateway = World::of("http").instance("web", service.address).start();
    for length in ["", "content-length: 0\r\n", "connection: content-length\r\ncontent-length: 0\r\n"] {
        Client::connect(gateway.address).ask(&format!("GET / HTTP/1.1\r\nhost: h.test\r\n{length}\r\n"));
        assert_eq!(told.recv_timeout(LONG), Ok((String::new(), None)), "{length:?}");
    }
    run(async {
        let mut sender = connect(gateway.address).await;
        assert_eq!(sender.send_request(ask("/")).await.unwrap().status(), 200);
    });
    assert_eq!(told.recv_timeout(LONG), Ok((String::new(), None)));
}

#[test]
fn an_answer_in_chunks_is_whole_whatever_length_stands_beside_them() {
    for framing in ["transfer-encoding: chunked\r\ncontent-length: 3\r\n", "content-length: 3\r\ntransfer-encoding: chunked\r\n"] {
        let service = Service::answering(move |_| format!("HTTP/1.1 200 OK\r\n{framing}\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"));
        let gateway = World::of("http").instance("web", service.address).start();
        let mut client = Client::connect(gateway.address);
        for _ in 0..2 {
            let answer = client.ask("GET / HTTP/1.1\r\nhost: h.test\r\n\r\n");
            assert_eq!((answer.text(), answer.header("content-length")), ("onetwo", None), "{framing:?}");
        }
        run(async {
            let answer = connect(gateway.address).await.send_request(ask("/")).await.unwrap();
            assert!(!answer.headers().contains_key("content-length"));
            assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "onetwo");
        });
    }
}

#[test]
fn a_length_that_an_answer_says_twice_in_one_line_is_passed_on_once() {
    for length in ["5, 5", "5,5", "5 , 5, 5", "5\r\ncontent-length: 5, 5"] {
        let service = Service::answering(move |_| format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\nhello"));
        let gateway = World::of("http").instance("web", service.address).start();
        let mut client = Client::connect(gateway.address);
        for _ in 0..2 {
            let answer = client.ask("GET / HTTP/1.1\r\nhost: h.test\r\n\r\n");
            assert_eq!((answer.status, answer.text(), answer.header("content-length")), (200, "hello", Some("5")), "{length:?}");
        }
    }
}
