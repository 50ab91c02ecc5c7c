//! Connections that stand for long: each is asked again, when something has changed, whether it may go on (`docs/differences.md`,
//! deny-cuts).

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;

use tokio::sync::oneshot;

use crate::decide::Snapshot;

/// The connections of one listener and worker that stand.
#[derive(Debug, Default)]
pub(super) struct Standing {
    next: Cell<u64>,
    open: RefCell<HashMap<u64, Stands>>,
}

struct Stands {
    may_go_on: Box<dyn Fn(&Snapshot) -> bool>,
    end: oneshot::Sender<()>,
}

impl fmt::Debug for Stands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stands").finish_non_exhaustive()
    }
}

/// Where a connection hears of its end; it is no longer asked about when this is dropped.
#[derive(Debug)]
pub(super) struct Allowed {
    number: u64,
    standing: Rc<Standing>,
    ended: oneshot::Receiver<()>,
}

impl Standing {
    /// A connection that was allowed just now.
    pub(super) fn stands(self: &Rc<Self>, may_go_on: impl Fn(&Snapshot) -> bool + 'static) -> Allowed {
        let number = self.next.get();
        self.next.set(number + 1);
        let (end, ended) = oneshot::channel();
        self.open.borrow_mut().insert(number, Stands { may_go_on: Box::new(may_go_on), end });
        Allowed { number, standing: self.clone(), ended }
    }

    /// Ends those that may not go on.
    pub(super) fn judge(&self, snapshot: &Snapshot) {
        if !snapshot.switches.deny_cuts {
            return;
        }
        for (_, stands) in self.open.borrow_mut().extract_if(|_, stands| !(stands.may_go_on)(snapshot)) {
            // Who is gone meanwhile needs no telling.
            let _ = stands.end.send(());
        }
    }
}

/// Resolves when a connection is to end; of one that nobody asks about, never.
pub(super) async fn forbidden(allowed: &mut Option<Allowed>) {
    let told = match allowed {
        Some(allowed) => (&mut allowed.ended).await.is_ok(),
        None => false,
    };
    if !told {
        std::future::pending().await
    }
}

impl Drop for Allowed {
    fn drop(&mut self) {
        self.standing.open.borrow_mut().remove(&self.number);
    }
}
