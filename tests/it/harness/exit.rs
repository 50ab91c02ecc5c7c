//! A terminating gateway in this process that runs from files, and clients of the mesh.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gw::app;
use gw::app::config::{AccessLogTo, RunConfig};
use gw::app::files::Files;
use gw::app::origin::{self, Wanted};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use serde_json::{Value, json};

use super::{Ca, Folder, LONG, Records, Run, TRUST_DOMAIN};

/// The files of a gateway `exit` that is linked with `web`. What is said again takes the place of what was said.
pub(crate) struct Exit {
    pub(crate) folder: Folder,
    pub(crate) ca: Ca,
    entries: Vec<Value>,
    services: Vec<(String, Vec<String>)>,
    /// Lines of the gateway in `gw.toml`.
    lines: String,
    /// Lines before all else.
    top: String,
}

impl Exit {
    /// Every service speaks the protocol; nobody is allowed anything yet.
    pub(crate) fn of(name: &str, protocol: &str) -> Self {
        gw::tls::install();
        let (folder, ca) = (Folder::new(name), Ca::new());
        std::fs::create_dir(folder.at("certs")).unwrap();
        let exit = Self { folder, ca, entries: Vec::new(), services: Vec::new(), lines: String::new(), top: String::new() };
        let exit = exit.entry(json!({"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": protocol}}));
        exit.entry(json!({"Kind": "terminating-gateway", "Name": "exit", "Services": [{"Name": "web"}]})).leaf("web")
    }

    /// An entry, instead of one of the same kind and name.
    pub(crate) fn entry(mut self, entry: Value) -> Self {
        self.entries.retain(|e| (&e["Kind"], &e["Name"]) != (&entry["Kind"], &entry["Name"]));
        self.entries.push(entry);
        self
    }

    /// What may be done at `web` by a source: an action, or permissions.
    pub(crate) fn intention(self, source: &str, says: Value) -> Self {
        let mut source = json!({"Name": source});
        let field = if says.is_string() { "Action" } else { "Permissions" };
        source[field] = says;
        self.entry(json!({"Kind": "service-intentions", "Name": "web", "Sources": [source]}))
    }

    /// Links services as these lines say.
    pub(crate) fn linked(self, services: Value) -> Self {
        self.entry(json!({"Kind": "terminating-gateway", "Name": "exit", "Services": services}))
    }

    /// An instance of a service, with more lines.
    pub(crate) fn instance(mut self, service: &str, address: impl std::fmt::Display, more: &str) -> Self {
        let instance = format!("[[service.instance]]\naddress = \"{address}\"\n{more}\n");
        match self.services.iter_mut().find(|(name, _)| name == service) {
            Some((_, instances)) => instances.push(instance),
            None => self.services.push((service.to_owned(), vec![instance])),
        }
        self
    }

    /// A line of the gateway.
    pub(crate) fn line(mut self, line: &str) -> Self {
        self.lines += &format!("{line}\n");
        self
    }

    /// A line before all else.
    pub(crate) fn top(mut self, line: &str) -> Self {
        self.top += &format!("{line}\n");
        self
    }

    /// Files of a leaf of a service.
    pub(crate) fn leaf(self, service: &str) -> Self {
        self.ca.identity(&Folder::within(self.folder.at("certs")), service);
        self
    }

    fn certs(&self) -> PathBuf {
        self.folder.at("certs")
    }

    /// Writes what was said.
    pub(crate) fn write(&self) {
        let mut text =
            format!("{}entries = [\"gw.d\"]\ntrust_domain = \"{TRUST_DOMAIN}\"\n[certs]\ndir = \"{}\"\n", self.top, self.certs().display());
        text += &format!("[[gateway]]\nkind = \"terminating\"\nname = \"exit\"\naddress = \"127.0.0.1:0\"\n{}", self.lines);
        for (name, instances) in &self.services {
            text += &format!("[[service]]\nname = \"{name}\"\n{}", instances.concat());
        }
        self.folder.write("gw.d/entries.json", &json!(self.entries).to_string());
        self.folder.write("gw.toml", &text);
    }

    pub(crate) fn start(self) -> Exits {
        self.write();
        let wanted = Wanted { config: Some(self.folder.at("gw.toml")), ..Wanted::default() };
        let mut gateways = match origin::resolve(&wanted, || panic!("files are there")) {
            Ok(gateways) => gateways,
            Err(e) => panic!("{e}: {e:?}"),
        };
        let records = Records::default();
        let bound = app::start(RunConfig {
            files: Files::of(&wanted, &mut gateways, None),
            dns: gateways.dns,
            admin: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
            workers: NonZeroUsize::new(2),
            access_log: Some(AccessLogTo::Writer(Box::new(records.clone()))),
            drain_time: Duration::from_secs(2),
            ..RunConfig::new(gateways.resources)
        });
        let run = Run { bound: Some(bound.expect("the gateway starts")) };
        Exits { exit: Some(self), run, records }
    }
}

/// A terminating gateway that runs.
pub(crate) struct Exits {
    exit: Option<Exit>,
    pub(crate) run: Run,
    records: Records,
}

impl Exits {
    pub(crate) fn exit(&self) -> &Exit {
        self.exit.as_ref().expect("it was said")
    }

    /// Changes the files, and waits until that is in effect.
    #[track_caller]
    pub(crate) fn change(&mut self, change: impl FnOnce(Exit) -> Exit) {
        let changed = change(self.exit.take().expect("it was said"));
        changed.write();
        self.exit = Some(changed);
        self.run.changed();
    }

    /// The answer to the last connections: waits for a record with that code.
    #[track_caller]
    pub(crate) fn recorded(&self, code: &str) -> Value {
        let mut found = None;
        super::eventually(code, || {
            found = self.records.all().into_iter().rev().find(|record| record["code"] == code);
            found.is_some()
        });
        found.expect("it was found")
    }

    /// Every record so far.
    pub(crate) fn records(&self) -> Vec<Value> {
        self.records.all()
    }

    /// A connection of a service to `web`.
    pub(crate) fn connect(&self, source: &str) -> Tls {
        Tls::connect(self.run.address(), self.exit().ca.client(Some(source)), &sni("web"))
    }

    /// One GET of a service.
    pub(crate) fn get(&self, source: &str, path: &str) -> (u16, String) {
        self.connect(source).get(path)
    }
}

/// The server name of a service.
pub(crate) fn sni(service: &str) -> String {
    format!("{service}.default.dc1.internal.{TRUST_DOMAIN}")
}

/// A TLS connection.
pub(crate) struct Tls(pub(crate) StreamOwned<ClientConnection, TcpStream>);

impl Tls {
    pub(crate) fn connect(address: SocketAddr, config: Arc<ClientConfig>, name: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(LONG)).unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        Self(StreamOwned::new(ClientConnection::new(config, name).unwrap(), stream))
    }

    /// Says that there is no more.
    pub(crate) fn ends(mut self) {
        self.0.conn.send_close_notify();
        let _ = self.0.flush();
        assert_eq!(self.read(), "");
    }

    /// Ends the handshake. Whether it ended well for this side.
    pub(crate) fn shakes_hands(&mut self) -> bool {
        while self.0.conn.is_handshaking() {
            if self.0.conn.complete_io(&mut self.0.sock).is_err() {
                return false;
            }
        }
        true
    }

    pub(crate) fn send(&mut self, text: &str) -> bool {
        self.0.write_all(text.as_bytes()).and_then(|()| self.0.flush()).is_ok()
    }

    /// The next bytes; empty at the end of the connection, however it comes.
    pub(crate) fn read(&mut self) -> String {
        let mut bytes = [0; 64 * 1024];
        let n = self.0.read(&mut bytes).unwrap_or(0);
        String::from_utf8_lossy(&bytes[..n]).into_owned()
    }

    /// What is said, said back.
    pub(crate) fn echoes(&mut self, text: &str) -> bool {
        self.send(text) && self.read() == text
    }

    /// An answer in full: its status and its text.
    pub(crate) fn ask(&mut self, request: &str) -> (u16, String) {
        if !self.send(request) {
            return (0, String::new());
        }
        let mut all = String::new();
        loop {
            let part = self.read();
            all += &part;
            let (head, body) = all.split_once("\r\n\r\n").unwrap_or((&all, ""));
            let length = head.to_lowercase().lines().find_map(|l| l.strip_prefix("content-length: ").and_then(|n| n.parse().ok()));
            if part.is_empty() || length.is_some_and(|length: usize| body.len() >= length) {
                let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
                return (status, all);
            }
        }
    }

    pub(crate) fn get(&mut self, path: &str) -> (u16, String) {
        self.ask(&format!("GET {path} HTTP/1.1\r\nhost: web\r\n\r\n"))
    }
}
