//! `gw config test`: what is expected of a configuration, asked of it; and which answers change with another one.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use crate::app::expect::{self, Answer as Given, Changed, Changes, Questions, Said, Test, Tests};
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::cli::inspect::place::{PlaceArgs, world_of};
use crate::cli::inspect::route;
use crate::cli::output::{Listing, Output, with_schema};
use crate::ui::{Table, Ui};

/// Ask a configuration what is expected of it, without a network; or what changes with another one
#[derive(Debug, Args)]
#[command(after_long_help = "\
A file of expectations, in TOML or JSON, says what is asked and what is to come of it. The answer is that of the code which gateways
obey, as gw inspect route, sni and authz give it; nothing is sent.

  [[request]]
  url     = \"http://127.0.0.1:8080/orders/7\"      also method, headers, peer, sni, source, roll, gateway
  method  = \"POST\"
  expect  = { service = \"api\", rule = \"service-router/web Routes[1]\" }

  [[request]]
  url     = \"http://127.0.0.1:8080/\"
  expect  = { split = { v1 = 90, v2 = 10 } }      the legs as they are compiled, no sample

  [[authz]]
  source  = \"cron\"
  destination = \"billing\"
  expect  = { allowed = false }

Of a request and a connection (listener, sni) can be expected: service, subset, datacenter, target, instance, code, rule, split;
of a request also status, path, location, sends, drops, answers, timeout, retries; of authz: allowed, by, rule.

With --against another configuration is asked the same, and what differs is told: of a log every record is asked of both. OTHER is
what was there before: files, a dump, IP:PORT of a gateway's admin listener, or http://.. of a Consul.

EXAMPLES
  gw config test routes.toml -c gw.toml
  gw config test tests/*.toml -c gw.d --junit out.xml
  gw config test routes.toml --http-addr 127.0.0.1:8500 --service edge
  gw config test --against gw.dump --log access.log -c gw.toml    which requests of yesterday would change
  gw config test routes.toml --against old.d -c gw.d

EXIT CODES
  0  everything is as expected, or nothing changes    1  something is not, or does    2  usage    3  a file is refused
  4  nobody answers    5  the token may not    7  no answer in time")]
pub(super) struct TestArgs {
    /// Files of expectations
    #[arg(value_name = "FILE", required_unless_present = "log")]
    files: Vec<PathBuf>,
    /// What was there before: what changes since is told
    #[arg(long, value_name = "OTHER")]
    against: Option<String>,
    /// An access log in JSON, whose requests are asked; - is stdin
    #[arg(long, value_name = "FILE|-", requires = "against", conflicts_with = "files")]
    log: Option<PathBuf>,
    /// Write what became of every expectation as JUnit's XML, too
    #[arg(long, value_name = "FILE", conflicts_with = "against")]
    junit: Option<PathBuf>,
    /// How it is printed: wide has every step of every answer, name the places of what is not as expected
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Output,
    #[command(flatten)]
    place: PlaceArgs,
}

pub(super) fn run(args: TestArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let TestArgs { files, against, log, junit, output, place } = args;
    let gateway = place.gateway().map(str::to_owned);
    let expectations = expect::read(&files).map_err(Failure::Invalid)?;
    if let Some(other) = against {
        let before = world_of(&other, gateway.as_deref(), ui)?;
        let after = place.world(ui)?;
        let questions = match &log {
            Some(path) => Questions::Log(open(path)?),
            None => Questions::Expectations(expectations),
        };
        let read = |source| Failure::Read { path: log.clone().unwrap_or_default(), source };
        let changes = expect::against(&before, &after, gateway.as_deref(), questions).map_err(read)?;
        return changed(&changes, output, ui);
    }
    let world = place.world(ui)?;
    let tests = expect::run(&world, gateway.as_deref(), &expectations).map_err(Failure::Invalid)?;
    if let Some(path) = junit {
        std::fs::write(&path, tests.junit()).map_err(|source| Failure::Write { path, source })?;
    }
    match output {
        Output::Table | Output::Wide => ui.print(&tests.tests.iter().map(|test| lines(test, output)).collect::<String>())?,
        _ => output.list(&tests, ui)?,
    }
    ui.note(&format!("gw: {} of {} expectations are met, asked of {}", tests.met, tests.tests.len(), tests.from));
    Ok(if tests.missed == 0 { Answer::Yes } else { Answer::No })
}

fn open(path: &PathBuf) -> Result<Box<dyn BufRead>, Failure> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(std::io::stdin().lock()));
    }
    let file = File::open(path).map_err(|source| Failure::Read { path: path.clone(), source })?;
    Ok(Box::new(BufReader::new(file)))
}

/// A line, and where something is not as expected, what is and why.
fn lines(test: &Test, output: Output) -> String {
    let word = if test.met { "ok    " } else { "FAILED" };
    let name = test.name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
    let mut text = format!("{word} {}: {}{name}: {}\n", test.place, test.asked, test.answer);
    for difference in &test.differs {
        text.push_str(&format!("       {difference}\n"));
    }
    if !test.met || output == Output::Wide {
        let steps = match &test.explanation {
            Given::Way(explanation) => {
                let notes: String = explanation.notes.iter().map(|note| format!("note: {note}\n")).collect();
                route::steps(explanation) + &notes
            }
            Given::May(answer) => {
                let rule = answer.rule.as_ref().map(|rule| format!("   [{rule}]")).unwrap_or_default();
                let place = answer.place.as_ref().map(|place| format!(" {place}")).unwrap_or_default();
                format!("=> {}{rule}{place}\n", answer.why)
            }
        };
        steps.lines().for_each(|line| text.push_str(&format!("         {line}\n")));
    }
    text
}

impl Listing for Tests {
    fn whole(&self) -> Value {
        self.json()
    }

    fn lines(&self) -> Vec<Value> {
        self.tests.iter().map(|test| with_schema("test", &serde_json::json!(test))).collect()
    }

    fn table(&self, _: bool) -> Table {
        Table::new(&[])
    }

    fn names(&self) -> Vec<String> {
        self.tests.iter().filter(|test| !test.met).map(|test| test.place.clone()).collect()
    }
}

fn changed(changes: &Changes, output: Output, ui: &mut Ui) -> Result<Answer, Failure> {
    output.list(changes, ui)?;
    if changes.others > 0 {
        ui.note(&format!("gw: {} more change in yet other ways", changes.others));
    }
    if changes.unread > 0 {
        ui.note(&format!("gw: {} lines are no records of requests, or of none that either is asked", changes.unread));
    }
    if !changes.unknown_headers.is_empty() {
        ui.note(&format!(
            "gw: no record has the headers {}, by which routes go: asked as if nobody sent them",
            changes.unknown_headers.join(", ")
        ));
    }
    let Changes { changed, asked, before, after, .. } = changes;
    ui.note(&format!("gw: {changed} of {asked} change their answer, from {before} to {after}"));
    Ok(if *changed == 0 { Answer::Yes } else { Answer::No })
}

impl Listing for Changes {
    fn whole(&self) -> Value {
        serde_json::json!(self)
    }

    fn lines(&self) -> Vec<Value> {
        self.changes.iter().map(|change| with_schema("change", &serde_json::json!(change))).collect()
    }

    fn table(&self, _: bool) -> Table {
        let mut table = Table::new(&["COUNT", "BEFORE", "BY", "AFTER", "BY", "FIRST"]);
        for Changed { before, after, count, example } in &self.changes {
            table.row(vec![count.to_string(), before.answer.clone(), by(before), after.answer.clone(), by(after), example.clone()]);
        }
        table
    }

    fn names(&self) -> Vec<String> {
        self.changes.iter().map(|change| change.after.answer.clone()).collect()
    }
}

/// The rule that decided, and where it is written.
fn by(said: &Said) -> String {
    let place = said.place.as_ref().map(|place| format!(" {place}")).unwrap_or_default();
    said.rule.as_ref().map_or_else(|| "-".to_owned(), |rule| format!("{rule}{place}"))
}
