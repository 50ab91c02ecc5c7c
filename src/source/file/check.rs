//! `check` of an instance: what was typed to what it means.

use std::ops::Range;
use std::time::Duration;

use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use http::uri::Scheme;
use http::{HeaderName, HeaderValue, Method, Uri};
use toml::Spanned;

use super::convert::Converter;
use super::schema::{CheckTable, TcpCheck};
use crate::model::check::{Check, Probe};
use crate::model::duration::GoDuration;
use crate::model::service::Address;
use crate::source::diagnostic::Diagnostic;

/// The interval where none is given, and the longest timeout where none is given: Consul's own.
const DEFAULT: Duration = Duration::from_secs(10);
/// More often is not asked.
const SHORTEST: Duration = Duration::from_millis(100);

impl Converter<'_> {
    /// The check of an instance; `None` where it means nothing, and the error is among the problems.
    pub(super) fn check(&mut self, written: &Spanned<CheckTable>) -> Option<Check> {
        let table = written.get_ref();
        let probe = match (&table.http, &table.tcp) {
            (Some(http), None) => self.http_probe(http, table),
            (None, Some(tcp)) => self.tcp_probe(tcp, table),
            _ => {
                self.problem(written.span(), "a check has either http or tcp, such as http = \"/health\" or tcp = true".to_owned());
                None
            }
        };
        let interval = self.time(table.interval.as_ref(), "interval", SHORTEST).unwrap_or(DEFAULT);
        let timeout = self.time(table.timeout.as_ref(), "timeout", Duration::from_millis(1)).unwrap_or(interval.min(DEFAULT));
        let CheckTable { success_before_passing, failures_before_critical, .. } = *table;
        Some(Check { probe: probe?, interval, timeout, success_before_passing, failures_before_critical })
    }

    /// A path of the instance, or a URL as Consul wants it.
    fn http_probe(&mut self, written: &Spanned<String>, table: &CheckTable) -> Option<Probe> {
        let text = written.get_ref();
        let uri: Option<Uri> = text.parse().ok();
        if uri.as_ref().and_then(Uri::scheme) == Some(&Scheme::HTTPS) {
            self.refuse(written, "http of a check", "in clear text: this version checks no https://");
            return None;
        }
        let at = |uri: &Uri| Address::parse(&format!("{}:{}", uri.host()?, uri.port_u16().unwrap_or(80)));
        let meant = uri.as_ref().and_then(|uri| match uri.scheme() {
            None if text.starts_with('/') => Some((None, uri.path_and_query()?.to_string())),
            Some(scheme) if *scheme == Scheme::HTTP => Some((Some(at(uri)?), uri.path_and_query()?.to_string())),
            _ => None,
        });
        let Some((at, path)) = meant else {
            self.refuse(written, "http of a check", "a path such as /health, or a URL such as http://127.0.0.1:3000/health");
            return None;
        };
        let method = match &table.method {
            Some(method) if Method::from_bytes(method.get_ref().as_bytes()).is_err() => {
                self.refuse(method, "method", "a method such as GET");
                return None;
            }
            method => method.as_ref().map_or_else(|| "GET".to_owned(), |m| m.get_ref().clone()),
        };
        let headers = table.header.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
        let headers: Vec<(String, String)> = headers.filter_map(|(name, value)| self.header(name, value)).collect();
        Some(Probe::Http { at, path, method, headers })
    }

    fn header(&mut self, name: &str, value: &Spanned<String>) -> Option<(String, String)> {
        let frames = |name: &HeaderName| [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE].contains(name);
        let taken = HeaderName::from_bytes(name.as_bytes()).is_ok_and(|n| !frames(&n)) && HeaderValue::from_str(value.get_ref()).is_ok();
        if !taken {
            let why = format!("header {name}: {:?} is no header that a check can send", value.get_ref());
            self.problem(value.span(), why);
        }
        taken.then(|| (name.to_owned(), value.get_ref().clone()))
    }

    fn tcp_probe(&mut self, written: &Spanned<TcpCheck>, table: &CheckTable) -> Option<Probe> {
        if table.method.is_some() || !table.header.is_empty() {
            self.problem(written.span(), "method and header are of checks by http".to_owned());
        }
        let at = match written.get_ref() {
            TcpCheck::Own(true) => None,
            TcpCheck::Own(false) => {
                self.problem(written.span(), "tcp is false, which checks nothing: leave the check out".to_owned());
                return None;
            }
            TcpCheck::At(text) => match Address::parse(text) {
                Some(address) => Some(address),
                None => {
                    self.problem(written.span(), format!("tcp is {text:?}, which is not true, ip:port or host:port"));
                    return None;
                }
            },
        };
        Some(Probe::Tcp { at })
    }

    fn time(&mut self, written: Option<&Spanned<String>>, key: &str, least: Duration) -> Option<Duration> {
        let written = written?;
        let time = GoDuration::parse(written.get_ref()).ok().and_then(GoDuration::positive).filter(|t| *t >= least);
        if time.is_none() {
            self.refuse(written, key, &format!("a duration of {least:?} or more, such as 10s"));
        }
        time
    }

    pub(super) fn problem(&mut self, span: Range<usize>, message: String) {
        self.problems.push(Diagnostic::error("GW0004", message).at(&self.file.text, span));
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use super::super::{ReadFile, convert, schema};
    use super::*;
    use crate::source::diagnostic::Text;

    /// What `check = ..` of an instance means, or what is wrong with it.
    fn read(check: &str) -> Result<Check, String> {
        let content = format!("[[service]]\nname = \"web\"\n[[service.instance]]\naddress = \"127.0.0.1:80\"\ncheck = {check}\n");
        let text = Arc::new(Text { origin: "gw.toml".to_owned(), content });
        let message = |problems: Vec<Diagnostic>| problems.into_iter().map(|p| p.message).collect::<Vec<_>>().join("; ");
        let parsed = schema::parse(&text).map_err(message)?;
        let configuration = convert(&ReadFile { parsed, text, folder: PathBuf::new() }).map_err(message)?;
        let service = configuration.services.values().next().expect("a service");
        Ok(Check::clone(service.instances[0].check.as_ref().expect("a check")))
    }

    fn seconds(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[test]
    fn a_path_is_asked_of_the_instance_every_ten_seconds() {
        let check = read("{ http = \"/health?deep=1\" }").expect("a check");
        let probe = Probe::Http { at: None, path: "/health?deep=1".to_owned(), method: "GET".to_owned(), headers: Vec::new() };
        assert_eq!((check.probe, check.interval, check.timeout), (probe, seconds(10), seconds(10)));
    }

    #[test]
    fn a_url_and_an_address_are_where_it_is_asked_instead() {
        let at = |address: &str| Address::parse(address);
        let http = |url: &str| match read(&format!("{{ http = \"{url}\" }}")).expect("a check").probe {
            Probe::Http { at, path, .. } => (at, path),
            Probe::Tcp { .. } => panic!("a check by http"),
        };
        assert_eq!(http("http://10.0.0.1:9000/up"), (at("10.0.0.1:9000"), "/up".to_owned()));
        assert_eq!(http("http://web.test"), (at("web.test:80"), "/".to_owned()));
        assert_eq!(http("http://[::1]:9000/"), (at("[::1]:9000"), "/".to_owned()));
        assert_eq!(read("{ tcp = \"10.0.0.1:9000\" }").expect("a check").probe, Probe::Tcp { at: at("10.0.0.1:9000") });
        assert_eq!(read("{ tcp = true }").expect("a check").probe, Probe::Tcp { at: None });
    }

    #[test]
    fn everything_else_is_said() {
        let keys = "method = \"HEAD\", header = { x-a = [\"1\", \"2\"] }, success_before_passing = 2, failures_before_critical = 3";
        let check = read(&format!("{{ http = \"/\", interval = \"20s\", timeout = \"500ms\", {keys} }}")).expect("a check");
        assert_eq!((check.interval, check.timeout), (seconds(20), Duration::from_millis(500)));
        assert_eq!((check.success_before_passing, check.failures_before_critical), (2, 3));
        let Probe::Http { method, headers, .. } = check.probe else { panic!("a check by http") };
        let wanted: Vec<(String, String)> = [("x-a", "1"), ("x-a", "2")].map(|(n, v)| (n.to_owned(), v.to_owned())).into();
        assert_eq!((method.as_str(), headers), ("HEAD", wanted));
        assert_eq!(read("{ tcp = true, interval = \"3s\" }").expect("a check").timeout, seconds(3));
    }

    #[test]
    fn what_means_nothing_is_refused_with_what_is_wanted() {
        for (check, words) in [
            ("{ interval = \"1s\" }", "either http or tcp"),
            ("{ http = \"/\", tcp = true }", "either http or tcp"),
            ("{ http = \"health\" }", "a path such as /health"),
            ("{ http = \"https://web.test/\" }", "no https://"),
            ("{ http = \"/\", interval = \"10\" }", "interval is \"10\""),
            ("{ http = \"/\", interval = \"1ms\" }", "100ms or more"),
            ("{ http = \"/\", timeout = \"0s\" }", "timeout is \"0s\""),
            ("{ http = \"/\", method = \"A B\" }", "method is \"A B\""),
            ("{ http = \"/\", header = { connection = [\"x\"] } }", "no header that a check can send"),
            ("{ tcp = false }", "leave the check out"),
            ("{ tcp = \"x\" }", "not true, ip:port or host:port"),
            ("{ tcp = 1 }", "tcp is true, or an address"),
            ("{ tcp = true, method = \"GET\" }", "of checks by http"),
            ("{ tcp = true, intervall = \"1s\" }", "unknown field"),
        ] {
            let said = read(check).expect_err(check);
            assert!(said.contains(words), "{check}: {said}");
        }
    }
}
