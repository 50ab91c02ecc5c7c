//! What gateways of Consul have on disk: the last answers, and the certificates that it shows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::ConsulError;
use crate::app::certs::{CertsError, Folder, Mode};
use crate::model::ca::IssuedLeaf;
use crate::model::gateway::{Certificate, GatewayConfig, Identity};
use crate::source::consul::known::World;
use crate::tls;

/// The folder of one agent, and of a gateway, or of those that run together.
#[derive(Debug)]
pub(super) struct StateFolder {
    root: PathBuf,
    /// Gone with the run: nothing is to be kept.
    temporary: bool,
    answers: PathBuf,
    certs: Folder,
    /// What stands in the files.
    roots: String,
    leaves: BTreeMap<String, IssuedLeaf>,
    /// Those of them that have DNS names.
    named: BTreeSet<String>,
}

impl StateFolder {
    /// Makes it, its owner's alone. Without a folder it is one that is gone with the run: keys are read from files all the same.
    pub(super) fn open(folder: Option<&Path>, gateways: &[GatewayConfig], agent: &str) -> Result<Self, ConsulError> {
        let plain =
            |text: &str| text.chars().map(|c| if c.is_ascii_alphanumeric() || "-.+".contains(c) { c } else { '_' }).collect::<String>();
        // What one Consul said is nothing that another has said.
        let names: Vec<&str> = gateways.iter().map(|gateway| gateway.name.as_str()).collect();
        let own = format!("{:.150}@{}", plain(&names.join("+")), plain(agent));
        let root = match folder {
            Some(folder) => folder.join(own),
            None => std::env::temp_dir().join(format!("gw-{}-{own}", std::process::id())),
        };
        let state = Self {
            answers: root.join("answers"),
            certs: Folder::at(root.join("certs")),
            temporary: folder.is_none(),
            root,
            roots: String::new(),
            leaves: BTreeMap::new(),
            named: BTreeSet::new(),
        };
        for folder in [&state.root, &state.certs.path().to_owned()] {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
            made.map_err(|e| ConsulError::State(folder.clone(), e))?;
        }
        Ok(state)
    }

    /// Where answers are kept, if they are.
    pub(super) fn answers(&self) -> Option<&Path> {
        (!self.temporary).then_some(self.answers.as_path())
    }

    /// The folder of the certificates.
    pub(super) fn certs(&self) -> &Path {
        self.certs.path()
    }

    /// Writes the roots and leaves that are others than those in the files. The disk is not waited for: Consul gives them again.
    pub(super) fn write_certs(&mut self, world: &World) -> Result<(), CertsError> {
        if let Some(roots) = &world.roots {
            let text: String = roots.roots.iter().map(|root| root.pem.trim().to_owned() + "\n").collect();
            if text != self.roots {
                self.certs.write_of_another("ca.pem", &text, Mode::Public)?;
                self.roots = text;
            }
        }
        // A service may have any name; a file may not.
        for (name, leaf) in world.leaves.iter().filter(|(name, _)| is_file_name(name)) {
            if self.leaves.get(name) != Some(leaf) {
                self.certs.write_of_another(&format!("{name}-key.pem"), &leaf.key, Mode::Secret)?;
                self.certs.write_of_another(&format!("{name}.pem"), &leaf.chain, Mode::Public)?;
                self.leaves.insert(name.clone(), leaf.clone());
                if tls::pem::has_dns_names(&leaf.chain) {
                    self.named.insert(name.clone())
                } else {
                    self.named.remove(name)
                };
            }
        }
        Ok(())
    }

    /// The leaf of a service as the certificate of its DNS names, if it has some.
    pub(super) fn certificate(&self, name: &str) -> Option<Certificate> {
        let Identity { cert, key, .. } = Identity::in_folder(self.certs.path(), name);
        self.named.contains(name).then_some(Certificate { cert, key, hosts: Vec::new(), name: None })
    }
}

fn is_file_name(name: &str) -> bool {
    !name.starts_with('.') && name.len() < 200 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

impl Drop for StateFolder {
    fn drop(&mut self) {
        if self.temporary {
            drop(fs::remove_dir_all(&self.root));
        }
    }
}
