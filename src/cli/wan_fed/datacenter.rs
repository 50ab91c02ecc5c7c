//! The flags that say what a datacenter is to be.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::app::wan_fed::{Ca, Role, Server, Version, Wanted};
use crate::cli::error::Failure;

/// A datacenter of a federation.
#[derive(Debug, Args)]
pub(super) struct DatacenterArgs {
    /// Whether it is the primary datacenter, whose CA, ACLs and entries are everybody's, or a secondary
    #[arg(long, value_name = "ROLE")]
    role: Option<RoleArg>,
    /// Its name
    #[arg(long, value_name = "NAME", requires = "gateway_address")]
    dc: Option<String>,
    /// The primary datacenter's name, for a secondary
    #[arg(long, value_name = "NAME")]
    primary_dc: Option<String>,
    /// Where a mesh gateway of the primary is reached from here, its WAN address (repeatable; for a secondary)
    #[arg(long, value_name = "IP:PORT")]
    primary_gateway: Vec<SocketAddr>,
    /// A server: its node, and where it listens (repeatable; without the flag one, DC-s1)
    #[arg(long, value_name = "NODE[=IP]", value_parser = server)]
    server: Vec<Server>,
    /// The version of Consul that is configured; without the flag that of the agent of --http-addr, else the newest known
    #[arg(long, value_name = "VERSION", value_parser = version)]
    consul_version: Option<Version>,
    /// Where the mesh gateway listens in its datacenter
    #[arg(long, value_name = "IP:PORT")]
    gateway_address: Option<SocketAddr>,
    /// Where other datacenters reach it, if that is another address
    #[arg(long, value_name = "IP:PORT")]
    gateway_wan_address: Option<SocketAddr>,
    /// How services reach those of other datacenters: through the own gateways, those over there, or themselves
    #[arg(long, value_name = "MODE", default_value = "local")]
    mode: ModeArg,
    /// Where servers keep what they know
    #[arg(long, value_name = "DIR", default_value = "/opt/consul")]
    data_dir: PathBuf,
    /// The folder that files are written to
    #[arg(long, value_name = "DIR", default_value = "wan-fed")]
    pub(super) out: PathBuf,
    /// The folder of the CA that certifies servers, as gw certs makes one; without the flag the primary's init makes DIR/agent-ca
    #[arg(long, value_name = "DIR", conflicts_with = "ca_cert")]
    ca: Option<PathBuf>,
    /// The certificate of that CA, such as consul-agent-ca.pem
    #[arg(long, value_name = "FILE", requires = "ca_key")]
    ca_cert: Option<PathBuf>,
    /// Its key, such as consul-agent-ca-key.pem
    #[arg(long, value_name = "FILE", requires = "ca_cert")]
    ca_key: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RoleArg {
    Primary,
    Secondary,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ModeArg {
    Local,
    Remote,
    None,
}

impl DatacenterArgs {
    /// Whether the version is still to be found out.
    pub(super) const fn lacks_version(&self) -> bool {
        self.consul_version.is_none()
    }

    /// What is wanted, if anything is; `version` is that of the agent.
    pub(super) fn wanted(self, version: Option<&str>, force: bool) -> Result<Option<Wanted>, Failure> {
        let (Some(role), Some(datacenter)) = (self.role, self.dc) else { return Ok(None) };
        let Some(gateway) = self.gateway_address else {
            return Err(Failure::Usage("--gateway-address IP:PORT: where the mesh gateway listens".to_owned()));
        };
        let role = match role {
            RoleArg::Primary => Role::Primary,
            RoleArg::Secondary => Role::Secondary,
        };
        let primary = match (self.primary_dc, role) {
            (Some(primary), _) => primary,
            (None, Role::Primary) => datacenter.clone(),
            (None, Role::Secondary) => return Err(Failure::Usage("--primary-dc NAME: which datacenter is the primary".to_owned())),
        };
        let servers = if self.server.is_empty() { vec![Server { node: format!("{datacenter}-s1"), address: None }] } else { self.server };
        let ca = match (self.ca, self.ca_cert.zip(self.ca_key)) {
            (Some(folder), _) => Ca::Folder(folder),
            (None, Some((cert, key))) => Ca::Files(cert, key),
            (None, None) => Ca::Own,
        };
        let mode = match self.mode {
            ModeArg::Local => "local",
            ModeArg::Remote => "remote",
            ModeArg::None => "none",
        };
        let version = self.consul_version.or_else(|| version.and_then(Version::parse)).unwrap_or(Version::NEWEST);
        let wanted = Wanted {
            role,
            datacenter,
            primary,
            primary_gateways: self.primary_gateway,
            servers,
            version,
            gateway,
            gateway_wan: self.gateway_wan_address,
            mode,
            data_dir: self.data_dir,
            ca,
            force,
        };
        wanted.check()?;
        Ok(Some(wanted))
    }
}

fn server(text: &str) -> Result<Server, String> {
    let (node, address) = text.split_once('=').map_or((text, None), |(node, address)| (node, Some(address)));
    let address: Option<IpAddr> =
        address.map(str::parse).transpose().map_err(|_| "it is not NODE or NODE=IP, such as s1=10.0.0.10".to_owned())?;
    Ok(Server { node: node.to_owned(), address })
}

fn version(text: &str) -> Result<Version, String> {
    let version = Version::parse(text).ok_or_else(|| "it is not a version of Consul, such as 1.21 or 1.8.7".to_owned())?;
    let is_able = version >= Version::OLDEST;
    is_able.then_some(version).ok_or_else(|| format!("servers reach each other through mesh gateways since Consul {}", Version::OLDEST))
}
