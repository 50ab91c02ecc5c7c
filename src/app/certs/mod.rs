//! `gw certs`: a folder with a CA of the mesh and the certificates that it signed, made, renewed, looked at, and given another root.

mod ending;
mod error;
mod folder;
mod keep;
mod look;
mod make;
mod renew;
mod rotate;
mod used;

use std::path::Path;

use super::inspect::problems::word;

pub use ending::ending;
pub use error::CertsError;
pub use folder::Folder;
pub(in crate::app) use folder::Mode;
pub(in crate::app) use keep::{Keeper, Keeping, keeper};
pub use look::{Served, Wrong, at, in_file, in_text, verify_file, wrong};
pub use make::{Init, Kind, Order, init, issue, leaves, sign, trust_domain};
pub(in crate::app) use make::{of_server, put};
pub use renew::{Due, Leaf, Renewed, leaf_in, list, next, renew, renew_due};
pub use rotate::{Rotation, finish, start};
pub(in crate::app) use used::Used;

pub use crate::tls::{CertificateDer, Moment, X509, install as ready};

/// The command that issues a leaf anew, by its file or that of its key; `force`: in place of the one that is there.
pub(super) fn anew(file: &Path, force: bool) -> String {
    let name = file.file_stem().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix("-key").unwrap_or(&name);
    let folder = match file.parent().map(|folder| folder.display().to_string()) {
        // Where gw certs looks without being told.
        Some(folder) if folder == "certs" => String::new(),
        Some(folder) if !folder.is_empty() => format!(" --dir {}", word(&folder)),
        _ => " --dir .".to_owned(),
    };
    format!("gw certs issue {}{folder}{}", word(name), if force { " --force" } else { "" })
}
