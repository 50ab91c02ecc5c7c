//! The writer of access records: a thread that no request waits for.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::config::AccessLogTo;
use crate::proxy::AccessLog;

/// Records that may wait.
const QUEUE: usize = 16 * 1024;
/// How long a record may wait for company before it is written.
const LINGER: Duration = Duration::from_millis(100);

/// Starts the thread. It ends when the last sender is dropped and everything is written.
pub(super) fn start(to: AccessLogTo) -> io::Result<(AccessLog, JoinHandle<()>)> {
    let writer: Box<dyn Write + Send> = match to {
        AccessLogTo::File(path) => Box::new(OpenOptions::new().append(true).create(true).open(path)?),
        AccessLogTo::Writer(writer) => writer,
    };
    let (sender, records) = sync_channel(QUEUE);
    let thread = std::thread::Builder::new().name("access-log".to_owned());
    let thread = thread.spawn(move || {
        if let Err(error) = write_all(BufWriter::new(writer), &records) {
            tracing::error!(%error, "access records cannot be written, and are dropped from now on");
        }
    })?;
    Ok((sender, thread))
}

fn write_all(mut writer: BufWriter<Box<dyn Write + Send>>, records: &Receiver<String>) -> io::Result<()> {
    // When the oldest record that is not written came.
    let mut since: Option<Instant> = None;
    loop {
        let wait = since.map_or(LINGER, |since| LINGER.saturating_sub(since.elapsed()));
        match records.recv_timeout(wait) {
            Ok(line) => {
                writer.write_all(line.as_bytes())?;
                writer.write_all(b"\n")?;
                if since.get_or_insert_with(Instant::now).elapsed() >= LINGER {
                    writer.flush()?;
                    since = None;
                }
            }
            Err(RecvTimeoutError::Timeout) => {
                writer.flush()?;
                since = None;
            }
            Err(RecvTimeoutError::Disconnected) => return writer.flush(),
        }
    }
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

    #[test]
    fn records_that_keep_coming_do_not_keep_the_first_from_being_written() {
        let written = Arc::new(Mutex::new(Vec::new()));
        let (log, thread) = start(AccessLogTo::Writer(Box::new(Shared(written.clone())))).unwrap();
        for _ in 0..50 {
            log.send("x".to_owned()).unwrap();
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(!written.lock().unwrap().is_empty());
        drop(log);
        thread.join().unwrap();
        assert_eq!(written.lock().unwrap().len(), 100);
    }
}
