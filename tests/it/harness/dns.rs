//! A DNS server that answers what it is told: packets written by hand, on a UDP port of loopback.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex};

/// What it says of a name.
#[derive(Clone)]
enum Said {
    Addresses(Vec<IpAddr>, u32),
    Code(u8),
}

const SERVFAIL: u8 = 2;
const NXDOMAIN: u8 = 3;

/// A DNS server; of a name that it was told nothing of it says NXDOMAIN.
#[derive(Clone)]
pub(crate) struct Dns {
    pub(crate) address: SocketAddr,
    names: Arc<Mutex<HashMap<String, Said>>>,
    asked: Arc<Mutex<HashMap<String, usize>>>,
}

impl Dns {
    pub(crate) fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let dns = Self { address: socket.local_addr().unwrap(), names: Arc::default(), asked: Arc::default() };
        let server = dns.clone();
        std::thread::spawn(move || {
            let mut packet = [0; 1500];
            while let Ok((length, client)) = socket.recv_from(&mut packet) {
                if let Some(answer) = server.answer(&packet[..length]) {
                    let _ = socket.send_to(&answer, client);
                }
            }
        });
        dns
    }

    /// From now on the name has these addresses, of either family, for so many seconds.
    pub(crate) fn has(&self, name: &str, ttl: u32, addresses: &[&str]) {
        let addresses = addresses.iter().map(|a| a.parse().unwrap()).collect();
        self.names.lock().unwrap().insert(name.to_owned(), Said::Addresses(addresses, ttl));
    }

    /// From now on it cannot say anything of the name.
    pub(crate) fn fails(&self, name: &str) {
        self.names.lock().unwrap().insert(name.to_owned(), Said::Code(SERVFAIL));
    }

    /// How often it was asked for the name, both families together.
    pub(crate) fn asked(&self, name: &str) -> usize {
        self.asked.lock().unwrap().get(name).copied().unwrap_or(0)
    }

    /// The answer to one question (RFC 1035, 4.1).
    fn answer(&self, question: &[u8]) -> Option<Vec<u8>> {
        let mut at = 12;
        let mut labels = Vec::new();
        while *question.get(at)? != 0 {
            let length = usize::from(question[at]);
            labels.push(String::from_utf8_lossy(question.get(at + 1..at + 1 + length)?).to_lowercase());
            at += 1 + length;
        }
        let name = labels.join(".");
        let kind = u16::from_be_bytes([*question.get(at + 1)?, *question.get(at + 2)?]);
        let asked = question.get(12..at + 5)?;
        *self.asked.lock().unwrap().entry(name.clone()).or_default() += 1;
        let said = self.names.lock().unwrap().get(&name).cloned().unwrap_or(Said::Code(NXDOMAIN));
        let (code, records, ttl) = match said {
            Said::Addresses(addresses, ttl) => (0, addresses.iter().filter_map(|a| record(*a, kind)).collect::<Vec<_>>(), ttl),
            Said::Code(code) => (code, Vec::new(), 0),
        };
        let mut out = question[..2].to_vec();
        out.extend([0x81, 0x80 | code, 0, 1]);
        out.extend((records.len() as u16).to_be_bytes());
        out.extend([0, 0, 0, 0]);
        out.extend(asked);
        for data in records {
            // The name of the question, its type, class IN.
            out.extend([0xc0, 12]);
            out.extend(kind.to_be_bytes());
            out.extend([0, 1]);
            out.extend(ttl.to_be_bytes());
            out.extend((data.len() as u16).to_be_bytes());
            out.extend(data);
        }
        Some(out)
    }
}

fn record(address: IpAddr, kind: u16) -> Option<Vec<u8>> {
    match (address, kind) {
        (IpAddr::V4(ip), 1) => Some(ip.octets().to_vec()),
        (IpAddr::V6(ip), 28) => Some(ip.octets().to_vec()),
        _ => None,
    }
}
