//! A router, a splitter and a resolver with failover, while requests flow: the first leg's service dies and comes back.

use std::io::{BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Client, Gateway, World, answer, eventually, read_request, request};
use crate::support::free_port;

/// A service that can die, with its connections, and live again at the same address.
struct Leg {
    address: SocketAddr,
    life: Mutex<Arc<Life>>,
}

/// What a service is from its start to its death.
#[derive(Default)]
struct Life {
    dead: AtomicBool,
    served: AtomicUsize,
    connections: Mutex<Vec<Connection>>,
}

struct Connection {
    stream: TcpStream,
    /// How many requests it brought, and how many of them were answered.
    requests: Arc<(AtomicUsize, AtomicUsize)>,
}

/// What was in flight when a service died.
#[derive(Debug)]
struct Lost {
    /// Requests.
    all: usize,
    /// Those of them that were the first of their connection: gw cannot take their connection for a stale one.
    first: usize,
}

impl Leg {
    fn start(name: &'static str) -> Self {
        // Also of its next life.
        let listener = TcpListener::bind(("127.0.0.1", free_port())).unwrap();
        Self { address: listener.local_addr().unwrap(), life: Mutex::new(Life::begin(listener, name)) }
    }

    fn served(&self) -> usize {
        self.life.lock().unwrap().served.load(Ordering::SeqCst)
    }

    /// Ends it: nobody listens any more, and every connection is cut.
    fn die(&self) -> Lost {
        let life = self.life.lock().unwrap();
        life.dead.store(true, Ordering::SeqCst);
        // Wakes the one who accepts; when it is refused, nobody does.
        eventually("nobody listens", || TcpStream::connect(self.address).is_err());
        let mut lost = Lost { all: 0, first: 0 };
        for Connection { stream, requests } in life.connections.lock().unwrap().iter() {
            let (brought, answered) = (requests.0.load(Ordering::SeqCst), requests.1.load(Ordering::SeqCst));
            drop(stream.shutdown(Shutdown::Both));
            // One that was just accepted may be about to bring its first.
            let (open, first) = (brought > answered || brought == 0, brought <= 1);
            lost.all += usize::from(open);
            lost.first += usize::from(open && first);
        }
        lost
    }

    fn live_again(&self, name: &'static str) {
        *self.life.lock().unwrap() = Life::begin(TcpListener::bind(self.address).unwrap(), name);
    }
}

impl Life {
    fn begin(listener: TcpListener, name: &'static str) -> Arc<Self> {
        let life = Arc::new(Self::default());
        let this = life.clone();
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let requests = Arc::<(AtomicUsize, AtomicUsize)>::default();
                let (peer, counts, this) = (stream.try_clone().unwrap(), requests.clone(), this.clone());
                this.connections.lock().unwrap().push(Connection { stream, requests });
                if this.dead.load(Ordering::SeqCst) {
                    return;
                }
                std::thread::spawn(move || this.serve(peer, &counts, name));
            }
        });
        life
    }

    fn serve(&self, mut stream: TcpStream, requests: &(AtomicUsize, AtomicUsize), name: &str) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        while read_request(&mut reader).is_some() {
            requests.0.fetch_add(1, Ordering::SeqCst);
            // An answer takes a while, so that there are requests in flight whenever it dies.
            std::thread::sleep(Duration::from_millis(2));
            if stream.write_all(answer(200, name).as_bytes()).is_err() {
                return;
            }
            requests.1.fetch_add(1, Ordering::SeqCst);
            self.served.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// A router to a splitter: 70 of 100 to `near`, which fails over to `far`, the others to `cart`.
fn mesh(near: &Leg, far: &Leg, cart: &Leg, retries: Value) -> Gateway {
    let mut destination = json!({"Service": "shop"});
    destination.as_object_mut().unwrap().extend(retries.as_object().unwrap().clone());
    World::of("http")
        .instance("near", near.address)
        .instance("far", far.address)
        .instance("cart", cart.address)
        .entry(json!({"Kind": "service-router", "Name": "web", "Routes": [
            {"Match": {"HTTP": {"PathPrefix": "/shop"}}, "Destination": destination},
        ]}))
        .entry(json!({"Kind": "service-splitter", "Name": "shop", "Splits": [
            {"Weight": 70, "Service": "near"},
            {"Weight": 30, "Service": "cart"},
        ]}))
        .entry(json!({"Kind": "service-resolver", "Name": "near", "ConnectTimeout": "1s", "Failover": {"*": {"Service": "far"}}}))
        .start()
}

/// The most requests of a client.
const MOST: usize = 40_000;

/// Asks until it is told to stop: how many requests failed.
fn ask(gateway: SocketAddr, method: &str, stop: &AtomicBool) -> usize {
    let mut client = Client::connect(gateway);
    let body = if method == "POST" { "a body" } else { "" };
    let mut failed = 0;
    for _ in 0..MOST {
        if stop.load(Ordering::SeqCst) {
            return failed;
        }
        client.send(&request(method, "/shop/1", "", body));
        match client.answer() {
            Some(answer) if answer.status == 200 => {}
            Some(_) => failed += 1,
            None => {
                failed += 1;
                client = Client::connect(gateway);
            }
        }
    }
    panic!("{MOST} requests, and not done");
}

/// Tells the clients to stop, also when the test fails.
struct Stops<'a>(&'a AtomicBool);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Lets clients ask while `near` dies and comes back: what was in flight at its death, and how many GETs and POSTs failed.
fn through_a_death(clients: usize, retries: Value) -> (Lost, usize, usize) {
    let (near, far, cart) = (Leg::start("near"), Leg::start("far"), Leg::start("cart"));
    let gateway = mesh(&near, &far, &cart, retries);
    let stop = AtomicBool::new(false);
    let (lost, failed) = std::thread::scope(|scope| {
        let stops = Stops(&stop);
        let clients: Vec<_> = (0..clients)
            .map(|n| {
                let (method, gateway, stop) = (if n % 2 == 0 { "GET" } else { "POST" }, gateway.address, &stop);
                (method, scope.spawn(move || ask(gateway, method, stop)))
            })
            .collect();
        eventually("all is well", || near.served() > 500 && cart.served() > 100);
        assert_eq!(far.served(), 0, "nothing fails over yet");
        let lost = near.die();
        eventually("the others take over", || far.served() > 500);
        near.live_again("near");
        eventually("all is well again", || {
            let (near_before, far_before) = (near.served(), far.served());
            eventually("requests flow", || near.served() + far.served() > near_before + far_before + 500);
            far.served() == far_before
        });
        drop(stops);
        let mut failed = (0, 0);
        for (method, client) in clients {
            *(if method == "GET" { &mut failed.0 } else { &mut failed.1 }) += client.join().unwrap();
        }
        (lost, failed)
    });
    (lost, failed.0, failed.1)
}

#[test]
fn a_death_costs_what_was_in_flight_and_may_not_be_sent_twice() {
    let (lost, gets, posts) = through_a_death(8, json!({}));
    assert!(gets <= lost.first && posts <= lost.all, "{lost:?}: {gets} GETs, {posts} POSTs");
}

#[test]
fn with_retries_a_death_costs_nothing() {
    // As many as may be tried again at once.
    let (lost, gets, posts) = through_a_death(3, json!({"NumRetries": 3, "RetryOn": ["5xx"]}));
    assert_eq!((gets, posts), (0, 0), "{lost:?}");
}
