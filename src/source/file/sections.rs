//! The `[[service]]` sections of a `gw.toml`, which may be thousands: each is read by itself, and one that stands there as it did
//! before is not read again.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::convert::{self, Configuration, Placed};
use super::datacenters::Datacenters;
use super::schema::GwToml;
use super::{ReadFile, folder_of};
use crate::id::Datacenter;
use crate::source::diagnostic::{Diagnostic, Text};

/// The bytes of a short section.
const SHORT: usize = 64;

/// How many earlier sections may be gone at one place before the rest of the text is read anew.
const MOST_GONE: usize = 16;

/// A `gw.toml` with its meaning, kept to be read again.
#[derive(Debug)]
pub struct KeptFile {
    /// What it says, but for the services: those are in the configuration, and nobody looks for their places any more.
    pub read: ReadFile,
    /// What it means.
    pub configuration: Configuration,
    services: Vec<(Range<usize>, Placed)>,
}

impl KeptFile {
    /// Reads a `gw.toml`; `last` is the same file as it was before. All errors at once.
    pub fn read(path: &Path, text: Arc<Text>, last: Option<&Self>) -> Result<Self, Vec<Diagnostic>> {
        match Self::in_parts(path, &text, last) {
            Some(file) => Ok(file),
            // Whatever is wrong in a part is told by who reads it as a whole.
            None => Self::as_a_whole(path, text),
        }
    }

    fn as_a_whole(path: &Path, text: Arc<Text>) -> Result<Self, Vec<Diagnostic>> {
        let mut read = super::parse(path, text)?;
        let configuration = convert::convert(&read)?;
        read.parsed.service = Vec::new();
        Ok(Self { read, configuration, services: Vec::new() })
    }

    fn in_parts(path: &Path, text: &Arc<Text>, last: Option<&Self>) -> Option<Self> {
        let Sections { rest, services: sections } = Sections::of(&text.content)?;
        // A `service` that is no section, even an empty one, is a part of what the sections are of.
        let parsed: GwToml = toml::from_str(&rest).ok().filter(|_| !rest.contains("service"))?;
        let read = ReadFile { parsed, text: text.clone(), folder: folder_of(path) };
        // Services beside a Consul are refused, which takes all of it.
        let mut configuration = convert::convert(&read).ok().filter(|read| read.consul.is_none() || sections.is_empty())?;
        let last = last.filter(|last| last.configuration.datacenter == configuration.datacenter);
        let mut earlier = last.map(|last| last.services.as_slice()).unwrap_or_default();
        let mut services = Vec::with_capacity(sections.len());
        for section in sections {
            let written = &text.content[section.clone()];
            let same = |(span, _): &(Range<usize>, _)| last.is_some_and(|last| last.read.text.content[span.clone()] == *written);
            let placed = match earlier.iter().take(MOST_GONE).position(same) {
                Some(at) => {
                    let (_, placed) = &earlier[at];
                    earlier = &earlier[at + 1..];
                    placed.clone()
                }
                None => one_service(&read, &configuration.datacenter, written)?,
            };
            services.push((section, placed));
        }
        let each_once = configuration.place(services.iter().map(|(_, placed)| placed.clone()));
        each_once.then_some(Self { read, configuration, services })
    }
}

/// The service of a section by itself; `None` where anything is wrong with it.
fn one_service(file: &ReadFile, own: &Datacenter, section: &str) -> Option<Placed> {
    let mut parsed: GwToml = toml::from_str(section).ok()?;
    parsed.datacenter = Some(Datacenters::Own(own.to_string()));
    let alone = ReadFile { parsed, text: file.text.clone(), folder: file.folder.clone() };
    let mut services = convert::services(&alone)?.into_iter();
    services.next().filter(|_| services.len() == 0)
}

/// A text in parts: what is in no `[[service]]` section, with blanks in the place of these, and the sections.
pub(super) struct Sections {
    pub(super) rest: String,
    pub(super) services: Vec<Range<usize>>,
}

impl Sections {
    /// Takes a text apart. `None` where a line may not be what it looks like, because it may stand in a text of several lines.
    /// What is taken apart wrongly for any other reason is no TOML in one of its parts.
    pub(super) fn of(text: &str) -> Option<Self> {
        if text.contains("\"\"\"") || text.contains("'''") {
            return None;
        }
        let mut services: Vec<Range<usize>> = Vec::with_capacity(text.len() / SHORT);
        let (mut at, mut within) = (0, false);
        for line in text.split_inclusive('\n') {
            let start = line.trim_start();
            if start.starts_with("[[service]]") {
                services.push(at..at);
                within = true;
            } else if start.starts_with('[') && !start.trim_start_matches('[').starts_with("service.") {
                within = false;
            }
            at += line.len();
            if let Some(section) = services.last_mut().filter(|_| within) {
                section.end = at;
            }
        }
        let mut rest = String::new();
        let (mut at, ends) = (0, services.iter().map(|s| s.start).chain([text.len()]));
        for (end, next) in ends.zip(services.iter().map(|s| s.end).chain([text.len()])) {
            if !text[at..end].trim().is_empty() {
                // Blanks only where something follows: mostly all services stand together at the end.
                rest.push_str(&" ".repeat(at - rest.len()));
                rest.push_str(&text[at..end]);
            }
            at = next;
        }
        Some(Self { rest, services })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::id::ServiceKey;

    fn text(content: &str) -> Arc<Text> {
        Arc::new(Text { origin: "gw.toml".into(), content: content.into() })
    }

    fn lines() -> impl Strategy<Value = Vec<&'static str>> {
        let service = ["[[service]]", "  [[service]] # more", "[[service]]", "[[ service ]]", "[service]", "[service.x]", "service = []"];
        let instance =
            ["[[service.instance]]", "[[service.instance]]", "address = \"127.0.0.1:1\"", "address = \"127.0.0.1:2\"", "address = 1"];
        let keys = [
            "name = \"a\"",
            "name = \"b\"",
            "name = \"c\"",
            "datacenter = \"dc2\"",
            "kind = \"ingress\"",
            "[[gateway]]",
            "mesh = true",
            "[[datacenter]]",
            "own = true",
        ];
        let other = ["tags = [", "\"[[service]]\",", "]", "# [[service]]", "", "tags = [\"\"\"", "\"\"\"]", "meta = { a = \"b\" }"];
        proptest::collection::vec(proptest::sample::select([&service[..], &instance, &keys, &other].concat()), 0..9)
    }

    /// A file that is mostly sound, with some lines anywhere.
    fn file() -> impl Strategy<Value = String> {
        let sound = "[[gateway]]\nkind = \"ingress\"\n[[service]]\nname = \"x\"\n[[service.instance]]\naddress = \"127.0.0.1:3\"\n";
        (lines(), lines()).prop_map(move |(before, after)| format!("{}\n{sound}{}\n", before.join("\n"), after.join("\n")))
    }

    proptest! {
        #[test]
        fn what_is_read_in_parts_is_what_is_read_as_a_whole(first in file(), second in file()) {
            let path = Path::new("gw.toml");
            let mut last = None;
            for content in [first, second] {
                let parts = KeptFile::in_parts(path, &text(&content), last.as_ref());
                if let Some(parts) = &parts {
                    let whole = KeptFile::as_a_whole(path, text(&content));
                    let whole = whole.map(|file| format!("{:?}", file.configuration)).map_err(|problems| problems[0].message.clone());
                    prop_assert_eq!(Ok(format!("{:?}", parts.configuration)), whole, "{}", content);
                }
                last = parts;
            }
        }
    }

    #[test]
    fn a_section_that_stands_as_it_did_is_not_read_again() {
        let path = Path::new("gw.toml");
        let section = |name: &str| format!("[[service]]\nname = \"{name}\"\n[[service.instance]]\naddress = \"127.0.0.1:1\"\n");
        let read = |content: String, last| KeptFile::in_parts(path, &text(&content), last).expect("it has sections");
        let first = read([section("a"), section("b"), section("c")].concat(), None);
        let second = read([section("new"), section("a"), section("c")].concat(), Some(&first));
        let same = |name: &str| {
            let key = ServiceKey::of(name);
            Arc::ptr_eq(&first.configuration.services[&key], &second.configuration.services[&key])
        };
        assert!(same("a") && same("c"));
        assert_eq!(second.configuration.services.len(), 3);
    }
}
