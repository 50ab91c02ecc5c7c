//! A strict reader of Prometheus' text format 0.0.4: what it does not know is an error.

use std::collections::{BTreeMap, BTreeSet};

/// A metric of a scrape.
#[derive(Debug)]
pub(crate) struct Family {
    pub(crate) help: String,
    pub(crate) kind: String,
    samples: Vec<Sample>,
}

#[derive(Debug)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

/// A scrape.
#[derive(Debug)]
pub(crate) struct Scrape(pub(crate) BTreeMap<String, Family>);

impl Scrape {
    /// Reads all of it.
    #[track_caller]
    pub(crate) fn read(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line is not complete");
        let mut families = BTreeMap::<String, Family>::new();
        let mut last = String::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').expect("a help has a text");
                assert!(is_name(name), "{line}");
                let family = Family { help: help.to_owned(), kind: String::new(), samples: Vec::new() };
                assert!(families.insert(name.to_owned(), family).is_none(), "twice: {line}");
                last = name.to_owned();
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a type");
                assert_eq!(name, last, "the type follows the help: {line}");
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                kind.clone_into(&mut families.get_mut(name).expect("it has a help").kind);
            } else {
                let sample = sample(line).unwrap_or_else(|| panic!("no sample: {line:?}"));
                let family = families.get_mut(&last).unwrap_or_else(|| panic!("of no metric: {line}"));
                let endings: &[&str] = if family.kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
                assert!(endings.iter().any(|end| sample.name == format!("{last}{end}")), "of another metric: {line}");
                family.samples.push(sample);
            }
        }
        families.iter().for_each(|(name, family)| family.check(name));
        Self(families)
    }

    /// The sum of the samples of that name with these labels.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let family = self.0.iter().filter(|(family, _)| name.starts_with(family.as_str())).max_by_key(|(family, _)| family.len());
        let samples = family.into_iter().flat_map(|(_, family)| &family.samples).filter(|sample| sample.name == name);
        let of = |sample: &&Sample| labels.iter().all(|(label, value)| sample.labels.get(*label).is_some_and(|is| is == value));
        samples.filter(of).map(|sample| sample.value).sum()
    }
}

impl Family {
    #[track_caller]
    fn check(&self, name: &str) {
        assert!(!self.help.is_empty() && !self.kind.is_empty() && !self.samples.is_empty(), "{name}: {self:?}");
        assert_eq!(self.kind == "counter", name.ends_with("_total"), "{name} is a {}", self.kind);
        let mut seen = BTreeSet::new();
        for Sample { name, labels, value } in &self.samples {
            assert!(seen.insert((name, labels)), "twice: {name} {labels:?}");
            assert!(value.is_finite() && (self.kind == "gauge" || *value >= 0.0), "{name} {labels:?} is {value}");
        }
        if self.kind == "histogram" {
            self.check_buckets(name);
        }
    }

    /// Classes go up to +Inf, and so do their numbers, up to that of all.
    #[track_caller]
    fn check_buckets(&self, name: &str) {
        let mut series = BTreeMap::<BTreeMap<String, String>, Vec<(f64, f64)>>::new();
        for sample in self.samples.iter().filter(|sample| sample.name.ends_with("_bucket")) {
            let mut labels = sample.labels.clone();
            let end = labels.remove("le").expect("a bucket has an end");
            let end = if end == "+Inf" { f64::INFINITY } else { end.parse().expect("a number") };
            series.entry(labels).or_default().push((end, sample.value));
        }
        assert!(!series.is_empty(), "{name}");
        for (labels, buckets) in series {
            assert!(buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1), "{name} {labels:?}: {buckets:?}");
            let of = |ending: &str| {
                let name = format!("{name}{ending}");
                self.samples.iter().find(|s| s.name == name && s.labels == labels).map(|s| s.value)
            };
            let last = buckets.last().expect("a bucket");
            assert_eq!((last.0, Some(last.1)), (f64::INFINITY, of("_count")), "{name} {labels:?}");
            assert!(of("_sum").is_some(), "{name} {labels:?}");
        }
    }
}

fn is_name(name: &str) -> bool {
    let first = name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_' || b == b':');
    first && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':')
}

/// `name{label="value",..} number`
fn sample(line: &str) -> Option<Sample> {
    let end = line.find(['{', ' '])?;
    let name = line[..end].to_owned();
    let (labels, value) = match line[end..].strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (BTreeMap::new(), &line[end..]),
    };
    let value = value.strip_prefix(' ')?;
    is_name(&name).then_some(())?;
    Some(Sample { name, labels, value: value.parse().ok()? })
}

/// The labels after the brace, and what follows them.
fn labels(mut rest: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let mut labels = BTreeMap::new();
    loop {
        let (name, after) = rest.split_once("=\"")?;
        (is_name(name) && !name.contains(':') && !name.starts_with("__")).then_some(())?;
        let (mut value, mut chars) = (String::new(), after.char_indices());
        let end = loop {
            match chars.next()? {
                (at, '"') => break at,
                (_, '\\') => value.push(match chars.next()?.1 {
                    'n' => '\n',
                    c @ ('\\' | '"') => c,
                    _ => return None,
                }),
                (_, c) => value.push(c),
            }
        };
        labels.insert(name.to_owned(), value).is_none().then_some(())?;
        rest = &after[end + 1..];
        match rest.as_bytes().first()? {
            b',' => rest = &rest[1..],
            b'}' => return Some((labels, &rest[1..])),
            _ => return None,
        }
    }
}
