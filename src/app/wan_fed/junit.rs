//! A trial as JUnit's XML.

use super::trial::{Outcome, Trial};
use crate::app::junit::{Came, Case, document};

/// The document: what is wrong, then every probe.
pub fn junit(trial: &Trial) -> String {
    let finding = |finding: &super::Finding| Case {
        class: finding.hop.clone(),
        name: format!("{}: {}", finding.fault.as_str(), finding.at),
        seconds: None,
        result: Came::Failed(finding.cause.clone(), finding.fix.clone()),
    };
    let probe = |check: &super::Check| Case {
        class: check.hop.clone(),
        name: check.name(),
        seconds: Some(check.seconds.unwrap_or_default()),
        result: match &check.outcome {
            Outcome::Ok => Came::Passed,
            Outcome::Failed { why } => Came::Failed(why.clone(), String::new()),
            Outcome::NotProbed { why } => Came::Skipped(why.clone()),
        },
    };
    let cases: Vec<Case> = trial.findings.iter().map(finding).chain(trial.checks.iter().map(probe)).collect();
    document("gw wan-fed test", &cases)
}
