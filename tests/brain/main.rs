//! The brain against a naive one: for piles of generated entry sets and requests, what the indexed and compiled snapshot plans is
//! what an evaluator written straight from the semantics, without index or compilation, comes to.
//!
//! `GW_SEEDS=1000 cargo test --test brain` widens the sweep, `GW_SEED=N` replays one seed.

mod corpus;
mod generate;
mod intentions;
mod mesh;
mod naive;
mod order;
mod recorded;
mod servers;
mod tables;
mod wire;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use gw::decide::Snapshot;
use gw::decide::balance::{Dice, Idle};
use gw::decide::compile::{Compiler, compile};
use gw::decide::facts::{Facts, RequestHead};
use gw::decide::graph::{Checker, check_set};
use gw::decide::plan::{Plan, Refusal};
use gw::decide::snapshot::Next;
use gw::decide::witness::{Step, Witness};
use gw::id::ListenerName;

use generate::{Random, Request, World};

/// Shows one number.
struct Fixed(u32);

impl Dice for Fixed {
    fn roll(&mut self, sides: u32) -> u32 {
        self.0 % sides
    }
}

fn ask(snapshot: &Snapshot, request: &Request, roll: u32, witness: &mut impl Witness) -> Result<Plan, Refusal> {
    with_facts(request, |facts| snapshot.plan(facts, &Idle, &mut Fixed(roll), witness))
}

fn with_facts<T>(request: &Request, then: impl FnOnce(&Facts<'_>) -> T) -> T {
    let head = RequestHead {
        method: &request.method,
        authority: &request.authority,
        target: &request.target,
        scheme: "http",
        headers: &request.headers,
    };
    let here: SocketAddr = ([127, 0, 0, 1], 8080).into();
    let listener = ListenerName::of("edge", 8080);
    then(&Facts { listener: &listener, client: here, local: here, sni: None, peer: None, request: Some(head) })
}

fn seeds() -> Vec<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    match number("GW_SEED") {
        Some(seed) => vec![seed],
        None => (0..number("GW_SEEDS").unwrap_or(300)).collect(),
    }
}

/// Every roll at which the outcome of some splitter changes: one question at each of them asks them all.
fn boundaries(snapshot: &Snapshot) -> BTreeSet<u32> {
    let services = snapshot.listeners.values().flat_map(|l| &l.services);
    let ends = services.flat_map(|s| s.routes.rules()).filter_map(|r| if let Next::Split(split) = &r.next { Some(split) } else { None });
    ends.flat_map(|split| split.legs.iter().map(|(end, ..)| *end)).chain([0]).collect()
}

/// What can happen to a request, with its share in hundredths of a percent.
fn shares(snapshot: &Snapshot, request: &Request) -> BTreeMap<String, f64> {
    let total = with_facts(request, |facts| split_sides(snapshot, facts));
    let rolls: Vec<u32> = boundaries(snapshot).into_iter().filter(|roll| *roll < total).collect();
    let mut shares = BTreeMap::new();
    for (n, roll) in rolls.iter().enumerate() {
        let outcome = match ask(snapshot, request, *roll, &mut ()) {
            Ok(plan) => describe(&plan, request),
            Err(refusal) => refusal.code.as_str().to_owned(),
        };
        let width = rolls.get(n + 1).unwrap_or(&total) - roll;
        *shares.entry(outcome).or_insert(0.0) += f64::from(width) * 10000.0 / f64::from(total);
    }
    shares
}

/// Of how many numbers the dice are thrown for this request; 1 where no splitter stands on the way.
fn split_sides(snapshot: &Snapshot, facts: &Facts<'_>) -> u32 {
    let mut steps: Vec<Step> = Vec::new();
    let _ = snapshot.plan(facts, &Idle, &mut Fixed(0), &mut steps);
    steps.iter().find_map(|s| if let Step::Split { of, .. } = s { Some(*of) } else { None }).unwrap_or(1)
}

fn describe(plan: &Plan, request: &Request) -> String {
    let path = plan.rewritten.as_ref().unwrap_or(&request.target);
    let mut instances: Vec<&str> = plan.hops().filter(|(t, _)| t.id == plan.first_target().id).map(|(_, e)| e.id.as_str()).collect();
    instances.sort_unstable();
    instances.dedup();
    format!("{} -> {} [{}] {path}", plan.route.rule, plan.first_target().id, instances.join(" "))
}

#[test]
fn what_is_planned_is_what_the_naive_evaluator_comes_to() {
    let (mut asked, mut forwarded) = (0, 0);
    for seed in seeds() {
        let mut random = Random::new(seed);
        let world = World::generate(&mut random);
        let snapshot = compile(&world.resources());
        for step in 0..20 {
            let request = Request::generate(&mut random);
            let planned = shares(&snapshot, &request);
            let wanted = naive::evaluate(&world, &request);
            let context = format!("seed {seed}, step {step}: {request:?}\n{world}\nplanned {planned:?}\nwanted {wanted:?}");
            assert_eq!(planned.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>(), "{context}");
            for (outcome, share) in &planned {
                // Every fold of a splitter rounds to a hundredth of a percent.
                assert!((share - wanted[outcome]).abs() <= 8.0, "{outcome}: {context}");
            }
            asked += 1;
            forwarded += usize::from(planned.keys().any(|k| k.contains(" -> ")));
        }
    }
    assert!(forwarded * 4 > asked, "too few of the generated requests go anywhere: {forwarded} of {asked}");
}

#[test]
fn a_witness_changes_nothing_and_sees_every_miss_before_the_route() {
    for seed in seeds() {
        let mut random = Random::new(seed);
        let world = World::generate(&mut random);
        let snapshot = compile(&world.resources());
        for step in 0..20 {
            let request = Request::generate(&mut random);
            let roll = random.below(10_000);
            let mut steps: Vec<Step> = Vec::new();
            let watched = ask(&snapshot, &request, roll, &mut steps);
            let unwatched = ask(&snapshot, &request, roll, &mut ());
            match (&watched, &unwatched) {
                (Ok(a), Ok(b)) => assert_eq!(describe(a, &request), describe(b, &request), "seed {seed}, step {step}"),
                (Err(a), Err(b)) => assert_eq!(a.code, b.code, "seed {seed}, step {step}"),
                _ => panic!("seed {seed}, step {step}: watched {watched:?}, unwatched {unwatched:?}"),
            }
            let mut missed = Vec::new();
            for step in &steps {
                match step {
                    Step::Missed { rule, why } => {
                        assert!(!why.is_empty(), "seed {seed}: {rule} was missed for no reason");
                        missed.push(rule.clone());
                    }
                    Step::Route { rule } => {
                        assert!(!missed.contains(rule), "seed {seed}: {rule} was missed and taken");
                        if let Some(at) = rule.find("Routes[") {
                            let number: usize = rule[at + 7..].trim_end_matches(']').parse().expect("a number");
                            assert_eq!(missed.len(), number, "seed {seed}: every earlier route is a near miss");
                        }
                    }
                    _ => {}
                }
            }
        }
    }
}

#[test]
fn a_change_on_top_of_the_last_state_plans_as_if_compiled_from_nothing() {
    for seed in seeds() {
        let mut random = Random::new(seed);
        let mut world = World::generate(&mut random);
        let mut compiler = Compiler::default();
        compiler.compile(&world.resources());
        let mut checker = Checker::default();
        checker.check_set(&world.resources().entries);
        for step in 0..6 {
            world.change(&mut random);
            let entries = world.resources().entries;
            assert_eq!(checker.check_set(&entries), check_set(&entries), "seed {seed}, step {step}\n{world}");
            let changed = compiler.compile(&world.resources());
            let fresh = compile(&world.resources());
            assert_eq!(changed.rejected, fresh.rejected, "seed {seed}, step {step}");
            for _ in 0..10 {
                let request = Request::generate(&mut random);
                let (a, b) = (shares(&changed, &request), shares(&fresh, &request));
                assert_eq!(a, b, "seed {seed}, step {step}: {request:?}\n{world}");
            }
        }
    }
}
