//! One question, one answer, or why there is none.

use gw::rt::log::with_causes;
use gw::source::consul::answer::Why;
use gw::source::consul::call::{Call, Side};
use gw::source::consul::client::{AskError, Unreached};

use crate::fake::{FakeConsul, Fault};
use crate::support::{free_port, scratch};
use crate::{client_of, client_with};

#[tokio::test]
async fn a_question_says_who_asks_and_of_which_datacenter() {
    let fake = FakeConsul::start();
    fake.set("/v1/catalog/services", 7, r#"{"web":["a"],"api":null}"#);
    fake.set("/v1/agent/self", 0, r#"{"Config":{"Datacenter":"dc1"},"DebugConfig":null}"#);
    let client = client_with(&fake.address(), |flags| (flags.token, flags.datacenter) = (Some("s3cr3t".into()), Some("dc2".into())));
    let answer = client.ask(&Call::services()).await.expect("an answer");
    assert_eq!((answer.meta.index, answer.what.map(|services| services.len())), (Some(7), Some(2)));
    client.ask(&Call::services().in_datacenter("dc3")).await.expect("an answer");
    client.ask(&Call::agent_self()).await.expect("an answer");
    let targets: Vec<String> = fake.asked().into_iter().map(|asked| asked.target).collect();
    assert_eq!(targets, ["/v1/catalog/services?dc=dc2", "/v1/catalog/services?dc=dc3", "/v1/agent/self"]);
    assert!(fake.asked().iter().all(|asked| asked.header("x-consul-token") == Some("s3cr3t")));
    assert!(!format!("{client:?}").contains("s3cr3t"));
}

#[tokio::test]
async fn a_path_of_a_proxy_stands_before_every_path() {
    let fake = FakeConsul::start();
    fake.set("/mesh/consul/v1/catalog/datacenters", 0, r#"["dc1"]"#);
    let client = client_with(&format!("{}/mesh/consul/", fake.address()), |_| {});
    assert_eq!(client.ask(&Call::datacenters()).await.expect("an answer").what, Some(vec!["dc1".to_owned()]));
}

#[tokio::test]
async fn a_name_asks_for_nothing_but_itself() {
    let fake = FakeConsul::start();
    let client = client_of(&fake);
    for name in ["", ".", "..", "a\r\nb"] {
        let error = client.ask(&Call::instances(Side::Mesh, name)).await.expect_err(name);
        assert!(matches!(error, AskError::Name(_)), "{name}: {error}");
    }
    assert_eq!(fake.asked().len(), 0);
    drop(client.ask(&Call::instances(Side::Mesh, "../x?dc=y#%2f")).await);
    assert_eq!(fake.asked()[0].target, "/v1/health/connect/..%2Fx%3Fdc=y%23%252f");
}

#[tokio::test]
async fn the_token_of_a_file_is_the_one_that_stands_there_now() {
    let (fake, folder) = (FakeConsul::start(), scratch("token"));
    fake.set("/v1/catalog/datacenters", 0, "[]");
    let file = folder.path().join("token");
    let flag = file.to_str().expect("a path").to_owned();
    let client = client_with(&fake.address(), |flags| (flags.token_file, flags.token) = (Some(flag), Some("other".into())));
    let error = client.ask(&Call::datacenters()).await.expect_err("there is no file");
    assert!(matches!(error, AskError::TokenFile { .. }), "{error}");
    for text in [Some("one\n"), Some(" two "), None, Some("\n")] {
        match text {
            Some(text) => std::fs::write(&file, text).expect("a file"),
            // Who replaces it may take it away first.
            None => std::fs::remove_file(&file).expect("it was there"),
        }
        client.ask(&Call::datacenters()).await.expect("an answer");
    }
    let tokens: Vec<_> = fake.asked().iter().map(|asked| asked.header("x-consul-token").map(str::to_owned)).collect();
    assert_eq!(tokens, ["one", "two", "two", "other"].map(|token| Some(token.to_owned())));
    std::fs::write(&file, "a\u{7f}b").expect("a file");
    let error = client.ask(&Call::datacenters()).await.expect_err("no token");
    assert!(matches!(error, AskError::Token(_)), "{error}");
}

#[tokio::test]
async fn a_unix_socket_is_asked_as_a_port_is() {
    let (fake, folder) = (FakeConsul::start(), scratch("socket"));
    let path = folder.path().join("consul.sock");
    fake.also_at(&path);
    fake.set("/v1/catalog/datacenters", 0, r#"["dc1"]"#);
    let client = client_with(&format!("unix://{}", path.display()), |_| {});
    assert_eq!(client.ask(&Call::datacenters()).await.expect("an answer").what, Some(vec!["dc1".to_owned()]));
}

#[tokio::test]
async fn what_is_no_answer_is_told_with_what_was_asked_of_whom_and_what_to_do() {
    let fake = FakeConsul::start();
    fake.set("/v1/catalog/services", 7, r#"{"web":[]}"#);
    let client = client_of(&fake);
    let denied = "Permission denied: token with AccessorID '7b57' lacks permission 'service:read' on \"web\"\n";
    type Is = fn(&AskError) -> bool;
    let cases: [(Fault, Is, &str); 8] = [
        (Fault::Status(403, denied, ""), |e| matches!(e.why(), Some(Why::Denied(_))), "lacks permission 'service:read' on \"web\""),
        (Fault::Status(429, "rate limit", ""), |e| matches!(e.why(), Some(Why::Busy { .. })), "(429): rate limit"),
        (Fault::Status(500, "No cluster leader", "X-Consul-Index: 1"), |e| matches!(e.why(), Some(Why::NoLeader)), "no leader"),
        (Fault::Status(301, "", "Location: /ui/"), |e| matches!(e.why(), Some(Why::Strange(301))), "no answer of Consul's (301)"),
        (Fault::Garbled, |e| matches!(e.why(), Some(Why::Json { .. })), "begins with \"<html>\""),
        (Fault::Cut, |e| matches!(e, AskError::Unreached { why: Unreached::Cut(_), .. }), "ended before the answer did"),
        (Fault::Closed, |e| matches!(e, AskError::Unreached { why: Unreached::Cut(_), .. }), "ended before the answer did"),
        (Fault::Long(65 << 20), |e| matches!(e, AskError::Unreached { why: Unreached::TooLong(_), .. }), "bytes"),
    ];
    for (fault, is, says) in cases {
        fake.fault(fault.clone());
        let error = client.ask(&Call::services()).await.expect_err("a fault");
        let line = with_causes(&error);
        assert!(is(&error) && line.contains(says), "{line}");
        assert!(line.starts_with(&format!("asked Consul at {} for GET /v1/catalog/services: ", fake.address())), "{line}");
        assert!(error.advice().is_some() || matches!(fault, Fault::Long(_)), "{line}");
    }
    let nobody = client_with(&format!("127.0.0.1:{}", free_port()), |_| {});
    let error = nobody.ask(&Call::services()).await.expect_err("nobody listens");
    assert!(matches!(&error, AskError::Unreached { why: Unreached::Connect(_), .. }), "{}", with_causes(&error));
}

#[tokio::test]
async fn a_question_that_is_sent_elsewhere_takes_no_token_there() {
    let (here, elsewhere) = (FakeConsul::start(), FakeConsul::start());
    let location: &'static str = format!("Location: {}/v1/agent/self", elsewhere.address()).leak();
    here.fault(Fault::Status(307, "", location));
    let client = client_with(&here.address(), |flags| flags.token = Some("s3cr3t".to_owned()));
    client.ask(&Call::agent_self()).await.map(|_| ()).expect_err("it is no answer");
    assert_eq!((here.asked().len(), elsewhere.asked().len()), (1, 0));
}
