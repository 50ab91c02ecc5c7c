//! inline-certificate: field table, validation (semantics 13).

use super::check::Check;
use super::codes;
use super::common;
use super::fields::fields;
use super::kind::Kind;
use crate::model::entry::Common;
use crate::tls::pair::{self, PairError};

/// `inline-certificate`.
#[derive(Default)]
pub(super) struct InlineCertificate {
    common: Common,
    certificate: String,
    private_key: String,
}

fields!(InlineCertificate {
    common.name: "Name"; keep,
    certificate: "Certificate"; keep,
    private_key: "PrivateKey" hcl "private_key"; keep,
    common.meta: "Meta",
});

impl Kind for InlineCertificate {
    fn normalize(&mut self) {}

    fn validate(&self, check: &mut Check<'_>) {
        match pair::names(&self.certificate, &self.private_key) {
            Ok(names) => {
                for name in names.iter().filter(|name| !common::is_domain_name(name)) {
                    check.error(codes::HOST, "Certificate", format!("the certificate is for {name:?}, which is no DNS name"));
                }
            }
            Err(e) => {
                let field = if matches!(e, PairError::NoCertificate | PairError::Malformed) { "Certificate" } else { "PrivateKey" };
                check.error(codes::CERTIFICATE, field, format!("{field}: {e}"));
            }
        }
    }

    fn common(&self) -> &Common {
        &self.common
    }
}
