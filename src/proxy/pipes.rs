//! The pipes through which bytes pass from socket to socket without being copied (`splice(2)`).
//!
//! A worker has few: one is lent to a direction while bytes flow there, so that a connection that is silent holds none.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;

use rustix::io::retry_on_intr;
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};

/// The size of a pipe: with the kernel's own 64 KiB a byte costs two thirds more, with 1 MiB it costs no less (performance 3).
const SIZE: usize = 256 * 1024;
/// A user's pipes together have a most; beyond it they are so small that copying is cheaper.
const SMALLEST: usize = 64 * 1024;
/// How many are lent at once at the most: who never reads holds one, with what is in it, and the others are left with copying.
const LENT: usize = 128;
/// How many are kept for the next who asks: they count as the user's as well, and as open files.
const KEPT: usize = 32;
/// Pages move, and nobody waits for a socket.
const FLAGS: SpliceFlags = SpliceFlags::MOVE.union(SpliceFlags::NONBLOCK);

/// The pipes of a worker.
#[derive(Debug, Default)]
pub(super) struct Pipes {
    kept: RefCell<Vec<Ends>>,
    lent: Cell<usize>,
}

/// A pipe of the worker's, until it is dropped.
#[derive(Debug)]
pub(super) struct Pipe {
    ends: Option<Ends>,
    inside: usize,
    pipes: Rc<Pipes>,
}

#[derive(Debug)]
struct Ends {
    out: OwnedFd,
    into: OwnedFd,
}

impl Pipes {
    /// An empty pipe. `None`: too many are lent, or the system has none to give.
    pub(super) fn take(self: &Rc<Self>) -> Option<Pipe> {
        if self.lent.get() >= LENT {
            return None;
        }
        let kept = self.kept.borrow_mut().pop();
        let ends = kept.or_else(|| Ends::new().ok())?;
        self.lent.set(self.lent.get() + 1);
        Some(Pipe { ends: Some(ends), inside: 0, pipes: self.clone() })
    }
}

impl Ends {
    fn new() -> io::Result<Self> {
        let (out, into) = pipe_with(PipeFlags::NONBLOCK | PipeFlags::CLOEXEC)?;
        if fcntl_setpipe_size(&into, SIZE)? < SMALLEST {
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        Ok(Self { out, into })
    }
}

impl Pipe {
    /// How many bytes are in it.
    pub(super) const fn inside(&self) -> usize {
        self.inside
    }

    /// Moves what there is from a socket into the pipe, which is empty. 0: the socket is at its end.
    pub(super) fn fill(&mut self, from: impl AsFd) -> io::Result<usize> {
        let Some(ends) = &self.ends else { return Ok(0) };
        let n = retry_on_intr(|| splice(&from, None, &ends.into, None, SIZE, FLAGS))?;
        self.inside += n;
        Ok(n)
    }

    /// Moves as much out of the pipe as a socket takes.
    pub(super) fn empty(&mut self, to: impl AsFd) -> io::Result<usize> {
        let Some(ends) = &self.ends else { return Ok(0) };
        let n = retry_on_intr(|| splice(&ends.out, None, &to, None, self.inside, FLAGS))?;
        self.inside -= n.min(self.inside);
        Ok(n)
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let Self { ends, inside, pipes } = self;
        pipes.lent.set(pipes.lent.get().saturating_sub(1));
        let mut kept = pipes.kept.borrow_mut();
        // What is in one that is not empty is of a connection that has ended.
        if *inside == 0 && kept.len() < KEPT {
            kept.extend(ends.take());
        }
    }
}
