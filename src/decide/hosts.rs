//! Which service of a listener a Host means: exact, then the longest `*.x`, then the longest `x.*`, then `*`
//! (semantics 7, wire 2).

use super::names::lower;
use super::prefix_index::PrefixIndex;

/// The domains of a listener. Later ones never replace earlier ones of the same spelling.
#[derive(Clone, Debug, Default)]
pub struct HostIndex {
    /// Whole hosts, lower case.
    exact: PrefixIndex,
    /// What follows the star of `*.x`, reversed, so that it is found by its beginning.
    suffix: PrefixIndex,
    /// What precedes the star of `x.*`.
    prefix: PrefixIndex,
    /// `*`
    any: Option<u32>,
    /// Whether the port of a Host counts as in Consul with Envoy (`strict_host_port`).
    strict: bool,
    /// `:8080`, what a strict listener takes behind a domain.
    port: String,
}

impl HostIndex {
    /// An empty index for a listener on that port.
    pub fn new(port: i64, strict: bool) -> Self {
        Self { strict, port: format!(":{port}"), ..Self::default() }
    }

    /// Makes room for so many domains, which mostly are whole hosts.
    pub fn reserve(&mut self, domains: usize) {
        self.exact.reserve(domains);
    }

    /// Whether the port of a Host counts.
    pub(super) fn is_strict(&self) -> bool {
        self.strict
    }

    /// Adds a domain of the service with that number.
    pub fn insert(&mut self, domain: &str, number: u32) {
        self.insert_one(domain, number);
        if self.strict && !domain.contains(':') {
            self.insert_one(&format!("{domain}{}", self.port), number);
        }
    }

    fn insert_one(&mut self, domain: &str, number: u32) {
        let domain = domain.to_ascii_lowercase();
        if domain == "*" {
            self.any.get_or_insert(number);
        } else if let Some(suffix) = domain.strip_prefix('*') {
            self.suffix.insert(&suffix.chars().rev().collect::<String>(), number);
        } else if let Some(prefix) = domain.strip_suffix('*') {
            self.prefix.insert(prefix, number);
        } else {
            self.exact.insert(&domain, number);
        }
    }

    /// The number of the service that a Host means. Without `strict_host_port` a domain without port takes any port
    /// (`docs/differences.md`, host-port).
    pub fn find(&self, authority: &str) -> Option<u32> {
        let host = lower(authority);
        let bare = if self.strict { &host } else { without_port(&host) };
        let first = |numbers: &[u32]| numbers.first().copied();
        let exact = |text: &str| first(self.exact.exactly(text));
        exact(&host)
            .or_else(|| exact(bare))
            .or_else(|| self.by_suffix(&host))
            .or_else(|| if bare.len() < host.len() { self.by_suffix(bare) } else { None })
            .or_else(|| self.longest_shorter(&self.prefix, &host))
            .or(self.any)
    }

    fn by_suffix(&self, host: &str) -> Option<u32> {
        self.longest_shorter(&self.suffix, &host.chars().rev().collect::<String>())
    }

    /// The longest text that `text` begins with and is longer than: the star stands for at least one character.
    fn longest_shorter(&self, index: &PrefixIndex, text: &str) -> Option<u32> {
        let last = text.char_indices().last()?.0;
        index.beginning_of(&text[..last]).next_back().and_then(|numbers| numbers.first().copied())
    }
}

/// The host without `:port`; brackets of an IPv6 address stay, and a colon without digits is no port.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if is_port(port) && (name.ends_with(']') || !name.contains(':')) => name,
        _ => host,
    }
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(domains: &[&str], strict: bool) -> HostIndex {
        let mut index = HostIndex::new(8080, strict);
        for (number, domain) in domains.iter().enumerate() {
            index.insert(domain, number as u32);
        }
        index
    }

    #[test]
    fn exact_beats_the_longest_suffix_beats_the_longest_prefix_beats_star() {
        let domains = ["*", "web.*", "web.ingress.*", "*.test", "*.shop.test", "a.shop.test"];
        let index = index(&domains, false);
        for (host, wanted) in [
            ("a.shop.test", "a.shop.test"),
            ("A.Shop.TEST", "a.shop.test"),
            ("a.shop.test:9", "a.shop.test"),
            ("b.shop.test", "*.shop.test"),
            ("web.ingress.test", "*.test"),
            ("web.ingress.x", "web.ingress.*"),
            ("web.x", "web.*"),
            ("web.ingress.", "web.*"),
            ("shop.test", "*.test"),
            (".shop.test", "*.test"),
            ("", "*"),
            ("[::1]:80", "*"),
        ] {
            assert_eq!(index.find(host).map(|n| domains[n as usize]), Some(wanted), "{host}");
        }
    }

    #[test]
    fn the_star_stands_for_at_least_one_character() {
        let index = index(&["*.x.test", "web.ingress.*"], false);
        for (host, found) in [
            (".x.test", false),
            ("a.x.test", true),
            ("a..x.test", true),
            ("*.x.test", true),
            ("web.ingress.", false),
            ("web.ingress.:8080", true),
        ] {
            assert_eq!(index.find(host).is_some(), found, "{host}");
        }
    }

    #[test]
    fn a_domain_that_names_a_port_matches_literally() {
        let index = index(&["x.test:8443", "*.y.test:81"], false);
        for (host, found) in [("x.test", false), ("x.test:8080", false), ("X.test:8443", true), ("a.y.test:81", true), ("a.y.test", false)]
        {
            assert_eq!(index.find(host).is_some(), found, "{host}");
        }
    }

    #[test]
    fn a_strict_listener_takes_no_port_but_its_own() {
        let index = index(&["x.test", "*.y.test", "web.ingress.*"], true);
        for (host, found) in [
            ("x.test", true),
            ("x.test:8080", true),
            ("x.test:9", false),
            ("a.y.test:8080", true),
            ("a.y.test:9", false),
            ("web.ingress.a:9", true),
            ("x.test.", false),
            ("x.test:", false),
        ] {
            assert_eq!(index.find(host).is_some(), found, "{host}");
        }
    }
}
