//! What certificates are checked against.

use crate::committee::{Committee, PartyId, PartyMap};
use crate::crypto::{Digest, Identities, IdentityPublic};
use crate::error::Error;
use crate::keys::GroupPublic;
use crate::tag::Tag;

/// One epoch of one network, and what it demands of a certificate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verifier {
    network: Digest,
    epoch: u64,
    committee: Committee,
    key: GroupPublic,
    /// Of the members, if their signatures are demanded beside the network's.
    identities: Option<PartyMap<IdentityPublic>>,
}

impl Verifier {
    /// Checks certificates of one epoch of the network with this digest, size and certificate key.
    pub const fn new(network: Digest, epoch: u64, committee: Committee, key: GroupPublic) -> Self {
        Self { network, epoch, committee, key, identities: None }
    }

    /// The same for a network that demands the accountable form: `n - t` members' signatures beside
    /// the network's.
    ///
    /// # Errors
    /// Not one key for each member, or two members with one key, who would count twice.
    pub fn accountable(mut self, identities: PartyMap<IdentityPublic>) -> Result<Self, Error> {
        let (expected, got) = (self.committee.n(), identities.values().len());
        if got != expected {
            return Err(Error::WrongSize { what: "identities", expected, got });
        }
        let mut distinct = identities.values().to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.len() != got {
            return Err(Error::KeyMismatch { what: "two members have one identity" });
        }
        self.identities = Some(identities);
        Ok(self)
    }

    /// For these members, whose network demands the accountable form or does not.
    pub fn of(
        network: Digest,
        epoch: u64,
        identities: &Identities,
        key: GroupPublic,
        accountable: bool,
    ) -> Self {
        let committee = identities.committee();
        let of = |member| *identities.identity_of(member);
        let identities = accountable.then(|| PartyMap::from_fn(committee, of));
        Self { network, epoch, committee, key, identities }
    }

    /// The same for another epoch: a network's keys are refreshed and keep their public part.
    #[must_use]
    pub fn in_epoch(&self, epoch: u64) -> Self {
        Self { epoch, ..self.clone() }
    }

    /// The network's digest.
    pub const fn network(&self) -> Digest {
        self.network
    }

    /// The epoch.
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The members.
    pub const fn committee(&self) -> Committee {
        self.committee
    }

    /// The network's certificate key.
    pub const fn key(&self) -> &GroupPublic {
        &self.key
    }

    /// Whether `n - t` members have to have signed, too.
    pub const fn is_accountable(&self) -> bool {
        self.identities.is_some()
    }

    /// The key of a member, if members' signatures are demanded.
    pub fn identity_of(&self, member: PartyId) -> Option<&IdentityPublic> {
        self.identities.as_ref().filter(|_| self.committee.contains(member)).map(|of| &of[member])
    }

    /// The root of all names of the epoch.
    pub fn root(&self) -> Tag {
        Tag::root(self.network.as_bytes(), self.epoch)
    }
}
