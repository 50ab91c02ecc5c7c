//! Leaves of keys that are made here and never leave the gateway: a server of Consul signs them, again before they end, and when what
//! they are to say is something else. While it does not, what it signed last goes on.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

use super::Follow;
use super::keep::Asked;
use super::leaves::take;
use super::shared::{Told, Trouble};
use crate::id::Identity;
use crate::model::ca::IssuedLeaf;
use crate::rt::log::with_causes;
use crate::source::consul::convert;
use crate::source::consul::kept::Kept;
use crate::source::consul::sign::{SignError, Signer};
use crate::source::consul::wire::LeafAnswer;
use crate::tls::{CertificateDer, IssueError, Moment, NotOurs, Request, X509, pem};

/// A leaf is renewed after so many hundredths of its life, spread over as many again: as Consul's agents do it.
const RENEWED: (u32, u32) = (60, 30);
/// The pause after a server that did not sign, which may be well in a while, and after one that refused.
const AGAIN: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(20));

/// A server that signs.
pub(super) struct Signing {
    signer: Signer,
    /// Nobody is asked before: who does not answer for one leaf does not for the next.
    rests: Cell<Option<Instant>>,
}

/// What is to be certified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Whose {
    pub(super) identity: Identity,
    pub(super) dns: Vec<String>,
}

/// A leaf of an own key, if there is one.
#[derive(Debug, Default)]
pub(super) struct OwnLeaf {
    certified: Option<Certified>,
    /// It is not asked for before, for it was refused.
    again: Option<Instant>,
}

#[derive(Debug)]
struct Certified {
    whose: Whose,
    /// The root that signed then.
    root: Option<String>,
    renew: Moment,
    until: Moment,
}

/// Why there is no leaf.
#[derive(Debug, thiserror::Error)]
enum Unsigned {
    #[error(transparent)]
    Sign(#[from] SignError),
    #[error(transparent)]
    Request(#[from] IssueError),
    #[error("what Consul signed is not what was asked for")]
    NotOurs(#[from] NotOurs),
    #[error("what Consul signed has ended by this machine's clock, at {0}: do the clocks differ?")]
    Ended(Moment),
}

impl OwnLeaf {
    /// One that is signed then, for a leaf of an earlier run goes on until then.
    pub(super) const fn not_before(at: Instant) -> Self {
        Self { certified: None, again: Some(at) }
    }

    /// Whether there is one.
    pub(super) const fn is_certified(&self) -> bool {
        self.certified.is_some()
    }

    /// Whether the server is to be asked.
    pub(super) fn is_due(&self, whose: &Whose, root: Option<&str>) -> bool {
        let waits = self.again.is_some_and(|at| at > Instant::now());
        let is_right = |c: &Certified| c.whose == *whose && c.root.as_deref() == root && c.renew > Moment::now();
        !waits && !self.certified.as_ref().is_some_and(is_right)
    }

    /// Whether there is one that the mesh still takes for whose it is to be.
    pub(super) fn holds(&self, whose: &Whose) -> bool {
        self.certified.as_ref().is_some_and(|c| c.whose.identity == whose.identity && c.until > Moment::now())
    }

    /// After how long something is to be done, at the latest.
    pub(super) fn pause(&self) -> Option<Duration> {
        let again = self.again.and_then(|at| at.checked_duration_since(Instant::now()));
        let renewed = self.certified.as_ref().map(|c| c.renew.min(c.until));
        again.or_else(|| renewed.map(|at| Duration::from_secs(u64::try_from(at.0 - Moment::now().0).unwrap_or_default())))
    }
}

impl Signing {
    pub(super) const fn by(signer: Signer) -> Self {
        Self { signer, rests: Cell::new(None) }
    }

    /// Sees to it that there is a leaf as it is to be, signed by that root, as far as the server signs it.
    pub(super) async fn keep(&self, follow: &Follow, name: &str, leaf: &mut OwnLeaf, whose: &Whose, root: Option<&str>) {
        if !leaf.is_due(whose, root) {
            return;
        }
        if let Some(until) = self.rests.get().filter(|until| *until > Instant::now()) {
            leaf.again = Some(until);
            return;
        }
        match self.signed(whose).await {
            Ok((issued, until)) => {
                leaf.has(follow, whose, root, until);
                follow.keep(&Asked::Leaf(name.to_owned()), &as_kept(name, &issued).into());
                follow.shared.answered(&watched(name), 0, Some(Told::Well));
                take(follow, name, issued);
            }
            Err(why) => {
                let at = Instant::now() + if why.is_passing() { AGAIN.0 } else { AGAIN.1 };
                leaf.again = Some(at);
                if why.is_of_the_server() {
                    self.rests.set(Some(at));
                }
                if !leaf.holds(whose)
                    && let Some((issued, until)) = kept(follow, name, whose)
                {
                    leaf.has(follow, whose, root, until);
                    leaf.again = Some(at);
                    take(follow, name, issued);
                }
                let then = match &leaf.certified {
                    Some(certified) if leaf.holds(whose) => format!("the one that was signed last goes on until {}", certified.until),
                    _ => "a leaf of Consul's HTTP API takes its place, which has no DNS names".to_owned(),
                };
                let advice = why.advice().map(|advice| format!("; {advice}")).unwrap_or_default();
                let said = format!("{}{advice}; {then}", with_causes(&why));
                let trouble = if why.is_of_token() { Trouble::of_token(said) } else { said.into() };
                follow.shared.answered(&watched(name), 0, Some(Told::Trouble(trouble)));
            }
        }
    }

    async fn signed(&self, whose: &Whose) -> Result<(IssuedLeaf, Moment), Unsigned> {
        let request = Request::new(&whose.identity, &whose.dns)?;
        let answer = self.signer.sign(&whose.identity, request.csr()).await?;
        let chain = request.answered(&answer)?;
        let until = chain.first().and_then(X509::read).ok_or(NotOurs::NoCertificate)?.until;
        if until <= Moment::now() {
            return Err(Unsigned::Ended(until));
        }
        Ok((IssuedLeaf { id: whose.identity.clone(), chain: pem::text_of(&chain), key: request.key_pem() }, until))
    }
}

impl OwnLeaf {
    fn has(&mut self, follow: &Follow, whose: &Whose, root: Option<&str>, until: Moment) {
        let now = Moment::now();
        let hundredths = i64::from(RENEWED.0 + follow.rng().below(RENEWED.1));
        let renew = Moment(now.0 + ((until.0 - now.0) * hundredths / 100).max(1));
        self.certified = Some(Certified { whose: whose.clone(), root: root.map(str::to_owned), renew, until });
        self.again = None;
    }
}

impl Unsigned {
    fn is_passing(&self) -> bool {
        matches!(self, Self::Sign(why) if why.is_passing())
    }

    /// Whether it would be the same for every other leaf.
    const fn is_of_the_server(&self) -> bool {
        let Self::Sign(why) = self else { return false };
        !matches!(why, SignError::Denied { .. } | SignError::Refused { .. })
    }

    const fn is_of_token(&self) -> bool {
        matches!(self, Self::Sign(SignError::Denied { .. } | SignError::UnknownToken(_)))
    }

    fn advice(&self) -> Option<String> {
        let Self::Sign(why) = self else { return None };
        why.advice()
    }
}

/// What is told of it among the watches.
pub(super) fn watched(name: &str) -> String {
    format!("signed leaf {name}")
}

/// As Consul's HTTP API says a leaf, so that it is read back by the same decoder.
fn as_kept(name: &str, issued: &IssuedLeaf) -> Vec<u8> {
    let answer = LeafAnswer {
        cert_pem: issued.chain.clone(),
        private_key_pem: issued.key.clone(),
        service: name.to_owned(),
        service_uri: issued.id.to_string(),
        ..LeafAnswer::default()
    };
    serde_json::to_vec(&answer).unwrap_or_default()
}

/// What an earlier run had signed, if it has the names that are wanted: the HTTP API gives none of them.
fn kept(follow: &Follow, name: &str, whose: &Whose) -> Option<(IssuedLeaf, Moment)> {
    let body = Kept::open(follow.folder.as_deref()?).ok()?.get(&Asked::Leaf(name.to_owned()).to_string())?;
    let issued = convert::leaf(&serde_json::from_slice(&body).ok()?).ok()?;
    let chain = pem::chain_in(issued.chain.as_bytes(), "the leaf that was kept".as_ref()).ok()?;
    let says = chain.first().and_then(|leaf: &CertificateDer<'_>| X509::read(leaf))?;
    let is_right = issued.id == whose.identity && says.until > Moment::now();
    let names_all = !whose.dns.is_empty() && whose.dns.iter().all(|name| says.dns.contains(name));
    (is_right && names_all).then_some((issued, says.until))
}
