//! terminating-gateway: field table, validation (semantics 8).

use std::collections::HashSet;
use std::sync::Arc;

use super::check::Check;
use super::codes;
use super::fields::fields;
use super::kind::{Acted, Kind};
use crate::model::entry::*;

fields!(TerminatingGateway {
    common.name: "Name"; keep,
    services: "Services"; keep,
    common.meta: "Meta",
});

// The one field without another spelling is refused in snake case.
fields!(LinkedService {
    name: "Name",
    ca_file: "CAFile" ~ "ca_file",
    cert_file: "CertFile" ~ "cert_file",
    key_file: "KeyFile" ~ "key_file",
    sni: "SNI",
    disable_auto_host_rewrite: "DisableAutoHostRewrite",
});

impl Kind for TerminatingGateway {
    fn normalize(&mut self) {}

    fn validate(&self, check: &mut Check<'_>) {
        let mut names = HashSet::new();
        for (i, service) in self.services.iter().enumerate() {
            let at = format!("Services[{i}]");
            let LinkedService { name, ca_file, cert_file, key_file, sni, .. } = service;
            if name.is_empty() {
                check.error(codes::NAME, &at, format!("{at} needs a Name"));
            }
            if !names.insert(name) {
                check.error(codes::DUPLICATE, format!("{at}.Name"), format!("service {name:?} is linked more than once"));
            }
            let files = [("CAFile", ca_file), ("CertFile", cert_file), ("KeyFile", key_file)];
            let missing = files.iter().filter(|(_, file)| file.is_empty()).map(|(field, _)| *field).collect::<Vec<_>>();
            let own_certificate = !cert_file.is_empty() || !key_file.is_empty();
            if own_certificate && !missing.is_empty() {
                let message = format!("{at} has a client certificate and no {}: TLS with one needs all three files", missing.join(", no "));
                check.error(codes::EXCLUSIVE, &at, message);
            } else if missing.len() == files.len() && !sni.is_empty() {
                let message = format!("{at} has an SNI and no CAFile: the service is spoken to in clear text");
                let help = "add CAFile, a file of the CA's certificates, or CAFile = \"system\" for the roots of the machine";
                check.warning(codes::CLEAR_TEXT, format!("{at}.SNI"), message, help);
            } else if missing.len() < files.len() && sni.is_empty() {
                let message = format!("{at} has TLS and no SNI: the name to ask for and to check is that of each instance's address");
                let help = "write the SNI that the service's certificate has; Consul's proxies check no name without it";
                check.warning(codes::NO_SNI, format!("{at}.CAFile"), message, help);
            }
        }
    }

    fn common(&self) -> &Common {
        &self.common
    }
}

impl Acted for TerminatingGateway {
    fn entry(self) -> ConfigEntry {
        ConfigEntry::TerminatingGateway(Arc::new(self))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::source::entry::from_json;

    fn codes(services: Value) -> Vec<&'static str> {
        let judged = from_json(&json!({"Kind": "terminating-gateway", "Name": "tgw", "Services": services}));
        judged.map_or_else(|problems| problems, |decoded| decoded.notes).into_iter().map(|d| d.code).collect()
    }

    #[test]
    fn linked_services_are_judged_by_consuls_rules() {
        let files =
            |ca: &str, cert: &str, key: &str, sni: &str| json!({"Name": "a", "ca_file": ca, "cert_file": cert, "KeyFile": key, "SNI": sni});
        for (services, wanted) in [
            (json!([]), &[][..]),
            (json!({"Name": "a"}), &[]),
            (json!([{"Name": "*"}, {"Name": "a"}, {"Name": "A"}, {"Name": " "}]), &[]),
            (json!([{"CAFile": "/ca", "SNI": "x"}]), &["GW0201"]),
            (json!([{"Name": "a"}, {"Name": "a"}]), &["GW0206"]),
            (files("", "", "", "x"), &["GW0311"]),
            (files("", "", "", ""), &[]),
            (files("/ca", "/c", "/k", "x"), &[]),
            (files("/ca", "", "", "x"), &[]),
            (files("/ca", "", "", ""), &["GW0309"]),
            (files("/ca", "/c", "/k", ""), &["GW0309"]),
            (files("/ca", "/c", "", "x"), &["GW0204"]),
            (files("", "/c", "/k", "x"), &["GW0204"]),
            (files("", "", "/k", ""), &["GW0204"]),
            (json!([{"Name": "a", "disable_auto_host_rewrite": true}]), &["GW0102"]),
            (json!([{"Name": "a", "Namespace": "*"}]), &["GW0106"]),
            (json!(["a"]), &["GW0103"]),
        ] {
            assert_eq!(codes(services.clone()), wanted, "{services}");
        }
    }
}
