//! What the one verifier says of everything that may be shown to it, and that what is made here is what it takes.

use std::sync::Arc;

use rcgen::{GeneralSubtree, NameConstraints, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256, RsaKeySize};

use super::*;
use crate::tls::{KeyKind, Peers};

const NAME: &str = "11111111-2222-3333-4444-555555555555.consul";
const NOW: Moment = Moment(1_800_000_000);

fn mesh() -> TrustDomain {
    TrustDomain::new(NAME)
}

fn web() -> String {
    format!("spiffe://{NAME}/ns/default/dc/dc1/svc/web")
}

fn service(uri: &str) -> Wanted {
    let uris = vec![uri.to_owned()];
    let life = Duration::from_hours(72);
    Wanted { common_name: None, uris, dns: Vec::new(), ips: Vec::new(), for_servers: true, for_clients: true, life }
}

fn root() -> Authority {
    Authority::root(&mesh(), NOW).unwrap()
}

fn bundle(roots: &[&Authority]) -> Bundle {
    Bundle::of(roots.iter().map(|root| root.certificate().clone()).collect(), mesh()).unwrap()
}

/// A leaf as it was wanted, signed by the library alone: what no CA here would sign.
fn odd(ca: &Authority, change: impl FnOnce(&mut CertificateParams)) -> CertificateDer<'static> {
    odd_of(ca, &KeyPair::generate().unwrap(), change)
}

fn odd_of(ca: &Authority, key: &KeyPair, change: impl FnOnce(&mut CertificateParams)) -> CertificateDer<'static> {
    let mut params = leaf(&service(&web()), NOW).unwrap();
    change(&mut params);
    params.signed_by(key, &ca.issuer).unwrap().into()
}

fn judged(bundle: &Bundle, chain: &[CertificateDer<'static>], now: Moment) -> [Result<String, Why>; 2] {
    [Side::Server, Side::Client].map(|side| bundle.member(chain, side, now).map(|m| m.id.to_string()).map_err(|d| d.why))
}

#[test]
fn what_is_issued_is_trusted_on_both_sides_and_has_consuls_shape() {
    let ca = root();
    let made = ca.issue(&service(&web()), &[], NOW).unwrap();
    assert_eq!(judged(&bundle(&[&ca]), &made.chain, NOW), [Ok(web()), Ok(web())]);
    let says = X509::read(&made.chain[0]).unwrap();
    assert_eq!((says.subject.as_str(), says.uris.as_slice(), says.dns.len(), says.is_ca), ("", &[web()][..], 0, false));
    assert_eq!((says.from, says.until), (Moment(NOW.0 - 60), Moment(NOW.0 + 72 * 3600)));
    assert_eq!((says.for_servers, says.for_clients, says.key), (Some(true), Some(true), KeyKind::Ec(256)));
    assert_eq!(life_of(&says), Duration::from_hours(72));
    assert!((0x40..0x80).contains(&u8::from_str_radix(&says.serial[..2], 16).unwrap()), "positive, of one length: {}", says.serial);
}

#[test]
fn what_is_printed_of_a_leaf_or_a_ca_is_not_its_key() {
    let ca = root();
    let issued = ca.issue(&service(&web()), &[], NOW).unwrap();
    for (pem, printed) in [(issued.key.clone().unwrap(), format!("{issued:?}")), (ca.key_pem(), format!("{ca:?}"))] {
        let der = PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap();
        let line = pem.lines().nth(1).unwrap();
        let bytes = format!("{:?}", der.secret_der());
        assert!(!printed.contains(line) && !printed.contains(bytes.trim_matches(['[', ']'])), "{printed}");
    }
}

#[test]
fn a_short_life_begins_little_before_it_is_made() {
    for seconds in [1, 5, 60, 599, 600, 601, 86400] {
        let life = Duration::from_secs(seconds);
        let says = X509::read(&root().issue(&Wanted { life, ..service(&web()) }, &[], NOW).unwrap().chain[0]).unwrap();
        assert_eq!(life_of(&says), life);
        assert!(says.age(NOW) < 0.1 && says.renew_at() >= NOW, "{seconds}");
        assert!(says.age(says.renew_at()) <= 0.9, "{seconds}");
    }
}

#[test]
fn what_is_not_of_the_mesh_is_refused_with_the_reason() {
    let (ca, other) = (root(), root());
    let trusted = bundle(&[&ca]);
    let good = ca.issue(&service(&web()), &[], NOW).unwrap().chain;
    let begins = Moment(NOW.0 - 60);
    let ends = Moment(NOW.0 + 72 * 3600);
    let at = |now| judged(&trusted, &good, now)[0].clone().unwrap_err();
    assert_eq!(at(Moment(ends.0 + 1)), Why::Date { over: true, at: ends, now: Moment(ends.0 + 1), own: true });
    assert_eq!(at(Moment(begins.0 - 1)), Why::Date { over: false, at: begins, now: Moment(begins.0 - 1), own: true });
    assert!(judged(&trusted, &good, ends)[0].is_ok(), "the last second counts");
    let why = |chain: &[CertificateDer<'static>]| judged(&trusted, chain, NOW)[0].clone().unwrap_err();
    let uri = |text: &str| SanType::URI(text.try_into().unwrap());
    let only = |sans: Vec<SanType>| odd(&ca, |params| params.subject_alt_names = sans);
    assert_eq!(why(&[]), Why::Nothing);
    assert_eq!(why(&[CertificateDer::from(vec![0x30, 0])]), Why::Malformed);
    assert_eq!(why(&other.issue(&service(&web()), &[], NOW).unwrap().chain), Why::Issuer);
    let elsewhere = web().replace("11111111", "99999999");
    assert!(matches!(why(&[only(vec![uri(&elsewhere)])]), Why::TrustDomain(..)));
    let gateway = format!("spiffe://{NAME}/gateway/mesh/dc/dc1");
    assert_eq!(why(&[only(vec![uri(&gateway)])]), Why::NotAService(gateway));
    assert_eq!(why(&[only(vec![uri(&web()), uri("https://x.test/")])]), Why::Uris(vec![web(), "https://x.test/".to_owned()]));
    assert_eq!(why(&[only(vec![SanType::DnsName("web.test".try_into().unwrap())])]), Why::Uris(Vec::new()));
    assert_eq!(why(&[odd(&ca, |params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained))]), Why::Authority);
    // The certificate of the CA itself.
    assert_eq!(why(&[ca.certificate().clone()]), Why::Authority);
}

#[test]
fn a_purpose_counts_for_its_side_and_none_at_all_for_both() {
    let ca = root();
    let of = |usages: Vec<ExtendedKeyUsagePurpose>| judged(&bundle(&[&ca]), &[odd(&ca, |p| p.extended_key_usages = usages)], NOW);
    let (server, client) = (Err(Why::Purpose(Side::Server)), Err(Why::Purpose(Side::Client)));
    assert_eq!(of(vec![ExtendedKeyUsagePurpose::ServerAuth]), [Ok(web()), client.clone()]);
    assert_eq!(of(vec![ExtendedKeyUsagePurpose::ClientAuth]), [server.clone(), Ok(web())]);
    assert_eq!(of(vec![ExtendedKeyUsagePurpose::CodeSigning]), [server, client]);
    assert_eq!(of(Vec::new()), [Ok(web()), Ok(web())]);
}

#[test]
fn an_intermediate_is_needed_once_and_may_come_twice_and_in_any_order() {
    let ca = root();
    let below = ca.intermediate(&mesh(), NOW).unwrap();
    let middle = below.certificate().clone();
    let chain = below.issue(&service(&web()), std::slice::from_ref(&middle), NOW).unwrap().chain;
    let trusted = bundle(&[&ca]);
    let leaf = chain[0].clone();
    let judge = |chain: &[CertificateDer<'static>]| judged(&trusted, chain, NOW)[1].clone();
    assert_eq!(judge(&chain), Ok(web()));
    assert_eq!(judge(&[leaf.clone(), middle.clone(), middle.clone()]), Ok(web()));
    assert_eq!(judge(&[leaf.clone(), ca.certificate().clone(), middle]), Ok(web()));
    assert_eq!(judge(std::slice::from_ref(&leaf)), Err(Why::Issuer));
    let said = trusted.member(&[leaf], Side::Client, NOW).unwrap_err().to_string();
    assert!(said.contains("sec-") && said.contains("have it sent along"), "{said}");
    // Who trusts the intermediate itself needs no other.
    assert!(judged(&bundle(&[&below]), &chain[..1], NOW)[0].is_ok());
}

#[test]
fn a_leaf_is_no_ca_and_an_intermediate_signs_no_other() {
    let ca = root();
    let below = ca.intermediate(&mesh(), NOW).unwrap();
    let third = below.intermediate(&mesh(), NOW).unwrap();
    let above = [third.certificate().clone(), below.certificate().clone()];
    let chain = third.issue(&service(&web()), &above, NOW).unwrap().chain;
    assert_eq!(judged(&bundle(&[&ca]), &chain, NOW)[0], Err(Why::NotAnAuthority));
    let key = KeyPair::generate().unwrap();
    let leaf = odd_of(&ca, &key, |_| {});
    let issuer = Issuer::from_ca_cert_der(&leaf, key).unwrap();
    let mut forged = super::leaf(&service(&web()), NOW).unwrap();
    forged.distinguished_name.push(DnType::CommonName, "forged");
    let forged: CertificateDer<'static> = forged.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap().into();
    assert_eq!(judged(&bundle(&[&ca]), &[forged, leaf], NOW)[0], Err(Why::NotAnAuthority));
}

#[test]
fn the_end_of_a_root_and_of_an_intermediate_is_the_end_of_what_they_signed() {
    let ca = root();
    let below = ca.intermediate(&mesh(), NOW).unwrap();
    let years = Duration::from_hours(24 * 365 * 30);
    // Made by the library alone: a CA here signs nothing beyond its own end.
    let long = |signer: &Authority| odd(signer, |p| p.not_after = at(Moment(NOW.0 + 86400 * 365 * 30)).unwrap());
    let trusted = bundle(&[&ca]);
    let (of_root, of_below) = (long(&ca), vec![long(&below), below.certificate().clone()]);
    assert_eq!(trusted.chain(&of_root, &[], Side::Server, NOW), Ok(ca.says().until));
    assert_eq!(trusted.chain(&of_below[0], &of_below[1..], Side::Server, NOW), Ok(below.says().until));
    let later = |until: Moment| Moment(until.0 + 1);
    let over = |until: Moment| Err(Why::Date { over: true, at: until, now: later(until), own: false });
    assert_eq!(trusted.chain(&of_root, &[], Side::Server, later(ca.says().until)), over(ca.says().until));
    assert_eq!(trusted.chain(&of_below[0], &of_below[1..], Side::Server, later(below.says().until)), over(below.says().until));
    let capped = ca.issue(&Wanted { life: years, ..service(&web()) }, &[], NOW).unwrap();
    assert_eq!(X509::read(&capped.chain[0]).unwrap().until, ca.says().until);
    assert!(matches!(ca.issue(&service(&web()), &[], later(ca.says().until)), Err(IssueError::Over(..))));
}

#[test]
fn a_ca_that_may_not_sign_such_names_is_found_out_before_anything_is_written() {
    let constrained = |subtree: GeneralSubtree| {
        let key = KeyPair::generate().unwrap();
        let mut params = authority("pri", &mesh(), BasicConstraints::Unconstrained, &key, NOW, ROOT_LIFE).unwrap();
        params.name_constraints = Some(NameConstraints { permitted_subtrees: vec![subtree], excluded_subtrees: Vec::new() });
        Authority::open(params.self_signed(&key).unwrap().into(), key).unwrap()
    };
    let dns = constrained(GeneralSubtree::DnsName("inside.test".to_owned()));
    // A constraint of DNS names is none of URIs.
    assert!(dns.issue(&service(&web()), &[], NOW).is_ok());
    let named = |name: &str| Wanted { dns: vec![name.to_owned()], ..service(&web()) };
    assert!(dns.issue(&named("a.inside.test"), &[], NOW).is_ok());
    let Err(IssueError::Worthless(_, distrust)) = dns.issue(&named("outside.test"), &[], NOW) else { panic!("it cannot sign that") };
    assert_eq!(distrust.why, Why::Constraint);
}

#[test]
fn keys_of_every_kind_that_is_strong_are_taken_and_no_others() {
    let ca = root();
    let trusted = bundle(&[&ca]);
    let rsa = |size| KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, size).unwrap();
    let keys = [
        (KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap(), KeyKind::Ec(384)),
        (KeyPair::generate_for(&PKCS_ED25519).unwrap(), KeyKind::Ed25519),
        (rsa(RsaKeySize::_2048), KeyKind::Rsa(2048)),
    ];
    for (key, kind) in keys {
        let cert = odd_of(&ca, &key, |_| {});
        assert_eq!(X509::read(&cert).unwrap().key, kind);
        assert_eq!(judged(&trusted, &[cert], NOW)[0], Ok(web()), "{kind}");
        // And such a CA signs.
        let params = authority("pri", &mesh(), BasicConstraints::Unconstrained, &key, NOW, ROOT_LIFE).unwrap();
        let ca = Authority::open(params.self_signed(&key).unwrap().into(), key).unwrap();
        let chain = ca.issue(&service(&web()), &[], NOW).unwrap().chain;
        assert_eq!(judged(&bundle(&[&ca]), &chain, NOW)[1], Ok(web()), "{kind}");
    }
    assert!(!KeyKind::Rsa(1024).is_strong() && !KeyKind::Other.is_strong() && !KeyKind::Ec(224).is_strong());
}

#[test]
fn in_a_rotation_either_bundle_trusts_the_leaves_of_either_root() {
    let (old, new) = (root(), root());
    let cross = old.cross_sign(&new, &mesh(), NOW).unwrap();
    let before = old.issue(&service(&web()), &[], NOW).unwrap().chain;
    let after = new.issue(&service(&web()), &[cross], NOW).unwrap().chain;
    for trusted in [bundle(&[&old]), bundle(&[&new, &old])] {
        assert_eq!(judged(&trusted, &before, NOW), [Ok(web()), Ok(web())]);
        assert_eq!(judged(&trusted, &after, NOW), [Ok(web()), Ok(web())]);
    }
    assert_eq!(judged(&bundle(&[&new]), &after, NOW)[0], Ok(web()));
    assert_eq!(judged(&bundle(&[&new]), &before, NOW)[0], Err(Why::Issuer));
}

#[test]
fn a_request_has_the_names_that_are_given_and_never_those_it_asks_for() {
    let ca = root();
    let key = KeyPair::generate().unwrap();
    let request = |sans: Vec<SanType>| {
        let mut params = CertificateParams::default();
        params.subject_alt_names = sans;
        params.serialize_request(&key).unwrap().pem().unwrap()
    };
    let sign = |request: &str| ca.sign(request.as_bytes(), &service(&web()), &[], NOW);
    let uri = |text: &str| SanType::URI(text.try_into().unwrap());
    for sans in [Vec::new(), vec![uri(&web())]] {
        let signed = sign(&request(sans)).unwrap();
        assert_eq!(judged(&bundle(&[&ca]), &signed.chain, NOW), [Ok(web()), Ok(web())]);
        assert!(signed.key.is_none());
    }
    for sans in [vec![uri("spiffe://else.consul/ns/default/dc/dc1/svc/web")], vec![SanType::DnsName("a.test".try_into().unwrap())]] {
        assert!(matches!(sign(&request(sans)), Err(IssueError::Asked(_))));
    }
    let mut der = ::pem::parse(request(Vec::new())).unwrap().into_contents();
    *der.last_mut().unwrap() ^= 1;
    let forged = ::pem::encode(&::pem::Pem::new("CERTIFICATE REQUEST", der));
    assert!(matches!(sign(&forged), Err(IssueError::Request(_))));
    assert!(matches!(sign("nothing"), Err(IssueError::Request(_))));
}

#[test]
fn a_bundle_takes_cas_alone_and_a_ca_its_own_key_alone() {
    let ca = root();
    let leaf = ca.issue(&service(&web()), &[], NOW).unwrap().chain.remove(0);
    let said = Bundle::of(vec![ca.certificate().clone(), leaf], mesh()).unwrap_err().to_string();
    assert!(said.starts_with("certificate 2 (\"spiffe://"), "{said}");
    assert!(matches!(Authority::open(ca.certificate().clone(), KeyPair::generate().unwrap()), Err(IssueError::Mismatch(_))));
}

#[test]
fn a_client_that_was_verified_is_known_until_the_first_of_its_certificates_ends() {
    let ca = root();
    let chain = ca.issue(&service(&web()), &[], NOW).unwrap().chain;
    let clients = Peers::clients(Arc::new(bundle(&[&ca])));
    let first = clients.who(&chain, NOW).unwrap();
    assert!(Arc::ptr_eq(&first, &clients.who(&chain, NOW).unwrap()), "it is remembered");
    assert!(Arc::ptr_eq(&first, &clients.who(&chain, first.until).unwrap()));
    let late = clients.who(&chain, Moment(first.until.0 + 1)).unwrap_err();
    assert!(matches!(late.why, Why::Date { over: true, .. }));
    // Nobody is known by parts of what another one showed.
    let mut changed = chain[0].to_vec();
    *changed.last_mut().unwrap() ^= 1;
    assert!(clients.who(&[changed.into()], NOW).is_err());
    // Other roots are another verifier.
    assert!(Peers::clients(Arc::new(bundle(&[&root()]))).who(&chain, NOW).is_err());
}

#[test]
fn what_is_remembered_is_bounded() {
    let ca = root();
    let clients = Peers::clients(Arc::new(bundle(&[&ca])));
    let leaf = ca.issue(&service(&web()), &[], NOW).unwrap().chain.remove(0);
    // The same leaf beside other certificates is another chain; these are none at all.
    let beside = |n: u32| vec![leaf.clone(), CertificateDer::from(n.to_be_bytes().to_vec())];
    let first = clients.who(&beside(0), NOW).unwrap();
    for n in 1..=1024 {
        clients.who(&beside(n), NOW).unwrap();
    }
    assert!(!Arc::ptr_eq(&first, &clients.who(&beside(0), NOW).unwrap()), "the oldest went");
    let last = clients.who(&beside(1024), NOW).unwrap();
    assert!(Arc::ptr_eq(&last, &clients.who(&beside(1024), NOW).unwrap()));
    let long = [leaf.clone(), CertificateDer::from(vec![0; 9 << 10])];
    let verified = clients.who(&long, NOW).unwrap();
    assert!(!Arc::ptr_eq(&verified, &clients.who(&long, NOW).unwrap()), "what is long is verified each time");
}
