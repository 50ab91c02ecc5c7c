//! What is known of a federation, as one agent sees it: plain data, as it is judged and shown.

use serde::Serialize;

/// What one agent knows.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct View {
    /// Where it was asked.
    pub agent: String,
    /// Its datacenter.
    pub datacenter: String,
    /// Its node.
    pub node: String,
    /// Its version: `1.21.4`.
    pub version: String,
    /// Whether it is a server.
    pub server: bool,
    /// The primary datacenter, as it was told.
    pub primary: String,
    /// Where it was told to find the primary's mesh gateways.
    pub primary_gateways: Vec<String>,
    /// The domain that names of servers end in: `consul`.
    pub domain: String,
    /// Whether it reaches servers of other datacenters through mesh gateways. `None`: a client, which does not.
    pub federates: Option<bool>,
    /// Whether it asks servers for the name of their datacenter.
    pub verifies_names: bool,
    /// By how many seconds its clock is ahead of this machine's, if that is known.
    pub clock_ahead: Option<i64>,
    /// What it says of every datacenter that it knows, its own first.
    pub datacenters: Vec<Datacenter>,
    /// The federation states that it has.
    pub states: Vec<State>,
    /// Why it has none, if it says so.
    pub states_trouble: Option<String>,
}

/// A datacenter, asked for through an agent.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Datacenter {
    /// Its name.
    pub name: String,
    /// How long a question took there and back, in seconds; none: it was not answered.
    pub round_trip: Option<f64>,
    /// Why it was not answered.
    pub trouble: Option<String>,
    /// Its servers.
    pub servers: Vec<Server>,
    /// Its mesh gateways, as its own catalog has them.
    pub gateways: Vec<Gateway>,
    /// Its trust domain; empty if not known.
    pub trust_domain: String,
    /// Its roots, by their ids, sorted.
    pub roots: Vec<String>,
    /// How tokens and policies come from the primary, where there are ACLs and it is a secondary.
    pub acl_replication: Option<Replication>,
}

/// The mesh gateways of a datacenter as the federation was told.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct State {
    /// The datacenter.
    pub datacenter: String,
    /// When it last became another one, RFC 3339.
    pub updated_at: String,
    /// Its mesh gateways.
    pub gateways: Vec<Gateway>,
}

/// A mesh gateway.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Gateway {
    /// `NODE/ID`
    pub id: String,
    /// The service that it is registered as.
    pub service: String,
    /// Where it is in its own datacenter: `host:port`.
    pub lan: String,
    /// Where others reach it; none: where it is.
    pub wan: Option<String>,
    /// Whether it says that it carries what servers say (`consul-wan-federation`).
    pub federates: bool,
    /// `passing`, `warning` or `critical`.
    pub health: &'static str,
}

impl Gateway {
    /// Where other datacenters reach it.
    pub fn far_address(&self) -> &str {
        self.wan.as_deref().unwrap_or(&self.lan)
    }
}

/// A server.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Server {
    /// Its node.
    pub node: String,
    /// Where it is in its datacenter: `ip:port`.
    pub address: String,
    /// Its version.
    pub version: String,
    /// `passing`, `warning` or `critical`.
    pub health: &'static str,
}

/// How ACLs come from the primary.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Replication {
    /// Whether they come.
    pub running: bool,
    /// When they last came, RFC 3339.
    pub last_success: String,
    /// When they last did not.
    pub last_error: String,
}

impl View {
    /// Whether an agent said it, and no file.
    pub fn is_of_agent(&self) -> bool {
        !self.version.is_empty()
    }

    /// Its own datacenter.
    pub fn own(&self) -> Option<&Datacenter> {
        self.datacenters.iter().find(|dc| dc.name == self.datacenter)
    }

    /// The others.
    pub fn others(&self) -> impl Iterator<Item = &Datacenter> {
        self.datacenters.iter().filter(|dc| dc.name != self.datacenter)
    }

    /// The federation state of a datacenter.
    pub fn state(&self, datacenter: &str) -> Option<&State> {
        self.states.iter().find(|state| state.datacenter == datacenter)
    }

    /// The gateways of a datacenter by which its own reach it: what the federation was told, else what the catalog says.
    pub fn gateways_of(&self, datacenter: &str) -> &[Gateway] {
        let state = self.state(datacenter).map(|state| state.gateways.as_slice()).filter(|gateways| !gateways.is_empty());
        state.unwrap_or_else(|| {
            self.datacenters.iter().find(|dc| dc.name == datacenter).map(|dc| dc.gateways.as_slice()).unwrap_or_default()
        })
    }
}

/// A line of the matrix: one datacenter, seen from another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Who looks.
    pub from: String,
    /// At whom.
    pub to: String,
    /// In seconds, there and back; none: no answer.
    pub round_trip: Option<f64>,
    /// How many mesh gateways can be used, of how many.
    pub gateways: (usize, usize),
    /// How many servers are well, of how many.
    pub servers: (usize, usize),
    /// Whether both trust the same roots; none: not known.
    pub same_roots: Option<bool>,
    /// Whether the federation state is what the catalog there says; none: not known.
    pub state_is_fresh: Option<bool>,
    /// Whether ACLs come from the primary; none: they need not.
    pub acls_come: Option<bool>,
    /// Why there was no answer.
    pub trouble: Option<String>,
}

/// Datacenter by datacenter, as each agent sees them.
pub fn rows(views: &[View]) -> Vec<Row> {
    views.iter().flat_map(|view| view.datacenters.iter().map(|to| row(view, to))).collect()
}

fn row(view: &View, to: &Datacenter) -> Row {
    let gateways = view.gateways_of(&to.name);
    let usable = gateways.iter().filter(|gateway| gateway.federates && gateway.health != "critical").count();
    let well = to.servers.iter().filter(|server| server.health == "passing").count();
    let known = |datacenter: &Datacenter| !datacenter.roots.is_empty();
    let own = view.own().filter(|own| known(own) && known(to));
    Row {
        from: view.datacenter.clone(),
        to: to.name.clone(),
        round_trip: to.round_trip,
        gateways: (usable, gateways.len()),
        servers: (well, to.servers.len()),
        same_roots: own.map(|own| own.roots == to.roots && own.trust_domain == to.trust_domain),
        state_is_fresh: to.round_trip.and_then(|_| Some(told_apart(&view.state(&to.name)?.gateways, &to.gateways).is_empty())),
        acls_come: to.acl_replication.as_ref().map(|acl| acl.running),
        trouble: to.trouble.clone(),
    }
}

/// The gateways of which two lists say different things, health apart: that comes and goes.
pub(super) fn told_apart(one: &[Gateway], other: &[Gateway]) -> Vec<String> {
    let same = |a: &Gateway, b: &Gateway| (&a.id, &a.lan, &a.wan, a.federates) == (&b.id, &b.lan, &b.wan, b.federates);
    let missing = |from: &[Gateway], of: &[Gateway]| {
        of.iter().filter(|gateway| !from.iter().any(|g| same(g, gateway))).map(|gateway| gateway.id.clone()).collect::<Vec<_>>()
    };
    let mut apart = missing(one, other);
    apart.extend(missing(other, one));
    apart.sort_unstable();
    apart.dedup();
    apart
}
