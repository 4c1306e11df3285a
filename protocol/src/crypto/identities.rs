//! Who is who in a network, in the epochs between two replacements of members.

use std::fmt;

use super::identity::{IdentityKey, IdentityPublic};
use crate::committee::{Committee, PartyId, PartyMap};
use crate::error::Error;

/// One party's own identity and everybody's public ones. Does not print what is secret.
#[derive(Clone)]
pub struct Identities {
    committee: Committee,
    me: PartyId,
    identity: IdentityKey,
    publics: PartyMap<IdentityPublic>,
}

impl Identities {
    /// The identities as party `me` has them.
    ///
    /// # Errors
    /// `me` is not of the committee, its own identity is not that in the roster, the map is not of
    /// the committee's size, or two members have one identity.
    pub fn new(
        committee: Committee,
        me: PartyId,
        identity: IdentityKey,
        publics: PartyMap<IdentityPublic>,
    ) -> Result<Self, Error> {
        let (expected, got) = (committee.n(), publics.values().len());
        if got != expected {
            return Err(Error::WrongSize { what: "identities", expected, got });
        }
        if !committee.contains(me) {
            return Err(Error::NotAMember { party: me });
        }
        let mut distinct = publics.values().to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() != expected {
            return Err(Error::KeyMismatch { what: "two members have one identity" });
        }
        if publics[me] != identity.public() {
            return Err(Error::KeyMismatch { what: "the roster has another identity for us" });
        }
        Ok(Self { committee, me, identity, publics })
    }

    /// The same with another member in the place of `seat`, which is not ours.
    ///
    /// # Errors
    /// It is ours or nobody's, or the identity is a member's already.
    pub fn replacing(&self, seat: PartyId, identity: IdentityPublic) -> Result<Self, Error> {
        if !self.committee.contains(seat) {
            return Err(Error::NotAMember { party: seat });
        }
        let mut publics = self.publics.clone();
        publics[seat] = identity;
        Self::new(self.committee, self.me, self.identity.clone(), publics)
    }

    /// The committee.
    pub const fn committee(&self) -> Committee {
        self.committee
    }

    /// Whose own identity is here.
    pub const fn me(&self) -> PartyId {
        self.me
    }

    /// Our signing key.
    pub const fn identity(&self) -> &IdentityKey {
        &self.identity
    }

    /// The keys that the members sign with.
    pub const fn publics(&self) -> &PartyMap<IdentityPublic> {
        &self.publics
    }

    /// The key that `party`, a member, signs with.
    pub fn identity_of(&self, party: PartyId) -> &IdentityPublic {
        &self.publics[party]
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identities(party {} of {})", self.me, self.committee.n())
    }
}
