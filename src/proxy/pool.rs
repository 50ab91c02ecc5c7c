//! Connections to instances: those in use, those kept for the next request, and instances that rest because they refused.
//!
//! One pool a worker, so that a connection is used on one thread only.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use hyper::client::conn::http1;
use tokio::time::Instant;

use super::shared::{Connections, Stream};
use super::upload::Upload;
use crate::decide::snapshot::{Endpoint, UpstreamTls};
use crate::id::Table;
use crate::model::service::Address;
use crate::rt::task::Held;
use crate::tls::{Credentials, Mesh, Outside};

/// How long an unused connection is kept.
const IDLE: Duration = Duration::from_secs(60);
/// How many unused connections are kept for one instance.
const KEPT: usize = 256;
/// How long an instance rests after it refused: doubled with each refusal, up to the longest.
const REST: Duration = Duration::from_millis(500);
const LONGEST_REST: Duration = Duration::from_secs(10);
/// How long after its rest an instance that refused, and was not asked again, is remembered.
const REMEMBERED: Duration = Duration::from_secs(60);

/// The connections of a worker.
#[derive(Debug, Default)]
pub(super) struct Pool {
    peers: RefCell<Table<Address, Vec<Rc<Peer>>>>,
    /// Where they were found for who asked lately, by the place of the very object: until the pool lets go of anything.
    found: RefCell<Table<usize, Found>>,
}

/// What was found for an instance.
#[derive(Debug)]
struct Found {
    /// Held, so that no other object comes to its place.
    _endpoint: Arc<Endpoint>,
    peer: Rc<Peer>,
    kept: Rc<Kept>,
}

/// What a worker knows of an instance: of an address, and of who must answer there. Two services behind one address share no
/// connection, for on it one of them has answered for itself.
#[derive(Debug, Default)]
pub(super) struct Peer {
    /// The very object that it was asked for by lately.
    tls: RefCell<Option<Arc<UpstreamTls>>>,
    active: Cell<u32>,
    refusals: Cell<u32>,
    rests_until: Cell<Option<Instant>>,
    /// One for each identity that is shown to it: one, but for the time in which requests of an older state go on, and where
    /// several gateways ask it.
    kept: RefCell<Vec<Rc<Kept>>>,
}

/// The connections to an instance that show it the same identity and trust it for the same reasons. Whoever has one is let go of by
/// being taken off its peer: what is still dialed or in use then does not come back to where the next request looks.
#[derive(Debug, Default)]
pub(super) struct Kept {
    shown: Option<Shown>,
    /// A generation whose credentials show just that. Of an instance with TLS they are always those of one gateway.
    generation: Cell<u64>,
    idle: RefCell<Vec<(Http1, Instant)>>,
    pub(super) http2: Connections,
}

/// What an instance is shown, and trusted by.
#[derive(Debug)]
enum Shown {
    Mesh(Mesh),
    Outside(Outside),
}

impl Shown {
    /// `None`: there is nothing to show, and no connection.
    fn to(tls: &UpstreamTls, credentials: &Credentials) -> Option<Self> {
        match tls {
            UpstreamTls::Mesh { .. } => credentials.mesh().cloned().map(Self::Mesh),
            UpstreamTls::Outside { files, .. } => credentials.outside(files).cloned().map(Self::Outside),
        }
    }

    fn same(one: Option<&Self>, other: Option<&Self>) -> bool {
        match (one, other) {
            (Some(Self::Mesh(one)), Some(Self::Mesh(other))) => Mesh::same(Some(one), Some(other)),
            (Some(Self::Outside(one)), Some(Self::Outside(other))) => one.same(other),
            (one, other) => one.is_none() && other.is_none(),
        }
    }
}

/// An HTTP/1 connection. It ends with this, whatever is still under way on it.
#[derive(Debug)]
pub(super) struct Http1 {
    pub(super) sender: http1::SendRequest<Upload>,
    /// For one request only.
    pub(super) once: bool,
    pub(super) _runs: Held,
}

impl Http1 {
    /// Waits until it takes a request: a moment, for its last answer is complete. False: it has ended.
    pub(super) async fn ready(&mut self) -> bool {
        self.sender.ready().await.is_ok()
    }
}

impl Pool {
    /// The instance, remembered from now on.
    pub(super) fn peer(&self, endpoint: &Endpoint) -> Rc<Peer> {
        if let Some(peer) = self.known(endpoint, Rc::clone) {
            return peer;
        }
        let peer = Rc::new(Peer { tls: RefCell::new(endpoint.tls.clone()), ..Peer::default() });
        self.peers.borrow_mut().entry(endpoint.address.clone()).or_default().push(peer.clone());
        peer
    }

    /// The instance, and where connections to it are kept that show what the credentials of this generation show.
    pub(super) fn way(&self, endpoint: &Arc<Endpoint>, credentials: &Credentials, generation: u64) -> (Rc<Peer>, Rc<Kept>) {
        let place = Arc::as_ptr(endpoint) as usize;
        let mut found = self.found.borrow_mut();
        if let Some(Found { peer, kept, .. }) = found.get(&place)
            && kept.generation.get() == generation
        {
            return (peer.clone(), kept.clone());
        }
        let peer = self.peer(endpoint);
        let kept = peer.kept(credentials, generation);
        found.insert(place, Found { _endpoint: endpoint.clone(), peer: peer.clone(), kept: kept.clone() });
        (peer, kept)
    }

    fn known<T>(&self, endpoint: &Endpoint, tell: impl FnOnce(&Rc<Peer>) -> T) -> Option<T> {
        let all = self.peers.borrow();
        let peers = all.get(&endpoint.address)?;
        // What TLS it is spoken to with is looked at in full once after it was said anew.
        let found = peers.iter().find(|peer| peer.is_asked_by(endpoint)).or_else(|| peers.iter().find(|peer| peer.is(endpoint)));
        found.map(tell)
    }

    /// Requests in flight at an instance.
    pub(super) fn active(&self, endpoint: &Endpoint) -> u32 {
        self.known(endpoint, |peer| peer.active.get()).unwrap_or_default()
    }

    /// Whether an instance rests.
    pub(super) fn rests(&self, endpoint: &Endpoint) -> bool {
        self.known(endpoint, |peer| peer.rests()).unwrap_or_default()
    }

    /// Closes what was unused for too long, and forgets instances of which nothing is left to know.
    pub(super) fn sweep(&self) {
        let now = Instant::now();
        self.found.take();
        self.peers.borrow_mut().retain(|_, peers| {
            peers.retain(|peer| peer.sweep(now));
            !peers.is_empty()
        });
    }

    /// Whether there are connections to instances of a host name, or were until lately.
    pub(super) fn has(&self, host: &str) -> bool {
        self.peers.borrow().keys().any(|address| address.host() == Some(host))
    }

    /// Lets go of all connections to a host name, those in use when they are done: it has an address less, and which of them
    /// lead there is not known.
    pub(super) fn renew(&self, host: &str) {
        self.found.take();
        let peers = self.peers.borrow();
        let of_host = peers.iter().filter(|(address, _)| address.host() == Some(host));
        of_host.flat_map(|(_, peers)| peers).for_each(|peer| peer.let_go());
    }

    /// Closes every connection that no request uses.
    pub(super) fn close_idle(&self) {
        self.found.take();
        self.peers.borrow().values().flatten().for_each(|peer| peer.let_go());
    }
}

impl Peer {
    /// Whether it was asked for by that very object.
    fn is_asked_by(&self, endpoint: &Endpoint) -> bool {
        match (&*self.tls.borrow(), &endpoint.tls) {
            (Some(own), Some(asked)) => Arc::ptr_eq(own, asked),
            (own, asked) => own.is_none() && asked.is_none(),
        }
    }

    /// Whether it is who the endpoint says.
    fn is(&self, endpoint: &Endpoint) -> bool {
        let same = *self.tls.borrow() == endpoint.tls;
        if same {
            self.tls.replace(endpoint.tls.clone());
        }
        same
    }

    /// Where connections are kept that show what the credentials of this generation show.
    fn kept(&self, credentials: &Credentials, generation: u64) -> Rc<Kept> {
        let mut all = self.kept.borrow_mut();
        if let Some(kept) = all.iter().find(|kept| kept.generation.get() == generation) {
            return kept.clone();
        }
        let shown = self.tls.borrow().as_deref().and_then(|tls| Shown::to(tls, credentials));
        if let Some(kept) = all.iter().find(|kept| Shown::same(kept.shown.as_ref(), shown.as_ref())) {
            kept.generation.set(generation);
            return kept.clone();
        }
        let kept = Rc::new(Kept { shown, generation: generation.into(), ..Kept::default() });
        all.push(kept.clone());
        kept
    }

    /// Closes what was unused for too long. Whether there is anything left to know.
    fn sweep(&self, now: Instant) -> bool {
        let mut kept = self.kept.borrow_mut();
        kept.retain(|kept| kept.sweep(now));
        !kept.is_empty() || self.active.get() > 0 || self.is_remembered(now)
    }

    /// Closes every connection that no request uses; the others end with their requests.
    fn let_go(&self) {
        self.kept.borrow_mut().clear();
    }

    /// An instance that is down rests longer each time it is tried; one that nobody tries any more may have left for good.
    fn is_remembered(&self, now: Instant) -> bool {
        self.rests_until.get().is_some_and(|until| now < until + REMEMBERED)
    }

    fn rests(&self) -> bool {
        self.rests_until.get().is_some_and(|until| Instant::now() < until)
    }

    /// A connection was refused: the instance rests.
    pub(super) fn refused(&self) {
        let refusals = self.refusals.get();
        let rest = REST.saturating_mul(1 << refusals.min(10)).min(LONGEST_REST);
        self.refusals.set(refusals.saturating_add(1));
        self.rests_until.set(Instant::now().checked_add(rest));
    }

    /// Whether the last connection stood, or none was tried.
    pub(super) fn is_well(&self) -> bool {
        self.refusals.get() == 0
    }

    /// A connection stands: the instance is well.
    pub(super) fn accepted(&self) {
        self.refusals.set(0);
        self.rests_until.set(None);
    }
}

impl Kept {
    /// An HTTP/1 connection that was used before, if there is one, and for how long it was not used. Its last answer is complete, but it
    /// may not have noticed yet: [`Http1::ready`].
    pub(super) fn idle(&self, now: Instant) -> Option<(Http1, Duration)> {
        let mut idle = self.idle.borrow_mut();
        // The one used last is the likeliest to be alive, and lets the others go when load falls.
        while let Some((http1, since)) = idle.pop() {
            let rested = now.duration_since(since);
            if !http1.sender.is_closed() && rested < IDLE {
                return Some((http1, rested));
            }
        }
        None
    }

    /// Closes what was unused for too long. Whether there are connections, or some may come back.
    fn sweep(self: &Rc<Self>, now: Instant) -> bool {
        self.idle.borrow_mut().retain(|(http1, since)| !http1.sender.is_closed() && now.duration_since(*since) < IDLE);
        let shares = self.http2.sweep(now, IDLE);
        let is_used = Rc::strong_count(self) > 1 || Rc::weak_count(self) > 0;
        shares || is_used || !self.idle.borrow().is_empty()
    }
}

/// A request or tcp connection at an instance: counted until it is dropped.
#[derive(Debug)]
pub(super) struct Active(Rc<Peer>);

impl Active {
    pub(super) fn new(peer: &Rc<Peer>) -> Self {
        peer.active.set(peer.active.get() + 1);
        Self(peer.clone())
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.active.set(self.0.active.get().saturating_sub(1));
    }
}

/// A request in flight at an instance. Dropped before its answer is complete, it ends its HTTP/1 connection or its HTTP/2 stream.
#[derive(Debug)]
pub(super) struct Lease {
    _active: Active,
    /// With where it comes back to, if that is still there.
    http1: Option<(Http1, Weak<Kept>)>,
    http2: Option<Stream>,
}

impl Lease {
    pub(super) fn new(peer: &Rc<Peer>) -> Self {
        Self { _active: Active::new(peer), http1: None, http2: None }
    }

    /// The HTTP/1 connection that the request uses alone.
    pub(super) fn hold(&mut self, http1: Http1, kept: &Rc<Kept>) {
        self.http1 = Some((http1, Rc::downgrade(kept)));
    }

    /// The place on an HTTP/2 connection that the request has.
    pub(super) fn share(&mut self, stream: Stream) {
        self.http2 = Some(stream);
    }

    /// The answer is complete: the connection may serve the next request.
    pub(super) fn give_back(&mut self) {
        let Some((http1, kept)) = self.http1.take() else {
            return;
        };
        let Some(kept) = kept.upgrade().filter(|_| !http1.once && !http1.sender.is_closed()) else {
            return;
        };
        let mut idle = kept.idle.borrow_mut();
        if idle.len() < KEPT {
            idle.push((http1, Instant::now()));
        }
    }
}

#[cfg(test)]
mod tests {
    use hyper_util::rt::TokioIo;

    use super::*;
    use crate::id::{SpiffeId, TargetId, TrustDomain};
    use crate::model::service::Health;
    use crate::rt::task;

    fn web() -> Endpoint {
        let address = Address::Host("web.test".to_owned(), 80);
        Endpoint { service: "web".into(), id: "web-1".into(), address, tls: None, host: None, health: Health::Passing, weight: 1 }
    }

    fn run<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(future)
    }

    #[test]
    fn a_lease_counts_its_request_while_it_lives() {
        let pool = Pool::default();
        let lease = Lease::new(&pool.peer(&web()));
        assert_eq!(pool.active(&web()), 1);
        drop(lease);
        assert_eq!(pool.active(&web()), 0);
    }

    #[test]
    fn an_instance_that_is_said_anew_is_known_by_the_new_object_and_another_service_behind_its_address_is_another() {
        let mesh = |name: &str| UpstreamTls::Mesh {
            from: "edge".into(),
            sni: name.into(),
            id: SpiffeId::of_target(&TargetId::service(name, "dc1"), &TrustDomain::new(TrustDomain::OF_FILES)),
        };
        let endpoint = |name: &str| Endpoint { tls: Some(Arc::new(mesh(name))), ..web() };
        let (pool, first) = (Pool::default(), endpoint("web"));
        let peer = pool.peer(&first);
        assert!(!Rc::ptr_eq(&peer, &pool.peer(&endpoint("other"))) && !Rc::ptr_eq(&peer, &pool.peer(&web())));
        let again = endpoint("web");
        assert!(peer.is_asked_by(&first) && !peer.is_asked_by(&again));
        assert!(Rc::ptr_eq(&peer, &pool.peer(&again)));
        assert!(peer.is_asked_by(&again));
    }

    #[test]
    fn an_instance_that_refuses_rests_longer_each_time_until_it_accepts() {
        run(async {
            let pool = Pool::default();
            let peer = pool.peer(&web());
            peer.refused();
            assert!(pool.rests(&web()));
            tokio::time::advance(REST).await;
            assert!(!pool.rests(&web()));
            peer.refused();
            tokio::time::advance(REST).await;
            assert!(pool.rests(&web()));
            peer.accepted();
            assert!(!pool.rests(&web()));
        });
    }

    #[test]
    fn a_sweep_forgets_an_instance_that_refused_and_was_not_asked_again() {
        run(async {
            let pool = Pool::default();
            pool.peer(&web()).refused();
            tokio::time::advance(REST).await;
            pool.sweep();
            assert_eq!(pool.peers.borrow().len(), 1);
            tokio::time::advance(REMEMBERED).await;
            pool.sweep();
            assert_eq!(pool.peers.borrow().len(), 0);
        });
    }

    #[test]
    fn connections_that_were_made_before_their_name_lost_an_address_are_not_kept() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, async {
            let pool = Pool::default();
            let peer = pool.peer(&web());
            let credentials = Credentials::build(&[], None).unwrap();
            let kept = peer.kept(&credentials, 1);
            let mut connections = Vec::new();
            for _ in 0..3 {
                let (ours, theirs) = tokio::io::duplex(64);
                let (sender, connection) = http1::handshake(TokioIo::new(ours)).await.unwrap();
                let runs = task::hold(async move { drop(connection.await) });
                let mut lease = Lease::new(&peer);
                lease.hold(Http1 { sender, once: false, _runs: runs }, &kept);
                connections.push((lease, theirs));
            }
            drop(kept);
            let kept = || peer.kept(&credentials, 1).idle.borrow().len();
            connections[0].0.give_back();
            assert_eq!(kept(), 1);
            assert!(pool.has("web.test") && !pool.has("other.test"));
            pool.renew("other.test");
            connections[1].0.give_back();
            assert_eq!(kept(), 2);
            let dialing = peer.kept(&credentials, 1);
            pool.renew("web.test");
            assert!(!Rc::ptr_eq(&dialing, &peer.kept(&credentials, 1)), "what is dialed now is not what the next request finds");
            connections[2].0.give_back();
            assert_eq!(kept(), 0);
        });
    }

    #[test]
    fn a_sweep_forgets_instances_of_which_nothing_is_left() {
        let pool = Pool::default();
        let lease = Lease::new(&pool.peer(&web()));
        pool.sweep();
        assert_eq!(pool.peers.borrow().len(), 1);
        drop(lease);
        pool.sweep();
        assert_eq!(pool.peers.borrow().len(), 0);
    }
}
