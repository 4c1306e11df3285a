//! What a run is to be: everything that is drawn before it begins.

use std::fmt;

use quorate_protocol::committee::{Committee, PartyId, PartySet};
use quorate_protocol::decision::stock::{Amount, Policy};
use quorate_protocol::decision::supply::Request;
use quorate_protocol::mpc::preprocessing;
use quorate_protocol::rule::{Input, Rule};
use rand::{RngExt, SeedableRng};

use crate::Rng;
use crate::adversary::{self, Behaviour};
use crate::draw::{draw_discipline, draw_order, draw_party, party_at};
use crate::schedule::{Discipline, MILLI, SECOND};
use crate::token::Token;

/// A kill, and a start from what was written down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Restart {
    /// Who.
    pub party: PartyId,
    /// From which of its steps on its effects are counted.
    pub step: u64,
    /// After how many of them it is killed.
    pub effects: usize,
    /// For how long it is down, in virtual microseconds.
    pub pause: u64,
    /// How many of a hundred of its frames in flight are lost.
    pub lost: u8,
}

/// An input, and how long after it could be entered it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Vote {
    /// What is entered.
    pub value: u64,
    /// What a twin enters in its place.
    pub twin: u64,
    /// Virtual microseconds after the proposal arrived.
    pub after: u64,
}

/// Something to decide.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Question {
    /// Who asks.
    pub proposer: PartyId,
    /// The rule.
    pub rule: Rule,
    /// Whether it is to refresh the keys.
    pub refresh: bool,
    /// The minimum participation.
    pub minimum: u16,
    /// Virtual microseconds from the question to its deadline.
    pub deadline: u64,
    /// Each member's input; `None` for one who does not vote.
    pub votes: Vec<Option<Vote>>,
}

/// Everything about a run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What it is called.
    pub token: Token,
    /// The parties.
    pub committee: Committee,
    /// How frames are delivered.
    pub discipline: Discipline,
    /// Byzantine parties, and what they do.
    pub byzantine: Vec<(PartyId, Vec<Behaviour>)>,
    /// Honest parties that are killed.
    pub restarts: Vec<Restart>,
    /// What is decided, in order.
    pub questions: Vec<Question>,
    /// How many questions are open at once.
    pub window: usize,
    /// How the stock is kept.
    pub policy: Policy,
}

impl Plan {
    /// A run without any fault: questions, one after the other, that everybody votes on at once.
    ///
    /// # Errors
    /// As [`Token::committee`].
    pub fn quiet(token: Token, questions: usize) -> Result<Self, String> {
        let committee = token.committee()?;
        let mut rng = Rng::seed_from_u64(token.seed ^ 0x7175_6965_7400);
        let mut plan = Self {
            token,
            committee,
            discipline: Discipline::Fifo,
            byzantine: Vec::new(),
            restarts: Vec::new(),
            questions: Vec::new(),
            window: 1,
            policy: policy(committee.n()),
        };
        for i in 0..questions {
            let mut question = draw_question(committee, &mut rng);
            question.proposer = party_at(committee, i);
            question.minimum = narrow(committee.majority());
            question.deadline = 60 * SECOND;
            for vote in &mut question.votes {
                let (value, twin) = vote.map_or((0, 0), |vote| (vote.value, vote.twin));
                *vote = Some(Vote { value, twin, after: MILLI });
            }
            plan.questions.push(question);
        }
        Ok(plan)
    }

    /// The run that a token names.
    ///
    /// # Errors
    /// As [`Token::committee`].
    pub fn draw(token: Token) -> Result<Self, String> {
        let committee = token.committee()?;
        let n = committee.n();
        let mut rng = token.rng("plan");
        let faulty = draw_order(committee, &mut rng);
        let most = token.byzantine.min(committee.t());
        let byzantine = if rng.random_range(0..10) < 6 { most } else { rng.random_range(0..=most) };
        let restarting = if rng.random_range(0..5) > 0 { committee.t() - byzantine } else { 0 };
        let window = rng.random_range(1..=4);
        let questions = window + rng.random_range(1..=5);
        let refreshes = [0, 0, 1, 1, 2].get(rng.random_range(0..5)).copied().unwrap_or(0);
        Ok(Self {
            token,
            committee,
            discipline: draw_discipline(committee, &mut rng),
            byzantine: faulty
                .iter()
                .take(byzantine)
                .map(|party| (*party, adversary::draw(*party, committee, &mut rng)))
                .collect(),
            restarts: faulty
                .iter()
                .skip(byzantine)
                .take(restarting)
                .flat_map(|party| draw_restarts(*party, &mut rng))
                .collect(),
            questions: draw_questions(committee, questions, refreshes, &mut rng),
            window,
            policy: policy(n),
        })
    }

    /// The same with a refresh, which everybody accepts at once, as the question of this number.
    #[must_use]
    pub fn with_refresh(mut self, number: usize) -> Self {
        let mut question = accepted_refresh(self.committee);
        question.proposer = party_at(self.committee, number);
        self.questions.insert(number.min(self.questions.len()), question);
        self
    }

    /// The Byzantine parties.
    pub fn byzantine_set(&self) -> PartySet {
        self.byzantine.iter().map(|(party, _)| *party).collect()
    }

    /// Honest parties that are killed.
    pub fn unsteady(&self) -> PartySet {
        self.restarts.iter().map(|restart| restart.party).collect()
    }

    /// What a party does, if it is Byzantine.
    pub fn behaviours(&self, party: PartyId) -> &[Behaviour] {
        let mut all = self.byzantine.iter();
        all.find(|(of, _)| *of == party).map_or(&[], |(_, behaviours)| behaviours)
    }
}

/// In a few lines, for people.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (n, t) = (self.committee.n(), self.committee.t());
        writeln!(f, "{n} organisations, up to {t} faulty; delivery: {}", self.discipline)?;
        for (party, behaviours) in &self.byzantine {
            let what: Vec<String> = behaviours.iter().map(Behaviour::to_string).collect();
            writeln!(f, "  {party} is Byzantine: {}", what.join(", "))?;
        }
        for restart in &self.restarts {
            let pause = restart.pause / MILLI;
            writeln!(
                f,
                "  {} is killed {} effects after step {}, for {pause} ms",
                restart.party, restart.effects, restart.step
            )?;
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

/// A number of members.
fn narrow(members: usize) -> u16 {
    u16::try_from(members).unwrap_or(u16::MAX)
}

fn draw_restarts(party: PartyId, rng: &mut Rng) -> Vec<Restart> {
    let mut step = 0;
    (0..rng.random_range(1..=3))
        .map(|_| {
            step += rng.random_range(1..1_500);
            Restart {
                party,
                step,
                effects: rng.random_range(0..6),
                pause: rng.random_range(MILLI..3 * SECOND),
                lost: if rng.random() { 0 } else { rng.random_range(0..=100) },
            }
        })
        .collect()
}

/// Questions in order, some of them refreshes.
fn draw_questions(
    committee: Committee,
    questions: usize,
    refreshes: usize,
    rng: &mut Rng,
) -> Vec<Question> {
    let mut all: Vec<_> = (0..questions).map(|_| draw_question(committee, rng)).collect();
    for _ in 0..refreshes {
        let (drawn, mut refresh) = (draw_question(committee, rng), accepted_refresh(committee));
        refresh.proposer = drawn.proposer;
        refresh.deadline = drawn.deadline.min(20 * SECOND);
        let odd = rng.random_range(0..4) == 0;
        for (vote, drawn) in refresh.votes.iter_mut().zip(drawn.votes) {
            let Some(vote) = vote else { continue };
            vote.twin = u64::from(rng.random::<bool>());
            // Most are accepted, and soon.
            if odd {
                vote.value = u64::from(rng.random_range(0..6) > 0);
                vote.after = drawn.map_or(vote.after, |drawn| drawn.after);
            }
        }
        all.insert(rng.random_range(0..=all.len()), refresh);
    }
    all
}

/// A refresh that everybody accepts at once.
fn accepted_refresh(committee: Committee) -> Question {
    let rule = format!("count(approve) >= {}", committee.quorum());
    let vote = Vote { value: 1, twin: 1, after: MILLI };
    Question {
        proposer: party_at(committee, 0),
        rule: Rule::parse(&rule).expect("it is a rule"),
        refresh: true,
        minimum: narrow(committee.majority()),
        deadline: 60 * SECOND,
        votes: vec![Some(vote); committee.n()],
    }
}

fn draw_question(committee: Committee, rng: &mut Rng) -> Question {
    let n = committee.n();
    let rule = draw_rule(n, rng);
    let style = rng.random_range(0..4);
    let votes = committee
        .parties()
        .map(|_| {
            let vote = Vote {
                value: draw_input(&rule, style, rng),
                twin: draw_input(&rule, style, rng),
                after: draw_delay(rng),
            };
            (rng.random_range(0..20) > 0).then_some(vote)
        })
        .collect();
    let minimum = match rng.random_range(0..4) {
        0 => rng.random_range(committee.two_honest()..=n),
        _ => committee.majority(),
    };
    let deadline = match rng.random_range(0..3) {
        0 => rng.random_range(SECOND..5 * SECOND),
        _ => rng.random_range(30 * SECOND..120 * SECOND),
    };
    Question {
        proposer: draw_party(committee, rng),
        rule,
        refresh: false,
        minimum: narrow(minimum),
        deadline,
        votes,
    }
}

/// A rule that `n` members can meet and miss.
fn draw_rule(n: usize, rng: &mut Rng) -> Rule {
    let operators = [">", ">=", "<", "<="];
    loop {
        let operator = operators.get(rng.random_range(0..4)).copied().unwrap_or(">");
        let text = match rng.random_range(0..4) {
            0 => format!("mean(confidence) {operator} {}", rng.random_range(0..=100)),
            1 => {
                let (whole, part) = (rng.random_range(0..100), rng.random_range(0..1_000));
                format!("mean(confidence) {operator} {whole}.{part:03}")
            }
            _ => format!("count(approve) {operator} {}", rng.random_range(0..=n)),
        };
        if let Ok(rule) = Rule::parse(&text)
            && rule.check(n).is_ok()
        {
            return rule;
        }
    }
}

/// An input: anything, an extreme, or about where the rule turns.
fn draw_input(rule: &Rule, style: u32, rng: &mut Rng) -> u64 {
    let Input::Range { max } = rule.input() else { return rng.random_range(0..=1) };
    match style {
        0 => rng.random_range(0..=max),
        1 => {
            if rng.random() {
                0
            } else {
                max
            }
        }
        _ => {
            let turn = rule.threshold(1).at_least;
            (turn + rng.random_range(0..=2)).saturating_sub(1).min(max)
        }
    }
}

fn draw_delay(rng: &mut Rng) -> u64 {
    match rng.random_range(0..10) {
        0 => rng.random_range(0..8 * SECOND),
        _ => rng.random_range(0..200 * MILLI),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::Kind;

    fn token(seed: u64) -> Token {
        Token::new(Kind::Decisions, 7, 2, seed)
    }

    #[test]
    fn no_plan_has_more_than_t_faulty_parties() {
        let mut kinds = std::collections::BTreeSet::new();
        let (mut restarts, mut calm, mut refreshes) = (0, 0, 0);
        for seed in 0..500 {
            let plan = Plan::draw(token(seed)).unwrap();
            let (byzantine, unsteady) = (plan.byzantine_set(), plan.unsteady());
            assert!(
                byzantine.union(unsteady).len() <= 2 && byzantine.intersection(unsteady).is_empty()
            );
            assert!(plan.questions.iter().all(|q| q.rule.check(7).is_ok() && q.votes.len() == 7));
            restarts += plan.restarts.len();
            calm += usize::from(byzantine.is_empty());
            refreshes += plan.questions.iter().filter(|question| question.refresh).count();
            for (_, behaviours) in &plan.byzantine {
                let name = |b: &Behaviour| b.to_string().split(' ').next().unwrap().to_owned();
                kinds.extend(behaviours.iter().map(name));
            }
        }
        assert!(restarts > 0 && calm > 0 && refreshes > 200 && kinds.len() >= 9, "{kinds:?}");
    }

    #[test]
    fn a_token_always_names_the_same_plan() {
        let text = |seed| format!("{:?}", Plan::draw(token(seed)).unwrap());
        assert_eq!(text(5), text(5));
        assert_ne!(text(5), text(6));
    }
}
