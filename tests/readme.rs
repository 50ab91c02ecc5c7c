//! Every command of the README is run, in its order, and prints what the README says it prints.
//!
//! In blocks marked `console`, `$ ` begins a command; a line below it is found in what the command prints. A gateway runs until the next
//! one starts. Ports are free ones, in the place of 8080 and 19000.

mod support;

use std::path::Path;
use std::process::{Command, Stdio};

use support::{Gateway, copy_folder, free_port, scratch};

/// What would run these very tests.
const NOT_HERE: &str = "tests/run";
/// Building is what brought us here.
const CARGO_RUN: &str = "cargo run --release --locked -- ";

struct Step {
    command: String,
    wanted: Vec<String>,
}

fn steps(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if let (true, Some(command)) = (inside, line.strip_prefix("$ ")) {
            steps.push(Step { command: command.to_owned(), wanted: Vec::new() });
        } else if inside {
            steps.last_mut().expect("a command first").wanted.push(line.trim().to_owned());
        }
    }
    steps
}

#[test]
fn every_command_of_the_readme_works_as_printed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("README.md")).expect("README.md");
    assert!(text.lines().count() < 200, "a README is short");
    let (port, admin) = (free_port(), free_port());
    let here = |text: &str| text.replace("8080", &port.to_string()).replace("19000", &admin.to_string());
    let folder = scratch("readme");
    copy_folder(&root.join("examples"), &folder.path().join("examples"), &mut |text| here(text));
    let (mut running, mut run): (Option<Gateway>, usize) = (None, 0);
    for step in steps(&text) {
        let command = step.command.replace(CARGO_RUN, "gw ");
        if command == NOT_HERE {
            assert!(root.join(NOT_HERE).is_file());
            continue;
        }
        run += 1;
        if command.starts_with("gw ingress ") || command.starts_with("gw run ") {
            if let Some(before) = running.take() {
                assert_eq!(before.end(), Some(0), "the gateway before {command}");
            }
            let args = here(&command);
            let args: Vec<&str> = args.split(' ').skip(1).collect();
            running = Some(Gateway::start_at(&args, folder.path(), &format!("127.0.0.1:{admin}")));
            continue;
        }
        let printed = shell(&here(&command), admin, folder.path());
        for wanted in &step.wanted {
            assert!(printed.contains(&here(wanted)), "$ {command}\n{printed}\nhas no {wanted:?}");
        }
    }
    assert!(run > 10, "only {run} commands");
}

/// What the command prints to stdout and stderr, with gw on the PATH.
fn shell(command: &str, admin: u16, folder: &Path) -> String {
    let gw = Path::new(env!("CARGO_BIN_EXE_gw")).parent().expect("a folder").display().to_string();
    let path = format!("{gw}:{}", std::env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("sh");
    shell.args(["-ec", &format!("{{ {command}; }} 2>&1")]).current_dir(folder).stdin(Stdio::null());
    shell.env("PATH", path).env("NO_COLOR", "1").env("no_proxy", "*").env("GW_ADMIN", format!("127.0.0.1:{admin}"));
    let output = shell.output().expect("a shell");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "$ {command}\n{printed}");
    printed
}
