//! Draws a plan.

use quorate_protocol::committee::PartyId;
use rand::{RngExt, SeedableRng};

use super::questions::{draw_question, draw_questions, majority};
use super::{Outage, Pause, Plan, Restart, Storage, Vote};
use crate::Rng;
use crate::adversary;
use crate::draw::{draw_discipline, draw_links, draw_moment, draw_order, draw_party, party_at};
use crate::schedule::{MILLI, SECOND};
use crate::token::{Class, Token};

impl Plan {
    /// A run without any fault: questions, one after the other, that everybody votes on at once.
    ///
    /// # Errors
    /// As [`Token::committee`].
    pub fn quiet(token: Token, questions: usize) -> Result<Self, String> {
        let committee = token.committee()?;
        let mut rng = Rng::seed_from_u64(token.seed ^ 0x7175_6965_7400);
        let questions = (0..questions).map(|i| {
            let mut question = draw_question(committee, &mut rng);
            question.proposer = party_at(committee, i);
            question.minimum = majority(committee);
            question.deadline = 60 * SECOND;
            for vote in &mut question.votes {
                let (value, twin) = vote.map_or((0, 0), |vote| (vote.value, vote.twin));
                *vote = Some(Vote { value, twin, after: MILLI });
            }
            question
        });
        let questions = questions.collect();
        Ok(Self::calm(token, committee, questions))
    }

    /// The run that a token names.
    ///
    /// # Errors
    /// As [`Token::committee`].
    pub fn draw(token: Token) -> Result<Self, String> {
        let committee = token.committee()?;
        let mut rng = token.rng("plan");
        let window = rng.random_range(1..=4);
        let questions = window + rng.random_range(1..=5);
        let refreshes = [0, 0, 1, 1, 2].get(rng.random_range(0..5)).copied().unwrap_or(0);
        let questions = draw_questions(committee, questions, refreshes, &mut rng);
        let mut plan = Self { window, ..Self::calm(token, committee, questions) };
        let faulty = draw_order(committee, &mut rng);
        let corrupt = plan.draw_corrupt(&faulty, &mut rng);
        let has = |class| token.faults.has(class);
        if has(Class::Process) {
            plan.draw_process(faulty.get(corrupt..).unwrap_or_default(), &mut rng);
        }
        if has(Class::Links) {
            plan.discipline = draw_discipline(committee, &mut rng);
            plan.links = draw_links(committee, &mut rng);
        }
        if has(Class::Clock) && rng.random_range(0..4) == 0 {
            let skews = committee.parties().map(|_| draw_skew(&mut rng));
            plan.skews = skews.collect();
        }
        Ok(plan)
    }

    /// Draws who may do anything, and gives back how many that are.
    fn draw_corrupt(&mut self, faulty: &[PartyId], rng: &mut Rng) -> usize {
        let has = |class| self.token.faults.has(class);
        let (byzantine, storage) = (has(Class::Byzantine), has(Class::Storage));
        let most = self.token.byzantine.min(self.committee.t());
        let count = if rng.random_range(0..10) < 6 { most } else { rng.random_range(0..=most) };
        let count = if byzantine || storage { count } else { 0 };
        for party in faulty.iter().take(count) {
            if storage && (!byzantine || rng.random_range(0..8) == 0) {
                let mut restarts = draw_restarts(*party, rng);
                if let Some(restart) = restarts.last_mut() {
                    restart.storage = draw_storage(rng);
                }
                self.restarts.extend(restarts);
            } else {
                self.byzantine.push((*party, adversary::draw(*party, self.committee, rng)));
            }
        }
        count
    }

    /// Draws which of the others are killed or pause.
    fn draw_process(&mut self, others: &[PartyId], rng: &mut Rng) {
        let restarting = match rng.random_range(0..5) {
            0 => 0,
            1 => 1,
            _ => rng.random_range(1..=others.len().max(1)),
        };
        for party in others.iter().take(restarting) {
            self.restarts.extend(draw_restarts(*party, rng));
        }
        for _ in 0..[0, 0, 1, 2].get(rng.random_range(0..4)).copied().unwrap_or(0) {
            let begins = draw_moment(rng);
            let pause = Pause {
                party: draw_party(self.committee, rng),
                begins,
                ends: begins + rng.random_range(MILLI..200 * SECOND),
            };
            self.pauses.push(pause);
        }
        if rng.random_range(0..24) == 0 {
            let pause = rng.random_range(MILLI..3 * SECOND);
            self.outages.push(Outage { at: draw_moment(rng), pause });
        }
    }
}

/// A clock that is right, a little wrong, or minutes.
fn draw_skew(rng: &mut Rng) -> i64 {
    match rng.random_range(0..3) {
        0 => 0,
        1 => rng.random_range(-2_000..=2_000),
        _ => rng.random_range(-600_000..=600_000),
    }
}

fn draw_storage(rng: &mut Rng) -> Storage {
    match rng.random_range(0..8) {
        0 => Storage::Torn,
        1 | 2 => Storage::Tail(rng.random_range(1..40)),
        3 => Storage::Old(rng.random_range(0..100)),
        _ => Storage::Noticed(rng.random_range(1..200)),
    }
}

fn draw_restarts(party: PartyId, rng: &mut Rng) -> Vec<Restart> {
    let mut step = 0;
    (0..rng.random_range(1..=3))
        .map(|i| {
            // Now and then it is killed again while it starts.
            let soon = i > 0 && rng.random_range(0..4) == 0;
            step += if soon { rng.random_range(0..4) } else { rng.random_range(1..1_500) };
            Restart {
                party,
                step,
                effects: rng.random_range(0..6),
                pause: rng.random_range(MILLI..3 * SECOND),
                lost: if rng.random() { 0 } else { rng.random_range(0..=100) },
                storage: Storage::Kept,
            }
        })
        .collect()
}
