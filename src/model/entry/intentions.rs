//! service-intentions (semantics 11).

use super::{Common, HeaderMatch};

/// `service-intentions`: who may talk to a service. Its name is the destination; `*` is every service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceIntentions {
    /// Name, Meta.
    pub common: Common,
    /// `Sources[]`: at least one, the highest precedence first, as written within one precedence.
    pub sources: Vec<SourceIntention>,
    /// `JWT`: what a request of any source must carry besides.
    pub jwt: Option<IntentionJwtRequirement>,
}

/// `Sources[]`: one intention. It has either an action or permissions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceIntention {
    /// `Name`, or `*` for every service of the same peer, or of none.
    pub name: String,
    /// `Action`; none where there are permissions.
    pub action: Option<IntentionAction>,
    /// `Permissions[]`, in written order: the first that matches decides.
    pub permissions: Vec<IntentionPermission>,
    /// `Precedence`, computed: 9, 8, 6 or 5 (semantics 11.2).
    pub precedence: i64,
    /// `Type`: always `consul`.
    pub r#type: String,
    /// `Description`.
    pub description: String,
    /// `Peer`; empty is this cluster.
    pub peer: String,
    /// Where it stands in `Sources[]` as written: places name it so.
    pub index: usize,
}

/// `Action`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IntentionAction {
    /// `allow`
    Allow,
    /// `deny`
    Deny,
}

impl IntentionAction {
    /// Both, by Consul's words.
    pub const WORDS: &[(&str, Self)] = &[("allow", Self::Allow), ("deny", Self::Deny)];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

/// `Permissions[]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IntentionPermission {
    /// `Action`: an accepted entry has it.
    pub action: Option<IntentionAction>,
    /// `HTTP`: an accepted entry has it, with at least one condition.
    pub http: Option<IntentionHttp>,
    /// `JWT`: what a request must carry besides.
    pub jwt: Option<IntentionJwtRequirement>,
}

/// `HTTP`: all conditions that are given must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IntentionHttp {
    /// `PathExact`; empty is not given. At most one of the three path fields is given.
    pub path_exact: String,
    /// `PathPrefix`.
    pub path_prefix: String,
    /// `PathRegex`: RE2, matches the whole path without query. Not compiled at validation.
    pub path_regex: String,
    /// `Header[]`.
    pub header: Vec<IntentionHeader>,
    /// `Methods[]`, upper case; empty is any.
    pub methods: Vec<String>,
}

/// `Header[]`: as in routes, with one kind more; exactly one of the six is given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IntentionHeader {
    /// Name, Invert and the five kinds that routes have too.
    pub rule: HeaderMatch,
    /// `Contains`.
    pub contains: String,
    /// `IgnoreCase`: concerns Exact, Prefix, Suffix and Contains.
    pub ignore_case: bool,
}

/// `JWT`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IntentionJwtRequirement {
    /// `Providers[]`: the token of any of them will do.
    pub providers: Vec<IntentionJwtProvider>,
}

/// `Providers[]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IntentionJwtProvider {
    /// `Name` of a jwt-provider entry.
    pub name: String,
    /// `VerifyClaims[]`: all must hold.
    pub verify_claims: Vec<IntentionJwtClaim>,
}

/// `VerifyClaims[]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IntentionJwtClaim {
    /// `Path[]` to the claim in the token.
    pub path: Vec<String>,
    /// `Value` that must be there, or be in the list that is there.
    pub value: String,
}

impl ServiceIntentions {
    /// Every JWT requirement: the entry's own, then those of the permissions.
    pub fn jwt_requirements(&self) -> impl Iterator<Item = &IntentionJwtRequirement> {
        let permissions = self.sources.iter().flat_map(|s| &s.permissions);
        self.jwt.iter().chain(permissions.filter_map(|p| p.jwt.as_ref()))
    }

    /// Whether a source has permissions, so that the destination must be http-like.
    pub fn has_permissions(&self) -> bool {
        self.sources.iter().any(|s| !s.permissions.is_empty())
    }
}
