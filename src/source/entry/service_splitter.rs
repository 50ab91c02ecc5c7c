//! service-splitter: field table, normalization, validation (semantics 3.2).

use std::sync::Arc;

use super::check::Check;
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

    fn validate(&self, _check: &mut Check<'_>) {}

    fn common(&self) -> &Common {
        &self.common
    }

    fn entry(self) -> ConfigEntry {
        ConfigEntry::ServiceSplitter(Arc::new(self))
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
