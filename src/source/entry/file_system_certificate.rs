//! file-system-certificate: field table (semantics 13). The paths are those of the gateway's machine, and nobody looks.

use super::check::Check;
use super::fields::fields;
use super::kind::Kind;
use crate::model::entry::Common;

/// `file-system-certificate`.
#[derive(Default)]
pub(super) struct FileSystemCertificate {
    common: Common,
    certificate: String,
    private_key: String,
}

fields!(FileSystemCertificate {
    common.name: "Name"; keep,
    certificate: "Certificate"; keep,
    private_key: "PrivateKey" hcl "private_key"; keep,
    common.meta: "Meta",
});

impl Kind for FileSystemCertificate {
    fn normalize(&mut self) {}

    fn validate(&self, _check: &mut Check<'_>) {}

    fn common(&self) -> &Common {
        &self.common
    }
}
