//! Messages of instances that have not begun here.
//!
//! One peer alone must not make a party begin: what is begun costs memory, and a party that is restored
//! from a backup is silent where it may have spoken. An instance begins when this party has a reason of
//! its own, or when `t + 1` members speak in it, of whom one is honest and has a reason.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::committee::{Committee, PartyId, PartyMap, PartySet};
use crate::wire;
use crate::zoo::{self, Mutant};

/// What a message of so many bytes takes of its sender's budget.
fn counted(size: usize) -> usize {
    zoo::instead(size, Mutant::EarlyUncounted, 0)
}

/// Kept messages by instance, within a budget of bytes for each peer.
pub(super) struct Early<M> {
    committee: Committee,
    speakers: BTreeMap<u64, PartySet>,
    messages: BTreeMap<u64, Vec<(PartyId, usize, M)>>,
    bytes: PartyMap<usize>,
    budget: usize,
}

impl<M: Serialize> Early<M> {
    /// Nothing is kept yet; of each peer so many bytes may be.
    pub(super) fn new(committee: Committee, budget: usize) -> Self {
        Self {
            committee,
            speakers: BTreeMap::new(),
            messages: BTreeMap::new(),
            bytes: PartyMap::new(committee),
            budget,
        }
    }

    /// Notes that `from` speaks in an instance; whether it may begin for that.
    pub(super) fn admit(&mut self, instance: u64, from: PartyId) -> bool {
        let speakers = self.speakers.entry(instance).or_default();
        speakers.insert(from);
        speakers.len() >= self.committee.one_honest()
    }

    /// Keeps a message, if its sender's budget allows and `note` has it written down.
    pub(super) fn keep(
        &mut self,
        instance: u64,
        from: PartyId,
        message: M,
        note: impl FnOnce(&M) -> bool,
    ) {
        let size = wire::size(&message);
        if self.bytes[from] + size <= self.budget && note(&message) {
            self.keep_again(instance, from, message);
        }
    }

    /// Keeps a message that was kept before a restart.
    pub(super) fn keep_again(&mut self, instance: u64, from: PartyId, message: M) {
        let size = wire::size(&message);
        self.bytes[from] += counted(size);
        self.messages.entry(instance).or_default().push((from, size, message));
    }

    /// Bytes of a peer's messages that are kept.
    pub(super) fn kept_bytes(&self, peer: PartyId) -> usize {
        let kept = self.messages.values().flatten().filter(|(from, ..)| *from == peer);
        kept.map(|(_, size, _)| size).sum()
    }

    /// Takes an instance's messages, now that it begins.
    pub(super) fn take(&mut self, instance: u64) -> Vec<(PartyId, M)> {
        self.speakers.remove(&instance);
        let taken = self.messages.remove(&instance).unwrap_or_default();
        for (from, size, _) in &taken {
            self.bytes[*from] -= counted(*size);
        }
        taken.into_iter().map(|(from, _, message)| (from, message)).collect()
    }

    /// Forgets what a peer has said, in all instances.
    pub(super) fn forget_peer(&mut self, peer: PartyId) {
        for said in self.messages.values_mut() {
            said.retain(|(from, ..)| *from != peer);
        }
        self.messages.retain(|_, said| !said.is_empty());
        self.bytes[peer] = 0;
    }

    /// All that is kept, by instance.
    pub(super) fn kept(&self) -> impl Iterator<Item = (u64, PartyId, &M)> {
        self.messages.iter().flat_map(|(instance, said)| said_in(*instance, said))
    }

    /// Forgets all instances before this one.
    pub(super) fn forget_before(&mut self, instance: u64) {
        while let Some((&first, _)) = self.messages.range(..instance).next() {
            self.take(first);
        }
        self.speakers = self.speakers.split_off(&instance);
    }
}

fn said_in<M>(
    instance: u64,
    said: &[(PartyId, usize, M)],
) -> impl Iterator<Item = (u64, PartyId, &M)> {
    said.iter().map(move |(from, _, message)| (instance, *from, message))
}
