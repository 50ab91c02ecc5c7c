//! How far something long is: a line that moves on a terminal, a line now and then elsewhere.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often the same is said where nothing can move.
const NOW_AND_THEN: Duration = Duration::from_secs(5);

/// Something long that goes on.
#[derive(Debug)]
pub struct Progress {
    /// On a terminal.
    bar: Option<ProgressBar>,
    said: String,
    at: Option<Instant>,
}

impl Progress {
    /// It begins.
    pub fn begin() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.set_style(ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar
        });
        Self { bar, said: String::new(), at: None }
    }

    /// How far it is. The line to be noted, where there is no terminal, and it is news or was said long ago.
    pub fn at(&mut self, text: &str) -> Option<String> {
        if let Some(bar) = &self.bar {
            bar.set_message(text.to_owned());
            bar.tick();
            return None;
        }
        let long_ago = self.at.is_none_or(|at| at.elapsed() > NOW_AND_THEN);
        if !long_ago || (self.said == text && self.at.is_some_and(|at| at.elapsed() < 6 * NOW_AND_THEN)) {
            return None;
        }
        (self.said, self.at) = (text.to_owned(), Some(Instant::now()));
        Some(text.to_owned())
    }

    /// How far it is, where it is known how much there is: a bar.
    pub fn part(&mut self, done: usize, all: usize, text: &str) -> Option<String> {
        if let Some(bar) = &self.bar {
            let is_new = bar.length() != Some(all as u64);
            if let Some(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}").ok().filter(|_| is_new) {
                bar.set_style(style);
                bar.set_length(all as u64);
            }
            bar.set_position(done as u64);
        }
        let line = if self.bar.is_some() { text.to_owned() } else { format!("{done} of {all}: {text}") };
        self.at(&line)
    }

    /// It is over.
    pub fn end(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
