//! When what happens: the adversary's power over the network, from a seed.
//!
//! Frames between honest parties arrive in the end, in any order. Timers, votes and results of work
//! happen at their time on the virtual clock, which only moves when something happens.

mod discipline;
mod links;

use std::collections::BTreeMap;

use quorate_protocol::PartyId;
use rand::{RngExt, SeedableRng};

use crate::Rng;
use crate::trace::Layer;
pub use discipline::Discipline;
use discipline::{SLOW, STEP};
pub use links::{Acting, Cut, Latency, Links, REGION_COUNT, Turn};

/// One virtual millisecond: the clock counts microseconds.
pub const MILLI: u64 = 1_000;
/// One virtual second.
pub const SECOND: u64 = 1_000 * MILLI;

/// What travels.
pub trait Freight: Clone {
    /// Who sends it, and to whom.
    fn link(&self) -> (PartyId, PartyId);
    /// Its size in bytes.
    fn bytes(&self) -> u64;
    /// Whether something in it belongs to this layer.
    fn has(&self, layer: Layer) -> bool;
    /// The value that it votes for in binary agreements, if that is one.
    fn votes(&self) -> Option<bool>;
}

/// What is going to happen: `F` are frames, `E` everything that has a time of its own.
pub struct Pending<F, E> {
    discipline: Discipline,
    links: Links,
    now: u64,
    sequence: u64,
    timed: BTreeMap<(u64, u64), Due<F, E>>,
    /// Frames and results of work among `timed`.
    busy: usize,
    /// Frames without a time, by rank: the lowest goes first.
    loose: BTreeMap<(u64, u64), F>,
    /// When each link is free again, if bytes are capped.
    free: BTreeMap<(PartyId, PartyId), u64>,
    priorities: Priorities,
    /// What cuts have still to begin or end, the last one first.
    turns: Vec<Turn>,
    troubles: Troubles,
}

/// How often links made trouble.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Troubles {
    /// Frames sent twice.
    pub repeated: u64,
    /// Frames that waited for the end of a cut.
    pub held: u64,
    /// Frames that waited until the bytes before them were on the line.
    pub queued: u64,
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

/// Priorities of links, and when they change.
#[derive(Default)]
struct Priorities {
    of: BTreeMap<(PartyId, PartyId), u64>,
    /// How many frames are delivered before each change; the next one last.
    changes: Vec<u64>,
    delivered: u64,
    lowest: u64,
    rng: Option<Rng>,
}

impl Priorities {
    fn new(discipline: Discipline) -> Self {
        let Discipline::Priorities { seed, changes } = discipline else { return Self::default() };
        let mut rng = Rng::seed_from_u64(seed);
        let mut changes: Vec<u64> = (0..changes).map(|_| rng.random_range(0..3_000)).collect();
        changes.sort_unstable_by(|a, b| b.cmp(a));
        Self { changes, lowest: 1 << 32, rng: Some(rng), ..Self::default() }
    }

    /// The rank of a link; links get theirs when they are first used.
    fn rank(&mut self, link: (PartyId, PartyId)) -> u64 {
        let rng = &mut self.rng;
        let draw = || rng.as_mut().map_or(0, |rng| rng.random_range(0..1 << 32));
        *self.of.entry(link).or_insert_with(draw)
    }

    /// A frame of a link is delivered: whether the link goes behind all others now.
    fn served(&mut self, link: (PartyId, PartyId)) -> bool {
        self.delivered += 1;
        if self.changes.pop_if(|change| *change < self.delivered).is_none() {
            return false;
        }
        self.lowest += 1;
        self.of.insert(link, self.lowest);
        true
    }
}

impl<F: Freight, E> Pending<F, E> {
    /// Nothing yet.
    pub fn new(discipline: Discipline, links: Links) -> Self {
        Self {
            discipline,
            turns: links.turns(),
            links,
            now: 0,
            sequence: 0,
            timed: BTreeMap::new(),
            busy: 0,
            loose: BTreeMap::new(),
            free: BTreeMap::new(),
            priorities: Priorities::new(discipline),
            troubles: Troubles::default(),
        }
    }

    /// How often links made trouble until now.
    pub const fn troubles(&self) -> Troubles {
        self.troubles
    }

    /// The virtual time in microseconds.
    pub const fn now(&self) -> u64 {
        self.now
    }

    /// A cut that has begun or ended by now and was not told yet. It is told when something happens
    /// next, so that it changes nothing.
    pub fn turned(&mut self) -> Option<Turn> {
        let now = self.now;
        self.turns.pop_if(|turn| turn.time <= now)
    }

    /// Cuts that have begun and are there when all is over.
    pub fn outlasting(&mut self) -> impl Iterator<Item = Turn> + use<F, E> {
        let now = self.now;
        std::mem::take(&mut self.turns).into_iter().filter_map(move |turn| turn.outlasting(now))
    }

    /// A frame is on its way, now and then twice.
    pub fn send(&mut self, frame: F, rng: &mut Rng) {
        if self.links.repeated > 0 && rng.random_range(0..1_000) < self.links.repeated {
            self.troubles.repeated += 1;
            self.send_once(frame.clone(), rng);
        }
        self.send_once(frame, rng);
    }

    fn send_once(&mut self, frame: F, rng: &mut Rng) {
        let (from, to) = frame.link();
        let held = self.links.held_until(from, to, self.now);
        self.troubles.held += u64::from(held > self.now);
        if held == self.now
            && let Some(rank) = self.rank(&frame)
        {
            self.sequence += 1;
            self.loose.insert((rank, self.sequence), frame);
            return;
        }
        let latency = match self.discipline {
            Discipline::Fifo => MILLI,
            Discipline::Slow { parties } if parties.contains(from) => {
                self.links.latency.draw(from, to, rng) + SLOW
            }
            _ => self.links.latency.draw(from, to, rng),
        };
        let sent = self.on_line(&frame, held);
        self.busy += 1;
        self.insert(sent + latency, Due::Frame(frame));
    }

    /// When the last byte of a frame is on the line.
    fn on_line(&mut self, frame: &F, now: u64) -> u64 {
        let Some(bandwidth) = self.links.bandwidth else { return now };
        let free = self.free.entry(frame.link()).or_default();
        self.troubles.queued += u64::from(*free > now);
        *free = now.max(*free) + frame.bytes() * SECOND / bandwidth.max(1);
        *free
    }

    /// The rank of a frame that has no time.
    fn rank(&mut self, frame: &F) -> Option<u64> {
        let (from, to) = frame.link();
        match self.discipline {
            Discipline::Lifo => Some(u64::MAX - self.sequence),
            Discipline::Starved { from: a, to: b, .. } => {
                ((a, b) == (from, to)).then_some(u64::MAX - self.sequence)
            }
            Discipline::Priorities { .. } => Some(self.priorities.rank((from, to))),
            Discipline::Last { layer, .. } => frame.has(layer).then_some(u64::MAX - self.sequence),
            Discipline::Splitting => Some(match frame.votes() {
                _ if frame.has(Layer::Coin) => 0,
                Some(value) if value == (to.index() % 2 == 0) => 3,
                Some(_) => 1,
                None => 2,
            }),
            Discipline::Fifo | Discipline::Random | Discipline::Slow { .. } => None,
        }
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
        let loose_first = match self.discipline {
            timeless if timeless.is_timeless() => {
                self.timed.first_key_value().is_none_or(|((time, _), _)| *time > self.now + STEP)
            }
            held if held.idles() => self.busy == 0,
            _ => self.timed.is_empty(),
        };
        if loose_first && let Some((_, frame)) = self.loose.pop_first() {
            self.now += STEP;
            if self.priorities.served(frame.link()) {
                self.rank_again();
            }
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

    /// Priorities have changed.
    fn rank_again(&mut self) {
        let frames = std::mem::take(&mut self.loose);
        for ((_, sequence), frame) in frames {
            let rank = self.priorities.rank(frame.link());
            self.loose.insert((rank, sequence), frame);
        }
    }

    /// Loses the frames on their way that `lose` says.
    pub fn lose(&mut self, mut lose: impl FnMut(&F) -> bool) {
        self.loose.retain(|_, frame| !lose(frame));
        let before = self.timed.len();
        self.timed.retain(|_, due| !matches!(due, Due::Frame(frame) if lose(frame)));
        self.busy -= before - self.timed.len();
    }
}

/// A time made longer by so many eighths of a doubling, or shorter.
fn stretch(time: u64, eighths: i64) -> u64 {
    // 2^(i/8) in 1/1024.
    const ROOTS: [u64; 8] = [1024, 1117, 1218, 1328, 1448, 1579, 1722, 1878];
    let root = usize::try_from(eighths.rem_euclid(8)).ok().and_then(|i| ROOTS.get(i));
    let doublings = eighths.div_euclid(8);
    let time = time * root.copied().unwrap_or(1024) / 1024;
    let by = u32::try_from(doublings.unsigned_abs()).unwrap_or(u32::MAX);
    if doublings < 0 {
        time.checked_shr(by).unwrap_or(0).max(1)
    } else if by > time.leading_zeros() {
        u64::MAX
    } else {
        time << by
    }
}

#[cfg(test)]
mod tests;
