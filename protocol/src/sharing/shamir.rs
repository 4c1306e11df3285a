//! Shamir's sharing: a polynomial of degree at most `t` with the secret at 0, party `p`'s share at
//! [`PartyId::point`].
//!
//! Any `t` shares are exactly uniform whatever the secret: the coefficients above the constant are
//! uniform, the leading one included (it may be zero).

use crate::committee::{Committee, PartyId};
use crate::math::{Field, Poly, lagrange_row};

/// The evaluation point of a party.
pub fn point<F: Field>(party: PartyId) -> F {
    F::from_u64(party.point())
}

/// The evaluation points of all parties, in roster order.
pub fn points<F: Field>(committee: Committee) -> Vec<F> {
    committee.parties().map(point).collect()
}

/// Shares `secret`: one share for each party, in roster order.
pub fn share<F: Field, R: rand::Rng + ?Sized>(
    secret: F,
    committee: Committee,
    rng: &mut R,
) -> Vec<F> {
    let poly = Poly::random_with_constant(secret, committee.degree(), rng);
    poly.eval_many(&points(committee))
}

/// The secret behind shares of distinct parties that are all right, by interpolation through the
/// first `t + 1`; `None` if there are fewer. Nothing is checked: what peers sent goes
/// through a robust opening instead.
pub fn reconstruct<F: Field>(committee: Committee, shares: &[(PartyId, F)]) -> Option<F> {
    let shares = shares.get(..committee.degree() + 1)?;
    let xs: Vec<F> = shares.iter().map(|(party, _)| point(*party)).collect();
    let row = lagrange_row(&xs, F::ZERO);
    Some(F::sum_of_products(row.into_iter().zip(shares.iter().map(|(_, share)| *share))))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::math::{Fp61, Small};

    #[test]
    fn any_t_plus_one_shares_give_the_secret_and_fewer_nothing() {
        let committee = Committee::new(7).unwrap();
        let secret = Fp61::from_u64(75);
        let shares = share(secret, committee, &mut ChaCha8Rng::seed_from_u64(1));
        let all: Vec<_> = committee.parties().zip(shares).collect();
        for window in all.windows(committee.one_honest()) {
            assert_eq!(reconstruct(committee, window), Some(secret));
        }
        assert_eq!(reconstruct(committee, &all[..committee.t()]), None);
    }

    /// A generator that replays chosen words, so that a test can enumerate all randomness.
    struct Script(std::vec::IntoIter<u64>);

    impl rand::rand_core::TryRng for Script {
        type Error = std::convert::Infallible;
        fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
            unreachable!("fields draw words of 64 bits")
        }
        fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
            Ok(self.0.next().expect("no more randomness than enumerated"))
        }
        fn try_fill_bytes(&mut self, _: &mut [u8]) -> Result<(), Self::Error> {
            unreachable!("fields draw words of 64 bits")
        }
    }

    type Deal<F> = fn(F, Committee, &mut Script) -> Option<Vec<F>>;

    /// Of all randomness, how many choices give the parties in `corrupt` a view, for every secret
    /// and view.
    fn counts<const P: u64>(
        committee: Committee,
        corrupt: &[PartyId],
        deal: Deal<Small<P>>,
    ) -> BTreeMap<(Small<P>, Vec<Small<P>>), u32> {
        let mut views = BTreeMap::new();
        let coefficients = committee.t() as u32;
        for secret in Small::all() {
            for code in 0..P.pow(coefficients) {
                let words: Vec<u64> = (0..coefficients).map(|i| code / P.pow(i) % P).collect();
                let mut script = Script(words.into_iter());
                let shares = deal(secret, committee, &mut script);
                assert_eq!(script.0.next(), None, "all randomness is used");
                if let Some(shares) = shares {
                    let view = corrupt.iter().map(|p| shares[p.index()]).collect();
                    *views.entry((secret, view)).or_insert(0) += 1;
                }
            }
        }
        views
    }

    /// All sets of `t` parties.
    fn coalitions(committee: Committee) -> Vec<Vec<PartyId>> {
        let members = |mask: u32| move |p: &PartyId| mask >> p.index() & 1 == 1;
        (0..1u32 << committee.n())
            .filter(|mask| mask.count_ones() as usize == committee.t())
            .map(|mask| committee.parties().filter(members(mask)).collect())
            .collect()
    }

    /// Whether every view of every `t` parties is given by exactly one choice of the randomness,
    /// under every secret.
    fn says_nothing<const P: u64>(committee: Committee, deal: Deal<Small<P>>) -> bool {
        let all = usize::try_from(P.pow(committee.t() as u32 + 1)).unwrap();
        coalitions(committee).iter().all(|corrupt| {
            let counts = counts(committee, corrupt, deal);
            counts.len() == all && counts.values().all(|count| *count == 1)
        })
    }

    fn committees() -> [Committee; 2] {
        [Committee::new(4).unwrap(), Committee::new(7).unwrap()]
    }

    #[test]
    fn the_shares_of_t_parties_are_uniform_whatever_the_secret() {
        let [four, seven] = committees();
        assert!(says_nothing::<7>(four, |secret, c, rng| Some(share(secret, c, rng))));
        assert!(says_nothing::<11>(seven, |secret, c, rng| Some(share(secret, c, rng))));
    }

    /// The negative control: the count notices a "hardened" sharing that refuses a leading
    /// coefficient of zero.
    #[test]
    fn a_leading_coefficient_that_is_never_zero_is_caught_by_the_count() {
        fn hardened<F: Field>(secret: F, c: Committee, rng: &mut Script) -> Option<Vec<F>> {
            let poly = Poly::random_with_constant(secret, c.degree(), rng);
            (poly.degree() == c.degree()).then(|| poly.eval_many(&points(c)))
        }
        let [four, seven] = committees();
        assert!(!says_nothing::<7>(four, hardened));
        assert!(!says_nothing::<11>(seven, hardened));
    }
}
