//! The members, and the messages between them.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use quorate_protocol::agreement::aba::{Aba, Message, Vote};
use quorate_protocol::agreement::coin::{Coin, IdealCoin, IdealShare};
use quorate_protocol::committee::{Committee, PartyId, PartyMap, PartySet};
use quorate_protocol::fault::Fault;
use quorate_protocol::protocol::{Job, Outbox, Protocol, Recipient};
use quorate_protocol::tag::Tag;
use rand::{RngExt, SeedableRng};

use super::liars::Liars;
use super::schedules::Picker;
use super::{Game, Instance};
use crate::Rng;
use crate::draw::draw_order;

/// What members say.
pub(super) type Wire = Message<IdealShare>;

/// A message in flight.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    /// Letters have increasing numbers.
    pub(super) number: u64,
    pub(super) from: PartyId,
    pub(super) to: PartyId,
    pub(super) message: Wire,
}

/// What the adversary knows, and what it aims at: that each round some honest members, the *near*
/// ones, have a value as its outcome that is not the coin, and the others have none.
pub(super) struct Aim {
    game: Game,
    /// Rounds of which an honest member has released its share of the coin.
    released: BTreeSet<u32>,
    /// As many honest members as make a quorum with all Byzantine ones.
    near: PartySet,
    byzantine: PartySet,
}

impl Aim {
    /// The value that near members are to have as the outcome of a round.
    pub(super) fn value(&self, round: u32) -> bool {
        match round {
            0 | 1 => !coin(self.game.seed, round),
            _ if self.game.foreseen => !coin(self.game.seed, round),
            _ => Rng::seed_from_u64(self.game.seed ^ u64::from(round) << 32).random(),
        }
    }

    /// The coin of a round, once the adversary knows it.
    pub(super) fn coin(&self, round: u32) -> Option<bool> {
        self.released.contains(&round).then(|| coin(self.game.seed, round))
    }

    /// Whether a member is near.
    pub(super) const fn is_near(&self, party: PartyId) -> bool {
        self.near.contains(party)
    }

    /// What is shown to a member in a round: the value to near ones, the other one to the others.
    pub(super) fn shown(&self, party: PartyId, round: u32) -> bool {
        self.value(round) == self.is_near(party)
    }

    /// The Byzantine members.
    pub(super) const fn byzantine(&self) -> PartySet {
        self.byzantine
    }
}

/// The members, the messages between them, and the adversary.
pub(super) struct Network {
    members: PartyMap<Instance>,
    proposals: PartyMap<bool>,
    flight: Vec<Letter>,
    next: u64,
    picker: Picker,
    liars: Liars,
    aim: Aim,
    rng: Rng,
    /// The highest round of an honest member.
    round: u32,
    blamed: bool,
}

impl Network {
    pub(super) fn new(committee: Committee, game: Game) -> Self {
        let mut rng = Rng::seed_from_u64(game.seed);
        let order = draw_order(committee, &mut rng);
        let byzantine: PartySet = order.iter().copied().take(committee.t()).collect();
        let near =
            order.iter().copied().skip(committee.t()).take(committee.data_shards()).collect();
        let near: PartySet = near;
        let make = |me| {
            let coin = Arc::new(IdealCoin::new(me, game.seed));
            Aba::new(committee, tag(), coin, me)
        };
        let aim = Aim { game, released: BTreeSet::new(), near, byzantine };
        let mut network = Self {
            members: PartyMap::from_fn(committee, make),
            proposals: PartyMap::from_fn(committee, |party| aim.shown(party, 0)),
            flight: Vec::new(),
            next: 0,
            picker: Picker::new(committee, game.schedule, &mut rng),
            liars: Liars::new(game.liar),
            aim,
            rng,
            round: 0,
            blamed: false,
        };
        for me in network.honest().iter() {
            let mut out = Said::default();
            let proposed = network.members[me].propose(network.proposals[me], &mut out);
            debug_assert!(proposed.is_ok(), "nothing was proposed before");
            network.settle(me, out);
        }
        network.lie(None);
        network
    }

    fn honest(&self) -> PartySet {
        let all: PartySet = self.members.iter().map(|(party, _)| party).collect();
        all.difference(self.aim.byzantine)
    }

    /// Whether all honest members have decided.
    pub(super) fn decided(&self) -> bool {
        self.honest().iter().all(|party| self.members[party].decision().is_some())
    }

    /// What all honest members decided, if it is the same.
    pub(super) fn agreed(&self) -> Option<bool> {
        let mut all = self.honest().iter().map(|party| self.members[party].decision());
        let first = all.next()??;
        all.all(|decision| decision == Some(first)).then_some(first)
    }

    /// Whether an honest member proposed it.
    pub(super) fn proposed(&self, value: bool) -> bool {
        self.honest().iter().any(|party| self.proposals[party] == value)
    }

    /// Whether an honest member blamed another one.
    pub(super) const fn blamed(&self) -> bool {
        self.blamed
    }

    /// The highest round that an honest member is in.
    pub(super) const fn round(&self) -> u32 {
        self.round
    }

    /// Rounds until the last honest member decided.
    pub(super) fn rounds(&self) -> u32 {
        let rounds = self.honest().iter().map(|party| self.members[party].round());
        rounds.max().map_or(0, |last| last + 1)
    }

    /// Delivers the next message, if one is in flight.
    pub(super) fn step(&mut self) -> bool {
        let members = &self.members;
        let picked = self.picker.pick(&self.flight, &self.aim, members, &mut self.rng);
        let Some(place) = picked.filter(|place| *place < self.flight.len()) else { return false };
        let Letter { from, to, message, .. } = self.flight.swap_remove(place);
        let mut out = Said::default();
        self.members[to].handle(from, message, &mut out);
        self.settle(to, out);
        let round = self.honest().iter().map(|party| self.members[party].round()).max();
        let higher = round.filter(|round| *round > self.round);
        self.round = higher.unwrap_or(self.round);
        if higher.is_some() {
            self.lie(None);
        }
        true
    }

    /// What a member said goes out; what it says to itself is handled at once.
    fn settle(&mut self, me: PartyId, out: Said) {
        let honest = self.honest();
        let mut said = VecDeque::from([out]);
        while let Some(Said { sent, faults }) = said.pop_front() {
            self.blamed |= faults.iter().any(|fault| honest.contains(fault.party));
            for (to, message) in sent {
                let everybody = honest.union(self.aim.byzantine);
                let to: PartySet = match to {
                    Recipient::One(peer) => [peer].into_iter().collect(),
                    Recipient::All => everybody,
                };
                if to.contains(me) {
                    let mut out = Said::default();
                    self.members[me].handle(me, message.clone(), &mut out);
                    said.push_back(out);
                }
                for to in to.intersection(honest).iter().filter(|to| *to != me) {
                    self.post(me, to, message.clone());
                }
                if let Message::Share { round, .. } = &message {
                    self.aim.released.insert(*round);
                }
                self.lie(Some((me, &message)));
            }
        }
    }

    /// Lets liars speak: about what was said, or because a round began.
    fn lie(&mut self, heard: Option<(PartyId, &Wire)>) {
        let honest = self.honest();
        for (from, to, message) in self.liars.speak(self.round, heard, &self.aim, honest) {
            self.post(from, to, message);
        }
    }

    fn post(&mut self, from: PartyId, to: PartyId, message: Wire) {
        self.flight.push(Letter { number: self.next, from, to, message });
        self.next += 1;
    }
}

/// What a member says.
#[derive(Default)]
pub(super) struct Said {
    pub(super) sent: Vec<(Recipient, Wire)>,
    faults: Vec<Fault>,
}

impl Outbox<Wire> for Said {
    fn send(&mut self, to: Recipient, message: Wire) {
        self.sent.push((to, message));
    }

    fn report(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    fn work(&mut self, _: Job<Wire>) {}
}

fn tag() -> Tag {
    Tag::root(&[7; 32], 0).child("rounds")
}

/// The coin of a round; of the first two everybody knows it.
fn coin(seed: u64, round: u32) -> bool {
    match round {
        0 => true,
        1 => false,
        _ => {
            IdealCoin::new(PartyId::new(0), seed).predict(&tag().indexed("coin", u64::from(round)))
        }
    }
}

/// A member's share of a coin.
pub(super) fn share(party: PartyId, round: u32, aim: &Aim) -> Wire {
    let name = tag().indexed("coin", u64::from(round));
    Message::Share { round, share: IdealCoin::new(party, aim.game.seed).share(&name) }
}

/// Which value a message speaks for, and in which round; `None` in place of the value for those that
/// speak for none.
pub(super) const fn says(message: &Wire) -> (u32, Option<bool>) {
    match message {
        Message::Vote { round, vote } => match vote {
            Vote::E1(value) | Vote::E2(value) | Vote::E3(Some(value)) => (*round, Some(*value)),
            Vote::E3(None) => (*round, None),
        },
        Message::Decide { round, value } => (*round, Some(*value)),
        Message::Share { round, .. } | Message::Resend { round } => (*round, None),
    }
}
