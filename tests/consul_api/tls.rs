//! An agent that speaks TLS and HTTP/2, as every agent does at `https://`.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use gw::rt::log::with_causes;
use gw::source::consul::call::Call;
use gw::source::consul::client::{AskError, Unreached};
use gw::source::consul::settings::{Flags, Settings};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::client_with;
use crate::support::scratch_with;

const NAME: &str = "server.dc1.consul";

struct Agent {
    address: SocketAddr,
    /// PEM of its certificate, which vouches for itself.
    certificate: String,
    connections: Arc<AtomicUsize>,
}

/// It answers `["dc1"]` to whatever it is asked.
async fn agent() -> Agent {
    gw::tls::install();
    let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).expect("they fit");
    config.alpn_protocols = vec![b"h2".to_vec()];
    let (acceptor, listener) = (TlsAcceptor::from(Arc::new(config)), TcpListener::bind("127.0.0.1:0").await.expect("a free port"));
    let (address, connections) = (listener.local_addr().expect("an address"), Arc::new(AtomicUsize::new(0)));
    let counter = connections.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, counter) = (acceptor.clone(), counter.clone());
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                counter.fetch_add(1, Ordering::SeqCst);
                let answer = |_| async { Ok::<_, Infallible>(http::Response::new(Full::new(Bytes::from_static(b"[\"dc1\"]")))) };
                let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                drop(builder.serve_connection(TokioIo::new(stream), service_fn(answer)).await);
            });
        }
    });
    Agent { address, certificate: made.cert.pem(), connections }
}

#[tokio::test]
async fn an_agent_is_believed_by_its_certificate_under_the_name_that_it_should_have() {
    let agent = agent().await;
    let stranger = rcgen::generate_simple_self_signed([NAME.to_owned()]).expect("a certificate").cert.pem();
    let files = [("ca.pem", agent.certificate.as_str()), ("d/ca.pem", agent.certificate.as_str()), ("stranger.pem", stranger.as_str())];
    let folder = scratch_with("agent-tls", &files);
    let path = |name: &str| Some(folder.path().join(name).to_str().expect("a path").to_owned());
    let name = || Some(format!("{NAME}:8501"));
    type Set<'a> = Box<dyn FnOnce(&mut Flags) + 'a>;
    let cases: [(&str, Set<'_>, bool); 5] = [
        ("its CA and name", Box::new(|f| (f.ca_file, f.tls_server_name) = (path("ca.pem"), name())), true),
        ("a folder with its CA", Box::new(|f| (f.ca_path, f.tls_server_name) = (path("d"), name())), true),
        ("no name", Box::new(|f| f.ca_file = path("ca.pem")), false),
        ("another CA", Box::new(|f| (f.ca_file, f.tls_server_name) = (path("stranger.pem"), name())), false),
        ("the machine's roots", Box::new(|f| f.tls_server_name = name()), false),
    ];
    for (what, set, believed) in cases {
        let client = client_with(&format!("https://{}", agent.address), set);
        match client.ask(&Call::datacenters()).await {
            Ok(answer) => assert!(believed && answer.what == Some(vec!["dc1".to_owned()]), "{what}"),
            Err(error) => {
                let is = matches!(error, AskError::Unreached { why: Unreached::Connect(_), .. });
                assert!(!believed && is, "{what}: {}", with_causes(&error));
            }
        }
    }
    let env = |name: &str| (name == "CONSUL_HTTP_SSL_VERIFY").then(|| "false".to_owned());
    let flags = Flags { http_addr: Some(format!("https://{}", agent.address)), ..Flags::default() };
    let client = gw::source::consul::client::Client::new(Settings::of(&flags, env).expect("settings")).expect("a client");
    assert!(client.ask(&Call::datacenters()).await.is_ok(), "nothing is looked at where nothing shall be");
}

#[tokio::test]
async fn questions_share_a_connection() {
    let agent = agent().await;
    let folder = scratch_with("agent-h2", &[("ca.pem", agent.certificate.as_str())]);
    let client = client_with(&format!("https://{}", agent.address), |flags| {
        flags.ca_file = folder.path().join("ca.pem").to_str().map(str::to_owned);
        flags.tls_server_name = Some(NAME.to_owned());
    });
    client.ask(&Call::datacenters()).await.expect("an answer");
    let mut asking = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let client = client.clone();
        asking.spawn(async move { client.ask(&Call::datacenters()).await.expect("an answer") });
    }
    assert_eq!(asking.join_all().await.len(), 100);
    assert_eq!(agent.connections.load(Ordering::SeqCst), 1);
}

#[test]
fn files_of_tls_that_are_none_are_named() {
    let folder = scratch_with("agent-files", &[("empty.pem", ""), ("other.pem", "hello")]);
    let path = |name: &str| Some(folder.path().join(name).to_str().expect("a path").to_owned());
    gw::tls::install();
    for (file, says) in [("none.pem", "cannot read "), ("empty.pem", "holds no certificate"), ("other.pem", "holds no certificate")] {
        let flags = Flags { http_addr: Some("https://127.0.0.1:1".to_owned()), ca_file: path(file), ..Flags::default() };
        let settings = Settings::of(&flags, |_| None).expect("settings");
        let error = gw::source::consul::client::Client::new(settings).expect_err(file);
        assert!(error.to_string().contains(says) && error.to_string().contains(file), "{error}");
    }
}
