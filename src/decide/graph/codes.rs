//! The stable codes of what is wrong with a set of entries: `docs/codes.md` is made of this.

macro_rules! codes {
    ($($name:ident $code:literal $meaning:literal,)*) => {
        $(#[doc = $meaning] pub const $name: &str = $code;)*

        /// Every code and what it means.
        pub const ALL: &[(&str, &str)] = &[$(($code, $meaning),)*];
    };
}

codes! {
    CIRCULAR_REDIRECT "GW0401" "resolvers that redirect in a circle",
    CIRCULAR_REFERENCE "GW0402" "splitters that lead back to themselves",
    INCONSISTENT_PROTOCOLS "GW0403" "services of one chain with different protocols",
    NO_ADVANCED_ROUTING "GW0404" "a router or splitter of a service that is not http, http2 or grpc",
    MISSING_SUBSET "GW0405" "a subset that the service's resolver does not define",
    EXTERNAL "GW0406" "a service with an ExternalSNI that has subsets, a redirect or failover",
    TOO_MANY_LEGS "GW0407" "splitters of splitters that multiply beyond a limit of gw",
    LISTENER_PROTOCOL "GW0408" "an ingress listener of another protocol than a service of it",
    CRASH "GW0409" "nested splits whose header edits end a Consul server",
    HOST_TWICE "GW0410" "a host that is on a listener twice",
    SHADOWED "GW0411" "a route that no request reaches",
    PROTOCOL_UNSET "GW0412" "service-defaults without a Protocol that undo the one of proxy-defaults",
    SPELLING "GW0413" "a reference in another case than the entry that it names",
    PERMISSIONS_ON_TCP "GW0414" "permissions on requests of a service that is not http, http2 or grpc",
    NO_JWT_PROVIDER "GW0415" "intentions that name a jwt-provider that is not there",
    GATEWAY_NAME "GW0416" "an ingress and a terminating gateway of one name",
    ONLY_DEFAULT "GW0417" "permissions that all say what the default policy says anyway",
    DEFAULT_DECIDES "GW0418" "requests that the default policy decides, and not a lower intention",
    PERMISSION_SHADOWED "GW0419" "a permission that no request reaches",
    HIDES "GW0420" "an intention for every source that hides others for every service",
    EXPORTED "GW0421" "a service that is exported to peers, and whose chain leads to another datacenter or peer",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_given_once_and_in_order() {
        assert!(ALL.windows(2).all(|w| w[0].0 < w[1].0));
    }
}
