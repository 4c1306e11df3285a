//! States that runs should get into now and then, seen from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;

use quorate_protocol::agreement::acs::{self, Kind};
use quorate_protocol::agreement::rbc;
use quorate_protocol::committee::{PartyId, PartySet};
use quorate_protocol::decision::life;
use quorate_protocol::fault::{FaultKind, OpeningFault, RbcFault, SharingFault};
use quorate_protocol::party::{Message, sync};
use quorate_protocol::sharing::acss;

use super::rounds::Rounds;
use crate::Wire;
use crate::checker::instance::{Instance, Votes, agreement, broadcast, sharing};
use crate::checker::{Observation, What};
use crate::ghost::Ghost;

/// Declares the states, each with its name and what makes it.
macro_rules! sights {
    ($($sight:ident: $name:literal, $cause:literal, $rare:expr, $byzantine:literal;)*) => {
        /// A state that a run can get into.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Sight { $(#[doc = $name] $sight,)* }

        impl Sight {
            /// All of them.
            pub const ALL: [Self; COUNT] = [$(Self::$sight,)*];

            /// Its name, what makes it, of how many seeds it may be missing, and whether it takes a
            /// Byzantine party.
            pub const fn facts(self) -> (&'static str, &'static str, u64, bool) {
                match self { $(Self::$sight => ($name, $cause, $rare, $byzantine),)* }
            }
        }

        const COUNT: usize = [$(stringify!($sight)),*].len();
    };
}

sights! {
    Bot: "agreements with both values in a round", "split votes in agreements", 2_000, false;
    Follows: "decisions taken from t + 1 others", "slow links", 2_000, false;
    Pull: "payloads pulled", "a slow or selective sender", 500, false;
    FarewellPayload: "payloads offered in parting", "refreshes", 500, false;
    BadShare: "complaints about shares", "a dealer that cheats", 500, true;
    BadDispersal: "complaints about dispersals", "a dealer that cheats", 2_000, true;
    Reveal: "shares revealed for others", "a dealer that cheats", 500, true;
    AllLiars: "openings corrected with t wrong shares", "wrong shares", 1_000, true;
    Equivocation: "senders that equivocate, proven", "twins", 1_000, true;
    Synced: "slots taken from others", "restarts", 1_000, false;
    Adopted: "certificates taken from others", "slow parties", 200, false;
    RefillWhileOpen: "refills while a decision is open", "several decisions in a row", 200, false;
    Archive: "questions answered from an erased epoch", "refreshes and restarts", 2_000, false;
    AheadPosition: "messages of decisions before their order", "slow links", 200, false;
    AheadEpoch: "messages of an epoch before it began", "refreshes", 500, false;
    RestartIdle: "restarts with nothing open", "kills", 1_000, false;
    RestartOpen: "restarts while a decision is open", "kills", 1_000, false;
    RestartComputing: "restarts while a rule is computed", "kills", 2_000, false;
    RestartProducing: "restarts in a preprocessing run", "kills", 1_000, false;
    RestartRefreshing: "restarts in a refresh", "kills", 1_000, false;
    Spoilt: "restarts from storage that lost or changed something", "faults of storage", 2_000, true;
    Paused: "frames that waited for the end of a pause", "pauses", 500, false;
    Held: "frames that a cut held", "cuts", 500, false;
    Queued: "frames that waited for a capped line", "caps of bandwidth", 500, false;
    Repeated: "frames sent twice", "links that repeat", 500, false;
    Stranded: "members that a refresh left behind", "a dealer that cheats in a refresh or a log cut short", 20_000, true;
    Calm: "runs in which every vote in time has to count", "no faults", NEVER, false;
}

/// What takes a run without faults is missing of any number of seeds with faults.
const NEVER: u64 = u64::MAX;

/// How often each state was seen, and what coins agreements needed.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Sights {
    counts: [u64; COUNT],
    /// Real coins of agreements.
    pub rounds: Rounds,
}

impl Sights {
    /// How often a state was seen.
    pub fn count(&self, sight: Sight) -> u64 {
        let at = Sight::ALL.iter().position(|other| *other == sight);
        at.and_then(|at| self.counts.get(at)).copied().unwrap_or_default()
    }

    fn note(&mut self, sight: Sight) {
        self.add(sight, 1);
    }

    /// A state was seen so many times.
    pub(crate) fn add(&mut self, sight: Sight, times: u64) {
        let at = Sight::ALL.iter().position(|other| *other == sight);
        if let Some(count) = at.and_then(|at| self.counts.get_mut(at)) {
            *count += times;
        }
    }
}

impl AddAssign for Sights {
    fn add_assign(&mut self, other: Self) {
        self.counts.iter_mut().zip(other.counts).for_each(|(count, more)| *count += more);
        self.rounds += other.rounds;
    }
}

/// Looks at everything that happens in a run.
#[derive(Default)]
pub struct Watch {
    seen: Sights,
    /// The first round in which an honest party decided, by agreement.
    decided: BTreeMap<(u64, Instance, PartyId), u32>,
    named: BTreeMap<PartyId, PartySet>,
    /// One more than the last position that is ordered.
    ordered: BTreeMap<PartyId, u64>,
    begun: BTreeMap<PartyId, u64>,
    erased: BTreeSet<(PartyId, u64)>,
    open: BTreeSet<(PartyId, u64)>,
    computing: BTreeSet<(PartyId, u64)>,
    producing: BTreeSet<(PartyId, u64, u64)>,
    refreshing: BTreeSet<(PartyId, u64)>,
}

impl Watch {
    /// What was seen in the whole run.
    pub fn sights(&self) -> Sights {
        let mut seen = self.seen;
        for round in self.decided.values().filter(|round| **round >= 2) {
            seen.rounds.add(round - 1);
        }
        seen
    }

    /// Looks at what happened.
    pub fn see(&mut self, ghost: &Ghost, seen: &Observation<'_>) {
        match seen.what {
            What::Said { by, epoch, message, .. } => self.said(by, epoch, message),
            What::Handled { by, epoch, message, effects, .. } => {
                self.handled(by, epoch, message, effects);
            }
            What::Blamed { by, fault } => match fault.kind {
                FaultKind::Opening(OpeningFault::WrongShare) => {
                    let named = self.named.entry(by).or_default();
                    let new = named.insert(fault.party);
                    if new && named.len() == ghost.committee.t() {
                        self.seen.note(Sight::AllLiars);
                    }
                }
                FaultKind::Rbc(RbcFault::Equivocation) => self.seen.note(Sight::Equivocation),
                FaultKind::Sharing(SharingFault::BadShare) => self.seen.note(Sight::BadShare),
                FaultKind::Sharing(SharingFault::BadDispersal) => {
                    self.seen.note(Sight::BadDispersal);
                }
                _ => {}
            },
            What::Ordered { by, position, .. } => {
                self.ordered.insert(by, position + 1);
                self.open.insert((by, position));
            }
            What::Certified { by, statement, .. } => {
                let at = (by, statement.position);
                self.open.remove(&at);
                self.computing.remove(&at);
            }
            What::Refilled { by, epoch, run, .. } => {
                self.producing.remove(&(by, epoch, run));
                if open_at(&self.open, by) {
                    self.seen.note(Sight::RefillWhileOpen);
                }
            }
            What::Began { by, keys, .. } => {
                let epoch = keys.keys.epoch();
                self.begun.insert(by, epoch);
                self.refreshing.retain(|(party, of)| *party != by || *of >= epoch);
            }
            What::Erased { by, epoch } => {
                self.erased.insert((by, epoch));
            }
            What::Restarted { by } => self.restarted(by),
            _ => {}
        }
    }

    fn said(&mut self, by: PartyId, epoch: u64, message: &Wire) {
        if let Some((instance, m)) = agreement(message) {
            self.voted((epoch, instance), m);
        }
        match broadcast(message) {
            Some((_, _, rbc::Message::Pull(_))) => self.seen.note(Sight::Pull),
            Some((Instance::Reshare(_) | Instance::Sealing(_), _, rbc::Message::Payload(_))) => {
                self.seen.note(Sight::FarewellPayload);
            }
            _ => {}
        }
        match sharing(message) {
            Some((_, _, acss::Message::Reveal(_))) => self.seen.note(Sight::Reveal),
            Some((Instance::Deal(run, dealer), _, _)) if dealer == by => {
                self.producing.insert((by, epoch, run));
            }
            _ => {}
        }
        match message {
            Message::Decision(position, life::Message::Compute(_)) => {
                self.computing.insert((by, *position));
            }
            Message::Refresh(_) if self.begun.get(&by).is_some_and(|begun| *begun <= epoch) => {
                self.refreshing.insert((by, epoch));
            }
            _ => {}
        }
    }

    fn voted(&mut self, (epoch, instance): (u64, Instance), message: &Votes) {
        let acs::Message::Votes { round, kind, zero, one, bot } = message else { return };
        if !bot.is_empty() {
            self.seen.note(Sight::Bot);
        }
        if *kind != Kind::Decide {
            return;
        }
        for about in zero.union(*one).iter() {
            let first = self.decided.entry((epoch, instance, about)).or_insert(*round);
            *first = (*first).min(*round);
        }
        // By the public coins of these rounds nobody decides so.
        let others = match round {
            0 => *zero,
            1 => *one,
            _ => PartySet::EMPTY,
        };
        if !others.is_empty() {
            self.seen.note(Sight::Follows);
        }
    }

    fn handled(&mut self, by: PartyId, epoch: u64, message: &Wire, effects: usize) {
        let begun = self.begun.get(&by).copied().unwrap_or_default();
        if epoch > begun && !matches!(message, Message::Refresh(_)) {
            self.seen.note(Sight::AheadEpoch);
        }
        match message {
            Message::Sync(sync::Message::Slot(..)) if effects > 0 => {
                self.seen.note(Sight::Synced);
            }
            Message::Sync(sync::Message::Ask(_) | sync::Message::Started(_))
                if effects > 0 && self.erased.contains(&(by, epoch)) =>
            {
                self.seen.note(Sight::Archive);
            }
            Message::Decision(_, life::Message::Certified(_)) if effects > 0 => {
                self.seen.note(Sight::Adopted);
            }
            Message::Decision(position, _)
                if *position >= self.ordered.get(&by).copied().unwrap_or_default() =>
            {
                self.seen.note(Sight::AheadPosition);
            }
            _ => {}
        }
    }

    fn restarted(&mut self, by: PartyId) {
        let open = open_at(&self.open, by);
        if self.producing.iter().any(|(party, ..)| *party == by) {
            self.seen.note(Sight::RestartProducing);
        }
        if self.refreshing.iter().any(|(party, _)| *party == by) {
            self.seen.note(Sight::RestartRefreshing);
        }
        self.seen.note(match (open_at(&self.computing, by), open) {
            (true, _) => Sight::RestartComputing,
            (_, true) => Sight::RestartOpen,
            _ => Sight::RestartIdle,
        });
        self.producing.retain(|(party, ..)| *party != by);
    }
}

fn open_at(all: &BTreeSet<(PartyId, u64)>, by: PartyId) -> bool {
    all.range((by, 0)..=(by, u64::MAX)).next().is_some()
}
