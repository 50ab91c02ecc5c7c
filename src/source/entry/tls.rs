//! TLS parameters of gateways and the mesh, SDS settings of ingress gateways (semantics 1, 7).

use std::fmt::Arguments;

use super::check::Check;
use super::codes;
use crate::model::entry::*;

/// From the oldest; `TLS_AUTO` and the empty word leave it to the proxy.
const VERSIONS: [&str; 4] = ["TLSv1_0", "TLSv1_1", "TLSv1_2", "TLSv1_3"];

const CIPHER_SUITES: [&str; 14] = [
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
];

/// Versions and cipher suites that are known and go together.
pub(super) fn parameters(tls: &TlsParameters, at: &str, check: &mut Check<'_>) {
    parameters_as(["TLSMinVersion", "TLSMaxVersion"], tls, at, check);
}

/// The same where the versions stand under other names.
pub(super) fn parameters_as([min_field, max_field]: [&str; 2], tls: &TlsParameters, at: &str, check: &mut Check<'_>) {
    let rank = |version: &str| VERSIONS.iter().position(|v| *v == version);
    for (field, version) in [(min_field, &tls.tls_min_version), (max_field, &tls.tls_max_version)] {
        if !matches!(version.as_str(), "" | "TLS_AUTO") && rank(version).is_none() {
            let message = format!("{at}.{field} {version:?} is none of TLS_AUTO, {}", VERSIONS.join(", "));
            check.error(codes::TLS, format!("{at}.{field}"), message);
        }
    }
    let (min, max) = (rank(&tls.tls_min_version), rank(&tls.tls_max_version));
    if min.zip(max).is_some_and(|(min, max)| max < min) {
        let message = format!("{at}.{max_field} {} is lower than {min_field} {}", tls.tls_max_version, tls.tls_min_version);
        check.error(codes::TLS, format!("{at}.{max_field}"), message);
    }
    if !tls.cipher_suites.is_empty() && tls.tls_min_version == "TLSv1_3" {
        let message = format!("{at}.CipherSuites apply to TLS 1.2 and earlier, and {min_field} is TLSv1_3");
        check.error(codes::TLS, format!("{at}.CipherSuites"), message);
    }
    for (i, suite) in tls.cipher_suites.iter().enumerate() {
        if !CIPHER_SUITES.contains(&suite.as_str()) {
            check.error(codes::TLS, format!("{at}.CipherSuites[{i}]"), format!("{at}.CipherSuites has an unknown one: {suite:?}"));
        }
    }
}

/// Tells what there is none of here, with what is left.
pub(super) fn not_spoken(tls: &TlsParameters, at: &str, check: &mut Check<'_>) {
    not_spoken_by("no gateway starts with it, and one that runs", tls, at, check);
}

/// The same, where `who` would speak nothing.
pub(super) fn not_spoken_by(who: &str, tls: &TlsParameters, at: &str, check: &mut Check<'_>) {
    let only_newest = tls.tls_min_version == "TLSv1_3";
    if only_newest && (!tls.cipher_suites.is_empty() || !matches!(tls.tls_max_version.as_str(), "" | "TLS_AUTO" | "TLSv1_3")) {
        // That it contradicts itself is told already.
        return;
    }
    let unknown: Vec<&str> = tls.unknown_suites().filter(|suite| CIPHER_SUITES.contains(suite)).collect();
    let (spoken, unknown) = (tls.spoken(), unknown.join(", "));
    if spoken.is_nothing() {
        let message = format!("{at} leaves nothing to speak: gw has TLS 1.3, and TLS 1.2 with suites of ECDHE and AEAD");
        let help = format!("{who} goes on with what it spoke before; raise TLSMaxVersion, or name a suite");
        check.finding(codes::TLS_NOT_SPOKEN, at, message, &help);
    } else if !unknown.is_empty() {
        let help = format!("what is spoken is {spoken}");
        check.warning(codes::TLS_NOT_SPOKEN, format!("{at}.CipherSuites"), format!("{at}.CipherSuites: gw has no {unknown}"), &help);
    }
}

/// Which of the two parts of an SDS setting are given: cluster, certificate.
fn given(sds: Option<&GatewayTlsSds>) -> (bool, bool) {
    sds.map_or((false, false), |s| (!s.cluster_name.is_empty(), !s.cert_resource.is_empty()))
}

/// The gateway's own setting: a certificate needs a cluster.
pub(super) fn gateway_sds(tls: &GatewayTls, check: &mut Check<'_>) {
    if given(tls.sds.as_ref()) == (false, true) {
        check.error(codes::SDS, "TLS.SDS", "TLS.SDS.CertResource needs a ClusterName");
    }
}

/// A listener's setting under the gateway's.
pub(super) fn listener_sds(gateway: &GatewayTls, listener: &IngressListener, at: &str, check: &mut Check<'_>) {
    let (gateway_cluster, gateway_certificate) = given(gateway.sds.as_ref());
    let (cluster, certificate) = given(listener.tls.as_ref().and_then(|t| t.sds.as_ref()));
    let place = format!("{at}.TLS.SDS");
    if cluster && !certificate {
        check.error(codes::SDS, &place, format!("{place}.ClusterName needs a CertResource"));
    }
    if certificate && !cluster && !gateway_cluster {
        check.error(codes::SDS, &place, format!("{place}.CertResource needs a ClusterName here or in TLS.SDS"));
    }
    if gateway_cluster && !gateway_certificate && !certificate {
        let message = format!("TLS.SDS.ClusterName needs a CertResource there or in {place}");
        check.error(codes::SDS, "TLS.SDS", message);
    }
}

/// A service's own certificate needs a cluster somewhere, and hosts by which it is chosen.
pub(super) fn service_sds(
    gateway: &GatewayTls,
    listener: &IngressListener,
    service: &IngressService,
    at: Arguments<'_>,
    check: &mut Check<'_>,
) {
    let Some(sds) = service.tls.as_ref().and_then(|t| t.sds.as_ref()) else { return };
    let (cluster, certificate) = given(Some(sds));
    let place = format!("{at}.TLS.SDS");
    let above = given(gateway.sds.as_ref()).0 || given(listener.tls.as_ref().and_then(|t| t.sds.as_ref())).0;
    if certificate && service.hosts.is_empty() {
        check.error(codes::SDS, &place, format!("{place}.CertResource needs at least one of Hosts"));
    }
    if certificate && !cluster && !above {
        check.error(codes::SDS, &place, format!("{place}.CertResource needs a ClusterName here, at the listener or in TLS.SDS"));
    }
}
