//! Every metric there is: what it is called, what it says, and the labels it has. `docs/metrics.md` is this table.

/// A metric.
#[derive(Debug)]
pub struct Metric {
    /// As it is exposed: a counter's with `_total`.
    pub name: &'static str,
    /// What it counts, in a sentence without its full stop.
    pub help: &'static str,
    /// What it is.
    pub kind: Kind,
    /// The labels, in order.
    pub labels: &'static [&'static str],
}

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Goes up, and begins anew with the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts how many were at most so long.
    Histogram,
}

impl Kind {
    /// Prometheus' word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Of requests and tcp connections.
const OF_TARGETS: &[&str] = &["gateway", "listener", "service", "subset", "datacenter", "peer"];
/// The same with how each ended.
const BY_CODE: &[&str] = &["gateway", "listener", "service", "subset", "datacenter", "peer", "code"];
const BY_CLASS: &[&str] = &["gateway", "listener", "service", "subset", "datacenter", "peer", "class"];
const BY_RESULT: &[&str] = &["gateway", "listener", "service", "subset", "datacenter", "peer", "result"];
const OF_LISTENERS: &[&str] = &["gateway", "listener"];

macro_rules! metrics {
    ($($constant:ident $kind:ident $name:literal $labels:expr, $help:literal;)*) => {
        $(pub(super) static $constant: Metric = Metric { name: $name, help: $help, kind: Kind::$kind, labels: $labels };)*
        /// Every metric, in the order in which they are exposed.
        pub static METRICS: &[&Metric] = &[$(&$constant),*];
    };
}

metrics! {
    HTTP_REQUESTS Counter "gw_http_requests_total" BY_CODE, "Requests that ended, by why they ended as they did (docs/codes.md)";
    HTTP_ACTIVE Gauge "gw_http_requests_active" OF_TARGETS, "Requests under way";
    HTTP_RESPONSES Counter "gw_http_responses_total" BY_CLASS, "Answers, by the class of their status";
    HTTP_DURATION Histogram "gw_http_request_duration_seconds" OF_TARGETS, "From a request's head to the last byte of its answer";
    HTTP_RECEIVED Counter "gw_http_request_body_bytes_total" OF_TARGETS, "Bytes of requests' bodies";
    HTTP_SENT Counter "gw_http_response_body_bytes_total" OF_TARGETS, "Bytes of answers' bodies";
    HTTP_RETRIES Counter "gw_http_retries_total" OF_TARGETS, "Attempts after the first";
    TCP_CONNECTIONS Counter "gw_tcp_connections_total" BY_CODE, "Tcp connections that ended, and connections of which no request came, by code";
    TCP_ACTIVE Gauge "gw_tcp_connections_active" OF_TARGETS, "Tcp connections that are open";
    TCP_DURATION Histogram "gw_tcp_connection_duration_seconds" OF_TARGETS, "How long tcp connections were open";
    TCP_RECEIVED Counter "gw_tcp_received_bytes_total" OF_TARGETS, "Bytes that clients sent on connections that ended";
    TCP_SENT Counter "gw_tcp_sent_bytes_total" OF_TARGETS, "Bytes that clients were sent on connections that ended";
    UPSTREAM Counter "gw_upstream_connections_total" BY_RESULT, "Connections to instances that were dialed: ok, connect_failed or upstream_tls";
    CONNECTIONS Counter "gw_connections_total" OF_LISTENERS, "Connections that were accepted";
    CONNECTIONS_ACTIVE Gauge "gw_connections_active" OF_LISTENERS, "Connections that are open";
    CONNECTIONS_CUT Counter "gw_connections_cut_total" OF_LISTENERS, "Connections that were cut because the time of a drain was over";
    HANDSHAKES Counter "gw_tls_handshakes_total" &["gateway", "listener", "result"], "TLS handshakes with clients: ok or failed";
    DRAINING Gauge "gw_draining" &[], "1 while the process ends, else 0";
    GENERATION Gauge "gw_config_generation" &["gateway"], "The number of the configuration in effect";
    REJECTED Gauge "gw_config_rejected" &["gateway"], "What is left out of it because it cannot be served";
    RELOADS Counter "gw_config_reloads_total" &["result"], "Readings of the configuration: changed, same or refused";
    RELOAD_OK Gauge "gw_config_last_reload_successful" &[], "1 unless what the configuration says by now is refused";
    RELOAD_AT Gauge "gw_config_last_reload_timestamp_seconds" &[], "When the configuration last changed, since 1970";
    WATCHES Gauge "gw_consul_watches" &["endpoint"], "Questions to Consul that are kept open";
    WATCH_AGE Gauge "gw_consul_watch_age_seconds" &["endpoint"], "How long ago the one of them was answered that waits the longest";
    WATCH_TROUBLE Gauge "gw_consul_watches_in_trouble" &["endpoint"], "Those of them that are not answered as they should be";
    AWAY Gauge "gw_consul_away_seconds" &[], "Since when the agent answers nothing; 0: it does";
    STALE Gauge "gw_consul_stale" &[], "1 while what is served is what an earlier run knew";
    CERTIFICATES Gauge "gw_certificate_not_after_timestamp_seconds" &["gateway", "use", "name"], "When a certificate that is in use ends, since 1970";
    INSTANCES Gauge "gw_service_instances" &["service", "health"], "Instances of services of the own datacenter, with what checks have found";
    DNS_NAMES Gauge "gw_dns_names" &["state"], "Host names of instances: resolved, unresolved or asked";
    DNS_LOOKUPS Counter "gw_dns_lookups_total" &["result"], "Questions for host names: ok or failed";
    LOG_DROPPED Counter "gw_access_log_dropped_total" &[], "Access records that found no place in the queue";
    TAPS Gauge "gw_taps_active" &[], "Who watches requests and connections live (gw inspect tap)";
    TAPS_DROPPED Counter "gw_tap_dropped_total" &[], "Lines that found no place in the queue of their tap";
    SPANS_DROPPED Counter "gw_trace_spans_dropped_total" &[], "Spans that found no place in the queue, or no collector";
    SPANS Counter "gw_trace_spans_total" &[], "Spans that a collector has taken";
    LABEL_SETS Gauge "gw_metrics_label_sets" &[], "Sets of labels of requests and tcp connections";
    BEYOND Counter "gw_metrics_label_sets_beyond_total" &[], "How often a set of labels was met that there was no room for";
    WORKERS Gauge "gw_workers" &[], "Threads of the data path";
    BUILD Gauge "gw_build_info" &["version"], "1, with the version of gw";
    CPU Counter "process_cpu_seconds_total" &[], "CPU time of the process";
    MEMORY Gauge "process_resident_memory_bytes" &[], "Memory that the process has in use";
    DESCRIPTORS Gauge "process_open_fds" &[], "Descriptors that are open";
    MOST_DESCRIPTORS Gauge "process_max_fds" &[], "How many may be";
    STARTED Gauge "process_start_time_seconds" &[], "When the process started, since 1970";
}
