//! The end of a CA: nothing that it signs is valid for longer, so that all of it ends at once, unless somebody is told in time.

use super::error::CertsError;
use super::folder::{Folder, INTERMEDIATE};
use super::make::BELOW;
use crate::tls::{Moment, X509};

/// From this share of the life of a CA on it is told of: a year before the end of a root as Consul has it, five weeks of an intermediate.
const NEAR: f64 = 0.9;

/// What is to be said of the end of the CA that signs, with what puts another one in its place. `None`: it is far.
pub fn ending(folder: &Folder, now: Moment) -> Result<Option<String>, CertsError> {
    let ca = folder.ca()?;
    let says = ca.authority.says();
    if says.age(now) < NEAR {
        return Ok(None);
    }
    let lasts = |root: &X509| root.subject == says.issuer && root.until > says.until;
    let below = folder.file(INTERMEDIATE).exists() && folder.bundle()?.iter().filter_map(X509::read).any(|root| lasts(&root));
    let (next, dir) = (if below { format!("renew {BELOW}") } else { "rotate".to_owned() }, folder.path().display());
    let (who, until) = (&says.subject, says.until);
    let text =
        format!("the CA {who:?} is valid only until {until}, and so is all that it signs: gw certs {next} --dir {dir} makes another one");
    Ok(Some(text))
}
