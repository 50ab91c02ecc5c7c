//! `gw wan-fed test`: probes along every way between datacenters.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::told;
use crate::app::wan_fed::{self, Agents, Keys, Outcome, Trial};
use crate::cli::consul::AgentsArgs;
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::cli::{Answer, input};
use crate::ui::{Progress, Table, Ui};

/// Probe every way between datacenters, and name what is wrong with the cause and the fix
#[derive(Debug, Args)]
#[command(after_long_help = "\
Agents are asked what they know (both directions with one agent in each datacenter); every address
of a gateway is connected to, inside of its datacenter and between datacenters, and every server;
through each gateway TLS is begun by every name that servers ask for and with every protocol they
use, and the certificate that is shown is judged: names, CA (with --ca), dates. With --cert and
--key of a server something is said to servers, too, and answered. What cannot be reached from this
machine is told as not probed: run it on a machine of each datacenter, best of the gateways.

EXAMPLES
  gw wan-fed test --http-addr 10.0.1.10:8500 --http-addr 10.0.2.10:8500 --ca agent-ca.pem --cert s1.pem --key s1-key.pem
  gw wan-fed test --ca agent-ca.pem --junit wan-fed.xml -o json
  gw wan-fed test -c gw.toml                      the mesh gateways that a file names

EXIT CODES
  0  nothing is wrong    1  something is, and is told    2  usage    3  a file is refused    4  nothing can be reached")]
pub(super) struct TestArgs {
    #[command(flatten)]
    agents: AgentsArgs,
    /// A gw.toml, whose mesh gateways are probed, too
    #[arg(short, long, value_name = "FILE", env = "GW_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
    /// PEM: the CA that certifies servers (their ca_file)
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// PEM: the certificate of an agent, which is shown to servers
    #[arg(long, value_name = "FILE", requires = "key", requires = "ca")]
    cert: Option<PathBuf>,
    /// PEM: its key
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// Write every probe as JUnit's XML, too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// How it is printed: table is what is wrong, wide every probe before it, jsonl a line for each of both, name what is wrong alone
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Output,
}

pub(super) fn run(args: TestArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let keys = Keys::of(args.ca.as_deref(), args.cert.as_deref().zip(args.key.as_deref()))?;
    let files = args.config.clone().map(|config| wan_fed::of_files(&input::files(Some(config)))).transpose().map_err(Failure::Invalid)?;
    let asks = files.is_none() || args.agents.is_named();
    let agents = if asks { Some(Agents::of(args.agents.settings(ui)?)?) } else { None };
    let mut progress = Progress::begin();
    let trial = wan_fed::trial(agents.as_ref(), files, &keys, &mut |done, all, at| {
        if let Some(line) = progress.part(done, all, at) {
            ui.note(&format!("gw: probe {line}"));
        }
    });
    progress.end();
    if let Some(path) = args.junit {
        std::fs::write(&path, wan_fed::junit(&trial)).map_err(|source| Failure::Write { path, source })?;
    }
    match args.output {
        Output::Json => ui.print(&format!("{:#}\n", json!(trial)))?,
        Output::Jsonl => {
            let whole = json!(trial);
            args.output.document(&whole, "checks", "wan-fed-test.probe", ui)?;
            args.output.document(&whole, "findings", "wan-fed.finding", ui)?;
        }
        Output::Name => trial.findings.iter().try_for_each(|finding| ui.print(&format!("{}\n", finding.fault.as_str())))?,
        Output::Table => ui.print(&told(&trial.findings))?,
        Output::Wide => {
            ui.table(&probes(&trial))?;
            ui.print(&format!("\n{}", told(&trial.findings)))?;
        }
    }
    summed_up(&trial, ui);
    if !trial.reached {
        return Err(Failure::Nothing);
    }
    Ok(if trial.is_well() { Answer::Yes } else { Answer::No })
}

fn probes(trial: &Trial) -> Table {
    let mut table = Table::new(&["WAY", "PROBE", "AT", "NAME", "PROTOCOL", "TIME", "RESULT"]);
    for check in &trial.checks {
        let result = match &check.outcome {
            Outcome::Ok => "ok".to_owned(),
            Outcome::Failed { why } => format!("failed: {why}"),
            Outcome::NotProbed { why } => format!("not probed: {why}"),
        };
        let time = check.seconds.map_or("-".to_owned(), |seconds| format!("{:.1} ms", seconds * 1000.0));
        let (sni, alpn) = (check.sni.clone().unwrap_or_else(|| "-".to_owned()), check.alpn.unwrap_or("-").to_owned());
        table.row(vec![check.hop.clone(), check.what.to_owned(), check.at.clone(), sni, alpn, time, result]);
    }
    table
}

/// How many probes came to what, and what was left out for which reason.
fn summed_up(trial: &Trial, ui: &mut Ui) {
    let count = |is: fn(&Outcome) -> bool| trial.checks.iter().filter(|check| is(&check.outcome)).count();
    let (ok, failed) = (count(|o| *o == Outcome::Ok), count(|o| matches!(o, Outcome::Failed { .. })));
    for check in &trial.checks {
        if let Outcome::NotProbed { why } = &check.outcome {
            let name = [&*check.hop, &*check.name()].iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(" ");
            ui.note(&format!("gw: not probed: {name}: {why}"));
        }
    }
    let wrong = match trial.findings.len() {
        0 => "nothing is wrong".to_owned(),
        1 => "one thing is wrong".to_owned(),
        many => format!("{many} things are wrong"),
    };
    ui.note(&format!("gw: {} probes, {ok} ok, {failed} failed; {wrong}", trial.checks.len()));
}
