//! What entries make of headers: the edits of a plan, run by the code that runs them on the data path.

use http::HeaderMap;

use super::printed;
use crate::decide::facts::Facts;
use crate::decide::plan::Plan;
use crate::model::template::EditContext;

type Headers = Option<Vec<(String, String)>>;

/// The headers of the request as they are sent on, and those of an answer of 200 that has none itself; none where nothing edits them.
pub(super) fn headers(plan: &Plan, facts: &Facts<'_>) -> (Headers, Headers) {
    let Some(request) = facts.request else { return (None, None) };
    let context = EditContext {
        method: request.method.as_str(),
        authority: request.authority,
        target: request.target,
        scheme: request.scheme,
        request: None,
        status: 0,
        protocol: "HTTP/1.1",
        client: facts.client,
        local: facts.local,
        sni: facts.sni,
        upstream_cluster: plan.first_target().sni.as_str(),
    };
    let mut sent = request.headers.clone();
    plan.request_edits().for_each(|edits| edits.apply(&mut sent, &context));
    let of_answer = EditContext { request: Some(&sent), status: 200, ..context };
    let mut answer = HeaderMap::new();
    plan.response_edits().for_each(|edits| edits.apply(&mut answer, &of_answer));
    let edits_request = plan.request_edits().next().is_some();
    let edits_answer = plan.response_edits().next().is_some();
    (edits_request.then(|| printed(&sent)), edits_answer.then(|| printed(&answer)))
}
