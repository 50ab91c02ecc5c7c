//! The services of a case, the ports of its listeners, and the clients that speak to it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use gw::model::service::Address;
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2 as client;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use socket2::{Domain, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use crate::corpus::{header_pairs, text};

/// What a case needs around the gateway. Dropping it ends the services.
pub(super) struct Services {
    runtime: Runtime,
    addresses: BTreeMap<String, SocketAddr>,
    /// Sockets that are bound and do not listen: they keep a port for the gateway, or refuse connections in an instance's place.
    held: Vec<Socket>,
    ports: BTreeMap<u16, u16>,
}

impl Services {
    pub(super) fn start(case: &Value) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let mut out = Self { runtime, addresses: BTreeMap::new(), held: Vec::new(), ports: BTreeMap::new() };
        let all = case.to_string();
        for number in (1..=9).filter(|n| *n == 1 || all.contains(&format!("$P{n}"))) {
            let port = out.hold().port();
            out.ports.insert(number, port);
        }
        for instance in case["instances"].as_array().into_iter().flatten() {
            let address = if instance.get("closed").is_some() { out.hold() } else { out.serve() };
            out.addresses.insert(text(&instance["id"]), address);
        }
        out
    }

    pub(super) fn port(&self, number: u16) -> u16 {
        self.ports.get(&number).copied().unwrap_or(1)
    }

    pub(super) fn address(&self, id: &str) -> Address {
        Address::Socket(self.addresses[id])
    }

    /// A port that nobody else gets: several sockets may be bound to it, but only who listens is connected to.
    fn hold(&mut self) -> SocketAddr {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.set_reuse_port(true).expect("an option");
        socket.set_reuse_address(true).expect("an option");
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a port");
        let address = socket.local_addr().expect("an address").as_socket().expect("an IP address");
        self.held.push(socket);
        address
    }

    /// A service that answers 200 to everything, in HTTP/1 or HTTP/2 as it is asked.
    fn serve(&self) -> SocketAddr {
        let listener = self.runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("an address");
        self.runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer_all(stream));
            }
        });
        address
    }

    /// Sends a request and waits for its answer, or for the refusal of what is none.
    pub(super) fn send(&self, request: &Value, to: SocketAddr) {
        if request["proto"] == "h2" && request.get("raw").is_none() {
            // What this client cannot write is no request: it is sent by nobody and recorded by nobody.
            let _ = self.runtime.block_on(exchange_http2(request, to));
        } else {
            super::exchange_http1(request, to);
        }
    }
}

async fn answer_all(stream: TcpStream) {
    let mut first = [0; 3];
    let Ok(n) = stream.peek(&mut first).await else { return };
    let is_http2 = first[..n] == *b"PRI";
    let io = TokioIo::new(stream);
    let service = service_fn(|request: Request<Incoming>| async {
        drop(request.into_body().collect().await);
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"here"))))
    });
    // Who breaks off, breaks off.
    if is_http2 {
        drop(http2::Builder::new(TokioExecutor::new()).serve_connection(io, service).await);
    } else {
        drop(http1::Builder::new().max_headers(1000).serve_connection(io, service).await);
    }
}

async fn exchange_http2(request: &Value, to: SocketAddr) -> Option<()> {
    let stream = TcpStream::connect(to).await.ok()?;
    let (mut sender, connection) = client::handshake::<_, _, Full<Bytes>>(TokioExecutor::new(), TokioIo::new(stream)).await.ok()?;
    tokio::spawn(connection);
    let body = "x".repeat(request["body_len"].as_u64().unwrap_or(0) as usize);
    let mut out = Request::new(Full::new(Bytes::from(body)));
    *out.method_mut() = Method::from_bytes(text(&request["method"]).as_bytes()).ok()?;
    *out.version_mut() = Version::HTTP_2;
    *out.uri_mut() =
        Uri::builder().scheme("http").authority(request["authority"].as_str()?).path_and_query(text(&request["path"])).build().ok()?;
    for (name, value) in header_pairs(request) {
        out.headers_mut().append(HeaderName::from_bytes(name.as_bytes()).ok()?, HeaderValue::from_bytes(value.as_bytes()).ok()?);
    }
    let response = sender.send_request(out).await.ok()?;
    response.into_body().collect().await.ok()?;
    Some(())
}
