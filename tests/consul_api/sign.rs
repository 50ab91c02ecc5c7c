//! What is asked of a server that signs, or does anything else in its place.

use std::sync::Arc;
use std::time::Duration;

use gw::id::{Identity, SpiffeId, TargetId, TrustDomain};
use gw::rt::log::with_causes;
use gw::source::consul::client::{AskError, Unreached};
use gw::source::consul::settings::{Flags, Settings};
use gw::source::consul::sign::{SignError, Signer};
use gw::tls::{Authority, Moment, Request, Wanted, X509, pem};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

use crate::fake::FakeConsul;
use crate::signer::{Does, Server};
use crate::support::{free_port, scratch_with};

fn mesh() -> TrustDomain {
    TrustDomain::new("test.consul")
}

fn edge() -> Identity {
    Identity::Service(SpiffeId::of_target(&TargetId::service("edge", "dc1"), &mesh()))
}

fn names() -> Vec<String> {
    vec!["shop.example".to_owned(), "*.ingress.consul".to_owned()]
}

/// `edge` with its names, below an intermediate that stands twice.
fn signed(csr: &str) -> String {
    let root = Authority::root(&mesh(), Moment::now()).expect("a root");
    let below = root.intermediate(&mesh(), Moment::now()).expect("an intermediate");
    let (uris, dns, ips, life) = (vec![edge().to_string()], names(), Vec::new(), Duration::from_hours(72));
    let wanted = Wanted { common_name: None, uris, dns, ips, for_servers: true, for_clients: true, life };
    let above = [below.certificate().clone(), below.certificate().clone()];
    pem::text_of(&below.sign(csr.as_bytes(), &wanted, &above, Moment::now()).expect("a leaf").chain)
}

async fn server(tls: Option<TlsAcceptor>) -> Server {
    gw::tls::install();
    Server::start(tls, Arc::new(signed)).await
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
    let server = server(None).await;
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
    let server = server(Some(TlsAcceptor::from(Arc::new(config)))).await;
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
    let server = server(None).await;
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
