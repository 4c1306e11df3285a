//! What goes on the wire between parties, shared by node and simulator.
//!
//! All messages of one tick to one peer and class travel together; votes of one agreement round
//! are merged into one message on the way.

use std::marker::PhantomData;

use crate::committee::{Committee, PartyId, PartyMap};
use crate::frame;
pub use crate::frame::{Decoded, FrameError, VERSION};
use crate::party::event::{MessageOf, Suite};
use crate::party::message::Class;
use crate::protocol::Recipient;

/// How many of the last messages of a tick a new one is tried to be merged with.
const MERGE_WINDOW: usize = 64;

/// Reads a frame. Messages that cannot be read are skipped: they may be of a later version.
///
/// # Errors
/// The frame itself is malformed, or of another version or epoch.
pub fn decode_frame<S: Suite>(
    bytes: &[u8],
    epoch: u64,
) -> Result<Decoded<MessageOf<S>>, FrameError> {
    frame::decode(bytes, epoch)
}

/// One tick's outgoing messages.
pub struct Outgoing<S: Suite> {
    committee: Committee,
    me: PartyId,
    epoch: u64,
    decision: PartyMap<Vec<MessageOf<S>>>,
    bulk: PartyMap<Vec<MessageOf<S>>>,
    suite: PhantomData<S>,
}

impl<S: Suite> Outgoing<S> {
    /// Nothing to send yet.
    pub fn new(committee: Committee, me: PartyId, epoch: u64) -> Self {
        Self {
            committee,
            me,
            epoch,
            decision: PartyMap::new(committee),
            bulk: PartyMap::new(committee),
            suite: PhantomData,
        }
    }

    /// Adds a message, to every other member or to one.
    pub fn push(&mut self, to: Recipient, message: MessageOf<S>) {
        match to {
            Recipient::One(peer) => self.push_to(peer, message),
            Recipient::All => {
                let me = self.me;
                for peer in self.committee.parties().filter(|peer| *peer != me) {
                    self.push_to(peer, message.clone());
                }
            }
        }
    }

    fn push_to(&mut self, peer: PartyId, message: MessageOf<S>) {
        let queue = match message.class() {
            Class::Decision => &mut self.decision[peer],
            Class::Bulk => &mut self.bulk[peer],
        };
        let mut message = message;
        for earlier in queue.iter_mut().rev().take(MERGE_WINDOW) {
            match earlier.merge(message) {
                None => return,
                Some(rest) => message = rest,
            }
        }
        queue.push(message);
    }

    /// Takes the messages to one peer and class, without encoding them.
    pub fn take_messages(&mut self, peer: PartyId, class: Class) -> Vec<MessageOf<S>> {
        std::mem::take(match class {
            Class::Decision => &mut self.decision[peer],
            Class::Bulk => &mut self.bulk[peer],
        })
    }

    /// Takes the frames to one peer and class, each within [`MAX_ENVELOPE`](crate::limits::MAX_ENVELOPE).
    pub fn take(&mut self, peer: PartyId, class: Class) -> Vec<Vec<u8>> {
        frame::encode(self.epoch, self.take_messages(peer, class))
    }
}
