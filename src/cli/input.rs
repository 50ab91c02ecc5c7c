//! What commands read, and how what is wrong with it is reported.

use std::io::Read;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::Failure;
use crate::app::entries::{Diagnostic, Input, Level};
use crate::ui::{Place, Report, Severity};

/// More than this on stdin is no config entry: memory is bounded whatever comes.
const LONGEST: u64 = 64 << 20;

/// The input of an argument: `-` is stdin.
pub(super) fn read(path: PathBuf) -> Result<Input, Failure> {
    if path.as_os_str() != "-" {
        return Ok(Input::Path(path));
    }
    let mut text = String::new();
    std::io::stdin().lock().take(LONGEST).read_to_string(&mut text).map_err(Failure::Stdin)?;
    Ok(Input::Stdin(text))
}

/// The file or folder of `-c`; without one ./gw.toml, or ./gw.d where there is no such file.
pub(super) fn files(given: Option<PathBuf>) -> PathBuf {
    let candidates = || ["gw.toml", "gw.d"].map(PathBuf::from).into_iter().find(|p| p.exists());
    given.or_else(candidates).unwrap_or_else(|| PathBuf::from("gw.toml"))
}

/// An answer to a question, in its shape. Another one is of another version.
pub(super) fn answer<T: DeserializeOwned>(answer: &Value) -> Result<T, Failure> {
    T::deserialize(answer).map_err(|why| Failure::Refused(format!("the answer is of another version of gw: {why}")))
}

/// A diagnostic as the printer takes it.
pub(super) fn report(problem: &Diagnostic) -> Report<'_> {
    let place = problem.place.as_ref().map(|(text, span)| Place {
        origin: &text.origin,
        content: &text.content,
        span: span.clone(),
        label: &problem.label,
    });
    let severity = match problem.level {
        Level::Error => Severity::Error,
        Level::Finding => Severity::Finding,
        Level::Warning => Severity::Warning,
    };
    Report { code: problem.code, severity, message: &problem.message, place, help: &problem.help }
}
