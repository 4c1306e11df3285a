//! What goes wrong, and when: drawn from the seed before anything runs.
//!
//! The kinds come as cards of a deck that is shuffled again when it is used up, so that a run of
//! some minutes has all of them. A member is in one fault of its process at a time; links are in any
//! number of faults. All ends before the plan does.

use std::fmt;
use std::time::Duration;

use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use crate::Rng;

/// A direction of a link: from which member to which.
pub(super) type Way = (usize, usize);

/// Something that goes wrong for a while.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Fault {
    /// After the begin of the run.
    pub(super) begins: Duration,
    /// Until it is mended.
    pub(super) lasts: Duration,
    /// What it is.
    pub(super) what: What,
}

/// What goes wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum What {
    /// Processes are killed, and start again.
    Kill(Vec<usize>),
    /// A node is stopped in an orderly way, and starts again.
    Restart(usize),
    /// Processes stand still, and go on.
    Pause(Vec<usize>),
    /// Nothing passes these ways. Connections stay open, or are refused.
    Cut { ways: Vec<Way>, refused: bool },
    /// All takes longer, and some datagrams are lost, in percent.
    Slow { ways: Vec<Way>, by: Duration, lost: u32 },
    /// The connections of these pairs are torn down.
    Reset(Vec<Way>),
    /// A node is killed, and goes on with a copy of its data directory that was made before its last
    /// start.
    OldCopy(usize),
    /// A second node runs on such a copy beside the first.
    SecondCopy(usize),
    /// The disk of a node is full.
    FullDisk(usize),
    /// A stranger does to a node what he can.
    Flood { target: usize, with: Flood },
}

/// With what a stranger floods a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Flood {
    /// Connections that are opened and left.
    Connections,
    /// Connections on which something senseless is said.
    Garbage,
    /// Datagrams.
    Datagrams,
}

/// The cards of a deck, and how many of each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Card {
    KillOne,
    KillSeveral,
    KillAll,
    Restart,
    Pause,
    CutBothWays,
    CutOneWay,
    Slow,
    Reset,
    OldCopy,
    SecondCopy,
    FullDisk,
    Flood,
}

const DECK: [(Card, usize); 13] = [
    (Card::KillOne, 4),
    (Card::KillSeveral, 2),
    (Card::KillAll, 1),
    (Card::Restart, 2),
    (Card::Pause, 3),
    (Card::CutBothWays, 3),
    (Card::CutOneWay, 3),
    (Card::Slow, 2),
    (Card::Reset, 2),
    (Card::OldCopy, 2),
    (Card::SecondCopy, 1),
    (Card::FullDisk, 1),
    (Card::Flood, 2),
];

/// How long nothing goes wrong at the begin.
const CALM: Duration = Duration::from_secs(4);
/// How long it takes a start to be of use, before something happens to the same member again.
const START: Duration = Duration::from_secs(6);
/// What is set aside for a node on an old copy to come back.
const OLD_COPY: Duration = Duration::from_secs(30);
/// And for a second one to stop.
const SECOND_COPY: Duration = Duration::from_secs(20);

impl What {
    /// Its kind, for the summary.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Kill(who) if who.len() == 1 => "kill -9 of one",
            Self::Kill(_) => "kill -9 of several",
            Self::Restart(_) => "orderly restart",
            Self::Pause(_) => "pause",
            Self::Cut { ways, .. } if ways.iter().all(|(a, b)| ways.contains(&(*b, *a))) => {
                "partition both ways"
            }
            Self::Cut { .. } => "partition one way",
            Self::Slow { .. } => "slow and lossy links",
            Self::Reset(_) => "connections reset",
            Self::OldCopy(_) => "old copy of a data directory",
            Self::SecondCopy(_) => "second node on an old copy",
            Self::FullDisk(_) => "full disk",
            Self::Flood { .. } => "flood by a stranger",
        }
    }

    /// The members whose processes it is about.
    pub(super) fn members(&self) -> &[usize] {
        match self {
            Self::Kill(who) | Self::Pause(who) => who,
            Self::Restart(who)
            | Self::OldCopy(who)
            | Self::SecondCopy(who)
            | Self::FullDisk(who) => std::slice::from_ref(who),
            Self::Cut { .. } | Self::Slow { .. } | Self::Reset(_) | Self::Flood { .. } => &[],
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut { ways, refused } => {
                let how = if *refused { "refused" } else { "silent" };
                write!(f, "{}: {} ways, {how}", self.kind(), ways.len())
            }
            Self::Slow { ways, by, lost } => {
                write!(f, "{}: {} ways, {by:?}, {lost} %", self.kind(), ways.len())
            }
            Self::Reset(pairs) => write!(f, "{}: {} pairs", self.kind(), pairs.len()),
            Self::Flood { target, with } => write!(f, "{}: {target}, {with:?}", self.kind()),
            _ => write!(f, "{}: {:?}", self.kind(), self.members()),
        }
    }
}

/// Who there is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Network<'a> {
    /// How many members.
    pub(super) n: usize,
    /// How many of them may come back on an old copy at a time: until then they take no part.
    pub(super) t: usize,
    /// Those whose disk can be filled.
    pub(super) disks: &'a [usize],
}

/// The faults of a run, in the order in which they begin.
pub(super) fn draw(seed: u64, network: Network<'_>, lasts: Duration) -> Vec<Fault> {
    let mut plan = Plan {
        rng: Rng::seed_from_u64(seed),
        network,
        deck: Vec::new(),
        free: vec![CALM; network.n],
        copies: Vec::new(),
        faults: Vec::new(),
    };
    let mut now = CALM;
    while now < lasts {
        plan.play(now, lasts);
        now += plan.between(500, 4500);
    }
    plan.faults.sort_by_key(|fault| fault.begins);
    plan.faults
}

struct Plan<'a> {
    rng: Rng,
    network: Network<'a>,
    deck: Vec<Card>,
    /// From when on something may happen to each member.
    free: Vec<Duration>,
    /// Until when each of the last old copies runs.
    copies: Vec<Duration>,
    faults: Vec<Fault>,
}

impl Plan<'_> {
    /// Plays the next card.
    fn play(&mut self, now: Duration, end: Duration) {
        if self.deck.is_empty() {
            let cards = DECK.iter().flat_map(|(card, times)| vec![*card; *times]);
            self.deck = cards.collect();
            self.deck.shuffle(&mut self.rng);
        }
        let Some(card) = self.deck.pop() else { return };
        let (what, lasts) = self.draw(card, now);
        let who = what.members().to_vec();
        let free = who.iter().filter_map(|member| self.free.get(*member)).max();
        let mut begins = free.copied().unwrap_or(now).max(now);
        if matches!(what, What::OldCopy(_)) {
            // No more than `t` at a time: the others have ended by then.
            while self.copies.iter().filter(|until| **until > begins).count() >= self.network.t {
                begins += Duration::from_secs(1);
            }
        }
        let until = begins + lasts;
        if until > end {
            return;
        }
        for member in who {
            if let Some(free) = self.free.get_mut(member) {
                *free = until + START;
            }
        }
        if matches!(what, What::OldCopy(_)) {
            self.copies.push(until);
        }
        self.faults.push(Fault { begins, lasts, what });
    }

    fn draw(&mut self, card: Card, now: Duration) -> (What, Duration) {
        let n = self.network.n;
        match card {
            Card::KillOne => (What::Kill(vec![self.somebody(now)]), self.between(0, 6000)),
            Card::KillSeveral => (What::Kill(self.some(2, n - 1)), self.between(0, 5000)),
            Card::KillAll => (What::Kill((0..n).collect()), self.between(0, 3000)),
            Card::Restart => (What::Restart(self.somebody(now)), self.between(500, 5000)),
            Card::Pause => (What::Pause(self.some(1, self.network.t + 1)), self.between(200, 8000)),
            Card::CutBothWays | Card::CutOneWay => {
                let mut ways = self.ways();
                if card == Card::CutBothWays {
                    ways = ways.iter().flat_map(|(a, b)| [(*a, *b), (*b, *a)]).collect();
                }
                let refused = self.rng.random_range(0..3) == 0;
                (What::Cut { ways, refused }, self.between(500, 8000))
            }
            Card::Slow => {
                let (by, lost) = (self.between(5, 300), self.rng.random_range(0..20));
                (What::Slow { ways: self.ways(), by, lost }, self.between(3000, 10_000))
            }
            Card::Reset => (What::Reset(self.ways()), Duration::ZERO),
            Card::OldCopy => (What::OldCopy(self.somebody(now)), OLD_COPY),
            Card::SecondCopy => (What::SecondCopy(self.somebody(now)), SECOND_COPY),
            Card::FullDisk => {
                let disks = self.network.disks;
                let drawn = self.rng.random_range(0..disks.len().max(1));
                let who = disks.get(drawn).copied();
                (What::FullDisk(who.unwrap_or(drawn)), self.between(3000, 9000))
            }
            Card::Flood => {
                let with = [Flood::Connections, Flood::Garbage, Flood::Datagrams];
                let with = *with.get(self.rng.random_range(0..3)).unwrap_or(&Flood::Garbage);
                let target = self.rng.random_range(0..n);
                (What::Flood { target, with }, self.between(2000, 6000))
            }
        }
    }

    /// So many milliseconds.
    fn between(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_millis(self.rng.random_range(least..=most))
    }

    /// A member that nothing happens to, if there is one.
    fn somebody(&mut self, now: Duration) -> usize {
        let all = self.free.iter().enumerate();
        let mut idle: Vec<usize> =
            all.filter(|(_, free)| **free <= now).map(|(who, _)| who).collect();
        if idle.is_empty() {
            idle = (0..self.network.n).collect();
        }
        let drawn = self.rng.random_range(0..idle.len());
        idle.get(drawn).copied().unwrap_or(0)
    }

    /// From `least` to `most` members.
    fn some(&mut self, least: usize, most: usize) -> Vec<usize> {
        let mut all: Vec<usize> = (0..self.network.n).collect();
        all.shuffle(&mut self.rng);
        all.truncate(self.rng.random_range(least..=most));
        all
    }

    /// From each of some members to each of the others, or a few ways.
    fn ways(&mut self) -> Vec<Way> {
        let n = self.network.n;
        if self.rng.random() {
            let side = self.some(1, n - 1);
            let other = (0..n).filter(|who| !side.contains(who));
            return other.flat_map(|to| side.iter().map(move |from| (*from, to))).collect();
        }
        let mut all: Vec<Way> = (0..n).flat_map(|a| (0..n).map(move |b| (a, b))).collect();
        all.retain(|(from, to)| from != to);
        all.shuffle(&mut self.rng);
        all.truncate(self.rng.random_range(1..=2 * n));
        all
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const NETWORK: Network<'static> = Network { n: 7, t: 2, disks: &[1, 4] };
    const THREE: Duration = Duration::from_secs(180);

    #[test]
    fn a_seed_is_one_plan() {
        assert_eq!(draw(1, NETWORK, THREE), draw(1, NETWORK, THREE));
        assert_ne!(draw(1, NETWORK, THREE), draw(2, NETWORK, THREE));
    }

    #[test]
    fn three_minutes_have_all_kinds_and_all_of_it_ends() {
        for seed in 0..200 {
            let faults = draw(seed, NETWORK, THREE);
            let kinds: BTreeSet<&str> = faults.iter().map(|fault| fault.what.kind()).collect();
            assert_eq!(kinds.len(), 12, "{seed}: {kinds:?}");
            assert!(faults.iter().any(|fault| fault.what.members().len() == NETWORK.n), "{seed}");
            assert!(faults.iter().all(|fault| fault.begins + fault.lasts <= THREE), "{seed}");
        }
    }

    #[test]
    fn a_member_is_in_one_fault_at_a_time_and_no_more_than_t_run_on_old_copies() {
        for seed in 0..200 {
            let faults = draw(seed, NETWORK, THREE);
            for (number, fault) in faults.iter().enumerate() {
                let later = faults.iter().skip(number + 1);
                let during = later.filter(|other| other.begins < fault.begins + fault.lasts);
                let (mut copies, is_copy) = (1, matches!(fault.what, What::OldCopy(_)));
                for other in during {
                    let shared =
                        other.what.members().iter().any(|who| fault.what.members().contains(who));
                    assert!(!shared, "{seed}: {fault:?} {other:?}");
                    copies += usize::from(is_copy && matches!(other.what, What::OldCopy(_)));
                }
                assert!(copies <= NETWORK.t, "{seed}");
                if let What::FullDisk(who) = fault.what {
                    assert!(NETWORK.disks.contains(&who));
                }
            }
        }
    }
}
