//! Files that are loaded again after any change: what comes out is what a fresh load of the same files has.

mod support;

use std::path::{Path, PathBuf};

use gw::app::load::{Loaded, Loader, load};
use gw::decide::compile::compile;
use gw::decide::listing::GatewayRoutes;
use gw::source::diagnostic::Diagnostic;
use proptest::prelude::*;
use support::scratch;

const SERVICES: [&str; 4] = ["web", "api", "Cart", "mail"];

/// A file of the mesh: entries in a list, one entry in another syntax, or something that is wrong.
#[derive(Clone, Debug)]
enum Content {
    List(Vec<String>),
    Text(String),
}

/// What is done to the files between two loads.
#[derive(Clone, Debug)]
enum Change {
    /// A file has this content.
    Write(usize, Content),
    /// An element of a list is replaced, put in or taken out.
    Replace(usize, usize, String),
    Insert(usize, usize, String),
    Remove(usize, usize),
    /// A file is gone.
    Delete(usize),
    /// `gw.toml` has these services.
    Services(Vec<usize>),
}

const FILES: [&str; 4] = ["a.json", "b.json", "c.hcl", "d.toml"];

fn service() -> impl Strategy<Value = String> {
    proptest::sample::select(SERVICES.to_vec()).prop_map(str::to_owned)
}

/// An entry in JSON: of each kind, and some that are wrong or that something is to be said about.
fn entry() -> impl Strategy<Value = String> {
    let router = (service(), service(), "/[ab]{0,2}").prop_map(|(name, to, path)| {
        format!(
            r#"{{"Kind": "service-router", "Name": "{name}", "Routes": [
            {{"Match": {{"HTTP": {{"PathPrefix": "{path}"}}}}, "Destination": {{"Service": "{to}", "NumRetries": 1}}}}]}}"#
        )
    });
    let splitter = (service(), service()).prop_map(|(name, to)| {
        format!(r#"{{"Kind": "service-splitter", "Name": "{name}", "Splits": [{{"Weight": 50}}, {{"Weight": 50, "Service": "{to}"}}]}}"#)
    });
    let resolver = (service(), service())
        .prop_map(|(name, to)| format!(r#"{{"Kind": "service-resolver", "Name": "{name}", "Redirect": {{"Service": "{to}"}}}}"#));
    let subsets = service().prop_map(|name| {
        format!(r#"{{"Kind": "service-resolver", "Name": "{name}", "DefaultSubset": "v1", "Subsets": {{"v1": {{"OnlyPassing": true}}}}}}"#)
    });
    let defaults = (service(), proptest::sample::select(vec!["http", "tcp", ""]))
        .prop_map(|(name, protocol)| format!(r#"{{"Kind": "service-defaults", "Name": "{name}", "Protocol": "{protocol}"}}"#));
    let all = Just(r#"{"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": "http"}}"#.to_owned());
    let ingress = (service(), service(), "[ab]").prop_map(|(one, other, host)| {
        format!(
            r#"{{"Kind": "ingress-gateway", "Name": "edge", "Listeners": [{{"Port": 8080, "Protocol": "http", "Services": [
            {{"Name": "{one}", "Hosts": ["{host}.test"]}}, {{"Name": "{other}x", "Hosts": ["A.test"]}}]}}]}}"#
        )
    });
    let intentions = (service(), service(), proptest::sample::select(vec!["web", "Web", "api"])).prop_map(|(name, token, source)| {
        format!(
            r#"{{"Kind": "service-intentions", "Name": "{name}", "Sources": [{{"Name": "*", "Action": "allow"}}, {{"Name": "{source}",
            "Permissions": [{{"Action": "deny", "HTTP": {{"PathPrefix": "/"}}, "JWT": {{"Providers": [{{"Name": "{token}"}}]}}}}]}}]}}"#
        )
    });
    let every = service().prop_map(|source| {
        format!(r#"{{"Kind": "service-intentions", "Name": "*", "Sources": [{{"Name": "{source}", "Action": "deny"}}]}}"#)
    });
    let provider = service().prop_map(|name| format!(r#"{{"Kind": "jwt-provider", "Name": "{name}"}}"#));
    let linked = (proptest::sample::select(vec!["edge", "tgw"]), service())
        .prop_map(|(name, to)| format!(r#"{{"Kind": "terminating-gateway", "Name": "{name}", "Services": {{"Name": "{to}"}}}}"#));
    let mesh = Just(r#"{"Kind": "mesh", "HTTP": {}}"#.to_owned());
    let of_mesh = prop_oneof![intentions, every, provider, linked, mesh];
    let wrong = Just(r#"{"Kind": "service-defaults", "Name": "web", "Protcol": "http"}"#.to_owned());
    prop_oneof![
        4 => router, 2 => splitter, 1 => resolver, 1 => subsets, 2 => defaults, 2 => all, 3 => ingress, 3 => of_mesh, 1 => wrong, 4 => long()
    ]
}

/// An entry that is long enough for its lines to be remembered one by one, with some lines that are others, and once in a while
/// something that looks like a line and is none.
fn long() -> impl Strategy<Value = String> {
    let line = |n: usize, odd: &str| match odd {
        "host" => format!(r#"{{"Name": "s{n}", "Hosts": ["h{}.test"]}}"#, n + 1),
        "note" => format!(r#"{{"Name": "s{n}", "Hosts": ["h{n}.test"], "RequestHeaders": {{"Set": {{"Host": "x"}}}}}}"#),
        "wrong" => format!(r#"{{"Name": "s{n}", "Hosts": ["h{n}..test"]}}"#),
        "text" => format!(r#"{{"Name": "s{n}", "Hosts": [{{"Name": "s{n}", "Hosts": ["h{n}.test"]}}]}}"#),
        _ => format!(r#"{{"Name": "s{n}", "Hosts": ["h{n}.test"]}}"#),
    };
    let route = |n: usize, odd: &str| match odd {
        "note" => format!(r#"{{"Match": {{"HTTP": {{"PathRegex": "("}}}}, "Destination": {{"Service": "s{n}"}}}}"#),
        "wrong" => r#"{"Match": {"HTTP": {"PathPrefix": "x"}}}"#.to_owned(),
        "host" => r#"{"Match": {"HTTP": {"PathPrefix": "/p", "Methods": ["get"]}}}"#.to_owned(),
        _ => format!(r#"{{"Match": {{"HTTP": {{"PathPrefix": "/p{n}"}}}}, "Destination": {{"Service": "s{n}"}}}}"#),
    };
    let odd = proptest::sample::select(vec!["host", "note", "wrong", "text", "same", "same"]);
    let meta = proptest::sample::select(vec!["", r#""Meta": {"a": "b"}, "#, r#""Config": [{"Name": "s3", "Hosts": ["h3.test"]}, 1], "#]);
    (any::<bool>(), 0..24usize, odd, 0..24usize, meta).prop_map(move |(gateway, at, odd, without, meta)| {
        let numbers = (0..24).filter(|n| *n != without);
        let odd_at = |n: usize| if n == at { odd } else { "" };
        if gateway {
            let lines: Vec<String> = numbers.map(|n| line(n, odd_at(n))).collect();
            let listener = format!(r#"{{"Port": 8080, "Protocol": "http", "Services": [{}]}}"#, lines.join(", "));
            return format!(r#"{{"Kind": "ingress-gateway", "Name": "edge", {meta}"Listeners": [{listener}]}}"#);
        }
        let routes: Vec<String> = numbers.map(|n| route(n, odd_at(n))).collect();
        format!(r#"{{"Kind": "service-router", "Name": "web", {meta}"Routes": [{}]}}"#, routes.join(", "))
    })
}

fn content() -> impl Strategy<Value = Content> {
    let text = prop_oneof![
        Just("Kind = \"service-defaults\"\nName = \"mail\"\nProtocol = \"http\"\n".to_owned()),
        Just("Kind = 'mesh'\n".to_owned()),
        Just("[".to_owned()),
        Just(String::new()),
        entry(),
        entry().prop_map(|entry| format!(r#"{{"entries": [{entry}]}}"#)),
    ];
    prop_oneof![4 => proptest::collection::vec(entry(), 0..5).prop_map(Content::List), 1 => text.prop_map(Content::Text)]
}

fn change() -> impl Strategy<Value = Change> {
    let file = 0..FILES.len();
    prop_oneof![
        2 => (file.clone(), content()).prop_map(|(file, content)| Change::Write(file, content)),
        3 => (file.clone(), 0..5usize, entry()).prop_map(|(file, at, entry)| Change::Replace(file, at, entry)),
        3 => (file.clone(), 0..5usize, entry()).prop_map(|(file, at, entry)| Change::Insert(file, at, entry)),
        2 => (file.clone(), 0..5usize).prop_map(|(file, at)| Change::Remove(file, at)),
        1 => file.prop_map(Change::Delete),
        2 => proptest::collection::vec(0..SERVICES.len(), 0..3).prop_map(Change::Services),
    ]
}

/// The files as they are, to be changed.
struct Mesh<'a> {
    folder: &'a Path,
    files: [Option<Content>; FILES.len()],
}

impl Mesh<'_> {
    fn apply(&mut self, change: &Change) {
        let list = |files: &mut [Option<Content>; FILES.len()], file: usize, edit: &dyn Fn(&mut Vec<String>)| {
            if let Some(Content::List(list)) = &mut files[file] {
                edit(list);
            }
        };
        match change {
            Change::Write(file, content) => self.files[*file] = Some(content.clone()),
            Change::Replace(file, at, entry) => list(&mut self.files, *file, &|list| {
                if let Some(old) = list.get_mut(*at) {
                    old.clone_from(entry);
                }
            }),
            Change::Insert(file, at, entry) => list(&mut self.files, *file, &|list| list.insert((*at).min(list.len()), entry.clone())),
            Change::Remove(file, at) => list(&mut self.files, *file, &|list| {
                if *at < list.len() {
                    list.remove(*at);
                }
            }),
            Change::Delete(file) => self.files[*file] = None,
            Change::Services(services) => self.write_services(services),
        }
        for (name, content) in FILES.iter().zip(&self.files) {
            let path = self.folder.join("gw.d").join(name);
            match content {
                Some(Content::List(list)) => std::fs::write(path, format!("[{}]\n", list.join(",\n"))).expect("a file"),
                Some(Content::Text(text)) => std::fs::write(path, text).expect("a file"),
                None => drop(std::fs::remove_file(path)),
            }
        }
    }

    fn write_services(&self, services: &[usize]) {
        let mut text = "entries = [\"gw.d\"]\n[[gateway]]\nkind = \"ingress\"\nname = \"edge\"\n".to_owned();
        for service in services {
            let name = SERVICES[*service];
            text.push_str(&format!("[[service]]\nname = \"{name}\"\n[[service.instance]]\naddress = \"127.0.0.1:300{service}\"\n"));
        }
        std::fs::write(self.folder.join("gw.toml"), text).expect("a file");
    }
}

/// All that can be seen of what was loaded.
fn seen(loaded: &Result<Loaded, Vec<Diagnostic>>) -> (Vec<Diagnostic>, String) {
    match loaded {
        Ok(loaded) => {
            let routes = |resources| format!("{:?}", GatewayRoutes::of("edge", 0, &compile(resources)));
            let gateways: Vec<String> = loaded.gateways.iter().map(|(_, resources)| routes(resources)).collect();
            (loaded.notes.clone(), format!("{:?} {:?} {gateways:?}", loaded.entries, loaded.configuration.services))
        }
        Err(problems) => (problems.clone(), String::new()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn after_any_changes_the_same_is_loaded_as_from_nothing(changes in proptest::collection::vec(change(), 1..14)) {
        let folder = scratch("reload");
        std::fs::create_dir_all(folder.path().join("gw.d")).expect("a folder");
        let mut mesh = Mesh { folder: folder.path(), files: [const { None }; FILES.len()] };
        mesh.write_services(&[0, 1]);
        let file: PathBuf = folder.path().join("gw.toml");
        let mut loader = Loader::default();
        for change in &changes {
            mesh.apply(change);
            prop_assert_eq!(seen(&loader.load(&file, &[])), seen(&load(&file, &[])), "{:?}", change);
        }
    }
}

#[test]
fn what_did_not_change_is_shared_with_what_was_loaded_before() {
    let folder = scratch("shared");
    std::fs::create_dir_all(folder.path().join("gw.d")).expect("a folder");
    let router = |name: &str, path: &str| {
        format!(r#"{{"Kind": "service-router", "Name": "{name}", "Routes": [{{"Match": {{"HTTP": {{"PathPrefix": "{path}"}}}}}}]}}"#)
    };
    let defaults = r#"{"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": "http"}}"#;
    let write = |path: &str| {
        let text = format!("[{defaults}, {}, {}]", router("web", path), router("api", "/api"));
        std::fs::write(folder.path().join("gw.d/entries.json"), text).expect("a file");
    };
    let folders = [folder.path().join("gw.d")];
    let mut loader = Loader::default();
    write("/one");
    let before = loader.load_entries(&folders).expect("it is accepted").entries;
    write("/another");
    let after = loader.load_entries(&folders).expect("it is accepted").entries;
    let same = |name: &str| {
        let key = gw::id::ServiceKey::of(name);
        std::sync::Arc::ptr_eq(&before.routers[&key], &after.routers[&key])
    };
    assert_eq!((same("web"), same("api")), (false, true));
}

#[test]
fn lines_of_a_gateway_that_stand_as_they_did_are_shared() {
    let folder = scratch("lines");
    std::fs::create_dir_all(folder.path().join("gw.d")).expect("a folder");
    let write = |numbers: &[usize]| {
        let lines: Vec<String> = numbers.iter().map(|n| format!(r#"{{"Name": "s{n}", "Hosts": ["h{n}.test"]}}"#)).collect();
        let listener = format!(r#"{{"Port": 8080, "Protocol": "http", "Services": [{}]}}"#, lines.join(", "));
        let defaults = r#"{"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": "http"}}"#;
        let text = format!(r#"[{defaults}, {{"Kind": "ingress-gateway", "Name": "edge", "Listeners": [{listener}]}}]"#);
        std::fs::write(folder.path().join("gw.d/entries.json"), text).expect("a file");
    };
    let folders = [folder.path().join("gw.d")];
    let mut loader = Loader::default();
    let mut lines = || {
        let entries = loader.load_entries(&folders).expect("it is accepted").entries;
        entries.ingress_gateways[&gw::id::ServiceKey::of("edge")].listeners[0].services.clone()
    };
    write(&(0..20).collect::<Vec<_>>());
    let before = lines();
    write(&[0, 1, 2, 100, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 101]);
    let after = lines();
    let shared = |line: &std::sync::Arc<_>| before.iter().any(|earlier| std::sync::Arc::ptr_eq(earlier, line));
    let fresh: Vec<&str> = after.iter().filter(|line| !shared(line)).map(|line| line.name.as_str()).collect();
    assert_eq!(fresh, ["s100", "s101"]);
}

#[test]
fn what_is_wrong_in_a_line_that_was_known_is_told_at_its_own_place() {
    let folder = scratch("places");
    std::fs::create_dir_all(folder.path().join("gw.d")).expect("a folder");
    let write = |third: &str| {
        let host = |n: usize| if n == 3 { third.to_owned() } else { format!("h{n}.test") };
        let lines: Vec<String> = (0..20).map(|n| format!(r#"{{"Name": "s{n}", "Hosts": ["{}"]}}"#, host(n))).collect();
        let listener = format!(r#"{{"Port": 8080, "Protocol": "http", "Services": [{}]}}"#, lines.join(", "));
        let defaults = r#"{"Kind": "proxy-defaults", "Name": "global", "Config": {"protocol": "http"}}"#;
        let text = format!(r#"[{defaults}, {{"Kind": "ingress-gateway", "Name": "edge", "Listeners": [{listener}]}}]"#);
        std::fs::write(folder.path().join("gw.d/entries.json"), text).expect("a file");
    };
    let folders = [folder.path().join("gw.d")];
    let mut loader = Loader::default();
    write("h3.test");
    loader.load_entries(&folders).expect("it is accepted");
    // The fourth line stands as it did, and is the one that is wrong now.
    write("h4.test");
    let problems = loader.load_entries(&folders).expect_err("a host is there twice");
    let placed = problems.iter().map(|p| p.place.as_ref().map(|(text, span)| &text.content[span.clone()]));
    assert_eq!(placed.collect::<Vec<_>>(), [Some("\"h4.test\"")]);
}
