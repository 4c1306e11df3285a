//! Asks again what another asked: the same question, nearly the same, or the same with another threshold,
//! many times. Tests the limits on open proposals, that equal proposals stay one decision, and that every
//! question takes masks of its own.

use std::fmt;

use quorate_protocol::agreement::rbc;
use quorate_protocol::committee::{Committee, PartyId};
use quorate_protocol::decision::proposal::{Proposal, ProposalId, Renewal};
use quorate_protocol::limits;
use quorate_protocol::party::Message;
use quorate_protocol::rule::Rule;
use quorate_protocol::wire::{self, Bytes};
use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::other::{broadcast_tag, other_proposal, signed_send};
use super::{Adversary, Insider};
use crate::{Rng, Wire};

/// What is asked again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asked {
    /// The same.
    Same,
    /// Nearly the same.
    Near,
    /// Whether fewer or more approve.
    Thresholds,
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Same => "the same",
            Self::Near => "nearly the same",
            Self::Thresholds => "for other thresholds",
        })
    }
}

/// Answers proposals of others by its own.
pub(super) struct Storm {
    asked: Asked,
    times: u64,
    insider: Insider,
    /// The sequence number of its next one. Those that its party uses itself are before these.
    next: u64,
    left: u64,
}

impl Storm {
    pub(super) const fn new(asked: Asked, times: u64, insider: Insider) -> Self {
        Self { asked, times, insider, next: limits::OWN_SEQUENCES / 2, left: times }
    }

    fn payload(&self, payload: &Bytes, number: u64, rng: &mut Rng) -> Option<Bytes> {
        match self.asked {
            Asked::Same => Some(payload.clone()),
            Asked::Near => other_proposal(payload, rng),
            Asked::Thresholds => {
                let mut proposal: Proposal =
                    wire::decode(payload, limits::MAX_SHORT_PAYLOAD).ok()?;
                let n = self.insider.keyring.committee().n() as u64;
                let rule = format!("count(approve) >= {}", number % (n + 1));
                proposal.rule = Rule::parse(&rule).ok()?;
                proposal.renewal = Renewal::None;
                Some(wire::encode(&proposal).into())
            }
        }
    }

    /// The first message of one more broadcast, to everybody.
    fn ask(&mut self, payload: &Bytes, rng: &mut Rng) -> Option<Vec<(PartyId, Wire)>> {
        let me = self.insider.keyring.me();
        let payload = self.payload(payload, self.left, rng)?;
        let id = ProposalId { proposer: me, sequence: self.next };
        // What it is in the broadcast's place does not matter for its name.
        let place = Message::Proposal(id, rbc::Message::Payload(payload.clone()));
        let (tag, limit) = broadcast_tag(&self.insider, &place)?;
        let send = signed_send(&self.insider, tag, limit, payload)?;
        self.next += 1;
        self.left -= 1;
        let committee: Committee = self.insider.keyring.committee();
        let to_all = committee.parties().filter(|to| *to != me);
        Some(to_all.map(|to| (to, Message::Proposal(id, send.clone()))).collect())
    }
}

impl Adversary for Storm {
    fn hear(&mut self, from: PartyId, heard: &Wire, rng: &mut Rng) -> Vec<(PartyId, Wire)> {
        let Message::Proposal(id, rbc::Message::Send { payload, .. }) = heard else {
            return Vec::new();
        };
        if id.proposer != from {
            return Vec::new();
        }
        let mut said = Vec::new();
        let most = rng.random_range(1..=self.times);
        for _ in 0..most.min(self.left) {
            said.extend(self.ask(payload, rng).into_iter().flatten());
        }
        said
    }

    fn begins(&mut self, insider: &Insider) {
        self.insider = insider.clone();
        (self.next, self.left) = (limits::OWN_SEQUENCES / 2, self.times);
    }
}
