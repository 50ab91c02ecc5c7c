//! Every command in a script: exit codes, pipes, `-o json | jq`, a reader that goes away, a closed stdout, no terminal.
//!
//! The commands are those of the definition, so that one that is new and has no case here fails.

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use support::{Gateway, Scratch, gw, scratch_with};

/// A command as one types it behind `gw`, and how it ends. `$ADMIN` is a gateway that runs.
struct Case {
    args: &'static str,
    code: i32,
}

const fn case(args: &'static str, code: i32) -> Case {
    Case { args, code }
}

/// What only writes, once, or only speaks to a Consul that is not there; the order is that of the definition within each group.
const CASES: &[Case] = &[
    case("ingress -c nowhere.toml", 3),
    case("mesh -c nowhere.toml", 3),
    case("terminating -c nowhere.toml", 3),
    case("run -c nowhere.toml", 3),
    case("certs init --dir other", 0),
    case("certs issue api --force", 0),
    case("certs sign nowhere.csr --service web", 3),
    case("certs renew", 0),
    case("certs rotate --dir nowhere", 6),
    case("certs inspect certs/web.pem", 0),
    case("certs verify certs/web.pem --roots certs/ca.pem --spiffe spiffe://mesh.consul/ns/default/dc/dc1/svc/web", 0),
    case("certs needs-renewal certs/web.pem", 1),
    case("certs list", 0),
    case("config validate gw.toml", 0),
    case("config test tests.toml -c gw.toml", 0),
    case("config test failing.toml -c gw.toml", 1),
    case("config test tests.toml --against gw.toml -c other.toml", 1),
    case("config gen service-router web", 0),
    case("config convert --to json gw.d/edge.hcl", 0),
    case("config diff gw.d --http-addr 127.0.0.1:1", 4),
    case("config apply gw.d --http-addr 127.0.0.1:1", 4),
    case("config read service-router web --http-addr 127.0.0.1:1", 4),
    case("config list --http-addr 127.0.0.1:1", 4),
    case("config delete service-router web --http-addr 127.0.0.1:1", 4),
    case("wan-fed init", 2),
    case("wan-fed plan --http-addr 127.0.0.1:1", 4),
    case("wan-fed status --http-addr 127.0.0.1:1", 4),
    case("wan-fed test --http-addr 127.0.0.1:1", 4),
    case("inspect status -c gw.toml", 0),
    case("inspect problems -c gw.toml", 0),
    case("inspect route GET http://127.0.0.1:8080/ -c gw.toml", 0),
    case("inspect route GET http://other.test:8080/ -c gw.toml", 1),
    case("inspect routes -c gw.toml", 0),
    case("inspect listeners -c gw.toml", 0),
    case("inspect services -c gw.toml", 0),
    case("inspect certs -c gw.toml", 0),
    case("inspect intentions -c gw.toml", 0),
    case("inspect datacenters -c gw.toml", 0),
    case("inspect connections --admin $ADMIN", 0),
    case("inspect tap --admin $ADMIN --for 100ms", 0),
    case("inspect top --admin $ADMIN --once --interval 100ms", 0),
    case("inspect chain web -c gw.toml", 0),
    case("inspect authz api web -c gw.toml", 1),
    case("inspect sni web.default.dc1.internal.mesh.consul -c exit.toml", 1),
    case("inspect explain no_host", 0),
    case("inspect batch", 0),
    case("inspect dump -c gw.toml", 0),
    case("admin reload --admin $ADMIN", 0),
    case("admin log info --admin $ADMIN", 0),
    case("admin drain --admin 127.0.0.1:1", 4),
    case("admin stop --admin 127.0.0.1:1", 4),
    case("completions bash", 0),
    case("man", 0),
    case("version", 0),
];

const EDGE: &str = "Kind = \"ingress-gateway\"\nName = \"edge\"\nListeners = [{ Port = 8080, Protocol = \"http\", \
                    Services = [{ Name = \"web\", Hosts = [\"127.0.0.1\"] }] }]\n";
const WEB: &str = "Kind = \"service-defaults\"\nName = \"web\"\nProtocol = \"http\"\n";
const GW: &str = "trust_domain = \"mesh.consul\"\nentries = [\"gw.d\"]\n[certs]\ndir = \"certs\"\n[[gateway]]\nkind = \"ingress\"\nname = \"edge\"\n\
                  [[service]]\nname = \"web\"\n[[service.instance]]\naddress = \"127.0.0.1:3000\"\n";
const EXIT: &str = "trust_domain = \"mesh.consul\"\n[[gateway]]\nkind = \"mesh\"\naddress = \"127.0.0.1:8443\"\n";
const TESTS: &str = "[[request]]\nurl = \"http://127.0.0.1:8080/\"\nexpect = { service = \"web\" }\n";

/// A folder with everything that the cases name.
fn folder(name: &str) -> Scratch {
    let folder = scratch_with(
        name,
        &[
            ("gw.d/edge.hcl", EDGE),
            ("gw.d/web.hcl", WEB),
            ("gw.toml", GW),
            ("exit.toml", EXIT),
            ("other.toml", &GW.replace("127.0.0.1:3000\"", "127.0.0.1:3000\"\nhealth = \"critical\"")),
            ("tests.toml", TESTS),
            ("failing.toml", &TESTS.replace("\"web\"", "\"api\"")),
        ],
    );
    for args in [["certs", "init", "--trust-domain", "mesh.consul"].as_slice(), &["certs", "issue", "web"], &["certs", "issue", "edge"]] {
        let output = gw(args).current_dir(folder.path()).output().expect("gw runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    folder
}

/// What a script printed, and how it ended. It has no terminal, and nothing to read.
fn shell(folder: &Path, admin: &str, script: &str) -> (Option<i32>, String, String) {
    let mut command = Command::new("setsid");
    command.args(["-w", "bash", "-c", script]).current_dir(folder).stdin(Stdio::null());
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("GW_") || name.starts_with("CONSUL_")) {
        command.env_remove(name);
    }
    command.env("GW", env!("CARGO_BIN_EXE_gw")).env("ADMIN", admin);
    let output = command.output().expect("a shell");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// The commands that have none below them, as one types them, and whether they take `-o`.
fn commands() -> Vec<(String, bool)> {
    let mut found = Vec::new();
    let mut open: Vec<(String, _)> = gw::cli::command().get_subcommands().map(|c| (c.get_name().to_owned(), c.clone())).collect();
    while let Some((name, command)) = open.pop() {
        let below: Vec<_> = command.get_subcommands().map(|c| (format!("{name} {}", c.get_name()), c.clone())).collect();
        if below.is_empty() {
            found.push((name, command.get_arguments().any(|argument| argument.get_id() == "output")));
        }
        open.extend(below);
    }
    found
}

fn of<'a>(command: &str) -> impl Iterator<Item = &'a Case> {
    CASES.iter().filter(move |case| case.args == command || case.args.starts_with(&format!("{command} ")))
}

#[test]
fn every_command_has_a_case_and_every_case_a_command() {
    let commands = commands();
    let without: Vec<&String> = commands.iter().map(|(name, _)| name).filter(|name| of(name).next().is_none()).collect();
    assert!(without.is_empty(), "no case here for gw {without:?}");
    let known: BTreeSet<&str> = commands.iter().flat_map(|(name, _)| of(name)).map(|case| case.args).collect();
    let gone: Vec<&str> = CASES.iter().map(|case| case.args).filter(|args| !known.contains(args)).collect();
    assert!(gone.is_empty(), "of no command: {gone:?}");
}

#[test]
fn every_command_stands_in_a_script() {
    let folder = folder("every");
    let runs = folder.path().join("runs.toml");
    std::fs::write(
        &runs,
        GW.replace("entries = [\"gw.d\"]", "entries = []").replace("kind = \"ingress\"", "kind = \"mesh\"\naddress = \"127.0.0.1:0\""),
    )
    .expect("a file");
    let gateway = Gateway::start(&["run", "-c", "runs.toml"], folder.path());
    let admin = gateway.admin.to_string();
    let wrong: Vec<String> =
        commands().iter().flat_map(|(name, has_output)| in_scripts(folder.path(), &admin, name, *has_output)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(gateway.end(), Some(0));
}

/// What of a command a script cannot rely on.
fn in_scripts(folder: &Path, admin: &str, name: &str, has_output: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut expect = |holds: bool, what: &str, said: &(Option<i32>, String, String)| {
        if !holds {
            wrong.push(format!("{what}: {:?}\n{}{}", said.0, said.1, said.2));
        }
    };
    for Case { args, code } in of(name) {
        let run = |script: &str| shell(folder, admin, script);
        let said = run(&format!("$GW {args}"));
        let (ended, out, err) = &said;
        expect(*ended == Some(*code), &format!("gw {args} ends with {code}"), &said);
        // What was probed is a report, whatever came of it.
        let of_stderr = *code < 2 || (out.is_empty() || name == "wan-fed test") && !err.is_empty();
        expect(of_stderr, &format!("gw {args} says what is wrong on stderr alone"), &said);
        expect(!out.contains('\u{1b}') && !err.contains('\u{1b}'), &format!("gw {args} has no colour where no terminal is"), &said);
        // A command that did it may find it done.
        let as_before = |ended: Option<i32>| ended == Some(*code) || *code < 2 && matches!(ended, Some(0 | 1 | 8));
        let said = run(&format!("$GW {args} >&-"));
        expect(as_before(said.0) && !said.2.contains("panicked"), &format!("gw {args} takes a closed stdout"), &said);
        let said = run(&format!("$GW {args} | head -c 1 >first; exit ${{PIPESTATUS[0]}}"));
        expect(as_before(said.0) && !said.2.contains("panicked"), &format!("gw {args} takes a reader that goes away"), &said);
        if has_output && *code < 2 {
            let said = run(&format!("$GW {args} -o json 2>noise | jq -r .schema"));
            // Where nothing passes, nothing is tapped.
            let nothing = name == "inspect tap" && said.1.is_empty();
            expect(
                said.0 == Some(0) && (nothing || said.1.starts_with("gw.")),
                &format!("gw {args} -o json is one document with its schema"),
                &said,
            );
        }
    }
    let said = shell(folder, admin, &format!("$GW {name} --no-such-flag"));
    let usage = said.0 == Some(2) && said.1.is_empty() && said.2.contains("--no-such-flag");
    expect(usage, &format!("gw {name} names a flag that it does not know"), &said);
    let said = shell(folder, admin, &format!("$GW {name} --help | cat"));
    expect(said.0 == Some(0) && said.1.contains("EXIT CODES"), &format!("gw {name} --help has its exit codes"), &said);
    wrong
}

#[test]
fn scripts_branch_on_exit_codes_and_take_json_apart() {
    let folder = folder("branch");
    for (script, wanted) in [
        ("$GW inspect route GET http://127.0.0.1:8080/ -c gw.toml -o json 2>/dev/null | jq -r .outcome.service", "web\n"),
        (
            "$GW config test failing.toml -c gw.toml -o json 2>/dev/null | jq -r '.tests[] | select(.met | not) | .place'",
            "failing.toml:1\n",
        ),
        ("$GW config test failing.toml -c gw.toml -o name 2>/dev/null", "failing.toml:1\n"),
        ("$GW config gen service-splitter web | $GW config validate - 2>/dev/null && echo accepted", "accepted\n"),
        ("if $GW certs needs-renewal certs/web.pem 2>/dev/null >&2; then echo renew; else echo keep; fi", "keep\n"),
        ("set -o pipefail; $GW inspect routes -c nowhere.toml -o json 2>/dev/null | jq . ; echo $?", "3\n"),
        ("$GW config convert --to json gw.d/edge.hcl | jq -r .Kind", "ingress-gateway\n"),
        (
            "$GW inspect batch <<< '{\"chain\":{\"entries\":[],\"service\":\"web\",\"datacenter\":\"dc1\"}}' | jq -r .chain.ServiceName",
            "web\n",
        ),
    ] {
        let (_, out, err) = shell(folder.path(), "", script);
        assert_eq!(out, wanted, "{script}\n{err}");
    }
}
