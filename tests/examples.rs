//! Every example is checked, run and driven by curl: its comments say what is asked and who answers.
//!
//! A line `# $ curl ARGS   web-1 GET /path` is run with free ports in the place of those written. The instance `web-1` answers with its
//! id, the method and the path; `gw CODE` is an answer of gw's own. In a line `# $ as web curl https://SERVICE:PORT/path` the service web of the
//! mesh asks another one, each by a leaf of a CA that is made for the test.

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use support::{Gateway, backend, curl, free_port, gw, scratch};

fn examples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let files = std::fs::read_dir(folder).expect("examples").map(|f| f.expect("a file").path());
    let mut files: Vec<PathBuf> = files.filter(|p| p.extension().is_some_and(|e| e == "toml")).collect();
    files.sort();
    files
}

#[test]
fn every_example_is_accepted_as_it_stands() {
    for example in examples() {
        let output = gw(&["config", "validate", &example.display().to_string()]).output().expect("gw runs");
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && err.contains("nothing is wrong"), "{}: {err}", example.display());
    }
}

#[test]
fn every_example_does_what_its_comments_say() {
    let mut driven = Vec::new();
    for example in examples() {
        drive(&example);
        driven.push(example.file_stem().expect("a name").to_string_lossy().into_owned());
    }
    for wanted in ["router", "splitter", "resolver", "terminating"] {
        assert!(driven.iter().any(|name| name == wanted), "{driven:?}");
    }
}

/// Copies the example with other ports, runs it, and asks what its comments ask.
fn drive(example: &Path) {
    let text = std::fs::read_to_string(example).expect("an example");
    let name = example.file_stem().expect("a name").to_string_lossy().into_owned();
    let folder = scratch(&format!("example-{name}"));
    let entries = example.with_extension("");
    let mut ports = BTreeMap::new();
    std::fs::create_dir_all(folder.path().join(&name)).expect("a folder");
    for file in std::fs::read_dir(&entries).expect("the entries of the example") {
        let file = file.expect("a file").path();
        let entry = std::fs::read_to_string(&file).expect("an entry");
        let entry = with_free_ports(&entry, &mut ports);
        std::fs::write(folder.path().join(&name).join(file.file_name().expect("a name")), entry).expect("a copy");
    }
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

    let gateway = Gateway::start(&["run", "-c", &path.display().to_string()], folder.path());
    let mut asked = 0;
    for line in text.lines().filter_map(|l| l.strip_prefix("# $ ")) {
        let (command, wanted) = line.split_once("   ").expect("a command, three blanks, an answer");
        let args = match command.strip_prefix("as ").map(|rest| rest.split_once(" curl ").expect("who asks, and curl")) {
            Some((who, args)) => as_service(who, args, folder.path()),
            None => command.strip_prefix("curl ").expect("curl").to_owned(),
        };
        let args = ports.iter().fold(args, |args, (old, new)| args.replace(&format!(":{old}"), &format!(":{new}")));
        let answer = curl(&args);
        let allowed: Vec<&str> = wanted.trim().split(" or ").map(str::trim).collect();
        assert!(allowed.contains(&answer.as_str()), "{name}: curl {args}: {answer:?}, not {wanted:?}\n{}", gateway.said());
        asked += 1;
    }
    assert!(asked > 0, "{name} says nothing to ask");
    assert_eq!(gateway.end(), Some(0), "{name}");
}

const TRUST_DOMAIN: &str = "11111111-2222-3333-4444-555555555555.consul";

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

/// The arguments of curl with which a service of the mesh asks another one.
fn as_service(who: &str, args: &str, folder: &Path) -> String {
    let url = args.split("https://").nth(1).expect("a URL");
    let (service, port) = url.split('/').next().and_then(|host| host.split_once(':')).expect("SERVICE:PORT");
    let name = format!("{service}.default.dc1.internal.{TRUST_DOMAIN}");
    let certs = folder.join("certs");
    let (cert, key) = (certs.join(format!("{who}.pem")), certs.join(format!("{who}-key.pem")));
    let args = args.replace(&format!("https://{service}:"), &format!("https://{name}:"));
    let shown = format!("--cert {} --key {}", cert.display(), key.display());
    format!("-k --path-as-is {shown} --connect-to {name}:{port}:127.0.0.1:{port} {args}")
}

/// `Port = 8080` and `"Port": 8080` with a free port, remembered by the written one.
fn with_free_ports(entry: &str, ports: &mut BTreeMap<u16, u16>) -> String {
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
