//! A server that signs, or does anything else in its place: `ConnectCAService/Sign` over HTTP/2, with and without TLS.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use gw::id::{Identity, SpiffeId, TargetId, TrustDomain};
use gw::rt::log::with_causes;
use gw::source::consul::client::{AskError, Unreached};
use gw::source::consul::settings::{Flags, Settings};
use gw::source::consul::sign::{SignError, Signer};
use gw::tls::{Authority, Moment, Request, Wanted, X509, pem};
use http::{HeaderMap, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::fake::FakeConsul;
use crate::support::{free_port, scratch_with};

/// What is answered.
#[derive(Clone)]
enum Does {
    /// It signs what is asked for, as a datacenter with an intermediate does.
    Sign,
    /// A gRPC status in the head, as where nothing else is said.
    Refuse(u32, &'static str),
    /// The same after the body.
    RefuseLate(u32, &'static str),
    /// What some other server of HTTP/2 says.
    Http(u16),
    /// A body without a word about how it went.
    NoStatus,
    /// A message that is none, and all is well.
    Garbled(&'static [u8]),
    /// So many bytes.
    Long(usize),
}

/// It goes on until the test ends.
struct Server {
    address: SocketAddr,
    does: Arc<Mutex<Does>>,
    /// Method and token of each call.
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

impl Server {
    async fn start(tls: Option<TlsAcceptor>) -> Self {
        gw::tls::install();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (does, asked) = (Arc::new(Mutex::new(Does::Sign)), Arc::<Mutex<Vec<_>>>::default());
        let (saying, noting) = (does.clone(), asked.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, saying, noting) = (tls.clone(), saying.clone(), noting.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, saying, noting).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, saying, noting).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, does, asked }
    }

    fn does(&self, does: Does) {
        *self.does.lock().expect("nobody panicked") = does;
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + 'static, does: Arc<Mutex<Does>>, asked: Arc<Mutex<Vec<(String, String)>>>) {
    let answer = service_fn(move |request: http::Request<Incoming>| {
        let (does, asked) = (does.lock().expect("nobody panicked").clone(), asked.clone());
        async move {
            let header = |name| request.headers().get(name).map_or("", |value| value.to_str().expect("a text")).to_owned();
            assert_eq!((header("content-type").as_str(), header("te").as_str()), ("application/grpc", "trailers"));
            let method = format!("{} {}", request.method(), request.uri().path());
            asked.lock().expect("nobody panicked").push((method, header("x-consul-token")));
            let body = request.into_body().collect().await.expect("a body").to_bytes();
            Ok::<_, Infallible>(answered(&does, &body))
        }
    });
    let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    drop(builder.serve_connection(TokioIo::new(stream), answer).await);
}

fn answered(does: &Does, asked: &[u8]) -> Response<UnsyncBoxBody<Bytes, Infallible>> {
    let grpc = |status: u16| Response::builder().status(status).header("content-type", "application/grpc");
    let body = |bytes: Bytes| Full::new(bytes);
    let status = |code: u32, text: &str| {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", code.to_string().parse().expect("a number"));
        trailers.insert("grpc-message", text.parse().expect("a text"));
        async move { Some(Ok(trailers)) }
    };
    let made = match *does {
        Does::Sign => grpc(200).body(body(framed(&signed(asked))).with_trailers(status(0, "")).boxed_unsync()),
        Does::Refuse(code, text) => {
            grpc(200).header("grpc-status", code).header("grpc-message", text).body(body(Bytes::new()).boxed_unsync())
        }
        Does::RefuseLate(code, text) => grpc(200).body(body(Bytes::new()).with_trailers(status(code, text)).boxed_unsync()),
        Does::Http(code) => Response::builder().status(code).header("content-type", "text/html").body(body("<html>".into()).boxed_unsync()),
        Does::NoStatus => grpc(200).body(body(framed(&signed(asked))).boxed_unsync()),
        Does::Garbled(bytes) => grpc(200).body(body(bytes.into()).with_trailers(status(0, "")).boxed_unsync()),
        Does::Long(length) => grpc(200).body(body(vec![0; length].into()).with_trailers(status(0, "")).boxed_unsync()),
    };
    made.expect("an answer")
}

fn framed(message: &[u8]) -> Bytes {
    let mut out = BytesMut::new();
    out.put_u8(0);
    out.put_u32(u32::try_from(message.len()).expect("it is short"));
    out.put_slice(message);
    out.freeze()
}

fn mesh() -> TrustDomain {
    TrustDomain::new("test.consul")
}

fn edge() -> Identity {
    Identity::Service(SpiffeId::of_target(&TargetId::service("edge", "dc1"), &mesh()))
}

fn names() -> Vec<String> {
    vec!["shop.example".to_owned(), "*.ingress.consul".to_owned()]
}

/// The answer to a framed request: `edge` with its names, below an intermediate that stands twice.
fn signed(asked: &[u8]) -> Vec<u8> {
    let at = asked.windows(10).position(|w| w == b"-----BEGIN").expect("a request in PEM");
    assert_eq!((asked[0], asked[5]), (0, 0x0a), "not compressed, the first field");
    let root = Authority::root(&mesh(), Moment::now()).expect("a root");
    let below = root.intermediate(&mesh(), Moment::now()).expect("an intermediate");
    let (uris, dns, ips, life) = (vec![edge().to_string()], names(), Vec::new(), Duration::from_hours(72));
    let wanted = Wanted { common_name: None, uris, dns, ips, for_servers: true, for_clients: true, life };
    let above = [below.certificate().clone(), below.certificate().clone()];
    let chain = pem::text_of(&below.sign(&asked[at..], &wanted, &above, Moment::now()).expect("a leaf").chain);
    let mut out = vec![2 << 3 | 2, (chain.len() & 0x7f) as u8 | 0x80, u8::try_from(chain.len() >> 7).expect("below 16 KiB")];
    out.extend_from_slice(chain.as_bytes());
    out
}

fn signer(address: &str, set: impl FnOnce(&mut Flags)) -> Signer {
    gw::tls::install();
    let mut flags = Flags { grpc_addr: Some(address.to_owned()), token: Some("s3cr3t".to_owned()), ..Flags::default() };
    set(&mut flags);
    let settings = Settings::of(&flags, |_| None).expect("settings");
    Signer::of(&settings).expect("a client").expect("an address is named")
}

async fn refused(signer: &Signer, whose: &Identity) -> SignError {
    let request = Request::new(whose, &[]).expect("a request");
    signer.sign(whose, request.csr()).await.expect_err("it is not signed")
}

#[tokio::test]
async fn a_key_of_ones_own_is_certified_for_the_names_that_were_asked_for() {
    let server = Server::start(None).await;
    let signer = signer(&server.address.to_string(), |_| {});
    for _ in 0..2 {
        let request = Request::new(&edge(), &names()).expect("a request");
        let chain = request.answered(&signer.sign(&edge(), request.csr()).await.expect("it signs")).expect("it is ours");
        let says = X509::read(&chain[0]).expect("a certificate");
        assert_eq!((chain.len(), says.dns, says.uris), (2, names(), vec![edge().to_string()]));
    }
    let call = ("POST /hashicorp.consul.connectca.ConnectCAService/Sign".to_owned(), "s3cr3t".to_owned());
    assert_eq!(*server.asked.lock().expect("nobody panicked"), [call.clone(), call]);
}

#[tokio::test]
async fn a_server_is_believed_by_the_certificate_that_its_own_ca_vouches_for() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    gw::tls::install();
    let mut config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).expect("they fit");
    config.alpn_protocols = vec![b"h2".to_vec()];
    let server = Server::start(Some(TlsAcceptor::from(Arc::new(config)))).await;
    let stranger = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate").cert.pem();
    let folder = scratch_with("grpc-tls", &[("ca.pem", made.cert.pem().as_str()), ("stranger.pem", stranger.as_str())]);
    let path = |name: &str| Some(folder.path().join(name).to_str().expect("a path").to_owned());
    let address = format!("https://localhost:{}", server.address.port());
    let request = Request::new(&edge(), &[]).expect("a request");
    // The CA of the HTTP API says nothing about the other port.
    let right = signer(&address, |flags| (flags.ca_file, flags.grpc_ca_file) = (path("stranger.pem"), path("ca.pem")));
    request.answered(&right.sign(&edge(), request.csr()).await.expect("it signs")).expect("it is ours");
    for wrong in
        [signer(&address, |flags| flags.grpc_ca_file = path("stranger.pem")), signer(&address, |flags| flags.ca_file = path("ca.pem"))]
    {
        let error = refused(&wrong, &edge()).await;
        let is = matches!(error, SignError::Unanswered(AskError::Unreached { why: Unreached::Connect(_), .. }));
        assert!(is, "{}", with_causes(&error));
    }
    assert_eq!(server.asked.lock().expect("nobody panicked").len(), 1, "no token goes to a stranger");
}

#[tokio::test]
async fn what_is_not_signed_is_told_in_consuls_words_with_what_to_do() {
    let server = Server::start(None).await;
    let signer = signer(&server.address.to_string(), |_| {});
    let lacks = "rpc error: token with AccessorID '7b57' lacks permission 'service:write' on \"edge\"";
    type Is = fn(&SignError) -> bool;
    let cases: [(Does, Is, bool, &str, &str); 13] = [
        (Does::Refuse(7, lacks), |e| matches!(e, SignError::Denied { .. }), false, lacks, "service \"edge\" { policy = \"write\" }"),
        (Does::RefuseLate(7, "no"), |e| matches!(e, SignError::Denied { .. }), false, "/svc/edge: no", "policy = \"write\""),
        (Does::Refuse(16, "ACL not found"), |e| matches!(e, SignError::UnknownToken(_)), false, "ACL not found", "--token-file"),
        (Does::Refuse(8, "rate limit"), |e| matches!(e, SignError::Busy(_)), true, "rate limit", "csr_max_per_second"),
        (Does::Refuse(12, "unknown service"), |e| matches!(e, SignError::SignsNothing { .. }), false, "unknown service", "over HTTP"),
        (Does::Refuse(3, "bad%20dc%0A%1b%"), |e| matches!(e, SignError::Refused { .. }), false, ": bad dc  %", "trust domain"),
        (Does::RefuseLate(13, "no leader"), |e| matches!(e, SignError::Failed { .. }), true, "status 13): no leader", ""),
        (Does::Http(404), |e| matches!(e, SignError::Strange { .. }), false, "HTTP status 404, content-type \"text/html\"", "ports.grpc"),
        (Does::NoStatus, |e| matches!(e, SignError::Strange { .. }), false, "without a grpc-status", "ports.grpc"),
        (Does::Garbled(b""), |e| matches!(e, SignError::Strange { .. }), false, "no SignResponse", "ports.grpc"),
        (Does::Garbled(b"\x01\0\0\0\x01x"), |e| matches!(e, SignError::Strange { .. }), false, "no SignResponse", "ports.grpc"),
        (Does::Garbled(b"\0\xff\xff\xff\xff\x12\x01x"), |e| matches!(e, SignError::Strange { .. }), false, "no SignResponse", "ports.grpc"),
        (Does::Long(2 << 20), |e| matches!(e, SignError::Unanswered(_)), false, "1048576 bytes", "gRPC port"),
    ];
    for (does, is, is_passing, says, advice) in cases {
        server.does(does);
        let error = refused(&signer, &edge()).await;
        let line = with_causes(&error);
        assert!(is(&error) && line.contains(says), "{line}");
        assert_eq!(error.is_passing(), is_passing, "{line}");
        assert!(error.advice().unwrap_or_default().contains(advice), "{line}: {:?}", error.advice());
    }
    server.does(Does::Refuse(7, "no"));
    let gateway = Identity::MeshGateway { trust_domain: mesh(), datacenter: "dc1".into() };
    let advice = refused(&signer, &gateway).await.advice();
    assert_eq!(advice.as_deref(), Some("give the token the rule mesh = \"write\""));
}

#[tokio::test]
async fn where_no_grpc_is_spoken_it_is_said_what_to_do_without() {
    let http = FakeConsul::start();
    let nobody = format!("127.0.0.1:{}", free_port());
    for address in [http.address(), nobody] {
        let error = refused(&signer(&address, |_| {}), &edge()).await;
        let line = with_causes(&error);
        assert!(matches!(error, SignError::Unanswered(AskError::Unreached { .. })) && error.is_passing(), "{line}");
        assert!(line.contains("asked Consul at http://127.0.0.1:") && line.contains("ConnectCAService/Sign"), "{line}");
        assert!(error.advice().is_some_and(|advice| advice.contains("leaves come over HTTP")), "{line}");
    }
    let settings = Settings::of(&Flags::default(), |_| None).expect("settings");
    assert!(Signer::of(&settings).expect("nothing is wrong").is_none(), "without an address nobody is asked");
}
