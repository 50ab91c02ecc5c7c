//! The listeners of one worker: opened, changed and closed while it runs, each without a word to the others.

use std::cell::RefCell;
use std::collections::HashMap;
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedReceiver;

use super::listen::{Door, Listening};
use super::worker::{Site, Worker};
use super::{Order, Socket};
use crate::model::gateway::Listener;
use crate::rt::drain::{self, Drain, DrainWatch};
use crate::rt::signal::Shutdown;
use crate::rt::task;
use crate::state::Live;

/// Within which a socket that is to close has let in who waits in its queue.
const CLOSING: Duration = Duration::from_secs(1);

/// The listeners of a worker.
#[derive(Debug)]
pub(super) struct Posts {
    worker: Rc<Worker>,
    permits: Arc<Semaphore>,
    drain_time: Duration,
    /// Whoever asks for the end does not wait for the drain.
    shutdown: Shutdown,
    open: HashMap<u64, Post>,
    /// Of listeners that were changed or closed, as long as somebody is connected who came to them.
    left: Vec<Weak<Site>>,
    /// Ends when everything that was ever closed is done.
    all: Drain,
    leaving: DrainWatch,
}

/// One listener.
#[derive(Debug)]
struct Post {
    /// What who connects meets.
    door: Rc<RefCell<Door>>,
    /// Those who came through the door.
    guests: Drain,
    /// Ends the accepting.
    socket: Drain,
}

impl Posts {
    pub(super) fn new(worker: &Rc<Worker>, max_connections: usize, drain_time: Duration, shutdown: Shutdown) -> Self {
        let permits = Arc::new(Semaphore::new(max_connections.min(Semaphore::MAX_PERMITS)));
        // At least half of them are for who says what it wants.
        worker.hellos.at_most(max_connections.div_ceil(2));
        let (all, leaving) = drain::channel();
        Self { worker: worker.clone(), permits, drain_time, shutdown, open: HashMap::new(), left: Vec::new(), all, leaving }
    }

    pub(super) fn obey(&mut self, order: Order) {
        match order {
            Order::Open(socket) => self.open(socket),
            Order::Change(id, listener, live) => self.change(id, listener, &live),
            Order::Close(id) => self.close(id),
            Order::Look => self.look(),
        }
    }

    fn look(&mut self) {
        self.open.values().for_each(|post| post.door.borrow().site.look());
        look_at(&mut self.left);
    }

    fn open(&mut self, socket: Socket) {
        let Socket { id, listener, live, socket, held } = socket;
        let name = listener.name.clone();
        let socket = match TcpListener::from_std(socket) {
            Ok(socket) => socket,
            // The other workers have theirs, and this one's is closed.
            Err(error) => return tracing::error!(listener = %name, %error, "a worker cannot listen"),
        };
        let (guests, door) = self.door(listener, &live);
        let door = Rc::new(RefCell::new(door));
        let (close, watch) = drain::channel();
        let listening = Listening { socket, door: door.clone(), permits: self.permits.clone(), close: watch, held };
        task::spawn(listening.accept());
        self.open.insert(id, Post { door, guests, socket: close });
    }

    fn door(&self, listener: Listener, live: &Live) -> (Drain, Door) {
        let listener = Rc::new(listener);
        let (guests, drain) = drain::channel();
        (guests, Door { site: Site::new(&self.worker, live, &listener), listener, drain })
    }

    fn change(&mut self, id: u64, listener: Listener, live: &Live) {
        let (guests, door) = self.door(listener, live);
        let Some(post) = self.open.get_mut(&id) else { return };
        self.left.push(Rc::downgrade(&post.door.replace(door).site));
        let before = std::mem::replace(&mut post.guests, guests);
        let counted = post.door.borrow().site.door.clone();
        let (over, leaving) = (self.over(), self.leaving.clone());
        task::spawn(async move {
            counted.cut(before.finish_before(over).await.unwrap_or_default());
            drop(leaving);
        });
    }

    fn close(&mut self, id: u64) {
        let Some(Post { door, guests, socket }) = self.open.remove(&id) else { return };
        let (time, over, leaving) = (self.drain_time, self.over(), self.leaving.clone());
        let name = door.borrow().listener.name.clone();
        let site = door.borrow().site.clone();
        self.left.push(Rc::downgrade(&site));
        let counted = site.door.clone();
        drop((door, site));
        guests.say();
        task::spawn(async move {
            // First the socket: who was still let in is among the guests.
            socket.finish(CLOSING).await;
            if let Some(cut) = guests.finish_before(over).await {
                counted.cut(cut);
                tracing::warn!(listener = %name, seconds = time.as_secs(), cut, "connections were cut at the end of the drain time");
            }
            drop(leaving);
        });
    }

    /// Resolves when who is left is to be cut.
    fn over(&self) -> impl Future<Output = ()> + use<> {
        let (time, shutdown) = (self.drain_time, self.shutdown.clone());
        async move {
            tokio::select! {
                () = tokio::time::sleep(time) => {}
                () = shutdown.ended() => {}
            }
        }
    }

    /// Closes all, and waits until the last guest is gone. Of what is ordered meanwhile only that one may not stay concerns them.
    pub(super) async fn close_all(mut self, mut orders: UnboundedReceiver<Order>) {
        self.drain_time = self.shutdown.within().unwrap_or(self.drain_time);
        let open: Vec<u64> = self.open.keys().copied().collect();
        open.into_iter().for_each(|id| self.close(id));
        self.worker.hellos.hurry();
        let Self { mut left, all, leaving, .. } = self;
        drop(leaving);
        // Each ends within the drain time by itself.
        let mut over = pin!(all.finish(Duration::MAX));
        loop {
            tokio::select! {
                biased;
                _ = over.as_mut() => return,
                Some(order) = orders.recv() => if matches!(order, Order::Look) {
                    look_at(&mut left);
                },
            }
        }
    }
}

/// Those that are left by all who are connected are forgotten.
fn look_at(left: &mut Vec<Weak<Site>>) {
    left.retain(|left| {
        let site = left.upgrade();
        site.iter().for_each(|site| site.look());
        site.is_some()
    });
}
