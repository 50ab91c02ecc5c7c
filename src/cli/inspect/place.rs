//! Whom a question is asked: a gateway that runs, files, a Consul, or a dump; the flags are the same at every question.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::Value;

use super::again::Again;
use crate::app::config::ADMIN;
use crate::app::consul::Settings;
use crate::app::inspect::ROUTE;
use crate::app::routes::AskError;
use crate::app::world::{AskPlaceError, OneReading, Place, Unanswered, Unread, Verb, World, is_dump};
use crate::cli::consul::AgentArgs;
use crate::cli::error::Failure;
use crate::cli::input;
use crate::model::gateway::GatewayKind;
use crate::ui::Ui;

/// Within which a Consul must have said all that is needed.
const WITHIN: Duration = Duration::from_secs(10);

/// Who answers. The answers are the same.
#[derive(Debug, Args)]
pub(in crate::cli) struct PlaceArgs {
    /// Files: a gw.toml, or a folder of config entries; GW_CONFIG
    #[arg(short, long, value_name = "FILE|DIR", help_heading = "Who answers")]
    config: Option<PathBuf>,
    /// A gateway that runs: its admin listener; GW_ADMIN
    #[arg(long, value_name = "IP:PORT", conflicts_with = "config", help_heading = "Who answers")]
    admin: Option<SocketAddr>,
    /// What gw inspect dump has printed
    #[arg(long, value_name = "FILE", conflicts_with_all = ["config", "admin"], help_heading = "Who answers")]
    dump: Option<PathBuf>,
    /// The gateway, where there are several
    #[arg(long = "service", visible_alias = "gateway", value_name = "NAME", help_heading = "Who answers")]
    gateway: Option<String>,
    /// Its kind, where a Consul is asked: without the flag that of its entry
    #[arg(long, value_name = "KIND", help_heading = "Who answers")]
    kind: Option<Kind>,
    #[command(flatten)]
    agent: AgentArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    Ingress,
    Mesh,
    Terminating,
}

impl From<Kind> for GatewayKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Ingress => Self::Ingress,
            Kind::Mesh => Self::Mesh,
            Kind::Terminating => Self::Terminating,
        }
    }
}

/// Who is asked where nobody is named: a Consul of the environment, else `./gw.toml` or `./gw.d`; or a gateway that runs before these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Unnamed {
    Files,
    Running,
}

/// What kind of question it is.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) struct Asking {
    pub(in crate::cli) verb: Verb,
    pub(in crate::cli) unnamed: Unnamed,
    /// Whether it is about a gateway at all.
    pub(in crate::cli) of_gateway: bool,
    /// The kind of gateway that can be asked, where only one can.
    pub(in crate::cli) kind: Option<GatewayKind>,
    /// Whether entries are judged as a set before.
    pub(in crate::cli) judged: bool,
}

impl Asking {
    /// A question about a gateway.
    pub(in crate::cli) const fn of(verb: Verb, unnamed: Unnamed) -> Self {
        Self { verb, unnamed, of_gateway: true, kind: None, judged: true }
    }

    /// A question about entries and services alone.
    pub(super) const fn of_entries(verb: Verb, unnamed: Unnamed) -> Self {
        Self { of_gateway: false, ..Self::of(verb, unnamed) }
    }
}

impl PlaceArgs {
    /// The Consul that is asked, whatever else might be.
    pub(super) fn consul(self, ui: &mut Ui) -> Result<Settings, Failure> {
        self.agent.settings(ui)
    }

    /// The gateway that is meant, where it is named.
    pub(in crate::cli) fn gateway(&self) -> Option<&str> {
        self.gateway.as_deref()
    }

    /// All that whoever is asked knows of a gateway.
    pub(in crate::cli) fn world(self, ui: &mut Ui) -> Result<World, Failure> {
        // Of questions any will do: what is needed of a Consul is the same for all about a gateway.
        let (place, _) = self.places(Asking::of(ROUTE, Unnamed::Files), ui)?;
        world_at(&place)
    }

    /// The answer; who gave it is told.
    pub(super) fn ask(self, asking: Asking, asked: &[(&str, String)], ui: &mut Ui) -> Result<Value, Failure> {
        Ok(self.ask_who(asking, asked, ui)?.0)
    }

    /// The same, and the flags by which whoever gave it is asked again.
    pub(super) fn ask_who(self, asking: Asking, asked: &[(&str, String)], ui: &mut Ui) -> Result<(Value, Again), Failure> {
        let agent: Vec<_> = self.agent.typed().into_iter().map(|(flag, value)| (flag, value.to_owned())).collect();
        let kind = self.kind.map(|kind| ("--kind", GatewayKind::from(kind).as_str().to_owned()));
        let gateway: Vec<_> = self.gateway.clone().map(|name| ("--service", name)).into_iter().chain(kind).collect();
        let mut asked: Vec<(&str, String)> = asked.to_vec();
        if asking.of_gateway && !asked.iter().any(|(name, _)| *name == "service") {
            asked.extend(self.gateway.clone().map(|service| ("service", service)));
        }
        let (first, otherwise) = self.places(asking, ui)?;
        match (first.ask(asking.verb, &asked), otherwise) {
            (Err(AskPlaceError::Ask(AskError::Unreachable { .. })), Some(other)) => {
                ui.note(&format!("from {}, for no gateway answers at {ADMIN}", other.name()));
                Ok((other.ask(asking.verb, &asked)?, Again::of(&other, &agent, &gateway)))
            }
            (answer, _) => {
                let answer = answer?;
                let generation = answer["gateways"][0]["generation"].as_u64().filter(|generation| *generation > 0);
                let generation = generation.map(|generation| format!(", generation {generation}")).unwrap_or_default();
                ui.note(&format!("from {}{generation}", first.name()));
                Ok((answer, Again::of(&first, &agent, &gateway)))
            }
        }
    }

    /// Who is asked, and who is if there is nobody.
    fn places(self, asking: Asking, ui: &mut Ui) -> Result<(Place, Option<Place>), Failure> {
        let named = self.config.is_some() || self.admin.is_some() || self.dump.is_some();
        if named && self.agent.is_flagged() {
            return Err(Failure::Usage("--http-addr asks a Consul, in place of -c, --admin and --dump".to_owned()));
        }
        let files = |path: PathBuf| if asking.judged { Place::Files(path) } else { Place::UnjudgedFiles(path) };
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        if let Some(path) = self.dump {
            return Ok((Place::Dump(path), None));
        }
        if let Some(admin) = self.admin {
            return Ok((Place::Running(admin), None));
        }
        if let Some(path) = self.config {
            return Ok((files(path), None));
        }
        let consul = |agent: AgentArgs, ui: &mut Ui| {
            let reading = OneReading {
                settings: agent.settings(ui)?,
                kind: self.kind.map(GatewayKind::from).or(asking.kind.filter(|_| self.gateway.is_none())),
                gateway: self.gateway.clone(),
                needs_gateway: asking.of_gateway,
                within: WITHIN,
            };
            Ok::<_, Failure>(Place::Consul(Box::new(reading)))
        };
        if self.agent.is_flagged() {
            return Ok((consul(self.agent, ui)?, None));
        }
        match asking.unnamed {
            Unnamed::Files => {
                if let Some(path) = variable("GW_CONFIG") {
                    return Ok((files(path.into()), None));
                }
                let place = if self.agent.is_named() { consul(self.agent, ui)? } else { files(input::files(None)) };
                Ok((place, None))
            }
            Unnamed::Running => {
                if let Some(address) = variable("GW_ADMIN") {
                    let text = address.to_string_lossy();
                    let address = text.parse().map_err(|_| Failure::Usage(format!("GW_ADMIN={text} is no IP:PORT")))?;
                    return Ok((Place::Running(address), None));
                }
                let here: PathBuf = input::files(None);
                let there = Path::exists(&here);
                let other = if there { Some(files(here)) } else { None };
                let other = if self.agent.is_named() { Some(consul(self.agent, ui)?) } else { other };
                Ok((Place::Running(ADMIN), other))
            }
        }
    }
}

/// All that another one knows, by what one would type for it: `IP:PORT` of a gateway's admin listener, the `http://` or `https://` of a
/// Consul, a dump, or files.
pub(in crate::cli) fn world_of(named: &str, gateway: Option<&str>, ui: &mut Ui) -> Result<World, Failure> {
    let place = if let Ok(admin) = named.parse() {
        Place::Running(admin)
    } else if named.starts_with("http://") || named.starts_with("https://") {
        let settings = AgentArgs::at(named).settings(ui)?;
        let gateway = gateway.map(str::to_owned);
        Place::Consul(Box::new(OneReading { settings, kind: None, gateway, needs_gateway: true, within: WITHIN }))
    } else if is_dump(Path::new(named)) {
        Place::Dump(named.into())
    } else {
        Place::Files(named.into())
    };
    world_at(&place)
}

/// What is known there, by the name of the place: a dump has that of whom it was taken.
fn world_at(place: &Place) -> Result<World, Failure> {
    Ok(World { from: place.name(), ..place.world()? })
}

impl From<AskPlaceError> for Failure {
    fn from(error: AskPlaceError) -> Self {
        match error {
            AskPlaceError::Files(problems) => Self::Invalid(problems),
            AskPlaceError::Ask(error) => Self::AskOrRead(error),
            AskPlaceError::Consul(Unread::Ask(error)) => error.into(),
            AskPlaceError::Consul(error @ Unread::TooSlow { .. }) => Self::TooSlow(error.to_string()),
            AskPlaceError::Consul(Unread::Which(why)) => match Self::from(why.clone()) {
                Self::Refused(_) => Self::Refused(Unread::Which(why).to_string()),
                _ => Self::Usage(Unread::Which(why).to_string()),
            },
            AskPlaceError::Unanswered(Unanswered::Wrong(why)) => Self::Usage(why),
            AskPlaceError::Unanswered(Unanswered::Refused(why)) => Self::Refused(why),
            other => Self::Refused(crate::app::log::with_causes(&other)),
        }
    }
}
