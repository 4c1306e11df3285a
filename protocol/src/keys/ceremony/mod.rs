//! The ceremony: key generation that survives restarts, as node and simulator drive it.
//!
//! # Model
//! That of [key generation](super::generation), and members restart at any time, with what they
//! wrote down. Links deliver what one member says to another while both stay up.
//!
//! # Guarantees
//! Those of key generation, with every member that comes back counted as honest; all of its members
//! may restart as often as they like, and one that was away from the start ends with the same keys.
//! No member says different things in one place, whatever it was doing when it stopped.
//!
//! Not guaranteed: anything about a member whose store was put back to an earlier state. It falls
//! silent as soon as `t + 1` members have told it so, and until then counts as Byzantine.
//!
//! # Protocol
//! A member is a function of its keys, its seed and of what it has taken from others, in order.
//! - C1 All that is taken from others is written down before what it leads to is sent. Own messages
//!   and the results of jobs are not: they follow.
//! - C2 What one member has to say to another is one list, and each item has its place in it as a
//!   number. It is taken in this order; what was taken is not taken again.
//! - C3 On start: go through the log, which gives the same lists again. Send HELLO to everybody, with
//!   the number of the first item that is lacked, and ask for the same.
//! - C4 On the first HELLO of a member, and on each that asks: send all it lacks, and from then on
//!   what is new. On each that asks: answer with HELLO, and CONFIRM if the keys are here.
//! - C5 With the keys: sign their digest and send CONFIRM to all. Note who confirms the same; blame
//!   who confirms other keys.
//! - C6 When all `n` have confirmed: write down the keys and forget everything else. Until then it
//!   all is kept, whatever one's own state, since a member may come late.
//!
//! # Why it works
//! By C1 and C3 the lists of a member only grow, over all restarts. A list is lost on the way only if
//! one of the two restarts or the link fails; after a restart C3 and C4 send from where the receiver
//! is. So for key generation no member has ever stopped, and some links are slow.
//!
//! # Bounds
//! Of each member so many messages and bytes are taken as an honest one can have
//! ([`MAX_CEREMONY_MESSAGES`](crate::limits::MAX_CEREMONY_MESSAGES),
//! [`MAX_CEREMONY_BYTES`](crate::limits::MAX_CEREMONY_BYTES)); a long answer to HELLO is given
//! [`SYNC_ANSWERS`](crate::limits::SYNC_ANSWERS) times before the asker must have got on.
//!
//! # Other uses
//! What is durable here is any [`Making`]: key generation, and the [refresh](super::refresh) of an
//! epoch, which is driven by the party's owner and shares all but its own log.
//! - C7 An owner that need not keep its secrets for latecomers [retires](Durable::retire) the instance:
//!   of what it has said only the words are kept, and they are told to whoever comes. Before that, those
//!   who have not confirmed are told what they would otherwise have to ask for.
//!
//! # End
//! With [`CeremonyEffect::Generated`] the keys may be used. The ceremony must be driven on, beside
//! whatever the keys are used for, until [`Ceremony::confirmed`] holds all members. A member that has
//! its keys and has lost the ceremony's log must not begin it again.

use std::fmt;
use std::sync::Arc;

use crate::crypto::{Digest, Keyring, Transcript};
use crate::error::Error;
use crate::keys::generation::{self, Deviation, KeyGeneration};
use crate::keys::key_set::KeySet;
use crate::protocol::Outbox;
use crate::record::{Record, RestoreError};
use crate::secret::Secret;
use crate::tag::Tag;

mod durable;
mod log;
mod message;
mod post;
mod progress;
mod sink;
#[cfg(test)]
mod tests;

pub use durable::{Durable, DurableEffect, DurableEvent, Making};
pub use message::{EPOCH, Envelope, Message, decode, encode};
pub use progress::{CeremonyProgress, Stage};

/// The epoch whose keys a ceremony makes.
const FIRST_EPOCH: u64 = 1;

/// One member's ceremony.
pub type Ceremony = Durable<KeyGeneration>;
/// What happens to a ceremony.
pub type CeremonyEvent = DurableEvent<KeyGeneration>;
/// What a ceremony wants done, in order.
pub type CeremonyEffect = DurableEffect<KeyGeneration>;

/// The name of a network's key generation.
pub fn tag(network: &Digest) -> Tag {
    Tag::root(network.as_bytes(), EPOCH).child("key generation")
}

/// What a ceremony is made from.
pub struct CeremonyConfig {
    /// Digest of the roster, which names the network.
    pub network: Digest,
    /// Everybody's keys.
    pub keyring: Arc<Keyring>,
    /// The root of this member's randomness. The same after every restart.
    pub seed: Secret<[u8; 32]>,
}

impl Making for KeyGeneration {
    type Deviation = Deviation;

    fn begin(
        &mut self,
        deviation: Deviation,
        out: &mut dyn Outbox<generation::Message>,
    ) -> Result<(), Error> {
        self.start_with(deviation, out)
    }

    fn digest(keys: &KeySet) -> Digest {
        keys.public().digest()
    }

    fn to_bytes(keys: &KeySet) -> Secret<Vec<u8>> {
        keys.to_bytes()
    }

    fn from_bytes(bytes: &[u8]) -> Option<KeySet> {
        KeySet::from_bytes(bytes).ok()
    }
}

impl Ceremony {
    /// A ceremony as it was when it wrote `records`, in any order; a new one if there are none.
    ///
    /// # Errors
    /// The records cannot be read, some are missing, or they were written under other keys.
    pub fn new(config: CeremonyConfig, records: Vec<Record>) -> Result<Self, RestoreError> {
        Self::with_deviation(config, Deviation::default(), records)
    }

    /// A member that deals the way a corrupt one would, for tests and simulations.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_deviation(
        config: CeremonyConfig,
        deviation: Deviation,
        records: Vec<Record>,
    ) -> Result<Self, RestoreError> {
        let CeremonyConfig { network, keyring, seed } = config;
        let (committee, me) = (keyring.committee(), keyring.me());
        let tag = tag(&network);
        let mut transcript = Transcript::new(&tag, "ceremony log");
        transcript.u64(committee.n() as u64).u64(committee.t() as u64).u64(me.point());
        let begun = transcript.bytes(seed.expose()).digest();
        let generation = KeyGeneration::new(Arc::clone(&keyring), tag, FIRST_EPOCH, seed);
        let identities = Arc::clone(keyring.identities());
        Self::restored(identities, tag, begun, Some(generation), deviation, records)
    }

    /// Our keys, once they are here.
    pub fn key_set(&self) -> Option<&KeySet> {
        self.made()
    }

    /// How far it has come.
    pub fn progress(&self) -> CeremonyProgress {
        let (everyone, quorum) = (self.committee().everyone(), self.committee().quorum());
        let generation = self.making().map(KeyGeneration::progress);
        let phases = generation.map(|g| g.phases()).unwrap_or_default();
        let stage = match (self.made(), phases.iter().position(|done| done.len() < quorum)) {
            (Some(_), _) if self.confirmed() == everyone => Stage::Done,
            (Some(_), _) => Stage::Confirming,
            (None, Some(0)) => Stage::Gathering,
            (None, Some(1)) => Stage::Dealing,
            (None, Some(2)) => Stage::Proposing,
            (None, _) => Stage::Agreeing,
        };
        let waiting_for = match self.making() {
            Some(generation) if self.made().is_none() => generation.waiting_for(),
            _ => everyone.difference(self.confirmed()),
        };
        let done = everyone.difference(waiting_for).len();
        CeremonyProgress {
            stage,
            up: self.up(),
            generation,
            confirmed: self.confirmed(),
            waiting_for,
            needed: if self.made().is_none() { quorum.saturating_sub(done) } else { 0 },
            forgot: self.forgot(),
        }
    }
}

impl fmt::Debug for Ceremony {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ceremony")
            .field("me", &self.me())
            .field("progress", &self.progress())
            .finish_non_exhaustive()
    }
}
