//! The flags that say which Consul is asked, and as whom: one group for all commands.

use clap::Args;

use super::error::Failure;
use crate::app::consul::{Flags, Secret, Settings};
use crate::ui::Ui;

/// The variable that names an agent where no flag does.
const ADDRESS: &str = "CONSUL_HTTP_ADDR";

/// Which agent is asked, and as whom. The variables are read where flags and variables are weighed, as Consul's client weighs them.
#[derive(Debug, Args)]
pub(super) struct AgentArgs {
    /// Consul's HTTP API: host:port, http://.., https://.. or unix:///path; CONSUL_HTTP_ADDR, else 127.0.0.1:8500
    #[arg(long, value_name = "ADDR", help_heading = "Consul")]
    http_addr: Option<String>,
    #[command(flatten)]
    access: AccessArgs,
}

/// Several agents, each asked as the same.
#[derive(Debug, Args)]
pub(super) struct AgentsArgs {
    /// An agent's HTTP API (repeatable: one in each datacenter shows both directions); CONSUL_HTTP_ADDR, else 127.0.0.1:8500
    #[arg(long, value_name = "ADDR", help_heading = "Consul")]
    http_addr: Vec<String>,
    #[command(flatten)]
    access: AccessArgs,
}

/// As whom an agent is asked, and how it is known.
#[derive(Clone, Debug, Default, Args)]
struct AccessArgs {
    /// The token that is shown to Consul; CONSUL_HTTP_TOKEN. Others may see it among the processes: rather --token-file
    #[arg(long, value_name = "TOKEN", help_heading = "Consul", value_parser = secret)]
    token: Option<Secret>,
    /// The file that holds it; CONSUL_HTTP_TOKEN_FILE
    #[arg(long, value_name = "FILE", help_heading = "Consul")]
    token_file: Option<String>,
    /// PEM: whom Consul's certificate must be from; CONSUL_CACERT
    #[arg(long, value_name = "FILE", help_heading = "Consul")]
    ca_file: Option<String>,
    /// A folder of such files; CONSUL_CAPATH
    #[arg(long, value_name = "DIR", help_heading = "Consul")]
    ca_path: Option<String>,
    /// PEM: the certificate that is shown to Consul; CONSUL_CLIENT_CERT
    #[arg(long, value_name = "FILE", help_heading = "Consul")]
    client_cert: Option<String>,
    /// PEM: its key; CONSUL_CLIENT_KEY
    #[arg(long, value_name = "FILE", help_heading = "Consul")]
    client_key: Option<String>,
    /// The name in Consul's certificate, where it is not the address; CONSUL_TLS_SERVER_NAME
    #[arg(long, value_name = "NAME", help_heading = "Consul")]
    tls_server_name: Option<String>,
}

/// The same, and which datacenter is asked about.
#[derive(Debug, Args)]
pub(super) struct ConsulArgs {
    #[command(flatten)]
    agent: AgentArgs,
    /// The datacenter that is asked; without the flag the agent's own
    #[arg(long, value_name = "NAME", help_heading = "Consul")]
    datacenter: Option<String>,
}

fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}

fn variable_names_one() -> bool {
    std::env::var_os(ADDRESS).is_some_and(|address| !address.is_empty())
}

impl AgentArgs {
    /// The agent at an address, asked as the environment says.
    pub(super) fn at(address: &str) -> Self {
        Self { http_addr: Some(address.to_owned()), access: AccessArgs::default() }
    }

    /// Whether a flag or the environment names an agent: where there are other places to ask, it is asked only then.
    pub(super) fn is_named(&self) -> bool {
        self.is_flagged() || variable_names_one()
    }

    /// Whether a flag names an agent.
    pub(super) fn is_flagged(&self) -> bool {
        self.http_addr.as_ref().is_some_and(|address| !address.is_empty())
    }

    /// What flags and environment mean together; what Consul's own tools would warn of is told.
    pub(super) fn settings(self, ui: &mut Ui) -> Result<Settings, Failure> {
        settings(&self.flags(), ui)
    }

    /// The flags once more, as they are typed; a token is never printed.
    pub(super) fn typed(&self) -> Vec<(&'static str, &str)> {
        let AccessArgs { token, token_file, ca_file, ca_path, client_cert, client_key, tls_server_name } = &self.access;
        let typed = [
            ("--http-addr", self.http_addr.as_deref()),
            ("--token", token.as_ref().map(|_| "TOKEN")),
            ("--token-file", token_file.as_deref()),
            ("--ca-file", ca_file.as_deref()),
            ("--ca-path", ca_path.as_deref()),
            ("--client-cert", client_cert.as_deref()),
            ("--client-key", client_key.as_deref()),
            ("--tls-server-name", tls_server_name.as_deref()),
        ];
        typed.into_iter().filter_map(|(flag, value)| Some((flag, value?))).collect()
    }

    /// What is typed, each flag as it is.
    pub(super) fn flags(self) -> Flags {
        self.access.flags(self.http_addr)
    }
}

impl AgentsArgs {
    /// As [`AgentArgs::is_named`], of one agent at least.
    pub(super) fn is_named(&self) -> bool {
        !self.http_addr.is_empty() || variable_names_one()
    }

    /// As [`AgentArgs::settings`], for each agent; the one of the environment where none is named.
    pub(super) fn settings(self, ui: &mut Ui) -> Result<Vec<Settings>, Failure> {
        let named = if self.http_addr.is_empty() { vec![None] } else { self.http_addr.into_iter().map(Some).collect() };
        named.into_iter().map(|address| settings(&self.access.clone().flags(address), ui)).collect()
    }
}

impl AccessArgs {
    fn flags(self, http_addr: Option<String>) -> Flags {
        Flags {
            http_addr,
            token: self.token.map(|token| token.reveal().to_owned()),
            token_file: self.token_file,
            ca_file: self.ca_file,
            ca_path: self.ca_path,
            client_cert: self.client_cert,
            client_key: self.client_key,
            tls_server_name: self.tls_server_name,
            ..Flags::default()
        }
    }
}

/// What flags and environment mean together; what Consul's own tools would warn of is told.
pub(super) fn settings(flags: &Flags, ui: &mut Ui) -> Result<Settings, Failure> {
    let settings = Settings::of(flags, |name| std::env::var(name).ok()).map_err(|error| Failure::Usage(error.to_string()))?;
    settings.warnings.iter().for_each(|warning| ui.note(&format!("gw: {warning}")));
    Ok(settings)
}

impl ConsulArgs {
    /// As [`settings`].
    pub(super) fn settings(self, ui: &mut Ui) -> Result<Settings, Failure> {
        settings(&Flags { datacenter: self.datacenter, ..self.agent.flags() }, ui)
    }
}
