//! `datacenter`, `[[datacenter]]`, `[[server]]` and `[[peer]]`: where everything is, and what is known of elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::convert::Converter;
use super::schema::GwToml;
use crate::id::{Datacenter, TrustDomain};
use crate::model::federation::{FederatedDatacenter, Federation, Peer, Servers};
use crate::model::gateway::GatewayKind;
use crate::model::service::{Address, Instance};
use crate::source::diagnostic::Diagnostic;

/// The own datacenter, where nothing else is said.
const OWN: &str = "dc1";

/// `datacenter`: the own one's name alone, or all that are known.
#[derive(Clone, Debug)]
pub enum Datacenters {
    /// `datacenter = "dc1"`
    Own(String),
    /// `[[datacenter]]`
    Known(Vec<DatacenterTable>),
}

/// `[[datacenter]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatacenterTable {
    /// Its name.
    pub name: Spanned<String>,
    /// Whether everything in the file is in it that does not say otherwise. TOML allows no `datacenter = ..` beside this table.
    pub own: Option<Spanned<bool>>,
    /// Its mesh gateways: `ip:port` or `host:port`.
    #[serde(default)]
    pub gateways: Vec<Spanned<String>>,
}

/// `[[peer]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeerTable {
    /// What it is called here.
    pub name: Spanned<String>,
    /// Its trust domain.
    pub trust_domain: String,
    /// Its mesh gateways: `ip:port` or `host:port`.
    #[serde(default)]
    pub gateways: Vec<Spanned<String>>,
}

/// `[[server]]`: one of Consul's own servers of the own datacenter.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerTable {
    /// The name of its node.
    pub node: Spanned<String>,
    /// Where its RPC answers: `ip:port` or `host:port`.
    pub address: Spanned<String>,
}

impl<'de> Deserialize<'de> for Datacenters {
    /// By what it is, so that an error stands where it is: an untagged enum would only say that nothing fits.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Datacenters;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name such as \"dc1\", or [[datacenter]] sections")
            }

            fn visit_str<E>(self, name: &str) -> Result<Datacenters, E> {
                Ok(Datacenters::Own(name.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut tables: A) -> Result<Datacenters, A::Error> {
                let mut known = Vec::new();
                while let Some(table) = tables.next_element()? {
                    known.push(table);
                }
                Ok(Datacenters::Known(known))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl DatacenterTable {
    fn is_own(&self) -> bool {
        self.own.as_ref().is_some_and(|own| *own.get_ref())
    }
}

impl GwToml {
    /// The own datacenter.
    pub fn own_datacenter(&self) -> Datacenter {
        let name = match &self.datacenter {
            Some(Datacenters::Own(name)) => name,
            Some(Datacenters::Known(known)) => known.iter().find(|table| table.is_own()).map_or(OWN, |table| table.name.get_ref()),
            None => OWN,
        };
        Datacenter::from(name)
    }
}

impl Converter<'_> {
    /// Gateways and peers; services of other datacenters come to it later.
    pub(super) fn federation(&mut self) -> Federation {
        let parsed = &self.file.parsed;
        let mut datacenters = BTreeMap::new();
        let mut own = 0;
        let Some(Datacenters::Known(tables)) = &parsed.datacenter else {
            return Federation { datacenters, peers: self.peers(), servers: self.servers() };
        };
        for table in tables {
            own += usize::from(table.is_own());
            if let Some(written) = table.own.as_ref().filter(|_| table.is_own() && own > 1) {
                self.problem(written.span(), "own = true is there twice: everything is in one datacenter that says no other".to_owned());
            }
            let name = self.datacenter(&table.name, "name of a [[datacenter]]");
            let gateways = self.gateways(&table.gateways, name.as_str());
            if datacenters.insert(name, FederatedDatacenter { gateways, services: BTreeMap::new() }).is_some() {
                self.twice_there("datacenter", &table.name);
            }
        }
        Federation { datacenters, peers: self.peers(), servers: self.servers() }
    }

    /// Consul's own servers, which are in the own datacenter.
    fn servers(&mut self) -> Servers {
        let parsed = &self.file.parsed;
        let own = parsed.own_datacenter();
        let mut servers = Servers::default();
        let label = |l: &str| !l.is_empty() && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if let Some(written) = &parsed.domain {
            if !written.get_ref().split('.').all(label) {
                self.refuse(written, "domain", "a name such as consul or consul.example.com");
            }
            servers.domain = written.get_ref().to_ascii_lowercase().into();
        }
        let mut seen = BTreeSet::new();
        for table in &parsed.server {
            let node = table.node.get_ref();
            if !label(node) {
                // In the names of servers among datacenters what follows a dot is the datacenter (semantics 10).
                self.refuse(&table.node, "node of a [[server]]", "a name such as dc1-s1, of letters, digits, - and _");
            }
            if !seen.insert(node.to_ascii_lowercase()) {
                self.twice_there("server", &table.node);
            }
            let instance = Instance::new(node.clone(), self.address(&table.address), own.as_str());
            servers.instances.push(Instance { node: node.clone(), ..instance });
        }
        servers
    }

    fn peers(&mut self) -> BTreeMap<Arc<str>, Peer> {
        let mut peers = BTreeMap::new();
        for table in &self.file.parsed.peer {
            let peer = Peer {
                trust_domain: TrustDomain::new(&table.trust_domain),
                // Which of its datacenters they are in is nothing that anybody here asks.
                gateways: self.gateways(&table.gateways, ""),
            };
            if peers.insert(Arc::from(table.name.get_ref().as_str()), peer).is_some() {
                self.twice_there("peer", &table.name);
            }
        }
        peers
    }

    /// The name of a datacenter, as Consul takes it; it stands in server names, where upper and lower case are one.
    pub(super) fn datacenter(&mut self, written: &Spanned<String>, key: &str) -> Datacenter {
        let name = written.get_ref();
        let sound = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        if name.is_empty() || !name.bytes().all(sound) {
            self.refuse(written, key, "a name such as dc2, of lower-case letters, digits, - and _");
        }
        Datacenter::from(name.as_str())
    }

    fn gateways(&mut self, written: &[Spanned<String>], datacenter: &str) -> Vec<Instance> {
        let mut seen = BTreeSet::new();
        let mut gateways = Vec::new();
        for (n, text) in written.iter().enumerate() {
            if !seen.insert(text.get_ref()) {
                self.problem(text.span(), format!("gateway {} is there twice", text.get_ref()));
            }
            let Some(address) = Address::parse(text.get_ref()) else {
                self.refuse(text, "a gateway", "ip:port or host:port, such as 10.0.2.1:8443");
                continue;
            };
            let id = format!("{}-{}", GatewayKind::Mesh.default_name(), n + 1);
            gateways.push(Instance { mesh: true, ..Instance::new(id, address, datacenter) });
        }
        gateways
    }

    fn twice_there(&mut self, what: &str, name: &Spanned<String>) {
        let message = format!("{what} {} is there twice", name.get_ref());
        self.problems.push(Diagnostic::error("GW0011", message).at(&self.file.text, name.span()));
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::{Configuration, ReadFile, convert, schema};
    use super::*;
    use crate::source::diagnostic::Text;

    /// What a `gw.toml` means, or what is wrong with it, with the line of each.
    fn read(content: &str) -> Result<Configuration, String> {
        let text = Arc::new(Text { origin: "gw.toml".to_owned(), content: content.to_owned() });
        let line = |p: &Diagnostic| p.place.as_ref().map_or(0, |(_, span)| content[..span.start].matches('\n').count() + 1);
        let said = |problems: Vec<Diagnostic>| {
            problems.iter().map(|p| format!("{}: {} {:?}", line(p), p.message, p.help)).collect::<Vec<_>>().join("; ")
        };
        let parsed = schema::parse(&text).map_err(said)?;
        convert(&ReadFile { parsed, text, folder: PathBuf::new() }).map_err(said)
    }

    fn addresses(gateways: &[Instance]) -> Vec<String> {
        gateways.iter().map(|gateway| gateway.address.to_string()).collect()
    }

    #[test]
    fn servers_have_a_node_and_an_address_and_names_in_the_domain() {
        let text = "domain = \"Consul.test\"\n[[server]]\nnode = \"dc1-s1\"\naddress = \"10.0.1.10:8300\"";
        let Servers { domain, instances } = read(text).expect("a server").federation.servers.clone();
        let server = (instances[0].node.as_str(), instances[0].address.to_string(), instances[0].datacenter.as_str());
        assert_eq!((&*domain, server), ("consul.test", ("dc1-s1", "10.0.1.10:8300".to_owned(), "dc1")));
        assert_eq!(read("").expect("nothing").federation.servers, Servers::default());
    }

    const TWO: &str = "
[[datacenter]]
name = \"dc1\"
own = true
gateways = [\"10.0.1.1:8443\"]
[[datacenter]]
name = \"dc2\"
gateways = [\"10.0.2.1:8443\", \"gw.dc2.test:443\"]
[[service]]
name = \"web\"
[[service]]
name = \"Web\"
datacenter = \"dc2\"
[[service.instance]]
address = \"10.2.0.1:80\"
[[service]]
name = \"api\"
datacenter = \"dc1\"
";

    #[test]
    fn services_are_where_they_say_and_in_the_own_datacenter_otherwise() {
        let read = read(TWO).expect("a configuration");
        let own: Vec<&str> = read.services.values().map(|service| service.name.as_str()).collect();
        assert_eq!((read.datacenter.as_str(), own), ("dc1", vec!["api", "web"]));
        assert_eq!(addresses(read.federation.gateways("dc1")), ["10.0.1.1:8443"]);
        assert_eq!(addresses(read.federation.gateways("dc2")), ["10.0.2.1:8443", "gw.dc2.test:443"]);
        let there = read.federation.service("dc2", "web").expect("a service of dc2");
        assert_eq!((there.name.as_str(), there.instances[0].datacenter.as_str()), ("Web", "dc2"));
        assert_eq!((read.federation.service("dc1", "web"), read.federation.gateways("dc3")), (None, [].as_slice()));
    }

    #[test]
    fn the_own_datacenter_is_named_alone_or_among_all() {
        let own = |content: &str| read(content).map(|configuration| configuration.datacenter.to_string());
        assert_eq!(own("").as_deref(), Ok("dc1"));
        assert_eq!(own("datacenter = \"east\"").as_deref(), Ok("east"));
        assert_eq!(own("[[datacenter]]\nname = \"west\"").as_deref(), Ok("dc1"));
        assert_eq!(own("[[datacenter]]\nname = \"west\"\nown = true").as_deref(), Ok("west"));
    }

    #[test]
    fn a_peer_has_a_trust_domain_and_gateways() {
        let read = read("[[peer]]\nname = \"east\"\ntrust_domain = \"East.consul\"\ngateways = [\"10.9.0.1:8443\"]").expect("a peer");
        let peer = &read.federation.peers["east"];
        assert_eq!((peer.trust_domain.as_str(), addresses(&peer.gateways)), ("east.consul", vec!["10.9.0.1:8443".to_owned()]));
    }

    #[test]
    fn what_means_nothing_is_refused_where_it_stands() {
        for (content, said) in [
            ("[[datacenter]]\nname = \"DC2\"", "2: name of a [[datacenter]] is \"DC2\", which is not a name such as dc2"),
            ("[[datacenter]]\nname = \"\"", "2: name of a [[datacenter]] is \"\""),
            ("[[datacenter]]\nname = \"a\"\ngateways = [\n\"x\"]", "4: a gateway is \"x\", which is not ip:port or host:port"),
            ("[[datacenter]]\nname = \"a\"\ngateways = [\"b:1\", \"b:1\"]", "3: gateway b:1 is there twice"),
            ("[[datacenter]]\nname = \"a\"\n[[datacenter]]\nname = \"a\"", "4: datacenter a is there twice"),
            ("[[datacenter]]\nname = \"a\"\nown = true\n[[datacenter]]\nname = \"b\"\nown = true", "6: own = true is there twice"),
            ("[[datacenter]]\nname = \"a\"\ngateway = []", "3: unknown field `gateway`"),
            ("[[datacenter]]\ngateways = []", "1: missing field `name`"),
            ("datacenter = 1", "a name such as \"dc1\", or [[datacenter]] sections"),
            ("datacenter = \"dc1\"\n[[datacenter]]\nname = \"a\"", "own = true"),
            ("domain = \"a..b\"", "1: domain is \"a..b\", which is not a name such as consul"),
            ("[[server]]\nnode = \"a.b\"\naddress = \"a:1\"", "2: node of a [[server]] is \"a.b\", which is not a name such as dc1-s1"),
            ("[[server]]\nnode = \"a\"\naddress = \"a\"", "3: address is \"a\", which is not ip:port or host:port"),
            ("[[server]]\nnode = \"a\"\naddress = \"a:1\"\n[[server]]\nnode = \"A\"\naddress = \"b:1\"", "5: server A is there twice"),
            ("[[gateway]]\nkind = \"ingress\"\nexpose_servers = true", "3: expose_servers is for mesh gateways"),
            ("[[gateway]]\nkind = \"terminating\"\nwan_address = \"10.0.0.1:1\"", "3: wan_address is for mesh gateways"),
            ("[[gateway]]\nkind = \"mesh\"\nwan_address = \"10.0.0.1\"", "3: wan_address is \"10.0.0.1\", which is not"),
            ("[[peer]]\nname = \"a\"", "1: missing field `trust_domain`"),
            ("[[peer]]\nname = \"a\"\ntrust_domain = \"b\"\n[[peer]]\nname = \"a\"\ntrust_domain = \"b\"", "5: peer a is there twice"),
            ("[[service]]\nname = \"a\"\ndatacenter = \"B C\"", "3: datacenter of a service is \"B C\""),
            (
                "[[service]]\nname = \"a\"\ndatacenter = \"b\"\n[[service]]\nname = \"A\"\ndatacenter = \"b\"",
                "5: service A of b is there twice; names have no case",
            ),
        ] {
            let found = read(content).expect_err(content);
            assert!(found.contains(said), "{content}\n{found}");
        }
    }
}
