//! What one worker has for itself: pools, chance, counters. Nothing of it is shared with another thread but by number.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;

use super::HEAD_TIME;
use super::access::AccessLog;
use super::clock::Wall;
use super::connections::Connections;
use super::copy::Buffer;
use super::hello::Hellos;
use super::meters::{Door, Meter, Tally};
use super::outcome::Ends;
use super::pipes::Pipes;
use super::pool::Pool;
use super::progress::Timers;
use super::records::Records;
use super::retry::Budget;
use super::standing::Standing;
use super::tap::{Tapped, Taps};
use super::trace::Tracing;
use super::waits::Rounds;
use crate::decide::balance::{Dice, Load};
use crate::decide::snapshot::{Endpoint, Target};
use crate::id::{ListenerName, Table};
use crate::model::gateway::Listener;
use crate::net::Dialer;
use crate::rt::rng::Rng;
use crate::rt::task;
use crate::state::refusals::Refusals;
use crate::state::{AskForLeaf, Current, Live, Reader};

/// How often unused connections are looked through, on both sides.
const SWEEP: Duration = Duration::from_secs(10);
/// For how many such rounds an HTTP/1 connection may stand without a request.
const HEAD_ROUNDS: u32 = (HEAD_TIME.as_secs() / SWEEP.as_secs()) as u32;

/// A worker.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) pool: Pool,
    pub(super) retries: Budget,
    pub(super) dialer: Dialer,
    pub(super) meter: Meter,
    /// Instances that take no connection, as this and the other workers met them.
    pub(super) refusals: Refusals,
    pub(super) access: Option<Records>,
    /// How the leaf of a service is had that is not there.
    leaves: Option<AskForLeaf>,
    pub(super) tracing: Option<Tracing>,
    /// Through which short reads of spliced connections go.
    pub(super) buffer: RefCell<Buffer>,
    /// Through which bytes go from socket to socket.
    pub(super) pipes: Rc<Pipes>,
    pub(super) timers: Rc<Timers>,
    pub(super) rounds: Rounds,
    pub(super) hellos: Rc<Hellos>,
    pub(super) connections: Rc<Connections>,
    /// Who wants to see what passes.
    pub(super) taps: Taps,
    /// When requests began that are recorded.
    pub(super) wall: Wall,
    rng: RefCell<Rng>,
}

impl Worker {
    pub(super) fn new(
        dialer: Dialer,
        meter: Meter,
        refusals: Refusals,
        access: Option<AccessLog>,
        leaves: Option<AskForLeaf>,
        tracing: Option<Tracing>,
        rng: Rng,
    ) -> Rc<Self> {
        let worker = Self {
            pool: Pool::default(),
            retries: Budget::default(),
            dialer,
            meter,
            refusals,
            access: access.map(Records::of),
            leaves,
            tracing,
            buffer: RefCell::default(),
            pipes: Rc::default(),
            timers: Rc::default(),
            rounds: Rounds::default(),
            hellos: Rc::default(),
            connections: Rc::default(),
            taps: Taps::default(),
            wall: Wall::default(),
            rng: RefCell::new(rng),
        };
        Rc::new(worker)
    }

    /// Looks through pool and connections for ever.
    pub(super) fn sweep(self: &Rc<Self>) {
        let worker = Rc::downgrade(self);
        task::spawn(async move {
            loop {
                tokio::time::sleep(SWEEP).await;
                match worker.upgrade() {
                    Some(worker) => {
                        worker.pool.sweep();
                        worker.rounds.turn(HEAD_ROUNDS);
                        let lost = worker.dialer.sweep(|host| worker.pool.has(host));
                        lost.iter().for_each(|host| worker.pool.renew(host));
                    }
                    None => return,
                }
            }
        });
    }

    /// Those who watch live and may want what came to a listener.
    pub(super) fn tapped(&self, listener: &ListenerName, ends: &Ends, http: bool) -> Option<Box<Tapped>> {
        self.taps.met(listener, ends, http, |sides| self.chance(|rng| rng.below(sides)))
    }

    /// A new request id: a random UUID.
    pub(super) fn request_id(&self) -> HeaderValue {
        let bytes = self.rng.borrow_mut().bytes();
        let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
        let text = uuid::Builder::from_random_bytes(bytes).into_uuid().hyphenated().encode_lower(&mut text);
        HeaderValue::from_str(text).expect("a UUID is made of digits, letters and hyphens")
    }

    /// Runs with the worker's generator.
    pub(super) fn chance<T>(&self, use_it: impl FnOnce(&mut Rng) -> T) -> T {
        use_it(&mut self.rng.borrow_mut())
    }
}

/// A listener's gateway as one worker sees it.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) worker: Rc<Worker>,
    /// Those who connected and may be forbidden to go on.
    pub(super) standing: Rc<Standing>,
    /// Who connects.
    pub(super) door: Arc<Door>,
    /// Requests, and tcp connections, of which nothing is decided yet, or nothing was.
    undecided: [OnceCell<Tally>; 2],
    live: Reader,
    listener: Rc<Listener>,
    seen: RefCell<Seen>,
}

/// The state by which a listener decides, with round-robin counters; they begin anew with each generation, in which other
/// targets have their numbers.
#[derive(Debug)]
struct Seen {
    /// The newest generation that was looked at.
    looked_at: u64,
    state: Current,
    by_target: Table<u32, u64>,
    /// The counters of those who go to each target, of requests and of tcp connections.
    tallies: [Table<u32, Tally>; 2],
}

impl Site {
    pub(super) fn new(worker: &Rc<Worker>, live: &Live, listener: &Rc<Listener>) -> Rc<Self> {
        let live = live.reader();
        let state = live.current();
        let seen = RefCell::new(Seen { looked_at: state.generation, state, by_target: Table::default(), tallies: Default::default() });
        let door = worker.meter.door(&listener.name);
        Rc::new(Self {
            worker: worker.clone(),
            standing: Rc::default(),
            door,
            undecided: Default::default(),
            live,
            listener: listener.clone(),
            seen,
        })
    }

    /// The state for one decision: the newest that has the listener as it is. One that is gone, or speaks another protocol
    /// by now, serves its last requests by the last state that had it.
    pub(super) fn current(&self) -> Current {
        let newest = self.newest();
        let mut seen = self.seen.borrow_mut();
        if seen.looked_at != newest.generation {
            seen.looked_at = newest.generation;
            if newest.has(&self.listener) {
                seen.by_target.clear();
                seen.tallies.iter_mut().for_each(Table::clear);
                seen.state = newest;
            }
        }
        seen.state.clone()
    }

    /// The newest state, also where it has another listener, or none: by it one may be forbidden to go on.
    pub(super) fn newest(&self) -> Current {
        self.live.current()
    }

    /// Has the leaf of a service asked for, and waits for what is published next. False: nothing will come of it.
    pub(super) async fn another_leaf(&self, service: &str) -> bool {
        let Some(leaves) = &self.worker.leaves else { return false };
        // Before it is asked for, so that it is not missed.
        let changed = self.live.changed();
        leaves.ask(service);
        changed.await
    }

    /// Lets go of states that are not the newest, and of connections that the newest forbids.
    pub(super) fn look(&self) {
        drop(self.current());
        self.standing.judge(&self.newest().snapshot);
    }

    /// The counters of those of whom nothing is decided. `http`: requests, not tcp connections.
    pub(super) fn undecided(&self, http: bool) -> &Tally {
        self.undecided[usize::from(http)].get_or_init(|| self.worker.meter.tally(&self.listener.name, None, http))
    }

    /// The counters of those who go to a target.
    pub(super) fn tally(&self, target: &Target, http: bool) -> Tally {
        let tallies = &mut self.seen.borrow_mut().tallies[usize::from(http)];
        tallies.entry(target.number).or_insert_with(|| self.worker.meter.tally(&self.listener.name, Some(target), http)).clone()
    }

    /// The dice of a decision.
    pub(super) fn dice(&self) -> Thrower<'_> {
        Thrower(&self.worker.rng)
    }
}

impl Load for Site {
    fn turn(&self, balancer: u32) -> u64 {
        let mut seen = self.seen.borrow_mut();
        // Workers start anywhere in the round, else the first instance would get the first request of each.
        let turn = seen.by_target.entry(balancer).or_insert_with(|| u64::from(self.worker.rng.borrow_mut().below(1 << 16)));
        *turn += 1;
        *turn
    }

    fn active(&self, endpoint: &Endpoint) -> u32 {
        self.worker.pool.active(endpoint)
    }

    fn rests(&self, endpoint: &Endpoint) -> bool {
        self.worker.pool.rests(endpoint)
    }
}

/// Throws the worker's dice.
#[derive(Debug)]
pub(super) struct Thrower<'a>(&'a RefCell<Rng>);

impl Dice for Thrower<'_> {
    fn roll(&mut self, sides: u32) -> u32 {
        self.0.borrow_mut().below(sides)
    }
}
