//! What a start and a change cost before the first answer, by phase: reading and judging files, compiling, letting go.
//!
//! `cargo bench --bench start` prints medians of several rounds; sizes may be given: `cargo bench --bench start -- 10000`.
//! Nothing is asserted about time.

#![allow(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use gw::app::load::{Loaded, Loader};
use gw::decide::Snapshot;
use gw::decide::compile::Compiler;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A mesh in files: hosts, each with a router of one prefix and a service of its own.
struct Mesh {
    folder: PathBuf,
    hosts: usize,
    /// How many routes the router in the middle has besides its own.
    more_routes: usize,
}

impl Mesh {
    fn new(hosts: usize) -> Self {
        let folder = std::env::temp_dir().join(format!("gw-bench-{}-{hosts}", std::process::id()));
        std::fs::create_dir_all(folder.join("gw.d")).expect("a folder");
        Self { folder, hosts, more_routes: 0 }
    }

    fn file(&self) -> PathBuf {
        self.folder.join("gw.toml")
    }

    fn write(&self) {
        let mut entries = String::from(r#"[{"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": "http"}}"#);
        let mut lines = String::new();
        let mut services = String::new();
        for i in 0..self.hosts {
            let more = if i == self.hosts / 2 { self.more_routes } else { 0 };
            let route =
                |path: &str| format!(r#"{{"Match": {{"HTTP": {{"PathPrefix": "{path}"}}}}, "Destination": {{"Service": "back-{i}"}}}}"#);
            let routes: Vec<String> = (0..more).map(|n| route(&format!("/new-{n}"))).chain([route(&format!("/app-{i}"))]).collect();
            let _ = write!(entries, r#", {{"Kind": "service-router", "Name": "front-{i}", "Routes": [{}]}}"#, routes.join(", "));
            let comma = if i == 0 { "" } else { ", " };
            let _ = write!(lines, r#"{comma}{{"Name": "front-{i}", "Hosts": ["host-{i}.test"]}}"#);
            let address = format!("127.0.1.{}:3000", i % 250 + 1);
            let _ = write!(services, "[[service]]\nname = \"back-{i}\"\n[[service.instance]]\naddress = \"{address}\"\n");
        }
        let listener = format!(r#"{{"Port": 8080, "Protocol": "http", "Services": [{lines}]}}"#);
        let _ = write!(entries, r#", {{"Kind": "ingress-gateway", "Name": "edge", "Listeners": [{listener}]}}]"#);
        let gateway = "entries = [\"gw.d\"]\n[[gateway]]\nkind = \"ingress\"\nname = \"edge\"\n";
        put(&self.folder.join("gw.d/entries.json"), &entries);
        put(&self.file(), &format!("{gateway}{services}"));
    }
}

impl Drop for Mesh {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn put(path: &Path, text: &str) {
    std::fs::write(path, text).expect("a file");
}

/// What one start or change took.
struct Took {
    load: Duration,
    compile: Duration,
    free: Duration,
}

/// Loads and compiles; what was in force before is let go of at the end, as a run does.
fn take_up(mesh: &Mesh, loader: &mut Loader, compiler: &mut Compiler, before: &mut Option<(Loaded, Snapshot)>) -> Took {
    let start = Instant::now();
    let loaded = loader.load(&mesh.file(), &[]).expect("the files are accepted");
    let load = start.elapsed();
    let start = Instant::now();
    let snapshot = compiler.compile(&loaded.gateways[0].1);
    let compile = start.elapsed();
    let start = Instant::now();
    *before = Some((loaded, snapshot));
    Took { load, compile, free: start.elapsed() }
}

fn median(mut rounds: Vec<Took>) -> String {
    let mut of = |part: fn(&Took) -> Duration| {
        rounds.sort_by_key(part);
        part(&rounds[rounds.len() / 2])
    };
    let (load, compile, free) = (of(|t| t.load), of(|t| t.compile), of(|t| t.free));
    format!("{:?} (load {load:?}, compile {compile:?}, free {free:?})", load + compile + free)
}

fn resident() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().filter(|l| l.starts_with("VmRSS") || l.starts_with("VmHWM")).map(|l| l.replace('\t', " ")).collect::<Vec<_>>().join(", ")
}

fn main() {
    let given: Vec<usize> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    for n in if given.is_empty() { vec![10, 1_000, 10_000] } else { given } {
        println!("{n} hosts, each with a route and a service of its own, in one file of entries and one gw.toml");
        let mut mesh = Mesh::new(n);
        mesh.write();
        let (mut loader, mut compiler, mut state) = (Loader::default(), Compiler::default(), None);
        println!("  first start: {}", median(vec![take_up(&mesh, &mut loader, &mut compiler, &mut state)]));
        println!("  {}", resident());
        let mut rounds = |mesh: &mut Mesh, change: fn(&mut Mesh)| {
            let mut round = || {
                change(mesh);
                mesh.write();
                take_up(mesh, &mut loader, &mut compiler, &mut state)
            };
            median((0..9).map(|_| round()).collect())
        };
        println!("  nothing changed: {}", rounds(&mut mesh, |_| {}));
        println!("  one more route: {}", rounds(&mut mesh, |mesh| mesh.more_routes += 1));
        println!("  one more host, with its router and service: {}", rounds(&mut mesh, |mesh| mesh.hosts += 1));
        println!("  {}", resident());
        let again = || take_up(&mesh, &mut Loader::default(), &mut Compiler::default(), &mut None);
        println!("  started again: {}", median((0..5).map(|_| again()).collect()));
    }
}
