//! `gw wan-fed test`: everything is asked and probed, and all that is wrong is named.

use std::time::Duration;

use serde::Serialize;

use super::ask::Agents;
use super::fault::{Fault, Finding};
use super::hops;
use super::judge;
use super::probe::{self, Keys};
use super::seen::View;
use crate::rt::log::with_causes;
use crate::tls::Moment;

/// How long a federation state may lag behind a catalog that has just changed.
const LAG: Duration = Duration::from_secs(3);

/// What a trial came to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Trial {
    /// `gw.wan-fed-test/v1`
    pub schema: &'static str,
    /// Who was asked.
    pub from: Vec<String>,
    /// Whether anything at all could be reached.
    pub reached: bool,
    /// What is wrong, each once.
    pub findings: Vec<Finding>,
    /// Every probe.
    pub checks: Vec<Check>,
}

/// A probe.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// Which way it is a part of.
    pub hop: String,
    /// What was done: `tcp`, `tls`, `speak`, `rpc`, `gateway`.
    pub what: &'static str,
    /// Where.
    pub at: String,
    /// The server name.
    pub sni: Option<String>,
    /// The protocol.
    pub alpn: Option<&'static str>,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// How long it took.
    pub seconds: Option<f64>,
}

/// What came of a probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum Outcome {
    /// As it should be.
    Ok,
    /// Not so.
    Failed {
        /// What was seen.
        why: String,
    },
    /// It could not be, or need not be, probed from here.
    NotProbed {
        /// Why.
        why: String,
    },
}

impl Trial {
    /// Whether nothing is wrong, and no probe failed.
    pub fn is_well(&self) -> bool {
        self.findings.is_empty() && !self.checks.iter().any(|check| matches!(check.outcome, Outcome::Failed { .. }))
    }
}

impl Check {
    pub(super) fn new(hop: &str, what: &'static str, at: &str, outcome: Outcome) -> Self {
        Self { hop: hop.to_owned(), what, at: at.to_owned(), sni: None, alpn: None, outcome, seconds: None }
    }

    pub(super) fn by(self, sni: &str, alpn: &'static str) -> Self {
        Self { sni: Some(sni.to_owned()), alpn: Some(alpn), ..self }
    }

    pub(super) fn took(self, time: Duration) -> Self {
        Self { seconds: Some(time.as_secs_f64()), ..self }
    }

    /// In a few words.
    pub fn name(&self) -> String {
        let by = self.sni.as_ref().map(|sni| format!(" {sni}")).unwrap_or_default();
        let with = self.alpn.map(|alpn| format!(" {alpn}")).unwrap_or_default();
        format!("{} {}{by}{with}", self.what, self.at)
    }
}

/// Asks the agents, and takes what files say beside; probes; judges. `tell` hears how far it is: done, of how many, at what.
pub fn trial(agents: Option<&Agents>, files: Option<View>, keys: &Keys, tell: &mut dyn FnMut(usize, usize, &str)) -> Trial {
    let with_servers = keys.anchors.is_some();
    let (mut views, unasked) = agents.map(Agents::views).unwrap_or_default();
    let is_stale = |views: &[View]| judge::known(views).iter().any(|finding| matches!(finding.fault, Fault::StaleState | Fault::NoState));
    if is_stale(&views) {
        // What changed a moment ago is on its way.
        std::thread::sleep(LAG);
        views = agents.map(|agents| agents.views().0).unwrap_or_default();
    }
    let mut findings: Vec<Finding> = unasked
        .iter()
        .map(|unasked| {
            let fix = unasked.why.advice().unwrap_or("look at the agent");
            Finding::new(Fault::Agent, "", &unasked.agent, format!("the agent was not asked: {}", with_causes(&unasked.why)), fix)
        })
        .collect();
    findings.extend(judge::known(&views));
    views.extend(files);
    let places = hops::places(&views, with_servers);
    let all = places.iter().map(|place| 1 + place.names.iter().map(|name| name.alpns.len()).sum::<usize>()).sum();
    let mut done = 0;
    let mets: Vec<probe::Met> = places
        .into_iter()
        .map(|place| {
            let after = done + 1 + place.names.iter().map(|name| name.alpns.len()).sum::<usize>();
            tell(done, all, &place.at);
            let met = probe::probe(place, keys, &mut |at| {
                done += 1;
                tell(done, all, at);
            });
            done = after;
            met
        })
        .collect();
    let judged = judge::met(&views, &mets, keys, Moment::now(), &mut findings);
    let reached = views.iter().any(View::is_of_agent) || mets.iter().any(|met| met.tcp.is_ok());
    let from = views.iter().map(|view| view.agent.clone()).collect();
    judge::without_consequences(&mut findings);
    findings.sort();
    findings.dedup();
    Trial { schema: "gw.wan-fed-test/v1", from, reached, findings, checks: judged }
}
