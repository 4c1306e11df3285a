//! Who signed: members' Ed25519 keys.
//!
//! A signature is over a hash of an instance's [`Tag`], a label and the message, behind a fixed
//! prefix: it holds for that purpose in that instance and nowhere else, nor for anything another
//! program signs with the same key.
//!
//! Ed25519 verifiers differ on keys and nonces with a small-order part. Here a public key is of
//! prime order and canonically encoded by construction, verification is always strict and never
//! batched, so all parties accept the same signatures.

use std::fmt;

use rand::CryptoRng;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::group::{self, Signer, SigningKey, VerifyingKey};
use super::transcript::Transcript;
use crate::secret::Secret;
use crate::tag::Tag;

const PREFIX: &[u8] = b"quorate identity signature v1";

/// A member's signing key. Does not print; wiped when dropped.
#[derive(Clone)]
pub struct IdentityKey(SigningKey);

impl IdentityKey {
    /// A new key.
    pub fn generate<R: CryptoRng + ?Sized>(rng: &mut R) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *seed);
        Self::from_bytes(&seed)
    }

    /// The key with this seed (RFC 8032's private key).
    pub fn from_bytes(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The key's seed.
    pub fn to_bytes(&self) -> Secret<[u8; 32]> {
        Secret::new(self.0.to_bytes())
    }

    /// What others verify with.
    pub fn public(&self) -> IdentityPublic {
        IdentityPublic(self.0.verifying_key())
    }

    /// Signs `message` for the purpose `label` in the instance `tag`. Deterministic.
    pub fn sign(&self, tag: &Tag, label: &str, message: &[u8]) -> Signature {
        Signature(self.0.sign(&statement(tag, label, message)).to_bytes())
    }
}

impl fmt::Debug for IdentityKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdentityKey({:?})", self.public())
    }
}

/// A member's public key: of prime order, canonically encoded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct IdentityPublic(VerifyingKey);

impl IdentityPublic {
    /// The key with this encoding; `None` if it is no point, not canonical, of small order, or has
    /// a small-order part.
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let key = VerifyingKey::from_bytes(bytes).ok()?;
        let point = key.to_edwards();
        // No point of prime order has a second encoding, so none that is not canonical passes.
        let sound = !point.is_small_order() && point.is_torsion_free();
        sound.then_some(Self(key))
    }

    /// The key's encoding.
    pub fn to_bytes(&self) -> [u8; 32] {
        *self.0.as_bytes()
    }

    /// Whether the owner signed `message` for the purpose `label` in the instance `tag`.
    pub fn verify(&self, tag: &Tag, label: &str, message: &[u8], signature: &Signature) -> bool {
        let signature = group::Signature::from_bytes(&signature.0);
        self.0.verify_strict(&statement(tag, label, message), &signature).is_ok()
    }
}

/// The bytes that are signed.
fn statement(tag: &Tag, label: &str, message: &[u8]) -> Vec<u8> {
    let mut transcript = Transcript::new(tag, "identity signature");
    let digest = transcript.text(label).bytes(message).digest();
    [PREFIX, digest.as_bytes()].concat()
}

impl PartialOrd for IdentityPublic {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for IdentityPublic {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.as_bytes().cmp(other.0.as_bytes())
    }
}

/// All 64 hexadecimal digits.
impl fmt::Display for IdentityPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The first eight hexadecimal digits.
impl fmt::Debug for IdentityPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0.as_bytes();
        write!(f, "{a:02x}{b:02x}{c:02x}{d:02x}")
    }
}

impl Serialize for IdentityPublic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.as_bytes().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for IdentityPublic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = <[u8; 32]>::deserialize(deserializer)?;
        Self::from_bytes(&bytes).ok_or_else(|| serde::de::Error::custom("not a sound key"))
    }
}

/// An Ed25519 signature.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 64]);

impl Signature {
    /// The signature with these bytes, valid or not.
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn to_bytes(&self) -> [u8; 64] {
        self.0
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "Signature({a:02x}{b:02x}{c:02x}{d:02x})")
    }
}

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (nonce, response) = self.0.split_at(32);
        let halves: (Result<&[u8; 32], _>, Result<&[u8; 32], _>) =
            (nonce.try_into(), response.try_into());
        match halves {
            (Ok(nonce), Ok(response)) => (nonce, response).serialize(serializer),
            _ => unreachable!("64 bytes are two times 32"),
        }
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (nonce, response) = <([u8; 32], [u8; 32])>::deserialize(deserializer)?;
        let mut bytes = [0; 64];
        let halves = nonce.into_iter().chain(response);
        bytes.iter_mut().zip(halves).for_each(|(byte, value)| *byte = value);
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire;

    fn tag() -> Tag {
        Tag::root(&[0; 32], 0)
    }

    fn key() -> IdentityKey {
        IdentityKey::from_bytes(&[7; 32])
    }

    #[test]
    fn a_signature_holds_for_its_key_tag_label_and_message_only() {
        let signature = key().sign(&tag(), "a", b"m");
        let public = key().public();
        assert!(public.verify(&tag(), "a", b"m", &signature));
        assert!(!public.verify(&tag().child("x"), "a", b"m", &signature));
        assert!(!public.verify(&tag(), "b", b"m", &signature));
        assert!(!public.verify(&tag(), "", b"am", &signature));
        assert!(!public.verify(&tag(), "a", b"n", &signature));
        let other = IdentityKey::from_bytes(&[8; 32]).public();
        assert!(!other.verify(&tag(), "a", b"m", &signature));
    }

    #[test]
    fn a_signature_with_any_byte_changed_is_refused() {
        let bytes = key().sign(&tag(), "a", b"m").to_bytes();
        for i in 0..64 {
            for flip in [1, 0x80] {
                let mut changed = bytes;
                changed[i] ^= flip;
                assert!(!key().public().verify(&tag(), "a", b"m", &Signature::from_bytes(changed)));
            }
        }
    }

    /// Ideal groups have only elements of prime order, and one encoding of each.
    #[cfg(not(quorate_ideal))]
    #[test]
    fn small_order_torsioned_and_non_canonical_keys_are_refused() {
        use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
        use curve25519_dalek::edwards::CompressedEdwardsY;

        for torsion in &EIGHT_TORSION {
            assert_eq!(IdentityPublic::from_bytes(&torsion.compress().to_bytes()), None);
        }
        for torsion in &EIGHT_TORSION[1..] {
            let mixed = (ED25519_BASEPOINT_POINT + torsion).compress().to_bytes();
            assert!(VerifyingKey::from_bytes(&mixed).is_ok());
            assert_eq!(IdentityPublic::from_bytes(&mixed), None);
            assert!(wire::decode::<IdentityPublic>(&mixed, 32).is_err());
        }
        // All encodings that are not canonical: y from p to 2^255 - 1, and x = 0 with a sign.
        for low in 0xed..=0xff_u8 {
            for sign in [0x7f, 0xff] {
                let mut bytes = [0xff; 32];
                bytes[0] = low;
                bytes[31] = sign;
                assert_eq!(IdentityPublic::from_bytes(&bytes), None);
            }
        }
        let negative_zero =
            CompressedEdwardsY([[1].as_slice(), &[0; 30], &[0x80]].concat().try_into().unwrap());
        assert!(IdentityPublic::from_bytes(&negative_zero.0).is_none());
        assert!((0..=255).any(|b| CompressedEdwardsY([b; 32]).decompress().is_none()));
        assert!(IdentityPublic::from_bytes(&key().public().to_bytes()).is_some());
    }

    #[test]
    fn keys_and_signatures_encode_and_secrets_do_not_print() {
        let public = key().public();
        assert_eq!(wire::decode(&wire::encode(&public), 32), Ok(public));
        let signature = key().sign(&tag(), "a", b"m");
        assert_eq!(wire::encode(&signature), signature.to_bytes());
        assert_eq!(wire::decode(&wire::encode(&signature), 64), Ok(signature));
        assert_eq!(IdentityKey::from_bytes(key().to_bytes().expose()).public(), public);
        assert_eq!(format!("{:?}", key()), format!("IdentityKey({public:?})"));
        assert!(public.to_string().starts_with(&format!("{public:?}")));
    }
}
