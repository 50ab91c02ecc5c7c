//! Whether entries that were accepted one by one fit together, and where what does not stands.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::decide::graph::{Checker, Finding, traps};
use crate::id::ServiceKey;
use crate::model::entry::{ConfigEntry, Entries, EntryKind, EntryRef, IntentionAction};
use crate::model::level::Level;
use crate::source::diagnostic::Diagnostic;
use crate::source::entry::{Decoded, codes};
use crate::source::file::Differs;

/// Whether entries that were accepted one by one fit together, with their own notes; `default` is what holds where no intention
/// decides.
pub fn check_set(decoded: &[&Decoded], default: IntentionAction) -> (Arc<Entries>, Vec<Diagnostic>) {
    SetChecker::default().check(decoded, Differs::default(), default)
}

/// Checks a set again and again.
#[derive(Debug, Default)]
pub(super) struct SetChecker {
    /// The last set, if every accepted entry was in it.
    last: Option<Arc<Entries>>,
    checker: Checker,
}

impl SetChecker {
    /// The entries as one set, and what is wrong with it; `differs` is what has changed since the last time.
    pub(super) fn check(&mut self, decoded: &[&Decoded], differs: Differs, default: IntentionAction) -> (Arc<Entries>, Vec<Diagnostic>) {
        let all = decoded.iter().filter(|d| d.entry.is_some()).count();
        let entries = self.last.take().map(|last| changed(last, differs)).filter(|entries| entries.len() == all);
        let entries = entries.unwrap_or_else(|| Arc::new(decoded.iter().filter_map(|d| d.entry.clone()).collect()));
        let entries = with_providers(entries, decoded);
        let whole = entries.len() == all;
        let mut problems: Vec<Diagnostic> = decoded.iter().flat_map(|d| d.notes.iter().cloned()).collect();
        problems.extend(not_acted_on(decoded));
        problems.extend(doubles(decoded.iter().copied().filter(|d| !whole || d.entry.is_none())));
        problems.extend(decoded.iter().filter_map(|d| unknown_protocol(d)));
        problems.extend(placed(self.checker.check_set(&entries), decoded));
        problems.extend(placed(traps(&entries, default), decoded));
        self.last = whole.then(|| entries.clone());
        (entries, problems)
    }
}

fn changed(mut entries: Arc<Entries>, differs: Differs) -> Arc<Entries> {
    let Differs { gone, fresh } = differs;
    if gone.is_empty() && fresh.is_empty() {
        return entries;
    }
    let set = Arc::make_mut(&mut entries);
    gone.iter().for_each(|(kind, name)| set.remove(*kind, name));
    fresh.into_iter().for_each(|entry| set.insert(entry));
    entries
}

/// The same with the names of the jwt-provider entries, which are judged and otherwise ignored.
fn with_providers(mut entries: Arc<Entries>, decoded: &[&Decoded]) -> Arc<Entries> {
    let providers = decoded.iter().filter(|d| d.kind == EntryKind::JwtProvider);
    let providers: BTreeMap<_, _> = providers.map(|d| (ServiceKey::of(&d.name), d.name.clone())).collect();
    if entries.jwt_providers != providers {
        Arc::make_mut(&mut entries).jwt_providers = providers;
    }
    entries
}

/// The kinds that no gateway does anything for, each once.
fn not_acted_on(decoded: &[&Decoded]) -> Vec<Diagnostic> {
    let mut by_kind: BTreeMap<EntryKind, Vec<&Decoded>> = BTreeMap::new();
    for entry in decoded.iter().filter(|d| !d.kind.is_acted_on()) {
        by_kind.entry(entry.kind).or_default().push(entry);
    }
    let note = |(kind, entries): (EntryKind, Vec<&Decoded>)| {
        let first = &entries[0].source;
        let help = match entries.len() {
            1 => "the entry is judged as Consul judges it, and otherwise ignored".to_owned(),
            n => format!("the {n} entries of this kind are judged as Consul judges them, and otherwise ignored"),
        };
        let note = Diagnostic::error(codes::NOT_ACTED_ON, format!("gw does not act on {kind} entries")).level(Level::Warning);
        note.at(&first.text, first.find("Kind")).help(help)
    };
    by_kind.into_iter().map(note).collect()
}

/// Two entries of one kind and name in files: one would silently replace the other.
fn doubles<'a>(decoded: impl Iterator<Item = &'a Decoded>) -> Vec<Diagnostic> {
    let mut out = Vec::new();
    let mut first: HashMap<(EntryKind, String), &Decoded> = HashMap::new();
    for later in decoded {
        let earlier = *first.entry((later.kind, later.name.to_lowercase())).or_insert(later);
        if !std::ptr::eq(earlier, later) {
            let message = format!("{}/{} is there twice; names have no case", later.kind, later.name);
            let help = format!("the other one is in {}; a Consul keeps the one written last", earlier.source.text.origin);
            out.push(Diagnostic::error("GW0501", message).at(&later.source.text, later.source.span.clone()).help(help));
        }
    }
    out
}

/// proxy-defaults with a protocol that is none: everything behaves as tcp.
fn unknown_protocol(decoded: &Decoded) -> Option<Diagnostic> {
    let Some(ConfigEntry::ProxyDefaults(entry)) = &decoded.entry else { return None };
    if matches!(entry.protocol.as_str(), "" | "tcp" | "http" | "http2" | "grpc") {
        return None;
    }
    let message = format!("Config.protocol is {:?}, which is none of tcp, http, http2, grpc: it behaves as tcp", entry.protocol);
    let place = decoded.source.find("Config.protocol");
    Some(Diagnostic::error("GW0505", message).level(Level::Finding).at(&decoded.source.text, place))
}

/// Findings of the graph, each at the place of its rule.
fn placed(findings: Vec<Finding>, decoded: &[&Decoded]) -> Vec<Diagnostic> {
    let named: HashSet<(EntryKind, &str)> = findings.iter().map(|f| (f.rule.entry.kind, &*f.rule.entry.name)).collect();
    let mut written: HashMap<EntryRef, &Decoded> = HashMap::new();
    if !named.is_empty() {
        let found = decoded.iter().filter_map(|d| Some((d, d.entry.as_ref()?)));
        for (d, entry) in found.filter(|(_, e)| named.contains(&(e.kind(), e.common().name.as_str()))) {
            written.entry(entry.entry_ref()).or_insert(d);
        }
    }
    let place = |finding: &Finding| written.get(&finding.rule.entry).map(|d| (&d.source.text, d.source.find(&finding.rule.path)));
    let diagnostic = |finding: &Finding| {
        let mut diagnostic = Diagnostic::error(finding.code, finding.message.as_str()).level(finding.level);
        diagnostic.help.clone_from(&finding.help);
        diagnostic.help.extend(finding.related.iter().map(|rule| format!("see also {rule}")));
        match place(finding) {
            Some((text, span)) => diagnostic.at(text, span),
            None => diagnostic,
        }
    };
    findings.iter().map(diagnostic).collect()
}
