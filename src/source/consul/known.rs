//! What is known of Consul's world, answer by answer, and the whole of it as the model has it.
//!
//! Nothing here decides whether an answer is believed: that is done before (`watch`). Parts that are as they were keep the very objects
//! that they had, so that what is compiled of them is not compiled again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use super::call::Side;
use super::convert::{self, LeftOut};
use super::gateways::Gateways;
use super::touched::SIDECAR;
use super::wire::{CatalogServices, GatewaysAnswer, HealthRow, IntentionRow};
use crate::id::{Datacenter, ServiceKey};
use crate::model::ca::{CaRoots, IssuedLeaf};
use crate::model::entry::{ConfigEntry, Entries, EntryKind, IntentionAction};
use crate::model::federation::{Federation, Servers};
use crate::model::needs::{Needed, Needs};
use crate::model::service::{Health, Service};
use crate::source::diagnostic::Diagnostic;

/// The domain of Consul's DNS where nobody says another.
const DOMAIN: &str = "consul";

/// Everything that was heard and believed.
#[derive(Debug, Default)]
pub struct Known {
    /// The own datacenter; empty before the agent has said it.
    pub datacenter: String,
    /// What holds where no intention decides; `None`: nobody said.
    pub default_action: Option<IntentionAction>,
    /// The domains of Consul's DNS, the one that names of servers end with first; empty: nobody said, and it is the usual one.
    pub domains: Vec<Arc<str>>,
    /// The roots of the mesh.
    pub roots: Option<CaRoots>,
    /// Leaves by the services that they are of.
    pub leaves: BTreeMap<String, IssuedLeaf>,
    entries: BTreeMap<EntryKind, Vec<Read>>,
    instances: BTreeMap<Needed, OfService>,
    names: Option<BTreeSet<ServiceKey>>,
    gateways: Gateways,
    servers: Option<OfService>,
}

/// An entry as it came, and what was made of it.
#[derive(Debug)]
struct Read {
    value: Value,
    entry: Option<ConfigEntry>,
    notes: Vec<Diagnostic>,
    left_out: Option<LeftOut>,
}

impl Read {
    fn of(value: Value) -> Self {
        match convert::stored(&value) {
            Ok(convert::Entry { decoded, .. }) => Self { value, entry: decoded.entry, notes: decoded.notes, left_out: None },
            Err(left_out) => Self { entry: convert::in_place_of(&value), value, notes: Vec::new(), left_out: Some(left_out) },
        }
    }
}

/// A service and what was left out of it.
#[derive(Debug)]
struct OfService {
    service: Arc<Service>,
    left_out: Vec<LeftOut>,
}

/// The whole of it.
#[derive(Clone, Debug)]
pub struct World {
    /// The own datacenter.
    pub datacenter: Datacenter,
    /// The roots, and with them the trust domain; a mesh gateway goes without.
    pub roots: Option<CaRoots>,
    /// Leaves by the services that they are of.
    pub leaves: BTreeMap<String, IssuedLeaf>,
    /// The entries of the kinds that were asked for.
    pub entries: Arc<Entries>,
    /// The services of the own datacenter, in the mesh.
    pub services: Arc<BTreeMap<ServiceKey, Arc<Service>>>,
    /// Those outside the mesh, which terminating gateways are linked with.
    pub outside: Arc<BTreeMap<ServiceKey, Arc<Service>>>,
    /// Other datacenters.
    pub federation: Arc<Federation>,
    /// What holds where no intention decides.
    pub default_action: IntentionAction,
    /// What was left out, and why.
    pub left_out: Vec<LeftOut>,
    /// What is worth knowing about entries, as of files: each note names its entry.
    pub notes: Vec<Diagnostic>,
}

/// What there must be before a gateway can be started.
#[derive(Clone, Copy, Debug)]
pub struct Required<'a> {
    /// The kinds of entries.
    pub kinds: &'a [EntryKind],
    /// Whether it cannot be without roots.
    pub roots: bool,
    /// The services whose leaves are shown as gateways' own.
    pub leaves: &'a [String],
    /// Whether it has to be known where the servers are.
    pub servers: bool,
    /// Whether it has to be known where mesh gateways are, or that nobody can tell.
    pub gateways: bool,
}

impl Known {
    /// The entries of a kind, as they are by now. False: they are as they were.
    pub fn entries(&mut self, kind: EntryKind, values: Vec<Value>) -> bool {
        let before = self.entries.remove(&kind);
        let was_known = before.is_some();
        let before = before.unwrap_or_default();
        let same = was_known && before.len() == values.len() && before.iter().zip(&values).all(|(old, new)| old.value == *new);
        if same {
            self.entries.insert(kind, before);
            return false;
        }
        let mut earlier: BTreeMap<String, Read> = before.into_iter().map(|read| (name_of(&read.value), read)).collect();
        let read = values.into_iter().map(|value| {
            let kept = earlier.remove(&name_of(&value)).filter(|old| old.value == value);
            kept.unwrap_or_else(|| Read::of(value))
        });
        self.entries.insert(kind, read.collect());
        true
    }

    /// Entries that are made of intentions, where Consul has no such kind yet.
    pub fn intentions(&mut self, rows: &[IntentionRow]) {
        self.entries(EntryKind::ServiceIntentions, convert::of_intentions(rows));
    }

    /// A kind that this Consul does not have: there is no entry of it.
    pub fn no_kind(&mut self, kind: EntryKind) {
        self.entries.entry(kind).or_default();
    }

    /// Whether the entries of a kind are known, if only that there is none.
    pub fn has(&self, kind: EntryKind) -> bool {
        self.entries.contains_key(&kind)
    }

    /// The index of the last write of an entry, where Consul says it.
    pub fn modify_index(&self, kind: EntryKind, name: &str) -> Option<u64> {
        let name = name.to_lowercase();
        let read = self.entries.get(&kind)?.iter().find(|read| name_of(&read.value) == name)?;
        read.value.get("ModifyIndex").and_then(Value::as_u64)
    }

    /// The DNS names that the leaf of an ingress gateway is to have; `None`: its entry is not known yet.
    pub fn certified_names(&self, gateway: &str) -> Option<Vec<String>> {
        let of_gateway = |read: &&Read| name_of(&read.value) == gateway.to_lowercase();
        let entry = self.entries.get(&EntryKind::IngressGateway)?.iter().find(of_gateway).and_then(|read| read.entry.as_ref());
        let Some(ConfigEntry::IngressGateway(entry)) = entry else { return Some(Vec::new()) };
        let domains: Vec<&str> = if self.domains.is_empty() { vec![DOMAIN] } else { self.domains.iter().map(|domain| &**domain).collect() };
        Some(entry.certified_names(&domains))
    }

    /// Whether the names of all services are known.
    pub const fn has_names(&self) -> bool {
        self.names.is_some()
    }

    /// The instances of a service. False: they are as they were.
    pub fn instances(&mut self, of: Needed, rows: &[HealthRow]) -> bool {
        self.instances_sparing(of, rows, false).0
    }

    /// The same; `sparing`: where no better one is left, instances that were not critical before are taken for what they were. Whether
    /// they are others than before, and whether some were spared.
    pub fn instances_sparing(&mut self, of: Needed, rows: &[HealthRow], sparing: bool) -> (bool, bool) {
        let (mut left_out, side) = (Vec::new(), side_of(&of));
        // What is outside the mesh is no proxy and no gateway.
        let plain = |row: &&HealthRow| !of.outside || row.service.kind.is_empty();
        let rows: Vec<HealthRow> = rows.iter().filter(plain).cloned().collect();
        let mut service = convert::service(of.service.as_str(), side, &rows, &self.datacenter, &mut left_out);
        let before = self.instances.get(&of);
        let spared = sparing && before.is_some_and(|before| spare(&mut service, &before.service));
        if before.is_some_and(|before| *before.service == service && before.left_out == left_out) {
            return (false, spared);
        }
        self.instances.insert(of, OfService { service: Arc::new(service), left_out });
        (true, spared)
    }

    /// The services of the own datacenter that have instances outside the mesh.
    pub fn outside(&self) -> impl Iterator<Item = &str> {
        let own = self.instances.iter().filter(|(of, known)| of.outside && !known.service.instances.is_empty());
        own.map(|(of, _)| of.service.as_str())
    }

    /// Whether a service of the own datacenter has instances outside the mesh.
    pub fn is_outside(&self, service: &ServiceKey) -> bool {
        let of = Needed::outside(service.clone(), &self.datacenter);
        self.service(&of).is_some_and(|service| !service.instances.is_empty())
    }

    /// What is known of a service.
    pub fn service(&self, of: &Needed) -> Option<&Arc<Service>> {
        self.instances.get(of).map(|known| &known.service)
    }

    /// The names of all services. False: they are as they were.
    pub fn names(&mut self, answer: &CatalogServices) -> bool {
        let names = Some(answer.keys().map(|name| ServiceKey::of(name)).collect());
        std::mem::replace(&mut self.names, names.clone()) != names
    }

    /// The mesh gateways of all datacenters. False: they are as they were.
    pub fn gateways(&mut self, answer: &GatewaysAnswer) -> bool {
        self.gateways.told(answer, &self.datacenter)
    }

    /// What is known of mesh gateways, beyond where they are.
    pub const fn of_gateways(&mut self) -> &mut Gateways {
        &mut self.gateways
    }

    /// Whether it is known where mesh gateways are.
    pub const fn has_gateways(&self) -> bool {
        self.gateways.is_known()
    }

    /// As [`Gateways::spares`].
    pub fn spared_gateways(&self) -> Option<u64> {
        self.gateways.spares()
    }

    /// Whether it is known where the servers are.
    pub const fn has_servers(&self) -> bool {
        self.servers.is_some()
    }

    /// The servers of the own datacenter, whatever their health. False: they are as they were.
    pub fn servers(&mut self, rows: &[HealthRow]) -> bool {
        let mut left_out = Vec::new();
        // All of them are of the own datacenter, whether that was said before or not.
        let own = rows.first().map_or("", |row| &row.node.datacenter);
        let service = convert::service(Servers::SERVICE, Side::Plain, rows, own, &mut left_out);
        if self.servers.as_ref().is_some_and(|before| *before.service == service && before.left_out == left_out) {
            return false;
        }
        self.servers = Some(OfService { service: Arc::new(service), left_out });
        true
    }

    /// The services that are to be asked for: what is needed, of all of it what there is by name.
    pub fn wanted(&self, needs: &Needs) -> BTreeSet<Needed> {
        let mut wanted = needs.services.clone();
        // A sidecar is asked for by the name of its service.
        let of_its_own = |name: &&ServiceKey| {
            let of = name.as_str().strip_suffix(SIDECAR);
            !of.is_some_and(|of| self.names.as_ref().is_some_and(|names| names.contains(of)))
        };
        for outside in [false, true] {
            let names = self.names.iter().flatten().filter(|_| if outside { needs.all_outside } else { needs.all });
            let needed = |name: &ServiceKey| Needed { outside, ..Needed::of(name.clone(), &self.datacenter) };
            wanted.extend(names.filter(of_its_own).map(needed));
        }
        wanted
    }

    /// Forgets the services that nobody needs any more. Which they were.
    pub fn forget_all_but(&mut self, wanted: &BTreeSet<Needed>) -> Vec<Needed> {
        let gone: Vec<Needed> = self.instances.keys().filter(|known| !wanted.contains(known)).cloned().collect();
        gone.iter().for_each(|gone| drop(self.instances.remove(gone)));
        gone
    }

    /// What is not known yet and must be, in words.
    pub fn missing(&self, required: &Required<'_>) -> Vec<String> {
        let mut missing = Vec::new();
        let mut lacks = |lacking: bool, what: &str| missing.extend(lacking.then(|| what.to_owned()));
        lacks(self.datacenter.is_empty(), "the agent's datacenter");
        lacks(required.roots && self.roots.is_none(), "the roots of the mesh");
        for leaf in required.leaves {
            lacks(!self.leaves.contains_key(leaf), &format!("the leaf of {leaf}"));
        }
        lacks(required.gateways && !self.gateways.is_answered(), "the mesh gateways");
        lacks(required.servers && self.servers.is_none(), "the servers");
        for kind in required.kinds.iter().filter(|kind| !self.entries.contains_key(kind)) {
            lacks(true, &format!("the {kind} entries"));
        }
        missing
    }

    /// The whole of it, whatever is known.
    pub fn world(&self) -> World {
        let own = self.datacenter.as_str();
        let read = || self.entries.values().flatten();
        let entries: Entries = read().filter_map(|read| read.entry.clone()).collect();
        let mut left_out = Vec::new();
        let mut federation = self.gateways.federation(own, &mut left_out);
        left_out.extend(read().filter_map(|read| read.left_out.clone()));
        if let Some(servers) = &self.servers {
            left_out.extend(servers.left_out.iter().cloned());
            federation.servers.instances = servers.service.instances.clone();
        }
        if let Some(domain) = self.domains.first() {
            federation.servers.domain = domain.clone();
        }
        let (mut services, mut outside) = (BTreeMap::new(), BTreeMap::new());
        for (of, known) in self.instances.iter().filter(|(of, _)| of.peer.is_empty()) {
            left_out.extend(known.left_out.iter().cloned());
            let into = if of.outside {
                &mut outside
            } else if of.datacenter == own {
                &mut services
            } else {
                &mut federation.datacenters.entry(Datacenter::from(of.datacenter.as_str())).or_default().services
            };
            into.insert(of.service.clone(), known.service.clone());
        }
        World {
            datacenter: Datacenter::from(own),
            roots: self.roots.clone(),
            leaves: self.leaves.clone(),
            entries: Arc::new(entries),
            services: Arc::new(services),
            outside: Arc::new(outside),
            federation: Arc::new(federation),
            default_action: self.default_action.unwrap_or(IntentionAction::Deny),
            left_out,
            notes: read().flat_map(|read| read.notes.iter().cloned()).collect(),
        }
    }
}

/// How instances are asked for that are needed so.
pub(super) const fn side_of(of: &Needed) -> Side {
    if of.outside { Side::Plain } else { Side::Mesh }
}

/// Whether some were spared.
fn spare(service: &mut Service, before: &Service) -> bool {
    if service.instances.iter().any(|instance| instance.health != Health::Critical) {
        return false;
    }
    let mut spared = false;
    for instance in &mut service.instances {
        if let Some(was) = before.instances.iter().find(|was| was.id == instance.id && was.health != Health::Critical) {
            (instance.health, instance.weight) = (was.health, was.weight);
            spared = true;
        }
    }
    spared
}

/// Names of entries have no case.
fn name_of(value: &Value) -> String {
    value.get("Name").and_then(Value::as_str).unwrap_or_default().to_lowercase()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::entry::SourceIntention;

    fn resolver(name: &str, timeout: &str) -> Value {
        json!({"Kind": "service-resolver", "Name": name, "ConnectTimeout": timeout, "ModifyIndex": 7, "Hash": 18_000_000_000_000_000_000u64})
    }

    fn row(id: &str, status: &str) -> HealthRow {
        serde_json::from_value(json!({
            "Node": {"Node": "n1", "Address": "10.0.0.1", "Datacenter": "dc1"},
            "Service": {"Kind": "connect-proxy", "ID": id, "Service": "web-sidecar-proxy", "Port": 20000},
            "Checks": [{"CheckID": "c", "Status": status}],
        }))
        .unwrap()
    }

    fn web() -> Needed {
        Needed::of(ServiceKey::of("web"), "dc1")
    }

    #[test]
    fn entries_that_are_as_they_were_keep_the_very_objects_they_had() {
        let mut known = Known { datacenter: "dc1".into(), ..Known::default() };
        assert!(known.entries(EntryKind::ServiceResolver, vec![resolver("a", "1s"), resolver("b", "1s")]));
        let first = known.world().entries;
        assert!(!known.entries(EntryKind::ServiceResolver, vec![resolver("a", "1s"), resolver("b", "1s")]));
        assert!(known.entries(EntryKind::ServiceResolver, vec![resolver("b", "2s"), resolver("a", "1s")]));
        let second = known.world().entries;
        let of = |entries: &Arc<Entries>, name: &str| entries.resolvers[&ServiceKey::of(name)].clone();
        assert!(Arc::ptr_eq(&of(&first, "a"), &of(&second, "a")) && !Arc::ptr_eq(&of(&first, "b"), &of(&second, "b")));
    }

    #[test]
    fn an_entry_that_cannot_be_read_is_left_out_alone_and_told() {
        let mut known = Known::default();
        known.entries(
            EntryKind::ServiceResolver,
            vec![json!({"Kind": "service-resolver", "Name": "a", "ConnectTimeout": "soon"}), resolver("b", "1s")],
        );
        let world = known.world();
        assert_eq!(world.entries.resolvers.len(), 1);
        assert_eq!(world.left_out.iter().map(|l| l.what.as_str()).collect::<Vec<_>>(), ["service-resolver/a"]);
    }

    #[test]
    fn intentions_that_cannot_be_read_let_nobody_through() {
        let mut known = Known { default_action: Some(IntentionAction::Allow), ..Known::default() };
        known.entries(EntryKind::ServiceIntentions, vec![json!({"Kind": "service-intentions", "Name": "web", "Sources": "a"})]);
        let world = known.world();
        let sources = &world.entries.intentions[&ServiceKey::of("web")].sources;
        let of = |source: &SourceIntention| (source.name.clone(), source.action);
        assert_eq!(sources.iter().map(of).collect::<Vec<_>>(), [("*".to_owned(), Some(IntentionAction::Deny))]);
        assert_eq!(world.left_out.iter().map(|l| l.what.as_str()).collect::<Vec<_>>(), ["service-intentions/web"]);
    }

    #[test]
    fn what_a_newer_consul_says_beside_what_is_known_is_told_for_as_long_as_it_is_there() {
        let mut known = Known::default();
        let mut newer = resolver("a", "1s");
        newer["Nonsense"] = json!(1);
        for values in [vec![newer.clone()], vec![newer.clone(), resolver("b", "1s")]] {
            known.entries(EntryKind::ServiceResolver, values);
            let world = known.world();
            assert!(world.entries.resolvers.contains_key(&ServiceKey::of("a")) && world.left_out.is_empty());
            let said: Vec<&str> = world.notes.iter().map(|note| note.message.as_str()).collect();
            assert_eq!(said, ["service-resolver/a: unknown field \"Nonsense\""]);
        }
        known.entries(EntryKind::ServiceResolver, vec![resolver("a", "1s")]);
        assert_eq!(known.world().notes, []);
    }

    #[test]
    fn instances_are_of_their_datacenter_and_news_only_where_something_differs() {
        let mut known = Known { datacenter: "dc1".into(), ..Known::default() };
        assert!(known.instances(web(), &[row("w", "passing")]));
        assert!(!known.instances(web(), &[row("w", "passing")]));
        assert!(known.instances(web(), &[row("w", "critical")]));
        let far = Needed::of(ServiceKey::of("web"), "dc2");
        known.instances(far, &[]);
        let world = known.world();
        assert_eq!(world.services[&ServiceKey::of("web")].instances.len(), 1);
        assert!(world.federation.service("dc2", "web").is_some_and(|there| there.instances.is_empty()));
    }

    #[test]
    fn servers_have_their_address_in_their_datacenter_whether_that_was_said_before_or_after() {
        let mut known = Known::default();
        let row: HealthRow = serde_json::from_value(json!({
            "Node": {"Node": "s1", "Address": "10.0.0.1", "Datacenter": "dc1", "TaggedAddresses": {"wan": "192.0.2.1"}},
            "Service": {"ID": "consul", "Service": "consul", "Port": 8300},
        }))
        .unwrap();
        assert!(known.servers(std::slice::from_ref(&row)) && !known.servers(&[row]));
        known.datacenter = "dc1".into();
        let servers = known.world().federation.servers.instances.clone();
        assert_eq!((servers[0].address.to_string().as_str(), servers[0].node.as_str()), ("10.0.0.1:8300", "s1"));
    }

    #[test]
    fn the_domain_is_that_of_the_agent_and_consul_until_it_says_one() {
        let mut known = Known::default();
        assert_eq!(&*known.world().federation.servers.domain, "consul");
        known.domains = vec!["example.test".into(), "alt.test".into()];
        assert_eq!(&*known.world().federation.servers.domain, "example.test");
    }

    #[test]
    fn instances_that_turned_critical_are_spared_where_no_better_one_is_left() {
        let mut known = Known { datacenter: "dc1".into(), ..Known::default() };
        let healths = |known: &Known| known.service(&web()).unwrap().instances.iter().map(|i| i.health).collect::<Vec<_>>();
        known.instances(web(), &[row("a", "passing"), row("b", "critical")]);
        assert_eq!(known.instances_sparing(web(), &[row("a", "critical"), row("b", "critical")], true), (false, true));
        assert_eq!(healths(&known), [Health::Passing, Health::Critical]);
        assert_eq!(known.instances_sparing(web(), &[row("a", "critical"), row("b", "passing")], true), (true, false));
        assert_eq!(healths(&known), [Health::Critical, Health::Passing]);
        assert_eq!(known.instances_sparing(web(), &[row("a", "critical"), row("b", "critical")], false), (true, false));
        assert_eq!(healths(&known), [Health::Critical, Health::Critical]);
    }

    #[test]
    fn what_must_be_known_and_is_not_is_told_by_name() {
        let mut known = Known::default();
        let kinds = [EntryKind::ServiceResolver, EntryKind::Mesh];
        let required = Required { kinds: &kinds, roots: true, leaves: &["edge".to_owned()], servers: true, gateways: true };
        known.no_kind(EntryKind::Mesh);
        let missing = known.missing(&required);
        let of_mesh = ["the agent's datacenter", "the roots of the mesh", "the leaf of edge"];
        assert_eq!(missing, [&of_mesh[..], &["the mesh gateways", "the servers", "the service-resolver entries"]].concat());
        // Nobody waits for what cannot be told.
        assert!(known.of_gateways().refused() && !known.of_gateways().refused());
        assert!(!known.missing(&required).contains(&"the mesh gateways".to_owned()));
    }

    #[test]
    fn a_gateway_that_needs_all_wants_what_there_is_and_what_nobody_needs_is_forgotten() {
        let mut known = Known { datacenter: "dc1".into(), ..Known::default() };
        known.names(&serde_json::from_value(json!({"web": [], "api": null, "web-sidecar-proxy": [], "x-sidecar-proxy": []})).unwrap());
        known.instances(web(), &[row("w", "passing")]);
        let all = known.wanted(&Needs { all: true, ..Needs::default() });
        assert_eq!(all.iter().map(|n| n.service.as_str()).collect::<Vec<_>>(), ["api", "web", "x-sidecar-proxy"]);
        assert_eq!(known.forget_all_but(&BTreeSet::new()), [web()]);
        assert!(known.world().services.is_empty());
    }
}
