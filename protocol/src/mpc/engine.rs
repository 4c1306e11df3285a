//! Runs a computation on shares: a sequence of robust openings with local steps between.
//!
//! # Model
//! `n >= 3t + 1`, asynchronous authenticated links, up to `t` Byzantine parties. All honest parties
//! run the same gadget on the same public values; those with shares of its material *contribute*.
//!
//! # Guarantees
//! - *Correctness*: an honest party outputs what the gadget yields on the shared values, or nothing.
//! - *Termination*: once `2t + 1` honest contributing parties have started, every honest party
//!   outputs, whether it contributes itself or not.
//! - *Blame*: whoever sends wrong shares is blamed, and nobody else.
//! - *Privacy*: only what the gadget opens becomes known; what that says is the gadget's affair.
//!
//! # Protocol
//! - E1. Start: send the shares of opening 0, and of all openings reached so far.
//! - E2. Shares for opening r go to opening r, whatever opening we have reached ourselves. It
//!   corrects errors, names liars and yields the values once.
//! - E3. When the values of opening r are known and those of all before it were used, the gadget
//!   takes its next step: send the shares of opening r + 1, or output.
//!
//! # Why it works
//! The number of openings and the number of values in each are public, so that all openings exist
//! from the beginning and there is nothing to keep for later: a party that is ahead is measured
//! against the same expectation as one that is behind. Openings need no shares of our own, so a
//! party without material follows with zeros: it learns what is opened, computes nonsense for
//! shares, and sends none of it. A party reaches opening r + 1 only after `2t + 1` parties sent
//! agreeing shares for opening r, so the faster ones cannot run away from a slow honest majority.
//!
//! # Cost
//! One hop, `n^2` messages for each opening; the state is `n` vectors for each of them.
//!
//! # End
//! May be dropped once it has output and was started (or does not contribute): by then all our
//! shares are on their way.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::committee::{Committee, PartyId, PartySet};
use crate::fault::OpeningFault;
use crate::math::Field;
use crate::protocol::{Outbox, Protocol};
use crate::sharing::Shares;
use crate::sharing::open::{self, Opening};

/// What a gadget does next.
pub enum Step<F: Field> {
    /// Opens these shared values.
    Open(Shares<F>),
    /// Ends with these public values.
    Done(Vec<F>),
}

/// A computation on shares that opens values one vector after the other.
pub trait Gadget<F: Field>: Send {
    /// How many values each opening has, in order: at least one opening. Public, the same at all
    /// parties, and the same whatever has happened.
    fn openings(&self) -> Vec<usize>;

    /// The next step, from the values opened last; none at the first call. What it returns has the
    /// shape that [`openings`](Self::openings) tells, whatever was opened.
    fn next(&mut self, opened: &[F]) -> Step<F>;
}

/// Shares for one of the openings.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Message<F: Field> {
    /// Which opening, from 0.
    pub round: u16,
    /// The shares.
    pub shares: open::Message<F>,
}

impl<F: Field> fmt::Display for Message<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{} {}", self.round, self.shares)
    }
}

/// One party's part in a computation.
pub struct Engine<F: Field, G> {
    gadget: G,
    contributes: bool,
    started: bool,
    // Openings whose values the gadget has used.
    used: usize,
    rounds: Vec<Round<F>>,
}

struct Round<F: Field> {
    opening: Opening<F>,
    // Our shares, until they are sent.
    unsent: Option<Shares<F>>,
    // The values, until the gadget uses them.
    opened: Option<Vec<F>>,
}

impl<F: Field, G: Gadget<F>> Engine<F, G> {
    /// A computation that has not started. A party that does not contribute has no shares: it
    /// gives the gadget zeros in their place.
    pub fn new(committee: Committee, mut gadget: G, contributes: bool) -> Self {
        let round =
            |values| Round { opening: Opening::new(committee, values), unsent: None, opened: None };
        let rounds = gadget.openings().into_iter().map(round).collect();
        let first = gadget.next(&[]);
        let mut engine = Self { gadget, contributes, started: false, used: 0, rounds };
        if let Step::Open(shares) = first {
            engine.reach(shares);
        }
        engine
    }

    /// Starts to send our shares.
    pub fn start(&mut self, out: &mut dyn Outbox<Message<F>>) {
        self.started = true;
        self.send(out); // E1
    }

    /// Openings completed and used, and all there are.
    pub const fn progress(&self) -> (usize, usize) {
        (self.used, self.rounds.len())
    }

    /// Parties whose shares for the opening that comes next are here, right or wrong.
    pub fn seen(&self) -> PartySet {
        self.rounds.get(self.used).map_or(PartySet::EMPTY, |round| round.opening.seen())
    }

    /// Parties that sent wrong shares.
    pub fn liars(&self) -> PartySet {
        self.rounds.iter().fold(PartySet::EMPTY, |all, round| all.union(round.opening.liars()))
    }

    /// Whether wrong shares had to be corrected for an output.
    pub fn corrected(&self) -> bool {
        self.rounds.iter().any(|round| round.opening.corrected())
    }

    // Takes charge of our shares of the first opening that is not used yet.
    fn reach(&mut self, shares: Shares<F>) {
        if let Some(round) = self.rounds.get_mut(self.used).filter(|_| self.contributes) {
            round.unsent = Some(shares);
        }
    }

    fn send(&mut self, out: &mut dyn Outbox<Message<F>>) {
        if !self.started {
            return;
        }
        for (number, round) in (0u16..).zip(&mut self.rounds) {
            if let Some(shares) = round.unsent.take() {
                round
                    .opening
                    .open(shares, &mut out.wrap(move |shares| Message { round: number, shares }))
                    .expect("a gadget opens as many values as it said, once");
            }
        }
    }

    // E3
    fn advance(&mut self, out: &mut dyn Outbox<Message<F>>) -> Option<Vec<F>> {
        while let Some(opened) = self.rounds.get_mut(self.used).and_then(|r| r.opened.take()) {
            self.used += 1;
            match self.gadget.next(&opened) {
                Step::Open(shares) => self.reach(shares),
                Step::Done(outputs) => return Some(outputs),
            }
            self.send(out);
        }
        None
    }
}

impl<F: Field, G: Gadget<F>> Protocol for Engine<F, G> {
    type Message = Message<F>;
    type Output = Vec<F>;

    fn handle(
        &mut self,
        from: PartyId,
        message: Message<F>,
        out: &mut dyn Outbox<Message<F>>,
    ) -> Option<Vec<F>> {
        let Message { round: number, shares } = message;
        let Some(round) = self.rounds.get_mut(usize::from(number)) else {
            out.blame(from, OpeningFault::UnknownRound);
            return None;
        };
        // E2
        let wrapped = &mut out.wrap(move |shares| Message { round: number, shares });
        round.opened = Some(round.opening.handle(from, shares, wrapped)?);
        self.advance(out)
    }
}

/// Shows how far it is, nothing it computes with.
impl<F: Field, G> fmt::Debug for Engine<F, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine")
            .field("used", &self.used)
            .field("rounds", &self.rounds.len())
            .field("started", &self.started)
            .field("contributes", &self.contributes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
