//! Entry sets from a seed, written to a real Consul as change sets, and every chain laid beside Consul's own.
//!
//! `GW_SETS=1000 cargo test --test consul chains` widens the sweep, `GW_SEED=N` begins at another seed.

use std::collections::BTreeMap;

use gw::app::chain::ChainQuestion;
use gw::app::consul::change::{ChangeError, ChangeSet, Wanted, changes};
use gw::app::consul::verify::verify;
use gw::app::consul::{Consul as Asked, Flags, Settings, apply};
use gw::app::entries::Input;
use gw::source::entry::print;
use serde_json::{Value, json};

use crate::agent::Consul;
use crate::entries::Folder;
use crate::generate::{Random, SERVICES, World};
use crate::program::at_least;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|v| v.parse().ok()).unwrap_or(default)
}

/// A set of entries as their writer has them.
fn set(random: &mut Random) -> Vec<Value> {
    let entries = World::generate(random).entries;
    let protocol = *random.pick(&["http", "http", "grpc", "http2"]);
    let mut all = vec![json!({"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": protocol}})];
    if random.chance(30) {
        all[0]["MeshGateway"] = json!({"Mode": *random.pick(&["local", "remote", "none"])});
    }
    all.extend(entries.routers.values().map(|e| print(&gw::model::entry::ConfigEntry::ServiceRouter(e.clone()))));
    all.extend(entries.splitters.values().map(|e| print(&gw::model::entry::ConfigEntry::ServiceSplitter(e.clone()))));
    all.extend(entries.resolvers.values().map(|e| print(&gw::model::entry::ConfigEntry::ServiceResolver(e.clone()))));
    all.iter_mut().for_each(|entry| more(random, entry));
    for name in SERVICES {
        if random.chance(25) {
            let mut defaults = json!({"Kind": "service-defaults", "Name": name, "Protocol": protocol});
            if random.chance(40) {
                defaults["MeshGateway"] = json!({"Mode": *random.pick(&["local", "remote", "none"])});
            }
            if random.chance(15) {
                defaults["ExternalSNI"] = json!("outside.test");
            }
            all.push(defaults);
        }
    }
    all
}

/// What the generator of requests has no use for, and only what a Consul of that version knows.
fn more(random: &mut Random, entry: &mut Value) {
    let is_new = at_least(1, 20);
    for split in entry.get_mut("Splits").and_then(Value::as_array_mut).into_iter().flatten() {
        if random.chance(30) {
            split["ServiceSubset"] = json!(*random.pick(&["v1", "v2"]));
        }
        if is_new && random.chance(20) {
            split["RequestHeaders"] = json!({"Add": {"x": "1"}, "Set": {"y": "2"}});
        }
    }
    for route in entry.get_mut("Routes").and_then(Value::as_array_mut).into_iter().flatten() {
        if let (false, Some(http)) = (is_new, route.pointer_mut("/Match/HTTP").and_then(Value::as_object_mut)) {
            http.remove("CaseInsensitive");
        }
        if let (true, Some(to)) = (random.chance(30), route.get_mut("Destination").and_then(Value::as_object_mut)) {
            to.insert("ServiceSubset".into(), json!("v1"));
            to.insert("RequestTimeout".into(), json!("3s"));
            to.insert("NumRetries".into(), json!(2));
        }
    }
    if entry["Kind"] == "service-resolver" {
        if random.chance(40) {
            entry["ConnectTimeout"] = json!("7s");
        }
        for failover in entry.get_mut("Failover").and_then(Value::as_object_mut).into_iter().flat_map(|map| map.values_mut()) {
            if !is_new || random.chance(30) {
                let service = failover["Targets"][0]["Service"].clone();
                *failover = json!({"Service": service});
                if random.chance(50) {
                    failover["Datacenters"] = json!(["dc2", "dc3"]);
                }
            }
        }
    }
}

/// The whole of what Consul should have, as a file of the folder.
fn wanted(folder: &Folder, entries: &[Value]) -> Wanted {
    Wanted::Entries { inputs: vec![Input::Path(folder.has(entries).into())], prune: true }
}

fn asked(consul: &Consul) -> Asked {
    let flags = Flags { http_addr: Some(consul.address.to_string()), ..Flags::default() };
    Asked::of(Settings::of(&flags, |_| None).unwrap()).unwrap()
}

/// How a sweep went.
#[derive(Debug, Default)]
struct Tally {
    written: u64,
    refused: u64,
    aside: usize,
    steps: usize,
    chains: usize,
    explained: BTreeMap<String, usize>,
}

#[test]
#[expect(clippy::print_stdout, reason = "what was compared is shown to who runs it by hand")]
fn chains_of_generated_sets_are_those_that_consul_compiles() {
    let (consul, folder) = (Consul::start("chains"), Folder::new("chains"));
    let (asked, sets, first) = (asked(&consul), number("GW_SETS", 60), number("GW_SEED", 0));
    let (mut tally, mut seed) = (Tally::default(), first);
    while tally.written < sets {
        let mut random = Random::new(seed + 77_000);
        let change: ChangeSet = match changes(&asked, &wanted(&folder, &set(&mut random))) {
            Ok(set) if set.is_sound(false) => set,
            Ok(set) if set.problems.is_empty() => panic!("seed {seed}: a sound set in no order: {:?}", set.steps),
            Ok(_) | Err(ChangeError::Inputs(_)) => {
                (tally.refused, seed) = (tally.refused + 1, seed + 1);
                assert!(tally.refused < 50 * sets, "{tally:?}");
                continue;
            }
            Err(error) => panic!("seed {seed}: {error:?}"),
        };
        let mut deeds = Vec::new();
        apply::apply(&asked, &change, |deed| deeds.push(deed.to_string())).unwrap_or_else(|e| panic!("seed {seed}: {e:?} after {deeds:?}"));
        tally.steps += deeds.len();
        tally.aside += deeds.iter().filter(|d| d.starts_with("set aside")).count();
        for service in SERVICES {
            let mut question = ChainQuestion { service: service.to_owned(), ..ChainQuestion::default() };
            if random.chance(15) {
                question.datacenter = Some("dc2".to_owned());
            }
            if random.chance(15) {
                question.mesh_gateway = Some((*random.pick(&["local", "remote"])).to_owned());
            }
            if random.chance(10) {
                question.protocol = Some("tcp".to_owned());
            }
            let verified = verify(&asked, &question).unwrap_or_else(|e| panic!("seed {seed}: {question:?}: {e:?}"));
            let differs: Vec<_> = verified.differs.iter().filter(|d| d.class.is_none()).collect();
            assert!(differs.is_empty() && verified.unread.is_empty(), "seed {seed}: {question:?}: {differs:#?} {:?}", verified.unread);
            tally.chains += 1;
            for class in verified.differs.iter().filter_map(|d| d.class) {
                *tally.explained.entry(format!("{class:?}")).or_default() += 1;
            }
        }
        (tally.written, seed) = (tally.written + 1, seed + 1);
    }
    println!("{tally:#?}");
}
