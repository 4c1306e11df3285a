//! Short mode: the payload travels whole in SEND; who missed it pulls it.

use std::collections::BTreeMap;

use super::message::Votes;
use crate::committee::{Committee, PartyId, PartySet};
use crate::crypto::{Digest, Transcript};
use crate::tag::Tag;
use crate::wire::Bytes;

/// Digest of a payload: it names the instance, the mode and the length.
pub(super) fn digest(tag: &Tag, payload: &[u8]) -> Digest {
    let mut transcript = Transcript::new(tag, "rbc short");
    transcript.bytes(payload).digest()
}

/// The payloads a party has, and whom it asked for and gave one.
#[derive(Debug, Default)]
pub(super) struct Short {
    /// The payload of the sender's first SEND.
    pub(super) sent: Option<(Digest, Bytes)>,
    /// The payload of the agreed digest, if it came on another way.
    pub(super) pulled: Option<(Digest, Bytes)>,
    /// What came without being asked for, if that is kept.
    offers: Option<BTreeMap<PartyId, (Digest, Bytes)>>,
    asked: PartySet,
    replied: PartySet,
    answered: PartySet,
}

impl Short {
    /// The payload with this digest, if it is here.
    pub(super) fn payload(&self, digest: Digest) -> Option<&Bytes> {
        let here = [&self.sent, &self.pulled].into_iter().flatten();
        let mut here = here.chain(self.offers.iter().flat_map(BTreeMap::values));
        here.find(|(of, _)| *of == digest).map(|(_, payload)| payload)
    }

    /// From now on keeps what is offered.
    pub(super) fn take_offers(&mut self) {
        self.offers.get_or_insert_default();
    }

    /// A payload that was not asked for: the first of each party is kept, if any is.
    pub(super) fn offer(&mut self, from: PartyId, digest: Digest, payload: Bytes) {
        if let Some(offers) = &mut self.offers {
            offers.entry(from).or_insert((digest, payload));
        }
    }

    /// R6. Whom to ask now for the payload of the agreed digest: parties that echoed it, not more
    /// than `t + 1` in all. An honest one is among those, and has it.
    pub(super) fn next_to_ask(
        &mut self,
        committee: Committee,
        echoes: &Votes,
        agreed: Digest,
    ) -> PartySet {
        let free = committee.one_honest().saturating_sub(self.asked.len());
        let new = echoes.supporters(agreed).difference(self.asked).iter().take(free).collect();
        self.asked = self.asked.union(new);
        new
    }

    /// R7. The answer to a PULL: each party gets one, whatever it asks.
    pub(super) fn answer(&mut self, from: PartyId, digest: Digest) -> Option<Bytes> {
        let payload = self.payload(digest)?.clone();
        self.answered.insert(from).then_some(payload)
    }

    /// Whether a PAYLOAD of `from` answers our PULL: true once.
    pub(super) fn expects(&mut self, from: PartyId) -> bool {
        self.asked.contains(from) && self.replied.insert(from)
    }
}
