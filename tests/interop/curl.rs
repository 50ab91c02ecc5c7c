//! curl, in every version of HTTP that a listener speaks.

use std::process::Command;
use std::sync::{Arc, Mutex};

use crate::harness::{Folder, Gateway, Seen, Service, World, answer};
use crate::peer::{PATIENCE, output};

/// How curl speaks, and what it calls that.
struct Way {
    tls: bool,
    flag: &'static str,
    version: &'static str,
}

const WAYS: [Way; 4] = [
    Way { tls: false, flag: "--http1.1", version: "1.1" },
    Way { tls: true, flag: "--http1.1", version: "1.1" },
    Way { tls: true, flag: "--http2", version: "2" },
    Way { tls: false, flag: "--http2-prior-knowledge", version: "2" },
];

/// A gateway to talk to in one way.
struct Talk {
    way: Way,
    gateway: Gateway,
    folder: Folder,
}

impl Talk {
    fn each(service: &Service, test: impl Fn(&Self)) {
        for way in WAYS {
            let folder = Folder::new("curl");
            let (certificate, _) = folder.certificate("h.test");
            let world = World::of("http").instance("web", service.address);
            let world = if way.tls { world.tls(vec![certificate]) } else { world };
            test(&Self { way, gateway: world.start(), folder });
        }
    }

    /// Runs curl with arguments, the last of which are paths.
    #[track_caller]
    fn curl(&self, args: &[&str], paths: &[&str]) -> Vec<u8> {
        let (port, scheme) = (self.gateway.address.port(), if self.way.tls { "https" } else { "http" });
        let mut command = Command::new("curl");
        command.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", &PATIENCE.as_secs().to_string(), self.way.flag]);
        command.args(["--resolve", &format!("h.test:{port}:127.0.0.1"), "--cacert"]).arg(self.path("h.test.pem"));
        command.args(args).args(paths.iter().map(|path| format!("{scheme}://h.test:{port}{path}")));
        output(&mut command)
    }

    #[track_caller]
    fn says(&self, args: &[&str], paths: &[&str]) -> String {
        String::from_utf8(self.curl(args, paths)).unwrap()
    }

    /// curl 7.88 breaks a connection that it reuses by prior knowledge, whoever answers: it does the same with nginx.
    fn reuse_is_broken(&self) -> bool {
        self.way.flag == "--http2-prior-knowledge"
    }

    fn path(&self, file: &str) -> std::path::PathBuf {
        self.folder.0.join(file)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> String {
        std::fs::write(self.path(name), bytes).unwrap();
        self.path(name).display().to_string()
    }
}

/// Bytes that are not alike anywhere.
fn large() -> Vec<u8> {
    (0u32..10 << 20).map(|n| b'a' + (n.wrapping_mul(2_654_435_761) >> 27) as u8 % 26).collect()
}

fn echo() -> Service {
    Service::answering(|seen| answer(200, std::str::from_utf8(&seen.body).unwrap()))
}

#[test]
fn a_get_is_answered_in_the_version_that_was_asked_for() {
    let service = Service::answering(|seen: &Seen| answer(200, &format!("{} {}", seen.line, seen.header("host").unwrap())));
    Talk::each(&service, |talk| {
        let said = talk.says(&["--write-out", "|%{http_version} %{response_code}"], &["/a?b=c"]);
        let host = format!("h.test:{}", talk.gateway.address.port());
        assert_eq!(said, format!("GET /a?b=c HTTP/1.1 {host}|{} 200", talk.way.version));
    });
}

#[test]
fn a_large_body_comes_back_as_it_was_sent() {
    let service = echo();
    let body = large();
    Talk::each(&service, |talk| {
        let (data, got) = (format!("@{}", talk.file("sent", &body)), talk.path("got"));
        let output = got.display().to_string();
        let expects = "expect: 100-continue";
        for how in [&["-H", "expect:"][..], &["-H", expects], &["-H", "transfer-encoding: chunked"]] {
            let args = [how, &["--data-binary", &data, "--output", &output]].concat();
            // A `transfer-encoding` is none of HTTP/2's.
            if talk.way.version == "2" && how[1].starts_with("transfer") {
                continue;
            }
            talk.curl(&args, &["/"]);
            assert!(std::fs::read(&got).unwrap() == body, "{how:?}");
        }
    });
}

#[test]
fn a_body_of_unknown_length_comes_whole() {
    let service = echo();
    Talk::each(&service, |talk| {
        let body = "some text\n".repeat(10_000);
        let sent = talk.file("sent", body.as_bytes());
        let got = talk.path("got").display().to_string();
        // From a pipe, so that curl does not know how much will come.
        let (port, scheme) = (talk.gateway.address.port(), if talk.way.tls { "https" } else { "http" });
        let ca = talk.path("h.test.pem");
        let script = format!(
            "cat {sent} | curl -sS --noproxy '*' {} --resolve h.test:{port}:127.0.0.1 --cacert {} -T - -o {got} {scheme}://h.test:{port}/",
            talk.way.flag,
            ca.display()
        );
        output(Command::new("sh").args(["-c", &script]));
        assert!(std::fs::read(&got).unwrap() == body.as_bytes());
    });
}

#[test]
fn a_head_has_the_length_and_no_body() {
    let service = Service::answering(|seen: &Seen| {
        let body = if seen.line.starts_with("HEAD") { "" } else { "1234" };
        format!("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n{body}")
    });
    Talk::each(&service, |talk| {
        let paths = if talk.reuse_is_broken() { &["/"][..] } else { &["/", "/"] };
        let said = talk.says(&["--head"], paths);
        assert_eq!(said.matches("ontent-length: 4\r\n").count(), paths.len(), "{said}");
        assert_eq!(talk.says(&[], &["/"]), "1234");
    });
}

#[test]
fn one_connection_serves_many_requests() {
    let service = Service::saying("ok");
    Talk::each(&service, |talk| {
        if talk.reuse_is_broken() {
            return;
        }
        let said = talk.says(&["--output", "/dev/null", "--write-out", "%{num_connects}"], &["/[1-20]"]);
        assert_eq!(said, format!("1{}", "0".repeat(19)));
        let said = talk.says(&["--no-progress-meter", "--parallel", "--write-out", " %{response_code}"], &["/[1-50]"]);
        assert_eq!((said.matches("ok").count(), said.matches(" 200").count()), (50, 50), "{said}");
    });
}

#[test]
fn a_client_that_waits_for_a_continue_gets_it_before_it_sends() {
    let service = echo();
    Talk::each(&service, |talk| {
        // Over HTTP/2 there is none (`docs/differences.md`, continue-http2).
        if talk.way.version == "2" {
            return;
        }
        let data = format!("@{}", talk.file("sent", b"a body"));
        let headers = talk.path("headers").display().to_string();
        // Longer than the test may take: without a 100 the body would not be sent in time.
        let waits = ["-H", "expect: 100-continue", "--expect100-timeout", "60"];
        let said = talk.says(&[&waits[..], &["--dump-header", &headers, "--data-binary", &data]].concat(), &["/"]);
        let heads = std::fs::read_to_string(&headers).unwrap();
        assert_eq!((said.as_str(), heads.matches("HTTP/").count()), ("a body", 2), "{heads}");
    });
}

#[test]
fn headers_come_through_as_they_were_sent() {
    let seen: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
    let last = seen.clone();
    let service = Service::answering(move |seen: &Seen| {
        last.lock().unwrap().clone_from(&seen.headers);
        "HTTP/1.1 200 OK\r\nset-cookie: a=1\r\nset-cookie: b=2\r\nx-empty:\r\nx-long: ".to_owned()
            + &"y".repeat(20_000)
            + "\r\ncontent-length: 0\r\n\r\n"
    });
    Talk::each(&service, |talk| {
        let long = format!("x-long: {}", "y".repeat(20_000));
        let args = ["-H", "x-two: 1", "-H", "x-two: 2", "-H", "x-empty;", "-H", "x-utf8: ☺", "-b", "a=1; b=2", "-H", &long, "-D", "-"];
        let heads = talk.says(&args, &["/"]).to_lowercase();
        for line in ["set-cookie: a=1\r\n", "set-cookie: b=2\r\n", "x-empty:", &long] {
            assert!(heads.contains(line), "{line:.30}: {heads:.1000}");
        }
        let seen = seen.lock().unwrap();
        let values = |name: &str| seen.iter().filter(|(n, _)| n == name).map(|(_, v)| v.as_str()).collect::<Vec<_>>();
        assert_eq!(
            (values("x-two"), values("x-empty"), values("x-utf8"), values("cookie")),
            (vec!["1", "2"], vec![""], vec!["☺"], vec!["a=1; b=2"])
        );
        assert_eq!(values("x-long")[0].len(), 20_000);
    });
}

#[test]
fn too_many_headers_are_refused_and_not_passed_on() {
    let service = Service::saying("ok");
    Talk::each(&service, |talk| {
        let file = talk.file("headers", "x-many: 1\n".repeat(101).as_bytes());
        let args = ["--output", "/dev/null", "--write-out", "%{response_code}", "-H", &format!("@{file}")];
        assert_eq!(talk.says(&args, &["/"]), "431", "{}", talk.way.version);
    });
    assert_eq!(service.connections(), 0);
}

#[test]
fn curl_of_old_speaks_http_1_0() {
    let service = Service::saying("ok");
    let gateway = World::of("http").instance("web", service.address).start();
    let url = format!("http://{}/", gateway.address);
    let said = output(Command::new("curl").args(["-sS", "--noproxy", "*", "--http1.0", "-w", " %{http_version}", &url]));
    assert_eq!(String::from_utf8(said).unwrap(), "ok 1");
}
