//! What can be said of a pair before any request is there.

use super::{By, Judge, Permission, Says};
use crate::model::entry::IntentionAction;

/// Whether a source reaches a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Every connection and request passes.
    Allowed,
    /// None does.
    Denied,
    /// Some requests pass: permissions look at them.
    ByRequest,
}

impl Reach {
    /// `allow`, `deny`, or `by request`
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allow",
            Self::Denied => "deny",
            Self::ByRequest => "by request",
        }
    }

    fn of(action: IntentionAction) -> Self {
        if action == IntentionAction::Allow { Self::Allowed } else { Self::Denied }
    }
}

impl Judge {
    /// Whether a service of the own trust domain reaches the destination, and what decides. `reads_requests`: the destination speaks
    /// http, http2 or grpc, so that permissions can match.
    pub fn reach(&self, source: &str, reads_requests: bool) -> (Reach, By<'_>) {
        let Some(intention) = self.intentions(source).next() else { return (Reach::of(self.default), By::Default(None)) };
        let reach = match &intention.says {
            Says::Action(action) => Reach::of(*action),
            Says::Permissions(permissions) if reads_requests => self.of_permissions(permissions),
            Says::Permissions(_) | Says::Jwt => Reach::Denied,
        };
        (reach, By::Intention(intention))
    }

    fn of_permissions(&self, permissions: &[Permission]) -> Reach {
        // What stands behind a permission for every request is never asked, nor is the default policy.
        let last = permissions.iter().position(|p| p.matcher.matches_everything());
        let asked = &permissions[..last.map_or(permissions.len(), |last| last + 1)];
        let default = if last.is_none() { Some(self.default) } else { None };
        let mut answers = asked.iter().map(|p| p.action).chain(default).map(Reach::of);
        let first = answers.next().unwrap_or(Reach::Denied);
        if answers.all(|answer| answer == first) { first } else { Reach::ByRequest }
    }
}
