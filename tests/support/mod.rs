//! What tests of the running program share: folders, backends, the program, curl.

#![allow(dead_code, unused_imports, reason = "each test binary uses a part")]

mod ports;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) use ports::{free_port, free_ports};

/// Longer than anything takes that works.
const PATIENCE: Duration = Duration::from_secs(30);

/// A folder that is gone when it is dropped.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// An empty folder of one's own.
pub(crate) fn scratch(name: &str) -> Scratch {
    let path = std::env::temp_dir().join(format!("gw-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&path).expect("a folder");
    Scratch(path)
}

/// A folder of one's own with these files.
pub(crate) fn scratch_with(name: &str, files: &[(&str, &str)]) -> Scratch {
    let folder = scratch(name);
    for (file, text) in files {
        let file = folder.path().join(file);
        std::fs::create_dir_all(file.parent().expect("a folder above")).expect("a folder");
        std::fs::write(file, text).expect("a file");
    }
    folder
}

/// gw with arguments, and nothing of the environment that speaks to it.
pub(crate) fn gw(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gw"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("GW_") || name.starts_with("CONSUL_")) {
        command.env_remove(name);
    }
    command.args(args).env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

/// A service that answers every request with its name, the method and the path, until the process ends.
pub(crate) fn backend(name: &str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let name = name.to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let name = name.clone();
            std::thread::spawn(move || drop(answer(stream, &name)));
        }
    });
    address
}

fn answer(stream: TcpStream, name: &str) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first)? == 0 {
            return Ok(());
        }
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            match line.trim_end().split_once(':') {
                Some((key, value)) if key.eq_ignore_ascii_case("content-length") => length = value.trim().parse().unwrap_or(0),
                Some(_) => {}
                None => break,
            }
        }
        std::io::copy(&mut reader.by_ref().take(length), &mut std::io::sink())?;
        let words: Vec<&str> = first.split(' ').collect();
        let body = format!("{name} {} {}", words[0], words.get(1).unwrap_or(&"-"));
        stream.write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).as_bytes())?;
    }
}

/// What curl prints: the body, or `gw CODE` for an answer of gw's own. The arguments are words of a shell.
pub(crate) fn curl(args: &str) -> String {
    let output = Command::new("sh").arg("-c").arg(format!("curl -sS -i --max-time 20 --noproxy '*' {args}")).output().expect("a shell");
    assert!(output.status.success(), "curl {args}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    match head.lines().find_map(|line| line.strip_prefix("x-gw-code: ")) {
        Some(code) => format!("gw {}", code.trim()),
        None => body.trim_end().to_owned(),
    }
}

/// A gateway that runs; killed when dropped.
pub(crate) struct Gateway {
    child: Child,
    said: Arc<Mutex<String>>,
    /// Where admin requests are answered.
    pub(crate) admin: SocketAddr,
}

impl Gateway {
    /// Starts gw and waits until it says that it listens. The admin listener has a port of its own.
    pub(crate) fn start(args: &[&str], folder: &Path) -> Self {
        Self::start_at(args, folder, "127.0.0.1:0")
    }

    /// The same with the admin listener at an address.
    pub(crate) fn start_at(args: &[&str], folder: &Path, admin: &str) -> Self {
        let mut command = gw(args);
        command.args(["--admin-bind", admin]);
        Self::spawn(command.current_dir(folder))
    }

    /// The same in an environment of its own.
    pub(crate) fn start_with(args: &[&str], folder: &Path, environment: &[(&str, PathBuf)]) -> Self {
        let mut command = gw(args);
        command.args(["--admin-bind", "127.0.0.1:0"]).envs(environment.iter().cloned());
        Self::spawn(command.current_dir(folder))
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("gw starts");
        let stderr = child.stderr.take().expect("a pipe");
        let said = Arc::new(Mutex::new(String::new()));
        let lines = read_lines(stderr, said.clone());
        let admin = loop {
            let Ok(line) = lines.recv_timeout(PATIENCE) else {
                drop(child.kill());
                panic!("gw does not listen: {}", said.lock().expect("a text"));
            };
            if let Some(rest) = line.trim().strip_prefix("admin on http://") {
                break rest.split('/').next().and_then(|a| a.parse().ok()).expect("an address");
            }
        };
        Self { child, said, admin }
    }

    /// What it wrote to stderr so far.
    pub(crate) fn said(&self) -> String {
        self.said.lock().expect("a text").clone()
    }

    /// The number of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// TERM, and its exit code when it has ended.
    pub(crate) fn end(mut self) -> Option<i32> {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill runs").success());
        self.child.wait().expect("gw ends").code()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn read_lines(from: impl Read + Send + 'static, said: Arc<Mutex<String>>) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            said.lock().expect("a text").push_str(&format!("{line}\n"));
            drop(sender.send(line));
        }
    });
    receiver
}

/// A copy of an example with free ports and services of this process.
pub(crate) struct Example {
    pub(crate) name: String,
    /// Where the copy is, and what is written beside.
    pub(crate) folder: Scratch,
    /// The `gw.toml` of the copy.
    pub(crate) path: PathBuf,
    /// The text as it stands in the repository.
    pub(crate) text: String,
    /// The free ports by those written.
    pub(crate) ports: BTreeMap<u16, u16>,
}

/// The examples of one file and a folder each, in the order of their names.
pub(crate) fn examples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let files = std::fs::read_dir(folder).expect("examples").map(|f| f.expect("a file").path());
    let mut files: Vec<PathBuf> = files.filter(|p| p.extension().is_some_and(|e| e == "toml")).collect();
    files.sort();
    files
}

impl Example {
    /// Copies an example; `test` is whose copy it is.
    pub(crate) fn copy(example: &Path, test: &str) -> Self {
        let text = std::fs::read_to_string(example).expect("an example");
        let name = example.file_stem().expect("a name").to_string_lossy().into_owned();
        let folder = scratch(&format!("{test}-{name}"));
        let entries = example.with_extension("");
        let mut ports = BTreeMap::new();
        copy_folder(&entries, &folder.path().join(&name), &mut |entry| with_free_ports(entry, &mut ports));
        let mut config = text.clone();
        for (id, address) in instances(&text) {
            config = config.replace(&address, &backend(&id).to_string());
        }
        if let Some(written) = text.split("address = \"127.0.0.1:8443\"").nth(1).map(|_| 8443) {
            let free = *ports.entry(written).or_insert_with(free_port);
            config = config.replace(&format!("address = \"127.0.0.1:{written}\""), &format!("address = \"127.0.0.1:{free}\""));
        }
        let path = folder.path().join(format!("{name}.toml"));
        std::fs::write(&path, &config).expect("a copy");
        certificates(&text, folder.path());
        Self { name, folder, path, text, ports }
    }
}

/// Copies the texts of a folder, and of those in it, as they are made anew.
pub(crate) fn copy_folder(from: &Path, to: &Path, anew: &mut impl FnMut(&str) -> String) {
    std::fs::create_dir_all(to).expect("a folder");
    for file in std::fs::read_dir(from).expect("a folder") {
        let file = file.expect("a file").path();
        let copy = to.join(file.file_name().expect("a name"));
        if file.is_dir() {
            copy_folder(&file, &copy, anew);
        } else {
            std::fs::write(copy, anew(&std::fs::read_to_string(&file).expect("a text"))).expect("a copy");
        }
    }
}

/// The one of examples that name none.
pub(crate) const TRUST_DOMAIN: &str = "11111111-2222-3333-4444-555555555555.consul";

/// The CA of an example, and the leaves of those who ask in it.
fn certificates(text: &str, folder: &Path) {
    let who: std::collections::BTreeSet<&str> = text.lines().filter_map(|l| l.strip_prefix("# $ as ")?.split(' ').next()).collect();
    if who.is_empty() {
        return;
    }
    let run = |args: &[&str]| assert!(gw(args).current_dir(folder).output().expect("gw runs").status.success(), "{args:?}");
    run(&["certs", "init", "--trust-domain", TRUST_DOMAIN]);
    who.iter().for_each(|name| run(&["certs", "issue", name]));
}

/// `Port = 8080` and `"Port": 8080` with a free port, remembered by the written one.
pub(crate) fn with_free_ports(entry: &str, ports: &mut BTreeMap<u16, u16>) -> String {
    let mut out = String::new();
    for line in entry.lines() {
        let key = line.trim_start().trim_start_matches('"');
        let written = key.strip_prefix("Port").and_then(|rest| rest.trim_matches(|c: char| !c.is_ascii_digit()).parse::<u16>().ok());
        match written {
            Some(written) => {
                let free = *ports.entry(written).or_insert_with(free_port);
                out.push_str(&line.replace(&written.to_string(), &free.to_string()));
            }
            None => out.push_str(line),
        }
        out.push('\n');
    }
    out
}

/// The instances of a `gw.toml`: ids and addresses.
fn instances(text: &str) -> Vec<(String, String)> {
    let table: toml::Table = text.parse().expect("TOML");
    let mut out = Vec::new();
    for service in table["service"].as_array().expect("services") {
        for (n, instance) in service["instance"].as_array().expect("instances").iter().enumerate() {
            let name = service["name"].as_str().expect("a name");
            let id = instance.get("id").and_then(toml::Value::as_str).map_or_else(|| format!("{name}-{}", n + 1), str::to_owned);
            out.push((id, instance["address"].as_str().expect("an address").to_owned()));
        }
    }
    out
}
