//! `gw inspect authz`: may this service talk to that one? Answered by the code that gateways obey, with a witness.

mod asked;
mod explained;
mod pairs;

use http::uri::{PathAndQuery, Uri};
use http::{HeaderMap, HeaderValue, Method};

use crate::decide::authz::{Judge, Verdict};
use crate::decide::facts::RequestHead;
use crate::decide::normalize::{Normalization, Normalized, Unfit};
use crate::decide::witness::Witness;

pub use self::asked::{PAIR, PAIRS, written, written_pairs};
pub use self::explained::{AuthzAnswer, AuthzQuestion, Shadowed};
pub use self::pairs::{Pair, Pairs, TooMany, Which};

/// A request to ask about, as the gateway would read it.
#[derive(Clone, Debug)]
pub struct AskedRequest {
    /// The method.
    pub method: Method,
    /// `:authority` or `Host`.
    pub authority: String,
    /// Path and query.
    pub target: String,
    /// The headers.
    pub headers: HeaderMap,
}

/// What becomes of a request before anybody judges it, or how it was judged.
#[derive(Clone, Debug)]
pub enum Judged<'a> {
    /// Its intention, or the default policy, decided.
    Verdict(Verdict<'a>),
    /// It is answered with 400.
    Unfit(Unfit),
    /// It is answered with 307 to this path, and judged when it comes again.
    Redirect(String),
}

impl Judged<'_> {
    /// Whether it passes.
    pub fn allowed(&self) -> bool {
        matches!(self, Self::Verdict(verdict) if verdict.allowed)
    }
}

impl AskedRequest {
    /// The request as a gateway reads it: the authority of an absolute target goes before Host, and `x-forwarded-proto` is there.
    pub fn new(method: Method, authority: &str, target: &str, mut headers: HeaderMap) -> Self {
        headers.entry("x-forwarded-proto").or_insert(HeaderValue::from_static("https"));
        let absolute = target.parse::<Uri>().ok().filter(|uri| uri.scheme().is_some());
        match absolute.as_ref().and_then(|uri| Some((uri.authority()?, uri.path_and_query()))) {
            Some((authority, path)) => {
                let target = path.map_or("/", PathAndQuery::as_str);
                Self { method, authority: authority.to_string(), target: target.to_owned(), headers }
            }
            None => Self { method, authority: authority.to_owned(), target: target.to_owned(), headers },
        }
    }
}

/// What `:scheme` is: connections of the mesh are TLS, and a proxy before may know better.
fn scheme(headers: &HeaderMap) -> &'static str {
    match headers.get("x-forwarded-proto").map(HeaderValue::as_bytes) {
        Some(b"http") => "http",
        _ => "https",
    }
}

/// Asks about a connection or a request of a service. What a gateway normalizes is normalized before.
pub fn judge<'a>(
    judge: &'a Judge,
    normalization: &Normalization,
    source: &str,
    request: Option<AskedRequest>,
    witness: &mut impl Witness,
) -> Judged<'a> {
    let Some(mut request) = request else {
        return Judged::Verdict(judge.judge_service(source, None, witness));
    };
    let target = match judge.prepare(normalization, &request.target, &mut request.headers, witness) {
        Ok(Normalized::Forward(target)) => target,
        Ok(Normalized::Redirect(to)) => return Judged::Redirect(to),
        Ok(Normalized::Reject(unfit)) | Err(unfit) => return Judged::Unfit(unfit),
    };
    let AskedRequest { method, authority, headers, .. } = &request;
    let head = RequestHead { method, authority, target: &target, scheme: scheme(headers), headers };
    Judged::Verdict(judge.judge_service(source, Some(&head), witness))
}
