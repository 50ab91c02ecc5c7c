//! An access record as a line of JSON: the keys of Consul's default access log, in its order, then gw's own.
//!
//! It is written for every request, as it is said: keys and what stands between two values are one text, what entries say is written once
//! for as long as they stand, and what needs no escape is copied.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use super::{Ended, Led, Part, Record, Way, milliseconds};
use crate::decide::snapshot::{Route, Told};
use crate::model::entry::RuleRef;
use crate::model::service::Address;
use crate::proxy::clock::Clock;

/// Most records have less.
const USUAL: usize = 1536;

/// One line, without its end.
pub(super) fn write(record: &Record, ended: &Ended, clock: &mut Clock, out: &mut Vec<u8>) {
    let Ended { code, status, took, ends, received, sent } = ended;
    let Record { wall, answered, asked, led, by, failure, .. } = record;
    out.reserve(USUAL);
    let mut line = Line(out);
    line.raw("{\"start_time\":\"");
    clock.write(*wall, line.0);
    line.raw("\",\"route_name\":");
    line.known(led.way(), |line, way| line.raw(&told(&way.route).rule));
    if let Some(asked) = asked {
        // A method is a token, and has nothing to escape.
        line.raw(",\"method\":\"");
        line.raw(asked.method());
        line.raw("\",\"path\":");
        line.text(asked.part(Part::Path).unwrap_or_default());
        line.raw(",\"protocol\":\"");
        line.raw(asked.protocol());
        line.raw("\",\"response_code\":");
    } else {
        line.raw(",\"method\":null,\"path\":null,\"protocol\":null,\"response_code\":");
    }
    line.number((*status).into());
    line.raw(",\"response_flags\":\"");
    line.raw(code.flags());
    line.raw("\",\"response_code_details\":");
    line.known(led.refused(), |line, refused| line.text(refused.subject.as_bytes()));
    line.raw(",\"connection_termination_details\":null,\"bytes_received\":");
    line.number(*received);
    line.raw(",\"bytes_sent\":");
    line.number(*sent);
    line.raw(",\"duration\":");
    line.time(*took);
    line.raw(",\"upstream_service_time\":");
    line.known(*answered, Line::time);
    let part = |part| asked.as_ref().and_then(|asked| asked.part(part));
    line.raw(",\"x_forwarded_for\":");
    line.known(part(Part::ForwardedFor), Line::text);
    line.raw(",\"user_agent\":");
    line.known(part(Part::UserAgent), Line::text);
    line.raw(",\"request_id\":");
    line.known(part(Part::RequestId), Line::text);
    line.raw(",\"authority\":");
    line.known(part(Part::Authority), Line::text);
    if let Some((target, endpoint)) = by {
        line.raw(",\"upstream_host\":\"");
        line.place(&endpoint.address);
        line.raw("\",\"upstream_cluster\":");
        line.text(target.sni.as_bytes());
    } else {
        line.raw(",\"upstream_host\":null,\"upstream_cluster\":null");
    }
    line.raw(",\"upstream_local_address\":null,\"downstream_local_address\":\"");
    line.address(ends.local);
    line.raw("\",\"downstream_remote_address\":\"");
    line.address(ends.client);
    line.raw("\",\"requested_server_name\":");
    line.known(ends.sni.as_deref(), |line, sni| line.text(sni.as_bytes()));
    line.raw(",\"upstream_transport_failure_reason\":");
    line.known(failure.as_deref(), |line, why| line.text(why.as_bytes()));
    line.raw(",\"code\":\"");
    line.raw(code.as_str());
    line.raw("\",\"peer\":");
    line.known(ends.peer.as_ref(), |line, peer| line.text(peer.member.id.to_string().as_bytes()));
    line.led(led);
    if let Some((target, endpoint)) = by {
        line.raw(",\"target\":");
        line.text(target.id.as_bytes());
        line.raw(",\"instance\":");
        line.text(endpoint.id.as_bytes());
        line.raw("}");
    } else {
        line.raw(",\"target\":null,\"instance\":null}");
    }
}

/// Digits, and what stands between numbers, from the last to the first: so each is a copy in one piece.
struct Digits<const N: usize> {
    text: [u8; N],
    first: usize,
}

impl<const N: usize> Digits<N> {
    const NONE: Self = Self { text: [0; N], first: N };

    #[inline]
    fn put(&mut self, byte: u8) {
        // There is room for all that is put here.
        self.first = self.first.saturating_sub(1);
        self.text[self.first] = byte;
    }

    #[inline]
    fn number(&mut self, mut number: u64) {
        loop {
            self.put(b'0' + (number % 10) as u8);
            number /= 10;
            if number == 0 {
                return;
            }
        }
    }

    fn as_slice(&self) -> &[u8] {
        &self.text[self.first..]
    }
}

/// A line that grows.
struct Line<'o>(&'o mut Vec<u8>);

impl Line<'_> {
    /// As it stands.
    #[inline]
    fn raw(&mut self, text: &str) {
        self.0.extend_from_slice(text.as_bytes());
    }

    /// What is known, or that it is not.
    #[inline]
    fn known<T>(&mut self, what: Option<T>, write: impl FnOnce(&mut Self, T)) {
        match what {
            Some(what) => write(self, what),
            None => self.raw("null"),
        }
    }

    /// Between its quotes.
    fn text(&mut self, text: &[u8]) {
        if is_plain(text) {
            self.0.push(b'"');
            self.0.extend_from_slice(text);
            self.0.push(b'"');
        } else {
            // Memory takes it, and a text is always JSON.
            let _ = serde_json::to_writer(&mut *self.0, &String::from_utf8_lossy(text));
        }
    }

    fn number(&mut self, number: u64) {
        let mut digits = Digits::<20>::NONE;
        digits.number(number);
        self.0.extend_from_slice(digits.as_slice());
    }

    fn time(&mut self, time: Duration) {
        self.number(milliseconds(time));
    }

    fn address(&mut self, address: SocketAddr) {
        let SocketAddr::V4(address) = address else {
            // Into memory.
            let _ = write!(self.0, "{address}");
            return;
        };
        let [a, b, c, d] = address.ip().octets();
        let mut digits = Digits::<21>::NONE;
        digits.number(address.port().into());
        for (before, octet) in [(b':', d), (b'.', c), (b'.', b), (b'.', a)] {
            digits.put(before);
            digits.number(octet.into());
        }
        self.0.extend_from_slice(digits.as_slice());
    }

    /// Names of hosts have nothing to escape.
    fn place(&mut self, address: &Address) {
        match address {
            Address::Socket(address) => self.address(*address),
            Address::Host(host, port) => {
                self.raw(host);
                self.raw(":");
                self.number((*port).into());
            }
        }
    }

    fn rule(&mut self, rule: &RuleRef) {
        let RuleRef { entry, path } = rule;
        if !is_plain(entry.name.as_bytes()) || !is_plain(path.as_bytes()) {
            return self.text(rule.to_string().as_bytes());
        }
        self.raw("\"");
        self.raw(entry.kind.as_str());
        self.raw("/");
        self.raw(&entry.name);
        if !path.is_empty() {
            self.raw(" ");
            self.raw(path);
        }
        self.raw("\"");
    }

    fn and_rules<'r>(&mut self, rules: impl IntoIterator<Item = &'r RuleRef>) {
        for rule in rules {
            self.raw(",");
            self.rule(rule);
        }
    }

    /// Every rule that led there, outermost first; `rule` is the one that decided.
    fn led(&mut self, led: &Led) {
        let roll = match led {
            Led::Nowhere => return self.raw(",\"rule\":null,\"rules\":null,\"roll\":null"),
            Led::Refused(refused) => {
                self.raw(",\"rule\":");
                self.known(refused.rule.as_ref(), Self::rule);
                self.raw(",\"rules\":[");
                if let Some(rule) = &refused.rule {
                    self.rule(rule);
                }
                refused.roll
            }
            Led::To(Way { route, leg, resolved, failover, roll }) => {
                self.raw(",\"rule\":");
                self.raw(&told(route).rule);
                self.raw(",\"rules\":[");
                self.raw(&told(route).rules);
                self.and_rules(leg.iter().flat_map(|leg| &leg.rules));
                self.and_rules(resolved.iter().chain(failover));
                *roll
            }
        };
        self.raw("],\"roll\":");
        self.known(roll, |line, roll| line.number(roll.into()));
    }
}

/// Whether a text of ASCII is the same in JSON.
fn is_plain(text: &[u8]) -> bool {
    // Without a way out in the middle: so many bytes at once are looked at as the processor can.
    text.iter().fold(true, |plain, byte| plain & (byte.wrapping_sub(0x20) < 0x60) & (*byte != b'"') & (*byte != b'\\'))
}

fn told(route: &Route) -> &Told {
    route.told.get_or_init(|| {
        let text = |write: &dyn Fn(&mut Line<'_>)| {
            let mut text = Vec::new();
            write(&mut Line(&mut text));
            String::from_utf8(text).unwrap_or_default().into_boxed_str()
        };
        let rules = |line: &mut Line<'_>| {
            line.rule(&route.host.rule);
            line.and_rules(Some(&route.rule).filter(|rule| **rule != route.host.rule));
        };
        Box::new(Told { rule: text(&|line| line.rule(&route.rule)), rules: text(&rules) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Line<'_>)) -> String {
        let mut out = Vec::new();
        write(&mut Line(&mut out));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_text_is_written_as_the_library_writes_it_whatever_is_in_it() {
        let all: String = (0..=0x100).filter_map(char::from_u32).collect();
        for text in all.char_indices().map(|(n, c)| &all[n..n + c.len_utf8()]).chain([all.as_str(), "", "/plain~ one"]) {
            assert_eq!(written(|line| line.text(text.as_bytes())), serde_json::to_string(text).unwrap());
        }
        assert_eq!(written(|line| line.text(b"a\xff")), "\"a\u{fffd}\"");
    }

    #[test]
    fn numbers_and_addresses_are_written_as_the_library_writes_them() {
        for number in [0, 9, 10, 255, 65_535, u64::MAX] {
            assert_eq!(written(|line| line.number(number)), number.to_string());
        }
        for address in ["0.0.0.0:0", "127.0.0.1:80", "255.255.255.255:65535", "[::1]:80", "[::ffff:1.2.3.4]:8080"] {
            assert_eq!(written(|line| line.address(address.parse().unwrap())), address);
        }
        for place in ["10.0.0.1:80", "db.example.com:5432"] {
            assert_eq!(written(|line| line.place(&Address::parse(place).unwrap())), place);
        }
    }
}
