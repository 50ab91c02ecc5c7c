//! Worlds and requests from a seed, made so that many conditions nearly match.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use gw::id::{Datacenter, ServiceName, TrustDomain};
use gw::model::entry::*;
use gw::model::gateway::{GatewayConfig, GatewayKind};
use gw::model::resources::Resources;
use gw::model::service::{Address, Health, Instance, Service};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Value, json};

/// A generator of numbers that is the same everywhere (xorshift).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, n: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 33) % u64::from(n)) as u32
    }

    pub(crate) fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u32) as usize]
    }
}

pub(crate) const SERVICES: [&str; 5] = ["web", "api", "cart", "auth", "mail"];
const HOSTS: [&str; 9] = ["*", "shop.test", "a.shop.test", "*.shop.test", "*.test", "shop.*", "a.shop.*", "x.test:99", "*.b.test:8080"];
const PATHS: [&str; 9] = ["/", "/a", "/a/", "/a/b", "/a/b/c", "/A/b", "/b", "/bc", "/a%2Fb"];
const REGEXES: [&str; 6] = ["/a.*", "/[ab]", ".*", "/(a|b)/?", "(?i)/A/B", "b"];
const HEADERS: [&str; 4] = ["x-a", "x-b", "X-C", ":method"];
const VALUES: [&str; 6] = ["1", "12", "2", "ab", "b", "GET"];
const METHODS: [&str; 3] = ["GET", "POST", "PUT"];
const SUBSETS: [&str; 2] = ["v1", "v2"];

/// Entries, services and the hosts of one listener.
pub(crate) struct World {
    pub(crate) entries: Entries,
    pub(crate) services: BTreeMap<String, Vec<Instance>>,
}

fn common(name: &str) -> Common {
    Common { name: name.to_owned(), ..Common::default() }
}

impl World {
    pub(crate) fn generate(random: &mut Random) -> Self {
        let mut entries = Entries::default();
        entries.insert(ConfigEntry::ProxyDefaults(Arc::new(ProxyDefaults {
            common: common("global"),
            config: json!({"protocol": "http"}).as_object().cloned(),
            protocol: "http".into(),
            ..Default::default()
        })));
        for name in SERVICES {
            if random.chance(40) {
                entries.insert(ConfigEntry::ServiceResolver(Arc::new(resolver(random, name))));
            }
            if random.chance(35) {
                entries.insert(ConfigEntry::ServiceSplitter(Arc::new(splitter(random, name))));
            }
            if random.chance(50) {
                entries.insert(ConfigEntry::ServiceRouter(Arc::new(router(random, name))));
            }
        }
        entries.insert(ConfigEntry::IngressGateway(Arc::new(ingress(random))));
        let services = SERVICES.iter().map(|name| ((*name).to_owned(), instances(random, name))).collect();
        Self { entries, services }
    }

    /// Writes or deletes one entry, or changes the instances of a service.
    pub(crate) fn change(&mut self, random: &mut Random) {
        let name = *random.pick(&SERVICES);
        match random.below(8) {
            0 => self.entries.insert(ConfigEntry::ServiceRouter(Arc::new(router(random, name)))),
            1 => self.entries.insert(ConfigEntry::ServiceSplitter(Arc::new(splitter(random, name)))),
            2 => self.entries.insert(ConfigEntry::ServiceResolver(Arc::new(resolver(random, name)))),
            3 => self.entries.remove(EntryKind::ServiceRouter, name),
            4 => self.entries.remove(EntryKind::ServiceSplitter, name),
            5 => self.entries.remove(EntryKind::ServiceResolver, name),
            6 => self.entries.insert(ConfigEntry::IngressGateway(Arc::new(ingress(random)))),
            _ => drop(self.services.insert(name.to_owned(), instances(random, name))),
        }
    }

    /// The world with its listener on another port than 8080.
    pub(crate) fn resources_on(&self, port: u16) -> Resources {
        let mut resources = self.resources();
        for gateway in Arc::make_mut(&mut resources.entries).ingress_gateways.values_mut() {
            let mut moved = IngressGateway::clone(gateway);
            moved.listeners.iter_mut().for_each(|l| l.port = port.into());
            *gateway = Arc::new(moved);
        }
        resources
    }

    pub(crate) fn resources(&self) -> Resources {
        let service =
            |(name, instances): (&String, &Vec<Instance>)| Service { name: ServiceName::from(name.as_str()), instances: instances.clone() };
        Resources {
            gateway: GatewayConfig::of(GatewayKind::Ingress, "edge"),
            datacenter: Datacenter::from("dc1"),
            trust_domain: TrustDomain::new(TrustDomain::OF_FILES),
            entries: Arc::new(self.entries.clone()),
            services: Arc::new(self.services.iter().map(service).map(|s| (s.name.key(), Arc::new(s))).collect()),
            federation: Default::default(),
            default_action: IntentionAction::Deny,
            rejected: Vec::new(),
            written: Default::default(),
        }
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for router in self.entries.routers.values() {
            writeln!(f, "{router:?}")?;
        }
        for splitter in self.entries.splitters.values() {
            writeln!(f, "{splitter:?}")?;
        }
        for resolver in self.entries.resolvers.values() {
            writeln!(f, "{resolver:?}")?;
        }
        for gateway in self.entries.ingress_gateways.values() {
            writeln!(f, "{:?}", gateway.listeners)?;
        }
        Ok(())
    }
}

fn instances(random: &mut Random, service: &str) -> Vec<Instance> {
    let health = [Health::Passing, Health::Passing, Health::Warning, Health::Critical];
    (0..random.below(4))
        .map(|n| Instance {
            id: format!("{service}-{n}"),
            address: Address::Socket(([127, 0, 0, 1], 9000 + n as u16).into()),
            meta: [("version".to_owned(), (*random.pick(&SUBSETS)).to_owned())].into(),
            tags: Vec::new(),
            health: *random.pick(&health),
            check: None,
            weight: random.below(4),
            mesh: false,
            node: String::new(),
            node_meta: BTreeMap::new(),
            datacenter: "dc1".into(),
        })
        .collect()
}

fn ingress(random: &mut Random) -> IngressGateway {
    let mut hosts: Vec<&str> = HOSTS.to_vec();
    let mut services = Vec::new();
    for name in &SERVICES[..3] {
        let mut own = Vec::new();
        for _ in 0..random.below(3) {
            if !hosts.is_empty() {
                own.push(hosts.remove(random.below(hosts.len() as u32) as usize).to_owned());
            }
        }
        services.push(Arc::new(IngressService { name: (*name).to_owned(), hosts: own, ..Default::default() }));
    }
    if random.chance(30) {
        services.push(Arc::new(IngressService { name: "*".into(), ..Default::default() }));
    }
    let listener = IngressListener { port: 8080, protocol: "http".into(), services, ..Default::default() };
    IngressGateway { common: common("edge"), listeners: vec![listener], ..Default::default() }
}

fn router(random: &mut Random, name: &str) -> ServiceRouter {
    let routes = (0..random.below(9)).map(|_| {
        let r#match = random.chance(90).then(|| RouteMatch { http: random.chance(95).then(|| http_match(random)) });
        let path_given =
            r#match.as_ref().and_then(|m| m.http.as_ref()).is_some_and(|h| !h.path_exact.is_empty() || !h.path_prefix.is_empty());
        let destination = random.chance(80).then(|| RouteDestination {
            service: if random.chance(70) { (*random.pick(&SERVICES)).to_owned() } else { String::new() },
            prefix_rewrite: if path_given && random.chance(40) {
                (*random.pick(&["/", "/new", "/new/"])).to_owned()
            } else {
                String::new()
            },
            ..Default::default()
        });
        Arc::new(ServiceRoute { r#match, destination })
    });
    ServiceRouter { common: common(name), routes: routes.collect() }
}

fn http_match(random: &mut Random) -> HttpMatch {
    let mut http = HttpMatch { case_insensitive: random.chance(25), ..Default::default() };
    match random.below(5) {
        0 => http.path_exact = (*random.pick(&PATHS)).to_owned(),
        1 | 2 => http.path_prefix = (*random.pick(&PATHS)).to_owned(),
        3 => http.path_regex = (*random.pick(&REGEXES)).to_owned(),
        _ => {}
    }
    for _ in 0..random.below(2) {
        let mut header = HeaderMatch { name: (*random.pick(&HEADERS)).to_owned(), invert: random.chance(30), ..Default::default() };
        let value = (*random.pick(&VALUES)).to_owned();
        match random.below(5) {
            0 => header.present = true,
            1 => header.exact = value,
            2 => header.prefix = value,
            3 => header.suffix = value,
            _ => header.regex = format!("{value}.*"),
        }
        http.header.push(header);
    }
    if random.chance(20) {
        let mut query = QueryMatch { name: (*random.pick(&["q", "r"])).to_owned(), ..Default::default() };
        match random.below(3) {
            0 => query.present = true,
            1 => query.exact = (*random.pick(&VALUES)).to_owned(),
            _ => query.regex = "[0-9]+".to_owned(),
        }
        http.query_param.push(query);
    }
    if random.chance(20) {
        http.methods = vec![(*random.pick(&METHODS)).to_owned()];
    }
    http
}

fn splitter(random: &mut Random, name: &str) -> ServiceSplitter {
    let choices: [&[f32]; 4] = [&[100.0], &[50.0, 50.0], &[90.0, 9.5, 0.5], &[0.0, 100.0]];
    let weights = *random.pick(&choices);
    let splits = weights.iter().map(|weight| ServiceSplit {
        weight: *weight,
        service: if random.chance(70) { (*random.pick(&SERVICES)).to_owned() } else { String::new() },
        ..Default::default()
    });
    ServiceSplitter { common: common(name), splits: splits.collect() }
}

fn resolver(random: &mut Random, name: &str) -> ServiceResolver {
    let mut resolver = ServiceResolver { common: common(name), ..Default::default() };
    for subset in SUBSETS {
        let filter = if random.chance(80) { format!("Service.Meta.version == {subset}") } else { String::new() };
        resolver.subsets.insert(subset.to_owned(), Subset { filter, only_passing: random.chance(20) });
    }
    if random.chance(50) {
        resolver.default_subset = (*random.pick(&SUBSETS)).to_owned();
    }
    if random.chance(20) {
        let datacenter = if random.chance(30) { "dc2".to_owned() } else { String::new() };
        resolver.redirect = Some(Redirect { service: (*random.pick(&SERVICES)).to_owned(), datacenter, ..Default::default() });
    } else if random.chance(40) {
        let key = (*random.pick(&["*", "v1", "v2"])).to_owned();
        let targets =
            (0..1 + random.below(2)).map(|_| FailoverTarget { service: (*random.pick(&SERVICES)).to_owned(), ..Default::default() });
        resolver.failover.insert(key, Failover { targets: targets.collect(), ..Default::default() });
    }
    resolver
}

/// A request.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) authority: String,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
}

impl Request {
    /// In the form of the recorded requests.
    pub(crate) fn to_json(&self) -> Value {
        let headers: Vec<Value> = self.headers.iter().map(|(n, v)| json!([n.as_str(), v.to_str().expect("text")])).collect();
        json!({"method": self.method.as_str(), "authority": self.authority, "path": self.target, "headers": headers})
    }

    pub(crate) fn generate(random: &mut Random) -> Self {
        let host = random.pick(&[
            "shop.test",
            "SHOP.test",
            "a.shop.test",
            "b.shop.test",
            "x.test",
            "shop.x",
            "api.ingress.consul",
            "mail.ingress.y",
            "",
            "q.b.test",
            ".test",
        ]);
        let port = random.pick(&["", "", ":8080", ":99"]);
        let query = random.pick(&["", "", "?q=1", "?q=ab&r=2", "?r", "?q=&q=1", "?x=/a"]);
        let mut headers = HeaderMap::new();
        for _ in 0..random.below(3) {
            let name = HeaderName::from_bytes(random.pick(&["x-a", "x-b", "x-c"]).as_bytes()).expect("a name");
            headers.append(name, HeaderValue::from_static(random.pick::<&'static str>(&["", "1", "12", "2", "ab", "b"])));
        }
        let path = *random.pick(&["/", "/a", "/a/b", "/a/b/c/d", "/A/B", "/b", "/bcd", "/a%2Fb", "/ab", "/zzz"]);
        Self {
            method: Method::from_bytes(random.pick(&METHODS).as_bytes()).expect("a method"),
            authority: format!("{host}{port}"),
            target: format!("{path}{query}"),
            headers,
        }
    }
}
