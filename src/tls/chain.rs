//! A chain in the order that every peer takes: each certificate once, and each followed by the one that signed it.

use std::time::Duration;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::pem::text_of;
use super::x509::is_issuer;
use super::{Moment, X509};

/// A longer one is no mesh's, and is left as it is.
const LONGEST: usize = 16;

/// The chain in its order; the leaf stands first already. A secondary datacenter whose CA was rotated sends its root before what that
/// root signed, and 1.8 sends intermediates twice. What belongs to none of the others stays at the end.
pub fn in_order(chain: Vec<CertificateDer<'static>>) -> Vec<CertificateDer<'static>> {
    if chain.len() > LONGEST {
        return chain;
    }
    let mut left: Vec<CertificateDer<'static>> = Vec::with_capacity(chain.len());
    for cert in chain {
        if !left.contains(&cert) {
            left.push(cert);
        }
    }
    for done in 1..left.len() {
        let Some(next) = left[done..].iter().position(|cert| is_issuer(cert, &left[done - 1])) else { break };
        left[done..=done + next].rotate_right(1);
    }
    left
}

/// The same of PEM; `None`: it holds no certificates, or what is none.
pub fn pem_in_order(pem: &str) -> Option<String> {
    let chain = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>().ok()?;
    (!chain.is_empty()).then(|| text_of(&in_order(chain)))
}

/// Whether the first certificate of PEM is good from now on for that long.
pub fn lasts(pem: &str, time: Duration) -> bool {
    let first = CertificateDer::pem_slice_iter(pem.as_bytes()).next().and_then(Result::ok);
    let until = first.and_then(|leaf| X509::read(&leaf)).map(|leaf| leaf.until);
    let needed = Moment(Moment::now().0.saturating_add_unsigned(time.as_secs()));
    until.is_some_and(|until| until > needed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::TrustDomain;
    use crate::tls::{Authority, Moment, Wanted};

    #[test]
    fn a_chain_goes_from_the_leaf_to_the_root_however_it_was_sent() {
        let (mesh, now) = (TrustDomain::new("test.consul"), Moment(1_800_000_000));
        let (old, new, stranger) =
            (Authority::root(&mesh, now).unwrap(), Authority::root(&mesh, now).unwrap(), Authority::root(&mesh, now).unwrap());
        let bridge = old.cross_sign(&new, &mesh, now).unwrap();
        let below = new.intermediate(&mesh, now).unwrap();
        let life = Duration::from_hours(1);
        let uris = vec!["spiffe://test.consul/ns/default/dc/dc2/svc/web".to_owned()];
        let wanted = Wanted { common_name: None, uris, dns: Vec::new(), ips: Vec::new(), for_servers: true, for_clients: true, life };
        let leaf = below.issue(&wanted, &[], now).unwrap().chain.remove(0);
        let (below, stranger) = (below.certificate().clone(), stranger.certificate().clone());

        let right = vec![leaf.clone(), below.clone(), bridge.clone()];
        assert_eq!(in_order(vec![leaf.clone(), bridge.clone(), below.clone()]), right);
        assert_eq!(in_order(right.clone()), right);
        assert_eq!(in_order(vec![leaf.clone(), below.clone(), below.clone(), bridge.clone(), leaf.clone()]), right);
        let beside = in_order(vec![leaf.clone(), stranger.clone(), bridge, below]);
        assert_eq!((&beside[..3], &beside[3]), (&right[..], &stranger));
        assert_eq!(in_order(vec![leaf.clone()]), [leaf]);
        assert!(in_order(Vec::new()).is_empty());
    }
}
