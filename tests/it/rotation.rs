//! Leaves renewed and roots replaced, again and again, while clients go through two gateways: into the mesh by an ingress gateway, from
//! there by mTLS to a terminating gateway, and out. No handshake and no request fails, and no connection is cut.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use gw::app::certs::{self, Folder as Certs, Init, Order};
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::json;

use crate::harness::{Client, Exit, Exits, Folder, Run, Service, TRUST_DOMAIN, Tls, client_of_files, eventually, request, sni};

/// How often everything is renewed, and the root replaced.
const ROUNDS: usize = 3;
/// So many requests of every client between two steps.
const BETWEEN: usize = 8;

/// A client that asks without a pause until it is stopped.
struct Load {
    what: &'static str,
    answered: Arc<AtomicUsize>,
    failed: Arc<Mutex<Vec<String>>>,
    thread: JoinHandle<()>,
}

/// All of them.
struct Loads {
    stop: Arc<AtomicBool>,
    loads: Vec<Load>,
}

impl Loads {
    fn add(&mut self, what: &'static str, mut ask: impl FnMut() -> Result<(), String> + Send + 'static) {
        let (answered, failed) = (Arc::<AtomicUsize>::default(), Arc::<Mutex<Vec<String>>>::default());
        let (stop, good, bad) = (self.stop.clone(), answered.clone(), failed.clone());
        let thread = std::thread::spawn(move || {
            while !stop.load(Ordering::SeqCst) {
                let asked = ask();
                good.fetch_add(usize::from(asked.is_ok()), Ordering::SeqCst);
                bad.lock().unwrap().extend(asked.err());
            }
        });
        self.loads.push(Load { what, answered, failed, thread });
    }

    /// Waits until each of them has asked some more.
    #[track_caller]
    fn go_on(&self) {
        for load in &self.loads {
            let before = load.answered.load(Ordering::SeqCst);
            eventually(load.what, || {
                let failed = load.failed.lock().unwrap();
                assert!(failed.is_empty(), "{}: {failed:?}", load.what);
                load.answered.load(Ordering::SeqCst) >= before + BETWEEN
            });
        }
    }

    /// How many requests were answered in all; not one has failed.
    #[track_caller]
    fn end(self) -> usize {
        self.stop.store(true, Ordering::SeqCst);
        let mut all = 0;
        for load in self.loads {
            load.thread.join().unwrap();
            let failed = load.failed.lock().unwrap();
            assert!(failed.is_empty(), "{}: {failed:?}", load.what);
            all += load.answered.load(Ordering::SeqCst);
        }
        all
    }
}

/// The two gateways, and the CA whose leaves they show.
struct World {
    ca: Certs,
    exit: Exits,
    edge: Run,
    _folder: Folder,
}

impl World {
    fn new(protocol: &'static str, wanted: Init) -> Self {
        let exit = Exit::of("rotation-exit", protocol).entry(json!({"Kind": "service-intentions", "Name": "web", "Sources": [
            {"Name": "edge", "Action": "allow"}, {"Name": "api", "Action": "allow"}]}));
        let ca = Certs::at(exit.folder.at("certs"));
        certs::init(&ca, &Init { trust_domain: Some(TRUST_DOMAIN.to_owned()), force: true, ..wanted }).unwrap();
        for service in ["web", "edge", "api"] {
            certs::issue(&ca, &Order { force: true, ..Order::service(service) }).unwrap();
        }
        let exit = exit.instance("web", Service::saying("outside").address, "").start();
        let folder = Folder::new("rotation-edge");
        folder.gw_toml(exit.run.address(), &format!("mesh = true\n[certs]\ndir = \"{}\"\n", ca.path().display()));
        folder.entries(&[(Service::nowhere().port(), protocol, false)], &[]);
        let edge = folder.start();
        Self { ca, exit, edge, _folder: folder }
    }

    fn load(&self) -> Loads {
        let (edge, exit, certs) = (self.edge.address(), self.exit.run.address(), self.ca.path().to_owned());
        let mut loads = Loads { stop: Arc::default(), loads: Vec::new() };
        loads.add("anew through the ingress gateway", move || ask(&mut Client::connect(edge)));
        let mut kept = Client::connect(edge);
        loads.add("on one connection through the ingress gateway", move || ask(&mut kept));
        let mut sidecar = Sidecar { certs: certs.clone(), files: Vec::new(), config: None };
        loads.add("anew to the terminating gateway", move || said(&mut Tls::connect(exit, sidecar.config(), &sni("web"))));
        let first = client_of_files(&certs, "api").unwrap();
        let mut kept = Tls::connect(exit, first, &sni("web"));
        loads.add("on one connection to the terminating gateway", move || said(&mut kept));
        loads
    }

    /// Waits until both gateways show what is in the folder.
    #[track_caller]
    fn is_taken_up(&self, loads: &Loads) {
        self.edge.settles();
        self.exit.run.settles();
        let leaf = CertificateDer::from_pem_file(self.ca.path().join("web.pem")).unwrap();
        // Not a resumed one, which has the certificate of the first.
        let mut new = Tls::connect(self.exit.run.address(), client_of_files(self.ca.path(), "api").unwrap(), &sni("web"));
        assert!(new.shakes_hands());
        assert_eq!(new.0.conn.peer_certificates().unwrap()[0], leaf);
        loads.go_on();
    }
}

/// A sidecar that follows its files. As long as they are the same it resumes its sessions.
struct Sidecar {
    certs: PathBuf,
    files: Vec<Vec<u8>>,
    config: Option<Arc<ClientConfig>>,
}

impl Sidecar {
    fn config(&mut self) -> Arc<ClientConfig> {
        eventually("its files fit together", || {
            let now = ["ca.pem", "api.pem", "api-key.pem"].map(|file| std::fs::read(self.certs.join(file)).unwrap()).to_vec();
            if self.files != now {
                (self.config, self.files) = (client_of_files(&self.certs, "api"), now);
            }
            self.config.is_some()
        });
        self.config.clone().unwrap()
    }
}

fn ask(client: &mut Client) -> Result<(), String> {
    client.send(&request("GET", "/", "", ""));
    match client.answer() {
        Some(answer) if (answer.status, answer.text()) == (200, "outside") => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

fn said(client: &mut Tls) -> Result<(), String> {
    match client.get("/") {
        (200, text) if text.ends_with("outside") => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

#[test]
fn leaves_are_renewed_and_roots_replaced_under_load_and_nothing_fails() {
    for (protocol, intermediate) in [("http", false), ("tcp", true)] {
        let world = World::new(protocol, Init { intermediate, ..Init::default() });
        let loads = world.load();
        loads.go_on();
        for _ in 0..ROUNDS {
            certs::renew(&world.ca, &[], |_| 0.0).unwrap();
            world.is_taken_up(&loads);
            certs::start(&world.ca).unwrap();
            // Leaves of the old root, with either bundle.
            loads.go_on();
            certs::renew(&world.ca, &[], |_| 1.0).unwrap();
            world.is_taken_up(&loads);
            certs::finish(&world.ca, false).unwrap();
            world.is_taken_up(&loads);
        }
        let answered = loads.end();
        assert!(answered > 4 * 4 * ROUNDS * BETWEEN, "{protocol}: {answered}");
    }
}
