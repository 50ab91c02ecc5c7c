//! Tables of flags and variables, and what Consul's client makes of them.

use super::*;

fn read(flags: &Flags, env: &[(&str, &str)]) -> Result<Settings, SettingsError> {
    Settings::of(flags, |name| env.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
}

fn of_env(env: &[(&str, &str)]) -> Settings {
    read(&Flags::default(), env).expect("they mean something")
}

fn flag(set: impl FnOnce(&mut Flags, Option<String>), value: &str) -> Flags {
    let mut flags = Flags::default();
    set(&mut flags, Some(value.to_owned()));
    flags
}

#[test]
fn an_address_is_read_as_consuls_client_reads_it() {
    let cases = [
        ("", "", "http://127.0.0.1:8500"),
        ("consul.example:8500", "", "http://consul.example:8500"),
        ("consul.example", "", "http://consul.example"),
        ("http://10.0.0.1:8500", "", "http://10.0.0.1:8500"),
        ("https://10.0.0.1:8501", "", "https://10.0.0.1:8501"),
        ("https://10.0.0.1:8501", "false", "https://10.0.0.1:8501"),
        ("https://[::1]:8501", "", "https://[::1]:8501"),
        ("[::1]:8500", "", "http://[::1]:8500"),
        ("10.0.0.1:8501", "true", "https://10.0.0.1:8501"),
        ("10.0.0.1:8501", "0", "http://10.0.0.1:8501"),
        ("http://10.0.0.1:8501", "1", "https://10.0.0.1:8501"),
        ("http://proxy.example/consul", "", "http://proxy.example/consul"),
        ("http://proxy.example:80/a/b/", "", "http://proxy.example:80/a/b"),
        ("http://proxy.example:80/", "", "http://proxy.example:80"),
        ("unix:///run/consul.sock", "", "unix:///run/consul.sock"),
        ("unix://relative.sock", "", "unix://relative.sock"),
    ];
    for (address, ssl, shown) in cases {
        let by_env = of_env(&[("CONSUL_HTTP_ADDR", address), ("CONSUL_HTTP_SSL", ssl)]);
        assert_eq!(by_env.agent.to_string(), shown, "{address} {ssl}");
        let flags = flag(|f, v| f.http_addr = v, address);
        let by_flag = read(&flags, &[("CONSUL_HTTP_SSL", ssl)]).expect("an address");
        assert_eq!(by_flag, by_env, "{address} {ssl}");
    }
    let socket = of_env(&[("CONSUL_HTTP_ADDR", "unix:///run/c.sock"), ("CONSUL_HTTP_SSL", "true")]).agent;
    assert_eq!((socket.tls, socket.reached), (true, Reached::Socket("/run/c.sock".into())));
}

#[test]
fn what_is_no_address_is_refused() {
    let schemes = ["tcp://10.0.0.1:8500", "HTTP://10.0.0.1:8500", "://10.0.0.1"];
    for address in schemes {
        let error = read(&Flags::default(), &[("CONSUL_HTTP_ADDR", address)]).expect_err(address);
        assert!(matches!(error, SettingsError::Scheme(_)), "{address}: {error}");
    }
    let addresses = [
        "http://",
        "https:///v1",
        "unix://",
        ":8500",
        "host:port",
        "host:0",
        "host:65536",
        "host:80:90",
        "10.0.0.1:8500/consul",
        "http://user:secret@host:8500",
        "http://ho st:8500",
        "http://[::1:8500",
        "http://[::1]8500",
        "http://[host]:8500",
        "http://host:8500/consul?x=1",
    ];
    for address in addresses {
        let error = read(&Flags::default(), &[("CONSUL_HTTP_ADDR", address)]).expect_err(address);
        assert!(matches!(error, SettingsError::Address(_)), "{address}: {error}");
    }
}

#[test]
fn flags_come_before_variables_and_an_empty_one_is_none() {
    let env = [
        ("CONSUL_HTTP_ADDR", "env:1"),
        ("CONSUL_CACERT", "env.pem"),
        ("CONSUL_CAPATH", "env.d"),
        ("CONSUL_CLIENT_CERT", "env-cert.pem"),
        ("CONSUL_CLIENT_KEY", "env-key.pem"),
        ("CONSUL_TLS_SERVER_NAME", "env.example"),
    ];
    let text = |text: &str| Some(text.to_owned());
    let flags = Flags {
        http_addr: text("flag:1"),
        ca_file: text("flag.pem"),
        client_cert: text("flag-cert.pem"),
        client_key: text("flag-key.pem"),
        tls_server_name: text("flag.example:8501"),
        datacenter: text("dc2"),
        ..Flags::default()
    };
    let settings = read(&flags, &env).expect("settings");
    assert_eq!(settings.agent.to_string(), "http://flag:1");
    let own = Some(("flag-cert.pem".into(), "flag-key.pem".into()));
    let tls = AgentTls { anchors: Anchors::File("flag.pem".into()), own, name: text("flag.example"), unverified: false };
    assert_eq!((settings.tls, settings.datacenter), (tls, text("dc2")));
    let empty = Flags { http_addr: text(""), ca_file: text(""), tls_server_name: text(""), datacenter: text(""), ..Flags::default() };
    assert_eq!(read(&empty, &env).expect("settings"), of_env(&env));
    // A file of anchors comes before a folder, wherever it was said.
    let folder = flag(|f, v| f.ca_path = v, "flag.d");
    assert_eq!(read(&folder, &env).expect("settings").tls.anchors, Anchors::File("env.pem".into()));
    assert_eq!(read(&folder, &[]).expect("settings").tls.anchors, Anchors::Folder("flag.d".into()));
}

#[test]
fn booleans_are_those_of_go() {
    let verifies = |value: &str| {
        let settings = of_env(&[("CONSUL_HTTP_SSL_VERIFY", value)]);
        (!settings.tls.unverified, settings.warnings.len())
    };
    for value in ["", "1", "t", "T", "true", "TRUE", "True"] {
        assert_eq!(verifies(value), (true, 0), "{value}");
    }
    for value in ["0", "f", "F", "false", "FALSE", "False"] {
        assert_eq!(verifies(value), (false, 0), "{value}");
    }
    for value in ["yes", "no", "on", "tRUE", " true", "2"] {
        assert_eq!(verifies(value), (false, 1), "{value}");
    }
    let ssl = of_env(&[("CONSUL_HTTP_SSL", "yes")]);
    assert_eq!((ssl.agent.tls, ssl.warnings.len()), (false, 1));
}

#[test]
fn the_token_is_the_one_that_consuls_client_would_show() {
    // The flags --token-file and --token, the variables of a file and a token; then file and text.
    let cases = [
        (["", "", "", ""], (None, None)),
        (["", "", "", "e"], (None, Some("e"))),
        (["", "", "env", "e"], (Some("env"), Some("e"))),
        (["", "f", "env", "e"], (None, Some("f"))),
        (["flag", "f", "env", "e"], (Some("flag"), Some("f"))),
        (["flag", "", "env", "e"], (Some("flag"), Some("e"))),
        (["flag", "", "", ""], (Some("flag"), None)),
        // A flag that says what its variable says.
        (["", "e", "env", "e"], (Some("env"), Some("e"))),
        (["env", "f", "env", "e"], (None, Some("f"))),
    ];
    for ([flag_file, flag_text, env_file, env_text], (file, text)) in cases {
        let flags = Flags { token_file: Some(flag_file.into()), token: Some(flag_text.into()), ..Flags::default() };
        let env = [("CONSUL_HTTP_TOKEN_FILE", env_file), ("CONSUL_HTTP_TOKEN", env_text)];
        let token = read(&flags, &env).expect("settings").token;
        assert_eq!(
            token,
            Token { file: file.map(Into::into), text: text.map(Secret::new) },
            "{flag_file} {flag_text} {env_file} {env_text}"
        );
    }
}

#[test]
fn no_secret_is_printed() {
    let settings = of_env(&[("CONSUL_HTTP_TOKEN", "s3cr3t"), ("CONSUL_HTTP_AUTH", "user:s3cr3t:x")]);
    assert_eq!(settings.auth, Some(("user".to_owned(), Secret::new("s3cr3t:x"))));
    assert!(!format!("{settings:?}").contains("s3cr3t"), "{settings:?}");
}

#[test]
fn what_belongs_together_must_be_there_and_what_is_of_enterprise_must_not() {
    let error = |env: &[(&str, &str)]| read(&Flags::default(), env).expect_err("wrong");
    assert_eq!(error(&[("CONSUL_CLIENT_CERT", "c.pem")]), SettingsError::OneOfTwo("the key"));
    assert_eq!(error(&[("CONSUL_CLIENT_KEY", "k.pem")]), SettingsError::OneOfTwo("the certificate"));
    assert_eq!(error(&[("CONSUL_TLS_SERVER_NAME", "10.0.0.1")]), SettingsError::Name("10.0.0.1".to_owned()));
    let team = |variable| SettingsError::Enterprise { variable, value: "team".to_owned() };
    assert_eq!(error(&[("CONSUL_NAMESPACE", "team")]), team("CONSUL_NAMESPACE"));
    assert_eq!(error(&[("CONSUL_PARTITION", "team")]), team("CONSUL_PARTITION"));
    assert_eq!(of_env(&[("CONSUL_NAMESPACE", "default"), ("CONSUL_PARTITION", "default")]), of_env(&[]));
}

#[test]
fn the_grpc_port_of_a_server_is_named_by_flag_or_variable_and_its_scheme_says_whether_tls_is_spoken() {
    assert_eq!(of_env(&[("CONSUL_GRPC_CACERT", "ca.pem"), ("CONSUL_GRPC_ADDR", "")]).grpc, None);
    let variables = [("CONSUL_GRPC_ADDR", "https://consul.example:8503"), ("CONSUL_GRPC_CACERT", "ca.pem"), ("CONSUL_CACERT", "http.pem")];
    let of_variables = of_env(&variables);
    let grpc = of_variables.grpc.expect("one is named");
    assert_eq!((grpc.at.to_string(), grpc.anchors), ("https://consul.example:8503".to_owned(), Anchors::File("ca.pem".into())));
    assert_eq!(of_variables.warnings, [""; 0]);
    let flags = Flags { grpc_addr: Some("10.0.0.1:8502".to_owned()), grpc_ca_path: Some("d".to_owned()), ..Flags::default() };
    let of_flags = read(&flags, &variables[..1]).expect("settings");
    let grpc = of_flags.grpc.expect("one is named");
    assert_eq!((grpc.at.to_string(), grpc.anchors), ("http://10.0.0.1:8502".to_owned(), Anchors::Folder("d".into())));
    assert!(of_flags.warnings[0].contains("no TLS is spoken to http://10.0.0.1:8502"), "{:?}", of_flags.warnings);
    // CONSUL_HTTP_SSL is about the HTTP API.
    let plain = of_env(&[("CONSUL_GRPC_ADDR", "10.0.0.1:8502"), ("CONSUL_HTTP_SSL", "true")]);
    assert_eq!(plain.grpc.map(|grpc| grpc.at.tls), Some(false));
    assert!(read(&Flags::default(), &[("CONSUL_GRPC_ADDR", "xds://10.0.0.1:8502")]).is_err());
}

#[test]
fn an_ip_address_is_no_name_for_a_certificate() {
    for name in ["10.0.0.1", "10.0.0.1:8501"] {
        let refused = read(&Flags { tls_server_name: Some(name.to_owned()), ..Flags::default() }, &[]);
        assert_eq!(refused, Err(SettingsError::Name(name.to_owned())));
    }
}

#[test]
fn what_is_typed_goes_before_what_a_file_says_and_that_before_variables() {
    let some = |text: &str| Some(text.to_owned());
    let file = || Flags { http_addr: some("file:1"), token_file: some("of-file"), grpc_addr: some("grpc:1"), ..Flags::default() };
    let env = [("CONSUL_HTTP_ADDR", "env:1"), ("CONSUL_HTTP_TOKEN", "of-env")];
    let alone = read(&Flags::default().or(file()), &env).unwrap();
    assert_eq!((alone.agent.to_string().as_str(), alone.token.file.as_deref()), ("http://file:1", Some("of-file".as_ref())));
    let typed = Flags { http_addr: some("typed:1"), token: some("s3cr3t"), ..Flags::default() };
    assert!(!format!("{typed:?}").contains("s3cr3t"));
    let both = read(&typed.or(file()), &env).unwrap();
    assert_eq!((both.agent.to_string().as_str(), both.token.file, both.grpc.is_some()), ("http://typed:1", None, true));
    assert_eq!(both.token.text.map(|text| text.reveal().to_owned()).as_deref(), Some("s3cr3t"));
}
