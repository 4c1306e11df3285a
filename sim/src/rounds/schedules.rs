//! Which message arrives next.

use std::fmt;

use quorate_protocol::agreement::aba::{Message, Vote};
use quorate_protocol::committee::{Committee, PartyId, PartyMap};
use quorate_protocol::protocol::Protocol;
use rand::RngExt;

use super::Instance;
use super::network::{Aim, Letter, Said, says};
use crate::Rng;
use crate::draw::{another, draw_party};

/// How the next message is picked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Schedule {
    /// The oldest.
    Fifo,
    /// The newest.
    Lifo,
    /// Any.
    Random,
    /// Any, but those of one link only when nothing else is left.
    Starved,
    /// The oldest of the link with the highest priority; now and then a link falls to the lowest
    /// (probabilistic concurrency testing).
    Priorities,
    /// First what brings near members the aimed value and the others something else.
    ContentAware,
    /// Like this, and when a coin is known and hits the aimed value, that value last.
    CoinAware,
    /// The one, of a few, after which its recipient says what helps the least.
    Greedy,
}

impl Schedule {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Fifo,
        Self::Lifo,
        Self::Random,
        Self::Starved,
        Self::Priorities,
        Self::ContentAware,
        Self::CoinAware,
        Self::Greedy,
    ];
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Fifo => "fifo",
            Self::Lifo => "lifo",
            Self::Random => "random",
            Self::Starved => "a starved link",
            Self::Priorities => "priorities",
            Self::ContentAware => "content-aware",
            Self::CoinAware => "coin-aware",
            Self::Greedy => "greedy",
        })
    }
}

/// How many messages the greedy schedule tries.
const TRIED: usize = 6;

/// In so many deliveries one changes a priority.
const CHANGES: u32 = 50;

/// Picks messages.
pub(super) struct Picker {
    schedule: Schedule,
    starved: (PartyId, PartyId),
    /// Of each link, by sender and recipient; the lowest goes first.
    priorities: PartyMap<PartyMap<u64>>,
    lowest: u64,
}

impl Picker {
    pub(super) fn new(committee: Committee, schedule: Schedule, rng: &mut Rng) -> Self {
        let from = draw_party(committee, rng);
        let starved = (from, another(from, committee, rng));
        let mut draw = |_| PartyMap::from_fn(committee, |_| rng.random_range(0..1_000));
        let priorities = PartyMap::from_fn(committee, &mut draw);
        Self { schedule, starved, priorities, lowest: 1_000 }
    }

    /// The place of the next message; `None` if there is none.
    pub(super) fn pick(
        &mut self,
        flight: &[Letter],
        aim: &Aim,
        members: &PartyMap<Instance>,
        rng: &mut Rng,
    ) -> Option<usize> {
        if flight.is_empty() {
            return None;
        }
        let any = rng.random_range(0..flight.len());
        match self.schedule {
            Schedule::Fifo => first(flight, |letter| letter.number),
            Schedule::Lifo => first(flight, |letter| u64::MAX - letter.number),
            Schedule::Random => Some(any),
            Schedule::Starved => {
                let (from, to) = self.starved;
                first(flight, |letter| {
                    ((letter.from, letter.to) == (from, to), rng.random::<u32>())
                })
            }
            Schedule::Priorities => {
                if rng.random_ratio(1, CHANGES)
                    && let Some(Letter { from, to, .. }) = flight.get(any)
                {
                    self.lowest += 1;
                    self.priorities[*from][*to] = self.lowest;
                }
                let priorities = &self.priorities;
                first(flight, |letter| (priorities[letter.from][letter.to], letter.number))
            }
            Schedule::ContentAware => first(flight, |letter| by_content(letter, aim)),
            Schedule::CoinAware => first(flight, |letter| {
                let (round, value) = says(&letter.message);
                let hit = value.is_some() && value == aim.coin(round);
                let hit = hit && value == Some(aim.value(round));
                let (round, class, number) = by_content(letter, aim);
                (round, if hit { 5 } else { class }, number)
            }),
            Schedule::Greedy => {
                let tried = (0..TRIED).map(|i| (any + i * 7) % flight.len());
                tried.min_by_key(|place| flight.get(*place).map(|letter| help(letter, members)))
            }
        }
    }
}

/// The place of the letter that comes first by `key`.
fn first<K: Ord>(flight: &[Letter], mut key: impl FnMut(&Letter) -> K) -> Option<usize> {
    (0..).zip(flight).min_by_key(|(_, letter)| key(letter)).map(|(place, _)| place)
}

/// Rounds one after the other; in each first what the recipient is to see.
fn by_content(letter: &Letter, aim: &Aim) -> (u32, u8, u64) {
    let (round, value) = says(&letter.message);
    let class = match (&letter.message, value) {
        (Message::Decide { .. }, _) => 4,
        (Message::Vote { .. }, Some(value)) if value == aim.shown(letter.to, round) => 0,
        (Message::Vote { .. }, None) if !aim.is_near(letter.to) => 0,
        // Near members repeat the other value before the others see the aimed one.
        (Message::Vote { .. }, _) => {
            if aim.is_near(letter.to) {
                2
            } else {
                3
            }
        }
        _ => 1,
    };
    (round, class, letter.number)
}

/// How much a delivery helps to decide, by what its recipient says then.
fn help(letter: &Letter, members: &PartyMap<Instance>) -> i32 {
    let mut member = members[letter.to].clone();
    let mut out = Said::default();
    member.handle(letter.from, letter.message.clone(), &mut out);
    let worth = |message: &_| match message {
        Message::Decide { .. } => 20,
        Message::Vote { vote: Vote::E3(Some(_)), .. } => 3,
        Message::Vote { vote: Vote::E2(_), .. } => 1,
        Message::Vote { vote: Vote::E3(None) | Vote::E1(_), .. } => -1,
        Message::Share { .. } | Message::Resend { .. } => 0,
    };
    out.sent.iter().map(|(_, message)| worth(message)).sum()
}
