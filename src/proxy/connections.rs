//! The tcp connections of a worker, to be listed. Nothing is written here while bytes move: who lists reads what each connection
//! counts for its own record.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::mpsc::Receiver;
use tokio::time::Instant;

use super::outcome::Ends;
use super::progress::Progress;
use super::worker::Worker;
use crate::decide::snapshot::{Endpoint, Target};
use crate::id::{ListenerName, Table};
use crate::rt::task;
use crate::state::connections::{Ask, Connection, Page};

/// Those that are open.
#[derive(Debug, Default)]
pub(super) struct Connections {
    next: Cell<u64>,
    open: RefCell<Table<u64, Open>>,
}

#[derive(Debug)]
struct Open {
    listener: ListenerName,
    ends: Arc<Ends>,
    progress: Rc<Progress>,
    /// `None`: nobody has taken it yet.
    to: Option<(Arc<Target>, Arc<Endpoint>)>,
}

/// A connection that is listed until this is dropped.
#[derive(Debug)]
pub(super) struct Listed {
    connections: Rc<Connections>,
    number: u64,
}

impl Connections {
    /// One more.
    pub(super) fn enter(self: &Rc<Self>, listener: &ListenerName, ends: &Arc<Ends>, progress: &Rc<Progress>) -> Listed {
        let number = self.next.get();
        self.next.set(number + 1);
        let open = Open { listener: listener.clone(), ends: ends.clone(), progress: progress.clone(), to: None };
        self.open.borrow_mut().insert(number, open);
        Listed { connections: self.clone(), number }
    }

    /// What is asked for: the first so many of them, and how many there are.
    fn page(&self, ask: &Ask) -> Page {
        let now = Instant::now();
        let open = self.open.borrow();
        let rows = open
            .values()
            .map(|open| (ask.sort.key(now - open.progress.began(), open.progress.received.get(), open.progress.sent.get()), open));
        let mut rows: Vec<_> = rows.collect();
        if rows.len() > ask.limit && ask.limit > 0 {
            rows.select_nth_unstable_by_key(ask.limit - 1, |(key, _)| std::cmp::Reverse(*key));
        }
        rows.truncate(ask.limit);
        Page { total: open.len(), connections: rows.into_iter().map(|(_, open)| open.row(now)).collect() }
    }
}

impl Open {
    fn row(&self, now: Instant) -> Connection {
        let Self { listener, ends, progress, to } = self;
        let (target, instance, address) = match to {
            Some((target, endpoint)) => (Some(target.id.to_string()), Some(endpoint.id.clone()), Some(endpoint.address.to_string())),
            None => (None, None, None),
        };
        Connection {
            listener: listener.to_string(),
            client: ends.client.to_string(),
            sni: ends.sni.as_deref().map(str::to_owned),
            peer: ends.peer.as_ref().map(|peer| peer.member.id.to_string()),
            target,
            instance,
            address,
            bytes_received: progress.received.get(),
            bytes_sent: progress.sent.get(),
            age: now - progress.began(),
            silent: now - progress.moved(),
        }
    }
}

impl Listed {
    /// Who has taken it.
    pub(super) fn taken_by(&self, target: &Arc<Target>, endpoint: &Arc<Endpoint>) {
        if let Some(open) = self.connections.open.borrow_mut().get_mut(&self.number) {
            open.to = Some((target.clone(), endpoint.clone()));
        }
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        let left = self.connections.open.borrow_mut().remove(&self.number);
        drop(left);
    }
}

/// Answers who asks, as long as the worker runs.
pub(super) fn answer(worker: &Rc<Worker>, mut asked: Receiver<Ask>) {
    let worker = Rc::downgrade(worker);
    task::spawn(async move {
        while let Some(ask) = asked.recv().await {
            let Some(worker) = worker.upgrade() else { return };
            // Who does not wait any more needs no answer.
            drop(ask.answer.try_send(worker.connections.page(&ask)));
        }
    });
}
