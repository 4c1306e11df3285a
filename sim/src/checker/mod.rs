//! The invariants that everything rests on, each checked as the run goes.
//!
//! A checker sees [observations](What) and knows the [truth](Ghost). It never asks a party, so that
//! a doctored list of observations is enough to see it fail; every checker has such a test.

mod agreement;
mod blame;
mod bounds;
mod broadcasts;
pub(crate) mod certificate;
mod coins;
mod completeness;
mod continuity;
mod correctness;
mod equivocation;
mod erasure;
mod freshness;
mod inclusion;
pub(crate) mod instance;
mod lapse;
mod ledger;
mod material;
mod notice;
mod openings;
mod quiescence;
mod recovery;
pub(crate) mod reference;
mod replay;
mod shares;
mod sharing;
mod state;
mod validity;
mod votes;

#[cfg(test)]
mod doctored;
#[cfg(test)]
mod doctored_agreements;
#[cfg(test)]
mod doctored_epochs;
#[cfg(test)]
mod doctored_notices;
#[cfg(test)]
mod doctored_openings;
#[cfg(test)]
mod doctored_states;

use quorate_protocol::committee::{PartyId, PartySet};
use quorate_protocol::crypto::Digest;
use quorate_protocol::decision::certificate::{Outcome, Statement};
use quorate_protocol::decision::ledger::LedgerStart;
use quorate_protocol::fault::Fault;
use quorate_protocol::math::Fp61;
use quorate_protocol::mpc::preprocessing::Batch;
use quorate_protocol::party::epochs::EpochKeys;
use quorate_protocol::protocol::Recipient;
use quorate_protocol::record::Memory;

use crate::Wire;
use crate::ghost::Ghost;

/// Something that happened.
#[derive(Debug)]
pub struct Observation<'a> {
    /// When, in virtual microseconds.
    pub time: u64,
    /// What.
    pub what: What<'a>,
}

/// What a party has written down.
pub type Store = Memory;

/// What can be observed. `by` is always an honest party.
#[derive(Debug)]
pub enum What<'a> {
    /// An honest party says something.
    Said {
        /// Who.
        by: PartyId,
        /// In which epoch.
        epoch: u64,
        /// To whom.
        to: Recipient,
        /// What.
        message: &'a Wire,
    },
    /// A Byzantine party replaces shares of an opening by wrong ones.
    Lied {
        /// Who.
        by: PartyId,
        /// To whom.
        to: PartyId,
        /// The message with the wrong shares.
        message: &'a Wire,
    },
    /// A message arrives at an honest party, which is about to handle it.
    Hears {
        /// Who sent it.
        from: PartyId,
        /// Where it arrives.
        by: PartyId,
        /// The epoch of the frame that it came in.
        epoch: u64,
        /// What.
        message: &'a Wire,
    },
    /// An honest party has handled a message, with all that follows from it.
    Handled {
        /// Who sent it.
        from: PartyId,
        /// Who handled it.
        by: PartyId,
        /// The epoch of the frame that it came in.
        epoch: u64,
        /// What.
        message: &'a Wire,
        /// How many effects it had.
        effects: usize,
    },
    /// An honest party reports a fault.
    Blamed {
        /// Who reports.
        by: PartyId,
        /// Whose fault, and what.
        fault: &'a Fault,
    },
    /// A proposal has a ledger position at an honest party.
    Ordered {
        /// Where.
        by: PartyId,
        /// In which epoch.
        epoch: u64,
        /// Digest of the proposal.
        decision: Digest,
        /// Its position.
        position: u64,
    },
    /// A proposal had no position at an honest party when its epoch ended.
    Lapsed {
        /// Where.
        by: PartyId,
        /// Digest of the proposal.
        decision: Digest,
    },
    /// An epoch begins at an honest party.
    Began {
        /// Where.
        by: PartyId,
        /// What it has of its own in the epoch.
        keys: &'a EpochKeys,
        /// Where the epoch's ledger begins.
        start: LedgerStart,
    },
    /// An honest party says that it has erased an epoch.
    Erased {
        /// Who.
        by: PartyId,
        /// Which.
        epoch: u64,
    },
    /// What an honest party has written down.
    Stored {
        /// Who.
        by: PartyId,
        /// All of it.
        store: &'a Store,
    },
    /// A ballot arrived at an honest party.
    VoteIn {
        /// Where.
        by: PartyId,
        /// Digest of the proposal.
        decision: Digest,
        /// Whose ballot.
        member: PartyId,
    },
    /// An honest party took the vote of its own organisation.
    Voted {
        /// Who.
        by: PartyId,
        /// Digest of the proposal.
        decision: Digest,
        /// Its position.
        position: u64,
    },
    /// An honest party has a certificate.
    Certified {
        /// Who.
        by: PartyId,
        /// What is certified.
        statement: &'a Statement,
        /// The network's signature.
        signature: &'a [u8; 64],
        /// The certificate's encoding.
        bytes: &'a [u8],
        /// Whether the certificate verifies.
        verifies: bool,
    },
    /// A preprocessing run has come to an end at an honest party that has its material.
    Refilled {
        /// Where.
        by: PartyId,
        /// In which epoch.
        epoch: u64,
        /// Which run.
        run: u64,
        /// Its shares.
        batch: &'a Batch<Fp61>,
    },
    /// A share of a signature of an honest party leaves.
    Signed {
        /// Who.
        by: PartyId,
        /// In which epoch.
        epoch: u64,
        /// At which position.
        position: u64,
        /// Number of the nonce pair.
        pair: u64,
        /// Stands for what is signed.
        message: Digest,
    },
    /// An honest party was to use a nonce pair for a second message, and did not.
    Stopped {
        /// Who.
        by: PartyId,
        /// Number of the pair.
        pair: u64,
    },
    /// An honest party was killed and starts again.
    Restarted {
        /// Who.
        by: PartyId,
    },
    /// What one peer has an honest party keep.
    Keeps {
        /// Who keeps it.
        by: PartyId,
        /// Whose it is.
        of: PartyId,
        /// How many epochs it keeps.
        epochs: usize,
        /// How many bytes.
        bytes: usize,
    },
    /// What an honest party must not lose by a restart: as it is, and as it would be if it started
    /// from what it has written down.
    Restorable {
        /// Who.
        by: PartyId,
        /// As it is.
        live: &'a Lasting,
        /// As it would be.
        restored: &'a Lasting,
    },
    /// So many frames and events were handled.
    Steps(u64),
    /// Nothing is in flight and no timer is armed: how an honest party stands.
    AtRest {
        /// Who.
        by: PartyId,
        /// The decisions it knows.
        standing: &'a [Standing],
    },
}

/// A decision as one party knows it at the end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    /// Digest of the proposal.
    pub decision: Digest,
    /// The epoch that it belongs to.
    pub epoch: u64,
    /// Its ledger position, once ordered.
    pub position: Option<u64>,
    /// Whether the party has its certificate.
    pub certified: bool,
    /// What it waits for, in words.
    pub waiting: String,
}

/// What a party must not lose by a restart.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Lasting {
    /// The current epoch.
    pub epoch: u64,
    /// Of each epoch from the first.
    pub epochs: Vec<LastingEpoch>,
}

/// What a party must not lose of an epoch.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LastingEpoch {
    /// Which.
    pub epoch: u64,
    /// Slots, positions, finished runs; and bits, triples and nonce pairs that are not claimed.
    /// Nothing of an epoch that is erased.
    pub counts: Option<[i64; 6]>,
    /// What is ordered in it.
    pub decisions: Vec<LastingDecision>,
}

/// What a party must not lose of an ordered decision.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LastingDecision {
    /// Its position.
    pub position: u64,
    /// Digest of the proposal.
    pub decision: Digest,
    /// Whether this party voted.
    pub voted: bool,
    /// The outcome, and who counts, once certified.
    pub outcome: Option<(Outcome, Option<PartySet>)>,
}

/// One property.
pub trait Checker {
    /// Its name.
    fn name(&self) -> &'static str;

    /// Looks at what happened.
    ///
    /// # Errors
    /// How the property is violated.
    fn check(&mut self, ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String>;
}

/// All checkers, in their first state.
pub fn all() -> Vec<Box<dyn Checker>> {
    vec![
        Box::<agreement::Agreement>::default(),
        Box::new(certificate::Certificate),
        Box::new(recovery::Recovery),
        Box::new(state::State),
        Box::<inclusion::Inclusion>::default(),
        Box::<votes::Votes>::default(),
        Box::<broadcasts::Broadcasts>::default(),
        Box::<correctness::Correctness>::default(),
        Box::<material::Material>::default(),
        Box::<openings::Openings>::default(),
        Box::<validity::Validity>::default(),
        Box::<quiescence::Quiescence>::default(),
        Box::new(blame::Blame),
        Box::<completeness::Completeness>::default(),
        Box::<notice::Notice>::default(),
        Box::<freshness::Freshness>::default(),
        Box::<equivocation::Equivocation>::default(),
        Box::new(bounds::Bounds),
        Box::<continuity::Continuity>::default(),
        Box::<ledger::Ledger>::default(),
        Box::<shares::Shares>::default(),
        Box::<coins::Coins>::default(),
        Box::<erasure::Erasure>::default(),
        Box::<replay::Replay>::default(),
        Box::<lapse::Lapse>::default(),
    ]
}
