//! The identity of a text before the collector has numbered it: SipHash-2-4 of its kind and bytes
//! under a key that belongs to the store.
//!
//! The key makes collisions impossible to prepare from outside; the collector still compares texts
//! and counts collisions. Written out here because the hash is part of the wire format and must
//! never change (the standard library does not promise its own).

use crate::TextKind;

/// The key of a store for hashing texts, made when the store is created and kept with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct HashSeed(pub u128);

impl HashSeed {
    /// The hash by which a text is known until the collector has numbered it.
    #[must_use]
    pub fn hash(self, kind: TextKind, text: &str) -> u64 {
        let mut state = SipState::new(self.0);
        let mut head = [0u8; 8];
        head[0] = kind as u8;
        state.word(u64::from_le_bytes(head));
        let (words, tail) = text.as_bytes().as_chunks::<8>();
        for word in words {
            state.word(u64::from_le_bytes(*word));
        }
        state.finish(tail, 8 + text.len())
    }
}

struct SipState([u64; 4]);

impl SipState {
    fn new(key: u128) -> Self {
        let key = key.to_le_bytes();
        let (halves, _) = key.as_chunks::<8>();
        let (low, high) = (u64::from_le_bytes(halves[0]), u64::from_le_bytes(halves[1]));
        Self([
            low ^ 0x736f_6d65_7073_6575,
            high ^ 0x646f_7261_6e64_6f6d,
            low ^ 0x6c79_6765_6e65_7261,
            high ^ 0x7465_6462_7974_6573,
        ])
    }

    fn round(&mut self) {
        let [a, b, c, d] = &mut self.0;
        *a = a.wrapping_add(*b);
        *b = b.rotate_left(13) ^ *a;
        *a = a.rotate_left(32);
        *c = c.wrapping_add(*d);
        *d = d.rotate_left(16) ^ *c;
        *a = a.wrapping_add(*d);
        *d = d.rotate_left(21) ^ *a;
        *c = c.wrapping_add(*b);
        *b = b.rotate_left(17) ^ *c;
        *c = c.rotate_left(32);
    }

    fn word(&mut self, word: u64) {
        self.0[3] ^= word;
        self.round();
        self.round();
        self.0[0] ^= word;
    }

    fn finish(mut self, tail: &[u8], length: usize) -> u64 {
        let mut last = [0; 8];
        last[..tail.len()].copy_from_slice(tail);
        last[7] = length.to_le_bytes()[0];
        self.word(u64::from_le_bytes(last));
        self.0[2] ^= 0xff;
        for _ in 0..4 {
            self.round();
        }
        self.0.iter().fold(0, |sum, word| sum ^ word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_vector_of_siphash_2_4_holds() {
        // Key 00..0f, input 00..0e (the paper's Appendix A).
        let mut state =
            SipState::new(u128::from_le_bytes(std::array::from_fn(|at| at.to_le_bytes()[0])));
        state.word(u64::from_le_bytes(std::array::from_fn(|at| at.to_le_bytes()[0])));
        assert_eq!(state.finish(&[8, 9, 10, 11, 12, 13, 14], 15), 0xa129_ca61_49be_45e5);
    }

    #[test]
    fn kind_and_seed_are_part_of_the_hash() {
        let hash = HashSeed(1).hash(TextKind::Sql, "SELECT 1");
        assert_ne!(hash, HashSeed(1).hash(TextKind::Api, "SELECT 1"));
        assert_ne!(hash, HashSeed(2).hash(TextKind::Sql, "SELECT 1"));
        assert_eq!(hash, HashSeed(1).hash(TextKind::Sql, "SELECT 1"));
    }
}
