//! What entries make of headers: the edits of a plan, run by the code that runs them on the data path.

use http::HeaderMap;
use serde::{Deserialize, Serialize};

use super::printed;
use crate::decide::facts::Facts;
use crate::decide::plan::Plan;
use crate::model::template::EditContext;

/// What entries make of headers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EditedHeaders {
    /// Those of the request as they are sent on; what the gateway says of the client is not among them.
    pub request: Vec<(String, String)>,
    /// Those that an answer of 200 gets that has none itself.
    pub response: Vec<(String, String)>,
}

/// Of a request that a plan is for; `None` where no entry edits anything.
pub(super) fn headers(plan: &Plan, facts: &Facts<'_>) -> Option<EditedHeaders> {
    let request = facts.request?;
    if plan.request_edits().next().is_none() && plan.response_edits().next().is_none() {
        return None;
    }
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
    Some(EditedHeaders { request: printed(&sent), response: printed(&answer) })
}
