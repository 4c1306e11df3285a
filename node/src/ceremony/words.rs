//! Check-words: six words by which people make sure that they have the same roster.
//!
//! # Why
//! Whoever passes rosters around can pass different ones to different members, with keys of its own
//! in the place of theirs, and then sit between them. Nothing that comes by the same way can show
//! that. People who know each other's voices can: they read the words to each other.
//!
//! # How they are made
//! The digest of the roster is stretched with Argon2id (64 MiB, 3 passes, 1 lane) to 66 bits: six
//! words from the 2048 of BIP 39, which differ in their first four letters.
//!
//! # What a forgery costs
//! The attacker chooses the keys that it puts in, and needs two rosters, one for each side, whose
//! words are the same: about `2^33` stretched digests, and all six words, since people compare all
//! of them. A stretched digest takes 0.15 to 0.2 seconds of a core and 64 MiB, so that is some 50
//! core-years, to be spent between the registration of the last member and the moment the others
//! want to go on. Against one fixed roster it takes `2^66`. Who wants more compares the digest.
//!
//! The list is that of BIP 39: <https://github.com/bitcoin/bips/tree/master/bip-0039> (MIT).

use std::fmt;

use quorate_protocol::crypto::Digest;

use crate::stretch::{USUAL_KIB, stretch};

/// All words, one a line, in the order of BIP 39.
const LIST: &str = include_str!("words.txt");
/// How many stand for a roster.
const COUNT: usize = 6;
/// Bits that a word carries.
const BITS: usize = 11;

const PASSES: u32 = 3;
const SALT: &[u8] = b"quorate check-words v1";

/// Words that stand for a roster.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CheckWords([&'static str; COUNT]);

impl CheckWords {
    /// The words of the network with this digest. Takes a fifth of a second, on purpose.
    ///
    /// # Panics
    /// If the parameters here are none for Argon2id, or there is no memory: a bug, or no way to go
    /// on.
    pub fn of(network: &Digest) -> Self {
        let mut stretched = [0; 9];
        stretch((USUAL_KIB, PASSES), network.as_bytes(), SALT, &mut stretched)
            .expect("there is memory, and these are parameters of Argon2id");
        Self::from_bits(&stretched)
    }

    fn from_bits(stretched: &[u8; 9]) -> Self {
        let mut bits = stretched.iter().fold(0u128, |bits, byte| bits << 8 | u128::from(*byte));
        let list: Vec<&'static str> = LIST.lines().collect();
        let words = std::array::from_fn(|_| {
            let index = bits & ((1 << BITS) - 1);
            bits >>= BITS;
            let word = usize::try_from(index).ok().and_then(|index| list.get(index));
            word.copied().unwrap_or_default()
        });
        Self(words)
    }

    /// The words, in order.
    pub const fn words(&self) -> &[&'static str; COUNT] {
        &self.0
    }
}

/// With blanks between, to be read aloud.
impl fmt::Display for CheckWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_that_of_bip_39() {
        let words: Vec<_> = LIST.lines().collect();
        assert_eq!((words.len(), words[0], words[2047]), (2048, "abandon", "zoo"));
        let starts = |word: &&str| word.chars().take(4).collect::<String>();
        let mut short: Vec<_> = words.iter().map(starts).collect();
        short.dedup();
        assert_eq!(short.len(), 2048, "four letters tell all words apart");
        let digest = blake3::hash(LIST.as_bytes()).to_string();
        assert_eq!(digest, "43afe08c75f902534cfd2a694bef11db381f4804cd3ef76cd05a8ad0d7199122");
    }

    #[test]
    fn every_digest_has_its_own_words_always_the_same() {
        // A format that members of different versions must agree on.
        let zero = CheckWords::of(&Digest::from([0; 32]));
        assert_eq!(zero.to_string(), "wish coconut basic boat loop noble");
        assert_ne!(zero, CheckWords::of(&Digest::from([1; 32])));
    }

    #[test]
    fn all_sixty_six_bits_count() {
        let base = CheckWords::from_bits(&[0; 9]);
        for bit in 0..66 {
            let mut changed = [0u8; 9];
            changed[8 - bit / 8] = 1 << (bit % 8);
            let words = CheckWords::from_bits(&changed);
            let differ = words.words().iter().zip(base.words()).filter(|(a, b)| a != b).count();
            assert_eq!(differ, 1, "bit {bit}");
        }
    }
}
