//! The files that a run was started from, to be read again: the same flags, the same origin, whatever the files say by now.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::SystemTime;

use super::load::{self, Loader};
use super::origin::{self, AccessLogFile, Gateways, Origin, OriginError, Wanted};
use super::world::{Note, Places};
use crate::model::gateway::Certificate;

/// The files of a run.
#[derive(Debug)]
pub struct Files {
    /// Remembers what it read, so that reading again costs what changed.
    loader: Loader,
    origin: Origin,
    wanted: Wanted,
    /// Where gw.toml put the admin listener; `None`: the command line did.
    admin: Option<Option<SocketAddr>>,
    /// Where it had access records written.
    access_log: Option<AccessLogFile>,
    /// The DNS servers that were named.
    dns: Vec<SocketAddr>,
    /// What was read at the start, when that began, and what was noted.
    read: Vec<PathBuf>,
    at: SystemTime,
    notes: Vec<(&'static str, String)>,
    /// The same for who asks what is wrong, and the certificates.
    told: Vec<Note>,
    certificates: Vec<Certificate>,
}

/// Why what the files say by now is not served.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// As at a start.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// It moves the admin listener.
    #[error("gw.toml moves the admin listener from {} to {}, which takes a restart", place(.0), place(.1))]
    Admin(Option<SocketAddr>, Option<SocketAddr>),
    /// It has access records written elsewhere, or in another way.
    #[error("gw.toml changes the access log, which takes a restart")]
    AccessLog,
    /// It names other DNS servers.
    #[error("gw.toml changes the DNS servers from {} to {}, which takes a restart", servers(.0), servers(.1))]
    Dns(Vec<SocketAddr>, Vec<SocketAddr>),
}

fn place(address: &Option<SocketAddr>) -> String {
    address.map_or_else(|| "where it is by default".to_owned(), |a| a.to_string())
}

fn servers(servers: &[SocketAddr]) -> String {
    let named: Vec<String> = servers.iter().map(ToString::to_string).collect();
    if named.is_empty() { "those of the machine".to_owned() } else { named.join(", ") }
}

impl Files {
    /// Those that gateways were read from; `None` if they come from the command line. `admin`: where that puts the admin
    /// listener, which is then not gw.toml's to say.
    pub fn of(wanted: &Wanted, gateways: &mut Gateways, admin: Option<SocketAddr>) -> Option<Self> {
        let loader = std::mem::take(&mut gateways.loader);
        let Gateways { origin, read, at, .. } = &*gateways;
        let of_file = admin.is_none().then_some(gateways.admin);
        let notes = gateways.notes.iter().map(|n| (n.code, n.message.clone())).collect();
        matches!(origin, Origin::File(..) | Origin::Folders(_)).then(|| Self {
            loader,
            origin: origin.clone(),
            wanted: wanted.clone(),
            admin: of_file,
            access_log: gateways.access_log.clone(),
            dns: gateways.dns.clone(),
            read: read.clone(),
            at: *at,
            notes,
            told: gateways.notes.iter().map(Note::of).collect(),
            certificates: gateways.certificates.clone(),
        })
    }

    /// What was read at the start.
    pub(super) fn first(&self) -> &[PathBuf] {
        &self.read
    }

    /// When that reading began.
    pub(super) const fn first_read(&self) -> SystemTime {
        self.at
    }

    /// What was noted then: codes and messages.
    pub(super) fn first_notes(&self) -> &[(&'static str, String)] {
        &self.notes
    }

    /// The same, to be told.
    pub(super) fn first_told(&self) -> &[Note] {
        &self.told
    }

    /// The certificates of listeners then.
    pub(super) fn first_certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// Where the rules of what was read last are written.
    pub(super) fn rules(&self) -> Places {
        Places::Files(self.loader.places())
    }

    /// Reads them again. Every error at once.
    pub(super) fn read(&mut self) -> Result<Gateways, Unreadable> {
        let gateways = origin::read(&self.origin, &self.wanted, &mut self.loader)?;
        match self.admin {
            Some(admin) if admin != gateways.admin => Err(Unreadable::Admin(admin, gateways.admin)),
            _ if self.access_log != gateways.access_log => Err(Unreadable::AccessLog),
            _ if self.dns != gateways.dns => Err(Unreadable::Dns(self.dns.clone(), gateways.dns)),
            _ => Ok(gateways),
        }
    }

    /// The files and folders that hold what is wrong, where they are refused: correcting any of them may help.
    pub(super) fn places(&self) -> Vec<PathBuf> {
        let mut places = self.origin.paths();
        if let Origin::File(path, _) = &self.origin {
            places.extend(load::named_by(path));
        }
        places
    }
}
