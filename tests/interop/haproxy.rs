//! haproxy in front of a gateway: it speaks HTTP/1, HTTP/2 without TLS, and HTTP/2 over TLS to it.

use std::net::SocketAddr;
use std::process::Command;

use crate::harness::{Client, Folder, Seen, Service, World, answer, request};
use crate::peer::{Peer, output};

fn haproxy(folder: &Folder, server: &str) -> (Peer, SocketAddr) {
    Peer::listening(|port| {
        let config = format!(
            "defaults\n mode http\n timeout connect 5s\n timeout client 20s\n timeout server 20s\n http-reuse always\n\
             listen front\n bind 127.0.0.1:{port}\n server gw {server}\n"
        );
        let file = folder.0.join("haproxy.cfg");
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new("haproxy");
        command.args(["-db", "-q", "-f"]).arg(file);
        command
    })
}

#[test]
fn haproxy_in_front_gets_every_answer_in_every_version() {
    let service = Service::answering(|seen: &Seen| answer(200, &format!("{} {}", seen.line, seen.body.len())));
    for (version, options) in
        [("HTTP/1.1", ""), ("HTTP/2", "proto h2"), ("HTTP/2", "ssl verify required ca-file CA sni str(h.test) alpn h2")]
    {
        let folder = Folder::new("haproxy");
        let (certificate, _) = folder.certificate("h.test");
        let options = options.replace("CA", &certificate.cert.display().to_string());
        let world = World::of("http").instance("web", service.address);
        let world = if options.starts_with("ssl") { world.tls(vec![certificate]) } else { world };
        let gateway = world.start();
        let (_haproxy, address) = haproxy(&folder, &format!("{} {options}", gateway.address));
        let mut client = Client::connect(address);
        for n in 0..100 {
            let body = "x".repeat(n * 2000);
            let answer = client.ask(&request("POST", &format!("/{n}"), "", &body));
            assert_eq!(answer.text(), format!("POST /{n} HTTP/1.1 {}", body.len()), "{options}");
        }
        let mut curl = Command::new("curl");
        curl.args([
            "-sS",
            "--noproxy",
            "*",
            "--no-progress-meter",
            "--parallel",
            "-w",
            " %{response_code}",
            &format!("http://{address}/[1-400]"),
        ]);
        let said = String::from_utf8(output(&mut curl)).unwrap();
        assert_eq!(said.matches(" 200").count(), 400, "{options}: {said}");
        let records = gateway.stop();
        assert!(records.len() == 500 && records.iter().all(|r| r["protocol"] == version), "{options}: {:?}", records.first());
    }
}
