//! The stable codes of what is wrong with a config entry, one line each: `docs/codes.md` is made of this.

macro_rules! codes {
    ($($name:ident $code:literal $meaning:literal,)*) => {
        $(#[doc = $meaning] pub const $name: &str = $code;)*

        /// Every code and what it means.
        pub const ALL: &[(&str, &str)] = &[$(($code, $meaning),)*];
    };
}

codes! {
    SYNTAX "GW0101" "the text is no HCL, JSON or TOML",
    UNKNOWN_FIELD "GW0102" "a field that this kind of entry does not have",
    TYPE "GW0103" "a value of a type that cannot be taken for the field's",
    DURATION "GW0104" "a duration that cannot be read",
    KIND "GW0105" "the kind is missing or none that Consul knows",
    ENTERPRISE "GW0106" "a kind or field of Consul Enterprise",
    NULL_IN_LIST "GW0107" "null inside a list of an opaque map: it ends a Consul server",
    DEPTH "GW0108" "values nested too deep",
    NAME "GW0201" "the name of an entry or of something in it is missing or not allowed",
    META "GW0202" "Meta is too big",
    VALUE "GW0203" "a value that the field does not take",
    EXCLUSIVE "GW0204" "fields that exclude each other, or one that needs another",
    PATH "GW0205" "a path that does not start with a slash",
    DUPLICATE "GW0206" "something that may stand once stands twice",
    SPLIT_SUM "GW0207" "the weights of a splitter do not sum to 100.00",
    FILTER "GW0208" "a filter that is no expression",
    SUBSET "GW0209" "a subset that the entry does not define",
    HOST "GW0210" "a host that is no DNS name",
    TLS "GW0211" "TLS parameters that do not fit together",
    SDS "GW0212" "SDS settings that do not fit together",
    EXTENSION "GW0213" "an Envoy extension that Consul does not take",
    EMPTY "GW0214" "something that must not be empty",
    CERTIFICATE "GW0215" "a certificate and a key that are none, or not each other's",
    PORT_RANGE "GW0216" "a port that is none",
    NOT_ACTED_ON "GW0301" "gw does not act on this kind of entry",
    REGEX "GW0302" "Consul takes this regular expression, and no proxy does",
    SELECTOR "GW0303" "a filter asks for what no instance has",
    MESH_GATEWAY_MODE "GW0304" "a mesh gateway mode that nobody knows",
    NANOSECONDS "GW0305" "a bare number for a duration is nanoseconds",
    HEADER_VALUE "GW0306" "a header edit that no proxy takes",
    PORT "GW0307" "a port that cannot be listened on",
    NO_RETRY "GW0308" "retries that never happen",
    NO_SNI "GW0309" "TLS towards a service without a name to check",
    JWT "GW0310" "a token that gw does not verify is asked for",
    CLEAR_TEXT "GW0311" "a server name where no TLS is spoken",
    TLS_NOT_SPOKEN "GW0312" "versions or suites of TLS that gw does not have",
    LOG_FORMAT "GW0313" "access records in a format of their own, which gw does not write",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_given_once_and_in_order() {
        assert!(ALL.windows(2).all(|w| w[0].0 < w[1].0));
    }
}
