//! The least that a gateway's token must be allowed, as a policy that Consul reads.

use super::permission::{Access, Rule};
use crate::model::gateway::GatewayKind;

/// A service that stands for all, in a terminating gateway's entry.
const ALL: &str = "*";

/// The least policy for a gateway of a kind and name. `linked`: the services that a terminating gateway speaks for.
pub fn policy(kind: GatewayKind, name: &str, linked: &[String]) -> String {
    let mut out = format!("# What the token of the {} gateway {name} must be allowed; no less will do.\n", kind.as_str());
    let write = |name: &str| Rule::Service(name.to_owned(), Access::Write);
    let all = linked.iter().any(|linked| linked == ALL);
    say(&mut out, "It registers itself, and has its own certificate.", &[write(name)]);
    if kind == GatewayKind::Terminating {
        let mut services: Vec<&str> = linked.iter().map(String::as_str).filter(|linked| *linked != ALL).collect();
        services.sort_unstable();
        services.dedup();
        let rules: Vec<Rule> = services.into_iter().map(write).collect();
        match (all, rules.as_slice()) {
            (true, _) => {
                say(&mut out, "It shows certificates of the services that it speaks for: of all.", &[Rule::Services(Access::Write)])
            }
            (false, []) => out.push_str(
                "\n# It shows the certificate of each service that its entry links it with: say which by --service, or where the\n\
                 # entry is by -c, and they stand here, such as\n# service \"legacy\" { policy = \"write\" }\n",
            ),
            (false, rules) => say(&mut out, "It shows the certificate of each service that it speaks for.", rules),
        }
        say(&mut out, "What holds where no intention decides is asked of the agent.", &[Rule::Agents]);
    }
    let mut seen = vec![Rule::Nodes];
    if !(kind == GatewayKind::Terminating && all) {
        // A terminating gateway sees what it may write all the same; but a linked service that it may not even see looks like one
        // without instances, and nobody would be told whose certificate is refused.
        seen.insert(0, Rule::Services(Access::Read));
    }
    let why = "It follows entries, intentions and instances. Without node_prefix services seem to have none.";
    say(&mut out, why, &seen);
    if kind == GatewayKind::Mesh {
        out.push_str(
            "\n# With --expose-servers, where the domain of the agents is not consul, it is asked of the agent:\n\
             # agent_prefix \"\" { policy = \"read\" }\n",
        );
    }
    if kind != GatewayKind::Terminating {
        out.push_str(
            "\n# To see other datacenters the token must be known there too: one of the primary datacenter, made without -local,\n\
             # with its policy.\n",
        );
    }
    out
}

fn say(out: &mut String, why: &str, rules: &[Rule]) {
    out.extend(["\n# ", why, "\n"]);
    out.extend(rules.iter().map(|rule| format!("{rule}\n")));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(kind: GatewayKind, linked: &[&str]) -> Vec<String> {
        let linked: Vec<String> = linked.iter().map(|l| (*l).to_owned()).collect();
        let policy = policy(kind, "gw", &linked);
        policy.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
    }

    #[test]
    fn a_policy_holds_what_the_kind_needs_and_no_more() {
        let (own, services, nodes, agents) = (
            "service \"gw\" { policy = \"write\" }",
            "service_prefix \"\" { policy = \"read\" }",
            "node_prefix \"\" { policy = \"read\" }",
            "agent_prefix \"\" { policy = \"read\" }",
        );
        assert_eq!(rules(GatewayKind::Ingress, &[]), [own, services, nodes]);
        assert_eq!(rules(GatewayKind::Mesh, &[]), [own, services, nodes]);
        assert_eq!(rules(GatewayKind::Terminating, &[]), [own, agents, services, nodes]);
        let (old, older) = ("service \"old\" { policy = \"write\" }", "service \"older\" { policy = \"write\" }");
        assert_eq!(rules(GatewayKind::Terminating, &["older", "old", "old"]), [own, old, older, agents, services, nodes]);
        let all = "service_prefix \"\" { policy = \"write\" }";
        assert_eq!(rules(GatewayKind::Terminating, &["*", "old"]), [own, all, agents, nodes]);
    }
}
