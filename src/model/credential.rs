//! Which headers have a secret in them. What they say is in no log, dump or answer of gw's.

/// Words in the name of a header that has a secret.
const WORDS: [&str; 8] = ["authorization", "cookie", "token", "secret", "password", "credential", "api-key", "apikey"];

/// Whether a header of that name has, or may have, a secret in it.
pub fn is_credential(header: &str) -> bool {
    let name = header.to_ascii_lowercase();
    WORDS.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_with_secrets_are_known_by_their_names() {
        for name in ["Authorization", "proxy-authorization", "Cookie", "set-cookie", "X-API-Key", "x-consul-token", "x-amz-security-token"]
        {
            assert!(is_credential(name), "{name}");
        }
        for name in ["user-agent", "x-request-id", "accept", "x-forwarded-for", "x-version"] {
            assert!(!is_credential(name), "{name}");
        }
    }
}
