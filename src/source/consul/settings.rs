//! Which agent is asked, and how: the flags and variables of Consul's own client, read exactly as it reads them.

use std::fmt;
use std::path::PathBuf;

/// Where an agent is when nothing says so.
const USUAL: &str = "127.0.0.1:8500";

/// The flags, as typed, or as the `[consul]` of a `gw.toml` says them. An empty one is one that was not given.
#[derive(Clone, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flags {
    /// `--http-addr`
    #[serde(rename = "addr")]
    pub http_addr: Option<String>,
    /// `--token`
    pub token: Option<String>,
    /// `--token-file`
    pub token_file: Option<String>,
    /// `--ca-file`
    pub ca_file: Option<String>,
    /// `--ca-path`
    pub ca_path: Option<String>,
    /// `--client-cert`
    pub client_cert: Option<String>,
    /// `--client-key`
    pub client_key: Option<String>,
    /// `--tls-server-name`
    pub tls_server_name: Option<String>,
    /// `--datacenter`
    pub datacenter: Option<String>,
    /// `--grpc-addr`
    pub grpc_addr: Option<String>,
    /// `--grpc-ca-file`
    pub grpc_ca_file: Option<String>,
    /// `CONSUL_GRPC_CAPATH` has no flag of its own.
    #[serde(skip)]
    pub grpc_ca_path: Option<String>,
}

// By hand: one of them is a token.
impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flags").field("http_addr", &self.http_addr).field("grpc_addr", &self.grpc_addr).finish_non_exhaustive()
    }
}

impl Flags {
    /// With what a file says where nothing was typed. Of what says the same in two ways, such as a token and its file, either counts.
    #[must_use]
    pub fn or(self, file: Self) -> Self {
        let either = |a: (Option<String>, Option<String>), b| if a.0.is_some() || a.1.is_some() { a } else { b };
        let (token, token_file) = either((self.token, self.token_file), (file.token, file.token_file));
        let (ca_file, ca_path) = either((self.ca_file, self.ca_path), (file.ca_file, file.ca_path));
        let (client_cert, client_key) = either((self.client_cert, self.client_key), (file.client_cert, file.client_key));
        let (grpc_ca_file, grpc_ca_path) = either((self.grpc_ca_file, self.grpc_ca_path), (file.grpc_ca_file, file.grpc_ca_path));
        Self {
            http_addr: self.http_addr.or(file.http_addr),
            token,
            token_file,
            ca_file,
            ca_path,
            client_cert,
            client_key,
            tls_server_name: self.tls_server_name.or(file.tls_server_name),
            datacenter: self.datacenter.or(file.datacenter),
            grpc_addr: self.grpc_addr.or(file.grpc_addr),
            grpc_ca_file,
            grpc_ca_path,
        }
    }
}

/// What flags and variables mean together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where the agent is.
    pub agent: Agent,
    /// The token that is shown, if any.
    pub token: Token,
    /// `CONSUL_HTTP_AUTH`: user and password of a proxy in front of the agent.
    pub auth: Option<(String, Secret)>,
    /// How the agent is known by TLS; of no use over plain HTTP.
    pub tls: AgentTls,
    /// `?dc=` of every question; none is the agent's own.
    pub datacenter: Option<String>,
    /// The gRPC port of a server, if one is named.
    pub grpc: Option<Grpc>,
    /// What Consul's client warns of and goes on with, a sentence each.
    pub warnings: Vec<String>,
}

/// Where an agent is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// `https` rather than `http`.
    pub tls: bool,
    /// How it is reached.
    pub reached: Reached,
    /// What stands before `/v1` in every path: `/consul`, or nothing.
    pub prefix: String,
}

/// The gRPC port of a server, which is asked for what the HTTP API does not give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grpc {
    /// Where it is.
    pub at: Agent,
    /// Whom its certificate must be from, if the address begins with `https://`.
    pub anchors: Anchors,
}

/// How an agent is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reached {
    /// `host`, `host:port` or `[ip6]:port`.
    Host(String),
    /// The path of a unix socket.
    Socket(PathBuf),
}

impl fmt::Display for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reached {
            Reached::Host(host) => write!(f, "{}://{host}{}", if self.tls { "https" } else { "http" }, self.prefix),
            Reached::Socket(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text to itself.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for who needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

/// Where the token comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Token {
    /// The file that holds it: looked into at every question, for whoever writes it may write another one.
    pub file: Option<PathBuf>,
    /// What is shown where there is no file, or an empty one.
    pub text: Option<Secret>,
}

/// How the agent is known by TLS, and what it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentTls {
    /// Whom its certificate must be from.
    pub anchors: Anchors,
    /// PEM: the certificate and the key that are shown to it.
    pub own: Option<(PathBuf, PathBuf)>,
    /// The name that its certificate must be for, where that is not the address.
    pub name: Option<String>,
    /// Nothing about its certificate is looked at.
    pub unverified: bool,
}

/// Whom the agent's certificate must be from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Anchors {
    /// The roots of the machine.
    #[default]
    System,
    /// PEM.
    File(PathBuf),
    /// A folder of PEM files.
    Folder(PathBuf),
}

/// Why flags and variables mean nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A scheme that Consul's client does not know.
    #[error("unknown protocol scheme {0:?} in the address of Consul: say http://, https:// or unix://")]
    Scheme(String),
    /// No host and port can be made of it.
    #[error("{0:?} is no address of a Consul agent: say host:port, http://host:port, https://host:port or unix:///path")]
    Address(String),
    /// One of two that belong together.
    #[error(
        "a client certificate and its key belong together: {0} is missing (--client-cert, CONSUL_CLIENT_CERT; --client-key, CONSUL_CLIENT_KEY)"
    )]
    OneOfTwo(&'static str),
    /// An IP address, or nothing, instead of a name.
    #[error("{0:?} is no host name for the certificate of Consul's agent (--tls-server-name, CONSUL_TLS_SERVER_NAME)")]
    Name(String),
    /// A namespace or partition of Enterprise.
    #[error("{variable}={value:?} names what Consul's community edition does not have: leave it empty, or \"default\"")]
    Enterprise {
        /// The variable.
        variable: &'static str,
        /// What it says.
        value: String,
    },
}

impl Settings {
    /// What the flags mean, and the variables where there is no flag.
    pub fn of(flags: &Flags, env: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let variable = |name: &str| env(name).filter(|value| !value.is_empty());
        let either = |flag: &Option<String>, name: &str| given(flag).or_else(|| variable(name));
        for name in ["CONSUL_NAMESPACE", "CONSUL_PARTITION"] {
            if let Some(value) = variable(name).filter(|value| value != "default") {
                return Err(SettingsError::Enterprise { variable: name, value });
            }
        }
        let mut warnings = Vec::new();
        let ssl = switch(variable("CONSUL_HTTP_SSL"), "CONSUL_HTTP_SSL", "TLS stays off", &mut warnings).unwrap_or(false);
        let effect = "the agent's certificate is not verified";
        let verify = switch(variable("CONSUL_HTTP_SSL_VERIFY"), "CONSUL_HTTP_SSL_VERIFY", effect, &mut warnings).unwrap_or(true);
        let address = either(&flags.http_addr, "CONSUL_HTTP_ADDR").unwrap_or_else(|| USUAL.to_owned());
        let anchors = Anchors::of(either(&flags.ca_file, "CONSUL_CACERT"), either(&flags.ca_path, "CONSUL_CAPATH"));
        let of_grpc = Anchors::of(either(&flags.grpc_ca_file, "CONSUL_GRPC_CACERT"), either(&flags.grpc_ca_path, "CONSUL_GRPC_CAPATH"));
        let grpc = either(&flags.grpc_addr, "CONSUL_GRPC_ADDR").map(|address| Grpc::of(&address, of_grpc, &mut warnings)).transpose()?;
        let own = match (either(&flags.client_cert, "CONSUL_CLIENT_CERT"), either(&flags.client_key, "CONSUL_CLIENT_KEY")) {
            (Some(cert), Some(key)) => Some((cert.into(), key.into())),
            (None, None) => None,
            (Some(_), None) => return Err(SettingsError::OneOfTwo("the key")),
            (None, Some(_)) => return Err(SettingsError::OneOfTwo("the certificate")),
        };
        let name = either(&flags.tls_server_name, "CONSUL_TLS_SERVER_NAME").map(server_name).transpose()?;
        let auth = variable("CONSUL_HTTP_AUTH").map(|auth| {
            let (user, password) = auth.split_once(':').unwrap_or((&auth, ""));
            (user.to_owned(), Secret::new(password))
        });
        Ok(Self {
            agent: Agent::of(&address, ssl)?,
            token: Token::of(flags, variable("CONSUL_HTTP_TOKEN"), variable("CONSUL_HTTP_TOKEN_FILE")),
            auth,
            tls: AgentTls { anchors, own, name, unverified: !verify },
            datacenter: given(&flags.datacenter),
            grpc,
            warnings,
        })
    }
}

fn given(flag: &Option<String>) -> Option<String> {
    flag.clone().filter(|value| !value.is_empty())
}

impl Agent {
    /// `tls` is what `CONSUL_HTTP_SSL` says: an address cannot take it back.
    fn of(text: &str, tls: bool) -> Result<Self, SettingsError> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Ok(Self { tls, reached: host(text, text)?, prefix: String::new() });
        };
        match scheme {
            "unix" if rest.is_empty() => Err(SettingsError::Address(text.to_owned())),
            "unix" => Ok(Self { tls, reached: Reached::Socket(rest.into()), prefix: String::new() }),
            "http" | "https" => {
                let (authority, prefix) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                let prefix = prefix.trim_end_matches('/').to_owned();
                if prefix.contains(['?', '#']) {
                    return Err(SettingsError::Address(text.to_owned()));
                }
                Ok(Self { tls: tls || scheme == "https", reached: host(authority, text)?, prefix })
            }
            _ => Err(SettingsError::Scheme(scheme.to_owned())),
        }
    }
}

impl Anchors {
    fn of(file: Option<String>, folder: Option<String>) -> Self {
        match (file, folder) {
            (Some(file), _) => Self::File(file.into()),
            (None, Some(folder)) => Self::Folder(folder.into()),
            (None, None) => Self::System,
        }
    }
}

impl Grpc {
    fn of(address: &str, anchors: Anchors, warnings: &mut Vec<String>) -> Result<Self, SettingsError> {
        let at = Agent::of(address, false)?;
        if !at.tls && anchors != Anchors::System {
            // As Consul's own tools have it: the address alone says whether TLS is spoken.
            warnings.push(format!("a CA for gRPC is named, but no TLS is spoken to {at}: say https:// in --grpc-addr or CONSUL_GRPC_ADDR"));
        }
        Ok(Self { at, anchors })
    }
}

/// A host with or without a port. What Consul's client would find out when it connects is found out here.
fn host(authority: &str, whole: &str) -> Result<Reached, SettingsError> {
    let wrong = || SettingsError::Address(whole.to_owned());
    let (name, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (ip, port) = rest.split_once(']').ok_or_else(wrong)?;
            ip.parse::<std::net::Ipv6Addr>().map_err(|_| wrong())?;
            (ip, port.strip_prefix(':').or((!port.is_empty()).then_some("none")))
        }
        None => authority.split_once(':').map_or((authority, None), |(name, port)| (name, Some(port))),
    };
    let of_a_name = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    let port_is_one = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port != 0));
    if name.is_empty() || !name.chars().all(of_a_name) || !port_is_one {
        return Err(wrong());
    }
    Ok(Reached::Host(authority.to_owned()))
}

/// A name without its port, which Consul's client takes off, too.
fn server_name(text: String) -> Result<String, SettingsError> {
    let name = text.split_once(':').map_or(text.as_str(), |(name, _)| name);
    let label = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    // The agent is asked under this name, so that TLS says and verifies it: an address would be connected to instead.
    let is_one = !name.is_empty() && name.chars().all(label) && name.parse::<std::net::IpAddr>().is_err();
    if is_one { Ok(name.to_owned()) } else { Err(SettingsError::Name(text)) }
}

impl Token {
    /// In the order of Consul's client: file and token of the flags, file and token of the environment. What a flag says is
    /// only known from the variable by being something else, so a flag that repeats its variable counts as that.
    fn of(flags: &Flags, text: Option<String>, file: Option<String>) -> Self {
        let flag_file = given(&flags.token_file).filter(|flag| Some(flag) != file.as_ref());
        let flag_text = given(&flags.token).filter(|flag| Some(flag) != text.as_ref());
        let best = given(&flags.token).or(text).map(Secret::new);
        match (flag_file, flag_text) {
            (Some(file), _) => Self { file: Some(file.into()), text: best },
            (None, Some(_)) => Self { file: None, text: best },
            (None, None) => Self { file: file.map(PathBuf::from), text: best },
        }
    }
}

/// A boolean as Go reads one. What is none counts as false, which Consul's client says and goes on with.
fn switch(value: Option<String>, variable: &str, effect: &str, warnings: &mut Vec<String>) -> Option<bool> {
    let value = value?;
    match value.as_str() {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => {
            warnings.push(format!("{variable}={value:?} is no boolean, so {effect}, as with Consul's own tools: say true or false"));
            Some(false)
        }
    }
}

#[cfg(test)]
mod tests;
