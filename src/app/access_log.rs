//! The writer of access records: a thread that no request waits for.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

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
    loop {
        match records.recv_timeout(LINGER) {
            Ok(line) => {
                writer.write_all(line.as_bytes())?;
                writer.write_all(b"\n")?;
            }
            Err(RecvTimeoutError::Timeout) => writer.flush()?,
            Err(RecvTimeoutError::Disconnected) => return writer.flush(),
        }
    }
}
