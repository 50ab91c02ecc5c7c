//! nginx: as a service, with all that it does on its own, and as the one in front.

use std::net::SocketAddr;
use std::process::Command;

use crate::harness::{Client, Folder, Seen, Service, World, answer, get, request};
use crate::peer::Peer;

/// An nginx with what stands between the braces of its `http`, `PORT` being its own.
fn nginx(folder: &Folder, http: &str) -> (Peer, SocketAddr) {
    Peer::listening(|port| {
        let http = http.replace("PORT", &port.to_string());
        let folder = folder.0.display();
        let temporary =
            ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(|kind| format!("{kind}_temp_path {folder}/{kind};\n")).concat();
        // The one who may is root in it, so that it may read what this test wrote.
        let config = format!(
            "daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}{http}\n}}\n"
        );
        std::fs::write(format!("{folder}/nginx.conf"), config).unwrap();
        let mut command = Command::new("nginx");
        command.arg("-c").arg(format!("{folder}/nginx.conf")).args(["-e", "stderr", "-p"]).arg(folder.to_string());
        command
    })
}

const SERVICE: &str = "
    sendfile on;
    keepalive_requests 7;
    gzip on; gzip_min_length 1; gzip_types text/plain;
    server {
        listen 127.0.0.1:PORT;
        location / { root FOLDER/www; default_type text/plain; }
        location /length { return 200 \"$content_length\"; }
        location /moved { return 302 /else; }
        location /empty { return 204; }
        location /closing { root FOLDER/www; keepalive_timeout 0; rewrite ^ /small.txt break; default_type text/plain; }
    }";

struct Site {
    _nginx: Peer,
    folder: Folder,
    address: SocketAddr,
}

impl Site {
    fn new(name: &str) -> Self {
        let folder = Folder::new(name);
        std::fs::create_dir_all(folder.0.join("www")).unwrap();
        std::fs::write(folder.0.join("www/small.txt"), "0123456789".repeat(20)).unwrap();
        let (nginx, address) = nginx(&folder, &SERVICE.replace("FOLDER", &folder.0.display().to_string()));
        Self { _nginx: nginx, folder, address }
    }
}

#[test]
fn ranges_and_conditions_are_the_services() {
    let site = Site::new("nginx-ranges");
    let gateway = World::of("http").instance("web", site.address).start();
    let ask = |headers: &str| Client::connect(gateway.address).ask(&request("GET", "/small.txt", headers, ""));
    let whole = ask("");
    let etag = whole.header("etag").unwrap();
    assert_eq!((whole.status, whole.body.len()), (200, 200));
    let part = ask("range: bytes=5-14\r\n");
    assert_eq!((part.status, part.header("content-range"), part.text()), (206, Some("bytes 5-14/200"), "5678901234"));
    let parts = ask("range: bytes=0-1,5-6\r\n");
    assert!(parts.status == 206 && parts.header("content-type").unwrap().starts_with("multipart/byteranges"), "{parts:?}");
    assert_eq!(ask("range: bytes=900-\r\n").status, 416);
    let mut client = Client::connect(gateway.address);
    client.send(&request("GET", "/small.txt", &format!("if-none-match: {etag}\r\n"), ""));
    let unchanged = client.head().unwrap();
    assert_eq!((unchanged.status, unchanged.header("etag")), (304, Some(etag)));
    // Without a body, and the connection goes on.
    assert_eq!(client.ask(&request("GET", "/moved", "", "")).status, 302);
    assert_eq!(client.ask(&request("GET", "/empty", "", "")).status, 204);
    assert_eq!(client.ask(&request("GET", "/small.txt", "", "")).status, 200);
}

#[test]
fn what_is_compressed_comes_in_chunks_and_as_it_is() {
    let site = Site::new("nginx-gzip");
    let gateway = World::of("http").instance("web", site.address).start();
    let zipped = Client::connect(gateway.address).ask(&request("GET", "/small.txt", "accept-encoding: gzip\r\n", ""));
    assert_eq!((zipped.header("content-encoding"), zipped.header("transfer-encoding")), (Some("gzip"), Some("chunked")));
    let direct = Client::connect(site.address).ask(&request("GET", "/small.txt", "accept-encoding: gzip\r\n", ""));
    assert_eq!(zipped.body, direct.body);
    let url = format!("http://{}/small.txt", gateway.address);
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        let said = crate::peer::output(Command::new("curl").args(["-sS", "--noproxy", "*", "--compressed", version, &url]));
        assert_eq!(said, "0123456789".repeat(20).as_bytes());
    }
}

#[test]
fn a_large_file_comes_whole() {
    let site = Site::new("nginx-large");
    let bytes: Vec<u8> = (0u32..32 << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    std::fs::write(site.folder.0.join("www/large"), &bytes).unwrap();
    let gateway = World::of("http").instance("web", site.address).start();
    assert!(get(gateway.address, "/large").body == bytes);
    let got = site.folder.0.join("got");
    let url = format!("http://{}/large", gateway.address);
    crate::peer::output(Command::new("curl").args(["-sS", "--noproxy", "*", "--http2-prior-knowledge", &url, "-o"]).arg(&got));
    assert!(std::fs::read(&got).unwrap() == bytes);
}

#[test]
fn connections_that_nginx_ends_cost_no_request() {
    let site = Site::new("nginx-keepalive");
    let gateway = World::of("http").instance("web", site.address).start();
    let mut client = Client::connect(gateway.address);
    // nginx ends its connections after seven requests, and after each to `/closing`.
    for n in 0..200 {
        let path = if n % 10 == 0 { "/closing" } else { "/small.txt" };
        assert_eq!(client.ask(&request("GET", path, "", "")).status, 200, "request {n}");
    }
    for n in 0..50 {
        let body = "x".repeat(n * 1000);
        assert_eq!(client.ask(&request("POST", "/length", "", &body)).status, 200, "upload {n}");
    }
}

#[test]
fn nginx_in_front_keeps_its_connections() {
    let service = Service::answering(|seen: &Seen| {
        answer(200, &format!("{} {} {}", seen.line, seen.header("x-forwarded-for").unwrap(), seen.body.len()))
    });
    let gateway = World::of("http").instance("web", service.address).start();
    let folder = Folder::new("nginx-front");
    let front = format!(
        "upstream gw {{ server {}; keepalive 4; }}
        server {{
            listen 127.0.0.1:PORT;
            location / {{
                proxy_pass http://gw; proxy_http_version 1.1; proxy_set_header Connection '';
                proxy_set_header X-Forwarded-For 192.0.2.1; proxy_request_buffering off;
            }}
        }}",
        gateway.address
    );
    let (_nginx, address) = nginx(&folder, &front);
    let mut client = Client::connect(address);
    for n in 0..100 {
        let body = "x".repeat(n * 500);
        let answer = client.ask(&request("POST", &format!("/{n}"), "", &body));
        assert_eq!(answer.text(), format!("POST /{n} HTTP/1.1 192.0.2.1, 127.0.0.1 {}", body.len()));
    }
    let chunked = "POST /c HTTP/1.1\r\nhost: h.test\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    assert_eq!(client.ask(chunked).text(), "POST /c HTTP/1.1 192.0.2.1, 127.0.0.1 5");
}
