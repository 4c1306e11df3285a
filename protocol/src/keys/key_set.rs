//! The keys of one epoch, as one member holds them.
//!
//! Three keys, each shared by a polynomial of degree `t`, member i holding its value at point i:
//! the *coin key* on ristretto255, the *certificate key* and the *document key* on Edwards25519.
//! A key may be biased by whoever dealt last when it was made: harmless for Schnorr and for the
//! coin, and not to be called uniform.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::agreement::coin::{CoinPublic, CoinSecret, DdhCoin};
use crate::committee::{Committee, PartyId, PartyMap};
use crate::crypto::group::RistrettoPoint;
use crate::crypto::point::Point;
use crate::crypto::transcript::{Digest, Transcript};
use crate::error::Error;
use crate::math::{Field, Fl, Rows};
use crate::secret::Secret;
use crate::tag::Tag;
use crate::wire;

/// The public part of a shared signing key: the key, and each member's share times the base point.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GroupKey {
    key: Point,
    shares: PartyMap<Point>,
}

impl GroupKey {
    /// The key whose shares these are.
    ///
    /// # Errors
    /// Not one share for each member, shares of a higher degree than `t`, or the key is zero.
    pub fn new(committee: Committee, shares: PartyMap<Point>) -> Result<Self, Error> {
        let (expected, got) = (committee.n(), shares.values().len());
        if got != expected {
            return Err(Error::WrongSize { what: "public shares", expected, got });
        }
        let points: Vec<Fl> = committee.parties().map(|p| Fl::from_u64(p.point())).collect();
        let (first, others) = points.split_at(committee.degree() + 1);
        let rows = Rows::new(first.to_vec());
        let at = |x| Point::combine(rows.at(x), shares.values());
        let fits = others.iter().zip(shares.values().iter().skip(first.len()));
        let key = at(Fl::ZERO);
        if key.is_identity() || !fits.into_iter().all(|(x, share)| at(*x) == *share) {
            return Err(Error::KeyMismatch { what: "public shares that are of no key" });
        }
        Ok(Self { key, shares })
    }

    /// The key.
    pub const fn key(&self) -> &Point {
        &self.key
    }

    /// The key, as any Ed25519 verifier takes it.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    /// `x_i * B` of each member.
    pub const fn shares(&self) -> &PartyMap<Point> {
        &self.shares
    }
}

/// What everybody may know of an epoch's keys.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PublicKeys {
    /// Of the common coin.
    pub coin: CoinPublic,
    /// What certificates are signed with.
    pub certificate: GroupKey,
    /// What members' documents are signed with: never the certificate key.
    pub document: GroupKey,
}

impl PublicKeys {
    /// Whether there is a public share of each key for each member, of a polynomial of degree `t` for
    /// those that sign.
    pub fn fits(&self, committee: Committee) -> bool {
        let sound = |key: &GroupKey| {
            GroupKey::new(committee, key.shares.clone()).is_ok_and(|sound| sound == *key)
        };
        self.coin.shares().values().len() == committee.n()
            && sound(&self.certificate)
            && sound(&self.document)
    }

    /// The name of the key set: what members compare.
    pub fn digest(&self) -> Digest {
        Transcript::new(&Tag::root(&[0; 32], 0), "key set").bytes(&wire::encode(self)).digest()
    }
}

/// One member's shares of an epoch's keys. Does not print; wiped when dropped.
#[derive(Clone)]
pub struct SecretKeys {
    /// Of the coin key.
    pub coin: Secret<Fl>,
    /// Of the certificate key.
    pub certificate: Secret<Fl>,
    /// Of the document key.
    pub document: Secret<Fl>,
}

impl fmt::Debug for SecretKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret keys]")
    }
}

/// The keys of one epoch, as one member holds them.
#[derive(Clone, Debug)]
pub struct KeySet {
    committee: Committee,
    me: PartyId,
    epoch: u64,
    public: Arc<PublicKeys>,
    secret: SecretKeys,
}

/// How a key set is stored. As secret as the shares in it.
#[derive(Serialize, Deserialize)]
struct Stored {
    epoch: u64,
    me: PartyId,
    n: u16,
    t: u16,
    public: PublicKeys,
    secret: [Fl; 3],
}

impl KeySet {
    /// The keys of member `me`.
    ///
    /// # Errors
    /// `me` is no member, a public part is of no key, or the secret shares are not those in it.
    pub fn new(
        committee: Committee,
        me: PartyId,
        epoch: u64,
        public: PublicKeys,
        secret: SecretKeys,
    ) -> Result<Self, Error> {
        if !committee.contains(me) {
            return Err(Error::NotAMember { party: me });
        }
        for (key, share) in
            [(&public.certificate, &secret.certificate), (&public.document, &secret.document)]
        {
            GroupKey::new(committee, key.shares.clone()).and_then(|sound| {
                let fits = sound == *key && key.shares[me] == Point::base(share.expose());
                fits.then_some(()).ok_or(Error::KeyMismatch { what: "a share is not of the key" })
            })?;
        }
        let this = Self { committee, me, epoch, public: Arc::new(public), secret };
        this.coin()?;
        Ok(this)
    }

    /// The committee.
    pub const fn committee(&self) -> Committee {
        self.committee
    }

    /// Whose they are.
    pub const fn me(&self) -> PartyId {
        self.me
    }

    /// The epoch they serve in.
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// What everybody may know.
    pub const fn public(&self) -> &Arc<PublicKeys> {
        &self.public
    }

    /// Our shares.
    pub const fn secret(&self) -> &SecretKeys {
        &self.secret
    }

    /// Access to the coins of the coin key.
    ///
    /// # Errors
    /// The coin key has another share for us.
    pub fn coin(&self) -> Result<DdhCoin, Error> {
        let secret = CoinSecret::from(self.secret.coin.expose());
        DdhCoin::new(self.me, self.public.coin.clone(), secret)
    }

    /// The encoding, to be stored sealed.
    pub fn to_bytes(&self) -> Secret<Vec<u8>> {
        let SecretKeys { coin, certificate, document } = &self.secret;
        let mut stored = Stored {
            epoch: self.epoch,
            me: self.me,
            n: narrow(self.committee.n()),
            t: narrow(self.committee.t()),
            public: (*self.public).clone(),
            secret: [coin, certificate, document].map(|share| *share.expose()),
        };
        let bytes = Secret::new(wire::encode(&stored));
        zeroize::Zeroize::zeroize(&mut stored.secret);
        bytes
    }

    /// Reads an encoding.
    ///
    /// # Errors
    /// It is none, or what [`new`](Self::new) refuses.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let broken = || Error::KeyMismatch { what: "bytes that are no key set" };
        let stored: Stored = wire::decode(bytes, bytes.len()).map_err(|_| broken())?;
        let committee = Committee::with_threshold(stored.n.into(), stored.t.into())?;
        let [coin, certificate, document] = stored.secret.map(Secret::new);
        let secret = SecretKeys { coin, certificate, document };
        Self::new(committee, stored.me, stored.epoch, stored.public, secret)
    }
}

fn narrow(members: usize) -> u16 {
    u16::try_from(members).unwrap_or(u16::MAX)
}

/// **Trusted**: makes all keys of a committee and knows them, so it could predict every coin and
/// sign anything in the network's name. For tests, simulations and experiments only.
#[derive(Debug)]
pub struct TrustedKeyDealer;

impl TrustedKeyDealer {
    /// Makes a key set for each member, in roster order.
    ///
    /// # Errors
    /// With negligible probability a key is zero.
    pub fn deal<R: rand::CryptoRng + ?Sized>(
        committee: Committee,
        epoch: u64,
        rng: &mut R,
    ) -> Result<Vec<KeySet>, Error> {
        let mut deal = || -> PartyMap<Secret<Fl>> {
            let coefficients: Vec<Secret<Fl>> =
                (0..=committee.degree()).map(|_| Secret::new(Fl::random(rng))).collect();
            PartyMap::from_fn(committee, |party| {
                let at = Fl::from_u64(party.point());
                let next = |sum, coefficient: &Secret<Fl>| sum * at + *coefficient.expose();
                Secret::new(coefficients.iter().rev().fold(Fl::ZERO, next))
            })
        };
        let (coin, certificate, document) = (deal(), deal(), deal());
        let base = |shares: &PartyMap<Secret<Fl>>| {
            PartyMap::from_fn(committee, |party| Point::base(shares[party].expose()))
        };
        let public = PublicKeys {
            coin: CoinPublic::new(PartyMap::from_fn(committee, |party| {
                RistrettoPoint::mul_base(coin[party].expose().scalar())
            })),
            certificate: GroupKey::new(committee, base(&certificate))?,
            document: GroupKey::new(committee, base(&document))?,
        };
        let secret = |party| SecretKeys {
            coin: coin[party].clone(),
            certificate: certificate[party].clone(),
            document: document[party].clone(),
        };
        let key_set = |party| KeySet::new(committee, party, epoch, public.clone(), secret(party));
        committee.parties().map(key_set).collect()
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;

    fn deal(n: usize, seed: u64) -> Vec<KeySet> {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        TrustedKeyDealer::deal(Committee::new(n).unwrap(), 1, &mut rng).unwrap()
    }

    #[test]
    fn a_key_set_is_read_back_and_a_changed_one_is_refused() {
        let (keys, others) = (deal(4, 1), deal(4, 2));
        let bytes = keys[2].to_bytes();
        let back = KeySet::from_bytes(bytes.expose()).unwrap();
        assert_eq!(back.public(), keys[2].public());
        assert_eq!(back.to_bytes().expose(), bytes.expose());
        let mixed = |public: &KeySet, secret: &KeySet| {
            let (c, me) = (public.committee, public.me);
            KeySet::new(c, me, 1, (*public.public).clone(), secret.secret.clone())
        };
        assert!(mixed(&keys[0], &keys[0]).is_ok());
        assert!(mixed(&keys[0], &keys[1]).is_err(), "another member's shares");
        assert!(mixed(&keys[0], &others[0]).is_err(), "shares of other keys");
    }

    #[test]
    fn public_shares_of_no_polynomial_of_degree_t_are_refused() {
        let keys = deal(7, 3);
        let committee = keys[0].committee;
        let mut shares = keys[0].public.certificate.shares.clone();
        assert_eq!(GroupKey::new(committee, shares.clone()).unwrap(), keys[0].public.certificate);
        for party in committee.parties() {
            let right = shares[party];
            shares[party] = right + Point::base(&Fl::ONE);
            assert!(GroupKey::new(committee, shares.clone()).is_err());
            shares[party] = right;
        }
    }

    #[test]
    fn nothing_secret_prints() {
        let keys = deal(4, 1);
        let text = format!("{:?}", keys[0]);
        assert!(text.contains("[secret keys]"));
    }
}
