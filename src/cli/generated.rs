//! What is made of the one command definition: manual pages, completions, the help of everything.
//! `completions/`, `man/` and `tests/golden/help.txt` are this, checked in.

use clap::Command;
use clap_complete::Shell;
use clap_mangen::roff::{Roff, bold, roman};
use clap_mangen::{Man, roff};

use super::command;

/// `gw.toml(5)`, written by hand.
const GW_TOML: &str = include_str!("../../docs/gw.toml.md");

/// A manual page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// `gw-config-validate.1`
    pub name: String,
    /// Its roff.
    pub text: String,
}

impl Page {
    /// The section of the manual it belongs to.
    pub fn section(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or("1")
    }
}

/// Every manual page: gw(1), one a command, gw.toml(5).
pub fn pages() -> Vec<Page> {
    let commands = every_command();
    let mut pages: Vec<Page> = commands.iter().map(|(names, command)| page(names, command)).collect();
    pages.push(Page { name: "gw.toml.5".to_owned(), text: file_page("gw.toml", "5", GW_TOML) });
    pages
}

/// The completions of a shell.
pub fn completions(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), "gw", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// The shells that completions are checked in for, and what their files are called.
pub const SHELLS: [(Shell, &str); 3] = [(Shell::Bash, "gw.bash"), (Shell::Zsh, "_gw"), (Shell::Fish, "gw.fish")];

/// The long help of every command, one after the other.
pub fn help() -> String {
    let mut text = String::new();
    for (names, command) in every_command() {
        let mut command = command.term_width(100);
        text.push_str(&format!("$ {} --help\n{}\n\n", names.join(" "), command.render_long_help().to_string().trim_end()));
    }
    text
}

/// Every command below `gw` and itself, with the words that lead to it. Only what is built knows its global flags.
fn every_command() -> Vec<(Vec<String>, Command)> {
    fn walk(names: &[String], command: &Command, out: &mut Vec<(Vec<String>, Command)>) {
        let names: Vec<String> = names.iter().cloned().chain([command.get_name().to_owned()]).collect();
        out.push((names.clone(), command.clone().bin_name(names.join(" ")).display_name(names.join("-"))));
        command.get_subcommands().for_each(|below| walk(&names, below, out));
    }
    let mut gw = command();
    gw.build();
    let mut out = Vec::new();
    walk(&[], &gw, &mut out);
    out
}

fn page(names: &[String], command: &Command) -> Page {
    let name = format!("{}.1", names.join("-"));
    let man = Man::new(command.clone()).title(names.join("-")).section("1").manual("gw").source("").date("");
    let mut text = Vec::new();
    let rendered = man
        .render_title(&mut text)
        .and_then(|()| man.render_name_section(&mut text))
        .and_then(|()| man.render_synopsis_section(&mut text))
        .and_then(|()| man.render_description_section(&mut text))
        .and_then(|()| man.render_options_section(&mut text))
        .and_then(|()| if command.has_subcommands() { man.render_subcommands_section(&mut text) } else { Ok(()) });
    debug_assert!(rendered.is_ok(), "writing to memory cannot fail");
    let after = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
    let text = format!("{}{}{SEE_ALSO}", String::from_utf8_lossy(&text), after_help(&after));
    Page { name, text }
}

const SEE_ALSO: &str = ".SH \"SEE ALSO\"\n\\fBgw\\fR(1), \\fBgw.toml\\fR(5)\n";

/// Lines in capitals begin a section; what is below them stays as it is set.
fn after_help(text: &str) -> String {
    let mut page = Roff::new();
    let (mut open, mut named) = (false, false);
    for line in text.lines() {
        let heading = !line.is_empty() && line.chars().all(|c| c.is_ascii_uppercase() || c == ' ') && !line.starts_with(' ');
        if heading || !named {
            if open {
                page.control("fi", []);
            }
            page.control("SH", [if heading { line } else { "NOTES" }]).control("nf", []);
            (open, named) = (true, true);
        }
        if !heading {
            page.text([roman(line)]);
        }
    }
    if open {
        page.control("fi", []);
    }
    page.render().replace("\n\n.fi", "\n.fi")
}

/// A page from Markdown of a small kind: headings, paragraphs, indented blocks, and lists of `key`: text.
fn file_page(title: &str, section: &str, text: &str) -> String {
    let mut page = Roff::new();
    page.control("TH", [title, section, "", "", "gw"]);
    let mut block = false;
    for line in text.lines() {
        let indented = line.starts_with("    ") || (block && line.is_empty());
        if indented != block {
            page.control(if indented { "nf" } else { "fi" }, []);
            block = indented;
        }
        if let Some(name) = line.strip_prefix("# ") {
            page.control("SH", ["NAME"]).text([roman(name)]).control("SH", ["DESCRIPTION"]);
        } else if let Some(heading) = line.strip_prefix("## ") {
            page.control("SH", [heading]);
        } else if let Some((key, meaning)) = line.strip_prefix("- `").and_then(|item| item.split_once("`: ")) {
            page.control("TP", []).text([bold(key)]).text(spans(meaning));
        } else if line.is_empty() && !block {
            page.control("PP", []);
        } else {
            page.text(if block { vec![roman(line)] } else { spans(line) });
        }
    }
    page.render()
}

/// `code` is bold.
fn spans(text: &str) -> Vec<roff::Inline> {
    text.split('`').enumerate().map(|(n, part)| if n % 2 == 1 { bold(part) } else { roman(part) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_markdown_becomes_roff() {
        let page = file_page("x", "5", "# x - a file\n\nThe `key`.\n\n    a = 1\n\n## [top]\n\n- `a`: One.\n");
        assert!(page.contains(".SH NAME\nx \\- a file\n.SH DESCRIPTION\n"), "{page}");
        assert!(page.contains("The \\fBkey\\fR.\n"), "{page}");
        assert!(page.contains(".nf\n    a = 1\n"), "{page}");
        assert!(page.contains(".TP\n\\fBa\\fR\nOne.\n"), "{page}");
    }

    #[test]
    fn sections_of_help_become_sections_of_the_page() {
        let page = after_help("A word.\n\nEXAMPLES\n  gw x\n\nEXIT CODES\n  0  done");
        assert_eq!(page.matches(".SH").count(), 3, "{page}");
        assert!(page.contains(".SH \"EXIT CODES\"\n.nf\n  0  done\n.fi\n"), "{page}");
    }
}
