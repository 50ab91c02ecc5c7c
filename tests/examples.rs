//! Every example is checked, run and driven by curl: its comments say what is asked and who answers.
//!
//! A line `# $ curl ARGS   web-1 GET /path` is run with free ports in the place of those written. The instance `web-1` answers with its
//! id, the method and the path; `gw CODE` is an answer of gw's own.

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
    for wanted in ["router", "splitter", "resolver"] {
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
    let path = folder.path().join(format!("{name}.toml"));
    std::fs::write(&path, &config).expect("a copy");

    let gateway = Gateway::start(&["run", "-c", &path.display().to_string()], folder.path());
    let mut asked = 0;
    for line in text.lines().filter_map(|l| l.strip_prefix("# $ curl ")) {
        let (args, wanted) = line.split_once("   ").expect("a command, three blanks, an answer");
        let args = ports.iter().fold(args.to_owned(), |args, (old, new)| args.replace(&format!(":{old}"), &format!(":{new}")));
        let answer = curl(&args);
        let allowed: Vec<&str> = wanted.trim().split(" or ").map(str::trim).collect();
        assert!(allowed.contains(&answer.as_str()), "{name}: curl {args}: {answer:?}, not {wanted:?}\n{}", gateway.said());
        asked += 1;
    }
    assert!(asked > 0, "{name} says nothing to ask");
    assert_eq!(gateway.end(), Some(0), "{name}");
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
