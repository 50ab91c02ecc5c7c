//! `gw inspect batch`: the same brain for programs.

use std::io::{BufRead, BufReader, Read};

use clap::Args;

use crate::app::batch;
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::ui::Ui;

/// Answer JSON questions, one a line, from stdin
#[derive(Debug, Args)]
#[command(after_long_help = "\
One question a line on stdin, one answer a line on stdout, in the same order. Each line stands for
itself.

  {\"chain\": {\"entries\": [..], \"service\": \"web\", \"datacenter\": \"dc1\", \"override\": {..}}}
      -> {\"chain\": {..}} or {\"error\": \"..\"}
  {\"validate\": {\"existing\": [..], \"write\": {..}}}   or \"hcl\": \"..\", or \"delete\": {..}
      -> {\"accepted\": true, \"stored\": {..}} or {\"accepted\": false, \"error\": \"..\"}
  {\"authz\": {\"entries\": [..], \"default\": \"deny\", \"source\": \"a\", \"destination\": \"b\",
             \"request\": {\"method\": \"GET\", \"authority\": \"b.test\", \"path\": \"/\", \"headers\": [[\"x-a\", \"1\"]]}}}
      -> {\"allowed\": false, \"by\": \"a -> b\"}, or \"default\"; without request as Consul's intentions/check

EXAMPLES
  gw inspect batch < questions.jsonl > answers.jsonl

EXIT CODES
  0  every line was answered, with an error or not")]
pub(super) struct BatchArgs {}

/// A question longer than this is answered with an error: memory is bounded whatever comes.
const LONGEST_LINE: u64 = 64 << 20;

pub(super) fn run(ui: &mut Ui) -> Result<Answer, Failure> {
    let mut stdin = BufReader::new(std::io::stdin().lock());
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = stdin.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).map_err(Failure::Stdin)?;
        if read == 0 {
            return Ok(Answer::Yes);
        }
        if read as u64 == LONGEST_LINE && !line.ends_with(b"\n") {
            stdin.skip_until(b'\n').map_err(Failure::Stdin)?;
        }
        let text = String::from_utf8_lossy(&line);
        if text.trim().is_empty() {
            continue;
        }
        ui.print(&format!("{}\n", batch::answer(&text)))?;
        // One who waits for each answer gets it; one who sends many gets them in blocks.
        if !stdin.buffer().contains(&b'\n') {
            ui.flush()?;
        }
    }
}
