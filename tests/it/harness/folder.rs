//! A folder of a test's own, and a gateway that runs from the files in it.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use gw::app::config::RunConfig;
use gw::app::files::Files;
use gw::app::origin::{self, Wanted};
use gw::app::{self, Bound, Changed, Refused, Told};
use gw::model::gateway::Certificate;
use rustls::pki_types::CertificateDer;
use serde_json::{Value, json};

use super::LONG;

/// A folder that is gone when it is dropped.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("gw-it-{name}-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A folder that somebody else takes away.
    pub(crate) fn within(path: PathBuf) -> std::mem::ManuallyDrop<Self> {
        std::mem::ManuallyDrop::new(Self(path))
    }

    pub(crate) fn at(&self, file: &str) -> PathBuf {
        self.0.join(file)
    }

    /// Writes a file where it is.
    pub(crate) fn write(&self, file: &str, text: &str) {
        std::fs::create_dir_all(self.at(file).parent().unwrap()).unwrap();
        // Whole or not at all, for whom a gateway watches the folder.
        let beside = self.at(&format!("{file}.new"));
        std::fs::write(&beside, text).unwrap();
        std::fs::rename(beside, self.at(file)).unwrap();
    }

    /// A certificate of its own for a host, in two files.
    pub(crate) fn certificate(&self, host: &str) -> (Certificate, CertificateDer<'static>) {
        let made = rcgen::generate_simple_self_signed([host.to_owned()]).unwrap();
        let (cert, key) = (format!("{host}.pem"), format!("{host}-key.pem"));
        self.write(&cert, &made.cert.pem());
        self.write(&key, &made.signing_key.serialize_pem());
        (Certificate { cert: self.at(&cert), key: self.at(&key), hosts: Vec::new(), name: None }, made.cert.der().clone())
    }

    /// `gw.toml` with a gateway `edge` and a service `web`, and what else it is to say.
    pub(crate) fn gw_toml(&self, web: SocketAddr, more: &str) {
        let text = format!(
            "entries = [\"gw.d\"]\n[[gateway]]\nkind = \"ingress\"\nname = \"edge\"\n[[service]]\nname = \"web\"\n\
             [[service.instance]]\naddress = \"{web}\"\n{more}"
        );
        self.write("gw.toml", &text);
    }

    /// The entries, in one file, with these listeners: port, protocol and whether there is TLS. `web` is sent paths below the
    /// prefixes alone; what is sent says which one it was.
    pub(crate) fn entries(&self, listeners: &[(u16, &str, bool)], prefixes: &[&str]) {
        self.write("gw.d/entries.json", &entries(listeners, prefixes));
    }

    /// Starts a gateway by the `gw.toml`.
    pub(crate) fn start(&self) -> Run {
        self.start_with(&self.at("gw.toml"), Duration::from_secs(10))
    }

    pub(crate) fn start_with(&self, config: &Path, drain_time: Duration) -> Run {
        let wanted = Wanted { config: Some(config.to_owned()), ..Wanted::default() };
        let mut gateways = origin::resolve(&wanted, || panic!("files are there")).expect("the files are good");
        let bound = app::start(RunConfig {
            files: Files::of(&wanted, &mut gateways, None),
            certificates: gateways.certificates,
            dns: gateways.dns,
            admin: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
            workers: NonZeroUsize::new(2),
            drain_time,
            ..RunConfig::new(gateways.resources)
        });
        Run { bound: Some(bound.expect("the gateway starts")) }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// See [`Folder::entries`].
pub(crate) fn entries(listeners: &[(u16, &str, bool)], prefixes: &[&str]) -> String {
    let protocol = if listeners.iter().all(|(_, protocol, _)| *protocol == "tcp") { "tcp" } else { "http" };
    let listeners = listeners.iter().map(|(port, protocol, tls)| {
        let service = if *protocol == "tcp" { json!({"Name": "web"}) } else { json!({"Name": "web", "Hosts": ["*"]}) };
        let mut listener = json!({"Port": port, "Protocol": protocol, "Services": [service]});
        if *tls {
            listener["TLS"] = json!({"Enabled": true});
        }
        listener
    });
    let mut all = vec![
        json!({"Kind": "service-defaults", "Name": "web", "Protocol": protocol}),
        json!({"Kind": "ingress-gateway", "Name": "edge", "Listeners": listeners.collect::<Vec<Value>>()}),
    ];
    if !prefixes.is_empty() {
        let routes = prefixes.iter().map(|prefix| {
            let edits = json!({"Set": {"x-route": prefix}});
            json!({"Match": {"HTTP": {"PathPrefix": prefix}}, "Destination": {"Service": "web", "ResponseHeaders": edits}})
        });
        all.push(json!({"Kind": "service-router", "Name": "web", "Routes": routes.collect::<Vec<Value>>()}));
    }
    json!(all).to_string()
}

/// A gateway that runs until it is dropped.
pub(crate) struct Run {
    pub(super) bound: Option<Bound>,
}

impl Run {
    fn bound(&self) -> &Bound {
        self.bound.as_ref().expect("it runs")
    }

    /// Where its only listener was at the start.
    pub(crate) fn address(&self) -> SocketAddr {
        self.bound().listeners.first().expect("a listener").1
    }

    pub(crate) fn admin(&self) -> SocketAddr {
        self.bound().admin[0]
    }

    /// Tells it to drain.
    pub(crate) fn shutdown(&self) {
        self.bound().shutdown.trigger();
    }

    /// Asks for the files to be read again, as HUP does.
    pub(crate) fn ask(&self) {
        self.bound().reload.ask();
    }

    /// What it says next.
    #[track_caller]
    pub(crate) fn told(&self) -> Told {
        self.bound().told.recv_timeout(LONG).expect("it says something")
    }

    /// The next change that is in effect; nothing else is said before it.
    #[track_caller]
    pub(crate) fn changed(&self) -> Changed {
        match self.told() {
            Told::Changed { changed, .. } => changed,
            other => panic!("{other:?}"),
        }
    }

    /// Why the next change is refused.
    #[track_caller]
    pub(crate) fn refused(&self) -> Refused {
        match self.told() {
            Told::Refused { why, .. } => why,
            other => panic!("{other:?}"),
        }
    }

    /// Waits until what the files say now is in effect.
    #[track_caller]
    pub(crate) fn settles(&self) {
        let mut same = 0;
        // The first may be said of a look before.
        while same < 2 {
            self.ask();
            same = if matches!(self.told(), Told::Same { .. }) { same + 1 } else { 0 };
        }
    }

    /// Whether nothing is said for a while.
    pub(crate) fn is_silent(&self, time: Duration) -> bool {
        self.bound().told.recv_timeout(time).is_err()
    }

    /// Waits for a generation to be in effect, whatever is said on the way.
    #[track_caller]
    pub(crate) fn until(&self, generation: u64) {
        let start = Instant::now();
        while start.elapsed() < LONG {
            if matches!(self.told(), Told::Changed { changed, .. } if changed.generation >= generation) {
                return;
            }
        }
        panic!("generation {generation} does not come");
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Some(bound) = self.bound.take() {
            drop(bound.stop());
        }
    }
}
