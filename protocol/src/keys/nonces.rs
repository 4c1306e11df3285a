//! Nonce pairs that nobody knows, made ahead from what single dealers know.
//!
//! Victor Shoup, *The many faces of Schnorr* (ePrint 2023/1019), with the extraction of Damgård and
//! Nielsen (CRYPTO 2007, section 2.2).
//!
//! # Model
//! `n >= 3t + 1`, up to `t` Byzantine dealers. Every party holds its shares of the sharings of the
//! same `m >= n - t` dealers, each of `2L` scalars of which the constants are committed to on
//! Edwards25519: first the `L` of column D, then those of column E.
//!
//! # Guarantees
//! - *Agreement*: all honest parties get shares, of degree `t`, of the same pairs under the same
//!   numbers, and the same points `D`, `E`.
//! - *Secrecy*: the view of any `t` parties is independent of the nonces, but for the points.
//! - *Number*: exactly `L (m - t)` pairs, the same at every party, held or not.
//! - Not guaranteed: that the points are uniform. Who deals last adds to them what it likes and knows;
//!   the hash that binds a pair to its message takes care of that, see [`signing`](super::signing).
//!
//! # Protocol
//! - (N1) From the scalars `s_j` that every dealer j dealt at the same place come
//!   `S_k = sum_j x_j^k s_j` for `k < m - t`, with `x_j` the dealer's point; of both columns with the
//!   same matrix, each column by itself.
//! - (N2) The same combination of the constants' commitments gives the points.
//!
//! # Why it works
//! Whichever `m - t` of the dealers are honest, their columns of the matrix are a square Vandermonde
//! matrix, so the `S_k` are as random as their scalars. One more would be a combination of the others
//! and of what the corrupt dealers know. D and E are dealt apart, so no pair's `e` follows from `d`.
//!
//! # Cost
//! For each pair `2m` multiplications of scalars, and `2m` of points by numbers up to n, a fraction of
//! a full one each.

use zeroize::Zeroizing;

use crate::committee::{Committee, PartyId};
use crate::crypto::point::Point;
use crate::error::Error;
use crate::math::{Field, Fl};
use crate::secret::Secret;
use crate::sharing::acss::scalar::{Curve, ScalarShares, Scalars, times};
use crate::zoo::{self, Mutant};

/// How many scalars each dealer shares, and how many pairs come of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout {
    committee: Committee,
    dealt: usize,
}

impl Layout {
    /// The layout that gives at least so many pairs with any `n - t` dealers.
    ///
    /// # Errors
    /// More scalars than one sharing may have. Several runs will do.
    pub fn new(committee: Committee, pairs: usize) -> Result<Self, Error> {
        let layout = Self::sized(committee, pairs);
        let (expected, got) = (Scalars::most(committee), layout.scalars());
        if got > expected {
            let what = "too many nonces for each dealer of one run";
            return Err(Error::WrongSize { what, expected, got });
        }
        Ok(layout)
    }

    fn sized(committee: Committee, pairs: usize) -> Self {
        Self { committee, dealt: pairs.div_ceil(rows(committee, committee.quorum())) }
    }

    /// Scalars that each dealer shares, all committed to on Edwards25519: both columns.
    pub const fn scalars(&self) -> usize {
        self.dealt.saturating_mul(2)
    }

    /// What each dealer shares.
    pub fn terms(&self) -> Scalars {
        Scalars::new(vec![Curve::Edwards; self.scalars()])
    }

    /// Pairs that come of so many agreed dealers. A number that cannot be agreed counts as the
    /// nearest one that can.
    pub fn yields(&self, dealers: usize) -> usize {
        self.dealt * rows(self.committee, dealers)
    }
}

/// Pairs that come of a request once so many dealers are agreed.
pub fn yields(committee: Committee, dealers: usize, pairs: usize) -> usize {
    Layout::sized(committee, pairs).yields(dealers)
}

/// Rows of the matrix: `m - t`.
fn rows(committee: Committee, dealers: usize) -> usize {
    let more = usize::from(zoo::on(Mutant::NoncesOneMore));
    dealers.clamp(committee.quorum(), committee.n()) - committee.t() + more
}

/// What a party has of an agreed dealer's sharing.
#[derive(Clone)]
struct Dealt<'a> {
    dealer: PartyId,
    /// Our shares, D's before E's.
    shares: &'a [Fl],
    /// The scalars times the base point.
    points: Vec<Point>,
}

/// Our share of a nonce, and the nonce times the base point.
pub type Nonce = (Secret<Fl>, Point);

/// A pair of a run, without its number: see [`NoncePair::new`](super::signing::NoncePair::new).
pub type Nonces = (Nonce, Nonce);

/// N1 and N2: the pairs of the agreed dealers, from our shares of their sharings.
///
/// # Panics
/// If a dealer's sharing is smaller than the layout's.
pub fn extract(layout: &Layout, dealers: &[(PartyId, ScalarShares)]) -> Vec<Nonces> {
    let dealt = dealers.iter().map(|(dealer, sharing)| {
        let constant = |place| sharing.commitments.edwards(place)?.first().copied();
        let points = (0..layout.scalars()).filter_map(constant).collect();
        Dealt { dealer: *dealer, shares: &sharing.shares, points }
    });
    combine(layout, &dealt.collect::<Vec<_>>())
}

fn combine(layout: &Layout, dealers: &[Dealt<'_>]) -> Vec<Nonces> {
    let rows = rows(layout.committee, dealers.len());
    let (d, e) = (0..layout.dealt, layout.dealt..layout.scalars());
    let pairs = |(d, e)| column(dealers, d, rows).into_iter().zip(column(dealers, e, rows));
    d.zip(e).flat_map(pairs).collect()
}

/// `sum_j x_j^k s_j` for `k < rows`: of our shares, and of the points.
fn column(dealers: &[Dealt<'_>], place: usize, rows: usize) -> Vec<Nonce> {
    let sized = "a sharing has as many scalars as its terms say";
    let share = |dealt: &Dealt<'_>| *dealt.shares.get(place).expect(sized);
    let point = |dealt: &Dealt<'_>| *dealt.points.get(place).expect(sized);
    let mut shares = Zeroizing::new(dealers.iter().map(share).collect::<Vec<Fl>>());
    let mut points: Vec<Point> = dealers.iter().map(point).collect();
    let mut column = Vec::with_capacity(rows);
    for _ in 0..rows {
        let row = (shares.iter().copied().sum::<Fl>(), points.iter().copied().sum::<Point>());
        column.push((Secret::new(row.0), row.1));
        for ((share, point), dealt) in shares.iter_mut().zip(&mut points).zip(dealers) {
            *share *= Fl::from_u64(dealt.dealer.point());
            *point = times(*point, dealt.dealer.point());
        }
    }
    column
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;
    use crate::math::Poly;
    use crate::math::matrix;
    use crate::sharing::shamir;

    /// What `dealers` deal, as every party holds it.
    struct World {
        committee: Committee,
        layout: Layout,
        /// By dealer and place.
        secrets: Vec<Vec<Fl>>,
        /// By party, dealer and place.
        shares: Vec<Vec<Vec<Fl>>>,
        points: Vec<Vec<Point>>,
    }

    impl World {
        fn new(n: usize, pairs: usize) -> Self {
            let committee = Committee::new(n).unwrap();
            let layout = Layout::new(committee, pairs).unwrap();
            let mut rng = ChaCha20Rng::seed_from_u64(n as u64);
            let mut shares = vec![vec![Vec::new(); n]; n];
            let (mut secrets, mut points) = (Vec::new(), Vec::new());
            for dealer in committee.parties() {
                let dealt: Vec<Fl> = (0..layout.scalars()).map(|_| Fl::random(&mut rng)).collect();
                for secret in &dealt {
                    let shared = shamir::share(*secret, committee, &mut rng);
                    for (party, share) in shared.into_iter().enumerate() {
                        shares[party][dealer.index()].push(share);
                    }
                }
                points.push(dealt.iter().map(Point::base).collect());
                secrets.push(dealt);
            }
            Self { committee, layout, secrets, shares, points }
        }

        fn extract(&self, party: usize, dealers: &[usize]) -> Vec<Nonces> {
            let dealt: Vec<Dealt<'_>> = dealers
                .iter()
                .map(|dealer| Dealt {
                    dealer: PartyId::new(*dealer as u16),
                    shares: &self.shares[party][*dealer],
                    points: self.points[*dealer].clone(),
                })
                .collect();
            combine(&self.layout, &dealt)
        }
    }

    #[test]
    fn all_parties_get_shares_of_the_same_nonces_and_their_points() {
        for (n, pairs, absent) in [(4, 5, 1), (4, 1, 0), (7, 7, 2), (7, 4, 1), (10, 20, 3)] {
            let world = World::new(n, pairs);
            let dealers: Vec<usize> = (absent..n).collect();
            let all: Vec<Vec<Nonces>> =
                (0..n).map(|party| world.extract(party, &dealers)).collect();
            let m = dealers.len();
            assert_eq!(all[0].len(), yields(world.committee, m, pairs));
            assert_eq!(all[0].len(), world.layout.dealt * (m - world.committee.t()));
            assert!(all[0].len() >= pairs);
            let mut seen = std::collections::BTreeSet::new();
            for i in 0..all[0].len() {
                let halves: [fn(&Nonces) -> &Nonce; 2] = [|p| &p.0, |p| &p.1];
                for half in halves {
                    let shares: Vec<(Fl, Fl)> = (1..)
                        .zip(&all)
                        .map(|(x, pairs)| (Fl::from_u64(x), *half(&pairs[i]).0.expose()))
                        .collect();
                    let poly = Poly::interpolate(&shares[..=world.committee.degree()]);
                    assert!(shares.iter().all(|(x, y)| poly.eval(*x) == *y), "degree t");
                    let point = Point::base(&poly.constant());
                    assert!(all.iter().all(|pairs| half(&pairs[i]).1 == point));
                    assert!(seen.insert(point.to_bytes()), "no point twice");
                }
            }
        }
    }

    #[test]
    fn each_pair_is_the_documented_combination_of_its_column() {
        let world = World::new(4, 5);
        let dealers = [0, 2, 3];
        let points: Vec<Vec<Point>> = [0, 1]
            .map(|half| {
                let pairs = world.extract(1, &dealers);
                pairs.iter().map(|(d, e)| if half == 0 { d.1 } else { e.1 }).collect()
            })
            .into();
        for (half, points) in points.iter().enumerate() {
            for (i, point) in points.iter().enumerate() {
                let (place, k) = (half * world.layout.dealt + i / 2, i % 2);
                let power = |x: u64| (0..k).fold(Fl::ONE, |power, _| power * Fl::from_u64(x));
                let sum: Fl =
                    dealers.iter().map(|j| power(*j as u64 + 1) * world.secrets[*j][place]).sum();
                assert_eq!(Point::base(&sum), *point);
            }
        }
    }

    /// The rows are as many as there are honest dealers at least, and their columns a square
    /// Vandermonde matrix.
    #[test]
    fn the_matrix_is_vandermonde_with_m_minus_t_rows() {
        for n in [4, 7, 10] {
            let committee = Committee::new(n).unwrap();
            let layout = Layout::new(committee, 1).unwrap();
            for m in committee.quorum()..=n {
                let dealers: Vec<PartyId> = committee.parties().skip(n - m).collect();
                let points: Vec<Fl> = dealers.iter().map(|dealer| shamir::point(*dealer)).collect();
                let expected = matrix::vandermonde(&points, m - committee.t());
                for (j, only) in dealers.iter().enumerate() {
                    let (ones, zeros) = ([Fl::ONE; 2], [Fl::ZERO; 2]);
                    let identities = vec![Point::identity(); 2];
                    let dealt = |dealer: &PartyId| Dealt {
                        dealer: *dealer,
                        shares: if dealer == only { &ones } else { &zeros },
                        points: identities.clone(),
                    };
                    let pairs = combine(&layout, &dealers.iter().map(dealt).collect::<Vec<_>>());
                    let got: Vec<Fl> = pairs.iter().map(|(d, _)| *d.0.expose()).collect();
                    let of_column: Vec<Fl> = expected.iter().map(|row| row[j]).collect();
                    assert!(got == of_column);
                }
            }
        }
    }

    #[test]
    fn requests_beyond_one_sharing_are_refused() {
        let new = |n, pairs| Layout::new(Committee::new(n).unwrap(), pairs);
        assert!(new(4, 4000).is_ok() && new(4, 5000).is_err());
        assert!(new(64, 3000).is_ok() && new(64, 4500).is_err());
        assert!(new(4, usize::MAX).is_err());
        assert_eq!(new(4, 0).unwrap().scalars(), 0);
    }
}
