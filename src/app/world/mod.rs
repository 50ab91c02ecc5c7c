//! What is asked by `gw inspect`: gateways, what their source says, and what is made of it, whoever has them. A question is a function of
//! a [`World`]: a process that runs answers it of what it serves, a command of what it has read, with the same answer.

mod consul;
mod dump;
mod files;
mod held;
mod place;
mod places;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::generations::Generations;
use super::load::WhichGateway;
use crate::decide::Snapshot;
use crate::decide::compile::compile;
use crate::model::gateway::{Certificate, GatewayKind};
use crate::model::resources::Resources;
use crate::source::diagnostic::Diagnostic;
use crate::state::State;

pub use crate::admin::{Asked, Unanswered};
pub use consul::{OneReading, Unread};
pub use dump::DUMP;
pub(super) use held::Held;
pub use place::{AskPlaceError, Place};
pub use places::Places;

/// A question of `gw inspect`: where a process that runs is asked it, and what answers it.
#[derive(Clone, Copy, Debug)]
pub struct Verb {
    /// Its page at the admin listener.
    pub page: &'static str,
    /// The answer, as JSON.
    pub(super) answer: fn(&World, &Asked) -> Result<Value, Unanswered>,
}

/// Gateways, and everything that is said of them.
#[derive(Clone, Debug)]
pub struct World {
    /// Where it comes from: `gw.toml`, `Consul at 127.0.0.1:8500`.
    pub from: String,
    /// What the gateways have in common: entries, services, other datacenters. Of no gateway, where there is none.
    pub base: Resources,
    /// The gateways.
    pub gateways: Vec<OneGateway>,
    /// Where rules are written.
    pub places: Places,
    /// The certificates of TLS listeners.
    pub certificates: Vec<Certificate>,
    /// Why what the source says by now is not served, where it is not.
    pub refused: Option<String>,
    /// What is noted of what was read: findings and warnings.
    pub notes: Vec<Note>,
    /// How a Consul is followed, and how the registration stands: of a status, `consul` and `registration`.
    pub standing: Value,
    /// What certificates say, where their files are not at hand.
    pub known_certificates: Option<Value>,
    /// The generations of a process that runs.
    pub generations: Generations,
}

/// A gateway, and what is made of what its source says.
#[derive(Clone, Debug)]
pub struct OneGateway {
    /// What the source says, with what checks have found.
    pub said: Resources,
    made: Made,
}

#[derive(Clone, Debug)]
enum Made {
    /// It is served.
    Running(Arc<State>),
    /// It would be.
    Alone(Arc<Snapshot>, u64),
}

/// Something that is worth knowing about what was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// A stable code, `GW0404`.
    pub code: String,
    /// What was seen.
    pub message: String,
    /// `gw.d/web.hcl:4`
    pub place: Option<String>,
    /// What to do next.
    pub help: Vec<String>,
}

impl Note {
    /// What is said of a diagnostic, without the text that it was found in.
    pub fn of(diagnostic: &Diagnostic) -> Self {
        let line = diagnostic.line_column().map(|(line, _)| line);
        let place = diagnostic.place.as_ref().zip(line).map(|((text, _), line)| format!("{}:{line}", text.origin));
        let place = place.filter(|place| !place.starts_with(':'));
        Self { code: diagnostic.code.to_owned(), message: diagnostic.message.clone(), place, help: diagnostic.help.clone() }
    }
}

impl OneGateway {
    /// One that nobody runs.
    pub fn alone(said: Resources, generation: u64) -> Self {
        let made = Made::Alone(Arc::new(compile(&said)), generation);
        Self { said, made }
    }

    /// One that runs.
    pub const fn running(said: Resources, state: Arc<State>) -> Self {
        Self { said, made: Made::Running(state) }
    }

    /// What is made of it.
    pub fn snapshot(&self) -> &Snapshot {
        match &self.made {
            Made::Running(state) => &state.snapshot,
            Made::Alone(snapshot, _) => snapshot,
        }
    }

    /// The number of the publication; 0 where nothing runs.
    pub fn generation(&self) -> u64 {
        match &self.made {
            Made::Running(state) => state.generation,
            Made::Alone(_, generation) => *generation,
        }
    }
}

impl World {
    /// Gateways of which nothing is known but what they are to do.
    pub fn of(from: String, base: Resources, gateways: Vec<OneGateway>) -> Self {
        Self {
            from,
            base,
            gateways,
            places: Places::default(),
            certificates: Vec::new(),
            refused: None,
            notes: Vec::new(),
            standing: Value::Null,
            known_certificates: None,
            generations: Generations::default(),
        }
    }

    /// Answers a question.
    pub fn ask(&self, verb: Verb, asked: &Asked) -> Result<Value, Unanswered> {
        (verb.answer)(self, asked)
    }

    /// The gateway that is asked about: the one of that name; without a name the only one.
    pub fn which(&self, asked: &Asked) -> Result<&OneGateway, Unanswered> {
        self.one(asked.one("service"), |_| true).map_err(Unanswered::of_which)
    }

    /// The same among those to which connections come by server names, where no name is given.
    pub fn by_names(&self, asked: &Asked) -> Result<&OneGateway, Unanswered> {
        let by_names = |gateway: &OneGateway| gateway.said.gateway.kind != GatewayKind::Ingress;
        let any = !self.gateways.iter().any(by_names);
        self.one(asked.one("service"), |gateway| any || by_names(gateway)).map_err(Unanswered::of_which)
    }

    fn one(&self, name: Option<&str>, among: impl Fn(&OneGateway) -> bool) -> Result<&OneGateway, WhichGateway> {
        let named = |gateway: &OneGateway| gateway.said.gateway.name.clone();
        let known = || self.gateways.iter().map(named).collect::<Vec<_>>();
        if self.gateways.is_empty() {
            return Err(WhichGateway::None);
        }
        let Some(name) = name else {
            let mut fitting = self.gateways.iter().filter(|gateway| among(gateway));
            return match (fitting.next(), fitting.next()) {
                (Some(only), None) => Ok(only),
                _ => Err(WhichGateway::Several(known())),
            };
        };
        let found = self.gateways.iter().find(|gateway| gateway.said.gateway.name == name);
        found.ok_or_else(|| WhichGateway::Unknown { name: name.to_owned(), known: known() })
    }
}

impl Unanswered {
    fn of_which(why: WhichGateway) -> Self {
        match why {
            WhichGateway::NoEntry { .. } => Self::Refused(why.to_string()),
            _ => Self::Wrong(why.to_string()),
        }
    }
}
