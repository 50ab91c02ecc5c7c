//! HTTP/2 from clients and towards services.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::harness::{LONG, Seen, Service, World, answer};

pub(crate) fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

pub(crate) async fn ask(address: SocketAddr, requests: usize) -> Vec<(StatusCode, String)> {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let (sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut answers = Vec::new();
    for n in 0..requests {
        let request = Request::get(format!("http://h.test/{n}")).body(Full::new(Bytes::new())).unwrap();
        let mut sender = sender.clone();
        answers.push(tokio::spawn(async move {
            let response = sender.send_request(request).await.unwrap();
            let status = response.status();
            (status, String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap())
        }));
    }
    let mut out = Vec::new();
    for answer in answers {
        out.push(answer.await.unwrap());
    }
    out
}

/// A service that speaks HTTP/2.
async fn serve<B, F>(answer: impl Fn(Request<Incoming>) -> F + Clone + Send + 'static) -> SocketAddr
where
    B: Body<Data = Bytes, Error = Infallible> + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
{
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let answer = answer.clone();
            let serve = service_fn(move |request| {
                let response = answer(request);
                async move { Ok::<_, Infallible>(response.await) }
            });
            tokio::spawn(hyper::server::conn::http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), serve));
        }
    });
    address
}

#[test]
fn streams_of_one_connection_are_answered_each_for_itself() {
    let service = Service::answering(|seen: &Seen| answer(200, &seen.line));
    let gateway = World::of("http").instance("web", service.address).start();
    let answers = run(ask(gateway.address, 50));
    for (n, answer) in answers.into_iter().enumerate() {
        assert_eq!(answer, (StatusCode::OK, format!("GET /{n} HTTP/1.1")));
    }
}

#[test]
fn a_grpc_service_is_spoken_to_with_http2_and_its_trailers_come_through() {
    run(async {
        let service = serve(|request: Request<Incoming>| async move {
            assert_eq!((request.version(), request.uri().to_string().as_str()), (Version::HTTP_2, "http://h.test/pkg.Svc/Do"));
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", "0".parse().unwrap());
            Response::new(Full::new(body).with_trailers(std::future::ready(Some(Ok(trailers)))))
        })
        .await;
        let gateway = tokio::task::spawn_blocking(move || World::of("grpc").instance("web", service).start()).await.unwrap();
        let stream = tokio::net::TcpStream::connect(gateway.address).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = Request::post("http://h.test/pkg.Svc/Do").header("content-type", "application/grpc").header("te", "trailers");
        let response = sender.send_request(request.body(Full::new(Bytes::from_static(b"\0\0\0\0\0"))).unwrap()).await.unwrap();
        let collected = response.into_body().collect().await.unwrap();
        assert_eq!(collected.trailers().unwrap()["grpc-status"], "0");
        assert_eq!(collected.to_bytes().len(), 5);
        tokio::task::spawn_blocking(move || gateway.stop()).await.unwrap();
    });
}

#[test]
fn a_grpc_answer_of_gws_own_is_a_head_alone_even_while_the_request_still_comes() {
    let gateway = World::of("grpc").start();
    run(async {
        let stream = tokio::net::TcpStream::connect(gateway.address).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        // A message, and a trailer that never comes.
        let body = Full::new(Bytes::from_static(b"\0\0\0\0\0")).with_trailers(std::future::pending());
        let request = Request::post("http://h.test/pkg.Svc/Do").header("content-type", "application/grpc").body(body).unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!((response.status(), &response.headers()["grpc-status"]), (StatusCode::OK, &"14".parse().unwrap()));
        assert!(response.body().is_end_stream());
    });
}

#[test]
fn a_reader_that_waits_holds_up_no_other_stream_to_the_service() {
    run(async {
        let service = serve(|request: Request<Incoming>| async move {
            let length = if request.uri().path() == "/large" { 8 << 20 } else { 100_000 };
            Response::new(Full::new(Bytes::from(vec![b'x'; length])))
        })
        .await;
        let gateway = tokio::task::spawn_blocking(move || World::of("grpc").instance("web", service).start()).await.unwrap();
        let stream = tokio::net::TcpStream::connect(gateway.address).await.unwrap();
        let mut builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
        builder.initial_stream_window_size(65_535).initial_connection_window_size(64 << 20);
        let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let get = |path: &str| Request::get(format!("http://h.test{path}")).body(Empty::<Bytes>::new()).unwrap();
        let mut waiting = Vec::new();
        for _ in 0..20 {
            waiting.push(sender.send_request(get("/large")).await.unwrap());
            let small = sender.send_request(get("/small")).await.unwrap();
            let body = tokio::time::timeout(LONG, small.into_body().collect()).await.expect("nobody holds it up").unwrap();
            assert_eq!(body.to_bytes().len(), 100_000);
        }
        for large in waiting {
            assert_eq!(large.into_body().collect().await.unwrap().to_bytes().len(), 8 << 20);
        }
        tokio::task::spawn_blocking(move || gateway.stop()).await.unwrap();
    });
}
