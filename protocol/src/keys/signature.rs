//! What a group signs: an ordinary Ed25519 signature, that any verifier of RFC 8032 takes.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::crypto::group::{Signature, VerifyingKey};
use crate::crypto::point::Point;

/// An Ed25519 signature under a group's key.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupSignature {
    nonce: [u8; 32],
    response: [u8; 32],
}

impl GroupSignature {
    pub(super) const fn new(nonce: [u8; 32], response: [u8; 32]) -> Self {
        Self { nonce, response }
    }

    /// The signature with these bytes, valid or not.
    pub const fn from_bytes(bytes: &[u8; 64]) -> Self {
        let (nonce, rest) = bytes.split_first_chunk::<32>().expect("32 of 64 bytes");
        let (response, _) = rest.split_first_chunk::<32>().expect("32 of 32 bytes");
        Self { nonce: *nonce, response: *response }
    }

    /// The bytes, as RFC 8032 has them: `R`, then `S`.
    pub fn to_bytes(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        let halves = self.nonce.iter().chain(&self.response);
        bytes.iter_mut().zip(halves).for_each(|(byte, value)| *byte = *value);
        bytes
    }

    /// Whether it is of exactly these bytes under this key. Strict: whatever holds here holds for
    /// every verifier of RFC 8032.
    pub fn verify(&self, key: &Point, message: &[u8]) -> bool {
        let signature = Signature::from_bytes(&self.to_bytes());
        VerifyingKey::from_bytes(&key.to_bytes())
            .is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
    }
}

/// The first eight hexadecimal digits.
impl fmt::Debug for GroupSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.nonce;
        write!(f, "GroupSignature({a:02x}{b:02x}{c:02x}{d:02x})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::group::{Signer, SigningKey};
    use crate::wire;

    #[test]
    fn it_is_what_rfc_8032_says_and_every_bit_counts() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let point = Point::from_bytes(key.verifying_key().as_bytes()).unwrap();
        let signature = GroupSignature::from_bytes(&key.sign(b"message").to_bytes());
        assert!(signature.verify(&point, b"message"));
        assert!(!signature.verify(&point, b"massage"));
        assert!(!signature.verify(&Point::identity(), b"message"));
        let bytes = signature.to_bytes();
        assert_eq!(bytes, key.sign(b"message").to_bytes());
        for bit in 0..512 {
            let mut changed = bytes;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(!GroupSignature::from_bytes(&changed).verify(&point, b"message"));
        }
        assert_eq!(wire::encode(&signature), bytes);
        assert_eq!(wire::decode(&bytes, 64), Ok(signature));
    }
}
