//! service-splitter: field table, normalization, validation (semantics 3.2).

use std::sync::Arc;

use super::check::Check;
use super::codes;
use super::common;
use super::fields::fields;
use super::kind::{Acted, Kind};
use super::scalar::go_int;
use crate::model::entry::*;

fields!(ServiceSplitter {
    common.name: "Name"; keep,
    splits: "Splits"; keep,
    common.meta: "Meta",
});

impl Kind for ServiceSplitter {
    fn normalize(&mut self) {
        for split in &mut self.splits {
            split.weight = rounded(split.weight);
        }
    }

    fn validate(&self, check: &mut Check<'_>) {
        if self.splits.is_empty() {
            check.error(codes::EMPTY, "Splits", "a splitter needs at least one split");
            return;
        }
        let mut sum: i64 = 0;
        for (i, split) in self.splits.iter().enumerate() {
            let place = format!("Splits[{i}]");
            sum = sum.wrapping_add(scaled(split.weight));
            if self.splits[..i].iter().any(|earlier| self.same_destination(earlier, split)) {
                let message = format!("split destination occurs more than once: {}", self.destination(split));
                check.error(codes::DUPLICATE, &place, message);
            }
            common::header_edits(split.request_headers.as_ref(), format_args!("{place}.RequestHeaders"), check);
            common::header_edits(split.response_headers.as_ref(), format_args!("{place}.ResponseHeaders"), check);
        }
        if sum != 100 * 100 {
            let message = format!("the sum of all split weights must be 100, not {:.2}", sum as f64 / 100.0);
            check.error(codes::SPLIT_SUM, "Splits", message);
        }
    }

    fn common(&self) -> &Common {
        &self.common
    }
}

impl Acted for ServiceSplitter {
    fn entry(self) -> ConfigEntry {
        ConfigEntry::ServiceSplitter(Arc::new(self))
    }
}

impl ServiceSplitter {
    fn service<'a>(&'a self, split: &'a ServiceSplit) -> &'a str {
        if split.service.is_empty() { &self.common.name } else { &split.service }
    }

    fn destination(&self, split: &ServiceSplit) -> String {
        let subset = &split.service_subset;
        format!("service={:?}, subset={subset:?}", self.service(split))
    }

    /// Consul compares everything but the weight, header edits by their address: with edits no two legs are the same.
    fn same_destination(&self, a: &ServiceSplit, b: &ServiceSplit) -> bool {
        let edits = |s: &ServiceSplit| s.request_headers.is_some() || s.response_headers.is_some();
        let key = |s: &'_ ServiceSplit| (s.service_subset.clone(), s.namespace.clone(), s.partition.clone());
        !edits(a) && !edits(b) && self.service(a) == self.service(b) && key(a) == key(b)
    }
}

fields!(ServiceSplit {
    weight: "Weight"; keep,
    service: "Service",
    service_subset: "ServiceSubset" ~ "service_subset",
    namespace: "Namespace",
    partition: "Partition",
    request_headers: "RequestHeaders" ~ "request_headers",
    response_headers: "ResponseHeaders" ~ "response_headers",
});

/// A weight in steps of 0.01, halves away from zero.
fn rounded(weight: f32) -> f32 {
    scaled(weight) as f32 / 100.0
}

/// A weight in hundredths.
fn scaled(weight: f32) -> i64 {
    go_int(f64::from(weight * 100.0).round())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::source::entry::from_json;

    fn judged(splits: Value) -> Result<Value, &'static str> {
        let entry = json!({"Kind": "service-splitter", "Name": "web", "Splits": splits});
        from_json(&entry).map(|d| d.stored()["Splits"].clone()).map_err(|problems| problems[0].code)
    }

    #[test]
    fn weights_are_rounded_to_hundredths_and_must_sum_to_100() {
        for (weights, accepted) in [
            (&[100.0][..], true),
            (&[99.995], true),
            (&[33.33, 33.33, 33.33], false),
            (&[33.33, 33.33, 33.34], true),
            (&[0.005, 99.99], true),
            (&[-1.0, 101.0], true),
            (&[50.0], false),
            (&[1e300], false),
            (&[1e15, -1e15, 100.0], true),
        ] {
            let splits: Vec<Value> = weights.iter().enumerate().map(|(i, w)| json!({"Weight": w, "Service": format!("s{i}")})).collect();
            assert_eq!(
                judged(json!(splits)).map(|_| true).or_else(|code| if code == "GW0207" { Ok(false) } else { Err(code) }),
                Ok(accepted),
                "{weights:?}"
            );
        }
        assert_eq!(judged(json!([])), Err("GW0214"));
        assert_eq!(judged(json!([{"Weight": 99.995}])).map(|s| s[0]["Weight"].clone()), Ok(json!(100)));
    }

    #[test]
    fn a_destination_may_stand_once_unless_it_has_header_edits() {
        assert_eq!(judged(json!([{"Weight": 50}, {"Weight": 50, "Service": "web"}])), Err("GW0206"));
        assert!(judged(json!([{"Weight": 50}, {"Weight": 50, "RequestHeaders": {}}])).is_ok());
        assert!(judged(json!([{"Weight": 50, "Service": "WEB"}, {"Weight": 50}])).is_ok());
    }
}
