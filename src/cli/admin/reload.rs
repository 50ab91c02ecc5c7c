//! `gw admin reload`

use clap::Args;

use super::OfGateway;
use crate::app::admin;
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::ui::Ui;

/// Read the configuration again, as HUP does, and say what came of it
#[derive(Debug, Args)]
#[command(after_long_help = "\
EXAMPLES
  gw admin reload
  gw admin reload -o json | jq -r .result      changed, same, refused or nothing

EXIT CODES
  0  what it says is in effect    1  there are no files to read    3  it is refused: nothing has changed
  4  no gateway answers           5  the token may not             7  it still reads after a minute")]
pub(super) struct ReloadArgs {
    #[command(flatten)]
    of: OfGateway,
}

pub(super) fn run(args: &ReloadArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let done = admin::reload(args.of.admin)?;
    let generation = &done["generation"];
    let line = match done["result"].as_str().unwrap_or_default() {
        "changed" => format!("generation {generation} is in effect"),
        "same" => format!("generation {generation} is in effect: the configuration says the same"),
        "refused" => format!("refused, generation {generation} stays in effect: {}", done["why"].as_str().unwrap_or_default()),
        _ => "there are no files to read: what is served comes from the command line".to_owned(),
    };
    args.of.print(&done, &line, ui)?;
    match done["result"].as_str().unwrap_or_default() {
        "changed" | "same" => Ok(Answer::Yes),
        "refused" => Err(Failure::Refused("what the configuration says by now is refused, and nothing has changed".to_owned())),
        _ => Ok(Answer::No),
    }
}
