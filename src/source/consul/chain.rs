//! A discovery chain in exactly the shape of Consul's `/v1/discovery-chain` answer.

mod classes;

use serde_json::{Map, Value, json};

pub use classes::{ChainDiffers, Class, compare};

use crate::model::chain::{ChainFailover, ChainNode, ChainResolver, ChainRoute, ChainSplit, ChainTarget, DiscoveryChain};
use crate::model::entry::LoadBalancer;
use crate::source::entry;

/// A JSON object in the making that leaves out what Consul leaves out.
struct Object(Map<String, Value>);

impl Object {
    fn new() -> Self {
        Self(Map::new())
    }

    /// Puts a field in, whatever its value.
    fn keep(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// Puts a field in unless it is null, false, zero, "", or without elements.
    fn put(self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        let empty = match &value {
            Value::Null => true,
            Value::Bool(b) => !b,
            Value::Number(n) => n.as_f64() == Some(0.0),
            Value::String(s) => s.is_empty(),
            Value::Array(a) => a.is_empty(),
            Value::Object(o) => o.is_empty(),
        };
        if empty { self } else { self.keep(name, value) }
    }

    fn done(self) -> Value {
        Value::Object(self.0)
    }
}

/// The `Chain` of that answer.
pub fn to_json(chain: &DiscoveryChain) -> Value {
    let nodes: Map<String, Value> = chain.nodes.iter().map(|(key, node)| (key.clone(), print_node(node))).collect();
    let targets: Map<String, Value> = chain.targets.iter().map(|(id, target)| (id.to_string(), print_target(target))).collect();
    let meta: Map<String, Value> = chain.service_meta.iter().map(|(k, v)| (k.clone(), v.as_str().into())).collect();
    let extensions: Vec<Value> = chain.envoy_extensions.iter().map(entry::print_extension).collect();
    Object::new()
        .keep("ServiceName", chain.service_name.as_str())
        .keep("Namespace", chain.namespace.as_str())
        .keep("Partition", chain.partition.as_str())
        .keep("Datacenter", chain.datacenter.as_str())
        .put("CustomizationHash", chain.customization_hash.as_str())
        .put("Default", chain.default)
        .keep("Protocol", chain.protocol.as_str())
        .put("ServiceMeta", meta)
        .put("EnvoyExtensions", extensions)
        .keep("StartNode", chain.start_node.as_str())
        .put("Nodes", nodes)
        .put("Targets", targets)
        // Addresses of transparent proxies: they depend on a cluster's history, not on entries.
        .keep("AutoVirtualIPs", Value::Null)
        .keep("ManualVirtualIPs", Value::Null)
        .done()
}

fn print_node(node: &ChainNode) -> Value {
    match node {
        ChainNode::Router { name, routes } => {
            let routes: Vec<Value> = routes.iter().map(print_route).collect();
            Object::new().keep("Type", "router").keep("Name", name.as_str()).put("Routes", routes).done()
        }
        ChainNode::Splitter { name, splits, load_balancer } => {
            let splits: Vec<Value> = splits.iter().map(print_split).collect();
            Object::new()
                .keep("Type", "splitter")
                .keep("Name", name.as_str())
                .put("Splits", splits)
                .put_load_balancer(load_balancer.as_ref())
                .done()
        }
        ChainNode::Resolver(resolver) => Object::new()
            .keep("Type", "resolver")
            .keep("Name", resolver.name.as_str())
            .keep("Resolver", print_resolver(resolver))
            .put_load_balancer(resolver.load_balancer.as_ref())
            .done(),
    }
}

impl Object {
    /// Kept where it is given but says nothing.
    fn put_load_balancer(self, balancer: Option<&LoadBalancer>) -> Self {
        match balancer {
            Some(balancer) => self.keep("LoadBalancer", print_load_balancer(balancer)),
            None => self,
        }
    }
}

/// As in the entry, but for the TTL of cookies, which is a number of nanoseconds here.
fn print_load_balancer(balancer: &LoadBalancer) -> Value {
    let mut printed = entry::print_load_balancer(balancer);
    for (i, policy) in balancer.hash_policies.iter().enumerate() {
        let ttl = policy.cookie_config.as_ref().map(|c| c.ttl.nanos()).filter(|n| *n != 0);
        let cookie = printed.pointer_mut(&format!("/HashPolicies/{i}/CookieConfig")).and_then(Value::as_object_mut);
        if let (Some(ttl), Some(cookie)) = (ttl, cookie) {
            cookie.insert("TTL".to_owned(), ttl.into());
        }
    }
    printed
}

fn print_route(route: &ChainRoute) -> Value {
    json!({"Definition": entry::print_route(&route.definition), "NextNode": route.next_node})
}

fn print_split(split: &ChainSplit) -> Value {
    Object::new()
        .keep("Definition", entry::print_split(&split.definition))
        // The shortest number that is this 32-bit one, as Go prints it: 33.33, not 33.33000183.
        .put("Weight", split.weight.to_string().parse::<f64>().ok())
        .keep("NextNode", split.next_node.as_str())
        .done()
}

fn print_resolver(resolver: &ChainResolver) -> Value {
    Object::new()
        .put("Default", resolver.default)
        .keep("ConnectTimeout", resolver.connect_timeout.to_string())
        // A number of nanoseconds, unlike the other.
        .put("RequestTimeout", resolver.request_timeout.nanos())
        .keep("Target", resolver.target.as_ref().map(ToString::to_string).unwrap_or_default())
        .put("Failover", resolver.failover.as_ref().map(print_failover))
        .done()
}

fn print_failover(failover: &ChainFailover) -> Value {
    let targets: Vec<Value> = failover.targets.iter().map(|t| t.to_string().into()).collect();
    Object::new().keep("Targets", targets).put("Policy", failover.policy.as_ref().map(entry::print_failover_policy)).done()
}

fn print_target(target: &ChainTarget) -> Value {
    let id = &target.id;
    Object::new()
        .keep("ID", id.to_string())
        .keep("Service", &*id.service)
        .put("ServiceSubset", &*id.subset)
        .keep("Namespace", &*id.namespace)
        .keep("Partition", &*id.partition)
        .put("Datacenter", &*id.datacenter)
        .put("Peer", &*id.peer)
        .keep("MeshGateway", Object::new().put("Mode", target.mesh_gateway.as_str()).done())
        .keep("Subset", entry::print_subset(&target.subset))
        .keep("ConnectTimeout", target.connect_timeout.to_string())
        .keep("TransparentProxy", Object::new().put("DialedDirectly", target.dialed_directly).done())
        .put("External", target.external)
        .put("SNI", target.sni.as_str())
        .put("Name", target.name.as_str())
        .done()
}
