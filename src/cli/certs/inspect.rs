//! `gw certs inspect`: what certificates say, of a file, of stdin, or of a server.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::sign;
use crate::app::certs::{self, CertsError, Moment, Served, Wrong, X509};
use crate::cli::Answer;
use crate::cli::error::Failure;
use crate::cli::output::Output;
use crate::ui::{Table, Ui};

/// Show what certificates say, and what is wrong with them
#[derive(Debug, Args)]
#[command(after_long_help = "\
Of a server its certificates are shown and nothing else: the handshake ends before anything is
trusted. Whether a chain is trusted says gw certs verify.

EXAMPLES
  gw certs inspect certs/web.pem
  gw certs inspect 127.0.0.1:8443 --sni shop.example.test --alpn h2
  curl -s http://127.0.0.1:8500/v1/agent/connect/ca/leaf/web | jq -r .CertPEM | gw certs inspect - -o json

EXIT CODES
  0  nothing is wrong    1  something is    2  usage    3  not readable    4  nobody answers there, or not with TLS")]
pub(super) struct InspectArgs {
    /// A file, HOST:PORT, or - for stdin
    #[arg(value_name = "FILE|HOST:PORT|-")]
    what: String,
    /// The server name to ask for; without the flag HOST, if it is a name
    #[arg(long, value_name = "NAME")]
    sni: Option<String>,
    /// A protocol to offer, such as h2 (repeatable)
    #[arg(long, value_name = "PROTOCOL")]
    alpn: Vec<String>,
    /// How it is printed
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: Output,
}

pub(super) fn run(args: InspectArgs, ui: &mut Ui) -> Result<Answer, Failure> {
    let (chain, served) = read(&args)?;
    let wrong = certs::wrong(&chain, Moment::now());
    match args.output {
        Output::Json | Output::Jsonl => {
            let whole = whole(&args.what, &chain, served.as_ref(), &wrong);
            args.output.document(&whole, "certificates", "certificate.one", ui)?;
        }
        Output::Name => chain.iter().try_for_each(|cert| ui.print(&format!("{}\n", cert.called())))?,
        Output::Table | Output::Wide => {
            if let Some(served) = &served {
                let alpn = served.alpn.as_deref().unwrap_or("none");
                ui.note(&format!("{} speaks {}, ALPN {alpn}", args.what, served.version.as_deref().unwrap_or("TLS")));
            }
            ui.table(&table(&chain))?;
            wrong.iter().for_each(|w| ui.note(&format!("wrong: certificate {}: {}", w.at + 1, w.what)));
        }
    }
    Ok(if wrong.is_empty() { Answer::Yes } else { Answer::No })
}

/// A file wins over a server of the same name.
fn read(args: &InspectArgs) -> Result<(Vec<X509>, Option<Served>), Failure> {
    let path = PathBuf::from(&args.what);
    if args.what == "-" {
        return Ok((certs::in_text(&sign::text(&path)?, "stdin")?, None));
    }
    let is_server = args.what.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    if path.exists() || !is_server {
        return Ok((certs::in_file(&path)?, None));
    }
    let (chain, served) = certs::at(&args.what, args.sni.as_deref(), &args.alpn)?;
    if chain.is_empty() {
        return Err(CertsError::NoSuch(format!("{} shows no certificate", args.what)).into());
    }
    Ok((chain, Some(served)))
}

fn names(cert: &X509) -> String {
    let ips = cert.ips.iter().map(ToString::to_string);
    let all: Vec<String> = cert.uris.iter().chain(&cert.dns).cloned().chain(ips).collect();
    if all.is_empty() { "-".to_owned() } else { all.join(", ") }
}

fn purpose(cert: &X509) -> &'static str {
    match (cert.is_ca, cert.for_servers.unwrap_or(true), cert.for_clients.unwrap_or(true)) {
        (true, ..) => "CA",
        (_, true, true) => "server, client",
        (_, true, false) => "server",
        (_, false, true) => "client",
        (_, false, false) => "neither",
    }
}

fn table(chain: &[X509]) -> Table {
    let mut table = Table::new(&["#", "FIELD", "VALUE"]);
    for (n, cert) in chain.iter().enumerate() {
        let subject = if cert.subject.is_empty() { "-".to_owned() } else { cert.subject.clone() };
        let rows = [
            ("names", names(cert)),
            ("subject", subject),
            ("issuer", cert.issuer.clone()),
            ("purpose", purpose(cert).to_owned()),
            ("key", cert.key.to_string()),
            ("valid", format!("{} to {}", cert.from, cert.until)),
            ("serial", cert.serial.clone()),
            ("sha256", cert.fingerprint.clone()),
        ];
        for (field, value) in rows {
            table.row(vec![(n + 1).to_string(), field.to_owned(), value]);
        }
    }
    table
}

fn whole(what: &str, chain: &[X509], served: Option<&Served>, wrong: &[Wrong]) -> Value {
    let certificates: Vec<Value> = chain.iter().map(object).collect();
    let wrong: Vec<Value> = wrong.iter().map(|w| json!({ "certificate": w.at, "what": w.what })).collect();
    let served = served.map(|served| json!({ "version": served.version, "alpn": served.alpn }));
    json!({ "schema": "gw.certificate/v1", "source": what, "served": served, "certificates": certificates, "wrong": wrong })
}

fn object(cert: &X509) -> Value {
    let spiffe = cert.uris.iter().find(|uri| uri.starts_with("spiffe://"));
    json!({
        "subject": cert.subject,
        "issuer": cert.issuer,
        "spiffe_id": spiffe,
        "uris": cert.uris,
        "dns_names": cert.dns,
        "ip_addresses": cert.ips,
        "ca": cert.is_ca,
        "server": cert.for_servers,
        "client": cert.for_clients,
        "key": cert.key.to_string(),
        "not_before": cert.from.to_string(),
        "not_after": cert.until.to_string(),
        "serial": cert.serial,
        "sha256": cert.fingerprint,
    })
}
