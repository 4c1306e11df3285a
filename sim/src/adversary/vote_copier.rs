//! Votes as another member votes: waits for that member's ballot and broadcasts it as its own. Tests that
//! a ballot means something else under each voter's masks, so that nobody can follow a vote it does not know.

use std::collections::BTreeMap;

use quorate_protocol::agreement::rbc;
use quorate_protocol::committee::{PartyId, PartySet};
use quorate_protocol::decision::{collect, life};
use quorate_protocol::party::Message;
use quorate_protocol::wire::Bytes;

use super::other::{broadcast_tag, signed_send};
use super::{Adversary, Insider, Letter};
use crate::{Rng, Wire};

/// Holds its own ballot back until it has another's to send in its place.
pub(super) struct VoteCopier {
    of: PartyId,
    insider: Insider,
    /// The other's ballots, by position.
    ballots: BTreeMap<u64, Bytes>,
    /// Its own that wait, and for whom.
    waiting: BTreeMap<u64, (Wire, PartySet)>,
}

impl VoteCopier {
    pub(super) const fn new(of: PartyId, insider: Insider) -> Self {
        Self { of, insider, ballots: BTreeMap::new(), waiting: BTreeMap::new() }
    }

    /// What is said in place of `own`.
    fn copy(&self, own: &Wire, ballot: &Bytes) -> Option<Wire> {
        let (tag, limit) = broadcast_tag(&self.insider, own)?;
        let send = signed_send(&self.insider, tag, limit, ballot.clone())?;
        let Message::Decision(position, _) = own else { return None };
        let value = collect::Message::Value(self.insider.keyring.me(), send);
        Some(Message::Decision(*position, life::Message::Collect(value)))
    }
}

/// The position and the voter of a ballot, and the ballot.
const fn ballot(message: &Wire) -> Option<(u64, PartyId, &Bytes)> {
    match message {
        Message::Decision(
            at,
            life::Message::Collect(collect::Message::Value(
                voter,
                rbc::Message::Send { payload, .. },
            )),
        ) => Some((*at, *voter, payload)),
        _ => None,
    }
}

impl Adversary for VoteCopier {
    fn rewrite(&mut self, letter: &Letter, _rng: &mut Rng) -> Option<Vec<Wire>> {
        let (position, voter, _) = ballot(&letter.message)?;
        if voter != self.insider.keyring.me() {
            return None;
        }
        if let Some(other) = self.ballots.get(&position) {
            return Some(vec![self.copy(&letter.message, other)?]);
        }
        let waiting = self.waiting.entry(position);
        waiting.or_insert((letter.message.clone(), PartySet::EMPTY)).1.insert(letter.to);
        Some(Vec::new())
    }

    fn hear(&mut self, from: PartyId, heard: &Wire, _rng: &mut Rng) -> Vec<(PartyId, Wire)> {
        let Some((position, voter, payload)) = ballot(heard) else { return Vec::new() };
        if voter != self.of || from != self.of {
            return Vec::new();
        }
        self.ballots.entry(position).or_insert_with(|| payload.clone());
        let Some((own, to)) = self.waiting.remove(&position) else { return Vec::new() };
        let Some(copy) = self.copy(&own, payload) else { return Vec::new() };
        to.iter().map(|to| (to, copy.clone())).collect()
    }

    fn begins(&mut self, insider: &Insider) {
        self.insider = insider.clone();
        self.waiting.clear();
    }
}
