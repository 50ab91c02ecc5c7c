//! Ports for programs that have to be told theirs before they listen.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};

/// The first port, and how many there are. Above them (from 32768, `net.ipv4.ip_local_port_range`) the kernel takes the ports of whoever
/// binds port 0 or connects, so that one which was asked for and let go again may be anybody's before its program listens.
const FIRST: u16 = 12_000;
const COUNT: u16 = 20_000;

/// A port where nobody listens, and which no other test of this machine is given until all the others had their turn.
pub(crate) fn free_port() -> u16 {
    loop {
        let port = next();
        let all = (Ipv4Addr::UNSPECIFIED, port);
        if TcpListener::bind(all).is_ok() && UdpSocket::bind(all).is_ok() {
            return port;
        }
    }
}

/// Some ports, none twice.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    std::array::from_fn(|_| free_port())
}

/// The next one of a count that all test processes of a user share.
fn next() -> u16 {
    let name = format!("gw-test-ports-{}", std::env::var("USER").unwrap_or_default());
    let open = File::options().read(true).write(true).create(true).truncate(false).open(std::env::temp_dir().join(name));
    let mut file = open.expect("the count of ports");
    file.lock().expect("the count of ports");
    let mut text = String::new();
    file.read_to_string(&mut text).expect("the count of ports");
    let given = text.trim().parse().unwrap_or(0) % COUNT;
    file.rewind().and_then(|()| writeln!(file, "{:<5}", given + 1)).expect("the count of ports");
    FIRST + given
}
