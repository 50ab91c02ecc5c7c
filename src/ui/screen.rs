//! A terminal as a whole, drawn again and again: what stood there before is there again when it is over.

use std::io::{self, Write};

use rustix::termios::tcgetwinsize;

/// The other screen of the terminal, without a cursor.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
/// To the first line, and after each line what is left of what stood there goes.
const HOME: &str = "\x1b[H";
const REST_OF_LINE: &str = "\x1b[K\r\n";
const REST_OF_SCREEN: &str = "\x1b[J";

/// The screen, until this is dropped.
#[derive(Debug)]
pub struct Screen(io::Stdout);

impl Screen {
    /// Takes the terminal. `None`: stdout is none, or one that cannot be drawn on.
    pub fn take() -> Option<Self> {
        let out = io::stdout();
        let able = std::env::var("TERM").is_ok_and(|term| !term.is_empty() && term != "dumb");
        if !able || tcgetwinsize(&out).is_err() {
            return None;
        }
        let mut screen = Self(out);
        screen.write(ENTER).ok()?;
        Some(screen)
    }

    /// Draws these lines, as many and as much of them as there is room for.
    pub fn draw(&mut self, text: &str) -> io::Result<()> {
        let size = tcgetwinsize(&self.0)?;
        let lines = fitted(text, size.ws_col.into(), size.ws_row.into());
        self.write(&format!("{HOME}{}{REST_OF_SCREEN}", lines.join(REST_OF_LINE)))
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.0.write_all(text.as_bytes())?;
        self.0.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Nobody can be told that the terminal is gone.
        let _ = self.write(LEAVE);
    }
}

/// The lines that find room, each cut where the terminal ends. What would tell it something is shown as a question mark.
fn fitted(text: &str, columns: usize, rows: usize) -> Vec<String> {
    let shown = |line: &str| line.chars().take(columns).map(|c| if c.is_control() { '?' } else { c }).collect();
    text.lines().take(rows).map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_stays_within_the_terminal() {
        assert_eq!(fitted("abcdef\n\u{1b}[2J\nx\ny", 4, 3), ["abcd", "?[2J", "x"]);
        assert!(fitted("a\nb", 0, 0).is_empty());
    }
}
