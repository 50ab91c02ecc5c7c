//! Results as JUnit's XML, which build servers read.

use std::fmt::Write;

/// What was looked at, and what came of it.
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// What it belongs to.
    pub(super) class: String,
    /// What it is called there.
    pub(super) name: String,
    /// Seconds, where it took any.
    pub(super) seconds: Option<f64>,
    /// What came of it.
    pub(super) result: Came,
}

/// What came of a case.
#[derive(Clone, Debug)]
pub(super) enum Came {
    /// It is as it should be.
    Passed,
    /// It is not: what is wrong, and more about it.
    Failed(String, String),
    /// Nobody could look, and why.
    Skipped(String),
}

/// The document.
pub(super) fn document(suite: &str, cases: &[Case]) -> String {
    let count = |is: fn(&Came) -> bool| cases.iter().filter(|case| is(&case.result)).count();
    let (failed, skipped) = (count(|came| matches!(came, Came::Failed(..))), count(|came| matches!(came, Came::Skipped(_))));
    let time: f64 = cases.iter().filter_map(|case| case.seconds).sum();
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"{suite}\" tests=\"{}\" failures=\"{failed}\" skipped=\"{skipped}\" time=\"{time:.3}\">\n",
        cases.len(),
    );
    for case in cases {
        let (class, name) = (escaped(&case.class), escaped(&case.name));
        let time = case.seconds.map(|seconds| format!(" time=\"{seconds:.3}\"")).unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = write!(text, "  <testcase classname=\"{class}\" name=\"{name}\"{time}");
        let _ = match &case.result {
            Came::Passed => writeln!(text, "/>"),
            Came::Failed(why, more) => {
                writeln!(text, "><failure message=\"{}\">{}</failure></testcase>", escaped(why), escaped(more))
            }
            Came::Skipped(why) => writeln!(text, "><skipped message=\"{}\"/></testcase>", escaped(why)),
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
