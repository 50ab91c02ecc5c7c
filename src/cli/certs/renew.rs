//! `gw certs renew`: others in the place of leaves that are far in their life, once or again and again.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use clap::Args;

use super::{DirArgs, share, wrote};
use crate::app::certs::{self, Folder, Moment, Renewed};
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::ui::Ui;

/// The longest sleep: the clock may be set meanwhile.
const LONGEST: i64 = 60;
/// After a failure it is tried again so much later.
const AGAIN: Duration = Duration::from_secs(10);

/// Renew leaves: the same names, a new key
#[derive(Debug, Args)]
#[command(after_long_help = "\
Renewed is what has --at of its life behind it, and what another CA signed than the one that signs
now. With --daemon each leaf is renewed at a moment between 60 and 90 % of its life, as Consul's
agents do. Gateways of gw renew their own leaves by themselves; this is for others.

EXAMPLES
  gw certs renew                                        all leaves of ./certs that need it
  gw certs renew web --at 0%                            this one, now
  gw certs renew ca-intermediate --at 0%                another CA below the root, then its leaves: gw certs renew
  gw certs renew --daemon --exec 'systemctl reload nginx'

ENVIRONMENT OF --exec
  GW_RENEWED  the paths that were written, one a line

EXIT CODES
  0  done; the paths are on stdout    1  cannot be written    2  usage    3  the CA is refused    6  no CA")]
pub(super) struct RenewArgs {
    /// Leaves by the name of their files; without one all of the folder
    names: Vec<String>,
    /// The share of a life after which a leaf is renewed
    #[arg(long, value_name = "PERCENT", default_value = "66%", value_parser = share, conflicts_with = "daemon")]
    at: f64,
    /// Go on, and renew each leaf when its time has come
    #[arg(long)]
    daemon: bool,
    /// A command of the shell after something was renewed
    #[arg(long, value_name = "COMMAND")]
    exec: Option<String>,
    #[command(flatten)]
    dir: DirArgs,
}

pub(super) fn run(args: RenewArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let RenewArgs { names, at, daemon, exec, dir } = args;
    let folder = dir.folder();
    if let Some(end) = certs::ending(&folder, Moment::now()).ok().flatten() {
        ui.note(&format!("gw: {end}"));
    }
    if !daemon {
        let renewed = certs::renew(&folder, &names, |_| at)?;
        told(renewed, exec.as_deref(), ui)?;
        return Ok(Answer::Yes);
    }
    // What is wrong at the start is an error; what goes wrong later may be set right.
    certs::next(&folder, &names, Moment::now())?;
    loop {
        match step(&folder, &names, exec.as_deref(), ui) {
            Ok(pause) => std::thread::sleep(pause),
            Err(failure) => {
                let _ = failure.report(ui);
                std::thread::sleep(AGAIN);
            }
        }
    }
}

/// Renews what is due. How long to sleep.
fn step(folder: &Folder, names: &[String], exec: Option<&str>, ui: &mut Ui) -> Result<Duration, Failure> {
    told(certs::renew_due(folder, names)?, exec, ui)?;
    let now = Moment::now();
    let next = certs::next(folder, names, now)?;
    Ok(Duration::from_secs(next.map_or(LONGEST, |next| next.0 - now.0).clamp(1, LONGEST).unsigned_abs()))
}

/// Says what was renewed and runs the command, also where other leaves could not be renewed; then that is the error.
fn told(renewed: Renewed, exec: Option<&str>, ui: &mut Ui) -> Result<(), Failure> {
    wrote(&renewed.wrote, ui)?;
    ui.flush()?;
    after(&renewed.wrote, exec, ui);
    renewed.failed.map_or(Ok(()), |why| Err(why.into()))
}

/// The command, if something was written. That it fails is said, and changes nothing.
fn after(paths: &[PathBuf], exec: Option<&str>, ui: &mut Ui) {
    let Some(command) = exec.filter(|_| !paths.is_empty()) else { return };
    let written: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    match Command::new("sh").args(["-c", command]).env("GW_RENEWED", written.join("\n")).status() {
        Ok(status) if status.success() => {}
        Ok(status) => ui.note(&format!("gw: {command:?} ended with {status}; the certificates are renewed")),
        Err(error) => ui.note(&format!("gw: {command:?} cannot be run: {error}; the certificates are renewed")),
    }
}
