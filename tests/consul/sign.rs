//! What a real Consul signs at its gRPC port, and what is said where it has none that signs.

use gw::id::{Identity, SpiffeId, TargetId, TrustDomain};
use gw::rt::log::with_causes;
use gw::source::consul::settings::{Flags, Settings};
use gw::source::consul::sign::{SignError, Signer};
use gw::tls::{Bundle, Moment, Request, Side, X509, pem};
use serde_json::json;

use crate::agent::{Consul, Like};
use crate::support::free_ports;

fn sign(address: &str, token: &str, whose: &Identity, names: &[String]) -> Result<(Request, String), SignError> {
    gw::tls::install();
    let flags = Flags { grpc_addr: Some(address.to_owned()), token: Some(token.to_owned()), ..Flags::default() };
    let signer = Signer::of(&Settings::of(&flags, |_| None).unwrap()).unwrap().unwrap();
    let request = Request::new(whose, names).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let signed = runtime.block_on(signer.sign(whose, request.csr()))?;
    Ok((request, signed))
}

fn of(service: &str, mesh: &TrustDomain) -> Identity {
    Identity::Service(SpiffeId::of_target(&TargetId::service(service, "dc1"), mesh))
}

/// A token with these rules.
fn token(consul: &Consul, name: &str, rules: &str) -> String {
    consul.put("/v1/acl/policy", &json!({"Name": name, "Rules": rules}).to_string());
    let made = consul.put("/v1/acl/token", &json!({"Policies": [{"Name": name}]}).to_string());
    made["SecretID"].as_str().unwrap().to_owned()
}

#[test]
fn a_gateway_has_its_own_keys_certified_or_is_told_that_nobody_signs() {
    let consul = Consul::like("sign", Like { acl: true, ..Like::default() });
    let roots = consul.get("/v1/agent/connect/ca/roots");
    let mesh = TrustDomain::new(roots["TrustDomain"].as_str().unwrap());
    let names = ["shop.example.test".to_owned(), "*.ingress.consul".to_owned()];
    let edge = of("edge", &mesh);
    let grpc = consul.grpc.to_string();
    for address in [consul.address.to_string(), format!("127.0.0.1:{}", free_ports::<1>()[0])] {
        let error = sign(&address, &consul.token, &edge, &names).map(|_| ()).expect_err("nobody speaks gRPC there");
        assert!(matches!(error, SignError::Unanswered(_)), "{}", with_causes(&error));
        assert!(error.advice().unwrap().contains("leaves come over HTTP"));
    }
    if !consul.signs {
        let error = sign(&grpc, &consul.token, &edge, &names).map(|_| ()).expect_err("nobody signs there");
        assert!(matches!(error, SignError::SignsNothing { .. }), "{}", with_causes(&error));
        assert!(error.advice().unwrap().contains("leaves come over HTTP"));
        return;
    }

    let own = token(&consul, "edge", "service \"edge\" { policy = \"write\" } mesh = \"write\"");
    let gateway = Identity::MeshGateway { trust_domain: mesh.clone(), datacenter: "dc1".into() };
    let root = pem::chain_in(roots["Roots"][0]["RootCert"].as_str().unwrap().as_bytes(), "roots".as_ref()).unwrap();
    let bundle = Bundle::of(root, mesh.clone()).unwrap();
    for (whose, names) in [(&edge, &names[..]), (&gateway, &[])] {
        let (request, signed) = sign(&grpc, &own, whose, names).unwrap_or_else(|e| panic!("{whose}: {}", with_causes(&e)));
        let chain = request.answered(&signed).unwrap();
        assert_eq!(X509::read(&chain[0]).unwrap().dns, names);
        for side in [Side::Client, Side::Server] {
            bundle.chain(&chain[0], &chain[1..], side, Moment::now()).unwrap_or_else(|e| panic!("{whose}: {e}"));
        }
    }

    let weak = token(&consul, "weak", "service \"edge\" { policy = \"read\" }");
    let stranger = of("edge", &TrustDomain::new("other.consul"));
    for (token, whose, what) in
        [(&*weak, &edge, "denied"), (&*own, &of("db", &mesh), "denied"), ("none", &edge, "unknown"), (&*own, &stranger, "refused")]
    {
        let error = sign(&grpc, token, whose, &[]).map(|_| ()).expect_err(what);
        let is = match what {
            "denied" => matches!(error, SignError::Denied { .. }),
            "unknown" => matches!(error, SignError::UnknownToken(_)),
            _ => matches!(error, SignError::Refused { .. }),
        };
        assert!(is, "{whose}, {what}: {}", with_causes(&error));
    }
}
