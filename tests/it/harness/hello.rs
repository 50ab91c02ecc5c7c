//! What a TLS client says first, and both sides of a TLS connection with every byte remembered.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

/// A ClientHello with a server name, or without one.
pub(crate) fn hello(config: &Arc<ClientConfig>, name: Option<&str>) -> Vec<u8> {
    let mut config = ClientConfig::clone(config);
    config.enable_sni = name.is_some();
    let name = ServerName::try_from(name.unwrap_or("nobody.test").to_owned()).unwrap();
    let mut bytes = Vec::new();
    ClientConnection::new(config.into(), name).unwrap().write_tls(&mut bytes).unwrap();
    bytes
}

/// The bytes that passed a place, in both directions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tape {
    pub(crate) read: Arc<Mutex<Vec<u8>>>,
    pub(crate) written: Arc<Mutex<Vec<u8>>>,
}

/// A socket whose bytes are remembered.
pub(crate) struct Taped {
    stream: TcpStream,
    tape: Tape,
}

impl Taped {
    pub(crate) fn new(stream: TcpStream) -> (Self, Tape) {
        let tape = Tape::default();
        (Self { stream, tape: tape.clone() }, tape)
    }

    pub(crate) fn connect(address: SocketAddr) -> (Self, Tape) {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(super::LONG)).unwrap();
        Self::new(stream)
    }
}

impl Read for Taped {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.stream.read(buf)?;
        self.tape.read.lock().unwrap().extend_from_slice(&buf[..n]);
        Ok(n)
    }
}

impl Write for Taped {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = self.stream.write(buf)?;
        self.tape.written.lock().unwrap().extend_from_slice(&buf[..n]);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}
