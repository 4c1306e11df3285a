//! The common coin of Cachin, Kursawe and Shoup, *Random Oracles in Constantinople*, PODC 2000,
//! section 5, on ristretto255.
//!
//! # Model
//! A secret `x` is shared with degree `t`: party `i` holds `x_i`, and everybody knows
//! `X_i = x_i * G`. Diffie-Hellman is hard in the group; hashes are random oracles.
//!
//! # Guarantees
//! The coin of a name is one bit, the same for all; `t` parties cannot tell it from random before an
//! honest party releases its share, and no party can make another bit come out.
//!
//! # Protocol
//! - C1 The base of a name is `H(name, key set)`, an element of unknown logarithm.
//! - C2 Party `i`'s share is `S_i = x_i * H(name)` with a proof that `S_i` to `H` is as `X_i` to `G`.
//! - C3 Of `t + 1` valid shares the point `x * H(name)` is interpolated at 0, whichever they are.
//! - C4 The coin is a bit of the hash of that point.
//!
//! # Cost
//! A share is 96 bytes; two multiplications to make, and about 80 microseconds to verify. The proof's
//! nonce is derived (see [`dleq`](crate::crypto::dleq)), so a share is the same bytes each time.
//!
//! # Differences from the paper
//! The name also binds the key set, since a name that came back under other keys would otherwise
//! have two coins, and one under the same keys a coin known early. Who chose the key is another
//! matter: [`TrustedCoinDealer`] knows every coin.

use serde::{Deserialize, Serialize};

use super::Coin;
use crate::committee::{Committee, PartyId, PartyMap};
use crate::crypto::dleq::Proof;
use crate::crypto::group::{
    CompressedRistretto, RISTRETTO_BASEPOINT_POINT as G, RistrettoPoint, Scalar,
    VartimeMultiscalarMul,
};
use crate::crypto::transcript::{Digest, Transcript};
use crate::error::Error;
use crate::math::Fl;
use crate::secret::Secret;
use crate::tag::Tag;
use crate::zoo::{self, Mutant};

/// The public part of a coin key: `X_i` of each party.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CoinPublic {
    shares: PartyMap<RistrettoPoint>,
}

impl CoinPublic {
    /// The public part with these `X_i`.
    pub const fn new(shares: PartyMap<RistrettoPoint>) -> Self {
        Self { shares }
    }

    /// `X_i` of each party.
    pub const fn shares(&self) -> &PartyMap<RistrettoPoint> {
        &self.shares
    }

    /// The name of the key set.
    fn digest(&self) -> Digest {
        let mut transcript = Transcript::new(&Tag::root(&[0; 32], 0), "coin key set");
        for point in self.shares.values() {
            transcript.point(point);
        }
        transcript.digest()
    }

    fn of(&self, party: PartyId) -> Option<&RistrettoPoint> {
        self.shares.values().get(party.index())
    }
}

/// One party's part of a coin key: `x_i`.
#[derive(Clone, Debug)]
pub struct CoinSecret(Secret<Scalar>);

impl CoinSecret {
    /// The canonical bytes, to be stored: as secret as the key.
    pub fn to_bytes(&self) -> Secret<[u8; 32]> {
        Secret::new(self.0.expose().to_bytes())
    }

    /// The key with these bytes; `None` if they are not canonical.
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        Option::from(Scalar::from_canonical_bytes(*bytes)).map(|x| Self(Secret::new(x)))
    }
}

impl From<&Fl> for CoinSecret {
    fn from(share: &Fl) -> Self {
        Self(Secret::new(*share.scalar()))
    }
}

/// **Trusted**: makes a coin key and knows it, so it could predict every coin, and with the
/// adversary's schedule keep agreements undecided. It cannot make parties decide differently.
///
/// A stand-in until the committee makes its keys itself.
#[derive(Debug)]
pub struct TrustedCoinDealer;

impl TrustedCoinDealer {
    /// Makes a coin key for `committee`: what everybody may know, and each party's secret in roster
    /// order.
    pub fn deal<R: rand::CryptoRng + ?Sized>(
        committee: Committee,
        rng: &mut R,
    ) -> (CoinPublic, Vec<CoinSecret>) {
        let coefficients: Vec<Secret<Scalar>> =
            (0..=committee.degree()).map(|_| Secret::new(Scalar::random(rng))).collect();
        let secrets: Vec<CoinSecret> = committee
            .parties()
            .map(|party| {
                let at = Scalar::from(party.point());
                let eval = |sum, coefficient: &Secret<Scalar>| sum * at + coefficient.expose();
                CoinSecret(Secret::new(coefficients.iter().rev().fold(Scalar::ZERO, eval)))
            })
            .collect();
        let mut public = secrets.iter().map(|secret| secret.0.expose() * G);
        let shares = PartyMap::from_fn(committee, |_| public.next().unwrap_or(G));
        (CoinPublic { shares }, secrets)
    }
}

/// One party's share of a coin, with the proof that it is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DdhShare {
    /// Decompressed only when it is verified.
    point: CompressedRistretto,
    proof: Proof,
}

/// One party's access to the coins of a key.
#[derive(Clone, Debug)]
pub struct DdhCoin {
    me: PartyId,
    public: CoinPublic,
    secret: CoinSecret,
    key_set: Digest,
}

impl DdhCoin {
    /// The coins of the key `public`, at party `me`.
    ///
    /// # Errors
    /// `me` has no part in the key, or `secret` is not that part.
    pub fn new(me: PartyId, public: CoinPublic, secret: CoinSecret) -> Result<Self, Error> {
        let expected = public.of(me).ok_or(Error::NotAMember { party: me })?;
        if *expected != secret.0.expose() * G {
            return Err(Error::KeyMismatch { what: "the coin key has another share for us" });
        }
        let key_set = public.digest();
        Ok(Self { me, public, secret, key_set })
    }

    /// The coins that the same key has in a context: others than without it, or in another.
    #[must_use]
    pub fn in_context(mut self, context: &Digest) -> Self {
        let mut transcript = Transcript::new(&Tag::root(&[0; 32], 0), "coin key set in context");
        transcript.bytes(self.key_set.as_bytes()).bytes(context.as_bytes());
        self.key_set = transcript.digest();
        self
    }

    fn transcript(&self, name: &Tag, label: &str) -> Transcript {
        let mut transcript = Transcript::new(name, label);
        transcript.bytes(self.key_set.as_bytes());
        transcript
    }

    // C1
    fn base(&self, name: &Tag) -> RistrettoPoint {
        self.transcript(name, "coin base").group()
    }

    fn context(&self, name: &Tag, party: PartyId) -> Transcript {
        let mut transcript = self.transcript(name, "coin share");
        transcript.u64(party.point());
        transcript
    }
}

impl Coin for DdhCoin {
    type Share = DdhShare;

    // C2
    fn share(&self, name: &Tag) -> DdhShare {
        let (base, secret) = (self.base(name), self.secret.0.expose());
        let point = secret * base;
        let pairs = [(G, secret * G), (base, point)];
        let proof = Proof::prove(secret, &pairs, &self.context(name, self.me));
        DdhShare { point: point.compress(), proof }
    }

    fn verify(&self, name: &Tag, from: PartyId, share: &DdhShare) -> bool {
        let (Some(public), Some(point)) = (self.public.of(from), share.point.decompress()) else {
            return false;
        };
        let pairs = [(G, *public), (self.base(name), point)];
        share.proof.verify(&pairs, &self.context(name, from))
    }

    // C3, C4
    fn toss(&self, name: &Tag, shares: &[(PartyId, DdhShare)]) -> bool {
        let xs: Vec<Scalar> = shares.iter().map(|(p, _)| Scalar::from(p.point())).collect();
        let points = shares.iter().map(|(_, share)| share.point.decompress());
        // A verified share decompresses.
        let point = RistrettoPoint::optional_multiscalar_mul(lagrange_at_zero(&xs), points)
            .unwrap_or_default();
        let mut transcript = self.transcript(name, "coin bit");
        if !zoo::on(Mutant::CoinPredictable) {
            transcript.point(&point);
        }
        transcript.digest().as_bytes().first().is_some_and(|byte| byte & 1 == 1)
    }
}

/// The row `l` with `f(0) = sum of l_i * f(x_i)` for every polynomial of a smaller degree than there
/// are points, all of them distinct and not 0.
fn lagrange_at_zero(xs: &[Scalar]) -> Vec<Scalar> {
    let weight = |x: &Scalar| {
        let others = xs.iter().filter(|other| *other != x);
        let (top, bottom) = others.fold((Scalar::ONE, Scalar::ONE), |(top, bottom), other| {
            (top * other, bottom * (other - x))
        });
        top * bottom.invert()
    };
    xs.iter().map(weight).collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;
    use crate::wire;

    fn coins(n: usize, seed: u64) -> Vec<DdhCoin> {
        let committee = Committee::new(n).unwrap();
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let (public, secrets) = TrustedCoinDealer::deal(committee, &mut rng);
        let make = |(me, secret)| DdhCoin::new(me, public.clone(), secret).unwrap();
        committee.parties().zip(secrets).map(make).collect()
    }

    fn name(round: u64) -> Tag {
        Tag::root(&[0; 32], 0).indexed("coin", round)
    }

    fn shares(coins: &[DdhCoin], name: &Tag) -> Vec<(PartyId, DdhShare)> {
        coins.iter().map(|coin| (coin.me, coin.share(name))).collect()
    }

    #[test]
    fn any_t_plus_one_shares_give_the_same_bit() {
        let coins = coins(7, 1);
        let mut seen = [false; 2];
        for round in 0..16 {
            let all = shares(&coins, &name(round));
            let bit = coins[0].toss(&name(round), &all[..3]);
            seen[usize::from(bit)] = true;
            for i in 0..7 {
                for j in 0..i {
                    for k in 0..j {
                        let some = [all[i].clone(), all[j].clone(), all[k].clone()];
                        assert_eq!(coins[i].toss(&name(round), &some), bit);
                    }
                }
            }
        }
        assert_eq!(seen, [true, true], "both sides come up");
    }

    #[test]
    fn coins_of_known_keys_come_up_as_ever() {
        let coins = coins(4, 1);
        let tossed: String = (0..24)
            .map(|round| coins[0].toss(&name(round), &shares(&coins, &name(round))[..2]))
            .map(|bit| if bit { '1' } else { '0' })
            .collect();
        assert_eq!(tossed, "000011101011010001010010");
    }

    #[test]
    fn t_shares_interpolate_to_something_else() {
        let coins = coins(7, 1);
        let differs = |round| {
            let all = shares(&coins, &name(round));
            coins[0].toss(&name(round), &all[..2]) != coins[0].toss(&name(round), &all[..3])
        };
        assert!((0..32).any(differs));
    }

    #[test]
    fn the_dealer_uses_degree_t_and_lagrange_rows_are_right() {
        let xs: Vec<Scalar> = (1..=4u64).map(Scalar::from).collect();
        let f = |x: &Scalar| Scalar::from(5u64) + x * (Scalar::from(7u64) + x * x);
        let row = lagrange_at_zero(&xs);
        let at_zero: Scalar = row.iter().zip(&xs).map(|(l, x)| l * f(x)).sum();
        assert_eq!(at_zero, Scalar::from(5u64));
        // A finite difference of order t + 1 over the shares vanishes, one of order t does not.
        let mut difference: Vec<Scalar> =
            coins(7, 3).iter().map(|coin| *coin.secret.0.expose()).collect();
        for _ in 0..2 {
            difference = difference.windows(2).map(|w| w[1] - w[0]).collect();
        }
        assert_ne!(difference[0], Scalar::ZERO);
        assert!(difference.windows(2).all(|w| w[1] == w[0]));
    }

    #[test]
    fn a_share_is_of_one_party_one_name_and_one_key() {
        let (ours, others) = (coins(4, 1), coins(4, 2));
        let share = ours[1].share(&name(5));
        let by = PartyId::new;
        assert!(ours[0].verify(&name(5), by(1), &share));
        assert!(!ours[0].verify(&name(5), by(2), &share), "another party");
        assert!(!ours[0].verify(&name(6), by(1), &share), "another round");
        let elsewhere = Tag::root(&[0; 32], 1).indexed("coin", 5);
        assert!(!ours[0].verify(&elsewhere, by(1), &share), "another epoch");
        assert!(!others[0].verify(&name(5), by(1), &share), "another key");
        assert!(!ours[0].verify(&name(5), by(9), &share), "no party");
    }

    #[test]
    fn changed_shares_do_not_verify_and_shares_repeat() {
        let coins = coins(4, 1);
        let share = coins[1].share(&name(0));
        assert_eq!(share, coins[1].share(&name(0)));
        let bytes = wire::encode(&share);
        assert_eq!(bytes.len(), 96);
        for i in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[i] ^= 1;
            if let Ok(changed) = wire::decode::<DdhShare>(&changed, 96) {
                assert!(!coins[0].verify(&name(0), PartyId::new(1), &changed), "byte {i}");
            }
        }
    }

    /// Else the shares of one coin would be those of another.
    #[test]
    fn every_name_and_every_key_has_a_base_of_its_own() {
        let (ours, others) = (coins(4, 1), coins(4, 2));
        assert_ne!(ours[0].base(&name(0)), ours[0].base(&name(1)));
        assert_ne!(ours[0].base(&name(0)), others[0].base(&name(0)));
        assert_ne!(ours[0].share(&name(0)).point, ours[0].share(&name(1)).point);
    }

    #[test]
    fn a_key_has_other_coins_in_every_context() {
        let coins = coins(4, 1);
        let [a, b] = [1, 2].map(|byte| coins[1].clone().in_context(&Digest::from([byte; 32])));
        let share = a.share(&name(0));
        assert!(a.verify(&name(0), PartyId::new(1), &share));
        assert!(!b.verify(&name(0), PartyId::new(1), &share));
        assert!(!coins[0].verify(&name(0), PartyId::new(1), &share));
        assert_ne!(a.base(&name(0)), b.base(&name(0)));
    }

    #[test]
    fn keys_that_do_not_fit_are_refused_and_do_not_print() {
        let committee = Committee::new(4).unwrap();
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let (public, secrets) = TrustedCoinDealer::deal(committee, &mut rng);
        let secret = || CoinSecret::from_bytes(secrets[0].to_bytes().expose()).unwrap();
        assert!(DdhCoin::new(PartyId::new(0), public.clone(), secret()).is_ok());
        assert!(DdhCoin::new(PartyId::new(1), public.clone(), secret()).is_err());
        assert!(DdhCoin::new(PartyId::new(4), public.clone(), secret()).is_err());
        assert!(CoinSecret::from_bytes(&[0xff; 32]).is_none());
        assert_eq!(format!("{:?}", secret()), "CoinSecret([secret])");
        let bytes = wire::encode(&public);
        assert_eq!(wire::decode(&bytes, bytes.len()), Ok(public));
    }
}
