//! What a watch tells, and what it does not.

use std::time::Duration;

use gw::rt::rng::Rng;
use gw::source::consul::call::{Call, Side};
use gw::source::consul::watch::{News, Watch};
use gw::source::consul::wire::HealthRow;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::client_of;
use crate::fake::{FakeConsul, Fault};

const PATH: &str = "/v1/health/connect/web";
/// Longer than anything takes that works.
const PATIENCE: Duration = Duration::from_secs(30);

type Told = UnboundedReceiver<News<Vec<HealthRow>>>;

/// Watches web, as it is at the fake.
fn watch(fake: &FakeConsul) -> Told {
    let (client, (told, listens)) = (client_of(fake), unbounded_channel());
    let watch = Watch::new(Call::instances(Side::Mesh, "web"), Vec::is_empty, Rng::seeded(7));
    tokio::spawn(watch.run(client, move |news| told.send(news).is_ok()));
    listens
}

async fn next(told: &mut Told) -> News<Vec<HealthRow>> {
    tokio::time::timeout(PATIENCE, told.recv()).await.expect("news in time").expect("the watch goes on")
}

async fn until(is: impl Fn() -> bool) {
    let waited = async {
        while !is() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waited).await.expect("it came in time");
}

/// The ids of the instances that it is told about, and whether that may be a hole.
async fn instances(told: &mut Told) -> (Vec<String>, bool) {
    match next(told).await {
        News::Is { what, hole, .. } => (what.expect("a list").into_iter().map(|row| row.service.id).collect(), hole),
        other => panic!("{other:?}"),
    }
}

fn rows(ids: &[&str]) -> String {
    let rows: Vec<_> = ids.iter().map(|id| serde_json::json!({"Service": {"ID": id, "Port": 1}})).collect();
    serde_json::Value::from(rows).to_string()
}

fn ids(ids: &[&str]) -> (Vec<String>, bool) {
    (ids.iter().map(|id| (*id).to_owned()).collect(), false)
}

#[tokio::test]
async fn what_changes_is_told_and_a_new_index_alone_is_not() {
    let fake = FakeConsul::start();
    fake.set(PATH, 5, &rows(&["web-1"]));
    let mut told = watch(&fake);
    assert_eq!(instances(&mut told).await, ids(&["web-1"]));
    fake.set(PATH, 6, &rows(&["web-1"]));
    until(|| fake.asked().iter().any(|asked| asked.target.contains("index=6&"))).await;
    fake.set(PATH, 7, &rows(&["web-1", "web-2"]));
    assert_eq!(instances(&mut told).await, ids(&["web-1", "web-2"]));
    // A snapshot was restored: the index goes back, and the next question has none.
    fake.set(PATH, 3, &rows(&["web-0"]));
    assert_eq!(instances(&mut told).await, ids(&["web-0"]));
    // Believed, for the index went forward.
    fake.set(PATH, 9, "[]");
    assert_eq!(instances(&mut told).await, ids(&[]));
    let first: Vec<bool> = fake.asked().iter().map(|asked| asked.target == PATH).collect();
    assert!(first[0] && !first[1], "only the first question, and those after an index that went back, have none: {first:?}");
}

#[tokio::test]
async fn faults_change_nothing_and_are_told_once_until_all_is_well() {
    let fake = FakeConsul::start();
    fake.set(PATH, 5, &rows(&["web-1"]));
    let mut told = watch(&fake);
    assert_eq!(instances(&mut told).await, ids(&["web-1"]));
    let faults = [
        Fault::Status(500, "No cluster leader", "X-Consul-Index: 1"),
        Fault::Cut,
        Fault::Garbled,
        Fault::Closed,
        Fault::Status(403, "Permission denied", ""),
    ];
    for fault in faults {
        let before = fake.asked().len();
        fake.fault(fault.clone());
        assert!(matches!(next(&mut told).await, News::Trouble(_)), "{fault:?}");
        if fault == Fault::Garbled {
            until(|| fake.asked().len() >= before + 3).await;
        }
        fake.fault(Fault::Nothing);
        assert!(matches!(next(&mut told).await, News::Well), "{fault:?}");
    }
    fake.set(PATH, 6, &rows(&["web-2"]));
    assert_eq!(instances(&mut told).await, ids(&["web-2"]));
}

#[tokio::test]
async fn an_emptiness_that_may_be_a_want_of_rights_is_doubted_and_passes() {
    let fake = FakeConsul::start();
    fake.set(PATH, 5, &rows(&["web-1"]));
    let mut told = watch(&fake);
    assert_eq!(instances(&mut told).await, ids(&["web-1"]));
    fake.set(PATH, 1, "[]");
    assert!(matches!(next(&mut told).await, News::Doubted));
    fake.set(PATH, 5, &rows(&["web-1"]));
    assert!(matches!(next(&mut told).await, News::Well));
}
