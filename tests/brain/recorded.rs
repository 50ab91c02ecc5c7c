//! Requests that Consul with Envoy answered, decided by the brain alone: which instances they may reach, on which path, or why none.

use std::collections::BTreeSet;

use gw::decide::compile::compile;
use gw::decide::facts::{Facts, RequestHead};
use gw::decide::{Snapshot, balance::Idle};
use gw::id::ListenerName;
use gw::model::service::Address;
use http::{HeaderName, Method};
use serde_json::Value;

use crate::corpus::{Places, cases, filled, header_pairs, headers_at_router, listener_of, resources, text};
use crate::{Fixed, boundaries, split_sides};

/// The groups of cases that are about routing; the others are about what the data path does with a plan.
const GROUPS: [&str; 11] = ["hosts", "path", "header", "query", "method", "rewrite", "resolver", "health", "split", "failover", "mix"];

/// Nothing listens anywhere: only the brain is asked.
const PLACES: Places<'static> = Places { port: &|n| 18_000 + n, instance: &|_| Address::Host("nowhere".to_owned(), 1) };

/// What the brain says: the instances that some roll reaches and the path they see, or the statuses of refusals.
#[derive(Debug, Default)]
struct Said {
    instances: BTreeSet<String>,
    paths: BTreeSet<String>,
    statuses: BTreeSet<u16>,
}

fn ask(snapshot: &Snapshot, listener: &ListenerName, request: &Value) -> Said {
    let method = Method::from_bytes(text(&request["method"]).as_bytes()).expect("a method");
    let headers = headers_at_router(request).expect("headers");
    let scheme = text(&headers["x-forwarded-proto"].to_str().expect("text").into());
    let (target, authority) = (text(&request["path"]), text(&request["authority"]));
    let head = RequestHead { method: &method, authority: &authority, target: &target, scheme: &scheme, headers: &headers };
    let here = ([127, 0, 0, 1], 1).into();
    let facts = Facts { listener, client: here, local: here, sni: None, peer: None, request: Some(head) };
    let mut said = Said::default();
    let sides = split_sides(snapshot, &facts);
    for roll in boundaries(snapshot).into_iter().filter(|roll| *roll < sides) {
        match snapshot.plan(&facts, &Idle, &mut Fixed(roll), &mut ()) {
            Ok(plan) => {
                let hops = plan.hops().filter(|(t, _)| t.id == plan.first_target().id);
                said.instances.extend(hops.map(|(_, e)| e.id.clone()));
                said.paths.insert(plan.rewritten.unwrap_or_else(|| target.clone()));
            }
            Err(refusal) => drop(said.statuses.insert(refusal.code.status())),
        }
    }
    said
}

/// Whether the exchange is a question for the brain: a request that reaches the router as it was sent.
fn is_question(case: &Value, exchange: &Value) -> bool {
    let (request, answer) = (filled(&exchange["request"], &PLACES), &exchange["answer"]);
    let refused_before = [400, 426, 431, 501, 0].iter().any(|s| answer["status"].as_u64() == Some(*s));
    let plain =
        request.get("raw").is_none() && request["authority"].is_string() && request["path"].as_str().is_some_and(|p| p.starts_with('/'));
    let pairs = header_pairs(&request);
    let odd_name = pairs.iter().any(|(name, _)| HeaderName::from_bytes(name.as_bytes()).is_err());
    let empty_proto = pairs.iter().any(|(name, value)| name == "x-forwarded-proto" && value.is_empty());
    // Where a Host has another port than the listener's, gw differs on purpose (docs/differences.md, host-port).
    let authority = text(&request["authority"]);
    let own_port = (PLACES.port)(listener_of(case, exchange)).to_string();
    let foreign_port = authority.rsplit_once(':').is_some_and(|(_, p)| p.chars().all(|c| c.is_ascii_digit()) && p != own_port);
    let refused_path = text(&request["path"]).contains(['#', '\t']) || text(&request["method"]) == "CONNECT";
    // What happens after the decision: an instance that refuses, a gRPC answer of the gateway's own.
    let refuses = case["instances"].as_array().into_iter().flatten().any(|i| i.get("closed").is_some());
    let grpc = answer["upstream"].is_null() && answer["status"] == 200;
    let tcp = case["entries"].to_string().contains("\"tcp\"");
    plain && !refused_before && !odd_name && !empty_proto && !foreign_port && !refused_path && !refuses && !grpc && !tcp
}

#[test]
fn recorded_requests_go_where_consul_with_envoy_sent_them() {
    let (mut asked, mut differences) = (0, Vec::new());
    for case in cases() {
        let group = text(&case["id"]).split('/').next().unwrap_or_default().to_owned();
        if !GROUPS.contains(&group.as_str()) {
            continue;
        }
        let snapshot = compile(&resources(&case, &PLACES));
        for exchange in case["exchanges"].as_array().into_iter().flatten().filter(|e| is_question(&case, e)) {
            asked += 1;
            let port = (PLACES.port)(listener_of(&case, exchange));
            let said = ask(&snapshot, &ListenerName::of("edge", port.into()), &filled(&exchange["request"], &PLACES));
            let answer = filled(&exchange["answer"], &PLACES);
            let upstream = &answer["upstream"];
            let status = answer["status"].as_u64().unwrap_or(0) as u16;
            let same = if upstream.is_null() {
                said.statuses.contains(&status)
            } else {
                let seen: BTreeSet<String> = upstream["instances"].as_array().into_iter().flatten().map(text).collect();
                seen.is_subset(&said.instances) && said.paths.contains(&text(&upstream["path"]))
            };
            if !same {
                differences.push(format!("{}: {} wanted {answer}\n    said {said:?}", case["id"], exchange["request"]));
            }
        }
    }
    assert!(asked > 1000, "only {asked} recorded requests are questions for the brain");
    assert!(differences.is_empty(), "{} of {asked} differ:\n{}", differences.len(), differences.join("\n"));
}
