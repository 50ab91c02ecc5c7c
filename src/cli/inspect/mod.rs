//! `gw inspect`: questions to the brain.

mod batch;

use clap::{Args, Subcommand};

use super::Answer;
use super::error::Failure;
use crate::ui::Ui;

/// Ask why: routes, chains, batches of questions
#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    #[command(subcommand)]
    question: Question,
}

#[derive(Debug, Subcommand)]
enum Question {
    Batch(batch::BatchArgs),
}

pub(super) fn run(args: InspectArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    match args.question {
        Question::Batch(_) => batch::run(ui),
    }
}
