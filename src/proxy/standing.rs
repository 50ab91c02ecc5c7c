//! Connections that stand for long: each is asked again, when something has changed, whether it may go on (`docs/differences.md`,
//! deny-cuts). Requests that are under way hear of it and ask for themselves (`judged`).

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::outcome::Ends;
use crate::decide::Snapshot;
use crate::decide::authz::Judge;
use crate::id::{ListenerName, Table};

/// The connections of one listener and worker that stand.
#[derive(Debug, Default)]
pub(super) struct Standing {
    next: Cell<u64>,
    open: RefCell<HashMap<u64, Stands>>,
    /// How often it was said that something changed, and who waits for the next time.
    said: Cell<u64>,
    waiting: RefCell<Table<u64, Waits>>,
}

/// Who asks for himself, and whether he does so just now: one who rests is not woken.
#[derive(Debug)]
struct Waits {
    waker: Waker,
    asks: Rc<Cell<bool>>,
}

struct Stands {
    listener: ListenerName,
    ends: Arc<Ends>,
    may_go_on: Box<MayGoOn>,
    /// Who allowed it when it was asked last.
    by: Option<Arc<Judge>>,
    end: Rc<End>,
}

/// The end of a connection, and who waits for it: its one task, which looks at this each time that anything happens on it.
#[derive(Debug, Default)]
struct End {
    told: Cell<bool>,
    waits: RefCell<Option<Waker>>,
}

impl End {
    fn tell(&self) {
        self.told.set(true);
        let waits = self.waits.take();
        waits.into_iter().for_each(Waker::wake);
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        if self.told.get() {
            return Poll::Ready(());
        }
        if !self.waits.borrow().as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            let before = self.waits.replace(Some(cx.waker().clone()));
            drop(before);
        }
        Poll::Pending
    }
}

/// Whether a connection may go on, at the listener where it would come in by now.
type MayGoOn = dyn Fn(&Snapshot, &ListenerName) -> bool;

impl Stands {
    fn goes_on(&mut self, snapshot: &Snapshot) -> bool {
        asks_again(snapshot, &self.listener, &self.ends, &mut self.by).is_none_or(|listener| (self.may_go_on)(snapshot, listener))
    }
}

/// The listener where one who came to `listener` is to be judged again; `None`: not another one judges than the last time, `by`.
pub(super) fn asks_again<'s>(
    snapshot: &'s Snapshot,
    listener: &ListenerName,
    ends: &Ends,
    by: &mut Option<Arc<Judge>>,
) -> Option<&'s ListenerName> {
    // If the gateway is none any more to which one connects from the mesh: nobody forbids anything, and its connections drain.
    let listener = snapshot.entrance(listener)?;
    let judge = snapshot.judge(listener, ends.sni.as_deref());
    if let (Some(judge), Some(by)) = (judge, &*by)
        && Arc::ptr_eq(judge, by)
    {
        return None;
    }
    *by = judge.cloned();
    Some(listener)
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
    end: Rc<End>,
}

impl Standing {
    /// A connection that was allowed just now.
    pub(super) fn stands(
        self: &Rc<Self>,
        listener: &ListenerName,
        ends: &Arc<Ends>,
        may_go_on: impl Fn(&Snapshot, &ListenerName) -> bool + 'static,
    ) -> Allowed {
        let number = self.number();
        let end = Rc::<End>::default();
        let (listener, ends, may_go_on) = (listener.clone(), ends.clone(), Box::new(may_go_on));
        self.open.borrow_mut().insert(number, Stands { listener, ends, may_go_on, by: None, end: end.clone() });
        Allowed { number, standing: self.clone(), end }
    }

    fn number(&self) -> u64 {
        let number = self.next.get();
        self.next.set(number + 1);
        number
    }

    /// For who asks for himself: what was said up to now is known to him.
    pub(super) fn changes(self: &Rc<Self>) -> Changes {
        Changes { number: self.number(), heard: self.said.get(), standing: self.clone(), asks: Rc::new(Cell::new(true)), waits: None }
    }

    /// Ends those that may not go on. Where the very same judge decides as the last time, nobody is asked.
    pub(super) fn judge(&self, snapshot: &Snapshot) {
        if !snapshot.switches.deny_cuts {
            return;
        }
        for (_, stands) in self.open.borrow_mut().extract_if(|_, stands| !stands.goes_on(snapshot)) {
            stands.end.tell();
        }
        self.said.set(self.said.get() + 1);
        self.waiting.borrow().values().filter(|waits| waits.asks.get()).for_each(|waits| waits.waker.wake_by_ref());
    }
}

/// Tells when something has changed that may forbid what was allowed.
#[derive(Debug)]
pub(super) struct Changes {
    number: u64,
    standing: Rc<Standing>,
    heard: u64,
    asks: Rc<Cell<bool>>,
    /// Who stands among those who wait.
    waits: Option<Waker>,
}

impl Changes {
    /// From here on for another one who asks for himself.
    pub(super) fn begin_anew(&mut self) {
        self.heard = self.standing.said.get();
        self.asks.set(true);
    }

    /// Nobody asks until then.
    pub(super) fn rest(&self) {
        self.asks.set(false);
    }

    /// Ready when something was said since it was ready last.
    pub(super) fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        let said = self.standing.said.get();
        if said != self.heard {
            self.heard = said;
            return Poll::Ready(());
        }
        if self.waits.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        let waits = Waits { waker: cx.waker().clone(), asks: self.asks.clone() };
        let before = self.standing.waiting.borrow_mut().insert(self.number, waits);
        // Dropping the last waker of a task may drop what waits in it.
        drop((before, self.waits.replace(cx.waker().clone())));
        Poll::Pending
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        let waits = self.standing.waiting.borrow_mut().remove(&self.number);
        drop(waits);
    }
}

/// Resolves when a connection is to end; of one that nobody asks about, never.
pub(super) async fn forbidden(allowed: Option<&Allowed>) {
    std::future::poll_fn(|cx| poll_forbidden(allowed, cx)).await;
}

/// The same, for who is a future itself.
pub(super) fn poll_forbidden(allowed: Option<&Allowed>, cx: &Context<'_>) -> Poll<()> {
    allowed.map_or(Poll::Pending, |allowed| allowed.end.poll(cx))
}

impl Drop for Allowed {
    fn drop(&mut self) {
        self.standing.open.borrow_mut().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::authz::Judges;
    use crate::decide::hosts::HostIndex;
    use crate::decide::names::NameTable;
    use crate::decide::normalize::Normalization;
    use crate::decide::routes::RouteTable;
    use crate::decide::snapshot::{CompiledListener, CompiledService, Host, Inbound};
    use crate::id::TrustDomain;
    use crate::model::entry::{EntryKind, EntryRef, IntentionAction};
    use crate::model::gateway::{Listener, ListenerMode, Protocol, Switches};

    /// A terminating gateway that is linked with `web`.
    fn snapshot(judges: &mut Judges, default: IntentionAction) -> Snapshot {
        judges.begin(Arc::default(), &TrustDomain::new("test.consul"), default);
        let rule = EntryRef::new(EntryKind::TerminatingGateway, "exit").at("");
        let host = Arc::new(Host { service: "web".into(), rule, domains: Vec::new(), request_edits: None, response_edits: None });
        let (routes, judge) = (RouteTable::new(Vec::new()), Some(judges.of("web")));
        let web = CompiledService { host, routes, protocol: Protocol::Tcp, judge };
        let (name, bind) = (ListenerName::of("exit", 8443), ([127, 0, 0, 1], 8443).into());
        let mut names = NameTable::default();
        names.insert("web", 0);
        let inbound = Inbound { normalization: Normalization::default(), forwards_client_cert: false };
        let listener = CompiledListener {
            listener: Listener { name: name.clone(), bind, protocol: Protocol::Tcp, mode: ListenerMode::TerminateMtls },
            services: vec![Arc::new(web)],
            hosts: Arc::new(HostIndex::new(8443, false)),
            names: Some(Arc::new(names)),
            unexposed: None,
            inbound: Some(Arc::new(inbound)),
        };
        let listeners = [(name, Arc::new(listener))].into_iter().collect();
        Snapshot { listeners, switches: Switches::default(), rejected: Vec::new() }
    }

    #[test]
    fn a_connection_is_asked_about_again_only_when_it_has_another_judge_and_where_it_would_come_in_by_now() {
        use IntentionAction::{Allow, Deny};
        let (mut judges, standing, asked) = (Judges::default(), Rc::<Standing>::default(), Rc::new(Cell::new(0)));
        let here = ([127, 0, 0, 1], 80).into();
        let mut ends = Ends::new(here, here);
        ends.sni = Some("web".into());
        let ends = Arc::new(ends);
        let count = asked.clone();
        // It came to a listener that is on another port by now.
        let allowed = standing.stands(&ListenerName::of("exit", 8444), &ends, move |_, listener| {
            assert_eq!(*listener, ListenerName::of("exit", 8443));
            count.set(count.get() + 1);
            count.get() < 3
        });
        for (default, times) in [(Allow, 1), (Allow, 1), (Deny, 2), (Deny, 2), (Allow, 3), (Deny, 3)] {
            standing.judge(&snapshot(&mut judges, default));
            assert_eq!(asked.get(), times);
        }
        assert!(allowed.end.told.get());
    }

    /// How often it was woken.
    struct Woken(std::sync::atomic::AtomicU32);

    impl std::task::Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }

    #[test]
    fn who_asks_for_himself_is_woken_by_each_change_and_who_rests_is_not() {
        let (mut judges, standing) = (Judges::default(), Rc::<Standing>::default());
        let snapshot = snapshot(&mut judges, IntentionAction::Allow);
        let woken = Arc::new(Woken(0.into()));
        let waker = Waker::from(woken.clone());
        let cx = Context::from_waker(&waker);
        let times = || woken.0.load(std::sync::atomic::Ordering::Relaxed);
        let mut changes = standing.changes();
        assert!(changes.poll(&cx).is_pending());
        for told in 1..3 {
            standing.judge(&snapshot);
            assert_eq!(times(), told);
            assert!(changes.poll(&cx).is_ready() && changes.poll(&cx).is_pending());
        }
        changes.rest();
        standing.judge(&snapshot);
        assert_eq!(times(), 2);
        // What was said meanwhile is known to the next one.
        changes.begin_anew();
        assert!(changes.poll(&cx).is_pending());
        standing.judge(&snapshot);
        assert_eq!(times(), 3);
        assert!(changes.poll(&cx).is_ready());
        drop(changes);
        assert!(standing.waiting.borrow().is_empty());
    }
}
