//! `gw certs rotate`: another root, while everything goes on.

use clap::Args;

use super::{DirArgs, wrote};
use crate::app::certs;
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::ui::Ui;

/// Put another root in the place of the one there is
#[derive(Debug, Args)]
#[command(after_long_help = "\
  1. gw certs rotate           a new root signs from now on. ca.pem holds both, and leaves are sent with the new root signed by the old one: members
                               with either bundle trust leaves of either root. Gateways of gw renew their own leaves at once.
  2. gw certs renew            the other leaves of the folder. Give ca.pem to every member of the mesh that has it elsewhere.
  3. gw certs rotate --finish  the old root is trusted no more, and its key is removed. Refused while a leaf of the folder is of the old root.

EXIT CODES
  0  done; the paths that were written are on stdout    1  cannot be written    2  usage    6  no CA    8  not the time for it")]
pub(super) struct RotateArgs {
    /// End the rotation: the old root is trusted no more
    #[arg(long)]
    finish: bool,
    /// With --finish: also while leaves are of the old root
    #[arg(long, requires = "finish")]
    force: bool,
    #[command(flatten)]
    dir: DirArgs,
}

pub(super) fn run(args: RotateArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let folder = args.dir.folder();
    let done = if args.finish { certs::finish(&folder, args.force)? } else { certs::start(&folder)? };
    wrote(&done.wrote, ui)?;
    done.removed.iter().for_each(|path| ui.note(&format!("gw: removed {}", path.display())));
    if args.finish {
        ui.note(&format!("gw: the rotation is over: {} is the only root that is trusted", done.root));
    } else {
        ui.note(&format!("gw: {} signs from now on, and both roots are trusted", done.root));
        ui.note("gw: next, gw certs renew; when every member has the new ca.pem, gw certs rotate --finish");
    }
    Ok(Answer::Yes)
}
