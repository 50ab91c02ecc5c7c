//! One pair asked, with every step, what is shadowed, and what is easily got wrong.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{AskedRequest, Judged, judge};
use crate::app::world::World;
use crate::decide::authz::{By, Intention, Judge, Judges, Reach, check};
use crate::decide::chain;
use crate::decide::graph::traps;
use crate::decide::normalize::Normalization;
use crate::decide::witness::Step;
use crate::model::entry::{IntentionAction, RuleRef};
use crate::model::resources::Resources;

/// What is asked.
#[derive(Clone, Debug)]
pub struct AuthzQuestion {
    /// The name of the caller.
    pub source: String,
    /// The name of the destination.
    pub destination: String,
    /// A request; without one, a connection.
    pub request: Option<AskedRequest>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuthzAnswer {
    /// `gw.authz/v1`
    pub schema: Cow<'static, str>,
    /// The caller.
    pub source: String,
    /// The destination.
    pub destination: String,
    /// What the destination speaks.
    pub protocol: String,
    /// What holds where nothing else decides.
    pub default: Cow<'static, str>,
    /// Whether the caller may.
    pub allowed: bool,
    /// `SOURCE -> DESTINATION` of the intention that decided, `default`, or `mesh` where a request is not judged as it came.
    pub by: String,
    /// In words.
    pub why: String,
    /// The rule that decided, if there is one.
    pub rule: Option<String>,
    /// Where it is written: `gw.d/web.hcl:4`.
    pub place: Option<String>,
    /// `allow`, `deny` or `by request`: what can be said without a request.
    pub reach: Cow<'static, str>,
    /// Every step.
    pub steps: Vec<Step>,
    /// What is for the caller too, and is not looked at.
    pub shadowed: Vec<Shadowed>,
    /// What is easily got wrong here.
    pub warnings: Vec<String>,
    /// Where the rules of the steps are written.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub places: BTreeMap<String, String>,
}

/// An intention that a stronger one hides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shadowed {
    /// `SOURCE -> DESTINATION`
    pub intention: String,
    /// `allow`, `deny` or `permissions`
    pub says: Cow<'static, str>,
    /// The rule.
    pub rule: String,
    /// Where it is written.
    pub place: Option<String>,
}

/// Asks about one pair.
pub(in crate::app) fn explain(world: &World, question: AuthzQuestion) -> AuthzAnswer {
    let Resources { entries, default_action: default, trust_domain, .. } = &world.base;
    let default = *default;
    let AuthzQuestion { source, destination, request } = question;
    let protocol = chain::protocol(entries, &destination);
    let reads_requests = chain::is_http_like(&protocol);
    let is_request = request.is_some();
    let mut judges = Judges::default();
    judges.begin(entries.clone(), trust_domain, default);
    let one = judges.of(&destination);
    let mut steps = Vec::new();
    let normalization = Normalization::of(entries.mesh.as_deref());
    let judged = judge(&one, &normalization, &source, request.filter(|_| reads_requests), &mut steps);
    let (reach, _) = one.reach(&source, reads_requests);
    let mut warnings: Vec<String> = judges.rejected().map(|r| format!("{} {}", r.what, r.why)).collect();
    warnings.extend(trapped(world, &one, &source));
    warnings.extend(checked(world, &source, &destination, reach));
    if is_request && !reads_requests {
        warnings.push(format!("{destination} speaks {protocol}: a gateway sees no requests of it, and judges connections"));
    }
    let rule = rule(&judged);
    let places = world.places.of_steps(&steps, []);
    AuthzAnswer {
        schema: "gw.authz/v1".into(),
        default: default.as_str().into(),
        allowed: judged.allowed(),
        by: by(&judged),
        why: why(&judged, default, reach),
        rule: rule.map(ToString::to_string),
        place: rule.and_then(|rule| world.places.of(rule)),
        reach: reach.as_str().into(),
        shadowed: one.intentions(&source).skip(1).map(|hidden| Shadowed::of(hidden, world)).collect(),
        source,
        destination,
        protocol,
        steps,
        warnings,
        places,
    }
}

impl Shadowed {
    fn of(intention: &Intention, world: &World) -> Self {
        Self {
            intention: intention.to_string(),
            says: intention.action().map_or("permissions", IntentionAction::as_str).into(),
            rule: intention.rule.to_string(),
            place: world.places.of(&intention.rule),
        }
    }
}

/// What the entries as a set are warned of, as far as it concerns the intention that decides; and those that nearly did.
fn trapped(world: &World, judge: &Judge, source: &str) -> Vec<String> {
    let Some(Intention { rule, .. }) = judge.intentions(source).next() else { return Vec::new() };
    let below = format!("{}.", rule.path);
    let concerns = |found: &RuleRef| found.entry == rule.entry && (found.path == rule.path || found.path.starts_with(&below));
    let all = traps(&world.base.entries, world.base.default_action);
    let here = all.into_iter().filter(|f| concerns(&f.rule));
    let near = judge.near(source).into_iter().filter(|near| near.rule != rule.to_string());
    let near = near.map(|near| format!("{} is not for {source}: {}", near.rule, near.why));
    near.chain(here.map(|f| format!("{}: {}; {}", f.rule, f.message, f.help.join("; ")))).collect()
}

/// Consul's `intentions/check` compares the destination in its case, and leaves out services with a Destination.
fn checked(world: &World, source: &str, destination: &str, reach: Reach) -> Option<String> {
    let (allowed, by) = check(&world.base.entries, world.base.default_action, source, destination);
    let differs = match reach {
        Reach::Allowed => !allowed,
        Reach::Denied => allowed,
        Reach::ByRequest => false,
    };
    // An intention with permissions is a no for it, whatever they say.
    let says = if allowed { "yes" } else { "no" };
    differs.then(|| format!("Consul's intentions/check says {says} here, by {by}; proxies and gateways do as above"))
}

fn rule<'a>(judged: &Judged<'a>) -> Option<&'a RuleRef> {
    if let Judged::Verdict(verdict) = judged { verdict.by.rule() } else { None }
}

fn by(judged: &Judged<'_>) -> String {
    if let Judged::Verdict(verdict) = judged { verdict.by.to_string() } else { "mesh".to_owned() }
}

fn why(judged: &Judged<'_>, default: IntentionAction, reach: Reach) -> String {
    let verdict = match judged {
        Judged::Verdict(verdict) => verdict,
        Judged::Unfit(unfit) => return format!("answered with 400: {unfit}"),
        Judged::Redirect(to) => return format!("answered with 307 to {to}, and judged when it comes again"),
    };
    let word = if verdict.allowed { "allowed" } else { "denied" };
    match verdict.by {
        By::Permission(intention, permission) => format!("{word} by a permission of {intention}: {}", permission.conditions()),
        By::Intention(intention) if intention.action().is_none() && reach == Reach::ByRequest => {
            format!("denied as a connection alone: {intention} has permissions, which look at requests; give --method and --path")
        }
        By::Intention(intention) if intention.action().is_none() => format!("denied by {intention}, which lets nothing pass"),
        By::Intention(intention) => format!("{word} by {intention}"),
        By::Default(passed) => {
            let nobody = passed.map_or("no intention is for it".to_owned(), |i| format!("no permission of {i} matches"));
            format!("{word} by the default policy, {}: {nobody}", default.as_str())
        }
        By::Foreign => "denied: no service of this mesh".to_owned(),
    }
}
