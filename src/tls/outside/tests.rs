//! Sessions with a service outside the mesh that are resumed.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, KeyPair};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::PrivateKeyDer;
use time::OffsetDateTime;

use super::*;

/// A service with a certificate of its own that ends soon; every connection is ended once it was greeted.
fn ends_soon() -> (SocketAddr, String) {
    let (mut params, key) = (CertificateParams::new(["a.test".to_owned()]).unwrap(), KeyPair::generate().unwrap());
    (params.not_before, params.not_after) = (rcgen::date_time_ymd(2020, 1, 1), OffsetDateTime::now_utc() + Duration::from_secs(3));
    let cert = params.self_signed(&key).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let builder = ServerConfig::builder_with_provider(shared_provider()).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(builder.with_no_client_auth().with_single_cert(vec![cert.der().clone()], key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut tls = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream.unwrap());
            drop(tls.write_all(b"hello").and_then(|()| tls.flush()));
        }
    });
    (address, cert.pem())
}

#[tokio::test]
async fn a_resumed_session_ends_with_the_certificate_of_the_first_one() {
    use tokio::io::AsyncReadExt;
    let (address, pem) = ends_soon();
    let path = std::env::temp_dir().join(format!("gw-outside-resumed-{}.pem", std::process::id()));
    std::fs::write(&path, pem).unwrap();
    let outside = Outside::build(&OutsideFiles { anchors: Anchors::File(path.clone()), own: None }).unwrap();
    std::fs::remove_file(path).unwrap();
    let (start, mut resumed) = (Instant::now(), 0);
    let refused = loop {
        assert!(start.elapsed() < Duration::from_secs(20), "{resumed} sessions were resumed, and it is over");
        let stream = TcpStream::connect(address).await.unwrap();
        match outside.connect(stream, Some("a.test"), Protocol::Tcp).await {
            Ok(mut stream) => {
                resumed += usize::from(stream.get_ref().1.handshake_kind() == Some(HandshakeKind::Resumed));
                // The ticket for the next one comes before it.
                drop(stream.read_exact(&mut [0; 5]).await);
            }
            Err(refused) => break refused,
        }
    };
    assert!(resumed > 0 && matches!(&refused, NoTls::Unverified(_)), "{resumed} {refused}");
}
