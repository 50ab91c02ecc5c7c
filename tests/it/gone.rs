//! Clients that read nothing, or are gone: what a service does for them ends.

use std::io::{BufReader, Read, Write};
use std::net::Shutdown;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use http_body_util::BodyExt;
use serde_json::{Value, json};
use socket2::SockRef;

use crate::harness::http2::{Http2Service, ask, connect, run, text};
use crate::harness::{Client, LONG, Service, World, read_request, request};

fn route(destination: Value) -> Value {
    json!({"Kind": "service-router", "Name": "web", "Routes": [{"Match": {"HTTP": {"PathPrefix": "/"}}, "Destination": destination}]})
}

/// A service that answers without an end, and says when nobody takes it any more.
fn endless() -> (Service, Receiver<()>) {
    let (tell, told) = channel();
    let tell = Mutex::new(tell);
    let service = Service::start(move |mut stream| {
        read_request(&mut BufReader::new(stream.try_clone().unwrap()));
        stream.write_all(b"HTTP/1.1 200 X\r\n\r\n").unwrap();
        while stream.write_all(&[b'x'; 65_536]).is_ok() {}
        tell.lock().unwrap().send(()).unwrap();
    });
    (service, told)
}

/// A service that takes requests and answers none, and says when its connection ends.
fn silent() -> (Service, Receiver<&'static str>) {
    let (tell, told) = channel();
    let tell = Mutex::new(tell);
    let service = Service::start(move |stream| {
        let mut reader = BufReader::new(stream);
        read_request(&mut reader);
        tell.lock().unwrap().send("asked").unwrap();
        drop(std::io::copy(&mut reader, &mut std::io::sink()));
        tell.lock().unwrap().send("ended").unwrap();
    });
    (service, told)
}

#[test]
fn a_client_that_reads_nothing_does_not_hold_a_service_beyond_the_idle_timeout() {
    let (service, told) = endless();
    let gateway = World::of("http").instance("web", service.address).entry(route(json!({"IdleTimeout": "300ms"}))).start();
    let mut client = Client::connect(gateway.address);
    client.send(&request("GET", "/", "", ""));
    told.recv_timeout(LONG).expect("the service is let go");
    drop(client);
    assert_eq!(gateway.stop()[0]["code"], "idle_timeout");
}

#[test]
fn a_stream_that_nobody_reads_does_not_hold_a_service_beyond_the_request_timeout() {
    let (service, told) = endless();
    let gateway = World::of("http").instance("web", service.address).entry(route(json!({"RequestTimeout": "300ms"}))).start();
    run(async {
        let mut sender = connect(gateway.address).await;
        let answer = sender.send_request(ask("/")).await.unwrap();
        tokio::task::spawn_blocking(move || told.recv_timeout(LONG).expect("the service is let go")).await.unwrap();
        // And whoever reads at last learns that it is not complete.
        assert!(answer.into_body().collect().await.is_err());
    });
    assert_eq!(gateway.stop()[0]["code"], "request_timeout");
}

#[test]
fn a_client_that_takes_none_of_many_answers_loses_its_connection() {
    let (service, _told) = endless();
    let gateway = World::of("http").instance("web", service.address).entry(route(json!({"RequestTimeout": "300ms"}))).start();
    run(async {
        let sender = connect(gateway.address).await;
        let mut answers = Vec::new();
        for mut sender in std::iter::repeat_n(sender.clone(), 40) {
            answers.push(sender.send_request(ask("/")).await.unwrap());
        }
        let start = Instant::now();
        while !sender.is_closed() {
            assert!(start.elapsed() < LONG, "it goes on");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
}

#[test]
fn a_service_that_reads_nothing_does_not_hold_a_client_beyond_the_idle_timeout() {
    let (go, wait) = channel::<()>();
    let (tell, told) = channel();
    let ends = Mutex::new((wait, tell));
    let service = Service::start(move |mut stream| {
        // An answer that has begun, and a request that nobody takes.
        stream.read_exact(&mut [0; 64]).unwrap();
        stream.write_all(b"HTTP/1.1 200 X\r\ncontent-length: 1000\r\n\r\nsome").unwrap();
        let ends = ends.lock().unwrap();
        ends.0.recv().unwrap();
        drop(std::io::copy(&mut stream, &mut std::io::sink()));
        ends.1.send(()).unwrap();
    });
    let gateway = World::of("http").instance("web", service.address).entry(route(json!({"IdleTimeout": "300ms"}))).start();
    let mut client = Client::connect(gateway.address);
    let mut stream = client.stream.try_clone().unwrap();
    stream.write_all(b"POST / HTTP/1.1\r\nhost: h.test\r\ncontent-length: 1000000000\r\n\r\n").unwrap();
    let upload = std::thread::spawn(move || while stream.write_all(&[b'x'; 65_536]).is_ok() {});
    assert_eq!(client.head().map(|head| head.status), Some(200));
    upload.join().expect("the connection ends");
    go.send(()).unwrap();
    told.recv_timeout(LONG).expect("the service's connection ends");
    assert_eq!(gateway.stop()[0]["code"], "idle_timeout");
}

#[test]
fn a_client_that_closes_while_it_waits_ends_its_request() {
    // A websocket, which may have sent something for the tunnel, is a request too until its 101.
    let websocket = "connection: Upgrade\r\nupgrade: websocket\r\n";
    for (reset, headers, early) in
        [(false, "", ""), (true, "", ""), (false, websocket, ""), (true, websocket, ""), (false, websocket, "early")]
    {
        let (service, told) = silent();
        let gateway = World::of("http").instance("web", service.address).start();
        let mut client = Client::connect(gateway.address);
        client.send(&format!("{}{early}", request("GET", "/", headers, "")));
        assert_eq!(told.recv_timeout(LONG), Ok("asked"));
        if reset {
            SockRef::from(&client.stream).set_linger(Some(Duration::ZERO)).unwrap();
            client.stream.shutdown(Shutdown::Read).unwrap();
            drop(client);
        } else {
            client.stream.shutdown(Shutdown::Write).unwrap();
            assert!(client.is_closed());
        }
        assert_eq!(told.recv_timeout(LONG), Ok("ended"), "reset: {reset} {headers:?} {early:?}");
        assert_eq!(gateway.stop()[0]["code"], "client_gone");
    }
}

#[test]
fn a_stream_that_its_client_resets_ends_its_request_at_the_service() {
    let (service, told) = silent();
    let gateway = World::of("http").instance("web", service.address).start();
    let client = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let sender = client.block_on(connect(gateway.address));
    let mut asking = sender.clone();
    let asked = client.spawn(async move { asking.send_request(ask("/")).await.is_ok() });
    assert_eq!(told.recv_timeout(LONG), Ok("asked"));
    // The connection goes on.
    asked.abort();
    assert_eq!(told.recv_timeout(LONG), Ok("ended"));
    drop(sender);
}

#[test]
fn a_stream_that_its_client_resets_is_reset_at_an_http2_service_whose_connection_lives_on() {
    struct Ended(tokio::sync::mpsc::UnboundedSender<&'static str>);
    impl Drop for Ended {
        fn drop(&mut self) {
            let _ = self.0.send("ended");
        }
    }
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let service = Http2Service::start(100, move |request| {
        let tell = tell.clone();
        Box::pin(async move {
            if request.uri().path() == "/slow" {
                tell.send("asked").unwrap();
                let _ended = Ended(tell);
                std::future::pending::<()>().await;
            }
            text("ok")
        })
    });
    let gateway = World::of("http2").instance("web", service.address).start();
    run(async {
        let mut sender = connect(gateway.address).await;
        let mut slow = sender.clone();
        let asked = tokio::spawn(async move { slow.send_request(ask("/slow")).await.is_ok() });
        assert_eq!(told.recv().await, Some("asked"));
        asked.abort();
        assert_eq!(tokio::time::timeout(LONG, told.recv()).await.expect("it ends"), Some("ended"));
        assert_eq!(sender.send_request(ask("/")).await.unwrap().status(), 200);
    });
    assert_eq!(service.connections(), 1);
}

#[test]
fn a_websocket_lives_beyond_the_request_timeout_and_ends_with_the_idle_timeout() {
    let service = Service::start(|mut stream| {
        read_request(&mut BufReader::new(stream.try_clone().unwrap()));
        stream.write_all(b"HTTP/1.1 101 X\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n").unwrap();
        let mut byte = [0];
        while let Ok(1) = stream.read(&mut byte) {
            stream.write_all(&byte).unwrap();
        }
    });
    let times = json!({"RequestTimeout": "200ms", "IdleTimeout": "3s"});
    let gateway = World::of("http").instance("web", service.address).entry(route(times)).start();
    let mut client = Client::connect(gateway.address);
    client.send(&request("GET", "/", "connection: Upgrade\r\nupgrade: websocket\r\n", ""));
    assert_eq!(client.head().unwrap().status, 101);
    for _ in 0..8 {
        std::thread::sleep(Duration::from_millis(100));
        client.send("x");
        assert_eq!(client.read_exact(1), b"x");
    }
    assert!(client.is_closed());
    assert_eq!(gateway.stop()[0]["code"], "idle_timeout");
}
