//! Hellos of real clients, heard as they are sent: openssl, curl, and rustls in its configurations.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gw::tls::HelloReader;
use rustls::client::{EchGreaseConfig, EchMode};
use rustls::crypto::aws_lc_rs::{default_provider, hpke::ALL_SUPPORTED_SUITES, kx_group};
use rustls::crypto::hpke::HpkePublicKey;
use rustls::{ClientConfig, ClientConnection, RootCertStore, SupportedProtocolVersion, version};

use crate::parsers::{Beside, compare};
use crate::{Asked, corpus, read_however_cut};

const NAME: &str = "web.default.dc2.internal.test.consul";

/// A client and what its hello asks for.
pub(crate) struct Client {
    name: &'static str,
    pub(crate) asks: Asked,
    says: Says,
}

enum Says {
    /// Words of a shell, with PORT where the port stands.
    Program(String),
    Rustls(Box<ClientConfig>),
}

impl Client {
    /// Its name in the corpus.
    pub(crate) fn file(&self) -> String {
        format!("client-{}", self.name)
    }
}

pub(crate) fn all() -> Vec<Client> {
    let programs = [openssl(), curl()].concat();
    let programs = programs.into_iter().map(|(name, command, asks)| Client { name, asks, says: Says::Program(command) });
    let configured = of_rustls().into_iter().map(|(name, config, asks)| Client { name, asks, says: Says::Rustls(Box::new(config)) });
    programs.chain(configured).collect()
}

#[test]
fn the_hello_of_every_client_is_read_as_it_was_meant() {
    for client in all() {
        let bytes = match &client.says {
            Says::Program(command) => heard(command),
            Says::Rustls(config) => said_by(config),
        };
        let name = client.file();
        corpus::bless(&name, &bytes);
        assert_eq!(read_however_cut(&name, &bytes), Ok(Some(client.asks)), "{name}");
        // No server of rustls speaks these.
        let old = ["client-openssl-tls10", "client-openssl-tls11"].contains(&name.as_str());
        assert_eq!(compare(&name, &bytes), if old { Beside::ServerRefuses } else { Beside::Same }, "{name}");
    }
}

fn asks(sni: Option<&str>, alpn: &[&str]) -> Asked {
    Asked { sni: sni.map(str::to_owned), alpn: alpn.iter().map(|protocol| protocol.as_bytes().to_vec()).collect() }
}

fn openssl() -> Vec<(&'static str, String, Asked)> {
    let many: Vec<String> = (0..60).map(|n| format!("protocol-{n}-{}", "x".repeat(200))).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let named = |name, options: &str| {
        (name, format!("openssl s_client -connect 127.0.0.1:PORT -servername {NAME} {options}"), asks(Some(NAME), &[]))
    };
    let mut clients = vec![
        named("openssl", ""),
        named("openssl-tls10", "-tls1 -cipher ALL:@SECLEVEL=0"),
        named("openssl-tls11", "-tls1_1 -cipher ALL:@SECLEVEL=0"),
        named("openssl-tls12", "-tls1_2"),
        named("openssl-tls13", "-tls1_3"),
        named("openssl-all-ciphers", "-cipher ALL:COMPLEMENTOFALL:@SECLEVEL=0"),
        named("openssl-fallback", "-tls1_2 -fallback_scsv"),
        named("openssl-no-ticket", "-no_ticket -no_etm"),
        named("openssl-status", "-status"),
        named("openssl-maxfraglen", "-maxfraglen 512"),
        named("openssl-srtp", "-use_srtp SRTP_AES128_CM_SHA1_80"),
        named("openssl-own-extensions", "-serverinfo 100,1000,60000"),
        named("openssl-groups", "-groups P-521:X25519:X448:P-384"),
        named("openssl-sigalgs", "-sigalgs ed25519:ECDSA+SHA512"),
        named("openssl-npn", "-tls1_2 -nextprotoneg h2,http/1.1"),
        named("openssl-no-middlebox", "-no_middlebox"),
        named("openssl-post-handshake", "-enable_pha"),
    ];
    let (_, bare, _) = named("", "");
    clients.push(("openssl-capitals", bare.replace(NAME, &NAME.to_uppercase()), asks(Some(NAME), &[])));
    clients.push(("openssl-no-name", bare.replace(&format!("-servername {NAME}"), "-noservername"), asks(None, &[])));
    clients.push(("openssl-alpn", format!("{bare} -alpn h2,http/1.1"), asks(Some(NAME), &["h2", "http/1.1"])));
    // 13 kB of protocols, in records of 512 bytes.
    clients.push(("openssl-records", format!("{bare} -max_send_frag 512 -alpn {}", many.join(",")), asks(Some(NAME), &many)));
    clients
}

fn curl() -> Vec<(&'static str, String, Asked)> {
    let to = |name: &str, options: &str| format!("curl -sk --noproxy '*' --resolve {name}:PORT:127.0.0.1 {options} https://{name}:PORT/");
    vec![
        ("curl", to(NAME, ""), asks(Some(NAME), &["h2", "http/1.1"])),
        ("curl-http11", to(NAME, "--http1.1"), asks(Some(NAME), &["http/1.1"])),
        ("curl-no-alpn", to(NAME, "--no-alpn"), asks(Some(NAME), &[])),
        ("curl-tls12", to(NAME, "--tls-max 1.2"), asks(Some(NAME), &["h2", "http/1.1"])),
        ("curl-by-address", "curl -sk --noproxy '*' https://127.0.0.1:PORT/".to_owned(), asks(None, &["h2", "http/1.1"])),
    ]
}

fn of_rustls() -> Vec<(&'static str, ClientConfig, Asked)> {
    let provider = Arc::new(default_provider());
    let with = |versions: &[&'static SupportedProtocolVersion]| {
        let builder = ClientConfig::builder_with_provider(provider.clone()).with_protocol_versions(versions).expect("versions");
        builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()
    };
    let changed = |change: &dyn Fn(&mut ClientConfig)| {
        let mut config = with(&[&version::TLS13, &version::TLS12]);
        change(&mut config);
        config
    };
    let classic = rustls::crypto::CryptoProvider { kx_groups: vec![kx_group::X25519], ..default_provider() };
    let classic = ClientConfig::builder_with_provider(Arc::new(classic)).with_safe_default_protocol_versions().expect("versions");
    let classic = classic.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    let suite = ALL_SUPPORTED_SUITES[0];
    let (key, _) = suite.generate_key_pair().expect("a key");
    let grease = EchMode::Grease(EchGreaseConfig::new(suite, HpkePublicKey(key.0)));
    let grease = ClientConfig::builder_with_provider(provider.clone()).with_ech(grease).expect("ECH");
    let grease = grease.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    vec![
        ("rustls", changed(&|_| {}), asks(Some(NAME), &[])),
        ("rustls-tls12", with(&[&version::TLS12]), asks(Some(NAME), &[])),
        ("rustls-tls13", with(&[&version::TLS13]), asks(Some(NAME), &[])),
        ("rustls-not-post-quantum", classic, asks(Some(NAME), &[])),
        ("rustls-ech-grease", grease, asks(Some(NAME), &[])),
        ("rustls-no-name", changed(&|config| config.enable_sni = false), asks(None, &[])),
        ("rustls-alpn", changed(&|config| config.alpn_protocols = vec![b"h2".to_vec(), b"x".to_vec()]), asks(Some(NAME), &["h2", "x"])),
        // Records of 32 bytes with their headers, the least that rustls sends.
        ("rustls-records", changed(&|config| config.max_fragment_size = Some(32)), asks(Some(NAME), &[])),
    ]
}

fn said_by(config: &ClientConfig) -> Vec<u8> {
    let mut client = ClientConnection::new(Arc::new(config.clone()), NAME.try_into().expect("a name")).expect("a client");
    let mut said = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut said).expect("a vector takes it");
    }
    said
}

/// The bytes that a program sends until its hello is read.
fn heard(command: &str) -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let command = format!("exec {}", command.replace("PORT", &port.to_string()));
    let mut program = Command::new("sh").args(["-c", &command]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let program = program.as_mut().expect("a shell");
    let mut stream = accept(&listener, program, &command);
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    while HelloReader::default().read(&bytes).is_ok_and(|hello| hello.is_none()) {
        let length = stream.read(&mut piece).expect("more of the hello");
        assert!(length > 0, "{command} ended in its hello");
        bytes.extend_from_slice(&piece[..length]);
    }
    drop(stream);
    program.wait().expect("the program ends with its connection");
    bytes
}

/// Its connection, unless it ends before it has made one.
fn accept(listener: &TcpListener, program: &mut Child, command: &str) -> TcpStream {
    listener.set_nonblocking(true).expect("a listener that does not wait");
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        if let Ok((stream, _)) = listener.accept() {
            stream.set_nonblocking(false).expect("a stream that waits");
            return stream;
        }
        if program.try_wait().expect("a program").is_some() || Instant::now() > end {
            let mut said = String::new();
            drop(program.kill());
            drop(program.stderr.take().map(|mut err| err.read_to_string(&mut said)));
            panic!("{command} did not connect: {said}");
        }
        std::thread::yield_now();
    }
}
