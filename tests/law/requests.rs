//! Requests, to each example whose listeners read them.

use std::path::Path;

use gw::app::inspect::{self, RouteQuestion};

use crate::asked::Everywhere;
use crate::records::Records;
use crate::support::{Example, Gateway, TRUST_DOMAIN, curl, examples, gw};
use crate::{Random, seeds};

/// Those examples.
pub(crate) const EXAMPLES: [&str; 5] = ["hosts", "resolver", "router", "splitter", "terminating"];

#[test]
fn what_the_wire_did_with_generated_requests_to_every_example_is_what_each_place_says() {
    for example in examples() {
        let name = example.file_stem().expect("a name").to_string_lossy().into_owned();
        if EXAMPLES.contains(&&*name) {
            hold(&example);
        }
    }
}

fn hold(example: &Path) {
    let Example { name, folder, path, ports, .. } = Example::copy(example, "law");
    let gateway = Gateway::start(&["run", "-c", &path.display().to_string(), "--access-log", "access.log"], folder.path());
    let places = Everywhere::of(&gateway, &path);
    let mut records = Records::in_file(&folder.path().join("access.log"));
    let port = *ports.values().next().expect("a port");
    for seed in seeds(40) {
        let mut random = Random::new(seed);
        let method = random.pick(&["GET", "GET", "POST", "PUT", "DELETE"]);
        let targets = ["/", "/api/cart", "/orders/7", "/admin/x?debug=1", "/v2/", "/static/a.css", "/invoices", "/invoices/%61"];
        let target = random.pick(&[&targets[..], &["/public/../admin", "//admin", "/admin%2fx", "/?", "/invoices?admin"]].concat());
        let header = random.pick(&["x-version: v2", "x-team: a", "x-debug: 1", "accept: */*"]);
        let (url, curl_args, peer, host) = if name == "terminating" {
            let who = random.pick(&["web", "api", "cron"]);
            (format!("https://billing:{port}{target}"), by_mtls(who, port, method, target, header, folder.path()), Some(who), None)
        } else {
            let host =
                random.pick(&["shop.test", "www.shop.test", "api.shop.test", "blog.test", "other.test", "SHOP.test:80", "shop.test."]);
            let args = format!("--path-as-is -X {method} -H 'host: {host}' -H '{header}' 'http://127.0.0.1:{port}{target}'");
            (format!("http://127.0.0.1:{port}{target}"), args, None, Some(host))
        };
        curl(&curl_args);
        let record = records.next(&format!("{name}, seed {seed}: curl {curl_args}"));
        let headers = host.map(|host| format!("host: {host}")).into_iter().chain([header.to_owned()]).collect();
        let question = RouteQuestion { method: method.to_owned(), url, headers, roll: None, source: None, sni: None, peer: None };
        let said = places.route(&inspect::written(&question, peer, None), &record);
        assert!(said.places.values().all(|place| place.contains(".hcl:") || place.contains(".json:") || place.contains(".toml:")));
    }
    assert_eq!(records.left(), Vec::<serde_json::Value>::new(), "{name}");
    assert_eq!(gateway.end(), Some(0));
}

/// The arguments of curl for a service of the mesh that asks billing.
fn by_mtls(who: &str, port: u16, method: &str, target: &str, header: &str, folder: &Path) -> String {
    if !folder.join(format!("certs/{who}.pem")).exists() {
        assert!(gw(&["certs", "issue", who]).current_dir(folder).output().expect("gw runs").status.success());
    }
    let name = format!("billing.default.dc1.internal.{TRUST_DOMAIN}");
    let certs = folder.join("certs");
    let (cert, key) = (certs.join(format!("{who}.pem")), certs.join(format!("{who}-key.pem")));
    format!(
        "-k --http1.1 --path-as-is -X {method} -H '{header}' -H 'host: billing:{port}' --cert {} --key {} --connect-to {name}:{port}:127.0.0.1:{port} \
         'https://{name}:{port}{target}'",
        cert.display(),
        key.display()
    )
}
