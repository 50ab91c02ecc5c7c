//! Changed files under a running gateway.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gw::app::files::Unreadable;
use gw::app::origin::OriginError;
use gw::app::{Refused, StartError, Told};

use crate::harness::{Answer, Client, Folder, Run, Scrape, Seen, Service, answer, entries, eventually, get, request};
use crate::http2::run;
use crate::support::free_port;
use crate::tls::handshake;

fn local(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// A gateway with one http listener, and the folder it runs from.
fn gateway(name: &str, web: &Service, prefixes: &[&str]) -> (Folder, Run, u16) {
    let (folder, port) = (Folder::new(name), free_port());
    folder.gw_toml(web.address, "");
    folder.entries(&[(port, "http", false)], prefixes);
    let run = folder.start();
    (folder, run, port)
}

fn route(answer: &Answer) -> Option<&str> {
    answer.header("x-route")
}

#[test]
pub(crate) fn a_changed_file_is_taken_up_by_itself_and_a_kept_alive_connection_sees_it_at_its_next_request() {
    let web = Service::saying("ok");
    let (folder, run, port) = gateway("file", &web, &["/a"]);
    let mut kept = Client::connect(run.address());
    assert_eq!(route(&kept.ask(&request("GET", "/b", "", ""))), None);
    folder.entries(&[(port, "http", false)], &["/b", "/a"]);
    let changed = run.changed();
    assert_eq!((changed.generation, changed.added.len(), changed.changed.len(), changed.removed.len()), (2, 0, 0, 0));
    assert_eq!(route(&kept.ask(&request("GET", "/b", "", ""))), Some("/b"));
    let listed = gw::admin::client::get_blocking(run.admin(), "/v1/routes").unwrap();
    assert_eq!(listed["gateways"][0]["generation"], 2);
    assert_eq!(listed.get("refused"), None);
}

#[test]
fn who_asks_hears_that_nothing_changed_and_a_file_that_says_the_same_is_not_worth_a_word() {
    let web = Service::saying("ok");
    let (folder, run, port) = gateway("same", &web, &["/a"]);
    run.ask();
    assert!(matches!(run.told(), Told::Same { generation: 1 }));
    folder.entries(&[(port, "http", false)], &["/a"]);
    folder.write("gw.d/.entries.json.swp", "not for gw");
    folder.write("gw.d/notes.txt", "nor this");
    assert!(run.is_silent(Duration::from_millis(400)));
    folder.entries(&[(port, "http", false)], &["/a", "/b"]);
    assert_eq!(run.changed().generation, 2);
}

#[test]
fn a_broken_file_keeps_the_last_good_state_and_its_connections() {
    let web = Service::saying("ok");
    let (folder, run, port) = gateway("broken", &web, &["/a"]);
    let mut kept = Client::connect(run.address());
    assert_eq!(route(&kept.ask(&request("GET", "/a", "", ""))), Some("/a"));
    folder.write("gw.d/broken.hcl", "Kind = \"service-router\"\nName = \"web\"\nRooutes = []\n");
    let Refused::Files(Unreadable::Origin(OriginError::Files(problems))) = run.refused() else { panic!("the files are refused") };
    assert!(problems.iter().any(|p| p.code == "GW0102" && p.message.contains("Rooutes")), "{problems:?}");
    assert_eq!(route(&kept.ask(&request("GET", "/a", "", ""))), Some("/a"));
    assert_eq!(get(run.admin(), "/ready").status, 403, "the test's Host is no address");
    let ready = Client::connect(run.admin()).ask("GET /ready HTTP/1.1\r\nhost: localhost\r\n\r\n");
    assert_eq!((ready.status, ready.text()), (200, "LIVE\n"));
    let listed = || gw::admin::client::get_blocking(run.admin(), "/v1/routes").unwrap();
    assert!(listed()["refused"].as_str().is_some_and(|why| why.contains("broken.hcl:3:1: [GW0102]")), "{}", listed()["refused"]);
    assert_eq!(listed()["gateways"][0]["generation"], 1);
    std::fs::remove_file(folder.at("gw.d/broken.hcl")).unwrap();
    assert!(matches!(run.told(), Told::Same { generation: 1 }), "they are good again, and that is said");
    assert_eq!(listed().get("refused"), None);
    folder.entries(&[(port, "http", false)], &["/b"]);
    assert_eq!(run.changed().generation, 2);
    assert_eq!(route(&kept.ask(&request("GET", "/b", "", ""))), Some("/b"));
}

#[test]
fn a_file_that_is_replaced_in_pieces_is_never_taken_half() {
    let web = Service::saying("ok");
    let (folder, run, port) = gateway("pieces", &web, &["/a"]);
    let path = folder.at("gw.d/entries.json");
    // As an editor does: the old one away, a new one begun, and another file complete in between.
    std::fs::rename(&path, folder.at("gw.d/entries.json~")).unwrap();
    folder.write("gw.d/api.json", "{\"Kind\": \"service-defaults\", \"Name\": \"api\", \"Protocol\": \"http\"}");
    folder.write("gw.d/entries.json", &entries(&[(port, "http", false)], &["/b"]));
    assert_eq!(run.changed().generation, 2);
    assert_eq!(route(&get(run.address(), "/b")), Some("/b"));
}

#[test]
fn a_listener_comes_and_goes_and_the_others_do_not_notice() {
    let web = Service::saying("ok");
    let (folder, run, first) = gateway("comes", &web, &["/"]);
    let second = free_port();
    let mut kept = Client::connect(local(first));
    assert_eq!(kept.ask(&request("GET", "/", "", "")).status, 200);
    folder.entries(&[(first, "http", false), (second, "http", false)], &["/"]);
    let added = run.changed().added;
    assert_eq!(added.iter().map(|(name, at)| (name.to_string(), *at)).collect::<Vec<_>>(), [(format!("edge:{second}"), local(second))]);
    let mut other = Client::connect(local(second));
    assert_eq!(other.ask(&request("GET", "/", "", "")).status, 200);
    folder.entries(&[(first, "http", false)], &["/"]);
    assert_eq!(run.changed().removed.len(), 1);
    eventually("the listener is closed", || TcpStream::connect(local(second)).is_err());
    // Its last request is answered as ever, and told that it was the last.
    if let Some(last) = {
        other.send(&request("GET", "/", "", ""));
        other.answer()
    } {
        assert_eq!((last.status, last.header("connection")), (200, Some("close")));
    }
    assert!(other.is_closed());
    let still = kept.ask(&request("GET", "/", "", ""));
    assert_eq!((still.status, still.header("connection")), (200, None));
}

/// The row `listener-changes` of `docs/differences.md`.
#[test]
pub(crate) fn connections_live_on_where_routes_change_and_end_where_their_listener_becomes_another() {
    let web = Service::saying("ok");
    let (folder, run, port) = gateway("live-on", &web, &["/a"]);
    let mut kept = Client::connect(run.address());
    assert_eq!(route(&kept.ask(&request("GET", "/b", "", ""))), None);
    folder.entries(&[(port, "http", false)], &["/a", "/b"]);
    run.until(2);
    let answer = kept.ask(&request("GET", "/b", "", ""));
    assert_eq!((route(&answer), answer.header("connection")), (Some("/b"), None));
    folder.entries(&[(port, "tcp", false)], &[]);
    run.until(3);
    assert!(kept.is_closed(), "nothing was under way on it");
}

#[test]
fn a_request_under_way_on_a_listener_that_goes_is_answered() {
    let (go, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let web = Service::answering(move |seen: &Seen| {
        if seen.line.contains("/slow") {
            wait.lock().unwrap().recv().unwrap();
        }
        answer(200, "late")
    });
    let (folder, run, first) = gateway("underway", &web, &["/"]);
    let second = free_port();
    folder.entries(&[(first, "http", false), (second, "http", false)], &["/"]);
    run.until(2);
    let mut client = Client::connect(local(second));
    client.send(&request("GET", "/slow", "", ""));
    eventually("the request is at the service", || web.connections() == 1);
    folder.entries(&[(first, "http", false)], &["/"]);
    run.until(3);
    eventually("the listener is closed", || TcpStream::connect(local(second)).is_err());
    go.send(()).unwrap();
    let answer = client.answer().expect("an answer");
    assert_eq!((answer.text(), route(&answer), client.is_closed()), ("late", Some("/"), true));
}

#[test]
fn what_is_not_done_when_the_drain_time_of_its_listener_is_over_is_cut() {
    let silent = Service::start(|stream| drop(std::io::copy(&mut &stream, &mut std::io::sink())));
    let (folder, first, second) = (Folder::new("cut"), free_port(), free_port());
    folder.gw_toml(silent.address, "");
    folder.entries(&[(first, "tcp", false), (second, "tcp", false)], &[]);
    let run = folder.start_with(&folder.at("gw.toml"), Duration::from_millis(300));
    let (mut cut, mut kept) = (Client::connect(local(second)), Client::connect(local(first)));
    cut.send("x");
    kept.send("x");
    eventually("both are at the service", || silent.connections() == 2);
    folder.entries(&[(first, "tcp", false)], &[]);
    run.until(2);
    assert!(cut.is_closed());
    eventually("it is counted", || told(run.admin()).sum("gw_connections_cut_total", &[("gateway", "edge")]) == 1.0);
    kept.send("x");
    kept.stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let still = std::io::Read::read(&mut kept.stream, &mut [0]).unwrap_err();
    assert_eq!(still.kind(), std::io::ErrorKind::WouldBlock);
}

/// What is told at `/metrics`.
fn told(admin: SocketAddr) -> Scrape {
    let answer = Client::connect(admin).ask("GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    Scrape::read(answer.text())
}

/// Asks again and again, each time on a connection of its own and on one that is kept, until told to end. How often.
fn traffic(address: SocketAddr) -> (Arc<AtomicUsize>, impl FnOnce() -> usize) {
    let (answered, end) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (answered, end) = (answered.clone(), end.clone());
            std::thread::spawn(move || {
                let mut kept = Client::connect(address);
                while !end.load(Ordering::SeqCst) {
                    assert_eq!(get(address, "/").status, 200);
                    kept.send(&request("GET", "/", "", ""));
                    let answer = kept.answer().expect("a request that was sent is answered");
                    assert_eq!(answer.status, 200);
                    if answer.header("connection") == Some("close") {
                        kept = Client::connect(address);
                    }
                    answered.fetch_add(2, Ordering::SeqCst);
                }
            })
        })
        .collect();
    let total = answered.clone();
    let stop = move || {
        end.store(true, Ordering::SeqCst);
        clients.into_iter().for_each(|client| client.join().expect("no client lost anything"));
        total.load(Ordering::SeqCst)
    };
    (answered, stop)
}

#[test]
fn fifty_reloads_under_load_lose_nothing() {
    let web = Service::saying("ok");
    let (folder, run, port) = gateway("fifty", &web, &["/"]);
    let (answered, stop) = traffic(run.address());
    for n in 0..50u64 {
        let before = answered.load(Ordering::SeqCst);
        let prefix = format!("/{n}");
        folder.entries(&[(port, "http", false)], &[&prefix, "/"]);
        run.ask();
        run.until(n + 2);
        eventually("load", || answered.load(Ordering::SeqCst) > before + 8);
    }
    assert!(stop() > 400);
    assert_eq!(route(&get(run.address(), "/49")), Some("/49"));
}

#[test]
fn a_listener_that_becomes_another_refuses_nobody_meanwhile() {
    let web = Service::answering(|seen: &Seen| answer(200, if seen.header("x-request-id").is_some() { "http" } else { "tcp" }));
    let (folder, run, port) = gateway("becomes", &web, &["/"]);
    assert_eq!(get(run.address(), "/").text(), "http");
    let (answered, stop) = traffic(run.address());
    eventually("load", || answered.load(Ordering::SeqCst) > 100);
    for n in 0..6u64 {
        let protocol = if n % 2 == 0 { "tcp" } else { "http" };
        folder.entries(&[(port, protocol, false)], if n % 2 == 0 { &[] } else { &["/"] });
        run.until(n + 2);
        eventually("who connects meets the new listener", || get(run.address(), "/").text() == protocol);
        let before = answered.load(Ordering::SeqCst);
        eventually("load", || answered.load(Ordering::SeqCst) > before + 50);
    }
    stop();
}

#[test]
fn a_listener_moves_from_one_address_to_all_of_its_port() {
    let web = Service::saying("ok");
    let (folder, run, port) = gateway("wide", &web, &["/"]);
    assert_eq!(get(local(port), "/").status, 200);
    let text = std::fs::read_to_string(folder.at("gw.toml")).unwrap();
    folder.write("gw.toml", &text.replace("name = \"edge\"", "name = \"edge\"\naddress = \"0.0.0.0\""));
    let changed = run.changed();
    assert_eq!((changed.added.len(), changed.removed.len()), (1, 1));
    assert_eq!(get(SocketAddr::from(([127, 0, 0, 2], port)), "/").status, 200);
    assert_eq!(get(local(port), "/").status, 200);
}

#[test]
fn an_address_that_is_taken_refuses_all_of_it() {
    let web = Service::saying("ok");
    let (folder, run, port) = gateway("taken", &web, &["/a"]);
    let taken = TcpListener::bind(("127.0.0.1", free_port())).unwrap();
    let second = taken.local_addr().unwrap();
    folder.entries(&[(port, "http", false), (second.port(), "http", false)], &["/b"]);
    match run.refused() {
        Refused::Start(StartError::Listen { address, .. }) => assert_eq!(address, second),
        other => panic!("{other:?}"),
    }
    assert_eq!((route(&get(run.address(), "/a")), route(&get(run.address(), "/b"))), (Some("/a"), None));
    drop(taken);
    run.ask();
    assert_eq!(run.changed().generation, 2);
    assert_eq!(route(&get(second, "/b")), Some("/b"));
}

#[test]
fn gateways_of_a_file_come_and_go() {
    let web = Service::saying("ok");
    let (folder, run, _) = gateway("gateways", &web, &["/"]);
    let port = free_port();
    let entry = entries(&[(port, "http", false)], &[]).replace("\"edge\"", "\"other\"").replace("\"service-defaults\"", "\"none\"");
    let entry: Vec<serde_json::Value> = serde_json::from_str(&entry).unwrap();
    folder.write("gw.d/other.json", &entry[1].to_string());
    folder.gw_toml(web.address, "[[gateway]]\nkind = \"ingress\"\nname = \"other\"\n");
    eventually("the other gateway answers", || TcpStream::connect(local(port)).is_ok());
    assert_eq!(get(local(port), "/").status, 200);
    let listed = gw::admin::client::get_blocking(run.admin(), "/v1/routes").unwrap();
    assert_eq!(listed["gateways"].as_array().map(Vec::len), Some(2));
    folder.gw_toml(web.address, "");
    eventually("the other gateway is gone", || TcpStream::connect(local(port)).is_err());
    assert_eq!(get(run.address(), "/").status, 200);
}

#[test]
fn a_changed_certificate_is_shown_to_the_next_and_a_bad_one_to_nobody() {
    gw::tls::install();
    let web = Service::saying("ok");
    let (folder, port) = (Folder::new("certificate"), free_port());
    let (_, old) = folder.certificate("one.test");
    folder.gw_toml(web.address, "[[certificate]]\ncert = \"one.test.pem\"\nkey = \"one.test-key.pem\"\n");
    folder.entries(&[(port, "http", true)], &["/"]);
    let gateway = folder.start();
    run(async {
        handshake(gateway.address(), &old, "one.test", &[]).await.unwrap();
        let (_, new) = folder.certificate("one.test");
        gateway.until(2);
        handshake(gateway.address(), &new, "one.test", &[]).await.unwrap();
        handshake(gateway.address(), &old, "one.test", &[]).await.unwrap_err();
        folder.write("one.test.pem", "no certificate");
        let refused = gateway.refused();
        assert!(matches!(&refused, Refused::Files(Unreadable::Origin(OriginError::Files(p))) if p[0].code == "GW0504"), "{refused:?}");
        handshake(gateway.address(), &new, "one.test", &[]).await.unwrap();
    });
}

#[test]
fn a_link_that_is_swapped_is_seen_as_kubernetes_does_it() {
    let web = Service::saying("ok");
    let (folder, port) = (Folder::new("swap"), free_port());
    folder.gw_toml(web.address, "");
    folder.write("gw.d/..one/entries.json", &entries(&[(port, "http", false)], &["/a"]));
    symlink("..one", folder.at("gw.d/..data")).unwrap();
    symlink("..data/entries.json", folder.at("gw.d/entries.json")).unwrap();
    let run = folder.start();
    let versions = ["..one", "..two", "..three"];
    for (n, prefix) in [(1, "/b"), (2, "/c")] {
        folder.write(&format!("gw.d/{}/entries.json", versions[n]), &entries(&[(port, "http", false)], &[prefix]));
        symlink(versions[n], folder.at("gw.d/..data_tmp")).unwrap();
        std::fs::rename(folder.at("gw.d/..data_tmp"), folder.at("gw.d/..data")).unwrap();
        std::fs::remove_dir_all(folder.at("gw.d").join(versions[n - 1])).unwrap();
        assert_eq!(run.changed().generation, n as u64 + 1);
        assert_eq!(route(&get(run.address(), prefix)), Some(prefix));
    }
}

#[test]
fn a_folder_that_is_gone_is_refused_and_taken_up_when_there_is_one_again() {
    let web = Service::saying("ok");
    let (folder, run, port) = gateway("folder", &web, &["/a"]);
    std::fs::rename(folder.at("gw.d"), folder.at("away")).unwrap();
    assert!(matches!(run.refused(), Refused::Files(_)));
    assert_eq!(route(&get(run.address(), "/a")), Some("/a"));
    folder.write("gw.d/entries.json", &entries(&[(port, "http", false)], &["/b"]));
    run.until(2);
    assert_eq!(route(&get(run.address(), "/b")), Some("/b"));
    folder.entries(&[(port, "http", false)], &["/c"]);
    run.until(3);
    assert_eq!(route(&get(run.address(), "/c")), Some("/c"));
}

#[test]
fn what_was_replaced_is_freed_by_the_publisher_when_the_last_reader_has_looked() {
    gw::tls::install();
    let resources = gw::model::resources::Resources {
        gateway: gw::model::gateway::GatewayConfig::of(gw::model::gateway::GatewayKind::Ingress, "edge"),
        datacenter: gw::id::Datacenter::from("dc1"),
        trust_domain: gw::id::TrustDomain::new(gw::id::TrustDomain::OF_FILES),
        entries: Default::default(),
        services: Default::default(),
        federation: Default::default(),
        default_action: gw::model::entry::IntentionAction::Deny,
        rejected: Vec::new(),
        written: Default::default(),
    };
    let credentials = gw::tls::Credentials::build(&[], None).unwrap();
    let (mut publisher, live) = gw::state::publisher(1, &resources, credentials.clone());
    let (reader, first) = (live.reader(), Arc::downgrade(&live.current()));
    let next = publisher.prepare(2, &resources, credentials);
    assert_eq!(reader.current().generation, 1);
    publisher.publish(next);
    assert!(!publisher.release() && first.upgrade().is_some());
    assert_eq!(reader.current().generation, 2);
    assert!(publisher.release() && first.upgrade().is_none());
}
