//! `x-forwarded-client-cert`: who connected, as Envoy writes it for services (wire 4).

use std::fmt::Write;

use rustls_pki_types::CertificateDer;

use super::{X509, pem};

/// One element: who was spoken to, and the certificate of who spoke with all that came with it.
pub(super) fn element(own: &str, chain: &[CertificateDer<'_>]) -> String {
    let Some(leaf) = chain.first() else { return String::new() };
    let read = X509::read(leaf);
    let (subject, uris) = read.map(|read| (read.subject, read.uris)).unwrap_or_default();
    let (own_pem, whole) = (pem::text_of(&chain[..1]), pem::text_of(chain));
    let mut out = format!("By={own};Hash=");
    for byte in aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, leaf).as_ref() {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
    let _ = write!(out, ";Cert=\"{}\";Chain=\"{}\";Subject=\"{}\"", encoded(&own_pem), encoded(&whole), quoted(&subject));
    for uri in uris {
        let _ = write!(out, ";URI={uri}");
    }
    out
}

/// Envoy's URL encoding of a PEM: of the bytes that one has, these.
fn encoded(pem: &str) -> String {
    let mut out = String::with_capacity(pem.len() + pem.len() / 8);
    for c in pem.chars() {
        match c {
            '\n' => out.push_str("%0A"),
            ' ' => out.push_str("%20"),
            '+' => out.push_str("%2B"),
            '/' => out.push_str("%2F"),
            '=' => out.push_str("%3D"),
            c => out.push(c),
        }
    }
    out
}

/// Within quotes. A name from a certificate may have any character; a header may not.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            ' '..='~' => out.push(c),
            _ => out.push('?'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_has_the_parts_in_envoys_order_and_encoding() {
        let made = rcgen::generate_simple_self_signed(["a.test".to_owned()]).unwrap();
        let der = made.cert.der().clone();
        let element = element("spiffe://td/ns/default/dc/dc1/svc/web", std::slice::from_ref(&der));
        let names: Vec<&str> = element.split(';').map(|part| part.split('=').next().unwrap()).collect();
        assert_eq!(names, ["By", "Hash", "Cert", "Chain", "Subject"]);
        assert!(element.contains("Cert=\"-----BEGIN%20CERTIFICATE-----%0A"), "{element}");
        assert!(element.contains("-----END%20CERTIFICATE-----%0A\";Chain="), "{element}");
        let cert = element.split("Cert=\"").nth(1).unwrap().split('"').next().unwrap();
        let plain = cert.replace("%0A", "\n").replace("%20", " ").replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
        assert_eq!(plain.trim_end(), made.cert.pem().replace("\r\n", "\n").trim_end());
    }

    #[test]
    fn a_name_that_no_header_takes_is_made_one() {
        assert_eq!(quoted("a\"b\nü"), "a\\\"b??");
    }
}
