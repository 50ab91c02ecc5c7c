//! Which versions and suites of TLS are spoken in the mesh: as its entry says, in either direction.

use std::net::SocketAddr;
use std::process::{Command, Stdio};

use rustls::version;
use serde_json::{Value, json};

use crate::harness::{Ca, Exit, Exits, Folder, Service, Tls, World, get, sni};
use crate::mesh::sidecar;

fn mesh(direction: &str, says: &Value) -> Value {
    json!({"Kind": "mesh", "TLS": {direction: says}})
}

#[test]
fn services_with_a_sidecar_are_spoken_to_as_outgoing_says() {
    gw::tls::install();
    let (folder, ca) = (Folder::new("spoken-outgoing"), Ca::new());
    let services: Vec<_> =
        [&version::TLS12, &version::TLS13].map(|version| sidecar(ca.sidecar_speaking(&[Ca::id("web")], &[version]), "inside")).into();
    for (says, answered) in [
        (json!({}), [200, 200]),
        (json!({"TLSMinVersion": "TLSv1_3"}), [503, 200]),
        (json!({"TLSMaxVersion": "TLSv1_2"}), [200, 503]),
        (json!({"CipherSuites": ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"]}), [200, 200]),
        // The leaf's key is of another kind.
        (json!({"CipherSuites": ["TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"]}), [503, 200]),
        (json!({"CipherSuites": ["TLS_RSA_WITH_AES_128_CBC_SHA"]}), [503, 200]),
    ] {
        for ((service, _), answered) in services.iter().zip(answered) {
            let world = World::of("http").mesh_instance("web", service.address).entry(mesh("Outgoing", &says));
            let gateway = world.identity(ca.identity(&folder, "edge")).start();
            assert_eq!(get(gateway.address, "/").status, answered, "{says}");
        }
    }
}

#[test]
fn a_gateway_that_could_speak_nothing_does_not_start() {
    gw::tls::install();
    let (folder, ca) = (Folder::new("spoken-nothing"), Ca::new());
    let world = World::of("http").entry(mesh("Outgoing", &json!({"TLSMaxVersion": "TLSv1_1"}))).identity(ca.identity(&folder, "edge"));
    let error = world.try_start().err().expect("it is refused");
    let why = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    assert!(why.starts_with("TLS.Outgoing of the entry mesh/mesh asks for no version or suite of TLS that gw has"), "{why}");
}

/// Whether clients have answers that speak TLS 1.2 alone, and 1.3.
fn answered(exit: &Exits) -> [bool; 2] {
    [&version::TLS12, &version::TLS13].map(|version| {
        let client = exit.exit().ca.client_speaking(Some("api"), &[version]);
        Tls::connect(exit.run.address(), client, &sni("web")).get("/").0 == 200
    })
}

#[test]
pub(crate) fn who_connects_is_spoken_to_as_incoming_says_and_never_as_it_does_not() {
    let service = Service::saying("outside");
    let exit = Exit::of("spoken-incoming", "http").intention("api", json!("allow")).instance("web", service.address, "");
    let mut exit = exit.start();
    assert_eq!(answered(&exit), [true, true]);
    for (says, wanted) in [
        (json!({"TLSMinVersion": "TLSv1_3"}), [false, true]),
        (json!({"TLSMaxVersion": "TLSv1_2"}), [true, false]),
        (json!({"CipherSuites": ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_RSA_WITH_AES_128_CBC_SHA"]}), [true, true]),
        (json!({"CipherSuites": ["TLS_RSA_WITH_AES_128_CBC_SHA"]}), [false, true]),
        // Nothing is left: what was spoken before goes on, and all else is in effect.
        (json!({"TLSMaxVersion": "TLSv1_1"}), [false, true]),
    ] {
        exit.change(|exit| exit.entry(mesh("Incoming", &says)));
        assert_eq!(answered(&exit), wanted, "{says}");
    }
    exit.change(|exit| exit.intention("api", json!("deny")));
    assert_eq!(answered(&exit), [false, false]);
}

/// Whether openssl comes to terms with a listener.
fn openssl(address: SocketAddr, args: &[&str]) -> bool {
    let mut command = Command::new("openssl");
    command.args(["s_client", "-servername", "h.test", "-connect", &address.to_string()]).args(args);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
}

#[test]
fn clients_of_an_ingress_gateway_are_spoken_to_as_its_entry_says_and_a_listener_says_it_over_the_gateway() {
    gw::tls::install();
    let (folder, service) = (Folder::new("spoken-ingress"), Service::saying("inside"));
    let (certificate, _) = folder.certificate("h.test");
    let strong = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384";
    let (v12, v13, weak) = (&["-tls1_2"][..], &["-tls1_3"][..], &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"][..]);
    for (of_gateway, of_listener, wanted) in [
        (json!({}), json!({}), [true, true, true]),
        (json!({"TLSMinVersion": "TLSv1_3"}), json!({}), [false, true, false]),
        (json!({"TLSMinVersion": "TLSv1_3"}), json!({"TLSMinVersion": "TLSv1_2"}), [true, true, true]),
        (json!({}), json!({"TLSMaxVersion": "TLSv1_2"}), [true, false, true]),
        (json!({"CipherSuites": [strong]}), json!({}), [true, true, false]),
        // Nothing is left: nobody is spoken to, and the gateway starts all the same.
        (json!({}), json!({"TLSMaxVersion": "TLSv1_1"}), [false, false, false]),
    ] {
        let world = World::of("http").instance("web", service.address).tls(vec![certificate.clone()]);
        let gateway = world.speaking(of_gateway.clone(), of_listener.clone()).start();
        assert_eq!([v12, v13, weak].map(|args| openssl(gateway.address, args)), wanted, "{of_gateway} {of_listener}");
    }
}
