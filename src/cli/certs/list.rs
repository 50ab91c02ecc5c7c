//! `gw certs list`: the leaves of a folder.

use clap::Args;
use serde_json::json;

use super::DirArgs;
use crate::app::certs::{self, Leaf, Moment};
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::ui::{Table, Ui};

/// List the leaves of a folder, and how far they are in their life
#[derive(Debug, Args)]
#[command(after_long_help = "\
EXIT CODES
  0  printed    1  one of them is expired, or is no certificate with its key    2  usage    6  no folder")]
pub(super) struct ListArgs {
    #[command(flatten)]
    dir: DirArgs,
    /// How it is printed
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Output,
}

pub(super) fn run(args: ListArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let (leaves, now) = (certs::list(&args.dir.folder())?, Moment::now());
    match args.output {
        Output::Name => leaves.iter().try_for_each(|leaf| ui.print(&format!("{}\n", leaf.name)))?,
        Output::Json | Output::Jsonl => {
            let leaves: Vec<_> = leaves.iter().map(|leaf| object(leaf, now)).collect();
            args.output.document(&json!({ "schema": "gw.certs/v1", "leaves": leaves }), "leaves", "certs.leaf", ui)?;
        }
        Output::Table | Output::Wide => {
            let mut table = Table::new(&["NAME", "IDENTITY", "BY", "UNTIL", "LIFE", "STATE"]);
            for leaf in &leaves {
                let of = |text: fn(&certs::X509) -> String| leaf.says.as_ref().map_or_else(|| "-".to_owned(), text);
                let life = leaf.says.as_ref().map_or_else(|| "-".to_owned(), |says| format!("{:.0} %", says.age(now) * 100.0));
                let until = of(|says| says.until.to_string());
                let state = leaf.state(now).to_owned();
                table.row(vec![leaf.name.clone(), of(|says| says.called().to_owned()), of(|s| s.issuer.clone()), until, life, state]);
            }
            ui.table(&table)?;
        }
    }
    Ok(if leaves.iter().all(|leaf| leaf.state(now) == "valid") { Answer::Yes } else { Answer::No })
}

fn object(leaf: &Leaf, now: Moment) -> serde_json::Value {
    let says = leaf.says.as_ref();
    json!({
        "name": leaf.name,
        "cert": leaf.cert,
        "key": leaf.key,
        "spiffe_id": leaf.id().map(|id| id.to_string()),
        "identity": says.map(|says| says.called()),
        "issuer": says.map(|says| &says.issuer),
        "not_before": says.map(|says| says.from.to_string()),
        "not_after": says.map(|says| says.until.to_string()),
        "life_used": says.map(|says| says.age(now)),
        "state": leaf.state(now),
    })
}
