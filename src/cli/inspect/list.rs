//! Questions whose answers are lists: what is asked, and which columns there are.

use clap::Args;
use serde_json::Value;

use super::place::{Asking, PlaceArgs, Unnamed};
use crate::app::inspect::{certs::CERTS, datacenters::DATACENTERS, intentions::INTENTIONS, listeners::LISTENERS, services::SERVICES};
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::cli::output::{Listing, Output, with_schema};
use crate::ui::{Table, Ui};

/// What such a question is asked with.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// How it is printed
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Output,
    #[command(flatten)]
    place: PlaceArgs,
}

/// A column: its name, and what stands in it.
type Column = (&'static str, fn(&Value) -> String);

/// How the answer to a question is listed.
#[derive(Clone, Copy)]
pub(super) struct List {
    asking: Asking,
    /// The key of the list in the answer; `ITEM` of `gw.ITEM/v1` of a line.
    key: &'static str,
    item: &'static str,
    columns: &'static [Column],
    /// With `-o wide`.
    more: &'static [Column],
    name: fn(&Value) -> String,
}

pub(super) const OF_LISTENERS: List = List {
    asking: Asking::of(LISTENERS, Unnamed::Running),
    key: "listeners",
    item: "listener",
    columns: &[
        ("LISTENER", |l| text(l, "listener")),
        ("KIND", |l| text(l, "kind")),
        ("BIND", |l| text(l, "bind")),
        ("PROTOCOL", |l| text(l, "protocol")),
        ("BEGINS", |l| text(l, "begins")),
        ("SERVICES", |l| l["services"].as_array().map_or(0, Vec::len).to_string()),
    ],
    more: &[("NAMES", |l| joined(&l["services"]))],
    name: |l| text(l, "listener"),
};

pub(super) const OF_SERVICES: List = List {
    asking: Asking::of_entries(SERVICES, Unnamed::Running),
    key: "services",
    item: "service",
    columns: &[
        ("SERVICE", |s| text(s, "service")),
        ("DATACENTER", |s| text(s, "datacenter")),
        ("PROTOCOL", |s| text(s, "protocol")),
        ("PASSING", |s| s["passing"].to_string()),
        ("WARNING", |s| s["warning"].to_string()),
        ("CRITICAL", |s| s["critical"].to_string()),
        ("SERVED BY", |s| joined(&s["served_by"])),
    ],
    more: &[("INSTANCES", |s| {
        let one = |i: &Value| format!("{} at {} ({})", text(i, "id"), text(i, "address"), text(i, "health"));
        list(&s["instances"]).iter().map(one).collect::<Vec<_>>().join(", ")
    })],
    name: |s| text(s, "service"),
};

pub(super) const OF_CERTS: List = List {
    asking: Asking::of(CERTS, Unnamed::Running),
    key: "certificates",
    item: "certificate-in-use",
    columns: &[
        ("ROLE", |c| text(c, "role")),
        ("OF", |c| text(c, "of")),
        ("CALLED", |c| text(c, "called")),
        ("UNTIL", |c| text(c, "not_after")),
        ("STATE", |c| match c["why"].as_str() {
            Some(why) => format!("{}: {why}", text(c, "state")),
            None => text(c, "state"),
        }),
    ],
    more: &[("FILE", |c| text(c, "file")), ("ISSUER", |c| text(c, "issuer"))],
    name: |c| text(c, "file"),
};

pub(super) const OF_INTENTIONS: List = List {
    asking: Asking::of_entries(INTENTIONS, Unnamed::Running),
    key: "intentions",
    item: "intention",
    columns: &[
        ("SOURCE", |i| text(i, "source")),
        ("DESTINATION", |i| text(i, "destination")),
        ("ACTION", |i| text(i, "action")),
        ("PRECEDENCE", |i| i["precedence"].to_string()),
        ("PLACE", |i| text(i, "place")),
    ],
    more: &[("RULE", |i| text(i, "rule")), ("PERMISSIONS", |i| i["permissions"].to_string())],
    name: |i| format!("{} -> {}", text(i, "source"), text(i, "destination")),
};

pub(super) const OF_DATACENTERS: List = List {
    asking: Asking::of_entries(DATACENTERS, Unnamed::Running),
    key: "datacenters",
    item: "datacenter",
    columns: &[
        ("DATACENTER", |d| if d["own"] == true { format!("{} (own)", text(d, "datacenter")) } else { text(d, "datacenter") }),
        ("SERVICES", |d| d["services"].to_string()),
        ("GATEWAYS", |d| {
            let one = |g: &Value| format!("{} ({})", text(g, "address"), text(g, "health"));
            list(&d["gateways"]).iter().map(one).collect::<Vec<_>>().join(", ")
        }),
    ],
    more: &[],
    name: |d| text(d, "datacenter"),
};

pub(super) fn run(of: List, args: ListArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let answer = args.place.ask(of.asking, &[], ui)?;
    args.output.list(&Listed { of, answer: &answer }, ui)?;
    if args.output.is_text() {
        for peer in list(&answer["peers"]) {
            let gateways: Vec<String> = list(&peer["gateways"]).iter().map(|g| text(g, "address")).collect();
            ui.note(&format!("peer {}, {}, by {}", text(peer, "peer"), text(peer, "trust_domain"), gateways.join(", ")));
        }
        if let Some(default) = answer["default"].as_str() {
            ui.note(&format!("where none of them decides: {default}"));
        }
    }
    Ok(Answer::Yes)
}

struct Listed<'a> {
    of: List,
    answer: &'a Value,
}

impl Listed<'_> {
    fn items(&self) -> &[Value] {
        list(&self.answer[self.of.key])
    }
}

impl Listing for Listed<'_> {
    fn whole(&self) -> Value {
        self.answer.clone()
    }

    fn lines(&self) -> Vec<Value> {
        self.items().iter().map(|item| with_schema(self.of.item, item)).collect()
    }

    fn table(&self, wide: bool) -> Table {
        let columns: Vec<&Column> = self.of.columns.iter().chain(self.of.more.iter().filter(|_| wide)).collect();
        let mut table = Table::new(&columns.iter().map(|(name, _)| *name).collect::<Vec<_>>());
        self.items().iter().for_each(|item| table.row(columns.iter().map(|(_, cell)| cell(item)).collect()));
        table
    }

    fn names(&self) -> Vec<String> {
        self.items().iter().map(self.of.name).collect()
    }
}

/// A text of an object; `-` where there is none.
pub(super) fn text(of: &Value, key: &str) -> String {
    of[key].as_str().filter(|text| !text.is_empty()).unwrap_or("-").to_owned()
}

pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn joined(value: &Value) -> String {
    list(value).iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}
