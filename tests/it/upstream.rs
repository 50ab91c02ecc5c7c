//! HTTP/2 connections towards services, retries, answers that come early.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderMap, Request, Response};
use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody;
use serde_json::json;
use tokio::sync::Semaphore;

use crate::harness::http2::{Frames, Http2Service, ask, connect, run, text};
use crate::harness::{Client, LONG, Service, World, eventually, request};

/// A service that answers once so many requests are there, and how many came.
fn together(streams: u32, requests: usize) -> (Http2Service, Arc<AtomicUsize>) {
    let (came, all) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    let counter = came.clone();
    let service = Http2Service::start(streams, move |_| {
        if counter.fetch_add(1, Ordering::SeqCst) + 1 == requests {
            all.add_permits(requests);
        }
        let all = all.clone();
        Box::pin(async move {
            all.acquire().await.unwrap().forget();
            text("ok")
        })
    });
    (service, came)
}

async fn all_at_once(address: std::net::SocketAddr, requests: usize) {
    let sender = connect(address).await;
    let asked: Vec<_> =
        (0..requests).map(|_| sender.clone()).map(|mut s| tokio::spawn(async move { s.send_request(ask("/")).await })).collect();
    for answer in asked {
        let answer = tokio::time::timeout(LONG, answer).await.expect("an answer").unwrap().unwrap();
        assert_eq!(answer.status(), 200);
        answer.into_body().collect().await.unwrap();
    }
}

#[test]
fn requests_that_come_at_once_to_a_new_instance_share_one_connection() {
    let (service, _) = together(100, 20);
    let gateway = World::of("http2").instance("web", service.address).start();
    run(all_at_once(gateway.address, 20));
    assert_eq!(service.connections(), 1);
}

#[test]
fn when_an_instance_takes_no_more_requests_on_a_connection_another_is_opened() {
    let (service, _) = together(2, 6);
    let gateway = World::of("http2").instance("web", service.address).start();
    run(all_at_once(gateway.address, 6));
    assert_eq!(service.connections(), 3);
}

#[test]
fn a_connection_that_the_service_is_about_to_end_gets_no_more_requests_and_finishes_its_own() {
    let (came, go) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
    let (counter, wait) = (came.clone(), go.clone());
    let service = Http2Service::start(100, move |request| {
        let (slow, wait) = (request.uri().path() == "/slow", wait.clone());
        counter.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            if slow {
                wait.acquire().await.unwrap().forget();
            }
            text("ok")
        })
    });
    let gateway = World::of("http2").instance("web", service.address).start();
    run(async {
        let mut sender = connect(gateway.address).await;
        let mut second = sender.clone();
        let slow = tokio::spawn(async move { sender.send_request(ask("/slow")).await.unwrap().into_body().collect().await });
        tokio::task::spawn_blocking(move || eventually("it is at the service", || came.load(Ordering::SeqCst) == 1)).await.unwrap();
        service.leave();
        for _ in 0..10 {
            assert_eq!(second.send_request(ask("/")).await.unwrap().status(), 200);
        }
        assert_eq!(service.connections(), 2);
        go.add_permits(1);
        assert_eq!(slow.await.unwrap().unwrap().to_bytes(), "ok");
    });
}

#[test]
fn a_connection_on_which_nothing_comes_is_used_for_no_other_request() {
    let alive = Http2Service::start(100, |_| Box::pin(async { text("ok") }));
    let address = alive.address;
    let connections = AtomicUsize::new(0);
    let service = Service::start(move |mut stream| {
        if connections.fetch_add(1, Ordering::SeqCst) == 0 {
            drop(std::io::copy(&mut stream, &mut std::io::sink()));
            return;
        }
        let mut there = std::net::TcpStream::connect(address).unwrap();
        let (mut back, mut from) = (stream.try_clone().unwrap(), there.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut from, &mut back));
        drop(std::io::copy(&mut stream, &mut there));
    });
    let gateway = World::of("http2")
        .instance("web", service.address)
        .entry(json!({"Kind": "service-resolver", "Name": "web", "RequestTimeout": "300ms"}))
        .start();
    run(async {
        let mut sender = connect(gateway.address).await;
        assert_eq!(sender.send_request(ask("/")).await.unwrap().status(), 504);
        for _ in 0..5 {
            assert_eq!(sender.send_request(ask("/")).await.unwrap().status(), 200);
        }
    });
}

#[test]
fn a_target_in_trouble_gets_a_fifth_more_requests_by_retries_and_no_more() {
    const REQUESTS: usize = 30;
    let (came, all, go) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (counter, wait) = (came.clone(), go.clone());
    let service = Http2Service::start(100, move |_| {
        let number = counter.fetch_add(1, Ordering::SeqCst) + 1;
        if number == REQUESTS {
            all.add_permits(REQUESTS);
        }
        let gate = if number <= REQUESTS { all.clone() } else { wait.clone() };
        Box::pin(async move {
            gate.acquire().await.unwrap().forget();
            let mut answer = text("x");
            *answer.status_mut() = http::StatusCode::from_u16(if number <= REQUESTS { 503 } else { 200 }).unwrap();
            answer
        })
    });
    let gateway = World::of("http2")
        .instance("web", service.address)
        .entry(json!({"Kind": "service-router", "Name": "web", "Routes": [
            {"Match": {"HTTP": {"PathPrefix": "/"}}, "Destination": {"NumRetries": 1, "RetryOn": ["5xx"]}},
        ]}))
        .start();
    run(async {
        let sender = connect(gateway.address).await;
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
        for mut sender in std::iter::repeat_n(sender, REQUESTS) {
            let tell = tell.clone();
            tokio::spawn(async move { tell.send(sender.send_request(ask("/")).await.unwrap().status().as_u16()) });
        }
        let mut refused = 0;
        while refused + came.load(Ordering::SeqCst) < 2 * REQUESTS {
            match tokio::time::timeout(Duration::from_millis(10), told.recv()).await {
                Ok(status) => assert_eq!(status, Some(503)),
                Err(_) => continue,
            }
            refused += 1;
        }
        let retries = REQUESTS - refused;
        assert!((3..=REQUESTS / 5).contains(&retries), "{retries}");
        go.add_permits(REQUESTS);
        for _ in 0..retries {
            assert_eq!(told.recv().await, Some(200));
        }
    });
}

#[test]
fn an_answer_that_is_complete_before_its_request_ends_the_request() {
    let (tell, told) = channel();
    let tell = Mutex::new(tell);
    let service = Service::start(move |mut stream| {
        let mut head = [0; 64];
        stream.read_exact(&mut head).unwrap();
        stream.write_all(b"HTTP/1.1 413 X\r\ncontent-length: 2\r\n\r\nno").unwrap();
        tell.lock().unwrap().send(std::io::copy(&mut stream, &mut std::io::sink()).is_ok()).unwrap();
    });
    let gateway = World::of("http").instance("web", service.address).start();
    let mut client = Client::connect(gateway.address);
    client.send("POST / HTTP/1.1\r\nhost: h.test\r\ncontent-length: 10000000\r\n\r\nsome");
    let answer = client.answer().expect("an answer");
    assert_eq!((answer.status, answer.text(), answer.header("connection")), (413, "no", Some("close")));
    // The service's connection ends although the client goes on.
    told.recv_timeout(LONG).expect("the end of the connection");
    client.send(&"x".repeat(100_000));
    // Not a reset, which could take the answer away.
    assert_eq!(client.read_to_end(), b"");
    drop(client);
    assert_eq!(gateway.stop()[0]["code"], "ok");
}

#[test]
fn an_answer_that_is_complete_before_its_request_ends_the_request_over_http2() {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let service = Http2Service::start(100, move |request| {
        let tell = tell.clone();
        Box::pin(async move {
            let mut body = request.into_body();
            body.frame().await.unwrap().unwrap();
            tokio::spawn(async move {
                while let Some(Ok(_)) = body.frame().await {}
                tell.send(()).unwrap();
            });
            text("no")
        })
    });
    let gateway = World::of("http2").instance("web", service.address).start();
    run(async {
        let mut sender = connect(gateway.address).await;
        let body = Frames::of(&["some"], None).for_ever();
        let answer = sender.send_request(Request::post("http://h.test/").body(body).unwrap()).await.unwrap();
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "no");
        tokio::time::timeout(LONG, told.recv()).await.expect("the end of the request").unwrap();
    });
}

#[test]
fn the_next_attempt_ends_the_one_before_it_at_the_service_over_http2() {
    let (came, go) = (AtomicUsize::new(0), Arc::new(Semaphore::new(0)));
    let wait = go.clone();
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let service = Http2Service::start(100, move |request| {
        let (first, wait, tell) = (came.fetch_add(1, Ordering::SeqCst) == 0, wait.clone(), tell.clone());
        Box::pin(async move {
            let mut body = request.into_body();
            body.frame().await.unwrap().unwrap();
            if !first {
                wait.acquire().await.unwrap().forget();
                return text("ok");
            }
            tokio::spawn(async move {
                while let Some(Ok(_)) = body.frame().await {}
                tell.send(()).unwrap();
            });
            let mut answer = text("x");
            *answer.status_mut() = http::StatusCode::SERVICE_UNAVAILABLE;
            answer
        })
    });
    let gateway = World::of("http2")
        .instance("web", service.address)
        .entry(json!({"Kind": "service-router", "Name": "web", "Routes": [
            {"Match": {"HTTP": {"PathPrefix": "/"}}, "Destination": {"NumRetries": 1, "RetryOn": ["5xx"]}},
        ]}))
        .start();
    run(async {
        let mut sender = connect(gateway.address).await;
        let body = Frames::of(&["some"], None).for_ever();
        let asked = tokio::spawn(sender.send_request(Request::post("http://h.test/").body(body).unwrap()));
        tokio::time::timeout(LONG, told.recv()).await.expect("the end of the first attempt").unwrap();
        go.add_permits(1);
        assert_eq!(asked.await.unwrap().unwrap().status(), 200);
    });
}

#[test]
fn a_grpc_answer_has_its_status_in_the_head_for_a_client_that_speaks_http1() {
    let service = Http2Service::start(100, |request| {
        let status = request.uri().path()[1..].to_owned();
        Box::pin(async move {
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", status.parse().unwrap());
            trailers.insert("grpc-message", "m".parse().unwrap());
            let frames = Frames::of(&["abc", "def"], Some(trailers));
            Response::builder().header("content-type", "application/grpc").body(BoxBody::new(frames)).unwrap()
        })
    });
    let gateway = World::of("grpc").instance("web", service.address).start();
    let mut client = Client::connect(gateway.address);
    for (status, http) in [("0", 200), ("5", 503)] {
        let answer = client.ask(&request("POST", &format!("/{status}"), "content-type: application/grpc\r\n", "hello"));
        assert_eq!((answer.status, answer.text(), answer.header("content-length")), (http, "abcdef", Some("6")));
        assert_eq!((answer.header("grpc-status"), answer.header("grpc-message")), (Some(status), Some("m")));
    }
    let other = client.ask(&request("POST", "/5", "content-type: application/json\r\n", "hello"));
    assert_eq!((other.status, other.text(), other.header("grpc-status")), (200, "abcdef", None));
}

#[test]
fn each_frame_of_a_grpc_answer_that_is_kept_renews_the_idle_timeout() {
    let service = Http2Service::start(100, |_| {
        Box::pin(async {
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", "0".parse().unwrap());
            let frames = Frames::of(&["x"; 10], Some(trailers)).paced(Duration::from_millis(250));
            Response::builder().header("content-type", "application/grpc").body(BoxBody::new(frames)).unwrap()
        })
    });
    let gateway = World::of("grpc")
        .instance("web", service.address)
        .entry(json!({"Kind": "service-router", "Name": "web", "Routes": [
            {"Match": {"HTTP": {"PathPrefix": "/"}}, "Destination": {"IdleTimeout": "1500ms"}},
        ]}))
        .start();
    let answer = Client::connect(gateway.address).ask(&request("POST", "/", "content-type: application/grpc\r\n", "hello"));
    assert_eq!((answer.status, answer.text(), answer.header("grpc-status")), (200, "xxxxxxxxxx", Some("0")));
}

#[test]
fn a_grpc_answer_that_is_too_long_to_keep_comes_without_its_trailers() {
    const LENGTH: usize = 3_000_000;
    let service = Http2Service::start(100, |_| Box::pin(async { text(&"x".repeat(LENGTH)) }));
    let gateway = World::of("grpc").instance("web", service.address).start();
    let answer = Client::connect(gateway.address).ask(&request("POST", "/", "content-type: application/grpc\r\n", "hello"));
    assert_eq!((answer.status, answer.body.len(), answer.header("grpc-status")), (200, LENGTH, None));
}
