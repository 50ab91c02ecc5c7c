//! A gateway that keeps its own leaf: issued where it is missing, renewed when its time has come, and again when another root signs,
//! under load and without a handshake that fails.

use std::io::{BufRead, BufReader, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use gw::app::Refused;
use gw::app::certs::{self, Folder as Certs, Init, Order};
use gw::app::files::Unreadable;
use gw::app::origin::{self, OriginError, Wanted};
use gw::source::diagnostic::Diagnostic;
use gw::tls::{Authority, INTERMEDIATE_LIFE, pem};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use crate::harness::{Folder, Run, Service, answer, eventually, get};

/// A sidecar with the files of `web`, that can be given others, and whose every answer ends its connection: each request is a handshake.
struct Sidecar {
    service: Service,
    config: Arc<Mutex<Arc<ServerConfig>>>,
    /// The leaves that clients have shown.
    shown: Arc<Mutex<Vec<Vec<u8>>>>,
    failed: Arc<AtomicUsize>,
}

/// What the files of `web` say now. It verifies by the library alone, with the bundle as it is now.
fn of_files(folder: &Folder) -> Arc<ServerConfig> {
    let chain = |file: &str| CertificateDer::pem_file_iter(folder.at(file)).unwrap().map(Result::unwrap).collect::<Vec<_>>();
    let mut roots = RootCertStore::empty();
    chain("certs/ca.pem").into_iter().for_each(|root| roots.add(root).unwrap());
    let clients = WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.at("certs/web-key.pem")).unwrap();
    let builder = ServerConfig::builder().with_client_cert_verifier(clients);
    Arc::new(builder.with_single_cert(chain("certs/web.pem"), key).unwrap())
}

impl Sidecar {
    fn new(folder: &Folder) -> Self {
        let config = Arc::new(Mutex::new(of_files(folder)));
        let (shown, failed) = (Arc::<Mutex<Vec<Vec<u8>>>>::default(), Arc::<AtomicUsize>::default());
        let (now, seen, bad) = (config.clone(), shown.clone(), failed.clone());
        let service = Service::start(move |stream| {
            let mut tls = StreamOwned::new(ServerConnection::new(now.lock().unwrap().clone()).unwrap(), stream);
            while tls.conn.is_handshaking() {
                if tls.conn.complete_io(&mut tls.sock).is_err() {
                    bad.fetch_add(1, Ordering::SeqCst);
                    return;
                }
            }
            let leaf = tls.conn.peer_certificates().unwrap()[0].to_vec();
            let mut seen = seen.lock().unwrap();
            if seen.last() != Some(&leaf) {
                seen.push(leaf);
            }
            drop(seen);
            let mut reader = BufReader::new(tls);
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|n| n > 0) && line != "\r\n" {
                line.clear();
            }
            let text = answer(200, "inside").replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
            drop(reader.get_mut().write_all(text.as_bytes()));
            reader.get_mut().conn.send_close_notify();
            drop(reader.get_mut().flush());
        });
        Self { service, config, shown, failed }
    }

    fn reads_its_files(&self, folder: &Folder) {
        *self.config.lock().unwrap() = of_files(folder);
    }

    /// How many different leaves came one after the other.
    fn leaves(&self) -> usize {
        self.shown.lock().unwrap().len()
    }

    /// Who signed the leaf that came last.
    fn last_is_by(&self) -> String {
        let shown = self.shown.lock().unwrap();
        certs::X509::read(&CertificateDer::from(shown.last().cloned().unwrap_or_default())).map(|leaf| leaf.issuer).unwrap_or_default()
    }
}

/// Clients that ask without a pause.
struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<(usize, Vec<String>)>>,
}

impl Load {
    fn on(run: &Run) -> Self {
        let (stop, address) = (Arc::<AtomicBool>::default(), run.address());
        let client = || {
            let stop = stop.clone();
            std::thread::spawn(move || {
                let (mut good, mut bad) = (0, Vec::new());
                while !stop.load(Ordering::SeqCst) {
                    let answer = get(address, "/");
                    if answer.status == 200 { good += 1 } else { bad.push(format!("{} {:?}", answer.status, answer.header("x-gw-code"))) }
                }
                (good, bad)
            })
        };
        Self { clients: (0..3).map(|_| client()).collect(), stop }
    }

    /// How many requests were answered; every one must have been.
    #[track_caller]
    fn end(self) -> usize {
        self.stop.store(true, Ordering::SeqCst);
        let ended: Vec<(usize, Vec<String>)> = self.clients.into_iter().map(|client| client.join().unwrap()).collect();
        let bad: Vec<&String> = ended.iter().flat_map(|(_, bad)| bad).collect();
        assert!(bad.is_empty(), "{} requests failed: {:?}", bad.len(), &bad[..bad.len().min(5)]);
        ended.iter().map(|(good, _)| good).sum()
    }
}

/// A CA in `certs` with a leaf for `web`, and a gateway `edge` in front of its sidecar. The trust domain is nowhere but in the CA.
fn world(name: &str, wanted: &Init, edge: Option<Duration>) -> (Folder, Certs, Sidecar) {
    gw::tls::install();
    let folder = Folder::new(name);
    let ca = Certs::at(folder.at("certs"));
    certs::init(&ca, wanted).unwrap();
    certs::issue(&ca, &Order::service("web")).unwrap();
    if edge.is_some() {
        certs::issue(&ca, &Order { ttl: edge, ..Order::service("edge") }).unwrap();
    }
    let sidecar = Sidecar::new(&folder);
    folder.gw_toml(sidecar.service.address, "mesh = true\n[certs]\ndir = \"certs\"\n");
    folder.entries(&[(Service::nowhere().port(), "http", false)], &[]);
    (folder, ca, sidecar)
}

#[test]
fn a_leaf_that_is_missing_is_issued_at_the_start_with_the_trust_domain_of_the_ca() {
    let (folder, _, sidecar) = world("renewal-missing", &Init::default(), None);
    assert!(!folder.at("certs/edge.pem").exists());
    let run = folder.start();
    assert_eq!(get(run.address(), "/").text(), "inside");
    let leaf = certs::leaf_in(&folder.at("certs/edge.pem")).unwrap();
    assert!(leaf.uris[0].ends_with("/ns/default/dc/dc1/svc/edge"), "{leaf:?}");
    assert_eq!(sidecar.leaves(), 1);
}

#[test]
fn who_only_looks_at_files_issues_nothing() {
    let (folder, ..) = world("renewal-looking", &Init::default(), None);
    let problems = gw::app::load::load(&folder.at("gw.toml"), &[]).expect_err("the leaf is missing");
    assert!(problems.iter().any(|p| p.code == "GW0507"), "{problems:?}");
    assert!(!folder.at("certs/edge.pem").exists());
}

#[test]
fn a_leaf_that_does_not_fit_its_key_is_issued_anew_where_there_is_a_ca_to_do_it() {
    let (folder, _, _sidecar) = world("renewal-broken", &Init::default(), Some(Duration::from_secs(3600)));
    std::fs::copy(folder.at("certs/web-key.pem"), folder.at("certs/edge-key.pem")).unwrap();
    let run = folder.start();
    assert_eq!(get(run.address(), "/").text(), "inside");
}

#[test]
fn a_leaf_of_another_datacenter_than_that_of_the_file_is_issued_anew() {
    let (folder, _, sidecar) = world("renewal-datacenter", &Init::default(), Some(Duration::from_secs(3600)));
    let of_edge = || certs::leaf_in(&folder.at("certs/edge.pem")).unwrap();
    let first = of_edge();
    let run = folder.start();
    assert_eq!(of_edge(), first, "it is that of the file");
    drop(run);
    folder.gw_toml(sidecar.service.address, "mesh = true\n[certs]\ndir = \"certs\"\n");
    let text = std::fs::read_to_string(folder.at("gw.toml")).unwrap();
    folder.write("gw.toml", &format!("datacenter = \"dc2\"\n{text}"));
    let _run = folder.start();
    assert!(of_edge().uris[0].ends_with("/ns/default/dc/dc2/svc/edge"), "{:?}", of_edge());
}

#[test]
fn a_leaf_of_another_datacenter_whose_gateway_runs_is_left_to_it_with_what_to_type() {
    let (folder, ..) = world("renewal-shared", &Init::default(), None);
    let of_edge = || certs::leaf_in(&folder.at("certs/edge.pem")).unwrap();
    let run = folder.start();
    let first = of_edge();
    let text = std::fs::read_to_string(folder.at("gw.toml")).unwrap();
    folder.write("dc2.toml", &format!("datacenter = \"dc2\"\n{text}"));
    let config = Wanted { config: Some(folder.at("dc2.toml")), ..Wanted::default() };
    for _ in 0..2 {
        let Err(OriginError::Files(problems)) = origin::resolve(&config, || panic!("files are there")) else { panic!("it is refused") };
        let told =
            |p: &&Diagnostic| p.code == "GW0507" && p.message.contains("certs/edge.pem is the leaf of edge in dc1, where gateways run");
        let problem = problems.iter().find(told).unwrap_or_else(|| panic!("{problems:?}"));
        assert!(
            problem.message.contains("give dc2 a folder of its own, cp -p ") && problem.message.contains("certs/ca*.pem"),
            "{problem:?}"
        );
    }
    assert_eq!(of_edge(), first);
    assert_eq!(get(run.address(), "/").text(), "inside");
    // A datacenter that is left may be taken.
    drop(run);
    let _run = folder.start_with(&folder.at("dc2.toml"), Duration::from_secs(10));
    assert!(of_edge().uris[0].ends_with("/ns/default/dc/dc2/svc/edge"), "{:?}", of_edge());
}

#[test]
fn a_leaf_that_cannot_be_issued_keeps_no_other_from_it() {
    let (folder, ca, _) = world("renewal-others", &Init::default(), None);
    let domain = certs::trust_domain(&ca).unwrap();
    let error = certs::leaves(&ca, &["one", "ca", "up/down", "two"], "dc1", &domain).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("ca: ") && text.contains("up/down: ") && !text.contains("two"), "{text}");
    for made in ["one", "two"] {
        assert!(certs::leaf_in(&folder.at(&format!("certs/{made}.pem"))).is_ok());
    }
}

#[test]
fn another_trust_domain_in_the_file_than_the_cas_is_refused() {
    let (folder, _, sidecar) = world("renewal-domain", &Init::default(), None);
    let run = folder.start();
    folder.gw_toml(sidecar.service.address, "mesh = true\n[certs]\ndir = \"certs\"\n");
    let text = std::fs::read_to_string(folder.at("gw.toml")).unwrap();
    std::fs::remove_file(folder.at("certs/edge.pem")).unwrap();
    folder.write("gw.toml", &format!("trust_domain = \"else.consul\"\n{text}"));
    let Refused::Files(Unreadable::Origin(OriginError::Files(problems))) = run.refused() else { panic!("the files are refused") };
    assert!(problems.iter().any(|p| p.code == "GW0507" && p.message.contains("nobody trusts it for else.consul")), "{problems:?}");
}

#[test]
fn a_leaf_is_renewed_again_and_again_under_load_and_no_handshake_fails() {
    let (folder, _, sidecar) = world("renewal-load", &Init::default(), Some(Duration::from_secs(3)));
    let run = folder.start();
    let load = Load::on(&run);
    eventually("four leaves were shown, one after the other", || sidecar.leaves() >= 4);
    let asked = load.end();
    assert_eq!(sidecar.failed.load(Ordering::SeqCst), 0);
    assert!(asked > 100, "{asked}");
}

#[test]
fn an_intermediate_that_has_aged_gives_way_to_another_under_load_and_no_handshake_fails() {
    let (folder, ca, _) = world("renewal-below", &Init::default(), None);
    let file = |name: &str| folder.at(&format!("certs/{name}"));
    let root = Authority::of(pem::chain(&file("ca.pem")).unwrap().remove(0), &pem::key(&file("ca-key.pem")).unwrap()).unwrap();
    let made = certs::Moment(certs::Moment::now().0 - (INTERMEDIATE_LIFE - Duration::from_secs(24 * 3600)).as_secs().cast_signed());
    let aged = root.intermediate(&certs::trust_domain(&ca).unwrap(), made).unwrap();
    std::fs::write(file("ca-intermediate-key.pem"), aged.key_pem()).unwrap();
    std::fs::write(file("ca-intermediate.pem"), pem::text_of(&[aged.certificate().clone()])).unwrap();
    for name in ["web", "edge"] {
        certs::issue(&ca, &Order { force: true, ..Order::service(name) }).unwrap();
    }
    let sidecar = Sidecar::new(&folder);
    folder.gw_toml(sidecar.service.address, "mesh = true\n[certs]\ndir = \"certs\"\n");
    let issuer = || certs::leaf_in(&file("edge.pem")).unwrap().issuer;
    assert_eq!(issuer(), aged.says().subject);
    let run = folder.start();
    let load = Load::on(&run);
    // The sidecar's own leaf stays under the one before.
    eventually("the gateway shows a leaf of another intermediate", || {
        sidecar.leaves() > 0 && !matches!(sidecar.last_is_by(), by if by == aged.says().subject)
    });
    let reached = sidecar.service.connections();
    eventually("it goes on so", || sidecar.service.connections() > reached + 50);
    load.end();
    assert_eq!(sidecar.failed.load(Ordering::SeqCst), 0);
    assert_ne!(issuer(), aged.says().subject);
}

#[test]
fn a_root_takes_the_place_of_another_under_load_and_no_handshake_fails() {
    for intermediate in [false, true] {
        let wanted = Init { intermediate, ..Init::default() };
        let (folder, ca, sidecar) = world("renewal-rotation", &wanted, None);
        let run = folder.start();
        let load = Load::on(&run);
        eventually("the load reaches the sidecar", || sidecar.leaves() == 1);
        let before = sidecar.last_is_by();
        certs::start(&ca).unwrap();
        // The sidecar still knows the old root alone.
        eventually("the gateway shows a leaf of the new root", || !matches!(sidecar.last_is_by(), by if by == before));
        certs::renew(&ca, &[], |_| 1.0).unwrap();
        sidecar.reads_its_files(&folder);
        let reached = sidecar.service.connections();
        eventually("both have leaves of the new root", || sidecar.service.connections() > reached + 50);
        certs::finish(&ca, false).unwrap();
        let reached = sidecar.service.connections();
        eventually("the old root is trusted no more", || sidecar.service.connections() > reached + 50);
        sidecar.reads_its_files(&folder);
        let reached = sidecar.service.connections();
        eventually("nor by the sidecar", || sidecar.service.connections() > reached + 50);
        let asked = load.end();
        assert_eq!(sidecar.failed.load(Ordering::SeqCst), 0, "of {asked}");
    }
}
