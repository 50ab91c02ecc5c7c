//! nghttp2's own client and load generator, over TLS and without.

use std::process::Command;
use std::sync::{Arc, Mutex};

use crate::harness::{Folder, Seen, Service, World, answer};
use crate::peer::output;

/// A gateway over TLS and one without, and their addresses as URLs.
fn each(service: &Service, test: impl Fn(&str)) {
    for tls in [false, true] {
        let folder = Folder::new("nghttp");
        let world = World::of("http").instance("web", service.address);
        let world = if tls { world.tls(vec![folder.certificate("localhost").0]) } else { world };
        let gateway = world.start();
        let scheme = if tls { "https" } else { "http" };
        let url = format!("{scheme}://localhost:{}/", gateway.address.port());
        test(&url);
    }
}

fn nghttp(args: &[&str]) -> String {
    String::from_utf8(output(Command::new("nghttp").args(["--timeout=20"]).args(args))).unwrap()
}

#[test]
fn many_streams_of_one_connection_are_answered() {
    let service = Service::answering(|seen: &Seen| answer(200, &format!("{}\n", seen.line)));
    each(&service, |url| {
        let urls: Vec<String> = (0..20).map(|n| format!("{url}{n}")).collect();
        let args: Vec<&str> = ["--no-dep"].into_iter().chain(urls.iter().map(String::as_str)).collect();
        let said = nghttp(&args);
        let mut lines: Vec<&str> = said.lines().collect();
        lines.sort_unstable();
        lines.dedup();
        assert_eq!((lines.len(), lines[0]), (20, "GET /0 HTTP/1.1"), "{said}");
    });
}

#[test]
fn an_upload_with_trailers_comes_whole() {
    let seen: Arc<Mutex<Seen>> = Arc::default();
    let last = seen.clone();
    let service = Service::answering(move |seen: &Seen| {
        let length = seen.body.len();
        *last.lock().unwrap() =
            Seen { line: seen.line.clone(), headers: seen.headers.clone(), body: seen.body.clone(), trailers: seen.trailers.clone() };
        answer(200, &length.to_string())
    });
    let folder = Folder::new("nghttp-upload");
    let body = b"0123456789".repeat(300_000);
    let file = folder.0.join("body");
    std::fs::write(&file, &body).unwrap();
    each(&service, |url| {
        let data = format!("--data={}", file.display());
        assert_eq!(nghttp(&[&data, "--trailer=x-sum: 9", "--no-content-length", url]), body.len().to_string());
        let seen = seen.lock().unwrap();
        assert!(seen.body == body);
        assert_eq!(seen.trailers, [("x-sum".to_owned(), "9".to_owned())], "{:?}", seen.headers);
    });
}

#[test]
fn a_window_of_one_frame_and_padding_change_nothing() {
    let service = Service::answering(|seen: &Seen| answer(200, &"x".repeat(100_000 + seen.body.len())));
    each(&service, |url| {
        for args in [&["--window-bits=14"][..], &["--padding=200"], &["--continuation"], &["--header-table-size=0"], &["--hexdump"]] {
            let said = nghttp(&[args, &[url]].concat());
            assert!(said.len() >= 100_000, "{args:?}: {} bytes", said.len());
        }
    });
}

#[test]
fn under_load_every_request_is_answered() {
    let service = Service::saying("ok");
    each(&service, |url| {
        for args in [&["-n2000", "-c4", "-m25"][..], &["-n500", "-c50", "-m1"], &["-n1000", "-c4", "--h1"]] {
            let said = output(Command::new("h2load").args(args).arg(url));
            let said = String::from_utf8(said).unwrap();
            let all = args[0].trim_start_matches("-n");
            assert!(said.contains(&format!("{all} done, {all} succeeded, 0 failed, 0 errored, 0 timeout")), "{args:?} {said}");
        }
    });
}
