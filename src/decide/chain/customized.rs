//! Which overrides changed something, and the hash that tells such chains from others (semantics 4.5).

use super::Overrides;

/// The overrides that took effect.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Customized {
    pub(super) mesh_gateway: bool,
    pub(super) protocol: bool,
    pub(super) connect_timeout: bool,
}

impl Customized {
    /// Eight hex digits over those overrides; empty where none took effect.
    pub(super) fn hash(self, overrides: &Overrides) -> String {
        if self == Self::default() {
            return String::new();
        }
        let mut text = String::new();
        if self.mesh_gateway {
            text.push_str(&overrides.mesh_gateway);
        }
        text.push('\0');
        if self.protocol {
            text.push_str(&overrides.protocol);
        }
        text.push('\0');
        if self.connect_timeout {
            text.push_str(&overrides.connect_timeout.to_string());
        }
        format!("{:08x}", fnv_1a(text.as_bytes()))
    }
}

/// FNV-1a, 32 bits: the same in every process and version.
fn fnv_1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::duration::GoDuration;

    #[test]
    fn the_hash_is_over_the_overrides_that_took_effect_alone() {
        let overrides = Overrides { mesh_gateway: "remote".into(), protocol: "tcp".into(), connect_timeout: GoDuration::from_secs(1) };
        let none = Customized::default();
        let protocol = Customized { protocol: true, ..none };
        let gateway = Customized { mesh_gateway: true, ..none };
        assert_eq!(none.hash(&overrides), "");
        assert_eq!(protocol.hash(&overrides).len(), 8);
        assert_eq!(protocol.hash(&overrides), protocol.hash(&Overrides { protocol: "tcp".into(), ..Overrides::default() }));
        assert_ne!(protocol.hash(&overrides), gateway.hash(&overrides));
    }
}
