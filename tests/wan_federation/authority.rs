//! The CA of the agents, and certificates of servers, made by openssl: right ones, and such as are wrong on purpose.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A CA in a folder.
pub(crate) struct Authority {
    folder: PathBuf,
}

/// The files of a certificate, in PEM.
#[derive(Clone, Debug)]
pub(crate) struct Certificate {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

impl Authority {
    pub(crate) fn begin(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).expect("a folder");
        let new = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=agents -keyout ca-key.pem -out ca.pem";
        openssl(folder, new);
        Self { folder: folder.to_owned() }
    }

    /// The certificate of the CA.
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// A certificate of a server, with the names by which it is asked for: `server.DC.consul` and `NODE.server.DC.consul`.
    pub(crate) fn server(&self, datacenter: &str, node: &str) -> Certificate {
        let any = format!("server.{datacenter}.consul");
        self.certificate(node, &[&any, &format!("{node}.{any}"), "localhost"], "-days 10")
    }

    /// A certificate for names. `until`: how openssl is told of its time, such as `-days 10`.
    pub(crate) fn certificate(&self, file: &str, names: &[&str], until: &str) -> Certificate {
        let names: Vec<String> = names.iter().map(|name| format!("DNS:{name}")).collect();
        let extensions = format!(
            "subjectAltName={}\nextendedKeyUsage=serverAuth,clientAuth\nkeyUsage=digitalSignature,keyEncipherment\nbasicConstraints=CA:false\n",
            names.join(",")
        );
        std::fs::write(self.folder.join(format!("{file}.ext")), extensions).expect("a file");
        let new = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
        openssl(&self.folder, &format!("req -new {new} -subj /CN={file} -keyout {file}-key.pem -out {file}.csr"));
        let sign =
            format!("x509 -req -in {file}.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -extfile {file}.ext {until} -out {file}.pem");
        openssl(&self.folder, &sign);
        Certificate { cert: self.folder.join(format!("{file}.pem")), key: self.folder.join(format!("{file}-key.pem")) }
    }
}

#[track_caller]
fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().expect("openssl");
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}
