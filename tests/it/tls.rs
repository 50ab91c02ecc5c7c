//! TLS listeners.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::harness::{Folder, Gateway, Seen, Service, World, answer};
use crate::http2::run;

/// A connection after its handshake, if the certificate was `root`.
pub(crate) async fn handshake(
    address: SocketAddr,
    root: &CertificateDer<'static>,
    name: &'static str,
    alpn: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|p| p.to_vec()).collect();
    let stream = TcpStream::connect(address).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    connector.connect(ServerName::try_from(name).unwrap(), stream).await
}

async fn connect(gateway: &Gateway, root: &CertificateDer<'static>, name: &'static str, alpn: &[&[u8]]) -> TlsStream<TcpStream> {
    handshake(gateway.address, root, name, alpn).await.unwrap()
}

/// One request; the protocol that was agreed on, and the answer.
pub(crate) async fn ask(
    gateway: &Gateway,
    root: &CertificateDer<'static>,
    name: &'static str,
    alpn: &[&[u8]],
) -> (Option<Vec<u8>>, String) {
    let stream = connect(gateway, root, name, alpn).await;
    let agreed = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
    let request = Request::get(format!("https://{name}/")).header("host", name).body(Empty::<Bytes>::new()).unwrap();
    let body = if agreed.as_deref() == Some(b"h2") {
        let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender.send_request(request).await.unwrap().into_body().collect().await.unwrap()
    } else {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let (mut parts, body) = request.into_parts();
        parts.uri = "/".parse().unwrap();
        sender.send_request(Request::from_parts(parts, body)).await.unwrap().into_body().collect().await.unwrap()
    };
    (agreed, String::from_utf8(body.to_bytes().to_vec()).unwrap())
}

#[test]
fn a_tls_listener_shows_the_certificate_of_the_name_and_speaks_both_versions_of_http() {
    gw::tls::install();
    let folder = Folder::new("tls");
    let ((one, one_der), (two, two_der)) = (folder.certificate("one.test"), folder.certificate("two.test"));
    let service = Service::answering(|seen: &Seen| answer(200, seen.header("x-forwarded-proto").unwrap_or("-")));
    let gateway = World::of("http").instance("web", service.address).tls(vec![one, two]).start();
    let (h2, h1): (&[u8], &[u8]) = (b"h2", b"http/1.1");
    run(async {
        assert_eq!(ask(&gateway, &one_der, "one.test", &[h2, h1]).await, (Some(h2.to_vec()), "https".to_owned()));
        assert_eq!(ask(&gateway, &two_der, "two.test", &[h1]).await, (Some(h1.to_vec()), "https".to_owned()));
        assert_eq!(ask(&gateway, &two_der, "two.test", &[]).await, (None, "https".to_owned()));
    });
}

#[test]
fn who_agrees_on_http_2_and_says_nothing_does_not_hold_up_the_end() {
    gw::tls::install();
    let folder = Folder::new("silent");
    let (one, der) = folder.certificate("one.test");
    let gateway = World::of("http").tls(vec![one]).start();
    run(async {
        let silent = connect(&gateway, &der, "one.test", &[b"h2"]).await;
        let start = std::time::Instant::now();
        tokio::task::spawn_blocking(move || gateway.stop()).await.unwrap();
        assert!(start.elapsed() < std::time::Duration::from_secs(5));
        drop(silent);
    });
}
