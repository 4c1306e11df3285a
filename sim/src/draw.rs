//! What every kind of run draws: parties, orders of parties, schedules.

use quorate_protocol::committee::{Committee, PartyId, PartySet};
use rand::RngExt;

use crate::Rng;
use crate::schedule::{Cut, Discipline, Latency, Links, MILLI, SECOND};
use crate::trace::Layer;

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

/// In which order frames are delivered.
pub(crate) fn draw_discipline(committee: Committee, rng: &mut Rng) -> Discipline {
    match rng.random_range(0..16) {
        0 | 1 => Discipline::Fifo,
        2 | 3 => Discipline::Lifo,
        4 | 5 => {
            let from = draw_party(committee, rng);
            let to = another(from, committee, rng);
            Discipline::Starved { from, to, behind_timers: rng.random() }
        }
        6 => Discipline::Slow { parties: draw_some(committee, rng) },
        7 | 8 => Discipline::Priorities { seed: rng.random(), changes: rng.random_range(0..20) },
        9 | 10 => {
            let layer = rng.random_range(0..Layer::ALL.len());
            let layer = Layer::ALL.get(layer).copied().unwrap_or(Layer::Agreement);
            Discipline::Last { layer, behind_timers: rng.random() }
        }
        11 => Discipline::Splitting,
        _ => Discipline::Random,
    }
}

/// What links are like.
pub(crate) fn draw_links(committee: Committee, rng: &mut Rng) -> Links {
    let latency = match rng.random_range(0..10) {
        0 => Latency::Uniform { least: MILLI, most: rng.random_range(MILLI..500 * MILLI) },
        1 => Latency::LogNormal {
            median: rng.random_range(MILLI..100 * MILLI),
            eighths: rng.random_range(1..8),
        },
        2 => Latency::Regions { of: committee.parties().map(|_| rng.random_range(0..5)).collect() },
        3 => Latency::HeavyTail { least: rng.random_range(MILLI / 10..20 * MILLI) },
        _ => Latency::Usual,
    };
    let bandwidth = [20_000, 200_000, 2_000_000].get(rng.random_range(0..12)).copied();
    let repeated = if rng.random_range(0..4) == 0 { rng.random_range(1..100) } else { 0 };
    let mut cuts = Vec::new();
    if rng.random_range(0..3) == 0 {
        for _ in 0..rng.random_range(1..=3) {
            cuts.extend(draw_cut(committee, rng));
        }
    }
    Links { latency, bandwidth, repeated, cuts }
}

/// One link, a member alone, or two sides; one way or both.
fn draw_cut(committee: Committee, rng: &mut Rng) -> Vec<Cut> {
    let (from, to) = match rng.random_range(0..3) {
        0 => {
            let from = draw_party(committee, rng);
            let to = another(from, committee, rng);
            ([from].into_iter().collect(), [to].into_iter().collect())
        }
        1 => {
            let alone: PartySet = [draw_party(committee, rng)].into_iter().collect();
            (alone, committee.everyone().difference(alone))
        }
        _ => {
            let side = draw_some(committee, rng);
            (side, committee.everyone().difference(side))
        }
    };
    let begins = draw_moment(rng);
    let ends = begins + draw_moment(rng) + MILLI;
    let cut = Cut { from, to, begins, ends };
    let back = Cut { from: to, to: from, ..cut };
    if rng.random_range(0..3) == 0 { vec![cut] } else { vec![cut, back] }
}

/// Any set of parties but none.
fn draw_some(committee: Committee, rng: &mut Rng) -> PartySet {
    let one = draw_party(committee, rng);
    let more = committee.parties().filter(|_| rng.random_range(0..3) == 0);
    more.chain([one]).collect()
}

/// Sooner or later: as likely within 10 ms as between 10 and 100.
pub(crate) fn draw_moment(rng: &mut Rng) -> u64 {
    let scale = [10 * MILLI, 100 * MILLI, SECOND, 10 * SECOND];
    let most = scale.get(rng.random_range(0..scale.len())).copied().unwrap_or(SECOND);
    rng.random_range(0..most)
}
