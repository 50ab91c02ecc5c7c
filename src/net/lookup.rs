//! One question about a name: the hosts file first, then DNS, for A and AAAA at the same time. The only door to the DNS library.

use std::cell::RefCell;
use std::fmt;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::lookup::Lookup as Records;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::{Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{Hosts, TokioResolver};
use tokio::time::timeout;

/// How long an answer of the hosts file, or of no DNS at all, holds: as long as it takes to notice that the file changed.
const LOCAL: Duration = Duration::from_secs(5);

/// How long the second family is waited for while requests wait (RFC 8305, 3), and while none does.
const SOON: Duration = Duration::from_millis(50);
const LATE: Duration = Duration::from_secs(2);

/// What DNS is asked with, and what a change of the machine's makes anew.
const FILES: [&str; 2] = ["/etc/resolv.conf", "/etc/hosts"];

/// What was found out about a name.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) v4: Got,
    pub(super) v6: Got,
}

/// What was found out about one family.
#[derive(Debug)]
pub(super) enum Got {
    /// Addresses, and how long they hold.
    Addresses(Vec<IpAddr>, Duration),
    /// That there is none, for how long if that was said, and why.
    Nothing(Option<Duration>, &'static str),
    /// Nothing at all: nobody answered, or nothing that helps.
    Failed(String),
    /// Nothing yet: requests wait for the other family, and this one is asked for again soon.
    Later,
}

/// How long the second family is waited for when the first one is there.
#[derive(Clone, Copy, Debug)]
pub(super) enum Patience {
    /// Requests wait.
    First,
    /// Nobody waits.
    Refresh,
}

/// Asks for names.
pub(super) struct Lookup {
    servers: Vec<SocketAddr>,
    current: RefCell<Option<Rc<Current>>>,
}

/// What is asked, as the machine's files were when it was made.
struct Current {
    files: [Option<(SystemTime, u64)>; 2],
    hosts: Hosts,
    resolver: TokioResolver,
    search: Vec<Name>,
}

impl Lookup {
    /// Asks these servers, or without any those of `/etc/resolv.conf`.
    pub(super) const fn new(servers: Vec<SocketAddr>) -> Self {
        Self { servers, current: RefCell::new(None) }
    }

    /// Everything that is to be known about a name.
    pub(super) async fn look_up(&self, host: &str, patience: Patience) -> Found {
        if is_localhost(host) {
            let loopback = |ip| Got::Addresses(vec![ip], LOCAL);
            return Found { v4: loopback(Ipv4Addr::LOCALHOST.into()), v6: loopback(Ipv6Addr::LOCALHOST.into()) };
        }
        let current = match self.current() {
            Ok(current) => current,
            Err(e) => return Found::failed(&e.to_string()),
        };
        match Name::from_ascii(host) {
            Ok(name) => current.look_up(&name, patience).await,
            Err(e) => Found::failed(&e.to_string()),
        }
    }

    /// What is asked, made anew where the machine's files are other ones now.
    fn current(&self) -> Result<Rc<Current>, NetError> {
        let mut current = self.current.borrow_mut();
        let files = FILES.map(state_of);
        match &*current {
            Some(known) if known.files == files => Ok(known.clone()),
            _ => Ok(current.insert(Rc::new(Current::new(files, &self.servers)?)).clone()),
        }
    }
}

impl Current {
    fn new(files: [Option<(SystemTime, u64)>; 2], servers: &[SocketAddr]) -> Result<Self, NetError> {
        let (config, mut options) = if servers.is_empty() { of_machine() } else { (of_servers(servers), ResolverOpts::default()) };
        // Names are kept here, with their TTL; the hosts file is looked at here too, for both families together.
        options.cache_size = 0;
        options.use_hosts_file = ResolveHosts::Never;
        let search = match (config.search(), config.domain()) {
            ([], Some(domain)) => vec![domain.clone()],
            (search, _) => search.to_vec(),
        };
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        *builder.options_mut() = options;
        Ok(Self { files, hosts: Hosts::from_system().unwrap_or_default(), resolver: builder.build()?, search })
    }

    /// The first of the names that it may stand for that has an address. A name in the hosts file is asked for nowhere else.
    async fn look_up(&self, name: &Name, patience: Patience) -> Found {
        if let Some(found) = self.in_hosts(name) {
            return found;
        }
        let mut last: Option<Found> = None;
        for name in self.candidates(name) {
            let found = self.ask(&name, patience).await;
            if found.has_address() {
                return found;
            }
            // Somebody who did not answer may have known: that counts more than one who knew of nothing.
            let counts = last.as_ref().is_none_or(|l| l.v4.failure().is_none() && l.v6.failure().is_none());
            last = if counts { Some(found) } else { last };
        }
        last.unwrap_or_else(|| Found::failed("it is no name that can be asked for"))
    }

    fn in_hosts(&self, name: &Name) -> Option<Found> {
        let of = |kind| self.hosts.lookup_static_host(&Query::query(name.clone(), kind));
        let (v4, v6) = (of(RecordType::A), of(RecordType::AAAA));
        let got = |records: Option<Records>| match records {
            Some(records) => Got::Addresses(ips(&records), LOCAL),
            None => Got::Nothing(Some(LOCAL), "no address in /etc/hosts"),
        };
        (v4.is_some() || v6.is_some()).then(|| Found { v4: got(v4), v6: got(v6) })
    }

    /// As resolv.conf(5) says: a name with enough dots by itself first, else in the domains of the search list first.
    fn candidates(&self, name: &Name) -> Vec<Name> {
        if name.is_fqdn() {
            return vec![name.clone()];
        }
        let mut itself = name.clone();
        itself.set_fqdn(true);
        let mut out: Vec<Name> = self.search.iter().filter_map(|domain| name.clone().append_domain(domain).ok()).collect();
        let dots = usize::from(name.num_labels()).saturating_sub(1);
        out.insert(if dots >= self.resolver.options().ndots { 0 } else { out.len() }, itself);
        out
    }

    /// Both families at the same time. When one is there, the other is not waited for as long as DNS would.
    async fn ask(&self, name: &Name, patience: Patience) -> Found {
        let ask = async |kind| match self.resolver.lookup(name.clone(), kind).await {
            Ok(records) => got(&records),
            Err(e) => refused(&e),
        };
        let (mut v4, mut v6) = (Box::pin(ask(RecordType::A)), Box::pin(ask(RecordType::AAAA)));
        tokio::select! {
            first = &mut v4 => { let v6 = rest(&first, v6, patience).await; Found { v4: first, v6 } }
            first = &mut v6 => { let v4 = rest(&first, v4, patience).await; Found { v4, v6: first } }
        }
    }
}

/// The second answer.
async fn rest(first: &Got, second: impl Future<Output = Got>, patience: Patience) -> Got {
    match (first, patience) {
        (Got::Addresses(..), Patience::First) => timeout(SOON, second).await.unwrap_or(Got::Later),
        (Got::Addresses(..), Patience::Refresh) => {
            timeout(LATE, second).await.unwrap_or_else(|_| Got::Failed("no DNS server answers for both families in time".to_owned()))
        }
        _ => second.await,
    }
}

impl Found {
    fn failed(why: &str) -> Self {
        Self { v4: Got::Failed(why.to_owned()), v6: Got::Failed(why.to_owned()) }
    }

    const fn has_address(&self) -> bool {
        matches!((&self.v4, &self.v6), (Got::Addresses(..), _) | (_, Got::Addresses(..)))
    }
}

impl Got {
    /// Why nobody answered.
    pub(super) fn failure(&self) -> Option<String> {
        match self {
            Self::Failed(why) => Some(why.clone()),
            _ => None,
        }
    }

    /// Why there is none.
    pub(super) fn nothing(&self) -> Option<String> {
        match self {
            Self::Nothing(_, why) => Some((*why).to_owned()),
            _ => None,
        }
    }
}

fn got(records: &Records) -> Got {
    let ttl = records.answers().iter().map(|r| r.ttl).min().unwrap_or(0);
    match ips(records) {
        list if list.is_empty() => Got::Nothing(None, "it has no address"),
        list => Got::Addresses(list, Duration::from_secs(ttl.into())),
    }
}

fn ips(records: &Records) -> Vec<IpAddr> {
    records.answers().iter().filter_map(|r| r.data.ip_addr()).collect()
}

fn refused(error: &NetError) -> Got {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => {
            let ttl = none.negative_ttl.map(|s| Duration::from_secs(s.into()));
            match none.response_code {
                ResponseCode::NXDomain => Got::Nothing(ttl, "no such name (NXDOMAIN)"),
                ResponseCode::NoError => Got::Nothing(ttl, "it has no address"),
                code => Got::Failed(format!("the DNS server answers {code}")),
            }
        }
        NetError::Dns(DnsError::ResponseCode(code)) => Got::Failed(format!("the DNS server answers {code}")),
        NetError::Timeout => Got::Failed("no DNS server answers in time".to_owned()),
        other => Got::Failed(other.to_string()),
    }
}

/// What `/etc/resolv.conf` says; a machine without one, or without a server in it, asks itself, as its C library does.
fn of_machine() -> (ResolverConfig, ResolverOpts) {
    hickory_resolver::system_conf::read_system_conf()
        .unwrap_or_else(|_| (of_servers(&[(Ipv4Addr::LOCALHOST, 53).into()]), ResolverOpts::default()))
}

fn of_servers(servers: &[SocketAddr]) -> ResolverConfig {
    let server = |address: &SocketAddr| {
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
            connection.port = address.port();
            connection
        });
        NameServerConfig::new(address.ip(), true, connections.into())
    };
    ResolverConfig::from_name_servers(servers.iter().map(server).collect())
}

fn is_localhost(host: &str) -> bool {
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// What tells that a file is another one: when it was changed, and how long it is.
fn state_of(file: &str) -> Option<(SystemTime, u64)> {
    let metadata = fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookup").field("servers", &self.servers).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a machine with such files would ask.
    fn current(search: &[&str], ndots: usize, hosts: &str) -> Current {
        let mut builder = TokioResolver::builder_with_config(of_servers(&[]), TokioRuntimeProvider::default());
        builder.options_mut().ndots = ndots;
        let mut known = Hosts::default();
        known.read_hosts_conf(hosts.as_bytes()).unwrap();
        let search = search.iter().map(|domain| Name::from_ascii(domain).unwrap()).collect();
        Current { files: [None; 2], hosts: known, resolver: builder.build().unwrap(), search }
    }

    fn run<F: Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    #[test]
    fn names_are_completed_as_resolv_conf_says() {
        run(async {
            let tried = |current: &Current, name: &str| {
                let names = current.candidates(&Name::from_ascii(name).unwrap());
                names.iter().map(ToString::to_string).collect::<Vec<_>>()
            };
            let few = current(&["a.test.", "b.test."], 1, "");
            assert_eq!(tried(&few, "web"), ["web.a.test.", "web.b.test.", "web."]);
            assert_eq!(tried(&few, "web.x"), ["web.x.", "web.x.a.test.", "web.x.b.test."]);
            assert_eq!(tried(&few, "web.x."), ["web.x."]);
            // As in Kubernetes.
            let many = current(&["svc.cluster.local."], 5, "");
            assert_eq!(tried(&many, "web_1.shop.svc"), ["web_1.shop.svc.svc.cluster.local.", "web_1.shop.svc."]);
        });
    }

    #[test]
    fn a_name_of_the_hosts_file_is_asked_for_nowhere_else_in_either_family() {
        run(async {
            let current = current(&[], 1, "10.0.0.1 web WEB.test\n10.0.0.2 web\nfd00::1 six");
            let found = current.look_up(&Name::from_ascii("Web").unwrap(), Patience::First).await;
            assert!(matches!((&found.v4, &found.v6), (Got::Addresses(list, LOCAL), Got::Nothing(..)) if list.len() == 2), "{found:?}");
            let found = current.look_up(&Name::from_ascii("six").unwrap(), Patience::First).await;
            assert!(matches!((&found.v4, &found.v6), (Got::Nothing(..), Got::Addresses(list, _)) if list.len() == 1), "{found:?}");
        });
    }
}
