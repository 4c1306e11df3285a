//! Who is connected to whom, by what members say of themselves, and paths over it.
//!
//! # Rules
//! - (M1) A claim has the start of the node that makes it and counts up: an older one changes nothing,
//!   whoever passes it on. There is one for each member.
//! - (M2) A member makes a claim when its neighbours change, and again every [`SAY_AGAIN`] while it
//!   misses somebody or has heard of one who does: who comes late hears all of them. Never sooner than
//!   [`SAY_SOON`] after the one before.
//! - (M3) An edge counts if both ends claim it. Our own neighbours are who is connected.
//! - (M4) Each time a path is wanted every member draws a weight, exponentially distributed, times what
//!   it has failed lately; the lightest path is taken. Failures double a weight up to [`WORST`], so each
//!   set of members has a chance, bounded from below, to weigh less than any member that is not in it.
//!   Then the path taken is over members of the set alone, if there is one: a set of honest members
//!   that join the two ends is drawn sooner or later, with probability one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use quorate_protocol::{PartyId, wire};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// How long after a claim the next one may be made.
const SAY_SOON: Duration = Duration::from_secs(1);
/// How long after a claim it is made again while somebody is missed.
const SAY_AGAIN: Duration = Duration::from_secs(5);
/// What the weight of a member that fails is multiplied with at most.
const WORST: u32 = 64;
/// Bytes of a claim: three for each of up to 255 members, and the rest.
const MAX_CLAIM: usize = 1024;

/// What a member says of itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Claim {
    /// Its start, and how many claims it has made in it.
    number: (u64, u64),
    /// Whether it misses somebody, and asks for the claims of all.
    asks: bool,
    /// Who it is connected to directly, in order.
    near: BTreeSet<PartyId>,
}

/// What the members say, and how they have done.
#[derive(Debug)]
pub(in crate::net) struct Map {
    me: PartyId,
    claims: BTreeMap<PartyId, Claim>,
    /// By how much the weights of those are multiplied that have failed.
    failed: BTreeMap<PartyId, u32>,
    /// The number of our next claim.
    number: (u64, u64),
    /// Who was near when we made the last one, and when that was.
    said: Option<(BTreeSet<PartyId>, Instant)>,
    /// Somebody has asked since.
    asked: bool,
}

/// What a claim was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::net) enum Heard {
    /// Newer than what was known.
    New,
    /// Not newer.
    Old,
    /// No claim.
    Malformed,
}

impl Map {
    /// For this start of a node.
    pub(in crate::net) const fn new(me: PartyId, start: u64) -> Self {
        Self {
            me,
            claims: BTreeMap::new(),
            failed: BTreeMap::new(),
            number: (start, 0),
            said: None,
            asked: false,
        }
    }

    /// When to make a claim, with these near, missing somebody or not. M2.
    pub(in crate::net) fn due(&self, near: &BTreeSet<PartyId>, missing: bool) -> Option<Instant> {
        match &self.said {
            None => (!near.is_empty()).then(Instant::now),
            Some((said, at)) if said != near => Some(*at + SAY_SOON),
            Some((_, at)) => (missing || self.asked).then(|| *at + SAY_AGAIN),
        }
    }

    /// Our claim.
    pub(in crate::net) fn say(&mut self, near: BTreeSet<PartyId>, missing: bool) -> Vec<u8> {
        self.said = Some((near.clone(), Instant::now()));
        self.asked = false;
        let claim = Claim { number: self.number, asks: missing, near };
        self.number.1 += 1;
        wire::encode(&claim)
    }

    /// The claim of a member. M1.
    pub(in crate::net) fn hear(&mut self, from: PartyId, bytes: &[u8]) -> Heard {
        let Ok(claim) = wire::decode::<Claim>(bytes, MAX_CLAIM) else { return Heard::Malformed };
        let known = self.claims.get(&from);
        if from == self.me || known.is_some_and(|known| known.number >= claim.number) {
            return Heard::Old;
        }
        self.asked |= claim.asks;
        self.claims.insert(from, claim);
        Heard::New
    }

    /// A path to a member: who is on the way, and it. M3, M4.
    pub(in crate::net) fn path(
        &self,
        near: &BTreeSet<PartyId>,
        to: PartyId,
    ) -> Option<Vec<PartyId>> {
        let weights: BTreeMap<_, _> =
            self.claims.keys().map(|member| (*member, self.weight(*member))).collect();
        // The lightest way to each, by Dijkstra; a path weighs what those on the way weigh.
        let mut ways: BTreeMap<PartyId, (f64, Vec<PartyId>)> = BTreeMap::new();
        let mut done = BTreeSet::from([self.me]);
        ways.extend(near.iter().map(|first| (*first, (0.0, vec![*first]))));
        loop {
            let open = ways.iter().filter(|(member, _)| !done.contains(member));
            let (last, (weight, way)) = open.min_by(|(_, (a, _)), (_, (b, _))| a.total_cmp(b))?;
            if *last == to {
                return Some(way.clone());
            }
            let (last, weight, way) = (*last, *weight, way.clone());
            done.insert(last);
            let Some(own) = weights.get(&last) else { continue };
            for next in self.neighbours(last).filter(|next| !done.contains(next)) {
                let found = weight + own;
                if ways.get(&next).is_none_or(|(known, _)| found < *known) {
                    let on = way.iter().copied().chain([next]).collect();
                    ways.insert(next, (found, on));
                }
            }
        }
    }

    /// Whom a member is connected to, as both say.
    fn neighbours(&self, of: PartyId) -> impl Iterator<Item = PartyId> {
        let claim = self.claims.get(&of);
        let near = claim.into_iter().flat_map(|claim| claim.near.iter().copied());
        near.filter(move |other| {
            self.claims.get(other).is_some_and(|other| other.near.contains(&of))
        })
    }

    fn weight(&self, member: PartyId) -> f64 {
        let drawn: f64 = rand::random_range(f64::MIN_POSITIVE..1.0);
        -drawn.ln() * f64::from(self.failed.get(&member).copied().unwrap_or(1))
    }

    /// A path over these members did not hold.
    pub(in crate::net) fn failed(&mut self, over: &[PartyId]) {
        for member in over {
            let times = self.failed.entry(*member).or_insert(1);
            *times = times.saturating_mul(2).min(WORST);
        }
    }

    /// One has held for long. That a connection was made says little: who drops what passes may well
    /// wait for it.
    pub(in crate::net) fn held(&mut self, over: &[PartyId]) {
        for member in over {
            self.failed.remove(member);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(indices: &[u16]) -> BTreeSet<PartyId> {
        indices.iter().copied().map(PartyId::new).collect()
    }

    fn claim(number: (u64, u64), near: &[u16]) -> Vec<u8> {
        wire::encode(&Claim { number, asks: false, near: ids(near) })
    }

    /// What member 0 knows where these are connected.
    fn map(edges: &[(u16, u16)]) -> Map {
        let mut map = Map::new(PartyId::new(0), 1);
        for member in 1..10 {
            let other = |(a, b): &(u16, u16)| match (*a, *b) {
                (a, b) if a == member => Some(b),
                (a, b) if b == member => Some(a),
                _ => None,
            };
            let near: Vec<_> = edges.iter().filter_map(other).collect();
            assert_eq!(map.hear(PartyId::new(member), &claim((1, 0), &near)), Heard::New);
        }
        map
    }

    fn indices(path: Option<Vec<PartyId>>) -> Option<Vec<usize>> {
        path.map(|path| path.into_iter().map(PartyId::index).collect())
    }

    #[test]
    fn a_line_has_one_path_and_a_gap_none() {
        let map = map(&[(0, 1), (1, 2), (2, 3), (3, 4), (6, 7)]);
        let path = |to| indices(map.path(&ids(&[1]), PartyId::new(to)));
        assert_eq!(path(4), Some(vec![1, 2, 3, 4]));
        assert_eq!(path(1), Some(vec![1]));
        assert_eq!(path(7), None);
        assert_eq!(path(99), None);
        assert_eq!(indices(map.path(&ids(&[]), PartyId::new(4))), None);
    }

    #[test]
    fn an_edge_counts_if_both_ends_claim_it() {
        let mut map = map(&[(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]);
        // Member 1 claims everybody.
        let all: Vec<_> = (0..10).collect();
        map.hear(PartyId::new(1), &claim((1, 1), &all));
        assert_eq!(indices(map.path(&ids(&[1]), PartyId::new(4))), Some(vec![1, 2, 3, 4]));
        map.hear(PartyId::new(3), &claim((1, 1), &[2]));
        assert_eq!(indices(map.path(&ids(&[1]), PartyId::new(4))), None);
    }

    #[test]
    fn an_old_claim_changes_nothing() {
        let mut map = map(&[(0, 1), (1, 2)]);
        let two = PartyId::new(2);
        let from_one = |number, near: &[u16]| (PartyId::new(1), claim(number, near));
        for (number, heard) in
            [((1, 0), Heard::Old), ((0, 9), Heard::Old), ((1, 5), Heard::New), ((1, 4), Heard::Old)]
        {
            let (from, bytes) = from_one(number, &[0]);
            assert_eq!(map.hear(from, &bytes), heard, "{number:?}");
        }
        assert_eq!(map.path(&ids(&[1]), two), None);
        let (from, bytes) = from_one((2, 0), &[0, 2]);
        assert_eq!(map.hear(from, &bytes), Heard::New, "another start counts anew");
        assert!(map.path(&ids(&[1]), two).is_some());
        assert_eq!(map.hear(PartyId::new(0), &claim((9, 9), &[2])), Heard::Old, "of ourselves");
        assert_eq!(map.hear(from, b"no claim"), Heard::Malformed);
    }

    #[test]
    fn every_way_is_drawn_and_one_that_failed_less_often() {
        // Two ways of different length.
        let mut map = map(&[(0, 1), (1, 9), (0, 2), (2, 3), (3, 9)]);
        let (near, to) = (ids(&[1, 2]), PartyId::new(9));
        let short = |map: &Map| {
            let drawn = (0..2000).filter(|_| map.path(&near, to).unwrap().len() == 2);
            drawn.count()
        };
        let before = short(&map);
        assert!((1000..1900).contains(&before), "{before}");
        for _ in 0..100 {
            map.failed(&[PartyId::new(1)]);
        }
        let failed = short(&map);
        assert!(failed > 0 && failed < 200, "{failed}");
        map.held(&[PartyId::new(1)]);
        assert!(short(&map) > 1000);
    }

    #[test]
    fn a_claim_is_made_when_neighbours_change_and_while_somebody_is_missed() {
        let mut map = Map::new(PartyId::new(0), 1);
        // How long after the last one.
        let wait = |map: &Map, near: &BTreeSet<PartyId>, missing| {
            let said = map.said.as_ref().map(|(_, at)| *at);
            map.due(near, missing).map(|at| at - said.unwrap_or(at))
        };
        assert_eq!(wait(&map, &ids(&[]), true), None, "nobody would hear it");
        let near = ids(&[1]);
        assert_eq!(wait(&map, &near, false), Some(Duration::ZERO));
        let first = map.say(near.clone(), false);
        assert_eq!(wait(&map, &near, false), None);
        assert_eq!(wait(&map, &near, true), Some(SAY_AGAIN));
        assert_eq!(wait(&map, &ids(&[1, 2]), false), Some(SAY_SOON));
        let (mut other, back) = (Map::new(PartyId::new(1), 1), ids(&[0]));
        assert_eq!(other.hear(PartyId::new(0), &first), Heard::New);
        other.say(back.clone(), false);
        assert_eq!(wait(&other, &back, false), None);
        assert_eq!(other.hear(PartyId::new(0), &map.say(near, true)), Heard::New);
        assert_eq!(wait(&other, &back, false), Some(SAY_AGAIN), "it was asked");
        other.say(back.clone(), false);
        assert_eq!(wait(&other, &back, false), None, "once");
    }
}
