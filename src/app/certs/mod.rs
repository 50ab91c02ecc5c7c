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
