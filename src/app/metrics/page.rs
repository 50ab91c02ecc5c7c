//! A scrape on its way: values by metric, written as Prometheus or OpenMetrics want them.

use std::collections::BTreeMap;
use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, prometheus_text, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::Registry;

use super::table::{Kind, METRICS, Metric};
use crate::admin::Exposition;

/// What a scrape says.
#[derive(Debug, Default)]
pub(super) struct Page(BTreeMap<&'static str, Vec<Sample>>);

#[derive(Debug)]
struct Sample {
    labels: Vec<(&'static str, String)>,
    value: Value,
}

#[derive(Debug)]
enum Value {
    Whole(u64),
    Real(f64),
    Classes { sum: f64, count: u64, classes: Vec<(f64, u64)> },
}

impl Page {
    /// How many there are. Labels that are empty are as if they were not there.
    pub(super) fn count(&mut self, metric: &'static Metric, labels: &[&str], n: u64) {
        self.add(metric, labels, Value::Whole(n));
    }

    /// How much it is.
    pub(super) fn real(&mut self, metric: &'static Metric, labels: &[&str], value: f64) {
        self.add(metric, labels, Value::Real(value));
    }

    /// How many were in each class, by the upper end of it; the last one has none.
    pub(super) fn classes(&mut self, metric: &'static Metric, labels: &[&str], sum: f64, classes: Vec<(f64, u64)>) {
        let count = classes.iter().map(|(_, n)| n).sum();
        self.add(metric, labels, Value::Classes { sum, count, classes });
    }

    fn add(&mut self, metric: &'static Metric, labels: &[&str], value: Value) {
        debug_assert_eq!(metric.labels.len(), labels.len(), "{}", metric.name);
        let labels = metric.labels.iter().zip(labels).filter(|(_, value)| !value.is_empty());
        let labels = labels.map(|(name, value)| (*name, (*value).to_owned())).collect();
        self.0.entry(metric.name).or_default().push(Sample { labels, value });
    }

    /// As text, and its type.
    pub(super) fn text(self, form: Exposition) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut out = String::new();
        let written = match form {
            Exposition::Prometheus => prometheus_text::encode(&mut out, &registry),
            Exposition::OpenMetrics => text::encode(&mut out, &registry),
        };
        debug_assert!(written.is_ok(), "writing to a String");
        out
    }
}

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for metric in METRICS {
            let Some(samples) = self.0.get(metric.name) else { continue };
            // The encoder writes the `_total` itself.
            let (name, kind) = match metric.kind {
                Kind::Counter => (metric.name.trim_end_matches("_total"), MetricType::Counter),
                Kind::Gauge => (metric.name, MetricType::Gauge),
                Kind::Histogram => (metric.name, MetricType::Histogram),
            };
            let mut family = encoder.encode_descriptor(name, metric.help, None, kind)?;
            for Sample { labels, value } in samples {
                let mut one = family.encode_family(labels)?;
                match (value, metric.kind) {
                    (Value::Classes { sum, count, classes }, _) => {
                        one.encode_histogram::<[(&str, &str); 0]>(*sum, *count, classes, None)?
                    }
                    (Value::Whole(n), Kind::Counter) => one.encode_counter(n, NO_EXEMPLAR)?,
                    (Value::Real(n), Kind::Counter) => one.encode_counter(n, NO_EXEMPLAR)?,
                    (Value::Whole(n), _) => one.encode_gauge(n)?,
                    (Value::Real(n), _) => one.encode_gauge(n)?,
                }
            }
        }
        Ok(())
    }
}

const NO_EXEMPLAR: Option<&Exemplar<[(&str, &str); 0], f64>> = None;
