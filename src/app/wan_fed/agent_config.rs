//! The configuration of a server of Consul in a federation through mesh gateways (consul-api 12), in the form that its version takes, and
//! of what runs beside it.

use std::fmt::Write;
use std::path::Path;

use super::init::{Role, Server, Version, Wanted};

/// Since then TLS has a stanza of its own.
const TLS_STANZA: Version = Version(1, 12);
/// Since then gRPC with TLS has a port of its own, and an agent with a certificate and without that port may not start.
const GRPC_TLS: Version = Version(1, 14);

/// The file of a server. Its certificates are in that folder, which is named whole.
pub(super) fn server(wanted: &Wanted, server: &Server, folder: &Path) -> String {
    let file = |name: String| quoted(&folder.join(name).display().to_string());
    let (ca, cert, key) = (file("agent-ca.pem".to_owned()), file(format!("{}.pem", server.node)), file(format!("{}-key.pem", server.node)));
    let mut text = format!(
        "# A server of {dc}, {version} or later: consul agent -config-file {node}.hcl\n\n\
         server             = true\n\
         bootstrap_expect   = {servers}\n\
         datacenter         = {dc_}\n\
         primary_datacenter = {primary}\n\
         node_name          = {node_}\n\
         data_dir           = {data}\n",
        dc = wanted.datacenter,
        version = if wanted.version < TLS_STANZA { "1.8".to_owned() } else { wanted.version.min(GRPC_TLS).to_string() },
        node = server.node,
        servers = wanted.servers.len(),
        dc_ = quoted(&wanted.datacenter),
        primary = quoted(&wanted.primary),
        node_ = quoted(&server.node),
        data = quoted(&wanted.data_dir.display().to_string()),
    );
    // Writing to a String cannot fail.
    if let Some(address) = server.address {
        let _ = writeln!(text, "bind_addr          = {}", quoted(&address.to_string()));
    }
    let others: Vec<String> =
        wanted.servers.iter().filter(|other| other.node != server.node).filter_map(|s| s.address).map(|a| quoted(&a.to_string())).collect();
    if !others.is_empty() {
        let _ = writeln!(text, "retry_join         = [{}]", others.join(", "));
    }
    text.push_str("\n# Servers of other datacenters are reached through mesh gateways, and through nothing else: no retry_join_wan.\n");
    text.push_str("connect {\n  enabled                            = true\n  enable_mesh_gateway_wan_federation = true\n}\n");
    if wanted.role == Role::Secondary {
        let gateways: Vec<String> = wanted.primary_gateways.iter().map(|a| quoted(&a.to_string())).collect();
        let _ = write!(
            text,
            "# Where the mesh gateways of {} are reached from here; asked again soon, for who comes first has to wait for them.\n\
             primary_gateways          = [{}]\nprimary_gateways_interval = \"5s\"\nretry_interval_wan        = \"5s\"\n",
            wanted.primary,
            gateways.join(", ")
        );
    }
    text.push_str(
        "# Entries such as proxy-defaults hold for services; newer versions do so by themselves.\nenable_central_service_config = true\n\n",
    );
    text.push_str("# Servers know each other by the names in their certificates, for gateways pass TLS on as it is.\n");
    if wanted.version < TLS_STANZA {
        let _ = write!(
            text,
            "ca_file                = {ca}\ncert_file              = {cert}\nkey_file               = {key}\n\
             verify_incoming_rpc    = true\nverify_outgoing        = true\nverify_server_hostname = true\n"
        );
    } else {
        let _ = write!(
            text,
            "tls {{\n  defaults {{\n    ca_file         = {ca}\n    cert_file       = {cert}\n    key_file        = {key}\n    verify_outgoing = true\n  }}\n\
             \x20 internal_rpc {{\n    verify_incoming        = true\n    verify_server_hostname = true\n  }}\n}}\n"
        );
    }
    if wanted.version >= GRPC_TLS {
        text.push_str("\nports {\n  grpc_tls = 8503\n}\n");
    }
    text
}

/// The command that runs the mesh gateway.
pub(super) fn gateway(wanted: &Wanted) -> String {
    let wan = wanted.gateway_wan.map(|wan| format!(" --wan-address {wan}")).unwrap_or_default();
    format!("gw mesh --register --expose-servers --address {}{wan}", wanted.gateway)
}

/// A script that runs it.
pub(super) fn script(wanted: &Wanted) -> String {
    format!(
        "#!/bin/sh\n# The mesh gateway of {}: it carries what servers say to those of other datacenters. Where its agent is, unless here:\n\
         # CONSUL_HTTP_ADDR. Any gw may be named by GW.\n: \"${{CONSUL_HTTP_ADDR:=127.0.0.1:8500}}\"\nexport CONSUL_HTTP_ADDR\nexec \"${{GW:-gw}}\"{} \"$@\"\n",
        wanted.datacenter,
        gateway(wanted).trim_start_matches("gw"),
    )
}

/// A unit of systemd that runs it.
pub(super) fn unit(wanted: &Wanted) -> String {
    format!(
        "[Unit]\nDescription=Mesh gateway of {dc}\nWants=network-online.target\nAfter=network-online.target consul.service\n\n\
         [Service]\nEnvironment=CONSUL_HTTP_ADDR=127.0.0.1:8500\nExecStart=/usr/local/bin/{command}\nExecReload=/bin/kill -HUP $MAINPID\n\
         DynamicUser=yes\nStateDirectory=gw\nRestart=always\nTimeoutStopSec=60\n\n[Install]\nWantedBy=multi-user.target\n",
        dc = wanted.datacenter,
        command = gateway(wanted),
    )
}

/// The entry that leads services through mesh gateways. The primary's holds in all datacenters.
pub(super) fn proxy_defaults(mode: &str) -> String {
    format!(
        "# gw config apply proxy-defaults.hcl: how services of other datacenters are reached.\nKind = \"proxy-defaults\"\nName = \"global\"\n\nMeshGateway {{\n  Mode = \"{mode}\"\n}}\n"
    )
}

/// A string of HCL: one of JSON is one.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
