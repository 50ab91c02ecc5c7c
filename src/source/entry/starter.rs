//! Starters: a commented entry of each kind that `gw` acts on, valid as printed.

use crate::model::entry::EntryKind;

/// The starter of a kind with that name; nothing for a kind that `gw` does not act on.
pub(super) fn starter(kind: EntryKind, name: &str) -> Option<String> {
    let body = match kind {
        EntryKind::IngressGateway => INGRESS_GATEWAY,
        EntryKind::TerminatingGateway => TERMINATING_GATEWAY,
        EntryKind::ServiceIntentions => SERVICE_INTENTIONS,
        EntryKind::Mesh => MESH,
        EntryKind::ServiceDefaults => SERVICE_DEFAULTS,
        EntryKind::ProxyDefaults => PROXY_DEFAULTS,
        EntryKind::ServiceRouter => SERVICE_ROUTER,
        EntryKind::ServiceSplitter => SERVICE_SPLITTER,
        EntryKind::ServiceResolver => SERVICE_RESOLVER,
        _ => return None,
    };
    let name = match kind {
        EntryKind::Mesh => return Some(format!("Kind = \"{kind}\"\n{body}")),
        EntryKind::ProxyDefaults => "global",
        _ => name,
    };
    let name = super::write::text(name);
    Some(format!("Kind = \"{kind}\"\nName = {name}\n{body}"))
}

const INGRESS_GATEWAY: &str = r#"
# One listener a port. Its Protocol is tcp, http, http2 or grpc, and must be that of the services behind it (service-defaults).
Listeners = [
  {
    Port     = 8080
    Protocol = "tcp"
    Services = [
      {
        Name = "web"
      },
    ]
  },
  # Requests by Host, for services that are http in their service-defaults.
  # {
  #   Port     = 8081
  #   Protocol = "http"
  #   Services = [
  #     {
  #       Name  = "shop"
  #       Hosts = ["*"]
  #       RequestHeaders = {
  #         Set = { x-from = "edge" }
  #       }
  #     },
  #   ]
  # },
]

# TLS with certificates of the mesh, for clients that trust its CA. Hosts must be names then, "*" is not allowed.
# TLS = {
#   Enabled       = true
#   TLSMinVersion = "TLSv1_2"
# }

# Limits towards every service that has none of its own.
# Defaults = {
#   MaxConnections = 1024
# }
"#;

const TERMINATING_GATEWAY: &str = r#"
# Services outside the mesh that the gateway speaks for. Who may reach them is said by service-intentions.
Services = [
  {
    Name = "billing"
  },
  # With TLS, towards a certificate that leads to the CAFile and has the name of the SNI.
  # {
  #   Name   = "payments"
  #   CAFile = "/etc/gw/payments-ca.pem"
  #   SNI    = "payments.example.com"
  #   # A certificate of the gateway's own, if the service asks for one.
  #   CertFile = "/etc/gw/client.pem"
  #   KeyFile  = "/etc/gw/client-key.pem"
  #   # Host is rewritten to the service's host name, unless the service wants the one that was asked for.
  #   DisableAutoHostRewrite = true
  # },
  # Every other service that has no sidecar.
  # {
  #   Name = "*"
  # },
]
"#;

const SERVICE_INTENTIONS: &str = r#"
# Who may talk to this service; Name = "*" at the top is every service, as a source it is everybody.
# A source by its name goes before "*", and an entry for this service before one for "*".
Sources = [
  {
    Name   = "web"
    Action = "allow"
  },
  # By request, for services that are http in their service-defaults. The first permission that matches counts.
  # What none matches falls to the default policy, not to the next source.
  # {
  #   Name = "admin"
  #   Permissions = [
  #     {
  #       Action = "deny"
  #       HTTP = {
  #         PathPrefix = "/internal/"
  #       }
  #     },
  #     {
  #       Action = "allow"
  #       HTTP = {
  #         PathPrefix = "/"
  #         Methods    = ["GET", "POST"]
  #         Header     = [{ Name = "x-team", Exact = "ops" }]
  #       }
  #     },
  #   ]
  # },
  {
    Name   = "*"
    Action = "deny"
  },
]
"#;

const MESH: &str = r#"
# There is one mesh entry, and it has no Name.
HTTP = {
  # What clients say of themselves is not believed: x-forwarded-client-cert is written anew.
  SanitizeXForwardedClientCert = true

  # How paths are made plain before intentions look at them.
  Incoming = {
    RequestNormalization = {
      MergeSlashes = true
      # KEEP_UNCHANGED, REJECT_REQUEST, UNESCAPE_AND_REDIRECT or UNESCAPE_AND_FORWARD.
      PathWithEscapedSlashesAction = "REJECT_REQUEST"
      # ALLOW, REJECT_REQUEST or DROP_HEADER.
      HeadersWithUnderscoresAction = "REJECT_REQUEST"
    }
  }
}

# What connections within the mesh are negotiated with.
# TLS = {
#   Incoming = {
#     TLSMinVersion = "TLSv1_2"
#   }
#   Outgoing = {
#     TLSMinVersion = "TLSv1_2"
#   }
# }
"#;

const SERVICE_DEFAULTS: &str = r#"
# tcp, http, http2 or grpc. Without a protocol the service is tcp, whatever proxy-defaults say.
Protocol = "http"

# How other datacenters are reached: none, local or remote.
# MeshGateway = {
#   Mode = "local"
# }

# A service outside the mesh that is addressed by this name.
# ExternalSNI = "web.example.com"
"#;

const PROXY_DEFAULTS: &str = r#"
# What every service has that says nothing itself.
Config = {
  protocol = "http"
}

# MeshGateway = {
#   Mode = "local"
# }

# AccessLogs = {
#   Enabled = true
# }
"#;

const SERVICE_ROUTER: &str = r#"
# The first route that matches counts; what none matches goes to the service itself.
# The service must be http, http2 or grpc (service-defaults).
Routes = [
  {
    Match = {
      HTTP = {
        # One of PathExact, PathPrefix, PathRegex.
        PathPrefix = "/api/"
        # Methods    = ["GET", "POST"]
        # Header     = [{ Name = "x-canary", Present = true }]
        # QueryParam = [{ Name = "debug", Exact = "1" }]
      }
    }
    Destination = {
      Service       = "api"
      PrefixRewrite = "/"
      # RequestTimeout        = "15s"
      # NumRetries            = 2
      # RetryOnConnectFailure = true
    }
  },
]
"#;

const SERVICE_SPLITTER: &str = r#"
# Weights are percent and must sum to 100. The service must be http, http2 or grpc (service-defaults).
Splits = [
  {
    Weight = 90
    # ServiceSubset = "v1" # of the service's resolver
  },
  {
    Weight  = 10
    Service = "web-next"
  },
]
"#;

const SERVICE_RESOLVER: &str = r#"
ConnectTimeout = "5s"

# Subsets are instances that a filter takes.
DefaultSubset = "v1"
Subsets = {
  v1 = {
    Filter = "Service.Meta.version == v1"
  }
  v2 = {
    Filter      = "Service.Meta.version == v2"
    OnlyPassing = true
  }
}

# Where requests go when no instance is healthy: by subset, "*" is every subset.
# Failover = {
#   "*" = {
#     Datacenters = ["dc2"]
#   }
# }

# LoadBalancer = {
#   Policy = "least_request"
# }
"#;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::source::diagnostic::Text;
    use crate::source::entry::{Syntax, read};

    fn check(text: &str) -> Vec<String> {
        let (decoded, problems) = read(&Arc::new(Text { origin: "x".into(), content: text.to_owned() }), Syntax::Hcl);
        assert_eq!(problems, [], "{text}");
        let notes: Vec<_> = decoded.iter().flat_map(|d| &d.notes).collect();
        assert!(notes.is_empty(), "{text}: {notes:?}");
        decoded.into_iter().map(|d| d.name).collect()
    }

    #[test]
    fn every_starter_is_valid_as_printed_and_with_its_comments_taken_in() {
        for kind in EntryKind::ALL {
            let Some(text) = starter(*kind, "a \"b\"") else { continue };
            let name = match kind {
                EntryKind::ProxyDefaults => "global",
                EntryKind::Mesh => "mesh",
                _ => "a \"b\"",
            };
            assert_eq!(check(&text), [name]);
            // Sentences begin with a capital and end in a full stop; the rest are settings.
            let settings = text.lines().map(|line| {
                let bare = line.trim_start();
                let sentence = bare.ends_with('.') && bare.starts_with("# ");
                if sentence { line.to_owned() } else { line.replacen("# ", "", usize::from(bare.starts_with("# "))) }
            });
            let settings = settings.collect::<Vec<_>>().join("\n");
            check(&settings.replace("[\"*\"]", "[\"a.example\"]"));
        }
        assert_eq!(starter(EntryKind::HttpRoute, "x"), None);
    }
}
