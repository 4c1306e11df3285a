//! Ed25519's signatures, as RFC 8032 has them but for the group. See the [module](super).

use curve25519_dalek::scalar::Scalar;
use ed25519_dalek::{Sha512, Signature, SignatureError, Signer};
use zeroize::Zeroizing;

use super::ideal::{CompressedEdwardsY, EdwardsPoint};

/// A signing key: its seed, and what is expanded from it.
#[derive(Clone)]
pub struct SigningKey {
    seed: Zeroizing<[u8; 32]>,
    scalar: Zeroizing<Scalar>,
    public: VerifyingKey,
}

impl SigningKey {
    /// The key with this seed.
    pub fn from_bytes(seed: &[u8; 32]) -> Self {
        let scalar = Zeroizing::new(Scalar::hash_from_bytes::<Sha512>(seed));
        let point = EdwardsPoint::mul_base(&scalar);
        let public = VerifyingKey { point, encoding: point.compress() };
        Self { seed: Zeroizing::new(*seed), scalar, public }
    }

    /// The seed.
    pub fn to_bytes(&self) -> [u8; 32] {
        *self.seed
    }

    /// What its signatures are verified with.
    pub const fn verifying_key(&self) -> VerifyingKey {
        self.public
    }
}

impl Signer<Signature> for SigningKey {
    fn try_sign(&self, message: &[u8]) -> Result<Signature, SignatureError> {
        let nonce = [b"nonce".as_slice(), self.seed.as_slice(), message].concat();
        let nonce = Zeroizing::new(Scalar::hash_from_bytes::<Sha512>(&Zeroizing::new(nonce)));
        let committed = EdwardsPoint::mul_base(&nonce).compress().to_bytes();
        let response = *nonce + challenge(&committed, &self.public, message) * *self.scalar;
        Ok(Signature::from_components(committed, response.to_bytes()))
    }
}

/// What signatures are verified with: any element, the identity too.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VerifyingKey {
    point: EdwardsPoint,
    encoding: CompressedEdwardsY,
}

impl VerifyingKey {
    /// The key with this encoding.
    ///
    /// # Errors
    /// The bytes encode no element.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, SignatureError> {
        let encoding = CompressedEdwardsY(*bytes);
        let point = encoding.decompress().ok_or_else(SignatureError::new)?;
        Ok(Self { point, encoding })
    }

    /// The encoding.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        self.encoding.as_bytes()
    }

    /// The element.
    pub const fn to_edwards(&self) -> EdwardsPoint {
        self.point
    }

    /// Whether the signature is of this message.
    ///
    /// # Errors
    /// It is not, or key or nonce are the identity.
    pub fn verify_strict(
        &self,
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), SignatureError> {
        let committed = CompressedEdwardsY(*signature.r_bytes()).decompress();
        let response: Option<Scalar> = Scalar::from_canonical_bytes(*signature.s_bytes()).into();
        let (Some(committed), Some(response)) = (committed, response) else {
            return Err(SignatureError::new());
        };
        let challenge = challenge(signature.r_bytes(), self, message);
        let holds = !self.point.is_small_order()
            && !committed.is_small_order()
            && EdwardsPoint::mul_base(&response) == committed + self.point * challenge;
        holds.then_some(()).ok_or_else(SignatureError::new)
    }
}

/// As in RFC 8032, section 5.1.6.
fn challenge(committed: &[u8; 32], key: &VerifyingKey, message: &[u8]) -> Scalar {
    let input = [committed.as_slice(), key.as_bytes(), message].concat();
    Scalar::hash_from_bytes::<Sha512>(&input)
}
