//! Every example is checked, run and driven by curl: its comments say what is asked and who answers.
//!
//! A line `# $ curl ARGS   web-1 GET /path` is run with free ports in the place of those written. The instance `web-1` answers with its
//! id, the method and the path; `gw CODE` is an answer of gw's own. In a line `# $ as web curl https://SERVICE:PORT/path` the service web of the
//! mesh asks another one, each by a leaf of a CA that is made for the test.

mod support;

use std::path::Path;

use support::{Example, Gateway, TRUST_DOMAIN, curl, examples, gw};

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
    let Example { name, folder, path, text, ports } = Example::copy(example, "example");
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
