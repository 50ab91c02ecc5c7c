//! `gw wan-fed init`: what a datacenter needs to join a federation through mesh gateways, as files.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use super::agent_config;
use crate::app::certs::{self, CertsError, Folder, Mode};
use crate::tls::{self, Authority, CertificateDer, Moment, pem};

/// The folder, below that of the rest, of a CA that was made for it.
const OWN_CA: &str = "agent-ca";
/// What servers trust.
const ANCHOR: &str = "agent-ca.pem";

/// What a datacenter is in a federation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Its CA, its ACLs and its entries are everybody's.
    Primary,
    /// It takes them from the primary.
    Secondary,
}

/// A version of Consul: major, minor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32, pub u32);

impl Version {
    /// The first whose servers can be federated through mesh gateways.
    pub const OLDEST: Self = Self(1, 8);
    /// The newest that is known here.
    pub const NEWEST: Self = Self(1, 21);

    /// Reads `1.21`, `1.21.4` or `1.21.4+ent`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.trim().split(['.', '-', '+']).map(str::parse);
        Some(Self(numbers.next()?.ok()?, numbers.next()?.ok()?))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.0, self.1)
    }
}

/// A server that is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its node, without dots: `NODE.DATACENTER` is what it is called in the federation.
    pub node: String,
    /// Where it listens; without one Consul finds out by itself.
    pub address: Option<IpAddr>,
}

/// Who signs the certificates of the servers. All datacenters of a federation trust one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ca {
    /// One made for it, or that of an earlier run.
    Own,
    /// A folder of `gw certs`.
    Folder(PathBuf),
    /// Files, such as `consul tls ca create` makes.
    Files(PathBuf, PathBuf),
}

/// What is wanted of a datacenter.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What it is.
    pub role: Role,
    /// Its name.
    pub datacenter: String,
    /// The primary's name, its own if it is that.
    pub primary: String,
    /// Where a secondary reaches the primary's mesh gateways.
    pub primary_gateways: Vec<SocketAddr>,
    /// Its servers.
    pub servers: Vec<Server>,
    /// What they run.
    pub version: Version,
    /// Where the mesh gateway is in its datacenter.
    pub gateway: SocketAddr,
    /// Where others reach it, if that is another address.
    pub gateway_wan: Option<SocketAddr>,
    /// `local`, `remote` or `none`: how services reach those of other datacenters.
    pub mode: &'static str,
    /// Where servers keep what they know.
    pub data_dir: PathBuf,
    /// Who signs.
    pub ca: Ca,
    /// Whether what is there is overwritten.
    pub force: bool,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// What was asked for makes no federation.
    #[error("{0}")]
    Usage(String),
    /// Certificates cannot be made, or files not be written.
    #[error(transparent)]
    Certs(#[from] CertsError),
}

impl From<tls::Error> for InitError {
    fn from(error: tls::Error) -> Self {
        Self::Certs(error.into())
    }
}

impl Wanted {
    /// Whether it makes a federation; what is wrong, and what to type.
    pub fn check(&self) -> Result<(), InitError> {
        let wrong = |why: String| Err(InitError::Usage(why));
        for name in [&self.datacenter, &self.primary] {
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_')) {
                return wrong(format!("{name:?} is no name of a datacenter: those have lower case letters, digits, '-' and '_'"));
            }
        }
        let mut nodes = BTreeSet::new();
        for Server { node, .. } in &self.servers {
            if node.contains('.') {
                // semantics 10
                return wrong(format!(
                    "--server {node:?} has a dot, and servers are called NODE.DATACENTER in a federation: \"node name does not encode a datacenter\""
                ));
            }
            if node.is_empty() || node.len() > 63 || !node.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
                return wrong(format!("--server {node:?} is no name of a node: letters, digits and '-', as in a host name"));
            }
            if !nodes.insert(node) {
                return wrong(format!("--server {node} is there twice"));
            }
        }
        match self.role {
            Role::Primary if self.primary != self.datacenter => {
                wrong(format!("{} is the primary, and --primary-dc says {}", self.datacenter, self.primary))
            }
            Role::Primary if !self.primary_gateways.is_empty() => {
                wrong("--primary-gateway is for a secondary: the primary waits to be found".to_owned())
            }
            Role::Secondary if self.primary == self.datacenter => {
                wrong(format!("a secondary is not its own primary: --primary-dc, another one than {}", self.datacenter))
            }
            Role::Secondary if self.primary_gateways.is_empty() => wrong(
                "a secondary finds the primary by its mesh gateways alone: --primary-gateway IP:PORT, the WAN address of one".to_owned(),
            ),
            _ => Ok(()),
        }
    }

    /// What is written besides the CA: the name, whether it is a secret, and what it is.
    pub fn files(&self) -> Vec<(String, bool, &'static str)> {
        let mut files = vec![(ANCHOR.to_owned(), false, "what servers trust")];
        for Server { node, .. } in &self.servers {
            files.push((format!("{node}.hcl"), false, "configuration of a server"));
            files.push((format!("{node}.pem"), false, "its certificate, with both names"));
            files.push((format!("{node}-key.pem"), true, "its key"));
        }
        files.push(("mesh-gateway.sh".to_owned(), false, "runs the mesh gateway"));
        files.push(("gw-mesh.service".to_owned(), false, "the same as a unit of systemd"));
        if self.role == Role::Primary {
            files.push(("proxy-defaults.hcl".to_owned(), false, "how services reach other datacenters; it holds in all of them"));
        }
        files
    }

    /// Whether a CA is to be made.
    pub fn makes_ca(&self, out: &Path) -> bool {
        self.ca == Ca::Own && self.role == Role::Primary && !own_ca(out).signs()
    }
}

fn own_ca(out: &Path) -> Folder {
    Folder::at(out.join(OWN_CA))
}

/// Who signs, and what is sent along and trusted.
struct Signer {
    authority: Authority,
    above: Vec<CertificateDer<'static>>,
    anchors: Vec<CertificateDer<'static>>,
}

/// Writes all of it. The paths, in the order of [`Wanted::files`], those of a CA that was made first.
pub fn init(wanted: &Wanted, out: &Path) -> Result<Vec<PathBuf>, InitError> {
    tls::install();
    wanted.check()?;
    let out = std::path::absolute(out).map_err(|e| InitError::Usage(format!("--out {}: {e}", out.display())))?;
    if wanted.ca == Ca::Own && wanted.role == Role::Secondary && !own_ca(&out).signs() {
        let why = "servers of all datacenters are certified by one CA, which the primary's has made: --ca DIR, its folder agent-ca, or --ca-cert and --ca-key";
        return Err(InitError::Usage(why.to_owned()));
    }
    let folder = Folder::at(&out);
    let _lock = folder.lock()?;
    let names = wanted.files();
    folder.free(&names.iter().map(|(name, ..)| name.as_str()).collect::<Vec<_>>(), wanted.force)?;
    let mut wrote = Vec::new();
    if wanted.makes_ca(&out) {
        wrote.extend(certs::init(&own_ca(&out), &certs::Init { datacenter: Some(wanted.datacenter.clone()), ..certs::Init::default() })?);
    }
    let signer = signer(&wanted.ca, &out)?;
    wrote.push(folder.write(ANCHOR, &pem::text_of(&signer.anchors), Mode::Public)?);
    for server in &wanted.servers {
        let node = &server.node;
        wrote.push(folder.write(&format!("{node}.hcl"), &agent_config::server(wanted, server, &out), Mode::Public)?);
        let leaf = certs::of_server(node, &wanted.datacenter);
        let issued = signer.authority.issue(&leaf, &signer.above, Moment::now()).map_err(CertsError::from)?;
        let key = issued.key.as_deref().unwrap_or_default();
        wrote.extend(certs::put(&folder, &format!("{node}.pem"), &format!("{node}-key.pem"), &issued.chain, key)?);
    }
    wrote.push(folder.write("mesh-gateway.sh", &agent_config::script(wanted), Mode::Public)?);
    wrote.push(folder.write("gw-mesh.service", &agent_config::unit(wanted), Mode::Public)?);
    if wanted.role == Role::Primary {
        wrote.push(folder.write("proxy-defaults.hcl", &agent_config::proxy_defaults(wanted.mode), Mode::Public)?);
    }
    Ok(wrote)
}

fn signer(ca: &Ca, out: &Path) -> Result<Signer, InitError> {
    let folder = match ca {
        Ca::Own => own_ca(out),
        Ca::Folder(path) => Folder::at(path),
        Ca::Files(cert, key) => {
            let (anchors, secret) = (pem::chain(cert)?, pem::key(key)?);
            let authority = Authority::of(anchors[0].clone(), &secret).map_err(CertsError::from)?;
            return Ok(Signer { authority, above: Vec::new(), anchors });
        }
    };
    let ca = folder.ca()?;
    Ok(Signer { authority: ca.authority, above: ca.above, anchors: folder.bundle()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn wanted(role: Role) -> Wanted {
        let secondary = role == Role::Secondary;
        Wanted {
            role,
            datacenter: if secondary { "dc2" } else { "dc1" }.to_owned(),
            primary: "dc1".to_owned(),
            primary_gateways: if secondary { vec!["192.0.2.1:8443".parse().expect("an address")] } else { Vec::new() },
            servers: vec![
                Server { node: "s1".to_owned(), address: Some(IpAddr::from([10, 0, 0, 10])) },
                Server { node: "s2".to_owned(), address: Some(IpAddr::from([10, 0, 0, 11])) },
            ],
            version: Version::NEWEST,
            gateway: "10.0.0.1:8443".parse().expect("an address"),
            gateway_wan: Some("192.0.2.2:8443".parse().expect("an address")),
            mode: "local",
            data_dir: "/var/lib/consul".into(),
            ca: Ca::Own,
            force: false,
        }
    }

    #[test]
    fn what_makes_no_federation_is_refused_with_what_to_type() {
        let refused = |change: &dyn Fn(&mut Wanted), role| {
            let mut wanted = wanted(role);
            change(&mut wanted);
            wanted.check().expect_err("refused").to_string()
        };
        let server = |node: &str| Server { node: node.to_owned(), address: None };
        type Change<'a> = &'a dyn Fn(&mut Wanted);
        let cases: [(Role, Change<'_>, &str); 8] = [
            (Role::Secondary, &|w| w.primary_gateways.clear(), "--primary-gateway IP:PORT"),
            (Role::Secondary, &|w| w.primary = "dc2".into(), "--primary-dc"),
            (Role::Primary, &|w| w.primary = "dc9".into(), "dc1 is the primary"),
            (Role::Primary, &|w| w.primary_gateways = vec!["192.0.2.1:1".parse().expect("an address")], "is for a secondary"),
            (Role::Primary, &|w| w.datacenter = "DC1".into(), "lower case"),
            (Role::Primary, &|w| w.servers.push(server("a.b")), "does not encode a datacenter"),
            (Role::Primary, &|w| w.servers.push(server("s1")), "twice"),
            (Role::Primary, &|w| w.servers.push(server("a/b")), "no name of a node"),
        ];
        for (role, change, why) in cases {
            let said = refused(change, role);
            assert!(said.contains(why), "{said} has no {why:?}");
        }
        assert!(wanted(Role::Primary).check().is_ok() && wanted(Role::Secondary).check().is_ok());
    }

    #[test]
    fn the_form_of_the_configuration_is_that_of_the_version() {
        let text = |version| {
            let wanted = Wanted { version, ..wanted(Role::Secondary) };
            agent_config::server(&wanted, &wanted.servers[0], Path::new("/etc/consul.d"))
        };
        let old = text(Version(1, 11));
        assert!(old.contains("\nverify_server_hostname = true") && !old.contains("tls {") && !old.contains("grpc_tls"), "{old}");
        let between = text(Version(1, 13));
        assert!(between.contains("internal_rpc {") && !between.contains("grpc_tls"), "{between}");
        let new = text(Version(1, 21));
        assert!(new.contains("internal_rpc {") && new.contains("grpc_tls = 8503"), "{new}");
        for text in [old, between, new] {
            assert!(
                text.contains("primary_gateways          = [\"192.0.2.1:8443\"]") && text.contains("retry_join         = [\"10.0.0.11\"]"),
                "{text}"
            );
            assert!(text.contains("\"/etc/consul.d/s1-key.pem\"") && !text.contains("retry_join_wan ="), "{text}");
        }
    }

    #[test]
    fn a_version_is_read_as_consul_writes_it() {
        for (text, version) in [
            ("1.8.7", Some(Version(1, 8))),
            ("1.21.4+ent", Some(Version(1, 21))),
            ("1.14", Some(Version(1, 14))),
            ("1", None),
            ("new", None),
        ] {
            assert_eq!(Version::parse(text), version, "{text}");
        }
        assert!(Version(1, 8) < Version(1, 12));
    }
}
