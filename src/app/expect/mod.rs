//! `gw config test`: expectations asked of a world, nothing running, and two worlds laid side by side. What is asked goes to the
//! functions that answer `gw inspect`, and so to the code that the data path obeys.

mod against;
mod answer;
mod differ;
mod log;

use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::junit::{self, Came, Case};
use super::world::{Unanswered, World};
use crate::source::diagnostic::Diagnostic;
use crate::source::expect::{self, Kind};
use crate::source::file::read_text;

pub use self::against::{Changed, Changes, Questions, Said, against};
pub use self::answer::Answer;
pub use self::differ::Difference;
pub use crate::source::expect::Expectation;

/// What became of expectations: `"schema": "gw.tests/v1"`.
#[derive(Clone, Debug, Serialize)]
pub struct Tests {
    /// `gw.tests/v1`
    pub schema: &'static str,
    /// Of whom they were asked.
    pub from: String,
    /// How many are met.
    pub met: usize,
    /// How many are not.
    pub missed: usize,
    /// Each, in written order.
    pub tests: Vec<Test>,
}

/// An expectation, and what became of it.
#[derive(Clone, Debug, Serialize)]
pub struct Test {
    /// Where it stands: `routes.toml:12`.
    pub place: String,
    /// `request`, `connection` or `authz`
    pub kind: &'static str,
    /// What its author calls it.
    pub name: Option<String>,
    /// What was asked: `GET http://shop.test/cart`.
    pub asked: String,
    /// Whether everything is as expected.
    pub met: bool,
    /// What came of it, in a line.
    pub answer: String,
    /// What is not as expected.
    pub differs: Vec<Difference>,
    /// The whole answer, as `gw inspect` gives it.
    pub explanation: Answer,
}

/// Reads files of expectations: all of them, or everything that is wrong with them.
pub fn read<P: AsRef<Path>>(files: &[P]) -> Result<Vec<Expectation>, Vec<Diagnostic>> {
    let (mut expectations, mut problems) = (Vec::new(), Vec::new());
    for file in files {
        match read_text(file.as_ref()).map_err(|problem| vec![problem]).and_then(|text| expect::read(&text)) {
            Ok(read) => expectations.extend(read),
            Err(wrong) => problems.extend(wrong),
        }
    }
    if problems.is_empty() { Ok(expectations) } else { Err(problems) }
}

/// Asks a world what is expected of it. What cannot be asked is wrong with the expectations.
pub fn run(world: &World, gateway: Option<&str>, expectations: &[Expectation]) -> Result<Tests, Vec<Diagnostic>> {
    let (mut tests, mut problems) = (Vec::new(), Vec::new());
    for one in expectations {
        match test(world, gateway, one) {
            Ok(test) => tests.push(test),
            Err(Unanswered::Wrong(why) | Unanswered::Refused(why)) => problems.push(one.wrong(why)),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let met = tests.iter().filter(|test| test.met).count();
    Ok(Tests { schema: "gw.tests/v1", from: world.from.clone(), met, missed: tests.len() - met, tests })
}

fn test(world: &World, gateway: Option<&str>, one: &Expectation) -> Result<Test, Unanswered> {
    let answer = answer::ask(world, one.kind, answer::asked(one, gateway))?;
    let differs = differ::differs(world, gateway, one, &answer)?;
    Ok(Test {
        place: one.line(),
        kind: one.kind.as_str(),
        name: one.name.clone(),
        asked: words(one),
        met: differs.is_empty(),
        answer: answer.line(),
        differs,
        explanation: answer,
    })
}

/// A question in a line.
fn words(one: &Expectation) -> String {
    let value = |name: &str| one.asked.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
    let more = |names: &[&str]| {
        let told = names.iter().filter_map(|name| Some(format!(", {name} {}", value(name)?)));
        let headers = one.asked.iter().filter(|(known, _)| *known == "header").map(|(_, line)| format!(", {line}"));
        told.chain(headers).collect::<String>()
    };
    match one.kind {
        Kind::Request => {
            format!("{} {}{}", value("method").unwrap_or("GET"), value("url").unwrap_or_default(), more(&["peer", "sni", "roll"]))
        }
        Kind::Connection => format!("connection{}", more(&["listener", "sni", "peer", "roll"]).replacen(',', "", 1)),
        Kind::Authz => {
            let (source, destination) = (value("source").unwrap_or_default(), value("destination").unwrap_or_default());
            format!("{source} -> {destination}{}", more(&["method", "path"]))
        }
    }
}

impl Tests {
    /// As JUnit's XML.
    pub fn junit(&self) -> String {
        let case = |test: &Test| {
            let (file, line) = test.place.rsplit_once(':').unwrap_or((&test.place, ""));
            let why: Vec<String> = test.differs.iter().map(ToString::to_string).collect();
            Case {
                class: file.to_owned(),
                name: format!("{line}: {}", test.name.as_ref().unwrap_or(&test.asked)),
                seconds: None,
                result: if test.met { Came::Passed } else { Came::Failed(why.join("; "), format!("{}: {}", test.asked, test.answer)) },
            }
        };
        junit::document("gw config test", &self.tests.iter().map(case).collect::<Vec<_>>())
    }

    /// As JSON.
    pub fn json(&self) -> Value {
        serde_json::json!(self)
    }
}
