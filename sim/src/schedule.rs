//! When what happens: the adversary's power over the network, from a seed.
//!
//! Frames between honest parties arrive in the end, in any order. Timers, votes and results of work
//! happen at their time on the virtual clock, which only moves when something happens.

use std::collections::BTreeMap;
use std::fmt;

use quorate_protocol::PartyId;
use rand::RngExt;

use crate::Rng;

/// One virtual millisecond: the clock counts microseconds.
pub const MILLI: u64 = 1_000;
/// One virtual second.
pub const SECOND: u64 = 1_000 * MILLI;

/// Between two frames when the newest goes first.
const LIFO_STEP: u64 = 50;

/// How frames are delivered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Discipline {
    /// In the order they were sent, each a millisecond later.
    Fifo,
    /// The newest first.
    Lifo,
    /// Each after a random time: mostly short, sometimes very long.
    Random,
    /// Like [`Random`](Self::Random), but this link's only when nothing else is left.
    Starved {
        /// The link's sender.
        from: PartyId,
        /// The link's receiver.
        to: PartyId,
        /// Whether timers go first, too.
        behind_timers: bool,
    },
    /// Like [`Random`](Self::Random), but all that one party sends is slow.
    Slow {
        /// Who.
        party: PartyId,
    },
}

impl Discipline {
    /// Whether every frame arrives soon compared with deadlines.
    pub const fn is_prompt(self) -> bool {
        matches!(self, Self::Fifo)
    }
}

impl fmt::Display for Discipline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fifo => f.write_str("fifo"),
            Self::Lifo => f.write_str("lifo"),
            Self::Random => f.write_str("random"),
            Self::Starved { from, to, behind_timers } => {
                let how = if *behind_timers { ", behind timers" } else { "" };
                write!(f, "starved {from}->{to}{how}")
            }
            Self::Slow { party } => write!(f, "slow {party}"),
        }
    }
}

/// What is going to happen: `F` are frames, `E` everything that has a time of its own.
pub struct Pending<F, E> {
    discipline: Discipline,
    now: u64,
    sequence: u64,
    timed: BTreeMap<(u64, u64), Due<F, E>>,
    /// Frames and results of work among `timed`.
    busy: usize,
    /// Frames without a time: the newest last.
    stack: Vec<F>,
}

enum Due<F, E> {
    Frame(F),
    /// A result of work.
    Work(E),
    Event(E),
}

/// What happens next.
#[derive(Debug)]
pub enum Next<F, E> {
    /// A frame arrives.
    Frame(F),
    /// Something else.
    Event(E),
}

impl<F, E> Pending<F, E> {
    /// Nothing yet.
    pub const fn new(discipline: Discipline) -> Self {
        Self { discipline, now: 0, sequence: 0, timed: BTreeMap::new(), busy: 0, stack: Vec::new() }
    }

    /// The virtual time in microseconds.
    pub const fn now(&self) -> u64 {
        self.now
    }

    /// A frame is on its way.
    pub fn send(&mut self, from: PartyId, to: PartyId, frame: F, rng: &mut Rng) {
        let latency = match self.discipline {
            Discipline::Lifo => return self.stack.push(frame),
            Discipline::Starved { from: a, to: b, .. } if (a, b) == (from, to) => {
                return self.stack.push(frame);
            }
            Discipline::Fifo => MILLI,
            Discipline::Slow { party } if party == from => latency(rng) + 300 * MILLI,
            _ => latency(rng),
        };
        self.busy += 1;
        self.insert(self.now + latency, Due::Frame(frame));
    }

    /// A computation ends after some time.
    pub fn work(&mut self, event: E, rng: &mut Rng) {
        let most = if self.discipline == Discipline::Fifo { MILLI } else { 20 * MILLI };
        let takes = rng.random_range(0..=most);
        self.busy += 1;
        self.insert(self.now + takes, Due::Work(event));
    }

    /// Something happens at this time, or now if that is past.
    pub fn at(&mut self, time: u64, event: E) {
        self.insert(time.max(self.now), Due::Event(event));
    }

    fn insert(&mut self, time: u64, due: Due<F, E>) {
        self.sequence += 1;
        self.timed.insert((time, self.sequence), due);
    }

    /// What happens next; `None` if nothing is left.
    pub fn advance(&mut self) -> Option<Next<F, E>> {
        let stack_first = match self.discipline {
            Discipline::Lifo => self
                .timed
                .first_key_value()
                .is_none_or(|((time, _), _)| *time > self.now + LIFO_STEP),
            Discipline::Starved { behind_timers: false, .. } => self.busy == 0,
            _ => self.timed.is_empty(),
        };
        if stack_first && let Some(frame) = self.stack.pop() {
            self.now += LIFO_STEP;
            return Some(Next::Frame(frame));
        }
        let ((time, _), due) = self.timed.pop_first()?;
        self.now = self.now.max(time);
        Some(match due {
            Due::Frame(frame) => {
                self.busy -= 1;
                Next::Frame(frame)
            }
            Due::Work(event) => {
                self.busy -= 1;
                Next::Event(event)
            }
            Due::Event(event) => Next::Event(event),
        })
    }

    /// Loses the frames on their way that `lose` says.
    pub fn lose(&mut self, mut lose: impl FnMut(&F) -> bool) {
        self.stack.retain(|frame| !lose(frame));
        let before = self.timed.len();
        self.timed.retain(|_, due| !matches!(due, Due::Frame(frame) if lose(frame)));
        self.busy -= before - self.timed.len();
    }
}

/// Mostly 1 to 10 ms, now and then up to half a second, seldom seconds.
fn latency(rng: &mut Rng) -> u64 {
    match rng.random_range(0..100) {
        0 => rng.random_range(MILLI..3 * SECOND),
        1..=8 => rng.random_range(MILLI..500 * MILLI),
        _ => rng.random_range(MILLI..10 * MILLI),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn order(discipline: Discipline) -> Vec<char> {
        let mut rng = Rng::seed_from_u64(1);
        let mut pending = Pending::new(discipline);
        let [a, b] = [PartyId::new(0), PartyId::new(1)];
        pending.at(10 * SECOND, 't');
        pending.send(a, b, '1', &mut rng);
        pending.send(b, a, '2', &mut rng);
        pending.send(a, b, '3', &mut rng);
        let next = |_| match pending.advance()? {
            Next::Frame(c) | Next::Event(c) => Some(c),
        };
        (0..9).map_while(next).collect()
    }

    #[test]
    fn each_discipline_delivers_everything_in_its_order() {
        let (from, to) = (PartyId::new(0), PartyId::new(1));
        assert_eq!(order(Discipline::Fifo), ['1', '2', '3', 't']);
        assert_eq!(order(Discipline::Lifo), ['3', '2', '1', 't']);
        let starved = |behind_timers| order(Discipline::Starved { from, to, behind_timers });
        assert_eq!(starved(false), ['2', '3', '1', 't']);
        assert_eq!(starved(true), ['2', 't', '3', '1']);
        let mut random = order(Discipline::Random);
        random.sort_unstable();
        assert_eq!(random, ['1', '2', '3', 't']);
    }
}
