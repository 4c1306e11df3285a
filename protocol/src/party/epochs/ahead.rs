//! What is said in epochs that have not begun here (N5).

use std::collections::BTreeMap;

use crate::committee::{Committee, PartyId, PartyMap};
use crate::limits;
use crate::party::early::Early;
use crate::party::{MessageOf, RealSuite};
use crate::wire;

/// Messages of the next few epochs, and how far each peer is.
pub(super) struct Ahead {
    committee: Committee,
    messages: Early<MessageOf<RealSuite>>,
    /// The latest epoch in which each peer spoke.
    reached: PartyMap<u64>,
}

impl Ahead {
    pub(super) fn new(committee: Committee) -> Self {
        Self {
            committee,
            messages: Early::new(committee, limits::MAX_AHEAD_BYTES),
            reached: PartyMap::new(committee),
        }
    }

    /// Keeps what a peer says in an epoch after the current one; whether that shows for the first time
    /// that an honest member has left the current one. What is kept is noted.
    pub(super) fn hear(
        &mut self,
        current: u64,
        from: PartyId,
        epoch: u64,
        message: MessageOf<RealSuite>,
        note: impl FnOnce(Vec<u8>),
    ) -> bool {
        let before = self.is_behind(current);
        self.reached[from] = self.reached[from].max(epoch);
        if epoch - current <= limits::EPOCH_WINDOW {
            let note = |message: &_| {
                note(noted(from, message));
                true
            };
            self.messages.keep(epoch, from, message, note);
        }
        !before && self.is_behind(current)
    }

    /// Brings back what was noted before a restart.
    pub(super) fn restore(&mut self, epoch: u64, note: &[u8]) -> Option<()> {
        let (from, message): (PartyId, MessageOf<RealSuite>) =
            wire::decode(note, limits::MAX_ENVELOPE).ok()?;
        self.committee.contains(from).then_some(())?;
        self.reached[from] = self.reached[from].max(epoch);
        self.messages.keep_again(epoch, from, message);
        Some(())
    }

    /// An epoch begins: what was said in it, and whether an honest member has left it already.
    pub(super) fn begin(&mut self, epoch: u64) -> (Vec<(PartyId, MessageOf<RealSuite>)>, bool) {
        (self.messages.take(epoch), self.is_behind(epoch))
    }

    /// Another member is at this seat now. What is left of what is noted, by epoch, where that changes.
    pub(super) fn forget(&mut self, seat: PartyId) -> BTreeMap<u64, Vec<Vec<u8>>> {
        self.reached[seat] = 0;
        let mut left = BTreeMap::new();
        for (epoch, from, _) in self.messages.kept() {
            if from == seat {
                left.insert(epoch, Vec::new());
            }
        }
        self.messages.forget_peer(seat);
        for (epoch, from, message) in self.messages.kept() {
            if let Some(notes) = left.get_mut(&epoch) {
                notes.push(noted(from, message));
            }
        }
        left
    }

    /// Bytes of a peer's messages that are kept.
    pub(super) fn kept_bytes(&self, peer: PartyId) -> usize {
        self.messages.kept_bytes(peer)
    }

    /// Whether `t + 1` members have spoken in epochs after this one.
    fn is_behind(&self, epoch: u64) -> bool {
        let ahead = self.reached.values().iter().filter(|reached| **reached > epoch);
        ahead.count() >= self.committee.one_honest()
    }
}

fn noted(from: PartyId, message: &MessageOf<RealSuite>) -> Vec<u8> {
    wire::encode(&(from, message))
}
