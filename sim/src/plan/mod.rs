//! What a run is to be: everything that is known before it begins.

mod check;
mod draw;
mod faults;
mod questions;
mod reduce;
mod scenario;

use std::fmt;

use quorate_protocol::committee::{Committee, PartyId, PartySet};
use quorate_protocol::decision::stock::{Amount, Policy};
use quorate_protocol::decision::supply::Request;
use quorate_protocol::mpc::preprocessing;

use crate::adversary::Behaviour;
use crate::draw::party_at;
use crate::schedule::{Acting, Discipline, Links, MILLI};
use crate::token::Token;
pub use faults::{Outage, Pause, Restart, Storage};
pub use questions::{Question, Vote};
use questions::{accepted_refresh, mean_of_all};
pub use scenario::Scenario;

/// Everything about a run. With the random choices of its [token](Token::rng) it is the whole story.
#[derive(Clone, PartialEq, Debug)]
pub struct Plan {
    /// What it is called.
    pub token: Token,
    /// The parties.
    pub committee: Committee,
    /// In which order frames are delivered.
    pub discipline: Discipline,
    /// What links are like.
    pub links: Links,
    /// Byzantine parties, and what they do.
    pub byzantine: Vec<(PartyId, Vec<Behaviour>)>,
    /// Parties that are killed.
    pub restarts: Vec<Restart>,
    /// Parties that do nothing for a while.
    pub pauses: Vec<Pause>,
    /// When all are killed at once.
    pub outages: Vec<Outage>,
    /// By how many milliseconds each member's clock is fast.
    pub skews: Vec<i64>,
    /// What is decided, in order.
    pub questions: Vec<Question>,
    /// How many questions are open at once.
    pub window: usize,
    /// How the stock is kept.
    pub policy: Policy,
}

impl Plan {
    /// A run of these questions without any fault.
    fn calm(token: Token, committee: Committee, questions: Vec<Question>) -> Self {
        Self {
            token,
            committee,
            discipline: Discipline::Fifo,
            links: Links::default(),
            byzantine: Vec::new(),
            restarts: Vec::new(),
            pauses: Vec::new(),
            outages: Vec::new(),
            skews: vec![0; committee.n()],
            questions,
            window: 1,
            policy: policy(committee.n()),
        }
    }

    /// A run without any fault in which all vote on one question.
    pub fn of_one_decision(token: Token, committee: Committee) -> Self {
        Self::calm(token, committee, vec![mean_of_all(committee)])
    }

    /// The same with a refresh, which everybody accepts at once, as the question of this number.
    #[must_use]
    pub fn with_refresh(mut self, number: usize) -> Self {
        let mut question = accepted_refresh(self.committee);
        question.proposer = party_at(self.committee, number);
        self.questions.insert(number.min(self.questions.len()), question);
        self
    }

    /// The parties that may do anything: those that deviate, and those that do not remember.
    pub fn byzantine_set(&self) -> PartySet {
        let deviating = self.byzantine.iter().map(|(party, _)| *party);
        deviating.chain(self.forgetful().iter()).collect()
    }

    /// Parties that start again from something else than what they wrote.
    pub fn forgetful(&self) -> PartySet {
        let restarts = self.restarts.iter();
        let unnoticed =
            |restart: &&Restart| !matches!(restart.storage, Storage::Kept | Storage::Noticed(_));
        restarts.filter(unnoticed).map(|restart| restart.party).collect()
    }

    /// Honest parties that lose some of what they wrote, and notice: silent where they may have spoken,
    /// they count as faulty until they have caught up.
    pub fn noticing(&self) -> PartySet {
        let noticed = |restart: &&Restart| matches!(restart.storage, Storage::Noticed(_));
        let all: PartySet =
            self.restarts.iter().filter(noticed).map(|restart| restart.party).collect();
        all.difference(self.byzantine_set())
    }

    /// Honest parties that are killed: a vote that waits in one, or a question it was just asked, may be
    /// lost with it.
    pub fn unsteady(&self) -> PartySet {
        let killed: PartySet = if self.outages.is_empty() {
            self.restarts.iter().map(|restart| restart.party).collect()
        } else {
            self.committee.everyone()
        };
        killed.difference(self.byzantine_set())
    }

    /// Whether the run must come to an end: no more than `t` are faulty, whoever is killed.
    pub fn promises_liveness(&self) -> bool {
        self.byzantine_set().union(self.noticing()).len() <= self.committee.t()
    }

    /// Whether nothing goes wrong: nobody is faulty or killed, clocks are right, and every frame
    /// arrives soon.
    pub fn is_calm(&self) -> bool {
        let questions = self.questions.clone();
        let (window, policy) = (self.window, self.policy);
        *self == Self { window, policy, ..Self::calm(self.token, self.committee, questions) }
    }

    /// What a party does, if it is Byzantine.
    pub fn behaviours(&self, party: PartyId) -> &[Behaviour] {
        let mut all = self.byzantine.iter();
        all.find(|(of, _)| *of == party).map_or(&[], |(_, behaviours)| behaviours)
    }

    /// By how many milliseconds a member's clock is fast.
    pub fn skew(&self, party: PartyId) -> i64 {
        self.skews.get(party.index()).copied().unwrap_or(0)
    }
}

/// In a few lines, for people.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (n, t) = (self.committee.n(), self.committee.t());
        writeln!(f, "{n} organisations, up to {t} faulty")?;
        let (links, discipline) = (&self.links, self.discipline);
        writeln!(f, "  delivery: {}", Acting { links, discipline })?;
        for cut in &self.links.cuts {
            writeln!(f, "  {cut}")?;
        }
        for (party, behaviours) in &self.byzantine {
            let what: Vec<String> = behaviours.iter().map(Behaviour::to_string).collect();
            writeln!(f, "  {party} is Byzantine: {}", what.join(", "))?;
        }
        for restart in &self.restarts {
            writeln!(f, "  {restart}")?;
        }
        for pause in &self.pauses {
            writeln!(f, "  {pause}")?;
        }
        for outage in &self.outages {
            writeln!(f, "  {outage}")?;
        }
        for (party, skew) in self.committee.parties().zip(&self.skews).filter(|(_, s)| **s != 0) {
            let how = if *skew > 0 { "fast" } else { "slow" };
            let by = skew.unsigned_abs() as f64 / MILLI as f64;
            writeln!(f, "  the clock of {party} is {by} s {how}")?;
        }
        let refreshes = self.questions.iter().filter(|question| question.refresh).count();
        let questions = self.questions.len();
        write!(f, "  {questions} questions, {refreshes} of them refreshes, ")?;
        write!(f, "{} open at once", self.window)
    }
}

/// A run of preprocessing serves three or four decisions, so that most runs need several.
fn policy(n: usize) -> Policy {
    let bits = 7 * n + 53;
    let material = preprocessing::Request { bits: 3 * bits, triples: 3 * 24 };
    Policy {
        request: Request { material, pairs: 3 },
        low: Amount { bits: bits as u64, triples: 24, pairs: 1 },
    }
}

#[cfg(test)]
mod tests;
