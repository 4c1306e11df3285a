//! Frames: what goes on the wire, shared by node and simulator.
//!
//! All messages of one tick to one peer and class travel together; votes of one agreement round
//! are merged into one message on the way. Each message is length-prefixed inside its frame, so
//! that a variant from a later version is skipped without losing its neighbours.

use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use crate::committee::{Committee, PartyId, PartyMap};
use crate::limits;
use crate::party::event::{MessageOf, Suite};
use crate::party::message::Class;
use crate::protocol::Recipient;
use crate::wire::{self, Bytes};

/// Version of the messages and of their encoding.
pub const VERSION: u16 = 1;

/// How many of the last messages of a tick a new one is tried to be merged with.
const MERGE_WINDOW: usize = 64;

#[derive(Serialize, Deserialize)]
struct Frame {
    version: u16,
    epoch: u64,
    messages: Vec<Bytes>,
}

/// Bytes of a frame beside its messages: version, epoch, count.
const FRAME_OVERHEAD: usize = 2 + 8 + 8;
/// Bytes of a message's length.
const LENGTH: usize = 8;

/// Why a frame was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FrameError {
    /// Not a frame.
    #[error("bytes that are no frame")]
    Malformed,
    /// Of another version.
    #[error("a frame of version {0}")]
    Version(u16),
    /// Of another epoch.
    #[error("a frame of epoch {0}")]
    Epoch(u64),
}

/// Messages of a frame, and how many were not understood.
#[derive(Debug)]
pub struct Decoded<M> {
    /// Understood messages, in order.
    pub messages: Vec<M>,
    /// Messages that are unknown variants, or nothing.
    pub skipped: usize,
}

/// Reads a frame. Messages that cannot be read are skipped: they may be of a later version.
///
/// # Errors
/// The frame itself is malformed, or of another version or epoch.
pub fn decode_frame<S: Suite>(
    bytes: &[u8],
    epoch: u64,
) -> Result<Decoded<MessageOf<S>>, FrameError> {
    let frame: Frame =
        wire::decode(bytes, limits::MAX_ENVELOPE).map_err(|_| FrameError::Malformed)?;
    if frame.version != VERSION {
        return Err(FrameError::Version(frame.version));
    }
    if frame.epoch != epoch {
        return Err(FrameError::Epoch(frame.epoch));
    }
    let all = frame.messages.len();
    let messages: Vec<_> = frame
        .messages
        .iter()
        .filter_map(|bytes| wire::decode(bytes, limits::MAX_ENVELOPE).ok())
        .collect();
    let skipped = all - messages.len();
    Ok(Decoded { messages, skipped })
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

    /// Takes the frames to one peer and class, each within [`limits::MAX_ENVELOPE`].
    pub fn take(&mut self, peer: PartyId, class: Class) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        let mut batch = Vec::new();
        let mut size = FRAME_OVERHEAD;
        for message in self.take_messages(peer, class) {
            let bytes = Bytes::from(wire::encode(&message));
            if !batch.is_empty() && size + LENGTH + bytes.len() > limits::MAX_ENVELOPE {
                frames.push(self.frame(std::mem::take(&mut batch)));
                size = FRAME_OVERHEAD;
            }
            size += LENGTH + bytes.len();
            batch.push(bytes);
        }
        if !batch.is_empty() {
            frames.push(self.frame(batch));
        }
        frames
    }

    fn frame(&self, messages: Vec<Bytes>) -> Vec<u8> {
        wire::encode(&Frame { version: VERSION, epoch: self.epoch, messages })
    }
}
