//! The writer of access records: a thread that no request waits for.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::config::AccessLogTo;
use crate::model::entry::Entries;
use crate::model::gateway::RecordFormat;
use crate::proxy::access::{AccessLog, Rang, Taker, access_logs};

/// How long records gather before they are written together: nobody has to wake the thread for each of them, and what is written is
/// still in the processor's cache. The thread often takes the processor from a worker, which costs more than to write.
const GATHER: Duration = Duration::from_millis(20);
/// How often it is looked whether the file is to be opened anew, while there are no records.
const LOOK: Duration = Duration::from_millis(100);

/// Where the entries of gateways have records written (`proxy-defaults`, `AccessLogs`; semantics 9): what Consul has its Envoys do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfEntries {
    /// Where to.
    pub to: Stream,
    /// How. A format of somebody's own is not taken, but for whether it is text (GW0313).
    pub format: RecordFormat,
}

/// Where records go that entries ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stream {
    /// `stdout`, or nothing.
    Stdout,
    /// `stderr`
    Stderr,
    /// `file`
    File(PathBuf),
}

impl OfEntries {
    /// `None`: they ask for none.
    pub fn read(entries: &Entries) -> Option<Self> {
        let logs = &entries.proxy_defaults.as_ref()?.access_logs;
        let to = match logs.r#type.as_str() {
            "file" => Stream::File(logs.path.clone().into()),
            "stderr" => Stream::Stderr,
            _ => Stream::Stdout,
        };
        let format = if logs.text_format.is_empty() { RecordFormat::Json } else { RecordFormat::Text };
        logs.enabled.then_some(Self { to, format })
    }
}

/// The thread, and what it is told.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) thread: JoinHandle<()>,
    /// `None`: it writes to no file.
    pub(super) reopen: Option<Reopen>,
    /// Records that found no place among those that wait.
    pub(super) dropped: Arc<AtomicU64>,
}

/// Asks for the file to be opened anew, after it was moved away.
#[derive(Clone, Debug, Default)]
pub(super) struct Reopen(Arc<AtomicBool>);

impl Reopen {
    /// Records that come from now on go to a file of the same name that is opened anew.
    pub(super) fn ask(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed) && self.0.swap(false, Ordering::Acquire)
    }
}

/// Starts the thread, with a log for each worker. It ends when the last of them is dropped and everything is written.
pub(super) fn start(to: AccessLogTo, format: RecordFormat, workers: usize) -> io::Result<(Vec<AccessLog>, Writer)> {
    let (writer, file): (Box<dyn Write + Send>, _) = match to {
        AccessLogTo::File(path) => (Box::new(open(&path)?), Some((path, Reopen::default()))),
        AccessLogTo::Writer(writer) => (writer, None),
    };
    let reopen = file.as_ref().map(|(_, reopen)| reopen.clone());
    let (logs, taker) = access_logs(workers, format);
    let dropped = taker.dropped();
    let thread = std::thread::Builder::new().name("access-log".to_owned());
    let thread = thread.spawn(move || {
        if let Err(error) = write_all(writer, file.as_ref(), taker) {
            tracing::error!(%error, "access records cannot be written, and are dropped from now on");
        }
    })?;
    Ok((logs, Writer { thread, reopen, dropped }))
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

fn write_all(mut writer: Box<dyn Write + Send>, file: Option<&(PathBuf, Reopen)>, mut records: Taker) -> io::Result<()> {
    loop {
        let rang = records.wait(LOOK);
        if rang == Rang::Yes {
            std::thread::sleep(GATHER);
        }
        open_anew_if_asked(&mut writer, file);
        if rang == Rang::No {
            records.rest();
            continue;
        }
        records.take(|lines| writer.write_all(lines))?;
        writer.flush()?;
        if rang == Rang::Over {
            return Ok(());
        }
    }
}

fn open_anew_if_asked(writer: &mut Box<dyn Write + Send>, file: Option<&(PathBuf, Reopen)>) {
    let Some((path, _)) = file.filter(|(_, reopen)| reopen.is_asked()) else { return };
    match open(path) {
        Ok(file) => *writer = Box::new(file),
        Err(error) => tracing::error!(%error, "cannot open {} anew: records still go to the file that it was", path.display()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::Receiver;

    use super::*;
    use crate::proxy::access::ROOM;

    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Takes nothing until it is let.
    struct Stuck(Receiver<()>);

    impl Write for Stuck {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn say(log: &AccessLog, text: &str) {
        log.write([text], |text, line, _| line.extend_from_slice(text.as_bytes()));
    }

    /// The log of the only worker.
    fn start(to: impl Write + Send + 'static) -> (AccessLog, Writer) {
        let (mut logs, writer) = super::start(AccessLogTo::Writer(Box::new(to)), RecordFormat::Json, 1).unwrap();
        (logs.remove(0), writer)
    }

    #[test]
    fn a_file_that_takes_nothing_holds_nobody_up_and_what_finds_no_place_is_counted() {
        let (go_on, waits) = std::sync::mpsc::channel();
        let (log, writer) = start(Stuck(waits));
        // More than may wait and the writer has in hand: this returns, for nobody waits.
        let (record, records) = ("x".repeat(1023), 3 * ROOM as u64 / 1024);
        (0..records).for_each(|_| say(&log, &record));
        let dropped = writer.dropped.load(Ordering::Relaxed);
        assert!(dropped > 0 && dropped < records, "{dropped} of {records}");
        drop((go_on, log));
        writer.thread.join().unwrap();
    }

    #[test]
    fn records_that_keep_coming_do_not_keep_the_first_from_being_written() {
        let written = Arc::new(Mutex::new(Vec::new()));
        let (log, writer) = start(Shared(written.clone()));
        let mut said = 0;
        while written.lock().unwrap().is_empty() {
            say(&log, "x");
            said += 1;
        }
        drop(log);
        writer.thread.join().unwrap();
        assert_eq!(written.lock().unwrap().len(), 2 * said);
        assert_eq!(writer.dropped.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_is_said_of_a_file_that_cannot_be_written_is_counted_and_not_kept() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (log, writer) = start(Full);
        say(&log, "lost");
        writer.thread.join().unwrap();
        say(&log, "dropped");
        assert_eq!(writer.dropped.load(Ordering::Relaxed), 2);
    }
}
