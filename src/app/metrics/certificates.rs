//! When the certificates end that are in use. They are read once a generation.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::page::Page;
use super::table as m;
use crate::admin::Gateway;
use crate::tls::X509;

/// How many certificates of a gateway are told of one by one; of the others the one that ends first is, as `other`.
const MOST: usize = 500;

/// What was read last, by gateway.
#[derive(Debug, Default)]
pub(super) struct Certificates(Mutex<BTreeMap<String, Read>>);

#[derive(Debug, Default)]
struct Read {
    generation: u64,
    /// Use and name, and the end.
    ends: BTreeMap<(&'static str, String), i64>,
}

impl Certificates {
    pub(super) fn write(&self, gateways: &[Gateway], page: &mut Page) {
        let mut read = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        read.retain(|name, _| gateways.iter().any(|gateway| gateway.said.gateway.name == *name));
        for gateway in gateways {
            let (name, state) = (&gateway.said.gateway.name, gateway.live.current());
            let read = read.entry(name.clone()).or_default();
            if read.generation != state.generation {
                *read = Read { generation: state.generation, ends: ends(&state.credentials) };
            }
            for ((used, of), end) in &read.ends {
                page.real(&m::CERTIFICATES, &[name, used, of], *end as f64);
            }
        }
    }
}

/// The end of each chain: that of the certificate in it that ends first.
fn ends(credentials: &crate::tls::Credentials) -> BTreeMap<(&'static str, String), i64> {
    let mut ends = BTreeMap::new();
    for held in credentials.held() {
        let Some(end) = held.chain.iter().filter_map(X509::read).map(|cert| cert.until.0).min() else { continue };
        let name = if ends.len() < MOST { held.name } else { crate::proxy::meters::OTHER.to_owned() };
        let known = ends.entry((held.used, name)).or_insert(end);
        *known = end.min(*known);
    }
    ends
}
