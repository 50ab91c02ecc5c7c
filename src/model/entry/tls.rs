//! Versions and suites of TLS as entries ask for them, and what of that gw speaks.

use std::fmt;

/// What TLS connections are negotiated with; an ingress gateway has them, and the mesh for either direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsParameters {
    /// `TLSMinVersion`; empty leaves it to the proxy.
    pub tls_min_version: String,
    /// `TLSMaxVersion`; empty leaves it to the proxy.
    pub tls_max_version: String,
    /// `CipherSuites[]`: Go's names.
    pub cipher_suites: Vec<String>,
}

/// What gw speaks of that: there is no TLS below 1.2 here, and no suite without forward secrecy and AEAD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spoken {
    /// The suites of TLS 1.2; none of them is none of it.
    pub tls12: Vec<&'static str>,
    /// Whether TLS 1.3 is spoken, with all of its suites: no entry names one.
    pub tls13: bool,
}

impl TlsParameters {
    /// The suites of TLS 1.2 that there are.
    pub const SUITES: [&str; 6] = [
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    ];

    /// What is spoken.
    pub fn spoken(&self) -> Spoken {
        let (min, max) = (self.tls_min_version.as_str(), self.tls_max_version.as_str());
        let is_old = matches!(max, "TLSv1_0" | "TLSv1_1");
        let asked = |suite: &&str| self.cipher_suites.is_empty() || self.cipher_suites.iter().any(|asked| asked == suite);
        let tls12 = if is_old || min == "TLSv1_3" { Vec::new() } else { Self::SUITES.into_iter().filter(asked).collect() };
        Spoken { tls12, tls13: !is_old && max != "TLSv1_2" }
    }

    /// The suites that are asked for and that there are none of.
    pub fn unknown_suites(&self) -> impl Iterator<Item = &str> {
        self.cipher_suites.iter().map(String::as_str).filter(|suite| !Self::SUITES.contains(suite))
    }
}

impl Spoken {
    /// Whether nothing is.
    pub fn is_nothing(&self) -> bool {
        self.tls12.is_empty() && !self.tls13
    }
}

impl fmt::Display for Spoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.tls12.is_empty(), self.tls13) {
            (true, true) => f.write_str("TLS 1.3 alone"),
            (true, false) => f.write_str("nothing"),
            (false, true) => write!(f, "TLS 1.3, and TLS 1.2 with {}", self.tls12.join(", ")),
            (false, false) => write!(f, "TLS 1.2 with {}", self.tls12.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_none_of_is_never_taken_for_all() {
        let one = "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384";
        let old = "TLS_RSA_WITH_AES_128_CBC_SHA";
        let all = TlsParameters::SUITES.to_vec();
        for (min, max, suites, tls12, tls13) in [
            ("", "", vec![], all.clone(), true),
            ("TLS_AUTO", "TLS_AUTO", vec![], all.clone(), true),
            ("TLSv1_0", "TLSv1_2", vec![], all, false),
            ("TLSv1_3", "", vec![], vec![], true),
            ("", "", vec![one, old], vec![one], true),
            ("", "", vec![old], vec![], true),
            ("", "TLSv1_2", vec![old], vec![], false),
            ("", "TLSv1_1", vec![], vec![], false),
        ] {
            let cipher_suites: Vec<String> = suites.iter().map(|s| (*s).to_owned()).collect();
            let asked = TlsParameters { tls_min_version: min.to_owned(), tls_max_version: max.to_owned(), cipher_suites };
            assert_eq!(asked.spoken(), Spoken { tls12, tls13 }, "{asked:?}");
            assert_eq!(asked.spoken().is_nothing(), matches!((max, suites.as_slice()), ("TLSv1_1", _) | ("TLSv1_2", [_])), "{asked:?}");
        }
    }
}
