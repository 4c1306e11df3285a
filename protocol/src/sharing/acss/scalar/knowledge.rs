//! One proof that a dealer knows the discrete logarithms of many points.
//!
//! Batch Schnorr (Gennaro, Leigh, Sundaram and Yerazunis, *Batching Schnorr identification scheme
//! with applications to privacy-preserving authorization and low-bandwidth communication devices*,
//! ASIACRYPT 2004), with the Fiat-Shamir transform: for `A_l = s_l * B`, l = 1 .. L,
//!
//! ```text
//! R = k * B;  c = H(context, R);  z = k + sum of c^l s_l;  the proof is (c, z)
//! verify:  c = H(context, z * B - sum of c^l A_l)
//! ```
//!
//! From `L + 1` answers to one R the `s_l` follow, since the challenges' powers are a Vandermonde
//! matrix: who knows not all of them answers at most L challenges, of about 2^252. The context has
//! to bind the points.

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::group::Group;
use crate::crypto::Transcript;
use crate::math::Fl;
use crate::secret::Secret;

/// A proof of knowledge of all discrete logarithms.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Knowledge {
    challenge: Fl,
    response: Fl,
}

impl Knowledge {
    /// Proves knowledge of the secrets, whose points the context binds. The nonce is drawn from
    /// `seed`, the context and the group: one seed never serves two statements.
    pub(super) fn prove<'a, G: Group>(
        secrets: impl IntoIterator<Item = &'a Fl>,
        context: &Transcript,
        seed: &Secret<[u8; 32]>,
    ) -> Self {
        let mut nonce = context.clone();
        nonce.text("nonce").text(G::NAME).bytes(seed.expose());
        let nonce = Secret::new(Fl::from(*Zeroizing::new(nonce.scalar())));
        let challenge = challenge(G::base(nonce.expose()), context);
        let answer = powers(challenge).zip(secrets).map(|(power, secret)| power * *secret);
        Self { challenge, response: *nonce.expose() + answer.sum() }
    }

    /// Whether whoever made it knew the discrete logarithms of all these points.
    pub(super) fn holds<G: Group>(&self, points: &[G], context: &Transcript) -> bool {
        let scalars = powers(self.challenge).map(|power| -power);
        let committed = G::base(&self.response) + G::combine(scalars, points);
        challenge(committed, context) == self.challenge
    }
}

fn challenge<G: Group>(committed: G, context: &Transcript) -> Fl {
    let mut transcript = context.clone();
    transcript.text("challenge").text(G::NAME).bytes(&committed.encoding());
    transcript.scalar().into()
}

/// `c, c^2, c^3, ..`
fn powers(challenge: Fl) -> impl Iterator<Item = Fl> {
    std::iter::successors(Some(challenge), move |power| Some(*power * challenge))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::group::RistrettoPoint;
    use crate::crypto::point::Point;
    use crate::math::Field;
    use crate::tag::Tag;

    fn context(label: &str) -> Transcript {
        Transcript::new(&Tag::root(&[0; 32], 0), label)
    }

    fn proves<G: Group + std::fmt::Debug>() {
        let seed = Secret::new([1; 32]);
        for count in [1, 2, 5] {
            let secrets: Vec<Fl> = (1..=count).map(|s| Fl::from_u64(1000 * s)).collect();
            let points: Vec<G> = secrets.iter().map(G::base).collect();
            let proof = Knowledge::prove::<G>(&secrets, &context("a"), &seed);
            assert!(proof.holds(&points, &context("a")));
            assert_eq!(proof, Knowledge::prove::<G>(&secrets, &context("a"), &seed));
            assert!(!proof.holds(&points, &context("b")), "another context");
            for at in 0..points.len() {
                let mut other = points.clone();
                other[at] = other[at] + G::base(&Fl::ONE);
                assert!(!proof.holds(&other, &context("a")), "another point {at}");
                let mut unknown = secrets.clone();
                unknown[at] += Fl::ONE;
                let proof = Knowledge::prove::<G>(&unknown, &context("a"), &seed);
                assert!(!proof.holds(&points, &context("a")), "another secret {at}");
            }
            for change in [(Fl::ONE, Fl::ZERO), (Fl::ZERO, Fl::ONE)] {
                let challenge = proof.challenge + change.0;
                let changed = Knowledge { challenge, response: proof.response + change.1 };
                assert!(!changed.holds(&points, &context("a")));
            }
            let mut swapped = points.clone();
            swapped.reverse();
            assert_eq!(proof.holds(&swapped, &context("a")), count == 1, "in this order only");
        }
    }

    #[test]
    fn who_knows_all_logarithms_proves_it_and_nobody_else() {
        proves::<Point>();
        proves::<RistrettoPoint>();
    }

    /// With other weights one equation between the secrets could be enough to know.
    #[test]
    fn the_weights_are_powers() {
        let challenge = Fl::from_u64(3);
        let weights: Vec<Fl> = powers(challenge).take(4).collect();
        assert_eq!(weights, [3, 9, 27, 81].map(Fl::from_u64));
    }

    #[test]
    fn a_nonce_serves_one_context_and_one_group() {
        let (seed, secret) = (Secret::new([1; 32]), Fl::from_u64(7));
        let nonce = |proof: Knowledge| proof.response - proof.challenge * secret;
        let prove = |label: &str| Knowledge::prove::<Point>([&secret], &context(label), &seed);
        let other = Knowledge::prove::<RistrettoPoint>([&secret], &context("a"), &seed);
        let nonces = [nonce(prove("a")), nonce(prove("b")), nonce(other)];
        assert_eq!(nonces.iter().collect::<std::collections::BTreeSet<_>>().len(), 3);
    }
}
