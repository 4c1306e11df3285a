//! Proofs that powers of several bases share one exponent, which the prover knows.
//!
//! Chaum-Pedersen with the Fiat-Shamir transform, in ristretto255: for `y_i = x * b_i`,
//!
//! ```text
//! a_i = k * b_i;  c = H(context, b_1, y_1, a_1, b_2, ..);  z = k + c * x;  the proof is (c, z)
//! verify:  c = H(context, b_1, y_1, z * b_1 - c * y_1, b_2, ..)
//! ```
//!
//! The challenge is 252 bits wide and hashes the whole statement and the caller's context, so a
//! proof holds for one statement in one place. The nonce `k` is a hash of the exponent, the context
//! and the statement: the same proof is made each time, and no nonce serves two statements.
//!
//! With one pair it is a proof of knowledge of a discrete logarithm. Identity elements are refused
//! as bases and as powers: a statement about them says nothing.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::group::{Identity, RistrettoPoint, Scalar, VartimeMultiscalarMul};
use super::transcript::Transcript;
use crate::tag::Tag;
use crate::zoo::{self, Mutant};

/// A proof of equal discrete logarithms.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Proof {
    challenge: Scalar,
    response: Scalar,
}

impl Proof {
    /// Proves that `power = secret * base` for each pair `(base, power)`.
    ///
    /// What is proven must be true; a proof of something else does not verify.
    pub fn prove(
        secret: &Scalar,
        pairs: &[(RistrettoPoint, RistrettoPoint)],
        context: &Transcript,
    ) -> Self {
        let shared = zoo::on(Mutant::DleqNonceShared);
        let mut nonce =
            if shared { Transcript::new(&Tag::root(&[0; 32], 0), "") } else { context.clone() };
        nonce.text("dleq nonce").bytes(secret.as_bytes());
        for (base, power) in pairs.iter().filter(|_| !shared) {
            nonce.point(base).point(power);
        }
        let nonce = Zeroizing::new(nonce.scalar());
        let commitments = pairs.iter().map(|(base, _)| *nonce * base);
        let challenge = challenge(pairs, commitments, context);
        Self { challenge, response: *nonce + challenge * secret }
    }

    /// Whether the prover knew the one `x` with `power = x * base` for each pair `(base, power)`.
    /// False for an empty list and for any identity element.
    pub fn verify(&self, pairs: &[(RistrettoPoint, RistrettoPoint)], context: &Transcript) -> bool {
        let identity = RistrettoPoint::identity();
        if pairs.is_empty() || pairs.iter().any(|(b, y)| *b == identity || *y == identity) {
            return false;
        }
        let scalars = [self.response, -self.challenge];
        let commitments = pairs
            .iter()
            .map(|(base, power)| RistrettoPoint::vartime_multiscalar_mul(scalars, [base, power]));
        challenge(pairs, commitments, context) == self.challenge
    }
}

fn challenge(
    pairs: &[(RistrettoPoint, RistrettoPoint)],
    commitments: impl Iterator<Item = RistrettoPoint>,
    context: &Transcript,
) -> Scalar {
    let mut transcript = context.clone();
    transcript.text("dleq challenge").u64(pairs.len() as u64);
    for ((base, power), commitment) in pairs.iter().zip(commitments) {
        transcript.point(base).point(power).point(&commitment);
    }
    transcript.scalar()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::group::RISTRETTO_BASEPOINT_POINT as G;
    use crate::tag::Tag;
    use crate::wire;

    fn context(label: &str) -> Transcript {
        Transcript::new(&Tag::root(&[0; 32], 0), label)
    }

    fn statement(x: Scalar) -> Vec<(RistrettoPoint, RistrettoPoint)> {
        let h = context("h").group();
        vec![(G, x * G), (h, x * h)]
    }

    #[test]
    fn a_true_statement_is_proven_under_its_context_only() {
        let x = Scalar::from(1234567u64);
        for count in 1..=2 {
            let pairs = &statement(x)[..count];
            let proof = Proof::prove(&x, pairs, &context("a"));
            assert!(proof.verify(pairs, &context("a")));
            assert!(!proof.verify(pairs, &context("b")));
            let other = Transcript::new(&Tag::root(&[0; 32], 1), "a");
            assert!(!proof.verify(pairs, &other), "another tag");
        }
    }

    #[test]
    fn a_false_statement_is_not_proven() {
        let x = Scalar::from(1234567u64);
        let mut pairs = statement(x);
        pairs[1].1 += G;
        assert!(!Proof::prove(&x, &pairs, &context("a")).verify(&pairs, &context("a")));
        let proof = Proof::prove(&x, &statement(x), &context("a"));
        assert!(!proof.verify(&pairs, &context("a")));
        assert!(!proof.verify(&statement(x + Scalar::ONE), &context("a")));
        assert!(!proof.verify(&statement(x)[..1], &context("a")), "fewer pairs");
    }

    #[test]
    fn identity_elements_and_empty_statements_are_refused() {
        let zero = RistrettoPoint::identity();
        let prove = |x: Scalar, pairs: &[_]| {
            Proof::prove(&x, pairs, &context("a")).verify(pairs, &context("a"))
        };
        assert!(!prove(Scalar::ZERO, &[(G, zero)]));
        assert!(!prove(Scalar::ONE, &[(G, G), (zero, zero)]));
        assert!(!prove(Scalar::ONE, &[(zero, zero)]));
        assert!(!prove(Scalar::ONE, &[]));
    }

    #[test]
    fn every_changed_byte_is_refused_and_proofs_repeat() {
        let x = Scalar::from(99u64);
        let proof = Proof::prove(&x, &statement(x), &context("a"));
        assert_eq!(proof, Proof::prove(&x, &statement(x), &context("a")));
        let bytes = wire::encode(&proof);
        assert_eq!(bytes.len(), 64);
        for i in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[i] ^= 1;
            if let Ok(changed) = wire::decode::<Proof>(&changed, 64) {
                assert!(!changed.verify(&statement(x), &context("a")), "byte {i}");
            }
        }
    }

    #[test]
    fn nonces_differ_between_statements() {
        // z - c * x is the nonce.
        let x = Scalar::from(99u64);
        let nonce = |pairs: &[_], label| {
            let proof = Proof::prove(&x, pairs, &context(label));
            proof.response - proof.challenge * x
        };
        let pairs = statement(x);
        assert_ne!(nonce(&pairs, "a"), nonce(&pairs[..1], "a"));
        assert_ne!(nonce(&pairs, "a"), nonce(&pairs, "b"));
        assert_eq!(nonce(&pairs, "a"), nonce(&pairs, "a"));
    }
}
