//! `gw completions`, `gw man`, `gw version`: what a shell, a pager and a bug report want. Made of the one command definition.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

use super::error::Failure;
use super::{Answer, generated};
use crate::ui::Ui;

/// Print the completions of a shell
#[derive(Debug, Args)]
#[command(after_long_help = "\
EXAMPLES
  gw completions bash > ~/.local/share/bash-completion/completions/gw
  gw completions zsh  > ~/.zfunc/_gw
  gw completions fish > ~/.config/fish/completions/gw.fish

EXIT CODES
  0  printed    2  usage")]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Print gw(1), or write every page to a folder
#[derive(Debug, Args)]
#[command(after_long_help = "\
EXAMPLES
  gw man | man -l -
  gw man ~/.local/share/man        man1/gw.1, man1/gw-ingress.1 .. man5/gw.toml.5; prints the paths

EXIT CODES
  0  done    1  a page cannot be written    2  usage")]
pub(super) struct ManArgs {
    /// A folder of manual pages
    dir: Option<PathBuf>,
}

/// Print the version
#[derive(Debug, Args)]
#[command(after_long_help = "EXIT CODES\n  0  printed")]
pub(super) struct VersionArgs {}

pub(super) fn completions(args: &CompletionsArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    ui.print(&generated::completions(args.shell))?;
    Ok(Answer::Yes)
}

pub(super) fn man(args: ManArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let Some(dir) = args.dir else {
        let first = generated::pages().into_iter().find(|page| page.name == "gw.1");
        ui.print(&first.map(|page| page.text).unwrap_or_default())?;
        return Ok(Answer::Yes);
    };
    for page in generated::pages() {
        let folder = dir.join(format!("man{}", page.section()));
        let path = folder.join(&page.name);
        let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&path, &page.text));
        written.map_err(|source| Failure::Write { path: path.clone(), source })?;
        ui.print(&format!("{}\n", path.display()))?;
    }
    Ok(Answer::Yes)
}

pub(super) fn version(ui: &mut Ui) -> Result<Answer, Failure> {
    ui.print(concat!("gw ", env!("CARGO_PKG_VERSION"), "\n"))?;
    Ok(Answer::Yes)
}
