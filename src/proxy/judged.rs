//! A request under way of who has shown who he is: until its last byte it may be forbidden (`docs/differences.md`, deny-cuts). What is
//! judged again is what was judged at first, and not what was made of it for the service.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::HeaderMap;
use http::header::{HOST, HeaderValue};

use super::head::{Head, X_FORWARDED_FOR, X_FORWARDED_HOST};
use super::http::Client;
use super::outcome::Ends;
use super::standing::{Changes, asks_again};
use crate::decide::Snapshot;
use crate::decide::authz::Judge;
use crate::decide::code::Code;
use crate::decide::plan::{Plan, Refusal};
use crate::id::ListenerName;

/// What the mesh says a request is, before it is judged: that is what is sent on.
pub(super) fn prepare(snapshot: &Snapshot, listener: &ListenerName, ends: &Ends, head: &mut Head) -> Result<(), Refusal> {
    let mut headers = std::mem::take(&mut head.headers);
    let prepared = snapshot.prepare(listener, ends.sni.as_deref(), head.target(), &mut headers, &mut ());
    head.headers = headers;
    match prepared? {
        Some(target) => head.asks_for(target).map_err(|code| Refusal::new(code, "a path that no request can have")),
        None => Ok(()),
    }
}

/// A request that was allowed.
#[derive(Debug)]
pub(super) struct Judged {
    client: Rc<Client>,
    /// Until it is dropped.
    changes: Option<Changes>,
    /// Who allowed it when it was asked about last.
    by: Option<Arc<Judge>>,
    headers: Before,
}

/// The headers as they were judged, where those of the request are others by now. Most requests get two that gw adds, and no copy of
/// all is made for these.
#[derive(Debug)]
enum Before {
    /// They are as they came, or gw has added to them.
    Added(Option<Forwarded>),
    /// Entries edit them.
    Edited(Box<HeaderMap>),
}

/// What came of the headers by which gw tells of the client: `x-forwarded-for`, and whether `x-forwarded-host` did.
#[derive(Debug)]
pub(super) struct Forwarded {
    pub(super) client: Option<HeaderValue>,
    pub(super) host: bool,
}

impl Judged {
    /// A request that was judged just now, before anything is changed about it. `None`: nobody has to be allowed anything.
    pub(super) fn of(client: &Rc<Client>, head: &Head, plan: &Plan) -> Option<Self> {
        client.ends.peer.as_ref()?;
        let headers =
            if plan.request_edits().next().is_some() { Before::Edited(Box::new(head.headers.clone())) } else { Before::Added(None) };
        let mut changes = client.changes.borrow_mut().take().unwrap_or_else(|| client.site.standing.changes());
        changes.begin_anew();
        Some(Self { client: client.clone(), changes: Some(changes), by: None, headers })
    }

    /// What gw has added to the headers since.
    pub(super) fn forwarded(&mut self, forwarded: Option<Forwarded>) {
        if let Before::Added(added) = &mut self.headers {
            *added = forwarded;
        }
    }

    /// Ready when it is forbidden.
    fn poll_forbidden(&mut self, head: &Head, cx: &mut Context<'_>) -> Poll<()> {
        while self.changes.as_mut().is_some_and(|changes| changes.poll(cx).is_ready()) {
            if !self.goes_on(head) {
                return Poll::Ready(());
            }
        }
        Poll::Pending
    }

    /// What a request of the same head would be told now.
    fn goes_on(&mut self, head: &Head) -> bool {
        let newest = self.client.site.newest();
        let (snapshot, ends) = (&newest.snapshot, &*self.client.ends);
        if !snapshot.switches.deny_cuts {
            return true;
        }
        let Some(listener) = asks_again(snapshot, &self.client.listener, ends, &mut self.by) else {
            return true;
        };
        let mut head = self.headers.of(head);
        // Nobody may have looked at its path before.
        let prepared = prepare(snapshot, listener, ends, &mut head);
        prepared.and_then(|()| snapshot.permitted(&ends.facts(listener, Some(head.facts())), &mut ()).map(drop)).is_ok()
    }
}

impl Drop for Judged {
    fn drop(&mut self) {
        // The next request of an HTTP/1 connection waits in the same task.
        if let (Some(changes), Some(_)) = (self.changes.take(), &self.client.waits) {
            changes.rest();
            drop(self.client.changes.replace(Some(changes)));
        }
    }
}

impl Before {
    /// The head as it was.
    fn of(&self, head: &Head) -> Head {
        let mut head = head.clone();
        match self {
            Self::Edited(headers) => head.headers = (**headers).clone(),
            Self::Added(added) => {
                if let Some(Forwarded { client, host }) = added {
                    head.headers.remove(X_FORWARDED_FOR);
                    if let Some(value) = client {
                        head.headers.insert(X_FORWARDED_FOR, value.clone());
                    }
                    if !host {
                        head.headers.remove(X_FORWARDED_HOST);
                    }
                }
                head.headers.remove(HOST);
            }
        }
        head
    }
}

/// Resolves when a request is forbidden; of one that nobody judges, never.
pub(super) async fn forbidden(judged: Option<&mut Judged>, head: &Head) -> Code {
    match judged {
        Some(judged) => poll_fn(|cx| judged.poll_forbidden(head, cx)).await,
        None => std::future::pending().await,
    }
    Code::Denied
}

/// A request whose answer has begun: resolves when it is forbidden.
#[derive(Debug)]
pub(super) struct UnderWay {
    pub(super) head: Head,
    pub(super) judged: Judged,
}

impl Future for UnderWay {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self { head, judged } = &mut *self;
        let forbidden = judged.poll_forbidden(head, cx);
        // Over HTTP/1 nothing but the end of the connection ends an answer, also for a client that takes nothing of it.
        if let (Poll::Ready(()), Some(waits)) = (forbidden, &judged.client.waits) {
            waits.end();
        }
        forbidden
    }
}
