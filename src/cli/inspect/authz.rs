//! `gw inspect authz`: who may talk to whom, and which intention says so.

use std::collections::BTreeSet;
use std::fmt::Write;

use clap::{ArgGroup, Args};
use http::Method;
use serde_json::Value;

use super::list::list;
use super::place::{Asking, PlaceArgs, Unnamed};
use crate::app::authz::{self, AskedRequest, AuthzAnswer, AuthzQuestion, Pair, Pairs, Which};
use crate::app::inspect::{QuestionError, parse_headers};
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::cli::input;
use crate::cli::inspect::describe;
use crate::cli::output::{Listing, Output, with_schema};
use crate::decide::witness::Step;
use crate::ui::{Table, Ui};

/// Show whether a service may talk to another one, and the intention that decides
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("many").args(["matrix", "who_can", "reach"]),
    after_long_help = "\
The answer comes from the code that gateways obey. Without a request a connection is asked about, and an intention with Permissions
is a no, as for Consul's intentions/check. A request is normalized by the mesh entry first, as a terminating gateway does it.
Where no intention decides, default_intention of gw.toml does; deny, if it is not given.

EXAMPLES
  gw inspect authz api web -c gw.toml
  gw inspect authz api web --method POST --path /orders -H 'x-version: v2'
  gw inspect authz --matrix            callers down, destinations across; * is any other, (deny) the default policy
  gw inspect authz --who-can web       every caller of web
  gw inspect authz --reach api -o json
  gw inspect authz api web --admin 127.0.0.1:19000    of a gateway that runs, by what it serves now

EXIT CODES
  0  allowed, or somebody is    1  denied, or everybody is    2  usage    3  the files are refused
  4  nobody answers    5  the token may not    7  no answer in time"
)]
pub(super) struct AuthzArgs {
    /// The caller: a service, or an ingress gateway
    #[arg(value_name = "SRC", required_unless_present = "many")]
    source: Option<String>,
    /// The destination
    #[arg(value_name = "DST", required_unless_present = "many", conflicts_with = "many")]
    destination: Option<String>,
    /// The method of a request; GET, if only its path or a header is given
    #[arg(long, value_name = "METHOD", conflicts_with = "many")]
    method: Option<String>,
    /// Path and query of a request; / if only its method or a header is given
    #[arg(long, value_name = "PATH", conflicts_with = "many")]
    path: Option<String>,
    /// A header of a request, NAME: VALUE (repeatable)
    #[arg(short = 'H', long = "header", value_name = "HEADER", conflicts_with = "many")]
    headers: Vec<String>,
    /// Every caller and every destination
    #[arg(long)]
    matrix: bool,
    /// Every caller of a destination
    #[arg(long, value_name = "DST")]
    who_can: Option<String>,
    /// Every destination of a caller
    #[arg(long, value_name = "SRC")]
    reach: Option<String>,
    /// How it is printed: table is a list of steps, or columns; name says allowed or denied, and of many pairs who is not denied
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Output,
    #[command(flatten)]
    place: PlaceArgs,
}

pub(super) fn run(args: AuthzArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let which = match (args.matrix, &args.who_can, &args.reach) {
        (true, ..) => Which::Every,
        (_, Some(destination), _) => Which::WhoCan(destination.clone()),
        (_, _, Some(source)) => Which::Reach(source.clone()),
        _ => return one(args, ui),
    };
    if args.source.is_some() {
        return Err(Failure::Usage("SRC and DST are for one pair; --matrix, --who-can and --reach ask about many".to_owned()));
    }
    let whole = args.place.ask(Asking::of_entries(authz::PAIRS, Unnamed::Files), &authz::written_pairs(&which), ui)?;
    let pairs: Pairs = input::answer(&whole)?;
    args.output.list(&Many { whole: &whole, pairs: &pairs, which: &which }, ui)?;
    let nobody = pairs.pairs.iter().all(|pair| pair.reach == "deny");
    Ok(if nobody && which != Which::Every { Answer::No } else { Answer::Yes })
}

/// Pairs, and how they were asked for.
struct Many<'a> {
    whole: &'a Value,
    pairs: &'a Pairs,
    which: &'a Which,
}

impl Listing for Many<'_> {
    fn whole(&self) -> Value {
        self.whole.clone()
    }

    fn lines(&self) -> Vec<Value> {
        list(&self.whole["pairs"]).iter().map(|pair| with_schema("authz.pair", pair)).collect()
    }

    fn table(&self, _: bool) -> Table {
        if *self.which == Which::Every { matrix(self.pairs) } else { columns(self.pairs) }
    }

    fn names(&self) -> Vec<String> {
        names(self.pairs, self.which)
    }
}

fn one(args: AuthzArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let request = request(&args)?;
    let (Some(source), Some(destination)) = (args.source, args.destination) else {
        return Err(Failure::Usage("say SRC and DST, or --matrix, --who-can DST or --reach SRC".to_owned()));
    };
    let asked = authz::written(&AuthzQuestion { source, destination, request });
    let whole = args.place.ask(Asking::of_entries(authz::PAIR, Unnamed::Files), &asked, ui)?;
    let answer: AuthzAnswer = input::answer(&whole)?;
    args.output.one(&whole, || steps(&answer), if answer.allowed { "allowed" } else { "denied" }, ui)?;
    if answer.by == "default" {
        let why = "of gw.toml, or of the Consul's agents; deny, if nothing is said";
        ui.note(&format!("{} is the default_intention {why}", answer.default));
    }
    answer.warnings.iter().for_each(|warning| ui.note(&format!("warning: {warning}")));
    Ok(if answer.allowed { Answer::Yes } else { Answer::No })
}

fn request(args: &AuthzArgs) -> Result<Option<AskedRequest>, Failure> {
    if args.method.is_none() && args.path.is_none() && args.headers.is_empty() {
        return Ok(None);
    }
    let method = args.method.as_deref().unwrap_or("GET");
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| QuestionError::Method(method.to_owned()))?;
    let headers = parse_headers(&args.headers, "https")?;
    let host = headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or(args.destination.as_deref().unwrap_or_default());
    Ok(Some(AskedRequest::new(method, host, args.path.as_deref().unwrap_or("/"), headers.clone())))
}

fn steps(answer: &AuthzAnswer) -> String {
    let AuthzAnswer { source, destination, protocol, default, .. } = answer;
    let mut text = format!("{source} -> {destination}, {protocol}, default policy {default}\n");
    // Writing to a String cannot fail.
    for step in &answer.steps {
        let _ = writeln!(text, "  {}", describe::step(step, &answer.places));
        if let Step::NoIntention { near } = step {
            for near in near {
                let _ = writeln!(text, "  - {}: {}", near.rule, near.why);
            }
        }
    }
    for hidden in &answer.shadowed {
        let place = hidden.place.as_deref().unwrap_or_default();
        let _ = writeln!(text, "  - {}, {}, is shadowed   [{}] {place}", hidden.intention, hidden.says, hidden.rule);
    }
    let by = answer.rule.as_ref().map(|rule| format!("   [{rule}] {}", answer.place.as_deref().unwrap_or_default()));
    let _ = writeln!(text, "=> {}{}", answer.why, by.as_deref().unwrap_or_default().trim_end());
    text
}

fn columns(pairs: &Pairs) -> Table {
    let mut table = Table::new(&["SOURCE", "DESTINATION", "ANSWER", "BY", "RULE", "PLACE"]);
    for Pair { source, destination, reach, by, rule, place } in &pairs.pairs {
        let by = if by == "default" { format!("default, {}", pairs.default) } else { by.clone() };
        let optional = |text: &Option<String>| text.clone().unwrap_or_default();
        table.row(vec![source.clone(), destination.clone(), reach.to_string(), by, optional(rule), optional(place)]);
    }
    table
}

fn matrix(pairs: &Pairs) -> Table {
    let mut destinations: Vec<&str> = Vec::new();
    let mut seen = BTreeSet::new();
    destinations.extend(pairs.pairs.iter().map(|p| p.destination.as_str()).filter(|d| seen.insert(*d)));
    let mut table = Table::new(&std::iter::once("").chain(destinations.iter().copied()).collect::<Vec<_>>());
    for row in pairs.pairs.chunks(destinations.len().max(1)) {
        let cell = |pair: &Pair| if pair.by == "default" { format!("({})", pair.reach) } else { pair.reach.to_string() };
        let source = row.first().map(|pair| pair.source.clone());
        table.row(source.into_iter().chain(row.iter().map(cell)).collect());
    }
    table
}

fn names(pairs: &Pairs, which: &Which) -> Vec<String> {
    let open = pairs.pairs.iter().filter(|pair| pair.reach != "deny");
    open.map(|pair| match which {
        Which::Every => format!("{} -> {}", pair.source, pair.destination),
        Which::WhoCan(_) => pair.source.clone(),
        Which::Reach(_) => pair.destination.clone(),
    })
    .collect()
}
