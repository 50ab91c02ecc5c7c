//! What the kernel knows of the process.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use super::page::Page;
use super::table as m;

/// Ticks of the clock by which the kernel tells CPU time: the same on every Linux.
const TICKS: f64 = 100.0;
/// Bytes of a page, where the kernel tells of pages.
const KIBI: u64 = 1024;

/// What of it can be read.
pub(super) fn write(page: &mut Page) {
    page.count(&m::BUILD, &[env!("CARGO_PKG_VERSION")], 1);
    let own = Path::new("/proc/self");
    if let Some(open) = descriptors(&own.join("fd")) {
        page.count(&m::DESCRIPTORS, &[], open);
    }
    let read = |name: &str| fs::read_to_string(own.join(name)).unwrap_or_default();
    if let Some(most) = number_after(&read("limits"), "Max open files") {
        page.count(&m::MOST_DESCRIPTORS, &[], most);
    }
    if let Some(kibibytes) = number_after(&read("status"), "VmRSS:") {
        page.count(&m::MEMORY, &[], kibibytes * KIBI);
    }
    if let Some(times) = Times::of(&read("stat")) {
        page.real(&m::CPU, &[], times.cpu as f64 / TICKS);
        // What the machine tells of all its processors is long, and this stays what it is.
        let booted = BOOTED.get_or_init(|| number_after(&fs::read_to_string("/proc/stat").ok()?, "btime"));
        if let Some(booted) = booted {
            page.real(&m::STARTED, &[], *booted as f64 + times.started as f64 / TICKS);
        }
    }
}

/// When the machine was started, since 1970.
static BOOTED: OnceLock<Option<u64>> = OnceLock::new();

/// How many there are: the size of their folder, since Linux 6.2 (proc_pid_fd(5)); before that, each of them is counted.
fn descriptors(folder: &Path) -> Option<u64> {
    match fs::metadata(folder).ok()?.len() {
        // Without the one by which they are listed.
        0 => Some((fs::read_dir(folder).ok()?.count() as u64).saturating_sub(1)),
        open => Some(open),
    }
}

/// The number that follows a word at the beginning of a line.
fn number_after(text: &str, word: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(word))?.split_whitespace().next()?.parse().ok()
}

/// Of `/proc/self/stat` (proc_pid_stat(5)), in ticks.
#[derive(Debug, PartialEq, Eq)]
struct Times {
    cpu: u64,
    started: u64,
}

impl Times {
    fn of(stat: &str) -> Option<Self> {
        // The name stands in parentheses, and may hold anything. What follows begins with the third field.
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
        let field = |number: usize| fields.get(number - 3)?.trim().parse::<u64>().ok();
        Some(Self { cpu: field(14)? + field(15)?, started: field(22)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_past_any_name() {
        let fields: Vec<String> = (3..30).map(|n: u32| n.to_string()).collect();
        assert_eq!(Times::of(&format!("1 (a) b) {}\n", fields.join(" "))), Some(Times { cpu: 29, started: 22 }));
        assert_eq!(Times::of("1 (gw) S 1"), None);
    }

    #[test]
    fn a_number_is_found_by_the_word_before_it() {
        assert_eq!(number_after("VmHWM:\t  9 kB\nVmRSS:\t   5128 kB\n", "VmRSS:"), Some(5128));
        assert_eq!(number_after("Max open files            unlimited  x", "Max open files"), None);
    }
}
