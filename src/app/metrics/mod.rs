//! What is told at `/metrics`: what the workers counted, and how configuration, Consul, certificates, names and the process stand.
//! Nothing of it is kept up for being told: a scrape reads what is there, on a thread of its own.

mod certificates;
pub mod counters;
mod instances;
mod page;
mod process;
mod reloads;
mod table;
mod traffic;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use self::certificates::Certificates;
use self::page::Page;
pub(super) use self::reloads::{Reloads, Result as ReloadResult};
use self::table as m;
pub use self::table::{Kind, METRICS, Metric};
use super::world::Held;
use crate::admin::{Scrape, Standing};
use crate::net::Names;
use crate::proxy::meters::Ledger;
use crate::proxy::trace::Spans;
use crate::rt::signal::Shutdown;
use crate::source::consul::follow::Following;
use crate::state::taps::Tapper;

/// What there is to tell of.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) ledger: Arc<Ledger>,
    pub(super) workers: usize,
    pub(super) names: Names,
    pub(super) shutdown: Shutdown,
    pub(super) reloads: Reloads,
    pub(super) held: Held,
    pub(super) following: Option<Following>,
    pub(super) taps: Tapper,
    /// Access records that were dropped; `None`: there is no access log.
    pub(super) dropped: Option<Arc<AtomicU64>>,
    /// `None`: nothing is traced.
    pub(super) spans: Option<Arc<Spans>>,
}

/// What is asked at `/metrics`.
pub(super) fn scrape(told: Told) -> Scrape {
    let certificates = Certificates::default();
    Scrape(Arc::new(move |standing, form| told.page(standing, &certificates).text(form)))
}

impl Told {
    fn page(&self, standing: &Standing, certificates: &Certificates) -> Page {
        let mut page = Page::default();
        traffic::write(&self.ledger, &mut page);
        page.count(&m::WORKERS, &[], self.workers as u64);
        page.count(&m::DRAINING, &[], self.shutdown.is_triggered().into());
        for gateway in &standing.gateways {
            let (name, state) = (gateway.said.gateway.name.as_str(), gateway.live.current());
            page.count(&m::GENERATION, &[name], state.generation);
            page.count(&m::REJECTED, &[name], state.snapshot.rejected.len() as u64);
        }
        certificates.write(&standing.gateways, &mut page);
        instances::write(&self.held, &mut page);
        self.reloads.write(standing.refused.is_none(), &mut page);
        if let Some(following) = &self.following {
            consul(following, &mut page);
        }
        let names = self.names.counted();
        for (state, n) in [("resolved", names.resolved), ("unresolved", names.unresolved), ("asked", names.asked)] {
            page.count(&m::DNS_NAMES, &[state], n);
        }
        for (result, n) in [("ok", names.lookups), ("failed", names.failed_lookups)] {
            page.count(&m::DNS_LOOKUPS, &[result], n);
        }
        if let Some(dropped) = &self.dropped {
            page.count(&m::LOG_DROPPED, &[], dropped.load(Ordering::Relaxed));
        }
        page.count(&m::TAPS, &[], self.taps.open() as u64);
        page.count(&m::TAPS_DROPPED, &[], self.taps.dropped());
        if let Some(spans) = &self.spans {
            page.count(&m::SPANS, &[], spans.sent.load(Ordering::Relaxed));
            page.count(&m::SPANS_DROPPED, &[], spans.dropped.load(Ordering::Relaxed));
        }
        process::write(&mut page);
        page
    }
}

/// How the watches stand, by the endpoint that is asked: there are as many watches as services.
fn consul(following: &Following, page: &mut Page) {
    let mut endpoints = std::collections::BTreeMap::<String, (u64, u64, f64)>::new();
    for watch in following.watches() {
        // `GET /v1/health/connect/web`
        let endpoint = watch.what.split('/').nth(2).unwrap_or(&watch.what).to_owned();
        let (watches, in_trouble, oldest) = endpoints.entry(endpoint).or_default();
        *watches += 1;
        *in_trouble += u64::from(watch.trouble.is_some());
        *oldest = oldest.max(watch.age.map_or(0.0, |age| age.as_secs_f64()));
    }
    for (endpoint, (watches, in_trouble, oldest)) in &endpoints {
        page.count(&m::WATCHES, &[endpoint], *watches);
        page.real(&m::WATCH_AGE, &[endpoint], *oldest);
        page.count(&m::WATCH_TROUBLE, &[endpoint], *in_trouble);
    }
    page.real(&m::AWAY, &[], following.away().map_or(0.0, |away| away.as_secs_f64()));
    page.count(&m::STALE, &[], following.is_stale().into());
}
