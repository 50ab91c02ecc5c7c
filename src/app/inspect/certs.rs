//! `gw inspect certs`: every certificate that gateways show or trust, and how long it lasts.

use std::path::Path;

use serde_json::{Value, json};

use crate::app::certs::{in_file, in_text};
use crate::app::world::{Asked, OneGateway, Unanswered, Verb, World};
use crate::decide::compile::keys;
use crate::model::ca::CaRoots;
use crate::model::gateway::Anchors;
use crate::rt::log::with_causes;
use crate::tls::{Moment, X509};

/// Each certificate.
pub const CERTS: Verb = Verb { page: "/v1/certs", answer };

/// From this share of its life on a certificate is near its end: what is renewed has been by then.
const NEAR: f64 = 0.9;

fn answer(world: &World, _: &Asked) -> Result<Value, Unanswered> {
    if let Some(known) = &world.known_certificates {
        return Ok(known.clone());
    }
    let mut found = Found { now: Moment::now(), listed: Vec::new() };
    for certificate in &world.certificates {
        let of = if certificate.hosts.is_empty() { "listeners with TLS".to_owned() } else { certificate.hosts.join(", ") };
        found.file("listener", "", &of, &certificate.cert);
    }
    world.gateways.iter().for_each(|gateway| found.of_gateway(gateway));
    Ok(found.whole())
}

/// The roots of a mesh, of which there is no file.
pub(in crate::app) fn of_roots(roots: Option<&CaRoots>) -> Value {
    let mut found = Found { now: Moment::now(), listed: Vec::new() };
    for root in roots.iter().flat_map(|roots| &roots.roots) {
        let of = if root.active { "the mesh, signs now" } else { "the mesh" };
        match in_text(root.pem.as_bytes(), &root.name) {
            Ok(chain) => found.chain("root", "", of, &root.name, &chain),
            Err(why) => found.unreadable("root", "", of, &root.name, &with_causes(&why)),
        }
    }
    found.whole()
}

struct Found {
    now: Moment,
    listed: Vec<Value>,
}

impl Found {
    fn whole(self) -> Value {
        json!({ "schema": "gw.certificates/v1", "certificates": self.listed })
    }

    fn of_gateway(&mut self, gateway: &OneGateway) {
        let name = gateway.said.gateway.name.as_str();
        if let Some(identity) = &gateway.said.gateway.identity {
            self.file("leaf", name, name, &identity.cert);
            self.file("root", name, "the mesh", &identity.roots);
        }
        let (inbound, outside) = keys(&gateway.said);
        if let Some(inbound) = inbound {
            self.file("root", name, "the mesh", &inbound.roots);
            inbound.leaves.iter().for_each(|leaf| self.file("leaf", name, &leaf.service, &leaf.cert));
        }
        for files in outside {
            if let Anchors::File(path) = &files.anchors {
                self.file("outside-root", name, "services outside the mesh", path);
            }
            files.own.iter().for_each(|(cert, _)| self.file("outside-leaf", name, "services outside the mesh", cert));
        }
    }

    fn file(&mut self, role: &str, gateway: &str, of: &str, path: &Path) {
        let file = path.display().to_string();
        let known = |listed: &Value| listed["file"] == *file && listed["role"] == *role;
        if self.listed.iter().any(known) {
            return;
        }
        match in_file(path) {
            Ok(chain) => self.chain(role, gateway, of, &file, &chain),
            Err(why) => self.unreadable(role, gateway, of, &file, &with_causes(&why)),
        }
    }

    fn chain(&mut self, role: &str, gateway: &str, of: &str, file: &str, chain: &[X509]) {
        for cert in chain {
            let state = match cert.age(self.now) {
                _ if self.now > cert.until => "expired",
                _ if self.now < cert.from => "not yet valid",
                age if age >= NEAR => "near its end",
                _ => "ok",
            };
            self.listed.push(json!({
                "role": role,
                "gateway": gateway,
                "of": of,
                "file": file,
                "called": cert.called(),
                "issuer": cert.issuer,
                "ca": cert.is_ca,
                "not_before": cert.from.to_string(),
                "not_after": cert.until.to_string(),
                "remaining": cert.until.0 - self.now.0,
                "sha256": cert.fingerprint,
                "state": state,
                "why": Value::Null,
            }));
        }
    }

    fn unreadable(&mut self, role: &str, gateway: &str, of: &str, file: &str, why: &str) {
        self.listed.push(json!({
            "role": role, "gateway": gateway, "of": of, "file": file, "called": Value::Null, "state": "unreadable", "why": why,
        }));
    }
}
