//! Sends what is nearly right: the next round or position, another member's index, a vector that is too
//! short or too long or in another order. Tests every bound and index that a message carries.

use std::sync::Arc;

use quorate_protocol::agreement::acs;
use quorate_protocol::committee::{Committee, PartyId, PartySet};
use quorate_protocol::decision::{collect, life, supply};
use quorate_protocol::keys::ceremony::Envelope;
use quorate_protocol::keys::refresh;
use quorate_protocol::mpc::preprocessing;
use quorate_protocol::party::{Message, sync};
use quorate_protocol::sharing::{Shares, acss, open};
use rand::RngExt;

use super::parts::{Part, part};
use super::{Adversary, Insider, Letter};
use crate::{Rng, Wire};

/// In place of some messages, or beside them, sends one that is a step away.
pub(super) struct Mutator {
    percent: u8,
    committee: Committee,
}

impl Mutator {
    pub(super) fn new(percent: u8, insider: &Insider) -> Self {
        Self { percent, committee: insider.keyring.committee() }
    }
}

impl Adversary for Mutator {
    fn rewrite(&mut self, letter: &Letter, rng: &mut Rng) -> Option<Vec<Wire>> {
        if rng.random_range(0..100) >= self.percent {
            return None;
        }
        let mut near = letter.message.clone();
        let inside = rng.random::<bool>() && change_part(&mut near, self.committee, rng).is_some();
        if !inside {
            change_place(&mut near, self.committee, rng)?;
        }
        let both: bool = rng.random();
        Some([near].into_iter().chain(both.then(|| letter.message.clone())).collect())
    }
}

/// One more or one less, round and round.
fn step(number: &mut u64, rng: &mut Rng) {
    *number = if rng.random() { number.wrapping_add(1) } else { number.wrapping_sub(1) };
}

/// The next member, or nobody.
fn step_party(party: &mut PartyId, committee: Committee, rng: &mut Rng) {
    let next = party.index() + rng.random_range(1..=committee.n());
    *party = PartyId::new(u16::try_from(next % (committee.n() + 1)).unwrap_or(u16::MAX));
}

fn change_place(message: &mut Wire, committee: Committee, rng: &mut Rng) -> Option<()> {
    let whose = rng.random::<bool>();
    match message {
        Message::Proposal(id, _) | Message::Document(id, _) => match whose {
            true => step_party(&mut id.proposer, committee, rng),
            false => step(&mut id.sequence, rng),
        },
        Message::Slot(_, collect::Message::Value(party, _))
        | Message::Decision(_, life::Message::Collect(collect::Message::Value(party, _)))
        | Message::Run(
            _,
            supply::Message::Nonces(party, _)
            | supply::Message::Material(preprocessing::Message::Deal(party, _)),
        ) if whose => step_party(party, committee, rng),
        Message::Decision(_, life::Message::Compute(m)) if whose => {
            m.round = m.round.wrapping_add(rng.random_range(1..3));
        }
        Message::Slot(place, _)
        | Message::Run(place, _)
        | Message::RunDone(place)
        | Message::Decision(place, _) => step(place, rng),
        Message::Sync(m) => match m {
            sync::Message::Ask(at) | sync::Message::Started(at) => step(&mut at.slot, rng),
            sync::Message::Lacking(certificates, _) => step(certificates, rng),
            sync::Message::Slot(slot, _) => step(slot, rng),
            sync::Message::Run(run, _) | sync::Message::Missed(run) => step(run, rng),
            sync::Message::Gone(runs) => step(runs.first_mut()?, rng),
            sync::Message::Returned(skips) | sync::Message::Again(skips) => step(skips, rng),
            sync::Message::SoFar(_, begun) => step(&mut begun.runs, rng),
            sync::Message::Begins(start) => step(&mut start.position, rng),
            sync::Message::HowFar(_) | sync::Message::Where => return None,
        },
        Message::Refresh(envelope) => match &mut **envelope {
            Envelope::Said { message, .. } if whose => match message {
                refresh::Message::Dealing(party, _) | refresh::Message::Sealing(party, _) => {
                    step_party(party, committee, rng);
                }
                refresh::Message::Agreement(_) => return None,
            },
            Envelope::Said { number, .. } | Envelope::Hello { next: number, .. } => {
                *number =
                    if rng.random() { number.wrapping_add(1) } else { number.wrapping_sub(1) };
            }
            Envelope::Confirm { .. } => return None,
        },
    }
    Some(())
}

fn change_part(message: &mut Wire, committee: Committee, rng: &mut Rng) -> Option<()> {
    match part(message) {
        Part::Agreement(m) => match m {
            acs::Message::Votes { round, kind, zero, one, bot } => match rng.random_range(0..4) {
                0 => *round = round.wrapping_add(1),
                1 => *round = round.wrapping_sub(1),
                2 => *kind = next_kind(*kind),
                _ => shift(one.union(*zero).union(*bot), one, committee),
            },
            acs::Message::Shares { round, shares } => match rng.random_range(0..4) {
                0 => *round = round.wrapping_add(1),
                1 => *round = round.wrapping_sub(1),
                2 => shares.clear(),
                _ => shares.iter_mut().for_each(|(party, _)| step_party(party, committee, rng)),
            },
            acs::Message::Resend { round, .. } => *round = round.wrapping_sub(1),
        },
        Part::Sharing(acss::Message::Shards(shards)) => match rng.random_range(0..4) {
            0 => drop(shards.pop()),
            1 => shards.extend(shards.first().cloned()),
            2 => shards.clear(),
            _ => shards.reverse(),
        },
        Part::Opening(open::Message::Share(shares) | open::Message::Word(shares)) => {
            let mut vector = shares.to_vec();
            match rng.random_range(0..4) {
                0 => drop(vector.pop()),
                1 => vector.extend(vector.first().copied()),
                2 => vector.clear(),
                _ => vector.reverse(),
            }
            *shares = Arc::new(Shares::from(vector));
        }
        Part::Broadcast(_) | Part::Sharing(_) | Part::Other => return None,
    }
    Some(())
}

const fn next_kind(kind: acs::Kind) -> acs::Kind {
    match kind {
        acs::Kind::E1 => acs::Kind::E2,
        acs::Kind::E2 => acs::Kind::E3,
        acs::Kind::E3 => acs::Kind::Decide,
        acs::Kind::Decide => acs::Kind::E1,
    }
}

/// Votes for the next members' values.
fn shift(voted: PartySet, set: &mut PartySet, committee: Committee) {
    let next = |party: PartyId| {
        let next = (party.index() + 1) % committee.n();
        PartyId::new(u16::try_from(next).unwrap_or_default())
    };
    *set = voted.iter().map(next).collect();
}
