//! The probes: a connection to an address, TLS by a name with a protocol, and a word of a server to another one. What came of each is
//! only noted here.

use std::net::{TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::{Duration, Instant};

use super::hops::{Place, Role};
use crate::app::certs::CertsError;
use crate::id::TrustDomain;
use crate::tls::{self, Bundle, CertificateDer, End, Speaker};

/// How long a machine has to answer.
const PATIENCE: Duration = Duration::from_secs(4);
/// That an address cannot be reached takes longer where the machines of its network were asked, and none has it (ARP: 3 s); a rule, a
/// route or a firewall says so at once.
pub(super) const QUICK: Duration = Duration::from_secs(1);
/// The protocol of which a server is asked something.
const RPC: &str = "consul/rpc-multi";
/// A ping of yamux, which is what goes over that protocol (consul-api 12): version, type, flags, stream, a number. The answer is as long.
const PING: [u8; 12] = [0, 2, 0, 1, 0, 0, 0, 0, b'g', b'w', 0, 1];
/// A name that no gateway knows.
const NOBODY: &str = "nobody.gw-wan-fed-test.invalid";

/// What probes may show, and whom they trust.
#[derive(Debug, Default)]
pub struct Keys {
    /// The CA of the servers.
    pub(super) anchors: Option<Bundle>,
    /// The certificate of one of them.
    pub(super) speaker: Option<Speaker>,
}

impl Keys {
    /// Of files: the agents' CA, and the certificate and key of one.
    pub fn of(ca: Option<&Path>, own: Option<(&Path, &Path)>) -> Result<Self, CertsError> {
        tls::install();
        let anchors = ca.map(|ca| Bundle::read(ca, TrustDomain::new(""))).transpose()?;
        let speaker = ca.zip(own).map(|(ca, (cert, key))| Speaker::of(cert, key, ca)).transpose()?;
        Ok(Self { anchors, speaker })
    }
}

/// What came of an address.
#[derive(Debug)]
pub(super) struct Met {
    /// Which.
    pub(super) place: Place,
    /// Whether anybody took the connection.
    pub(super) tcp: Result<(), End>,
    /// How long that took.
    pub(super) took: Duration,
    /// What a gateway answers to a name that nobody has; none: not asked.
    pub(super) stray: Option<Result<Seen, End>>,
    /// Name by name, protocol by protocol.
    pub(super) named: Vec<Named>,
}

/// What came of a name.
#[derive(Debug)]
pub(super) struct Named {
    /// Which of the place's names.
    pub(super) name: usize,
    /// With which protocol.
    pub(super) alpn: &'static str,
    /// What was shown.
    pub(super) shown: Result<Seen, End>,
    /// What was answered; none: nothing was said, for want of a certificate.
    pub(super) spoken: Option<Result<Duration, End>>,
    /// How long it took.
    pub(super) took: Duration,
}

/// What a server showed.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Leaf first.
    pub(super) chain: Vec<CertificateDer<'static>>,
    /// The protocol that it took.
    pub(super) alpn: Option<String>,
}

/// Probes an address. `tell` hears of each name before it is asked for.
pub(super) fn probe(place: Place, keys: &Keys, tell: &mut dyn FnMut(&str)) -> Met {
    let (tcp, took) = connect(&place.at);
    let mut met = Met { place, tcp, took, stray: None, named: Vec::new() };
    if met.tcp == Err(End::Unreachable) && met.took < QUICK {
        // Somebody else may have asked for the same machine a moment ago: only who asks first waits for the whole time.
        (met.tcp, met.took) = connect(&met.place.at);
    }
    if met.tcp.is_err() {
        return met;
    }
    if met.place.role != Role::Server {
        met.stray = Some(shown(&met.place.at, NOBODY, None));
    }
    for (index, name) in met.place.names.iter().enumerate() {
        for alpn in &name.alpns {
            tell(&format!("{} at {}", name.sni, met.place.at));
            let began = Instant::now();
            let shown = shown(&met.place.at, &name.sni, Some(alpn));
            let is_stuck = matches!(shown, Err(End::Silent));
            let speaks = |speaker: &Speaker| {
                let (word, answer): (&[u8], usize) = if *alpn == RPC { (&PING, PING.len()) } else { (&[], 0) };
                speaker.speak(&met.place.at, &name.sni, alpn, word, answer).map_err(|e| End::of(&e))
            };
            let spoken = keys.speaker.as_ref().filter(|_| shown.is_ok()).map(speaks);
            met.named.push(Named { name: index, alpn, shown, spoken, took: began.elapsed() });
            if is_stuck {
                // The other protocols of that name would take as long, and say no more.
                break;
            }
        }
    }
    met
}

fn connect(at: &str) -> (Result<(), End>, Duration) {
    let began = Instant::now();
    let mut last = Err(End::NoAddress);
    for address in at.to_socket_addrs().into_iter().flatten() {
        last = TcpStream::connect_timeout(&address, PATIENCE).map(drop).map_err(|error| End::of(&error));
        if last.is_ok() {
            break;
        }
    }
    (last, began.elapsed())
}

fn shown(at: &str, sni: &str, alpn: Option<&str>) -> Result<Seen, End> {
    let alpns: Vec<String> = alpn.map(str::to_owned).into_iter().collect();
    let shown = tls::shown(at, Some(sni), &alpns).map_err(|error| End::of(&error))?;
    Ok(Seen { chain: shown.chain, alpn: shown.alpn })
}
