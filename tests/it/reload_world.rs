//! Changed files under a gateway that checks instances, resolves names and has an identity in the mesh.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

use gw::app::files::Unreadable;
use gw::app::{Refused, Told};
use http_body_util::BodyExt;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tokio::sync::Semaphore;

use crate::harness::http2::{ask, connect, run, text};
use crate::harness::{Ca, Dns, Folder, LONG, Run, Seen, Service, answer, entries, eventually, get};
use crate::mesh::sidecar;
use crate::support::free_port;

/// A service that says its name, and at `/health` a status that may change; it counts how often it was asked for that.
struct Checked {
    service: Service,
    health: Arc<AtomicU16>,
    asked: Arc<AtomicUsize>,
}

impl Checked {
    fn new(name: &'static str, status: u16) -> Self {
        let (health, asked) = (Arc::new(AtomicU16::new(status)), Arc::new(AtomicUsize::new(0)));
        let (says, counter) = (health.clone(), asked.clone());
        let service = Service::answering(move |seen: &Seen| {
            if seen.line.contains("/health") {
                counter.fetch_add(1, Ordering::SeqCst);
                return answer(says.load(Ordering::SeqCst), "");
            }
            answer(200, name)
        });
        Self { service, health, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// `gw.toml` with these instances of `web`, all of them checked.
fn write(folder: &Folder, instances: &[&Checked]) {
    let check = "check = { http = \"/health\", interval = \"100ms\" }\n";
    let more = instances[1..].iter().map(|i| format!("[[service.instance]]\naddress = \"{}\"\n{check}", i.service.address));
    folder.gw_toml(instances[0].service.address, &format!("{check}{}", more.collect::<String>()));
}

/// Which instances answer, if one asks often enough for each to have its turn at each worker.
fn who(run: &Run) -> Vec<String> {
    let mut seen: Vec<String> = (0..16).map(|_| get(run.address(), "/").text().to_owned()).collect();
    seen.sort();
    seen.dedup();
    seen
}

#[test]
fn after_a_reload_a_failing_check_keeps_its_instance_out_and_a_new_instance_is_checked() {
    let (one, two, three) = (Checked::new("one", 503), Checked::new("two", 200), Checked::new("three", 503));
    let (folder, port) = (Folder::new("checks"), free_port());
    folder.entries(&[(port, "http", false)], &["/"]);
    write(&folder, &[&one, &two]);
    let run = folder.start();
    eventually("the first is out", || who(&run) == ["two"]);
    write(&folder, &[&one, &two, &three]);
    run.changed();
    assert!(!who(&run).contains(&"one".to_owned()), "its check still fails, and the files say nothing of that");
    eventually("the new one is checked, and out", || three.asked() > 0 && who(&run) == ["two"]);
    // What a check finds is laid over what was read last, and not over what was there when it began.
    folder.entries(&[(port, "http", false)], &["/new", "/"]);
    run.changed();
    one.health.store(200, Ordering::SeqCst);
    eventually("the first is back", || who(&run) == ["one", "two"]);
    assert_eq!(get(run.address(), "/new").header("x-route"), Some("/new"));
    three.health.store(200, Ordering::SeqCst);
    eventually("the new one too", || who(&run) == ["one", "three", "two"]);
}

#[test]
fn what_checks_find_while_the_files_are_refused_is_in_effect() {
    let (one, two) = (Checked::new("one", 200), Checked::new("two", 200));
    let (folder, port) = (Folder::new("checks-refused"), free_port());
    folder.entries(&[(port, "http", false)], &["/"]);
    write(&folder, &[&one, &two]);
    let run = folder.start();
    eventually("both are checked", || one.asked() > 0 && two.asked() > 0);
    folder.write("gw.d/broken.hcl", "Kind = \"none\"\n");
    assert!(matches!(run.refused(), Refused::Files(_)));
    one.health.store(503, Ordering::SeqCst);
    eventually("the first is out", || who(&run) == ["two"]);
    let listed = gw::admin::client::get_blocking(run.admin(), "/v1/routes").unwrap();
    assert!(listed["refused"].is_string(), "that the files are refused is still said: {listed}");
}

#[test]
fn the_check_of_an_instance_that_is_gone_ends() {
    let (one, two) = (Checked::new("one", 200), Checked::new("two", 200));
    let (folder, port) = (Folder::new("checks-end"), free_port());
    folder.entries(&[(port, "http", false)], &["/"]);
    write(&folder, &[&one, &two]);
    let run = folder.start();
    eventually("both are checked", || one.asked() > 0 && two.asked() > 0);
    write(&folder, &[&one]);
    run.changed();
    let rounds = |n: usize| {
        let before = one.asked();
        eventually("the other is asked", || one.asked() >= before + n);
    };
    // A question that was under way may still arrive.
    rounds(3);
    let last = two.asked();
    rounds(5);
    assert_eq!(two.asked(), last);
}

#[test]
fn a_name_that_comes_with_a_reload_is_resolved_before_anybody_asks_for_it() {
    let (dns, web) = (Dns::start(), Service::saying("named"));
    dns.has("web.test", 60, &["127.0.0.1"]);
    let (folder, port) = (Folder::new("names"), free_port());
    folder.entries(&[(port, "http", false)], &["/"]);
    let nowhere = Service::nowhere();
    folder.gw_toml(nowhere, &format!("[dns]\nservers = [\"{}\"]\n", dns.address));
    let run = folder.start();
    let change = |from: &str, to: &str| {
        let text = std::fs::read_to_string(folder.at("gw.toml")).unwrap();
        assert!(text.contains(from));
        folder.write("gw.toml", &text.replace(from, to));
    };
    change(&nowhere.to_string(), &format!("web.test:{}", web.address.port()));
    run.until(2);
    eventually("it is resolved", || dns.asked("web.test") >= 2);
    assert_eq!(get(run.address(), "/").text(), "named");
    change(&dns.address.to_string(), "127.0.0.9");
    let refused = run.refused();
    let expected = SocketAddr::from(([127, 0, 0, 9], 53));
    assert!(matches!(&refused, Refused::Files(Unreadable::Dns(was, is)) if *was == [dns.address] && *is == [expected]), "{refused:?}");
    assert_eq!(get(run.address(), "/").text(), "named");
}

#[test]
fn a_renewed_identity_is_shown_to_the_next_sidecar_and_one_that_is_not_trusted_is_not() {
    gw::tls::install();
    let (folder, ca, other, port) = (Folder::new("identity"), Ca::new(), Ca::new(), free_port());
    let ((first, first_saw), (second, second_saw)) =
        (sidecar(ca.sidecar(&[Ca::id("web")]), "first"), sidecar(ca.sidecar(&[Ca::id("web")]), "second"));
    let write = |service: &Service| folder.gw_toml(service.address, "mesh = true\n[certs]\ndir = \"certs\"\n");
    let leaf = || CertificateDer::from_pem_file(folder.at("certs/edge.pem")).unwrap().to_vec();
    std::fs::create_dir(folder.at("certs")).unwrap();
    let certs = Folder(folder.at("certs"));
    ca.identity(&certs, "edge");
    write(&first);
    folder.entries(&[(port, "http", false)], &["/"]);
    let run = folder.start();
    assert_eq!(get(run.address(), "/").text(), "first");
    assert_eq!(first_saw.lock().unwrap()[0].1, leaf());
    run.ask();
    assert!(matches!(run.told(), Told::Same { .. }), "files that say the same are no change");

    ca.identity(&certs, "edge");
    run.until(2);
    write(&second);
    run.until(3);
    assert_eq!(get(run.address(), "/").text(), "second");
    assert!(second_saw.lock().unwrap().iter().all(|(_, shown)| *shown == leaf()), "the renewed one is shown");

    let renewed = std::fs::read(folder.at("certs/edge.pem")).unwrap();
    let renewed_leaf = leaf();
    let stranger = Folder::new("identity-other");
    std::fs::copy(other.identity(&stranger, "edge").cert, folder.at("certs/edge.pem")).unwrap();
    // What else has changed is not held up by it.
    run.until(4);
    assert_eq!(get(run.address(), "/").text(), "second");
    assert!(second_saw.lock().unwrap().iter().all(|(_, shown)| *shown == renewed_leaf), "the one before is shown on");
    std::fs::write(folder.at("certs/edge.pem"), renewed).unwrap();
    run.until(5);
    assert_eq!(get(run.address(), "/").text(), "second");
}

/// A sidecar that speaks HTTP/2 and answers with the certificate that its client has shown. It begins no handshake without a permit.
fn http2_sidecar(config: Arc<rustls::ServerConfig>) -> (SocketAddr, Arc<Semaphore>, Arc<AtomicUsize>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let (permits, connections) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let (wait, counter) = (permits.clone(), connections.clone());
    std::thread::spawn(move || {
        run(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                let (wait, config) = (wait.clone(), config.clone());
                tokio::spawn(async move {
                    wait.acquire().await.unwrap().forget();
                    let stream = tokio_rustls::TlsAcceptor::from(config).accept(stream).await.unwrap();
                    let leaf = hex(&stream.get_ref().1.peer_certificates().unwrap()[0]);
                    let service = service_fn(move |_| std::future::ready(Ok::<_, std::convert::Infallible>(text(&leaf))));
                    drop(
                        hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                            .serve_connection(TokioIo::new(stream), service)
                            .await,
                    );
                });
            }
        });
    });
    (address, permits, connections)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn a_connection_that_was_being_made_with_the_old_identity_serves_no_request_of_the_new_one() {
    gw::tls::install();
    let (folder, ca, port) = (Folder::new("identity-dialing"), Ca::new(), free_port());
    let (sidecar, permits, connections) = http2_sidecar(ca.sidecar(&[Ca::id("web")]));
    let leaf = || hex(&CertificateDer::from_pem_file(folder.at("certs/edge.pem")).unwrap());
    std::fs::create_dir(folder.at("certs")).unwrap();
    let certs = Folder(folder.at("certs"));
    ca.identity(&certs, "edge");
    folder.gw_toml(sidecar, "mesh = true\n[certs]\ndir = \"certs\"\n");
    folder
        .write("gw.d/entries.json", &entries(&[(port, "http2", false)], &["/"]).replace("\"Protocol\":\"http\"", "\"Protocol\":\"http2\""));
    let gateway = folder.start();
    run(async {
        // One connection, so that one worker is asked.
        let sender = connect(gateway.address()).await;
        let shown = |mut sender: hyper::client::conn::http2::SendRequest<_>| async move {
            let answer = sender.send_request(ask("/")).await.unwrap();
            String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
        };
        let (old, before) = (leaf(), tokio::spawn(shown(sender.clone())));
        let dialed = connections.clone();
        tokio::task::spawn_blocking(move || eventually("it dials", || dialed.load(Ordering::SeqCst) == 1)).await.unwrap();
        ca.identity(&certs, "edge");
        let gateway = tokio::task::spawn_blocking(move || {
            gateway.until(2);
            gateway
        })
        .await
        .unwrap();
        permits.add_permits(8);
        assert_eq!(before.await.unwrap(), old);
        let new = leaf();
        assert_ne!(new, old);
        let after = tokio::time::timeout(LONG, shown(sender)).await.expect("an answer");
        assert_eq!(after, new, "the renewed one is shown");
        drop(tokio::task::spawn_blocking(move || drop(gateway)).await);
    });
}
