//! A trial as JUnit's XML, which build servers read.

use std::fmt::Write;

use super::trial::{Outcome, Trial};

/// The document.
pub fn junit(trial: &Trial) -> String {
    let count = |is: fn(&Outcome) -> bool| trial.checks.iter().filter(|check| is(&check.outcome)).count();
    let failed = count(|outcome| matches!(outcome, Outcome::Failed { .. })) + trial.findings.len();
    let skipped = count(|outcome| matches!(outcome, Outcome::NotProbed { .. }));
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"gw wan-fed test\" tests=\"{}\" failures=\"{failed}\" skipped=\"{skipped}\" time=\"{:.3}\">\n",
        trial.checks.len() + trial.findings.len(),
        trial.checks.iter().filter_map(|check| check.seconds).sum::<f64>(),
    );
    // Writing to a String cannot fail.
    for finding in &trial.findings {
        let (hop, name) = (escaped(&finding.hop), escaped(&format!("{}: {}", finding.fault.as_str(), finding.at)));
        let (cause, fix) = (escaped(&finding.cause), escaped(&finding.fix));
        let _ = writeln!(text, "  <testcase classname=\"{hop}\" name=\"{name}\"><failure message=\"{cause}\">{fix}</failure></testcase>");
    }
    for check in &trial.checks {
        let (hop, name) = (escaped(&check.hop), escaped(&check.name()));
        let time = check.seconds.unwrap_or_default();
        let _ = write!(text, "  <testcase classname=\"{hop}\" name=\"{name}\" time=\"{time:.3}\"");
        let _ = match &check.outcome {
            Outcome::Ok => writeln!(text, "/>"),
            Outcome::Failed { why } => writeln!(text, "><failure message=\"{}\"/></testcase>", escaped(why)),
            Outcome::NotProbed { why } => writeln!(text, "><skipped message=\"{}\"/></testcase>", escaped(why)),
        };
    }
    text.push_str("</testsuite>\n");
    text
}

/// As it may stand in an attribute or between tags; what XML cannot carry at all is left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(' '),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_peer_may_have_written_does_not_end_an_attribute() {
        assert_eq!(escaped("a\"<b>&\u{1}c\nd"), "a&quot;&lt;b&gt;&amp;c d");
    }
}
