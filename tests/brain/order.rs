//! Sets that fit together are reached from one another by steps that Consul takes one by one.

use gw::decide::graph::{Change, Step, check, check_set, make, order};
use gw::model::entry::{ConfigEntry, Entries, EntryKind, EntryRef, ProxyDefaults, ServiceDefaults};
use gw::model::level::Level;
use gw::source::entry::from_json;
use serde_json::{Value, json};

use crate::generate::{Random, SERVICES, World};
use crate::seeds;

fn entry(value: Value) -> ConfigEntry {
    from_json(&value).unwrap_or_else(|e| panic!("{value}: {e:?}")).entry.expect("of the model")
}

fn all(entries: &Entries) -> Vec<ConfigEntry> {
    let Entries { service_defaults, routers, splitters, resolvers, ingress_gateways, .. } = entries;
    let of = entries.proxy_defaults.iter().cloned().map(ConfigEntry::ProxyDefaults);
    of.chain(service_defaults.values().cloned().map(ConfigEntry::ServiceDefaults))
        .chain(routers.values().cloned().map(ConfigEntry::ServiceRouter))
        .chain(splitters.values().cloned().map(ConfigEntry::ServiceSplitter))
        .chain(resolvers.values().cloned().map(ConfigEntry::ServiceResolver))
        .chain(ingress_gateways.values().cloned().map(ConfigEntry::IngressGateway))
        .collect()
}

/// A set in which services have one of some protocols, by proxy-defaults or each by itself.
fn set(random: &mut Random) -> Entries {
    let mut entries = World::generate(random).entries;
    let protocol = *random.pick(&["http", "http2", "grpc"]);
    if random.chance(50) {
        let global = ProxyDefaults { common: common("global"), protocol: protocol.into(), ..ProxyDefaults::default() };
        entries.insert(ConfigEntry::ProxyDefaults(global.into()));
    } else {
        entries.remove(EntryKind::ProxyDefaults, "global");
        for name in SERVICES {
            let defaults = ServiceDefaults { common: common(name), protocol: protocol.into(), ..ServiceDefaults::default() };
            entries.insert(ConfigEntry::ServiceDefaults(defaults.into()));
        }
    }
    for gateway in entries.ingress_gateways.values_mut() {
        let mut changed = (**gateway).clone();
        changed.listeners.iter_mut().for_each(|listener| listener.protocol = protocol.into());
        *gateway = changed.into();
    }
    entries
}

fn common(name: &str) -> gw::model::entry::Common {
    gw::model::entry::Common { name: name.to_owned(), ..Default::default() }
}

fn sound(random: &mut Random) -> Entries {
    for _ in 0..1000 {
        let entries = set(random);
        if check_set(&entries).iter().all(|finding| finding.level != Level::Error) {
            return entries;
        }
    }
    panic!("no set of a thousand fits together")
}

/// Takes the steps as Consul would, and returns what is there then.
fn walk(from: &Entries, changes: &[Change<'_>], steps: &[Step]) -> Entries {
    let mut state = from.clone();
    for step in steps {
        let change = match step {
            Step::Change(n) => changes[*n],
            Step::Aside { was, left: None } => Change::Delete(was.kind(), &was.common().name),
            Step::Aside { left: Some(entry), .. } | Step::Back(entry) => Change::Write(entry),
        };
        check(&state, &change).unwrap_or_else(|why| panic!("{step:?} is refused: {why}\n{steps:#?}"));
        make(&mut state, &change);
    }
    state
}

#[test]
fn sets_are_reached_from_one_another_by_steps_that_are_taken() {
    let (mut aside, seeds) = (0, seeds());
    for seed in &seeds {
        let random = &mut Random::new(seed + 5_000);
        let (from, to) = (sound(random), sound(random));
        let (old, new) = (all(&from), all(&to));
        let is_in = |refs: &[EntryRef], entry: &ConfigEntry| refs.contains(&entry.entry_ref());
        let kept: Vec<EntryRef> = new.iter().map(ConfigEntry::entry_ref).collect();
        let mut changes: Vec<Change<'_>> = new.iter().filter(|entry| !old.contains(entry)).map(Change::Write).collect();
        changes.extend(old.iter().filter(|e| !is_in(&kept, e)).map(|e| Change::Delete(e.kind(), &e.common().name)));
        let steps = order(&from, &changes).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
        aside += steps.iter().filter(|step| matches!(step, Step::Aside { .. })).count();
        assert_eq!(walk(&from, &changes, &steps), to, "seed {seed}");
    }
    assert!(aside > 0 || seeds.len() < 50, "nothing was ever in the way");
}

#[test]
fn a_provider_comes_before_the_intention_that_names_it_and_goes_after_it() {
    let intention = json!({"Kind": "service-intentions", "Name": "web", "JWT": {"Providers": [{"Name": "okta"}]},
        "Sources": [{"Name": "api", "Action": "allow"}]});
    let intention = entry(intention);
    let none = Entries::default();
    let written = [Change::Write(&intention), Change::WriteOther(EntryKind::JwtProvider, "okta")];
    let steps = order(&none, &written).unwrap();
    assert_eq!(steps, [Step::Change(1), Step::Change(0)]);
    let there = walk(&none, &written, &steps);
    let gone = [Change::Delete(EntryKind::JwtProvider, "okta"), Change::Delete(EntryKind::ServiceIntentions, "web")];
    let steps = order(&there, &gone).unwrap();
    assert_eq!(steps, [Step::Change(1), Step::Change(0)]);
}

#[test]
fn what_no_order_helps_is_refused_in_consuls_words() {
    let router = entry(json!({"Kind": "service-router", "Name": "web", "Routes": []}));
    let why = order(&Entries::default(), &[Change::Write(&router)]).unwrap_err();
    assert!(why.to_string().contains("does not permit advanced routing"), "{why}");
}
