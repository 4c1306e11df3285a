//! Splits broadcasts: echoes and readies what it heard to some members, and something else to the rest,
//! what another part of the network echoes if there is such a thing. Its own broadcasts say one thing to
//! some and another to the rest. Tests agreement and totality of broadcasts at their thresholds.

use std::collections::BTreeMap;

use quorate_protocol::agreement::rbc;
use quorate_protocol::committee::{PartyId, PartySet};
use quorate_protocol::crypto::Digest;
use rand::RngExt;

use super::other::other;
use super::parts::{Part, Place, part, place};
use super::{Adversary, Insider, Kind, Letter};
use crate::{Rng, Wire};

/// Has one thing for a part of the members, and another for the others.
pub(super) struct Splitter {
    part: PartySet,
    insider: Insider,
    /// What others echo, by broadcast: up to two digests.
    echoed: BTreeMap<Place, Vec<Digest>>,
    /// What it has said itself to the others, by broadcast.
    others: BTreeMap<Place, Wire>,
}

impl Splitter {
    pub(super) const fn new(part: PartySet, insider: Insider) -> Self {
        Self { part, insider, echoed: BTreeMap::new(), others: BTreeMap::new() }
    }

    /// Another digest than this one.
    fn another(&self, place: Place, digest: Digest, rng: &mut Rng) -> Digest {
        let echoed = self.echoed.get(&place).into_iter().flatten();
        let another = echoed.copied().find(|other| *other != digest);
        another.unwrap_or_else(|| Digest::from(rng.random::<[u8; 32]>()))
    }
}

impl Adversary for Splitter {
    fn rewrite(&mut self, letter: &Letter, rng: &mut Rng) -> Option<Vec<Wire>> {
        if self.part.contains(letter.to) {
            return None;
        }
        let mut message = letter.message.clone();
        let place = place(&message)?;
        if Kind::of(&message) == Some(Kind::Send) {
            if !self.others.contains_key(&place) {
                let other = other(&self.insider, &message, rng)?;
                self.others.insert(place, other);
            }
            return Some(self.others.get(&place).cloned().into_iter().collect());
        }
        match part(&mut message) {
            Part::Broadcast(rbc::Message::Echo(digest) | rbc::Message::Ready(digest)) => {
                *digest = self.another(place, *digest, rng);
            }
            _ => return None,
        }
        Some(vec![message])
    }

    fn begins(&mut self, insider: &Insider) {
        self.insider = insider.clone();
        self.echoed.clear();
        self.others.clear();
    }

    fn hear(&mut self, _from: PartyId, heard: &Wire, _rng: &mut Rng) -> Vec<(PartyId, Wire)> {
        if Kind::of(heard) == Some(Kind::Echo)
            && let Some(place) = place(heard)
            && let Part::Broadcast(rbc::Message::Echo(digest)) = part(&mut heard.clone())
        {
            let echoed = self.echoed.entry(place).or_default();
            if !echoed.contains(digest) && echoed.len() < 2 {
                echoed.push(*digest);
            }
        }
        Vec::new()
    }
}
