//! How what is wrong is printed: as rustc does, one line each, or one JSON object each. The one place for all three.

use std::error::Error;
use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

/// How errors are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorFormat {
    /// As rustc prints them: the line, a caret, advice.
    #[default]
    Full,
    /// `file:line:column: error[CODE]: message`
    Short,
    /// One JSON object a line.
    Json,
}

/// How much a report matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Something is refused.
    Error,
    /// Something is taken and will not do what is meant.
    Finding,
    /// Worth knowing.
    Warning,
}

/// One thing that is wrong.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    /// A stable code, or empty.
    pub code: &'a str,
    /// How much it matters.
    pub severity: Severity,
    /// What was seen.
    pub message: &'a str,
    /// Where, if there is a place.
    pub place: Option<Place<'a>>,
    /// What to do next.
    pub help: &'a [String],
}

/// A place in a text.
#[derive(Clone, Debug)]
pub struct Place<'a> {
    /// The path as the user gave it.
    pub origin: &'a str,
    /// The whole text.
    pub content: &'a str,
    /// The bytes of it that are meant.
    pub span: Range<usize>,
    /// What to say there; may be empty.
    pub label: &'a str,
}

impl Severity {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Finding => "finding",
            Self::Warning => "warning",
        }
    }
}

/// A text longer than this is not shown, only pointed to: a line of a megabyte helps nobody.
const LONGEST_SHOWN: usize = 4096;

/// The report in a format, ending with a newline. `width` is that of the terminal.
pub(super) fn render(report: &Report<'_>, format: ErrorFormat, width: usize) -> String {
    match format {
        ErrorFormat::Full => full(report, width),
        ErrorFormat::Short => short(report),
        ErrorFormat::Json => json(report),
    }
}

/// An error and its causes, as one sentence.
pub(super) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn full(report: &Report<'_>, width: usize) -> String {
    let level = match report.severity {
        Severity::Error => Level::ERROR,
        Severity::Finding => Level::WARNING.with_name("finding"),
        Severity::Warning => Level::WARNING,
    };
    let mut title = level.primary_title(report.message);
    if !report.code.is_empty() {
        title = title.id(report.code);
    }
    let window = report.place.as_ref().map(Window::of);
    let mut group = Group::with_title(title);
    if let (Some(place), Some(window)) = (&report.place, &window) {
        group = if window.text.len() > LONGEST_SHOWN {
            group.element(Origin::path(place.origin).line(window.place.0).char_column(window.place.1))
        } else {
            let mut mark = AnnotationKind::Primary.span(window.span.clone());
            if !place.label.is_empty() {
                mark = mark.label(place.label);
            }
            group.element(Snippet::source(window.text).line_start(window.place.0).path(place.origin).annotation(mark))
        };
    }
    let group = report.help.iter().fold(group, |group, help| group.element(Level::HELP.message(help.as_str())));
    let renderer = Renderer::styled().decor_style(DecorStyle::Ascii).term_width(width);
    // A snippet stands for itself; a sentence does not need the room.
    let room = if report.place.is_some() { "\n\n" } else { "\n" };
    format!("{}{room}", renderer.render(&[group]))
}

fn short(report: &Report<'_>) -> String {
    let code = if report.code.is_empty() { String::new() } else { format!("[{}]", report.code) };
    let what = format!("{}{code}: {}\n", report.severity.as_str(), on_one_line(report.message));
    match &report.place {
        Some(place) => {
            let (line, column) = Window::of(place).place;
            format!("{}:{line}:{column}: {what}", place.origin)
        }
        None => what,
    }
}

fn json(report: &Report<'_>) -> String {
    let mut object = serde_json::json!({
        "schema": "gw.diagnostic/v1",
        "level": report.severity.as_str(),
        "code": report.code,
        "message": report.message,
    });
    if let Some(place) = &report.place {
        let window = Window::of(place);
        object["file"] = place.origin.into();
        object["line"] = window.place.0.into();
        object["column"] = window.place.1.into();
        object["bytes"] = [place.span.start, place.span.end].as_slice().into();
        if !place.label.is_empty() {
            object["label"] = place.label.into();
        }
    }
    object["help"] = report.help.into();
    format!("{object}\n")
}

fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The line of a text that a place begins on, and the place in it.
struct Window<'a> {
    text: &'a str,
    span: Range<usize>,
    /// Line and column of the place, from 1; the column in characters.
    place: (usize, usize),
}

impl<'a> Window<'a> {
    fn of(place: &Place<'a>) -> Self {
        let content = place.content;
        let start = floor(content, place.span.start);
        // A long span is shown by its first line.
        let line_end = content[start..].find('\n').map_or(content.len(), |n| start + n);
        let end = floor(content, place.span.end).clamp(start, line_end);
        let line_start = content[..start].rfind('\n').map_or(0, |n| n + 1);
        let before = &content[line_start..start];
        Self {
            text: &content[line_start..line_end],
            span: start - line_start..end - line_start,
            place: (content[..start].matches('\n').count() + 1, before.chars().count() + 1),
        }
    }
}

/// The last character boundary at or before a byte.
fn floor(text: &str, byte: usize) -> usize {
    let byte = byte.min(text.len());
    (0..=byte).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Kind = \"ingress-gateway\"\nName = \"edge\"\nListeners = [\n  { Port = 80, Protocal = \"http\" },\n]\n";

    fn report<'a>(span: Range<usize>, help: &'a [String]) -> Report<'a> {
        let place = Place { origin: "gw.d/edge.hcl", content: TEXT, span, label: "" };
        Report { code: "GW0102", severity: Severity::Error, message: "unknown field \"Protocal\"", place: Some(place), help }
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn an_error_is_printed_as_rustc_does() {
        let at = TEXT.find("Protocal").expect("in the text");
        let help = ["did you mean \"Protocol\"?".to_owned()];
        let text = plain(&render(&report(at..at + 8, &help), ErrorFormat::Full, 100));
        let wanted = "\
error[GW0102]: unknown field \"Protocal\"
 --> gw.d/edge.hcl:4:16
  |
4 |   { Port = 80, Protocal = \"http\" },
  |                ^^^^^^^^
  |
  = help: did you mean \"Protocol\"?

";
        assert_eq!(text, wanted);
    }

    #[test]
    fn one_line_says_where_and_what() {
        let at = TEXT.find("Protocal").expect("in the text");
        let text = render(&report(at..at + 8, &[]), ErrorFormat::Short, 100);
        assert_eq!(text, "gw.d/edge.hcl:4:16: error[GW0102]: unknown field \"Protocal\"\n");
        let text = render(&report(at..at + 8, &[]), ErrorFormat::Json, 100);
        let object: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!((&object["line"], &object["column"], &object["level"]), (&4.into(), &16.into(), &"error".into()));
    }

    #[test]
    fn no_span_and_no_text_breaks_the_printer() {
        let texts = ["", "\n", "é\u{301}\n\tü = 1", "x\r\ny\r\n", "a\n\n\nb"];
        for content in texts {
            for start in 0..content.len() + 3 {
                for end in [start, start + 1, start + 2, usize::MAX] {
                    let place = Place { origin: "-", content, span: start..end, label: "here" };
                    let report = Report { code: "", severity: Severity::Finding, message: "m", place: Some(place), help: &[] };
                    for format in [ErrorFormat::Full, ErrorFormat::Short, ErrorFormat::Json] {
                        assert!(render(&report, format, 80).ends_with('\n'));
                    }
                }
            }
        }
    }

    #[test]
    fn a_line_of_a_megabyte_is_pointed_to_and_not_shown() {
        let content = format!("{}x", " ".repeat(1 << 20));
        let place = Place { origin: "long.json", content: &content, span: 1 << 20..(1 << 20) + 1, label: "" };
        let report = Report { code: "GW0101", severity: Severity::Error, message: "m", place: Some(place), help: &[] };
        let text = plain(&render(&report, ErrorFormat::Full, 80));
        assert!(text.len() < 1000 && text.contains("long.json:1:1048577"), "{text}");
    }
}
