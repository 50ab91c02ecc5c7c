//! A scrape on its way: values by metric, written as Prometheus or OpenMetrics want them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabel, EncodeLabelSet, LabelSetEncoder, prometheus_text, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::Registry;

use super::table::{Kind, METRICS, Metric};
use crate::admin::Exposition;
use crate::id::Table;

/// What a scrape says, by the name of the metric.
#[derive(Debug, Default)]
pub(super) struct Page(Table<&'static str, Vec<Sample>>);

/// What is said under the same labels.
#[derive(Debug)]
pub(super) struct Place<'p> {
    page: &'p mut Page,
    names: &'static [&'static str],
    labels: Arc<Labels>,
}

#[derive(Debug)]
struct Sample {
    labels: Arc<Labels>,
    /// By the last label of the metric, where samples of one place differ in it.
    by: Option<&'static str>,
    value: Value,
}

#[derive(Debug)]
enum Value {
    Whole(u64),
    Real(f64),
    /// The sum, and how many were in each class, by the upper end of it.
    Classes(f64, Vec<(f64, u64)>),
}

/// Labels as they are exposed. The library writes them name by name, for each sample, and for each class of a histogram once more: so that for
/// it all but the value of the last one are a single name, in which everything is written already.
#[derive(Debug)]
struct Labels {
    /// `gateway="edge",listener="edge:8080",service`
    front: String,
    /// The last value, which the library puts in its quotes.
    last: String,
}

impl Labels {
    /// Labels that are empty are as if they were not there.
    fn of(names: &[&'static str], values: &[&str]) -> Self {
        let mut told = names.iter().zip(values).filter(|(_, value)| !value.is_empty()).peekable();
        let (mut front, mut last) = (String::with_capacity(128), "");
        while let Some((name, value)) = told.next() {
            front.push_str(name);
            if told.peek().is_none() {
                last = value;
                break;
            }
            front.push_str("=\"");
            escape(value, &mut front);
            front.push_str("\",");
        }
        Self { front, last: last.to_owned() }
    }
}

/// What would end a value, or its line, as the library writes it.
fn escape(value: &str, out: &mut String) {
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
}

/// The labels of a sample.
struct Told<'s>(&'s Labels, Option<(&'static str, &'static str)>);

impl EncodeLabelSet for Told<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), fmt::Error> {
        let Self(Labels { front, last }, by) = self;
        if !front.is_empty() {
            (front.as_str(), last.as_str()).encode(encoder.encode_label())?;
        }
        by.map_or(Ok(()), |by| by.encode(encoder.encode_label()))
    }
}

impl Page {
    /// Where the samples with these labels stand.
    pub(super) fn at(&mut self, names: &'static [&'static str], values: &[&str]) -> Place<'_> {
        debug_assert_eq!(names.len(), values.len(), "{names:?}");
        Place { page: self, names, labels: Arc::new(Labels::of(names, values)) }
    }

    /// How many there are.
    pub(super) fn count(&mut self, metric: &'static Metric, labels: &[&str], n: u64) {
        self.at(metric.labels, labels).count(metric, n);
    }

    /// How much it is.
    pub(super) fn real(&mut self, metric: &'static Metric, labels: &[&str], value: f64) {
        self.at(metric.labels, labels).add(metric, None, Value::Real(value));
    }

    /// As text, and its type.
    pub(super) fn text(self, form: Exposition) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        // As long as the last one, or little longer: to grow there step by step would copy most of it.
        let last = LAST.load(Ordering::Relaxed);
        let mut out = String::with_capacity(last + last / 16);
        let written = match form {
            Exposition::Prometheus => prometheus_text::encode(&mut out, &registry),
            Exposition::OpenMetrics => text::encode(&mut out, &registry),
        };
        debug_assert!(written.is_ok(), "writing to a String");
        LAST.store(out.len(), Ordering::Relaxed);
        out
    }
}

impl Place<'_> {
    /// How many there are.
    pub(super) fn count(&mut self, metric: &'static Metric, n: u64) {
        self.add(metric, None, Value::Whole(n));
    }

    /// How many there are by the last label of the metric.
    pub(super) fn count_by(&mut self, metric: &'static Metric, by: &'static str, n: u64) {
        self.add(metric, Some(by), Value::Whole(n));
    }

    /// How many were in each class, by the upper end of it; the last one has none.
    pub(super) fn classes(&mut self, metric: &'static Metric, sum: f64, classes: Vec<(f64, u64)>) {
        self.add(metric, None, Value::Classes(sum, classes));
    }

    fn add(&mut self, metric: &'static Metric, by: Option<&'static str>, value: Value) {
        let own = metric.labels.len() - usize::from(by.is_some());
        debug_assert_eq!(&metric.labels[..own], self.names, "{}", metric.name);
        self.page.0.entry(metric.name).or_default().push(Sample { labels: self.labels.clone(), by, value });
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
            for Sample { labels, by, value } in samples {
                let told = Told(labels, metric.labels.last().copied().zip(*by));
                let mut one = family.encode_family(&told)?;
                match (value, metric.kind) {
                    (Value::Classes(sum, classes), _) => {
                        let count = classes.iter().map(|(_, n)| n).sum();
                        one.encode_histogram::<[(&str, &str); 0]>(*sum, count, classes, None)?
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

/// How long the last page was.
static LAST: AtomicUsize = AtomicUsize::new(0);

const NO_EXEMPLAR: Option<&Exemplar<[(&str, &str); 0], f64>> = None;

#[cfg(test)]
mod tests {
    use super::super::table::HTTP_REQUESTS;
    use super::*;

    /// The same labels as the library writes them, name by name.
    #[derive(Debug)]
    struct Plain(Vec<(&'static str, String)>);

    impl Collector for Plain {
        fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
            let mut family = encoder.encode_descriptor("gw_http_requests", HTTP_REQUESTS.help, None, MetricType::Counter)?;
            family.encode_family(&self.0)?.encode_counter(&7u64, NO_EXEMPLAR)
        }
    }

    #[test]
    fn labels_are_written_as_the_library_writes_them_whatever_is_in_them() {
        let hostile = ["", "web", "a\"b", "\\", "\n", "\\n\"", "ü}", "a=\"b\",c"];
        for n in 0..hostile.len().pow(3) {
            let value = |place: u32| hostile[n / hostile.len().pow(place) % hostile.len()];
            let values = ["edge", value(0), value(1), "", value(2), ""];
            let mut page = Page::default();
            page.at(&HTTP_REQUESTS.labels[..6], &values).count_by(&HTTP_REQUESTS, "ok", 7);
            let told = HTTP_REQUESTS.labels.iter().zip(values.into_iter().chain(["ok"])).filter(|(_, value)| !value.is_empty());
            let mut registry = Registry::default();
            registry.register_collector(Box::new(Plain(told.map(|(name, value)| (*name, value.to_owned())).collect())));
            let mut plain = String::new();
            prometheus_text::encode(&mut plain, &registry).unwrap();
            assert_eq!(page.text(Exposition::Prometheus), plain, "{values:?}");
        }
    }
}
