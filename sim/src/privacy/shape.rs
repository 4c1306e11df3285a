//! *Shape*: what a run looks like from outside does not depend on the votes.
//!
//! The same plan is run with different votes. Everything that is told of the runs must be the same:
//! the times, sender, recipient, kind and size of each message, and every line of the story, but for
//! the outcome's name: nothing else may follow from it.
//!
//! A refresh that is accepted changes everything that comes after it, so the votes on refreshes stay
//! as they are.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use quorate_protocol::decision::certificate::Outcome;
use quorate_protocol::rule::Input;
use rand::{RngExt, SeedableRng};

use crate::Rng;
use crate::plan::{Plan, Question};
use crate::report::{Report, Violation};
use crate::trace::{Event, Mark};
use crate::world::World;

/// What was compared.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Compared {
    /// Runs.
    pub runs: usize,
    /// Groups of runs with the same outcomes.
    pub outcomes: usize,
    /// Lines of each story.
    pub lines: usize,
}

/// How a run can be seen from outside.
#[derive(Default)]
struct Told {
    /// Everything but outcomes.
    lines: Vec<String>,
    /// Outcomes, in the order they are told.
    outcomes: Vec<Outcome>,
}

impl Told {
    fn hear(&mut self, time: u64, event: &Event<'_>) {
        self.lines.push(match event {
            Event::Message(delivery) => format!("{time} {event}, sent {}", delivery.sent),
            Event::At(who, Mark::Certified { question, position, outcome, counted }) => {
                self.outcomes.push(*outcome);
                format!("{time} {who} certified {question} at {position}: {counted}")
            }
            _ => format!("{time} {event}"),
        });
    }
}

/// A run: how it can be seen from outside, and the votes, which cannot.
struct Story {
    report: Report,
    told: Told,
    votes: String,
}

impl Story {
    fn of(plan: Plan) -> Self {
        let votes: Vec<String> = plan.questions.iter().map(votes_of).collect();
        let told = Rc::new(RefCell::new(Told::default()));
        let mut world = World::new(plan);
        let heard = Rc::clone(&told);
        world.listen(Box::new(move |time, event| heard.borrow_mut().hear(time, event)));
        let report = world.run();
        Self { report, told: told.take(), votes: votes.join(" ") }
    }

    /// How this story differs from another one, of which only the outcomes may differ.
    fn differs(&self, other: &Self) -> Option<String> {
        let mut lines = self.told.lines.iter().zip(&other.told.lines).enumerate();
        let found = lines.find(|(_, (a, b))| a != b);
        let found =
            found.map(|(i, (a, b))| format!("line {i} is `{}` and `{}`", a.trim(), b.trim()));
        let (a, b) = (&self.report, &other.report);
        let whole = || {
            let [a, b] = [a, b].map(|r| (r.steps, r.time, r.coverage.messages, r.coverage.bytes));
            (a != b).then(|| format!("steps, time, messages and bytes are {a:?} and {b:?}"))
        };
        found.or_else(whole)
    }
}

/// Runs the plan with each of these votes, and compares what is told of the runs. `votes` has the
/// plan's questions with other inputs in them.
///
/// # Errors
/// The first two runs that can be told apart, a run in which a property does not hold, or fewer than
/// two runs.
pub fn compare(
    plan: &Plan,
    votes: impl IntoIterator<Item = Vec<Question>>,
) -> Result<Compared, Violation> {
    let mut compared = Compared::default();
    let mut first: Option<Story> = None;
    let mut outcomes = BTreeSet::new();
    for questions in votes {
        let story = Story::of(Plan { questions, ..plan.clone() });
        if let Some(violation) = story.report.violation {
            return Err(violation);
        }
        if let Some(first) = &first
            && let Some(what) = first.differs(&story)
        {
            let (token, time) = (story.report.token, story.report.time);
            let [a, b] = [&first.votes, &story.votes];
            let what = format!("{token} with votes {a} and {b}: {what}");
            return Err(Violation { time, checker: "shape", what });
        }
        compared.runs += 1;
        compared.lines = story.told.lines.len();
        outcomes.insert(story.told.outcomes.clone());
        first.get_or_insert(story);
    }
    if compared.runs < 2 {
        let (time, what) = (0, format!("{} runs are not compared with any", compared.runs));
        return Err(Violation { time, checker: "shape", what });
    }
    compared.outcomes = outcomes.len();
    Ok(compared)
}

/// The plan without Byzantine members that act on what stands in ballots: what is masked is for all to
/// see, and differs between runs of one seed, but not in what it says. Such a member then does nothing
/// wrong, or only what else it does.
#[must_use]
pub fn blind(mut plan: Plan) -> Plan {
    for (_, behaviours) in &mut plan.byzantine {
        behaviours.retain(|behaviour| !SEEING.contains(&behaviour.name()));
    }
    plan
}

/// Behaviours that depend on what stands in ballots.
const SEEING: [&str; 2] = ["copy-votes", "garble"];

/// The plan's questions with all `2^n` votes of members who vote with a bit; the same votes on every
/// question. What a twin enters, or who tries again after a start, is the other bit.
pub fn all_bits(plan: &Plan) -> impl Iterator<Item = Vec<Question>> {
    let n = plan.committee.n();
    let questions = plan.questions.clone();
    (0..1u64 << n).map(move |bits| {
        let mut questions = questions.clone();
        let votes = questions.iter_mut().filter(|q| !q.refresh).flat_map(|q| &mut q.votes);
        // Each question has one place for each member.
        for (member, vote) in (0..n).cycle().zip(votes) {
            let Some(vote) = vote else { continue };
            vote.value = bits >> member & 1;
            vote.twin = 1 - vote.value;
        }
        questions
    })
}

/// The plan's questions with random votes, so many times. Whether a twin's vote is the same stays as
/// it is.
pub fn sampled(plan: &Plan, times: usize, seed: u64) -> impl Iterator<Item = Vec<Question>> {
    let mut rng = Rng::seed_from_u64(seed);
    let questions = plan.questions.clone();
    (0..times).map(move |_| {
        let mut questions = questions.clone();
        for question in questions.iter_mut().filter(|question| !question.refresh) {
            let max = match question.rule.input() {
                Input::Range { max } => max,
                _ => 1,
            };
            for vote in question.votes.iter_mut().flatten() {
                let same = vote.twin == vote.value;
                vote.value = rng.random_range(0..=max);
                let other = (vote.value + rng.random_range(1..=max)) % (max + 1);
                vote.twin = if same { vote.value } else { other };
            }
        }
        questions
    })
}

/// The votes on a question in roster order.
fn votes_of(question: &Question) -> String {
    let vote = |vote: &Option<crate::plan::Vote>| vote.map_or("-".into(), |v| v.value.to_string());
    question.votes.iter().map(vote).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::{Kind, Token};

    #[test]
    fn one_run_is_compared_with_nothing() {
        let plan = Plan::quiet(Token::new(Kind::Decisions, 4, 0, 1), 0).unwrap();
        for votes in [0, 1] {
            let found = compare(&plan, sampled(&plan, votes, 1)).unwrap_err();
            assert!(found.checker == "shape" && found.what.contains("not compared"), "{found}");
        }
        assert_eq!(compare(&plan, sampled(&plan, 2, 1)).unwrap().runs, 2);
    }
}
