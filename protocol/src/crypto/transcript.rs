//! Named hashing: every digest, seed, challenge and random oracle of the protocols.
//!
//! A transcript starts with a [`Tag`] and a label, which together name what the hash is for, and
//! then takes items. Each item is hashed with its kind and its length, so that two different lists
//! of items never hash the same bytes. What is drawn from a transcript (a digest, wide bytes, a
//! generator, a point) is separated by how it is drawn: publishing a digest tells nothing of a
//! generator made from the same items.
//!
//! Items may be secret: a transcript does not print and is wiped when dropped.

use std::fmt;
use std::sync::LazyLock;

use blake3::hazmat::{ContextKey, HasherExt, hash_derive_key_context};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, Zeroizing};

use super::group::{RistrettoPoint, Scalar};
use crate::math::Field;
use crate::tag::Tag;
use crate::zoo::{self, Mutant};

/// What all transcripts are hashed in, itself hashed once.
static CONTEXT: LazyLock<ContextKey> =
    LazyLock::new(|| hash_derive_key_context("quorate 2026 crypto transcript v1"));

/// A 32-byte hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// All 64 hexadecimal digits.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The first eight hexadecimal digits.
impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "{a:02x}{b:02x}{c:02x}{d:02x}")
    }
}

// Kinds of items, and after them kinds of results.
const BYTES: u8 = 0;
const U64: u8 = 1;
const TAG: u8 = 2;
const TEXT: u8 = 3;
const POINT: u8 = 4;
const INTO_DIGEST: u8 = 128;
const INTO_WIDE: u8 = 129;
const INTO_RNG: u8 = 130;

/// A hash under construction.
#[derive(Clone)]
pub struct Transcript(blake3::Hasher);

impl Transcript {
    /// The start of a hash that serves the purpose `label` in the instance `tag`.
    pub fn new(tag: &Tag, label: &str) -> Self {
        let mut transcript = Self(blake3::Hasher::new_from_context_key(&CONTEXT));
        transcript.tag(tag).text(label);
        transcript
    }

    /// Adds bytes.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.item(BYTES, bytes)
    }

    /// Adds a number.
    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.item(U64, &value.to_le_bytes())
    }

    /// Adds the name of an instance.
    pub fn tag(&mut self, tag: &Tag) -> &mut Self {
        self.item(TAG, tag.as_bytes())
    }

    /// Adds text.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.item(TEXT, text.as_bytes())
    }

    /// Adds a group element.
    pub fn point(&mut self, point: &RistrettoPoint) -> &mut Self {
        self.item(POINT, point.compress().as_bytes())
    }

    /// The hash of what was added so far.
    pub fn digest(&self) -> Digest {
        Digest(self.finish(INTO_DIGEST))
    }

    /// 64 pseudorandom bytes, independent of the digest.
    pub fn wide(&self) -> [u8; 64] {
        self.finish(INTO_WIDE)
    }

    /// A generator seeded with what was added so far.
    pub fn rng(&self) -> ChaCha20Rng {
        let seed: Zeroizing<[u8; 32]> = Zeroizing::new(self.finish(INTO_RNG));
        ChaCha20Rng::from_seed(*seed)
    }

    /// A scalar, uniform up to a distance of 2^-250.
    pub fn scalar(&self) -> Scalar {
        Scalar::from_bytes_mod_order_wide(&Zeroizing::new(self.wide()))
    }

    /// An exactly uniform field element.
    pub fn field<F: Field>(&self) -> F {
        F::random(&mut self.rng())
    }

    /// A group element of which nobody knows a discrete logarithm.
    pub fn group(&self) -> RistrettoPoint {
        RistrettoPoint::from_uniform_bytes(&self.wide())
    }

    fn item(&mut self, kind: u8, bytes: &[u8]) -> &mut Self {
        if !zoo::on(Mutant::ListsAmbiguous) {
            let [a, b, c, d, e, f, g, h] = (bytes.len() as u64).to_le_bytes();
            self.0.update(&[kind, a, b, c, d, e, f, g, h]);
        }
        self.0.update(bytes);
        self
    }

    fn finish<const N: usize>(&self, kind: u8) -> [u8; N] {
        let mut last = self.clone();
        last.item(kind, &[]);
        let mut reader = last.0.finalize_xof();
        let mut bytes = [0; N];
        reader.fill(&mut bytes);
        reader.zeroize();
        bytes
    }
}

impl fmt::Debug for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transcript")
    }
}

impl Drop for Transcript {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag() -> Tag {
        Tag::root(&[0; 32], 0)
    }

    fn start() -> Transcript {
        Transcript::new(&tag(), "test")
    }

    #[test]
    fn different_items_give_different_digests() {
        let zeros = str::from_utf8(&[0; 8]).unwrap();
        let mut digests = vec![
            start().digest(),
            Transcript::new(&tag(), "tes").digest(),
            Transcript::new(&tag().child("a"), "test").digest(),
            start().bytes(b"").digest(),
            start().bytes(b"").bytes(b"").digest(),
            start().bytes(b"ab").digest(),
            start().bytes(b"a").bytes(b"b").digest(),
            start().bytes(b"a\0b").digest(),
            start().bytes(b"b").bytes(b"a").digest(),
            start().bytes(&[0; 8]).digest(),
            start().text(zeros).digest(),
            start().u64(0).digest(),
            start().bytes(&[0; 32]).digest(),
            start().bytes(tag().as_bytes()).digest(),
            start().tag(&tag()).digest(),
            start().point(&RistrettoPoint::default()).digest(),
        ];
        let count = digests.len();
        digests.sort();
        digests.dedup();
        assert_eq!(digests.len(), count);
    }

    #[test]
    fn results_of_different_kinds_are_independent() {
        let digest = start().digest();
        let wide = start().wide();
        let mut seeded = [0; 32];
        rand::Rng::fill_bytes(&mut start().rng(), &mut seeded);
        assert_ne!(digest.as_bytes()[..], wide[..32]);
        assert_ne!(digest.as_bytes()[..], seeded);
        assert_ne!(start().rng(), ChaCha20Rng::from_seed(*digest.as_bytes()));
        assert_ne!(start().rng(), ChaCha20Rng::from_seed(wide[..32].try_into().unwrap()));
    }

    #[test]
    fn a_transcript_is_a_function_of_its_items() {
        let make = || {
            let mut transcript = start();
            transcript.u64(7).bytes(b"x");
            transcript
        };
        assert_eq!(make().digest(), make().digest());
        assert_eq!(make().scalar(), make().scalar());
        assert_eq!(make().group(), make().group());
        assert_eq!(make().rng(), make().rng());
    }

    #[test]
    fn a_digest_prints_in_hexadecimal() {
        let digest = Digest::from([0xab; 32]);
        assert_eq!(digest.to_string(), "ab".repeat(32));
        assert_eq!(format!("{digest:?}"), "abababab");
        assert_eq!(format!("{:?}", start().bytes(b"secret")), "Transcript");
    }
}
