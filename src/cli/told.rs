//! What became of files that changed under a running gateway, in lines for the one who watches.

use std::net::SocketAddr;

use super::error::Failure;
use super::input;
use crate::app::files::Unreadable;
use crate::app::{Changed, Refused, Told};
use crate::id::ListenerName;
use crate::ui::Ui;

/// Prints it.
pub(super) fn tell(told: Told, ui: &mut Ui) {
    match told {
        Told::Changed { changed, notes, took } => {
            notes.iter().for_each(|note| ui.report(&input::report(note)));
            ui.note(&format!("gw: generation {} is in effect after {} ms{}", changed.generation, took.as_millis(), listeners(&changed)));
        }
        Told::Same { generation } => ui.note(&format!("gw: nothing changed, generation {generation} goes on serving")),
        Told::Refused { why, generation } => {
            refused(why, ui);
            ui.note(&format!("gw: the configuration of generation {generation} goes on serving"));
        }
        Told::NoFiles => ui.note("gw: there is nothing to read again, for what is served comes from the command line"),
        Told::Unwatched(why) => ui.failure(&why, &["changed files are taken up on HUP alone".to_owned()]),
    }
}

/// As the same would be printed at a start.
fn refused(why: Refused, ui: &mut Ui) {
    match why {
        Refused::Files(Unreadable::Origin(error)) => drop(Failure::from(error).report(ui)),
        why => ui.failure(&why, &[]),
    }
}

fn listeners(changed: &Changed) -> String {
    let parts = |listeners: &[(ListenerName, SocketAddr)], what: &str| {
        listeners.iter().map(|(name, address)| format!("; {name} {what} {address}")).collect::<String>()
    };
    parts(&changed.added, "listens on") + &parts(&changed.changed, "is another listener now, still on") + &parts(&changed.removed, "left")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_that_come_and_go_are_named() {
        let at = |port: i64| vec![(ListenerName::of("edge", port), SocketAddr::from(([127, 0, 0, 1], port as u16)))];
        let changed = Changed { generation: 2, added: at(1), changed: at(2), removed: at(3) };
        let words = "; edge:1 listens on 127.0.0.1:1; edge:2 is another listener now, still on 127.0.0.1:2; edge:3 left 127.0.0.1:3";
        assert_eq!(listeners(&changed), words);
    }
}
