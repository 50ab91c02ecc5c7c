//! Intentions across entries: the protocol and the token providers that they need (semantics 4.9).

use std::borrow::Cow;

use super::{Change, Finding, GraphError, Level, codes};
use crate::decide::chain::is_http_like;
use crate::model::entry::{ConfigEntry, Entries, EntryKind, EntryRef, IntentionJwtProvider, RuleRef, ServiceIntentions};

/// The destination of intentions for every service.
pub(super) const EVERY: &str = "*";

/// Whether intentions may have the permissions that they have, of a service with that protocol.
pub(super) fn check_protocol(intentions: &ServiceIntentions, protocol: &str) -> Result<(), GraphError> {
    if intentions.common.name == EVERY || !intentions.has_permissions() || is_http_like(protocol) {
        return Ok(());
    }
    Err(GraphError::IntentionProtocol { service: intentions.common.name.clone(), protocol: protocol.to_owned() })
}

/// Providers of tokens that intentions name must be there, and one that is named cannot go. Their names have a case here.
pub(super) fn check_providers(existing: &Entries, change: &Change<'_>) -> Result<(), GraphError> {
    match *change {
        Change::Write(ConfigEntry::ServiceIntentions(written)) => match missing_providers(existing, written).next() {
            Some((_, provider)) => Err(GraphError::NoJwtProvider(provider.name.clone())),
            None => Ok(()),
        },
        Change::Delete(EntryKind::JwtProvider, name) => {
            let named = |provider: &str| existing.intentions.values().find(|i| jwt_providers(i).any(|(_, p)| p.name == provider));
            let provider = existing.jwt_provider(name);
            match provider.and_then(|provider| Some((provider, named(provider)?))) {
                Some((provider, by)) => {
                    Err(GraphError::JwtProviderInUse { provider: provider.to_owned(), intention: by.common.name.clone() })
                }
                None => Ok(()),
            }
        }
        _ => Ok(()),
    }
}

/// Every provider of tokens that intentions name, and where.
fn jwt_providers(intentions: &ServiceIntentions) -> impl Iterator<Item = (RuleRef, &IntentionJwtProvider)> {
    let entry = EntryRef::new(EntryKind::ServiceIntentions, &intentions.common.name);
    let own = intentions.jwt.iter().map(|jwt| ("JWT".to_owned(), jwt));
    let of_permissions = intentions.sources.iter().flat_map(|source| {
        let permissions = source.permissions.iter().enumerate();
        permissions
            .filter_map(|(p, permission)| Some((format!("Sources[{}].Permissions[{p}].JWT", source.index), permission.jwt.as_ref()?)))
    });
    own.chain(of_permissions).flat_map(move |(path, jwt)| {
        let entry = entry.clone();
        jwt.providers.iter().enumerate().map(move |(i, provider)| (entry.at(format!("{path}.Providers[{i}].Name")), provider))
    })
}

fn missing_providers<'a>(
    entries: &'a Entries,
    intentions: &'a ServiceIntentions,
) -> impl Iterator<Item = (RuleRef, &'a IntentionJwtProvider)> {
    jwt_providers(intentions).filter(|(_, p)| entries.jwt_provider(&p.name) != Some(p.name.as_str()))
}

/// What is wrong with the intentions of a set: permissions of services that have no requests, and providers that are not there.
/// `protocol` tells what a service speaks, if its chain compiles.
pub(super) fn check_set<'a>(entries: &Entries, protocol: impl Fn(&str) -> Option<Cow<'a, str>>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for intentions in entries.intentions.values() {
        let name = &intentions.common.name;
        let permitted = intentions.sources.iter().find(|s| !s.permissions.is_empty());
        let verdict = permitted.and_then(|source| Some((source, check_protocol(intentions, &protocol(name)?))));
        if let Some((source, Err(error))) = verdict {
            let rule = EntryRef::new(EntryKind::ServiceIntentions, name).at(format!("Sources[{}].Permissions", source.index));
            let help = "write an Action in place of Permissions, or set Protocol http, http2 or grpc in the service-defaults";
            findings.push(Finding::new(codes::PERMISSIONS_ON_TCP, Level::Error, rule, error.to_string()).help(help));
        }
        for (rule, provider) in missing_providers(entries, intentions) {
            let message = GraphError::NoJwtProvider(provider.name.clone()).to_string();
            let help = "write a jwt-provider entry of that name, in the same case, or take the requirement out";
            findings.push(Finding::new(codes::NO_JWT_PROVIDER, Level::Error, rule, message).help(help));
        }
    }
    findings
}
