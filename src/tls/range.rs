//! Which versions and suites of TLS are spoken: what the entry of the mesh says for a direction, or that of an ingress gateway for a
//! listener, as far as there is such here.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::{SupportedCipherSuite, SupportedProtocolVersion};

use super::{Error, Unusable, shared_provider};
use crate::model::entry::TlsParameters;

/// Something that can be spoken.
#[derive(Clone, Debug)]
pub(super) struct Range {
    said: TlsParameters,
    provider: Arc<CryptoProvider>,
    versions: &'static [&'static SupportedProtocolVersion],
}

impl Range {
    /// As `what` of an entry says. An error if nothing of it is spoken here: then to speak anything would be against it.
    pub(super) fn of(said: &TlsParameters, what: String) -> Result<Self, Error> {
        const BOTH: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];
        let spoken = said.spoken();
        let versions = match (spoken.tls12.is_empty(), spoken.tls13) {
            (true, false) => return Err(Error::Unspeakable(what)),
            (true, true) => &BOTH[..1],
            (false, true) => BOTH,
            (false, false) => &BOTH[1..],
        };
        let mut provider = shared_provider();
        if !said.cipher_suites.is_empty() {
            let asked = |suite: &SupportedCipherSuite| suite.tls13().is_some() || spoken.tls12.contains(&name(suite).as_str());
            Arc::make_mut(&mut provider).cipher_suites.retain(asked);
        }
        Ok(Self { said: said.clone(), provider, versions })
    }

    /// The same where others are in use: if nothing of it is spoken here, what was spoken before goes on, which is told.
    pub(super) fn or_before(
        said: &TlsParameters,
        field: &'static str,
        before: Option<&Self>,
        unusable: &mut Vec<Unusable>,
    ) -> Result<Self, Error> {
        match (Self::of(said, format!("{field} of the entry mesh/mesh")), before) {
            (Err(error), Some(before)) => {
                unusable.push(Unusable { what: format!("the entry mesh/mesh, {field}"), kept: true, why: error.to_string() });
                Ok(before.clone())
            }
            (range, _) => range,
        }
    }

    /// The suites, and what else the library needs.
    pub(super) fn provider(&self) -> Arc<CryptoProvider> {
        self.provider.clone()
    }

    /// The versions, of which there is one at least.
    pub(super) const fn versions(&self) -> &'static [&'static SupportedProtocolVersion] {
        self.versions
    }
}

impl PartialEq for Range {
    fn eq(&self, other: &Self) -> bool {
        self.said == other.said
    }
}

/// By the name that entries have for it, too.
fn name(suite: &SupportedCipherSuite) -> String {
    format!("{:?}", suite.suite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suites_that_are_told_to_be_there_are_those_of_the_library() {
        let provider = shared_provider();
        let mut there: Vec<String> = provider.cipher_suites.iter().filter(|s| s.tls13().is_none()).map(name).collect();
        there.sort();
        assert_eq!(there, TlsParameters::SUITES);
    }
}
