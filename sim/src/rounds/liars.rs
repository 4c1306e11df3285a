//! What Byzantine members say.

use std::collections::BTreeSet;
use std::fmt;

use quorate_protocol::agreement::aba::{Message, Vote};
use quorate_protocol::committee::{PartyId, PartySet};
use rand::{RngExt, SeedableRng};

use super::network::{Aim, Wire, share};
use crate::Rng;

/// A way to make an agreement long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Liar {
    /// Says nothing.
    Silent,
    /// Holds both values; votes for the aimed one to near members, against it to the others.
    Splitter,
    /// Votes for both values, or for any, to each member another.
    Equivocator,
    /// Votes in a round only when its coin is known: against the coin.
    LateEquivocator,
    /// Says at once that it has decided, another value to each half, then nothing more.
    EarlyDecider,
    /// Repeats to each member what the member says.
    Echo,
}

impl Liar {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Silent,
        Self::Splitter,
        Self::Equivocator,
        Self::LateEquivocator,
        Self::EarlyDecider,
        Self::Echo,
    ];
}

impl fmt::Display for Liar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Silent => "silent",
            Self::Splitter => "splitter",
            Self::Equivocator => "equivocator",
            Self::LateEquivocator => "late equivocator",
            Self::EarlyDecider => "early decider",
            Self::Echo => "echo",
        })
    }
}

/// All Byzantine members of a game, who do the same.
pub(super) struct Liars {
    liar: Liar,
    /// Rounds in which they have voted.
    voted: BTreeSet<u32>,
}

impl Liars {
    pub(super) const fn new(liar: Liar) -> Self {
        Self { liar, voted: BTreeSet::new() }
    }

    /// What is said, by whom and to whom, when an honest member says something or, without that, when
    /// the first honest member begins a round.
    pub(super) fn speak(
        &mut self,
        round: u32,
        heard: Option<(PartyId, &Wire)>,
        aim: &Aim,
        honest: PartySet,
    ) -> Vec<(PartyId, PartyId, Wire)> {
        let mut said = Vec::new();
        let mut say = |to: PartyId, what: &dyn Fn(PartyId) -> Vec<Wire>| {
            for from in aim.byzantine().iter() {
                said.extend(what(from).into_iter().map(|message| (from, to, message)));
            }
        };
        match (self.liar, heard) {
            (Liar::Silent, _) => {}
            (Liar::Splitter, None) if self.voted.insert(round) => {
                for to in honest.iter() {
                    let value = aim.shown(to, round);
                    let last = if aim.is_near(to) { Some(value) } else { None };
                    say(to, &|from| votes(from, round, &[value, !value], value, last, aim));
                }
            }
            (Liar::Equivocator, None) if self.voted.insert(round) => {
                let mut rng = Rng::seed_from_u64(u64::from(round));
                for to in honest.iter() {
                    let (second, last) = (rng.random(), rng.random());
                    let last = rng.random::<bool>().then_some(last);
                    say(to, &|from| votes(from, round, &[false, true], second, last, aim));
                }
            }
            (Liar::LateEquivocator, Some((_, Message::Share { round, .. })))
                if self.voted.insert(*round) =>
            {
                let Some(coin) = aim.coin(*round) else { return said };
                for to in honest.iter() {
                    let last = Some(!coin);
                    say(to, &|from| votes(from, *round, &[!coin, coin], !coin, last, aim));
                }
            }
            (Liar::EarlyDecider, None) if self.voted.insert(0) => {
                for to in honest.iter() {
                    let value = aim.is_near(to);
                    say(to, &|_| vec![Message::Decide { round: 0, value }]);
                }
            }
            (Liar::Echo, Some((by, message @ Message::Vote { .. }))) => {
                say(by, &|_| vec![message.clone()]);
            }
            (Liar::Echo, Some((_, Message::Share { round, .. }))) if self.voted.insert(*round) => {
                for to in honest.iter() {
                    say(to, &|from| vec![share(from, *round, aim)]);
                }
            }
            _ => {}
        }
        said
    }
}

/// All votes of a round, and in rounds with real coins the share.
fn votes(
    from: PartyId,
    round: u32,
    first: &[bool],
    second: bool,
    last: Option<bool>,
    aim: &Aim,
) -> Vec<Wire> {
    let mut votes: Vec<Vote> = first.iter().map(|value| Vote::E1(*value)).collect();
    votes.push(Vote::E2(second));
    if round >= 2 {
        votes.push(Vote::E3(last));
    }
    let mut said: Vec<Wire> = votes.into_iter().map(|vote| Message::Vote { round, vote }).collect();
    if round >= 2 {
        said.push(share(from, round, aim));
    }
    said
}
