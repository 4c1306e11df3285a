//! A group's public key, as the rest of the world sees it: an ordinary Ed25519 key (RFC 8032).
//!
//! What a group signs is the message itself, without a prefix or hash of ours, so that any verifier
//! takes it. What keeps signatures of different purposes apart is that each purpose has a key of its
//! own, and that what is signed with the certificate key says what it is in its first bytes.
//!
//! As for members' keys, a key is of prime order and canonically encoded by construction, and
//! verification is strict: nobody without the key can turn one valid signature into another.

use std::fmt;
use std::str::FromStr;

use crate::crypto::point::Point;
use crate::keys::{GroupKey, GroupSignature};

/// The public key of a group: what its signatures are verified with, and nothing else is known of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct GroupPublic(Point);

impl GroupPublic {
    /// The key with this encoding; `None` if it is not canonical, not of prime order, or zero.
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        Point::from_bytes(bytes).filter(|point| !point.is_identity()).map(Self)
    }

    /// The key's encoding.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Whether the group signed `message`.
    pub fn verify(&self, message: &[u8], signature: &GroupSignature) -> bool {
        signature.verify(&self.0, message)
    }
}

impl From<&GroupKey> for GroupPublic {
    fn from(key: &GroupKey) -> Self {
        Self(*key.key())
    }
}

/// All 64 hexadecimal digits.
impl fmt::Display for GroupPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The first eight hexadecimal digits.
impl fmt::Debug for GroupPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.to_bytes();
        write!(f, "{a:02x}{b:02x}{c:02x}{d:02x}")
    }
}

/// Text that is no group's key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAKey {
    /// Not 64 hexadecimal digits.
    #[error("a network key is 64 digits from 0 to 9, a to f")]
    Digits,
    /// 32 bytes that no group has as its key.
    #[error("these digits are of no network's key: some of them are wrong")]
    Unsound,
}

impl FromStr for GroupPublic {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        let digits: Vec<u8> =
            text.chars().filter_map(|c| u8::try_from(c.to_digit(16)?).ok()).collect();
        let mut bytes = [0; 32];
        if text.chars().count() != 2 * bytes.len() || digits.len() != 2 * bytes.len() {
            return Err(NotAKey::Digits);
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = pair.iter().fold(0, |value, digit| value << 4 | digit);
        }
        Self::from_bytes(&bytes).ok_or(NotAKey::Unsound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::group::{Signer, SigningKey};

    /// Adding the order of the group to the response gives the same scalar in another encoding.
    #[test]
    fn a_second_encoding_of_a_signature_is_refused() {
        let order: [u8; 32] = [
            0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9,
            0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
        ];
        let key = SigningKey::from_bytes(&[7; 32]);
        let public = GroupPublic::from_bytes(key.verifying_key().as_bytes()).unwrap();
        let mut bytes = key.sign(b"message").to_bytes();
        let mut carry = 0;
        for (byte, add) in bytes[32..].iter_mut().zip(order) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            (*byte, carry) = (sum as u8, sum >> 8);
        }
        assert!(!public.verify(b"message", &GroupSignature::from_bytes(&bytes)));
    }

    /// Ideal groups have only elements of prime order, and one encoding of each.
    #[cfg(not(quorate_ideal))]
    #[test]
    fn keys_that_are_zero_or_of_small_or_mixed_order_are_refused() {
        use curve25519_dalek::constants::EIGHT_TORSION;

        let sound = *SigningKey::from_bytes(&[7; 32]).verifying_key().as_bytes();
        let point = *Point::from_bytes(&sound).unwrap().edwards();
        for torsion in &EIGHT_TORSION {
            assert_eq!(GroupPublic::from_bytes(&torsion.compress().to_bytes()), None);
        }
        for torsion in &EIGHT_TORSION[1..] {
            assert_eq!(GroupPublic::from_bytes(&(point + torsion).compress().to_bytes()), None);
        }
        assert!(GroupPublic::from_bytes(&sound).is_some());
    }

    #[test]
    fn a_key_is_read_as_it_is_printed() {
        let public = *SigningKey::from_bytes(&[7; 32]).verifying_key().as_bytes();
        let public = GroupPublic::from_bytes(&public).unwrap();
        let text = public.to_string();
        assert_eq!(text.parse(), Ok(public));
        assert_eq!(text.to_uppercase().parse(), Ok(public));
        for bad in ["", "ab", &text[1..], &format!("{text}0"), &text.replace('a', "g")] {
            assert_eq!(bad.parse::<GroupPublic>(), Err(NotAKey::Digits), "{bad}");
        }
        let all = "f".repeat(64);
        assert_eq!(all.parse::<GroupPublic>(), Err(NotAKey::Unsound));
    }
}
