//! Requests under way that a change forbids, beside others of the same client that it does not.

use std::convert::Infallible;
use std::io::{Read, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::harness::http2::{Http2Service, Reply, run};
use crate::harness::{Exit, Exits, LONG, Seen, Service, Tls, answer, eventually, sni};

/// Whoever asks for a path below this may, if nothing is judged but what he himself sent.
fn allowed(path: &str) -> Value {
    let edited = json!([{"Name": "x-forwarded-for", "Present": true}, {"Name": "x-team", "Present": true}]);
    let denied = edited.as_array().unwrap().iter().map(|header| json!({"Action": "deny", "HTTP": {"Header": [header]}}));
    denied.chain([json!({"Action": "allow", "HTTP": {"PathPrefix": path}})]).collect()
}

fn exit(name: &str, protocol: &str, service: std::net::SocketAddr) -> Exits {
    Exit::of(name, protocol).intention("api", allowed("/")).instance("web", service, "").start()
}

/// Within a second of the change something has come about.
#[track_caller]
fn soon(what: &str, since: Instant, holds: impl FnMut() -> bool) {
    eventually(what, holds);
    assert!(since.elapsed() < Duration::from_secs(1), "{what}: {:?}", since.elapsed());
}

/// What a service hears of one path: bytes, and how many requests ended.
#[derive(Default)]
struct Heard {
    bytes: AtomicUsize,
    ended: AtomicUsize,
}

impl Heard {
    fn bytes(&self) -> usize {
        self.bytes.load(SeqCst)
    }

    fn ended(&self) -> usize {
        self.ended.load(SeqCst)
    }
}

/// A service that begins no answer before it is told to, hears all that comes, and answers `/stream` at once and for ever.
fn listening() -> (Service, Arc<Heard>, Arc<Heard>) {
    let (kept, cut) = (Arc::<Heard>::default(), Arc::<Heard>::default());
    let of = [kept.clone(), cut.clone()];
    let service = Service::start(move |mut stream| {
        let mut bytes = [0; 4096];
        let Ok(n @ 1..) = stream.read(&mut bytes) else { return };
        let head = String::from_utf8_lossy(&bytes[..n]).into_owned();
        let heard = &of[usize::from(head.contains(" /cut"))];
        heard.bytes.fetch_add(n, SeqCst);
        if head.contains("/stream") {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
            while stream.write_all(&[b'x'; 16 * 1024]).is_ok() {}
        }
        while let Ok(n @ 1..) = stream.read(&mut bytes) {
            heard.bytes.fetch_add(n, SeqCst);
        }
        heard.ended.fetch_add(1, SeqCst);
    });
    (service, kept, cut)
}

fn upload(exit: &Exits, path: &str) -> Tls {
    let mut client = exit.connect("api");
    assert!(client.send(&format!("POST {path} HTTP/1.1\r\nhost: web\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")));
    client
}

#[test]
pub(crate) fn an_upload_that_is_forbidden_is_answered_with_403_and_others_go_on() {
    let (service, kept, cut) = listening();
    let mut exit = exit("forbidden-upload", "http", service.address);
    let (mut goes_on, mut ends) = (upload(&exit, "/kept"), upload(&exit, "/cut"));
    eventually("both are under way", || kept.bytes() > 0 && cut.bytes() > 0);
    exit.change(|exit| exit.intention("api", allowed("/kept")));
    let start = Instant::now();
    let answer = ends.read();
    assert!(answer.starts_with("HTTP/1.1 403") && answer.contains("x-gw-code: denied") && answer.contains("connection: close"), "{answer}");
    soon("the service hears its end", start, || cut.ended() == 1);
    let before = kept.bytes();
    assert!(goes_on.send("5\r\nworld\r\n"));
    eventually("the other upload goes on", || kept.bytes() > before);
    assert_eq!((kept.ended(), exit.recorded("denied")["path"].as_str()), (0, Some("/cut")));
}

#[test]
fn a_request_that_waits_for_its_answer_is_told_and_its_connection_asks_on() {
    let asked = Arc::new(AtomicUsize::new(0));
    let may_answer = Arc::new(AtomicBool::new(false));
    let (count, may) = (asked.clone(), may_answer.clone());
    let service = Service::answering(move |seen: &Seen| {
        count.fetch_add(1, SeqCst);
        eventually("it may answer", || may.load(SeqCst));
        answer(200, &seen.line)
    });
    let mut exit = exit("forbidden-wait", "http", service.address);
    let ask = |method: &str| {
        let mut client = exit.connect("api");
        assert!(client.send(&format!("{method} /slow HTTP/1.1\r\nhost: web\r\ncontent-length: 0\r\n\r\n")));
        client
    };
    let (mut kept, mut cut) = (ask("GET"), ask("DELETE"));
    eventually("both are under way", || asked.load(SeqCst) == 2);
    exit.change(|exit| exit.intention("api", json!([{"Action": "allow", "HTTP": {"PathPrefix": "/", "Methods": ["GET"]}}])));
    let answer = cut.read();
    assert!(answer.starts_with("HTTP/1.1 403") && !answer.contains("connection: close"), "{answer}");
    may_answer.store(true, SeqCst);
    assert!(kept.read().contains("GET /slow"));
    assert_eq!(cut.get("/other").0, 200);
}

#[test]
fn an_answer_that_is_forbidden_ends_whether_its_client_reads_it_or_not() {
    let (service, kept, cut) = listening();
    let mut exit = exit("forbidden-answer", "http", service.address);
    let ask = |path: &str| {
        let mut client = exit.connect("api");
        assert!(client.send(&format!("GET {path} HTTP/1.1\r\nhost: web\r\n\r\n")));
        assert!(client.read().starts_with("HTTP/1.1 200"), "{path}");
        client
    };
    let (mut reads, mut reads_on, _reads_nothing) = (ask("/cut/stream"), ask("/kept/stream"), ask("/cut/stream"));
    exit.change(|exit| exit.intention("api", allowed("/kept")));
    let start = Instant::now();
    while !reads.read().is_empty() {}
    soon("both answers end at the service", start, || cut.ended() == 2);
    for _ in 0..1000 {
        assert!(!reads_on.read().is_empty());
    }
    assert_eq!((kept.ended(), exit.recorded("denied")["path"].as_str()), (0, Some("/cut/stream")));
    drop(reads_on);
    soon("the other answer ends with its client", Instant::now(), || kept.ended() == 1);
    let start = Instant::now();
    drop(exit);
    assert!(start.elapsed() < Duration::from_secs(1), "a connection is left, and drains: {:?}", start.elapsed());
}

#[test]
fn what_nobody_looked_at_before_is_judged_as_what_it_is() {
    let (service, kept, cut) = listening();
    let mut exit = Exit::of("forbidden-disguise", "http").intention("api", json!("allow")).instance("web", service.address, "").start();
    let (mut goes_on, mut ends) = (upload(&exit, "/kept"), upload(&exit, "/cut/../admin"));
    eventually("both are under way", || kept.bytes() > 0 && cut.bytes() > 0);
    let permissions = json!([{"Action": "deny", "HTTP": {"PathPrefix": "/admin"}}, {"Action": "allow", "HTTP": {"PathPrefix": "/"}}]);
    exit.change(|exit| exit.intention("api", permissions));
    assert!(ends.read().starts_with("HTTP/1.1 403"));
    let before = kept.bytes();
    assert!(goes_on.send("5\r\nworld\r\n"));
    eventually("the other upload goes on", || kept.bytes() > before);
}

#[test]
fn with_the_switch_a_request_under_way_goes_on() {
    let (service, _, cut) = listening();
    let exit = Exit::of("forbidden-switch", "http").intention("api", allowed("/")).line("deny_cuts = false");
    let mut exit = exit.instance("web", service.address, "").start();
    let mut client = upload(&exit, "/cut");
    eventually("it is under way", || cut.bytes() > 0);
    exit.change(|exit| exit.intention("api", allowed("/kept")));
    assert_eq!(exit.get("api", "/cut").0, 403);
    let before = cut.bytes();
    assert!(client.send("5\r\nworld\r\n"));
    eventually("it goes on", || cut.bytes() > before);
}

#[test]
fn what_entries_make_of_a_request_is_not_what_is_judged() {
    let (service, kept, _) = listening();
    let router = |set: &str| {
        let edits = json!({"Set": {"x-team": set}, "Remove": ["x-key"]});
        json!({"Kind": "service-router", "Name": "web", "Routes": [{"Destination": {"RequestHeaders": edits}}]})
    };
    let with_key = |path: &str| {
        let mut permissions = allowed(path);
        permissions[2]["HTTP"]["Header"] = json!([{"Name": "x-key", "Exact": "k"}]);
        permissions
    };
    let exit = Exit::of("forbidden-edits", "http").entry(router("a")).intention("api", with_key("/"));
    let mut exit = exit.instance("web", service.address, "").start();
    let mut client = exit.connect("api");
    assert!(client.send("POST /kept HTTP/1.1\r\nhost: web\r\nx-key: k\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"));
    eventually("it is under way", || kept.bytes() > 0);
    for path in ["/kept", "/ke", "/k"] {
        exit.change(|exit| exit.intention("api", with_key(path)));
        let before = kept.bytes();
        assert!(client.send("5\r\nworld\r\n"));
        eventually("it goes on", || kept.bytes() > before);
    }
    exit.change(|exit| exit.intention("api", with_key("/other")));
    assert!(client.read().starts_with("HTTP/1.1 403"));
}

/// A body of what is sent here.
struct Sent(UnboundedReceiver<&'static str>);

impl Body for Sent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|sent| sent.map(|text| Ok(Frame::data(Bytes::from_static(text.as_bytes())))))
    }
}

/// What comes, as it comes, said back; how it ends is counted.
struct Echo(Incoming, Arc<Heard>);

impl Body for Echo {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = std::task::ready!(Pin::new(&mut self.0).poll_frame(cx));
        let Some(Ok(frame)) = frame else { return Poll::Ready(None) };
        self.1.bytes.fetch_add(frame.data_ref().map_or(0, Bytes::len), SeqCst);
        Poll::Ready(Some(Ok(frame)))
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.1.ended.fetch_add(1, SeqCst);
    }
}

/// A service of HTTP/2 that says back what it hears at `/../echo`, and only listens elsewhere.
fn echoing() -> (Http2Service, Arc<Heard>, Arc<Heard>) {
    let (kept, cut) = (Arc::<Heard>::default(), Arc::<Heard>::default());
    let of = [kept.clone(), cut.clone()];
    let service = Http2Service::start(200, move |request| {
        let path = request.uri().path().to_owned();
        let mut echo = Echo(request.into_body(), of[usize::from(path.starts_with("/cut"))].clone());
        Box::pin(async move {
            if path.ends_with("/echo") {
                return Response::new(BoxBody::new(echo));
            }
            while echo.frame().await.is_some() {}
            Response::new(BoxBody::new(Empty::new()))
        }) as Reply
    });
    (service, kept, cut)
}

/// A client's connection that lets so much of each answer come.
async fn connect(exit: &Exits, window: u32) -> SendRequest<Sent> {
    let stream = tokio::net::TcpStream::connect(exit.run.address()).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(exit.exit().ca.client(Some("api")));
    let stream = connector.connect(ServerName::try_from(sni("web")).unwrap(), stream).await.unwrap();
    let mut builder = Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(window).initial_connection_window_size(1 << 20);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// Begins a request, and says something.
fn begin(
    client: &SendRequest<Sent>,
    path: &str,
    kind: &str,
) -> (UnboundedSender<&'static str>, tokio::task::JoinHandle<Response<Incoming>>) {
    let (say, said) = unbounded_channel();
    say.send("hello").unwrap();
    let request = Request::post(format!("http://web{path}")).header("content-type", kind).body(Sent(said)).unwrap();
    let mut client = client.clone();
    (say, tokio::spawn(async move { client.send_request(request).await.unwrap() }))
}

/// The next of an answer; `None` if it does not go on.
async fn next(answer: &mut Response<Incoming>) -> Option<Bytes> {
    let frame = tokio::time::timeout(LONG, answer.frame()).await.expect("something");
    frame.and_then(Result::ok).and_then(|frame| frame.into_data().ok())
}

/// Waits for a condition, and lets others go on meanwhile.
async fn until(what: &str, holds: impl Fn() -> bool) {
    let waits = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONG, waits).await.unwrap_or_else(|_| panic!("never: {what}"));
}

fn streams_are_cut_alone(protocol: &str, kind: &str) -> Response<Incoming> {
    // More than may be given up at once by a client that takes nothing.
    const MANY: usize = 40;
    let (service, kept, cut) = echoing();
    let mut exit = exit(&format!("forbidden-{protocol}"), protocol, service.address);
    run(async {
        let client = connect(&exit, 1 << 16).await;
        let (say, goes_on) = begin(&client, "/kept/echo", kind);
        let mut goes_on = goes_on.await.unwrap();
        let (_say_upload, upload) = begin(&client, "/cut/upload", kind);
        let mut streams = Vec::new();
        for _ in 0..MANY {
            let (say, stream) = begin(&client, "/cut/echo", kind);
            let mut stream = stream.await.unwrap();
            assert_eq!(next(&mut stream).await.as_deref(), Some(&b"hello"[..]));
            streams.push((say, stream));
        }
        assert_eq!(next(&mut goes_on).await.as_deref(), Some(&b"hello"[..]));
        until("all is under way", || cut.bytes() == 5 * (MANY + 1)).await;
        exit.change(|exit| exit.intention("api", allowed("/kept")));
        let start = Instant::now();
        for (_, stream) in &mut streams {
            assert_eq!(next(stream).await, None, "it is cut");
        }
        let answer = upload.await.unwrap();
        until("the service hears of all", || cut.ended() == MANY + 1).await;
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
        say.send("goes on").unwrap();
        assert_eq!(next(&mut goes_on).await.as_deref(), Some(&b"goes on"[..]));
        assert_eq!(kept.ended(), 0);
        assert_eq!(exit.recorded("denied")["protocol"], "HTTP/2");
        answer
    })
}

#[test]
fn of_an_http_2_connection_only_the_requests_that_are_forbidden_end() {
    assert_eq!(streams_are_cut_alone("http2", "text/plain").status(), 403);
}

#[test]
fn streams_of_grpc_likewise_and_a_call_without_an_answer_is_told_in_its_words() {
    let answer = streams_are_cut_alone("grpc", "application/grpc");
    assert_eq!((answer.status().as_u16(), answer.headers()["grpc-status"].as_bytes()), (200, &b"7"[..]));
}

#[test]
fn a_client_that_takes_nothing_of_an_answer_says_nothing_more_once_that_is_forbidden() {
    let (service, _, cut) = echoing();
    let mut exit = exit("forbidden-window", "http2", service.address);
    run(async {
        let client = connect(&exit, 0).await;
        let (say, answer) = begin(&client, "/cut/echo", "text/plain");
        let answer = answer.await.unwrap();
        assert_eq!(answer.status(), 200);
        until("it is under way", || cut.bytes() == 5).await;
        exit.change(|exit| exit.intention("api", allowed("/kept")));
        let start = Instant::now();
        until("the service hears its end", || cut.ended() == 1).await;
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
        drop((say, answer));
    });
}
