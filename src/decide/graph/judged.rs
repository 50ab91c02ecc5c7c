//! What is known of one service of a set, kept for as long as nothing that it depends on changes.

use std::sync::LazyLock;

use super::check::is_plain;
use super::protocols::Spoken;
use super::{Finding, shadow, spelling};
use crate::decide::chain::{self, ChainError, Compiled, Crash, Failure, Overrides, Question, View};
use crate::decide::changes::{Changes, DependsOn};
use crate::id::{ServiceKey, TargetId, TrustDomain};
use crate::model::entry::{Entries, RuleRef};

/// The datacenter that the set is looked at in: the one Consul takes when it checks writes.
const DATACENTER: &str = "dc1";

/// A chain that does not compile: why, and the reference that was followed.
type Broken = Box<(ChainError, Option<RuleRef>)>;

/// A service by itself. The chains are too big to be kept for all of them at once.
#[derive(Debug)]
pub(super) struct Judged {
    /// As it is spelled, where that is not its key.
    spelled: Option<Box<str>>,
    depends_on: DependsOn,
    /// What its chain speaks; `None` as long as it was not compiled.
    chain: Option<Result<Spoken, Broken>>,
    /// Most services have nothing of it.
    odd: Option<Box<Odd>>,
}

/// What most services do not have.
#[derive(Debug, Default)]
pub(super) struct Odd {
    /// Splits of the chain that would end a Consul.
    pub(super) crashes: Vec<Crash>,
    /// The targets that were passed and are whole services with a resolver of their own.
    pub(super) passed: Vec<String>,
    /// Routes that no request reaches.
    pub(super) shadows: Vec<Finding>,
    /// References in another case: of the router, the splitter, the resolver.
    pub(super) spellings: [Vec<Finding>; 3],
}

impl Judged {
    /// Looks at the entries of a service; the chain is compiled when somebody asks for it.
    pub(super) fn look(entries: &Entries, service: &str) -> (ServiceKey, Self) {
        let key = ServiceKey::of(service);
        let shadows = entries.routers.get(&key).map(|r| shadow::check(r)).unwrap_or_default();
        let spellings = spelling::of_service(entries, &key);
        let is_odd = !shadows.is_empty() || spellings.iter().any(|s| !s.is_empty());
        let odd = is_odd.then(|| Box::new(Odd { shadows, spellings, ..Odd::default() }));
        let spelled = (key.as_str() != service).then(|| service.into());
        (key.clone(), Self { spelled, depends_on: DependsOn::of(entries, &key), chain: None, odd })
    }

    /// Whether it is known under that spelling.
    pub(super) fn is_of(&self, service: &str) -> bool {
        self.spelled.as_deref().map_or_else(|| ServiceKey::text(service) == service, |spelled| spelled == service)
    }

    pub(super) fn concerns(&self, changes: &Changes) -> bool {
        self.depends_on.is_touched(changes)
    }

    pub(super) fn odd(&self) -> Option<&Odd> {
        self.odd.as_deref()
    }

    /// What the chain speaks, if it was compiled and did.
    pub(super) fn spoken(&self) -> Option<&Spoken> {
        self.chain.as_ref()?.as_ref().ok()
    }

    pub(super) fn forget_chain(&mut self) {
        self.chain = None;
    }

    /// Compiles the chain, unless that was done.
    pub(super) fn compile(&mut self, entries: &Entries, service: &str) -> &Result<Spoken, Broken> {
        let Self { chain, odd, .. } = self;
        chain.get_or_insert_with(|| match compile(entries, service) {
            Ok(Compiled { chain, crashes, mut passed }) => {
                passed.retain(|id| names_a_resolver(entries, id));
                if !crashes.is_empty() || !passed.is_empty() {
                    let odd = odd.get_or_insert_default();
                    (odd.crashes, odd.passed) = (crashes, passed);
                }
                Ok(Spoken { plain: is_plain(&chain), protocol: chain.protocol })
            }
            Err(failure) => Err(Box::new(failure.into_parts())),
        })
    }
}

/// The id of a service as a whole, as it is among those that a chain has passed.
pub(super) fn whole_service(service: &str) -> String {
    TargetId::service(service, DATACENTER).to_string()
}

/// Whether an id may be the one of a whole service with a resolver: nobody asks for another one.
fn names_a_resolver(entries: &Entries, id: &str) -> bool {
    let own = whole_service("");
    id.strip_suffix(own.as_str()).is_some_and(|service| entries.resolvers.contains_key(&*ServiceKey::text(service)))
}

fn compile(entries: &Entries, service: &str) -> Result<Compiled, Failure> {
    static TRUST_DOMAIN: LazyLock<TrustDomain> = LazyLock::new(|| TrustDomain::new("check.consul"));
    let trust_domain = &*TRUST_DOMAIN;
    let question = Question { service, datacenter: DATACENTER, trust_domain, overrides: Overrides::default() };
    chain::compile_in(View::of(entries), &question)
}
