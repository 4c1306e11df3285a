//! All keys one party holds and knows in one epoch.

use std::fmt;
use std::sync::Arc;

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::identities::Identities;
use super::identity::{IdentityKey, IdentityPublic};
use super::seal::{SealingKey, SealingPublic};
use crate::committee::{Committee, PartyId, PartyMap};
use crate::error::Error;

/// One party's own keys and everybody's public ones. Does not print what is secret.
#[derive(Clone)]
pub struct Keyring {
    identities: Arc<Identities>,
    sealing: SealingKey,
    sealing_publics: PartyMap<SealingPublic>,
}

impl Keyring {
    /// The keys of party `me`.
    ///
    /// # Errors
    /// As [`Identities::new`] and [`with`](Self::with).
    pub fn new(
        committee: Committee,
        me: PartyId,
        identity: IdentityKey,
        identities: PartyMap<IdentityPublic>,
        sealing: SealingKey,
        sealing_publics: PartyMap<SealingPublic>,
    ) -> Result<Self, Error> {
        let identities = Identities::new(committee, me, identity, identities)?;
        Self::with(Arc::new(identities), sealing, sealing_publics)
    }

    /// The keys of an epoch, for these identities.
    ///
    /// # Errors
    /// Our own sealing key is not that in the map, or the map is not of the committee's size. (Two
    /// members with one sealing key harm only themselves: what is sealed is bound to the position of
    /// the member.)
    pub fn with(
        identities: Arc<Identities>,
        sealing: SealingKey,
        sealing_publics: PartyMap<SealingPublic>,
    ) -> Result<Self, Error> {
        let (expected, got) = (identities.committee().n(), sealing_publics.values().len());
        if got != expected {
            return Err(Error::WrongSize { what: "sealing keys", expected, got });
        }
        if sealing_publics[identities.me()] != *sealing.public() {
            return Err(Error::KeyMismatch { what: "the roster has another sealing key for us" });
        }
        Ok(Self { identities, sealing, sealing_publics })
    }

    /// The same keys with another member in the place of `seat`, which is not ours.
    ///
    /// # Errors
    /// As [`Identities::replacing`].
    pub fn replacing(
        &self,
        seat: PartyId,
        identity: IdentityPublic,
        sealing: SealingPublic,
    ) -> Result<Self, Error> {
        let identities = Arc::new(self.identities.replacing(seat, identity)?);
        let mut sealing_publics = self.sealing_publics.clone();
        sealing_publics[seat] = sealing;
        Self::with(identities, self.sealing.clone(), sealing_publics)
    }

    /// Who is who.
    pub const fn identities(&self) -> &Arc<Identities> {
        &self.identities
    }

    /// The committee of the epoch.
    pub fn committee(&self) -> Committee {
        self.identities.committee()
    }

    /// Whose keyring this is.
    pub fn me(&self) -> PartyId {
        self.identities.me()
    }

    /// Our signing key.
    pub fn identity(&self) -> &IdentityKey {
        self.identities.identity()
    }

    /// The key that `party`, a member, signs with.
    pub fn identity_of(&self, party: PartyId) -> &IdentityPublic {
        self.identities.identity_of(party)
    }

    /// Our key to what is sealed to us.
    pub const fn sealing(&self) -> &SealingKey {
        &self.sealing
    }

    /// The key to seal to `party`, a member, with.
    pub fn sealing_of(&self, party: PartyId) -> &SealingPublic {
        &self.sealing_publics[party]
    }

    /// The keys to seal to the members with.
    pub const fn sealing_publics(&self) -> &PartyMap<SealingPublic> {
        &self.sealing_publics
    }

    /// The keyrings of a committee of `n`, all from one seed: for tests and simulations only,
    /// since whoever knows the seed knows every key.
    ///
    /// # Panics
    /// If no committee has `n` members.
    pub fn for_tests(n: usize, seed: u64) -> Vec<Arc<Self>> {
        let t = n.saturating_sub(1) / 3;
        let committee = Committee::with_threshold(n, t).expect("n is the size of a committee");
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let identities = PartyMap::from_fn(committee, |_| IdentityKey::generate(&mut rng));
        let sealing = PartyMap::from_fn(committee, |_| SealingKey::generate(&mut rng));
        let keyring = |me| {
            let publics = PartyMap::from_fn(committee, |p| identities[p].public());
            let identities = Identities::new(committee, me, identities[me].clone(), publics);
            Arc::new(Self {
                identities: Arc::new(identities.expect("keys drawn at random differ")),
                sealing: sealing[me].clone(),
                sealing_publics: PartyMap::from_fn(committee, |p| *sealing[p].public()),
            })
        };
        committee.parties().map(keyring).collect()
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring(party {} of {})", self.me(), self.committee().n())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Parts = (IdentityKey, PartyMap<IdentityPublic>, SealingKey, PartyMap<SealingPublic>);

    fn parts(k: &Keyring) -> Parts {
        let (identity, sealing) = (k.identity().clone(), k.sealing.clone());
        let publics = PartyMap::from_fn(k.committee(), |p| *k.identity_of(p));
        (identity, publics, sealing, k.sealing_publics.clone())
    }

    fn new(k: &Keyring, (i, is, s, ss): Parts) -> Result<Keyring, Error> {
        Keyring::new(k.committee(), k.me(), i, is, s, ss)
    }

    #[test]
    fn keyrings_of_one_committee_agree() {
        let keyrings = Keyring::for_tests(4, 1);
        for (mine, me) in keyrings.iter().zip(mine_parties()) {
            assert_eq!(mine.me(), me);
            assert!(new(mine, parts(mine)).is_ok());
            for theirs in &keyrings {
                assert_eq!(*mine.identity_of(theirs.me()), theirs.identity().public());
                assert_eq!(mine.sealing_of(theirs.me()), theirs.sealing().public());
            }
        }
        assert_ne!(
            Keyring::for_tests(4, 2)[0].identity().public(),
            keyrings[0].identity().public()
        );
    }

    fn mine_parties() -> impl Iterator<Item = PartyId> {
        (0..).map(PartyId::new)
    }

    #[test]
    fn mismatched_duplicate_and_missing_keys_are_refused() {
        let keyrings = Keyring::for_tests(4, 1);
        let (mine, other) = (&keyrings[0], &keyrings[1]);
        let mismatch = |parts| matches!(new(mine, parts), Err(Error::KeyMismatch { .. }));
        let (i, is, s, ss) = parts(mine);
        assert!(mismatch((other.identity().clone(), is.clone(), s.clone(), ss.clone())));
        assert!(mismatch((i.clone(), is.clone(), other.sealing.clone(), ss.clone())));
        let mut twice = is.clone();
        twice[PartyId::new(3)] = twice[PartyId::new(2)];
        assert!(mismatch((i.clone(), twice, s.clone(), ss.clone())));
        let seven = &Keyring::for_tests(7, 1)[0];
        let wrong = new(mine, (i.clone(), parts(seven).1, s.clone(), ss.clone()));
        assert!(matches!(wrong, Err(Error::WrongSize { expected: 4, got: 7, .. })));
        let wrong = new(mine, (i.clone(), is.clone(), s.clone(), seven.sealing_publics.clone()));
        assert!(matches!(wrong, Err(Error::WrongSize { expected: 4, got: 7, .. })));
        let stranger = Keyring::new(mine.committee(), PartyId::new(4), i, is, s, ss);
        assert!(matches!(stranger, Err(Error::NotAMember { .. })));
    }

    #[test]
    fn secrets_do_not_print() {
        assert_eq!(format!("{:?}", Keyring::for_tests(4, 1)[2]), "Keyring(party 2 of 4)");
    }
}
