//! Broadcasts, properly signed, a vote of the wrong shape. Tests that only a ballot with one bit for each
//! mask is a vote, which makes every vote one in range, and that the voter of another is named.

use std::sync::Arc;

use quorate_protocol::agreement::rbc::{self, Mode, Rbc};
use quorate_protocol::decision::ballot::Ballot;
use quorate_protocol::decision::collect;
use quorate_protocol::decision::life;
use quorate_protocol::limits;
use quorate_protocol::party::Message;
use quorate_protocol::wire::{self, Bytes};

use super::{Adversary, Insider, LastSaid, Letter};
use crate::{Rng, Wire};

/// Replaces its votes by one of too many bits, with a signature that holds.
pub(super) struct MalformedVote {
    insider: Insider,
}

impl MalformedVote {
    pub(super) const fn new(insider: Insider) -> Self {
        Self { insider }
    }

    /// The first message of a broadcast of a malformed vote at `position`.
    fn send(&self, position: u64) -> Option<rbc::Message> {
        let me = self.insider.keyring.me();
        let tag = self
            .insider
            .root
            .indexed("decision", position)
            .child("collect")
            .indexed("value", me.point());
        let mode = Mode::Short { limit: limits::MAX_BALLOT };
        let mut rbc = Rbc::new(Arc::clone(&self.insider.keyring), me, tag, mode);
        let vote = Ballot::masked(&[true; 130]);
        let mut said = LastSaid(None);
        rbc.broadcast(Bytes::from(wire::encode(&vote)), &mut said).ok()?;
        said.0
    }
}

impl Adversary for MalformedVote {
    fn rewrite(&mut self, letter: &Letter, _rng: &mut Rng) -> Option<Vec<Wire>> {
        let mut message = letter.message.clone();
        if let Message::Decision(position, life::Message::Collect(m)) = &mut message
            && let collect::Message::Value(voter, m @ rbc::Message::Send { .. }) = m
            && *voter == self.insider.keyring.me()
            && let Some(send) = self.send(*position)
        {
            *m = send;
            return Some(vec![message]);
        }
        None
    }

    fn begins(&mut self, insider: &Insider) {
        self.insider = insider.clone();
    }
}
