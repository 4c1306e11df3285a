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

use quorate_protocol::rule::Input;
use rand::{RngExt, SeedableRng};

use crate::Rng;
use crate::plan::{Plan, Question};
use crate::report::{Report, Violation};
use crate::trace::Event;
use crate::world::World;

/// What was compared.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Compared {
    /// Runs.
    pub runs: usize,
    /// Groups of runs with the same outcomes.
    pub outcomes: usize,
    /// Lines of the first story.
    pub lines: usize,
}

/// How a run can be seen from outside.
struct Story {
    report: Report,
    lines: Vec<String>,
    /// What nobody outside sees.
    votes: String,
}

impl Story {
    fn of(plan: Plan) -> Self {
        let votes: Vec<String> = plan.questions.iter().map(votes_of).collect();
        let lines = Rc::new(RefCell::new(Vec::new()));
        let mut world = World::new(plan);
        let heard = Rc::clone(&lines);
        world.listen(Box::new(move |time, event| heard.borrow_mut().push(line(time, event))));
        let report = world.run();
        Self { report, lines: lines.take(), votes: votes.join(" ") }
    }

    /// Takes the names of outcomes out of the story, and gives them in the order they were told.
    fn hide_outcomes(&mut self) -> Vec<&'static str> {
        let mut told = Vec::new();
        for line in &mut self.lines {
            let name = ["accepted", "rejected"].into_iter().find(|name| line.contains(name));
            if let Some(name) = name.filter(|_| line.contains(" certified ")) {
                *line = line.replace(name, "decided");
                told.push(name);
            }
        }
        told
    }

    /// How this story differs from another one, of which only the outcomes may differ.
    fn differs(&self, other: &Self) -> Option<String> {
        let mut lines = self.lines.iter().zip(&other.lines).enumerate();
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

/// What an event looks like from outside: all but what a message is encoded to.
fn line(time: u64, event: &Event<'_>) -> String {
    match event {
        Event::Message(delivery) => {
            format!("{time} {event}, sent {}, epoch {}", delivery.sent, delivery.epoch)
        }
        _ => format!("{time} {event}"),
    }
}

/// Runs the plan with each of these votes, and compares what is told of the runs. `votes` has the
/// plan's questions with other inputs in them.
///
/// # Errors
/// The first two runs that can be told apart, or a run in which a property does not hold.
pub fn compare(
    plan: &Plan,
    votes: impl IntoIterator<Item = Vec<Question>>,
) -> Result<Compared, Violation> {
    let mut compared = Compared::default();
    let mut first: Option<Story> = None;
    let mut outcomes = BTreeSet::new();
    for questions in votes {
        let mut story = Story::of(Plan { questions, ..plan.clone() });
        if let Some(violation) = story.report.violation {
            return Err(violation);
        }
        compared.runs += 1;
        outcomes.insert(story.hide_outcomes());
        let token = story.report.token;
        let leak = |votes: &str, what: String| Violation {
            time: story.report.time,
            checker: "shape",
            what: format!("{token} with votes {votes} and {}: {what}", story.votes),
        };
        if let Some(first) = &first
            && let Some(what) = first.differs(&story)
        {
            return Err(leak(&first.votes, what));
        }
        compared.lines = compared.lines.max(story.lines.len());
        compared.outcomes = outcomes.len();
        first.get_or_insert(story);
    }
    Ok(compared)
}

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
