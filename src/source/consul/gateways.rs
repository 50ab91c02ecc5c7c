//! The mesh gateways of all datacenters: as they were told of last, and for a while those of which nobody tells any more.

use std::collections::BTreeMap;

use super::convert::{self, LeftOut};
use super::wire::{GatewaysAnswer, HealthRow, Nullable};
use crate::model::federation::Federation;
use crate::model::service::Health;

/// What is known of mesh gateways.
#[derive(Debug, Default)]
pub struct Gateways {
    /// As it came: which of their addresses counts hangs on the own datacenter, which may be said later.
    told: Option<GatewaysAnswer>,
    /// Counts the answers.
    answers: u64,
    /// The last ones of datacenters of which none is told any more, each with the number of the answer since when.
    spared: BTreeMap<String, (u64, Vec<HealthRow>)>,
    refused: bool,
}

impl Gateways {
    /// An answer, seen from a datacenter. False: they are as they were.
    pub(super) fn told(&mut self, answer: &GatewaysAnswer, own: &str) -> bool {
        let read = |answer: &GatewaysAnswer| {
            let mut left_out = Vec::new();
            (convert::mesh_gateways(answer, own, &mut left_out), left_out)
        };
        let same = self.told.as_ref().is_some_and(|before| read(before) == read(answer));
        self.answers += 1;
        let is_told = |datacenter: &String| answer.get(datacenter).is_some_and(|rows| !rows.0.is_empty());
        self.spared.retain(|datacenter, _| !is_told(datacenter));
        for (datacenter, Nullable(rows)) in self.told.replace(answer.clone()).unwrap_or_default() {
            if !rows.is_empty() && !is_told(&datacenter) {
                self.spared.insert(datacenter, (self.answers, rows));
            }
        }
        !same
    }

    /// Whether they were told of.
    pub const fn is_known(&self) -> bool {
        self.told.is_some()
    }

    /// The agent cannot tell of any: it is in a secondary that has not found its primary. False: that is known.
    pub const fn refused(&mut self) -> bool {
        !std::mem::replace(&mut self.refused, true)
    }

    /// Whether there is nothing to wait for: they were told of, or cannot be.
    pub const fn is_answered(&self) -> bool {
        self.is_known() || self.refused
    }

    /// The number of the last answer, if there are some that are kept though it tells of them no more: who is restarted takes itself back
    /// and is there again before every datacenter has heard of either.
    pub fn spares(&self) -> Option<u64> {
        (!self.spared.is_empty()).then_some(self.answers)
    }

    /// Forgets those that were told of no more in that answer, or an earlier one. False: there are none.
    pub fn forget_spared(&mut self, answer: u64) -> bool {
        let before = self.spared.len();
        self.spared.retain(|_, (since, _)| *since > answer);
        self.spared.len() != before
    }

    /// All of them, seen from a datacenter.
    pub(super) fn federation(&self, own: &str, left_out: &mut Vec<LeftOut>) -> Federation {
        let mut federation = self.told.as_ref().map(|all| convert::mesh_gateways(all, own, left_out)).unwrap_or_default();
        for (datacenter, (_, rows)) in &self.spared {
            let kept = GatewaysAnswer::from([(datacenter.clone(), Nullable(rows.clone()))]);
            // What is wrong with them was told before.
            let kept = convert::mesh_gateways(&kept, own, &mut Vec::new()).datacenters.into_iter();
            federation.datacenters.extend(kept.map(|(name, mut known)| {
                known.gateways.iter_mut().for_each(|gateway| gateway.health = Health::Critical);
                (name, known)
            }));
        }
        federation
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A gateway of a datacenter, with an address for others.
    fn gateway(datacenter: &str, id: &str) -> HealthRow {
        serde_json::from_value(json!({
            "Node": {"Node": "n1", "Address": "10.0.0.1", "Datacenter": datacenter},
            "Service": {"Kind": "mesh-gateway", "ID": id, "Service": id, "Port": 8443,
                "TaggedAddresses": {"wan": {"Address": "192.0.2.1", "Port": 8443}}},
        }))
        .unwrap()
    }

    fn answer(datacenter: &str, rows: Vec<HealthRow>) -> GatewaysAnswer {
        GatewaysAnswer::from([(datacenter.to_owned(), Nullable(rows))])
    }

    #[test]
    fn those_of_the_own_datacenter_have_their_addresses_there_whether_that_was_said_before_or_after() {
        let mut gateways = Gateways::default();
        let all = answer("dc1", vec![gateway("dc1", "gw")]);
        assert!(!gateways.is_known() && gateways.told(&all, "") && !gateways.told(&all, ""));
        for (own, address) in [("dc1", "10.0.0.1:8443"), ("dc2", "192.0.2.1:8443")] {
            assert_eq!(gateways.federation(own, &mut Vec::new()).gateways("dc1")[0].address.to_string(), address);
        }
    }

    #[test]
    fn the_last_gateway_of_a_datacenter_is_kept_for_a_while_when_it_is_not_told_of_any_more() {
        let mut gateways = Gateways::default();
        let (one, other) = (gateway("dc2", "one"), gateway("dc2", "other"));
        let seen = |gateways: &Gateways| {
            let federation = gateways.federation("dc1", &mut Vec::new());
            let all: Vec<String> = federation.gateways("dc2").iter().map(|g| format!("{} {}", g.id, g.health.as_str())).collect();
            all.join(", ")
        };
        gateways.told(&answer("dc2", vec![one.clone(), other.clone()]), "dc1");
        assert!(gateways.told(&answer("dc2", vec![other.clone()]), "dc1"));
        assert_eq!((seen(&gateways).as_str(), gateways.spares()), ("n1/other passing", None), "one is left");

        for gone in [answer("dc2", Vec::new()), GatewaysAnswer::new()] {
            gateways.told(&answer("dc2", vec![other.clone()]), "dc1");
            assert!(gateways.told(&gone, "dc1"));
            assert_eq!(seen(&gateways), "n1/other critical", "the last resort");
            let first = gateways.spares().expect("one is kept");
            // It is back, and goes again, before the first time is over.
            assert!(gateways.told(&answer("dc2", vec![one.clone()]), "dc1"));
            assert_eq!((seen(&gateways).as_str(), gateways.spares()), ("n1/one passing", None));
            assert!(gateways.told(&gone, "dc1") && !gateways.forget_spared(first));
            assert_eq!(seen(&gateways), "n1/one critical");
            let second = gateways.spares().expect("one is kept");
            gateways.told(&gone, "dc1");
            assert!(gateways.forget_spared(second) && !gateways.forget_spared(second));
            assert_eq!((seen(&gateways).as_str(), gateways.spares()), ("", None));
        }
    }
}
