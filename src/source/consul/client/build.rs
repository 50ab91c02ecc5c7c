//! The HTTP client of the library, as the settings want it.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Identity, Url};

use super::error::{AskError, Library};
use super::lines::KEPT;
use crate::source::consul::settings::{Agent, AgentTls, Anchors, Reached, Settings};

/// Within which an agent takes a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// How often an HTTP/2 connection is asked whether it is still one: many questions wait on it, and none would ever be answered.
const ALIVE: Duration = Duration::from_secs(15);
/// A folder of anchors with more files than any has.
const MOST_FILES: usize = 4096;

/// What is spoken there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaks {
    /// The HTTP API.
    Http,
    /// The same, so rarely that no connection is kept for it.
    HttpNowAndThen,
    /// gRPC: HTTP/2 from the first byte on, also without TLS, and through no proxy, for proxies of HTTP do not.
    Grpc,
}

/// The client, and the address that questions go to.
pub(super) fn build(settings: &Settings, speaks: Speaks) -> Result<(reqwest::Client, Url), AskError> {
    let Settings { agent, tls, .. } = settings;
    let failed = |source: reqwest::Error| AskError::Settings { agent: agent.to_string(), source: Library(source) };
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("gw/", env!("CARGO_PKG_VERSION")))
        // A token goes where it is meant to go.
        .redirect(Policy::none())
        .connect_timeout(CONNECT)
        .tcp_keepalive(ALIVE)
        .http2_keep_alive_interval(ALIVE)
        .http2_keep_alive_timeout(CONNECT)
        // Answers of waiting questions are as long as the first ones were.
        .http2_adaptive_window(true);
    builder = match speaks {
        Speaks::Http => builder.pool_max_idle_per_host(KEPT),
        Speaks::HttpNowAndThen => builder.pool_max_idle_per_host(0),
        Speaks::Grpc => builder.http2_prior_knowledge().no_proxy(),
    };
    if let Reached::Socket(path) = &agent.reached {
        builder = builder.unix_socket(path.clone());
    }
    let host = match &agent.reached {
        Reached::Host(host) => host.as_str(),
        Reached::Socket(_) => "localhost",
    };
    let named = tls.name.as_deref().filter(|_| agent.tls);
    if is_here(agent) || named.is_some() {
        builder = builder.no_proxy();
    }
    if agent.tls {
        builder = with_tls(builder, tls)?;
    }
    let scheme = if agent.tls { "https" } else { "http" };
    let address = format!("{scheme}://{host}{}", agent.prefix);
    let invalid = |_| AskError::Name(address.clone());
    let mut url = Url::parse(&address).map_err(invalid)?;
    if let Some(name) = named {
        let real = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        builder = builder.dns_resolver(std::sync::Arc::new(Elsewhere { real }));
        url.set_host(Some(name)).map_err(|_| AskError::Name(name.to_owned()))?;
    }
    Ok((builder.build().map_err(failed)?, url))
}

/// Whether the agent is on this machine, where no proxy is asked: as Go has it.
fn is_here(agent: &Agent) -> bool {
    let Reached::Host(host) = &agent.reached else { return true };
    let name = host.strip_prefix('[').and_then(|rest| rest.split(']').next()).or_else(|| host.split(':').next()).unwrap_or_default();
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The agent is asked under the name of its certificate, and found where it is.
struct Elsewhere {
    real: String,
}

impl Resolve for Elsewhere {
    fn resolve(&self, _: Name) -> Resolving {
        let real = self.real.clone();
        Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((real.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

fn with_tls(builder: reqwest::ClientBuilder, tls: &AgentTls) -> Result<reqwest::ClientBuilder, AskError> {
    let builder = match &tls.anchors {
        Anchors::System => builder,
        Anchors::File(file) => builder.tls_certs_only(certificates(file)?),
        Anchors::Folder(folder) => {
            let mut found = Vec::new();
            for file in files(folder)? {
                found.extend(certificates(&file)?);
            }
            builder.tls_certs_only(found)
        }
    };
    let builder = match &tls.own {
        None => builder,
        Some((cert, key)) => {
            let both = [read(cert)?, b"\n".to_vec(), read(key)?].concat();
            let wrong = |source| AskError::Pem { file: cert.clone(), what: "certificate that fits its key", why: Some(Library(source)) };
            builder.identity(Identity::from_pem(&both).map_err(wrong)?)
        }
    };
    // What CONSUL_HTTP_SSL_VERIFY=false asks for.
    Ok(builder.tls_danger_accept_invalid_certs(tls.unverified))
}

fn certificates(file: &Path) -> Result<Vec<Certificate>, AskError> {
    let wrong = |why| AskError::Pem { file: file.to_owned(), what: "certificate in PEM", why };
    let found = Certificate::from_pem_bundle(&read(file)?).map_err(|source| wrong(Some(Library(source))))?;
    if found.is_empty() { Err(wrong(None)) } else { Ok(found) }
}

fn read(file: &Path) -> Result<Vec<u8>, AskError> {
    fs::read(file).map_err(|source| AskError::File { file: file.to_owned(), source })
}

/// Every file of a folder and of those in it, as Consul's client takes them.
fn files(folder: &Path) -> Result<Vec<PathBuf>, AskError> {
    let failed = |file: &Path| {
        let file = file.to_owned();
        move |source| AskError::File { file, source }
    };
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for item in fs::read_dir(&folder).map_err(failed(&folder))? {
            let item = item.map_err(failed(&folder))?;
            let kind = item.file_type().map_err(failed(&item.path()))?;
            // A link to a folder is not followed, so that there is no circle.
            if kind.is_dir() { folders.push(item.path()) } else { found.push(item.path()) }
        }
        if found.len() + folders.len() > MOST_FILES {
            let source = std::io::Error::other(format!("more than {MOST_FILES} files are no folder of anchors"));
            return Err(AskError::File { file: folder, source });
        }
    }
    found.sort();
    Ok(found)
}
