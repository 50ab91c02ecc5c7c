//! Questions that users of such gateways ask again and again, each with a small configuration and the command one types: the output
//! names the cause, and what to write. Each test cites where the question was asked.

mod support;

use std::time::{Duration, Instant};

use support::{Scratch, gw, scratch_with};

const DEFAULTS: &str = r#"{"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": "http"}}"#;
const GW_TOML: &str = "entries = [\"gw.d\"]\n[[gateway]]\nkind = \"ingress\"\nname = \"edge\"\n\
                       [[service]]\nname = \"web\"\n[[service.instance]]\naddress = \"127.0.0.1:3000\"\n";

/// An ingress gateway for web with these Hosts.
fn edge(hosts: &str) -> String {
    let hosts = if hosts.is_empty() { String::new() } else { format!(", \"Hosts\": [{hosts}]") };
    format!(
        r#"{{"Kind": "ingress-gateway", "Name": "edge", "Listeners": [{{"Port": 8080, "Protocol": "http", "Services": [
  {{"Name": "web"{hosts}}}]}}]}}"#
    )
}

/// A folder with a `gw.toml` and entries.
fn files(name: &str, toml: &str, entries: &[&str]) -> Scratch {
    let named: Vec<(String, &str)> = entries.iter().enumerate().map(|(n, text)| (format!("gw.d/{n}.json"), *text)).collect();
    let mut all: Vec<(&str, &str)> = named.iter().map(|(file, text)| (file.as_str(), *text)).collect();
    all.push(("gw.toml", toml));
    scratch_with(&format!("question-{name}"), &all)
}

/// Types a command, and looks for words in what it says, on stdout and stderr.
#[track_caller]
fn says(folder: &Scratch, command: &str, code: i32, words: &[&str]) {
    let args: Vec<String> = words_of_a_shell(command);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let output = gw(&args).current_dir(folder.path()).output().expect("gw runs");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert_eq!(output.status.code(), Some(code), "gw {command}\n{said}");
    for word in words {
        assert!(said.contains(word), "gw {command} does not say {word:?}:\n{said}");
    }
}

/// Words, of which those in single quotes are one.
fn words_of_a_shell(command: &str) -> Vec<String> {
    let parts = command.split('\'').enumerate();
    let words =
        parts.flat_map(|(n, part)| if n % 2 == 1 { vec![part.to_owned()] } else { part.split_whitespace().map(str::to_owned).collect() });
    words.collect()
}

/// hashicorp/consul#9359, #8466, #10592, consul-helm#950: 404 by IP address or any name; a Host that nobody knows of is needed.
#[test]
fn why_is_every_request_answered_with_404() {
    let folder = files("404", GW_TOML, &[DEFAULTS, &edge("")]);
    let cause =
        ["404 no_host", "the Host is none of web.ingress.*", "gw.d/1.json:2", "-H 'Host: web.ingress.consul'", "Hosts = [\"10.0.0.1\"]"];
    says(&folder, "inspect route GET http://10.0.0.1:8080/", 1, &cause);
    says(&folder, "inspect route GET http://10.0.0.1:8080/ -H 'Host: web.ingress.consul'", 0, &["forwarded to web"]);
}

/// hashicorp/consul#8045, emissary-ingress/emissary#2276: a Host with a port, or Hosts with one, and nothing matches.
#[test]
fn why_does_a_host_not_match_when_there_is_a_port() {
    let folder = files("port", GW_TOML, &[DEFAULTS, &edge("\"shop.test:8080\"")]);
    let cause = ["404 no_host", "the Host is shop.test, and Hosts has shop.test:8080", "Hosts = [\"shop.test\"] takes it with every port"];
    says(&folder, "inspect route GET http://shop.test:8080/ -H 'Host: shop.test'", 1, &cause);
    let folder = files("no-port", GW_TOML, &[DEFAULTS, &edge("\"shop.test\"")]);
    says(&folder, "inspect route GET http://shop.test:8080/", 0, &["forwarded to web"]);
    says(&folder, "inspect route GET http://shop.test:8080/ -H 'Host: shop.test'", 0, &["forwarded to web"]);
}

/// istio/istio#46541: a route by header for gRPC does not match, found only in debug logs.
#[test]
fn why_does_the_route_by_header_of_my_grpc_calls_not_match() {
    let router = r#"{"Kind": "service-router", "Name": "web", "Routes": [
      {"Match": {"HTTP": {"PathPrefix": "/pkg.Svc/", "Header": [{"Name": "X-Tenant", "Exact": "Blue"}]}}, "Destination": {"Service": "blue"}}]}"#;
    let grpc = DEFAULTS.replace("\"http\"", "\"grpc\"");
    let edge = edge("\"*\"").replace("\"http\"", "\"grpc\"");
    let folder = files("grpc", GW_TOML, &[&grpc, &edge, router]);
    let call = "inspect route POST http://x:8080/pkg.Svc/Get";
    says(
        &folder,
        &format!("{call} -H 'x-tenant: blue'"),
        0,
        &["header X-Tenant is Blue (it is blue)", "gw.d/2.json:2", "forwarded to web"],
    );
    says(&folder, call, 0, &["header X-Tenant is Blue (it is not there)"]);
    let cause = ["503 no_healthy_endpoint", "no instance of blue is known at all", "[[service]] with name = \"blue\""];
    says(&folder, &format!("{call} -H 'x-tenant: Blue'"), 1, &cause);
}

/// hashicorp/consul#10536, #10753: L7 intentions are without effect; the service speaks tcp as far as Consul knows.
#[test]
fn why_have_my_intentions_with_paths_no_effect() {
    let intention = r#"{"Kind": "service-intentions", "Name": "web", "Sources": [
      {"Name": "api", "Permissions": [{"Action": "deny", "HTTP": {"PathPrefix": "/admin"}}, {"Action": "allow", "HTTP": {"PathPrefix": "/"}}]}]}"#;
    let folder = files("l7", GW_TOML, &[intention]);
    let cause = ["service \"web\" has protocol \"tcp\"", "gw.d/0.json:2", "set Protocol http, http2 or grpc in the service-defaults"];
    says(&folder, "config validate gw.d", 3, &cause);
    let folder = files("l7-http", GW_TOML, &[DEFAULTS, intention]);
    let deny = "inspect authz api web --method GET --path /admin/x -c gw.toml";
    says(&folder, deny, 1, &["denied by a permission of api -> web", "path /admin*", "gw.d/1.json:2"]);
    says(&folder, "inspect authz api web --method GET --path /x -c gw.toml", 0, &["allowed by a permission of api -> web"]);
}

/// hashicorp/consul#10699: one exact path, and everything else is allowed, for the default policy allows.
#[test]
fn why_does_an_intention_for_one_path_allow_everything() {
    let intention = r#"{"Kind": "service-intentions", "Name": "web", "Sources": [
      {"Name": "api", "Permissions": [{"Action": "allow", "HTTP": {"PathExact": "/public"}}]}]}"#;
    let folder = files("fall", &format!("default_intention = \"allow\"\n{GW_TOML}"), &[DEFAULTS, intention]);
    let cause = [
        "allowed by the default policy, allow: no permission of api -> web matches",
        "the path is not /public",
        "end with a permission for the rest",
    ];
    says(&folder, "inspect authz api web --method GET --path /secret -c gw.toml", 0, &cause);
}

const EXIT_TOML: &str = "trust_domain = \"mesh.consul\"\nentries = [\"gw.d\"]\n[certs]\ndir = \"certs\"\n[[gateway]]\nkind = \"terminating\"\nname = \"exit\"\n\
                         address = \"127.0.0.1:8443\"\n[[service]]\nname = \"billing\"\n[[service.instance]]\naddress = \"billing.example.com:443\"\n";
const EXIT: &str = r#"{"Kind": "terminating-gateway", "Name": "exit", "Services": [
  {"Name": "billing"}]}"#;

/// envoyproxy/envoy#12873, hashicorp/consul#10821: a 403, and nothing says whose rule it was.
#[test]
fn whose_rule_answered_with_403() {
    let intention = r#"{"Kind": "service-intentions", "Name": "billing", "Sources": [
      {"Name": "web", "Permissions": [
        {"Action": "deny", "HTTP": {"PathPrefix": "/admin"}},
        {"Action": "allow", "HTTP": {"PathPrefix": "/"}}]}]}"#;
    let folder = files("403", EXIT_TOML, &[DEFAULTS, EXIT, intention]);
    says(&folder, "certs init --trust-domain mesh.consul", 0, &[]);
    let cause = [
        "403 denied",
        "service-intentions/billing Sources[0].Permissions[0]",
        "gw.d/2.json:3",
        "gw inspect authz web billing --method GET --path /admin/x",
    ];
    says(&folder, "inspect route GET https://billing/admin/x --peer web", 1, &cause);
    let cause = ["403 denied", "by default", "default policy deny", "what is allowed is written in service-intentions/billing"];
    says(&folder, "inspect route GET https://billing/ --peer cron", 1, &cause);
    says(&folder, "inspect explain denied", 0, &["RBAC: access denied"]);
}

/// hashicorp/consul-k8s#583, consul-helm#923, hashicorp/consul#15971, #23678: an https service behind a terminating gateway, without or
/// with half of what TLS needs.
#[test]
fn what_is_missing_for_https_behind_a_terminating_gateway() {
    let folder = files("https", EXIT_TOML, &[DEFAULTS, EXIT]);
    says(&folder, "certs init --trust-domain mesh.consul", 0, &[]);
    let cause =
        ["plain_text", "billing is spoken to in plain text at billing.example.com:443", "gw.d/1.json:2", "CAFile = \"system\"", "SNI = "];
    says(&folder, "inspect problems -c gw.toml", 1, &cause);
    let with = |text: &str| EXIT.replace("\"billing\"}", &format!("\"billing\", {text}}}"));
    let folder = files("https-ca", EXIT_TOML, &[DEFAULTS, &with("\"CAFile\": \"system\"")]);
    says(&folder, "config validate gw.toml", 0, &["TLS and no SNI", "write the SNI that the service's certificate has"]);
    let folder = files("https-none", EXIT_TOML, &[DEFAULTS, &with("\"CAFile\": \"nowhere.pem\", \"SNI\": \"billing.example.com\"")]);
    says(&folder, "config validate gw.toml", 0, &["cannot read", "nowhere.pem", "what needs it is not served"]);
}

/// hashicorp/consul#9199, #10139, #10541, #7619: "No path to datacenter", "Remote DC has no server": no gateway is known, or no mode is set.
#[test]
fn why_is_there_no_path_to_the_other_datacenter() {
    let redirect = r#"{"Kind": "service-resolver", "Name": "web", "Redirect": {"Datacenter": "dc2"}}"#;
    let folder = files("dc", GW_TOML, &[DEFAULTS, &edge("\"*\""), redirect]);
    let ask = "inspect route GET http://x:8080/";
    says(&folder, ask, 1, &["web.default.default.dc2: its mesh gateway mode is none", "MeshGateway.Mode", "\"remote\" or \"local\""]);
    let remote = DEFAULTS.replace("\"Config\"", "\"MeshGateway\": {\"Mode\": \"remote\"}, \"Config\"");
    let folder = files("dc-remote", GW_TOML, &[&remote, &edge("\"*\""), redirect]);
    says(&folder, ask, 1, &["no mesh gateway of dc2 is known", "[[datacenter]]"]);
}

/// hashicorp/consul#9811, consul-k8s#4308: failover does not happen, and nothing says why.
#[test]
fn why_does_failover_not_work() {
    let resolver = r#"{"Kind": "service-resolver", "Name": "web", "Failover": {"*": {"Datacenters": ["dc2"]}}}"#;
    let toml = GW_TOML.replace("3000\"", "3000\"\nhealth = \"critical\"");
    let folder = files("failover", &toml, &[DEFAULTS, &edge("\"*\""), resolver]);
    let cause = [
        "web-1 is critical",
        "web.default.default.dc2: its mesh gateway mode is none",
        "service-resolver/web Failover.*",
        "503 no_healthy_endpoint",
    ];
    says(&folder, "inspect route GET http://x:8080/", 1, &cause);
    says(&folder, "inspect problems -c gw.toml", 1, &["web-1 is critical", "MeshGateway.Mode"]);
    // Without Failover: who stands in is nobody.
    let folder = files("no-failover", &toml, &[DEFAULTS, &edge("\"*\"")]);
    says(
        &folder,
        "inspect route GET http://x:8080/",
        1,
        &["web-1 is critical), and no failover", "Failover in service-resolver/web names who stands in"],
    );
}

/// hashicorp/consul#16779, #10213, linkerd/linkerd2#9612: an expired leaf is seen as a handshake that fails, and a check that warned nobody.
#[test]
fn which_certificate_has_expired() {
    let folder = files("expired", EXIT_TOML, &[DEFAULTS, EXIT]);
    says(&folder, "certs init --trust-domain mesh.consul", 0, &[]);
    says(&folder, "certs issue billing --ttl 1s", 0, &[]);
    let until = Instant::now() + Duration::from_secs(20);
    let needs_renewal = || gw(&["inspect", "certs", "-c", "gw.toml"]).current_dir(folder.path()).output().expect("gw runs");
    while !String::from_utf8_lossy(&needs_renewal().stdout).contains("expired") {
        assert!(Instant::now() < until, "it does not expire");
        std::thread::yield_now();
    }
    says(
        &folder,
        "inspect problems -c gw.toml",
        1,
        &["svc/billing expired at", "at certs/billing.pem", "do gw certs issue billing --force"],
    );
    says(&folder, "certs needs-renewal certs/billing.pem", 0, &[]);
    let verify = "certs verify certs/billing.pem --roots certs/ca.pem --spiffe spiffe://mesh.consul/ns/default/dc/dc1/svc/billing";
    says(&folder, verify, 1, &["expired"]);
}

/// hashicorp/consul#11457, #20887, #11009: service-defaults without Protocol lose the global one; http and grpc in one chain.
#[test]
fn which_of_the_protocols_do_not_fit() {
    let web = r#"{"Kind": "service-defaults", "Name": "web"}"#;
    let folder = files("protocol", GW_TOML, &[DEFAULTS, &edge("\"*\""), web]);
    let cause =
        ["service \"web\" has protocol \"tcp\", which does not match", "\"http\" of proxy-defaults is lost", "write Protocol = \"http\""];
    says(&folder, "config validate gw.toml", 3, &cause);
    let grpc = r#"{"Kind": "service-defaults", "Name": "g", "Protocol": "grpc"}"#;
    let router = r#"{"Kind": "service-router", "Name": "web", "Routes": [{"Match": {"HTTP": {"PathPrefix": "/g"}}, "Destination": {"Service": "g"}}]}"#;
    let folder = files("mixed", GW_TOML, &[DEFAULTS, &edge("\"*\""), grpc, router]);
    says(
        &folder,
        "config validate gw.toml",
        3,
        &["service \"g\" has \"grpc\" which is not \"http\"", "give all services of a chain the same protocol"],
    );
}

/// hashicorp/consul#13958, haproxytech/haproxy-consul-connect#46: a wildcard intention lets through, or stops, what it must not.
#[test]
fn which_intention_decides_where_there_are_wildcards() {
    let any = r#"{"Kind": "service-intentions", "Name": "*", "Sources": [{"Name": "api", "Action": "deny"}]}"#;
    let web = r#"{"Kind": "service-intentions", "Name": "web", "Sources": [{"Name": "*", "Action": "allow"}]}"#;
    let folder = files("wildcard", GW_TOML, &[any, web]);
    let cause = [
        "allowed by * -> web",
        "api -> *, deny, is shadowed",
        "the destination counts before the source",
        "write a source of its own in service-intentions/web",
    ];
    says(&folder, "inspect authz api web -c gw.toml", 0, &cause);
}

/// kgateway-dev/kgateway#2826, hashicorp/consul-k8s#648: 503, for a subset has no instance, or a service none at all.
#[test]
fn why_is_a_service_answered_with_503() {
    let resolver = r#"{"Kind": "service-resolver", "Name": "web", "DefaultSubset": "v1", "Subsets": {"v1": {"Filter": "Service.Meta.version == v1"}}}"#;
    let folder = files("subset", GW_TOML, &[DEFAULTS, &edge("\"*\""), resolver]);
    let cause =
        ["503 no_healthy_endpoint", "of 1 known instances of web the Filter of subset v1 lets none through: Service.Meta.version == v1"];
    says(&folder, "inspect route GET http://x:8080/", 1, &cause);
    let folder = files("none", &GW_TOML.replace("\"web\"", "\"wep\""), &[DEFAULTS, &edge("\"*\"")]);
    says(&folder, "inspect route GET http://x:8080/", 1, &["no instance of web is known at all", "is wep meant?"]);
}
