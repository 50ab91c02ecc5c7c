//! A scrape on its way: its text, by metric, as Prometheus (text format 0.0.4) or OpenMetrics (1.0) want it. It is written as it is said,
//! for with many services there are thousands of lines.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::table::{Kind, METRICS, Metric};
use crate::admin::Exposition;

/// What a scrape says.
#[derive(Debug)]
pub(super) struct Page {
    form: Exposition,
    /// The lines of each metric.
    lines: BTreeMap<&'static str, String>,
}

impl Page {
    /// Nothing yet.
    pub(super) const fn of(form: Exposition) -> Self {
        Self { form, lines: BTreeMap::new() }
    }

    /// How many there are. Labels that are empty are as if they were not there.
    pub(super) fn count(&mut self, metric: &'static Metric, labels: &[&str], n: u64) {
        self.add(metric, labels, |lines, labels| line(lines, metric.name, "", labels, n));
    }

    /// How much it is.
    pub(super) fn real(&mut self, metric: &'static Metric, labels: &[&str], value: f64) {
        self.add(metric, labels, |lines, labels| line(lines, metric.name, "", labels, format_args!("{value:?}")));
    }

    /// How many were in each class, by the upper end of it; the last one has none.
    pub(super) fn classes(&mut self, metric: &'static Metric, labels: &[&str], sum: f64, classes: &[(f64, u64)]) {
        let form = self.form;
        self.add(metric, labels, |lines, labels| {
            let comma = if labels.is_empty() { "" } else { "," };
            let (mut end_of, mut count) = (String::new(), 0);
            for (end, n) in classes {
                count += n;
                end_of.clear();
                // Memory takes it.
                let _ = match (end.is_finite(), form) {
                    (false, _) => write!(end_of, "{labels}{comma}le=\"+Inf\""),
                    (true, Exposition::Prometheus) => write!(end_of, "{labels}{comma}le=\"{end}\""),
                    // There a number that is none of its own kind has its point.
                    (true, Exposition::OpenMetrics) => write!(end_of, "{labels}{comma}le=\"{end:?}\""),
                };
                line(lines, metric.name, "_bucket", &end_of, count);
            }
            line(lines, metric.name, "_sum", labels, format_args!("{sum:?}"));
            line(lines, metric.name, "_count", labels, count);
        });
    }

    fn add(&mut self, metric: &'static Metric, labels: &[&str], write: impl FnOnce(&mut String, &str)) {
        debug_assert_eq!(metric.labels.len(), labels.len(), "{}", metric.name);
        let mut text = String::new();
        for (name, value) in metric.labels.iter().zip(labels).filter(|(_, value)| !value.is_empty()) {
            if !text.is_empty() {
                text.push(',');
            }
            text.push_str(name);
            text.push_str("=\"");
            escape(value, &mut text);
            text.push('"');
        }
        write(self.lines.entry(metric.name).or_default(), &text);
    }

    /// All of it.
    pub(super) fn text(self) -> String {
        let Self { form, lines } = self;
        let mut out = String::with_capacity(lines.values().map(|lines| lines.len() + 256).sum());
        for metric in METRICS {
            let Some(lines) = lines.get(metric.name) else { continue };
            let name = match (form, metric.kind) {
                // A counter is called there without the ending of its line.
                (Exposition::OpenMetrics, Kind::Counter) => metric.name.trim_end_matches("_total"),
                _ => metric.name,
            };
            let _ = write!(out, "# HELP {name} {}\n# TYPE {name} {}\n", metric.help, metric.kind.as_str());
            out.push_str(lines);
        }
        if form == Exposition::OpenMetrics {
            out.push_str("# EOF\n");
        }
        out
    }
}

/// `gw_workers{..} 2`
fn line(out: &mut String, name: &str, ending: &str, labels: &str, value: impl std::fmt::Display) {
    out.push_str(name);
    out.push_str(ending);
    if !labels.is_empty() {
        out.push('{');
        out.push_str(labels);
        out.push('}');
    }
    let _ = writeln!(out, " {value}");
}

/// The value of a label between its quotes.
fn escape(value: &str, out: &mut String) {
    if !value.contains(['\\', '"', '\n']) {
        return out.push_str(value);
    }
    for c in value.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\\' | '"' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::table as m;
    use super::*;

    fn told(form: Exposition) -> String {
        let mut page = Page::of(form);
        page.classes(&m::TCP_DURATION, &["edge", "edge:1", "we\"b\\\n", "", "dc1", ""], 1.5, &[(0.005, 1), (10.0, 0), (f64::INFINITY, 2)]);
        page.count(&m::RELOADS, &["changed"], 7);
        page.real(&m::RELOAD_AT, &[], 1_700_000_000.0);
        page.text()
    }

    #[test]
    fn a_page_is_this_text_in_either_form() {
        let buckets = |small: &str, large: &str| {
            let labels = "gateway=\"edge\",listener=\"edge:1\",service=\"we\\\"b\\\\\\n\",datacenter=\"dc1\"";
            let name = m::TCP_DURATION.name;
            format!(
                "# HELP {name} {}\n# TYPE {name} histogram\n{name}_bucket{{{labels},le=\"{small}\"}} 1\n{name}_bucket{{{labels},le=\"{large}\"}} 1\n\
                 {name}_bucket{{{labels},le=\"+Inf\"}} 3\n{name}_sum{{{labels}}} 1.5\n{name}_count{{{labels}}} 3\n",
                m::TCP_DURATION.help
            )
        };
        let rest = |counter: &str| {
            format!(
                "# HELP {counter} {}\n# TYPE {counter} counter\ngw_config_reloads_total{{result=\"changed\"}} 7\n\
                 # HELP gw_config_last_reload_timestamp_seconds {}\n# TYPE gw_config_last_reload_timestamp_seconds gauge\n\
                 gw_config_last_reload_timestamp_seconds 1700000000.0\n",
                m::RELOADS.help,
                m::RELOAD_AT.help
            )
        };
        assert_eq!(told(Exposition::Prometheus), buckets("0.005", "10") + &rest("gw_config_reloads_total"));
        assert_eq!(told(Exposition::OpenMetrics), buckets("0.005", "10.0") + &rest("gw_config_reloads") + "# EOF\n");
    }
}
