//! `gw inspect explain`: what a code means.

use clap::Args;

use crate::app::entries;
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::decide::code::Code;
use crate::ui::Ui;

/// Say what a code means: of an answer (no_route) or of a finding (GW0102)
#[derive(Debug, Args)]
#[command(after_long_help = "\
EXAMPLES
  gw inspect explain no_route      the x-gw-code of an answer, the code of an access record
  gw inspect explain GW0404        what gw config validate prints

EXIT CODES
  0  printed    2  usage    6  there is no such code")]
pub(super) struct ExplainArgs {
    /// The code
    code: String,
}

pub(super) fn run(args: &ExplainArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let of_answers = Code::ALL.iter().find(|code| code.as_str() == args.code).map(|code| {
        let status = if code.status() == 0 { "no answer of gw's own".to_owned() } else { format!("status {}", code.status()) };
        format!("{}: {}; {status}\n", code.as_str(), code.meaning())
    });
    let wanted = args.code.to_uppercase();
    let of_entries =
        || entries::codes().into_iter().find(|(code, _)| *code == wanted).map(|(code, meaning)| format!("{code}: {meaning}\n"));
    let none = || Failure::NoSuchCode { word: args.code.clone(), near: entries::near_codes(&args.code) };
    let text = of_answers.or_else(of_entries).ok_or_else(none)?;
    ui.print(&text)?;
    Ok(Answer::Yes)
}
