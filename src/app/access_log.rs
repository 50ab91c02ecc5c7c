//! The writer of access records: a thread that no request waits for.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::config::AccessLogTo;
use crate::model::entry::Entries;
use crate::model::gateway::RecordFormat;
use crate::proxy::AccessLog;

/// Records that may wait.
const QUEUE: usize = 16 * 1024;
/// How long records gather before they are written together: nobody has to wake the thread for each of them. In that time the queue
/// has room for more than any worker can make.
const GATHER: Duration = Duration::from_millis(20);
/// How often it is looked whether the file is to be opened anew, while there are no records.
const LOOK: Duration = Duration::from_millis(100);
/// What is written at once.
const BUFFER: usize = 64 * 1024;

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
    /// Records that found no place in the queue.
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

/// Starts the thread. It ends when the last sender is dropped and everything is written.
pub(super) fn start(to: AccessLogTo, format: RecordFormat) -> io::Result<(AccessLog, Writer)> {
    let (writer, file): (Box<dyn Write + Send>, _) = match to {
        AccessLogTo::File(path) => (Box::new(open(&path)?), Some((path, Reopen::default()))),
        AccessLogTo::Writer(writer) => (writer, None),
    };
    let reopen = file.as_ref().map(|(_, reopen)| reopen.clone());
    let (sender, records) = sync_channel(QUEUE);
    let dropped = Arc::<AtomicU64>::default();
    let thread = std::thread::Builder::new().name("access-log".to_owned());
    let thread = thread.spawn(move || {
        if let Err(error) = write_all(BufWriter::with_capacity(BUFFER, writer), file.as_ref(), &records) {
            tracing::error!(%error, "access records cannot be written, and are dropped from now on");
        }
    })?;
    Ok((AccessLog::new(sender, format, dropped.clone()), Writer { thread, reopen, dropped }))
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

type Lines = BufWriter<Box<dyn Write + Send>>;

fn write_all(mut writer: Lines, file: Option<&(PathBuf, Reopen)>, records: &Receiver<String>) -> io::Result<()> {
    loop {
        let first = match records.recv_timeout(LOOK) {
            Ok(first) => Some(first),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return writer.flush(),
        };
        open_anew_if_asked(&mut writer, file)?;
        let Some(first) = first else { continue };
        write_line(&mut writer, &first)?;
        let mut lines = 1;
        while lines > 0 {
            std::thread::sleep(GATHER);
            open_anew_if_asked(&mut writer, file)?;
            lines = 0;
            for line in records.try_iter().take(QUEUE) {
                write_line(&mut writer, &line)?;
                lines += 1;
            }
            writer.flush()?;
        }
    }
}

fn write_line(writer: &mut Lines, line: &str) -> io::Result<()> {
    writer.write_all(line.as_bytes())?;
    writer.write_all(b"\n")
}

fn open_anew_if_asked(writer: &mut Lines, file: Option<&(PathBuf, Reopen)>) -> io::Result<()> {
    let Some((path, _)) = file.filter(|(_, reopen)| reopen.is_asked()) else { return Ok(()) };
    writer.flush()?;
    match open(path) {
        Ok(file) => *writer = BufWriter::with_capacity(BUFFER, Box::new(file)),
        Err(error) => tracing::error!(%error, "cannot open {} anew: records still go to the file that it was", path.display()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

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

    #[test]
    fn a_file_that_takes_nothing_holds_nobody_up_and_what_finds_no_place_is_counted() {
        let (go_on, waits) = std::sync::mpsc::channel();
        let (log, writer) = start(AccessLogTo::Writer(Box::new(Stuck(waits))), RecordFormat::Json).unwrap();
        // More than the queue and the writer's buffer hold: this returns, for nobody waits.
        let records = 2 * QUEUE as u64;
        (0..records).for_each(|_| log.write("x".repeat(64)));
        let dropped = writer.dropped.load(Ordering::Relaxed);
        assert!(dropped > 0 && dropped < records, "{dropped} of {records}");
        drop((go_on, log));
        writer.thread.join().unwrap();
    }

    #[test]
    fn records_that_keep_coming_do_not_keep_the_first_from_being_written() {
        let written = Arc::new(Mutex::new(Vec::new()));
        let (log, writer) = start(AccessLogTo::Writer(Box::new(Shared(written.clone()))), RecordFormat::Json).unwrap();
        for _ in 0..50 {
            log.write("x".to_owned());
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(!written.lock().unwrap().is_empty());
        drop(log);
        writer.thread.join().unwrap();
        assert_eq!(written.lock().unwrap().len(), 100);
    }
}
