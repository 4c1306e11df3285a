//! What every kind of run draws: parties, orders of parties, schedules.

use quorate_protocol::committee::{Committee, PartyId};
use rand::RngExt;

use crate::Rng;
use crate::schedule::Discipline;

/// The parties in random order: the first ones may be faulty.
pub(crate) fn draw_order(committee: Committee, rng: &mut Rng) -> Vec<PartyId> {
    let mut parties: Vec<PartyId> = committee.parties().collect();
    let mut order = Vec::new();
    while !parties.is_empty() {
        order.push(parties.swap_remove(rng.random_range(0..parties.len())));
    }
    order
}

/// The party at this place of the roster, counted round and round.
pub(crate) fn party_at(committee: Committee, index: usize) -> PartyId {
    committee.parties().nth(index % committee.n()).unwrap_or(PartyId::new(0))
}

/// Any other party.
pub(crate) fn another(party: PartyId, committee: Committee, rng: &mut Rng) -> PartyId {
    party_at(committee, party.index() + rng.random_range(1..committee.n()))
}

/// Any party.
pub(crate) fn draw_party(committee: Committee, rng: &mut Rng) -> PartyId {
    party_at(committee, rng.random_range(0..committee.n()))
}

/// How frames are delivered.
pub(crate) fn draw_discipline(committee: Committee, rng: &mut Rng) -> Discipline {
    match rng.random_range(0..8) {
        0 => Discipline::Fifo,
        1 => Discipline::Lifo,
        2 | 3 => {
            let from = draw_party(committee, rng);
            let to = another(from, committee, rng);
            Discipline::Starved { from, to, behind_timers: rng.random() }
        }
        4 => Discipline::Slow { party: draw_party(committee, rng) },
        _ => Discipline::Random,
    }
}
