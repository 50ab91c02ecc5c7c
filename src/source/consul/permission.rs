//! What a token lacks, as a rule that may be pasted into its policy: read from how Consul refuses.
//!
//! Newer versions say what is missing. 1.8 says "Permission denied" alone, and what was asked for tells the rest. Reading is asked for
//! of all names, as the policies of [`super::policy`] have it: what a gateway leads to changes with the entries.

use std::fmt;

/// A rule of a policy, written as Consul reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// `service "web" { policy = "write" }`
    Service(String, Access),
    /// `service_prefix "" { policy = "read" }`
    Services(Access),
    /// `node_prefix "" { policy = "read" }`
    Nodes,
    /// `agent_prefix "" { policy = "read" }`
    Agents,
    /// `service "web" { policy = "read", intentions = "write" }`
    Intentions(String),
    /// `operator = "read"`, `mesh` and `peering` likewise.
    Whole(&'static str, Access),
}

/// What a rule allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// To see.
    Read,
    /// To see and to change.
    Write,
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Write => "write",
        })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(name, access) => write!(f, "service {} {{ policy = \"{access}\" }}", quoted(name)),
            Self::Services(access) => write!(f, "service_prefix \"\" {{ policy = \"{access}\" }}"),
            Self::Nodes => f.write_str("node_prefix \"\" { policy = \"read\" }"),
            Self::Agents => f.write_str("agent_prefix \"\" { policy = \"read\" }"),
            Self::Intentions(name) => write!(f, "service {} {{ policy = \"read\", intentions = \"write\" }}", quoted(name)),
            Self::Whole(what, access) => write!(f, "{what} = \"{access}\""),
        }
    }
}

/// A text as HCL has it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The rule whose lack is the reason for a refusal. `asked`: method and path; `text`: what Consul says. None: neither tells.
pub fn missing(asked: &str, text: &str) -> Option<Rule> {
    lacks(text).map_or_else(|| needed_for(asked), |(permission, on)| rule(permission, on))
}

/// `lacks permission 'service:read' on "igw"`, and `Missing service:write on igw`, which 1.8 says of some.
fn lacks(text: &str) -> Option<(&str, &str)> {
    if let Some((_, rest)) = text.split_once("lacks permission '") {
        let (permission, rest) = rest.split_once('\'')?;
        let on = rest.strip_prefix(" on \"").and_then(|rest| rest.split_once('"')).map_or("", |(on, _)| on);
        return Some((permission, on));
    }
    let (_, rest) = text.split_once("Missing ")?;
    rest.trim_end().split_once(" on ")
}

fn rule(permission: &str, on: &str) -> Option<Rule> {
    Some(match permission {
        "service:write" => Rule::Service(on.to_owned(), Access::Write),
        // Who may read a service may read the intentions for it.
        "service:read" | "intention:read" => Rule::Services(Access::Read),
        "intention:write" => Rule::Intentions(on.to_owned()),
        "node:read" => Rule::Nodes,
        "agent:read" => Rule::Agents,
        _ => {
            let (what, access) = permission.split_once(':')?;
            let what = ["mesh", "operator", "peering"].into_iter().find(|known| *known == what)?;
            Rule::Whole(what, if access == "write" { Access::Write } else { Access::Read })
        }
    })
}

/// What a question needs, where a refusal does not say it.
fn needed_for(asked: &str) -> Option<Rule> {
    let (method, path) = asked.split_once(" /v1/")?;
    let path: Vec<&str> = path.split('/').collect();
    Some(match (method, path.as_slice()) {
        ("GET", ["agent", "connect", "ca", "leaf", service]) => Rule::Service((*service).to_owned(), Access::Write),
        ("GET", ["agent", "self"]) => Rule::Agents,
        ("GET", ["internal", "federation-states" | "federation-state", ..]) => Rule::Whole("operator", Access::Read),
        ("GET", ["peerings"] | ["peering", _]) => Rule::Whole("peering", Access::Read),
        ("GET", ["exported-services"]) => Rule::Whole("mesh", Access::Read),
        ("GET" | "POST", ["agent", "service", _] | ["catalog" | "health" | "discovery-chain" | "config" | "connect", ..]) => {
            Rule::Services(Access::Read)
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_odd_stay_inside_their_quotes() {
        let odd = Rule::Service("a\" { policy = \"write\" }".to_owned(), Access::Write);
        assert_eq!(odd.to_string(), "service \"a\\\" { policy = \\\"write\\\" }\" { policy = \"write\" }");
    }
}
