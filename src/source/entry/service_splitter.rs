//! service-splitter: field table, normalization, validation (semantics 3.2).

use std::sync::Arc;

use super::check::Check;
use super::codes;
use super::common;
use super::fields::fields;
use super::kind::Kind;
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
            sum = sum.saturating_add(scaled(split.weight));
            if self.splits[..i].iter().any(|earlier| self.same_destination(earlier, split)) {
                let message = format!("split destination occurs more than once: {}", self.destination(split));
                check.error(codes::DUPLICATE, &place, message);
            }
            common::header_edits(split.request_headers.as_ref(), &format!("{place}.RequestHeaders"), check);
            common::header_edits(split.response_headers.as_ref(), &format!("{place}.ResponseHeaders"), check);
        }
        if sum != 100 * 100 {
            let message = format!("the sum of all split weights must be 100, not {:.2}", sum as f64 / 100.0);
            check.error(codes::SPLIT_SUM, "Splits", message);
        }
    }

    fn common(&self) -> &Common {
        &self.common
    }

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
    f64::from(weight * 100.0).round() as i64
}
