//! The only chance in the program, and it can be seeded.

use std::hash::{BuildHasher, RandomState};

/// A small, fast generator (splitmix64). Not for keys: those come from the TLS library.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// Repeats itself for the same seed.
    pub const fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// Differs in each process and each call.
    pub fn from_entropy() -> Self {
        Self(RandomState::new().hash_one(0u8))
    }

    /// The next 64 bits.
    pub const fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..sides`; 0 if there are no sides.
    pub const fn below(&mut self, sides: u32) -> u32 {
        // The high half of a 32 by 32 bit product: even enough for any number of sides, without a division.
        (((self.next_u64() >> 32) * sides as u64) >> 32) as u32
    }

    /// Sixteen bytes, for ids.
    pub fn bytes(&mut self) -> [u8; 16] {
        let mut out = [0; 16];
        out[..8].copy_from_slice(&self.next_u64().to_le_bytes());
        out[8..].copy_from_slice(&self.next_u64().to_le_bytes());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_throws_the_same() {
        let (mut a, mut b) = (Rng::seeded(7), Rng::seeded(7));
        assert!((0..100).all(|_| a.next_u64() == b.next_u64()));
    }

    #[test]
    fn throws_are_below_their_sides_and_even() {
        let mut rng = Rng::seeded(1);
        let mut seen = [0u32; 6];
        for _ in 0..60_000 {
            seen[rng.below(6) as usize] += 1;
        }
        assert!(seen.iter().all(|n| (9_500..10_500).contains(n)), "{seen:?}");
        assert_eq!(rng.below(1), 0);
    }
}
