//! What organisations decide, and what they enter.

use quorate_protocol::committee::{Committee, PartyId};
use quorate_protocol::rule::{Input, Rule};
use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::Rng;
use crate::draw::{draw_party, party_at};
use crate::schedule::{MILLI, SECOND};

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
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Who asks.
    pub proposer: PartyId,
    /// The rule.
    #[serde(with = "rule")]
    pub rule: Rule,
    /// Whether it is to refresh the keys.
    #[serde(default)]
    pub refresh: bool,
    /// The minimum participation.
    pub minimum: u16,
    /// Virtual microseconds from the question to its deadline.
    pub deadline: u64,
    /// Each member's input; `None` for one who does not vote.
    #[serde(with = "votes")]
    pub votes: Vec<Option<Vote>>,
}

/// Votes as a list of those there are.
mod votes {
    use quorate_protocol::committee::PartyId;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    use super::Vote;

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Cast {
        member: PartyId,
        value: u64,
        twin: u64,
        after: u64,
    }

    pub(super) fn serialize<S: Serializer>(
        votes: &[Option<Vote>],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let votes = (0..).map(PartyId::new).zip(votes);
        serializer.collect_seq(votes.filter_map(|(member, vote)| {
            let Vote { value, twin, after } = (*vote)?;
            Some(Cast { member, value, twin, after })
        }))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Vec<Option<Vote>>, D::Error> {
        let mut votes = Vec::new();
        for Cast { member, value, twin, after } in Vec::<Cast>::deserialize(from)? {
            if member.index() >= quorate_protocol::limits::MAX_PARTIES {
                return Err(de::Error::custom(format!("there is no member {member}")));
            }
            let length = votes.len().max(member.index() + 1);
            votes.resize(length, None);
            let Some(place) = votes.get_mut(member.index()) else { continue };
            if place.replace(Vote { value, twin, after }).is_some() {
                return Err(de::Error::custom(format!("member {member} votes twice")));
            }
        }
        Ok(votes)
    }
}

/// Rules as text.
mod rule {
    use quorate_protocol::rule::Rule;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(rule: &Rule, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(rule)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Rule, D::Error> {
        let text = String::deserialize(from)?;
        Rule::parse(&text).map_err(|error| de::Error::custom(format!("`{text}`: {error}")))
    }
}

/// Questions in order, some of them refreshes.
pub(super) fn draw_questions(
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
pub(super) fn accepted_refresh(committee: Committee) -> Question {
    let rule = format!("count(approve) >= {}", committee.quorum());
    let vote = Vote { value: 1, twin: 1, after: MILLI };
    Question {
        proposer: party_at(committee, 0),
        rule: Rule::parse(&rule).expect("it is a rule"),
        refresh: true,
        minimum: majority(committee),
        deadline: 60 * SECOND,
        votes: vec![Some(vote); committee.n()],
    }
}

/// A question that all vote on at once.
pub(super) fn mean_of_all(committee: Committee) -> Question {
    let vote = Vote { value: 80, twin: 80, after: MILLI };
    Question {
        proposer: party_at(committee, 0),
        rule: Rule::parse("mean(confidence) > 75").expect("it is a rule"),
        refresh: false,
        minimum: majority(committee),
        deadline: 60 * SECOND,
        votes: vec![Some(vote); committee.n()],
    }
}

pub(super) fn draw_question(committee: Committee, rng: &mut Rng) -> Question {
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

/// More than half of the members.
pub(super) fn majority(committee: Committee) -> u16 {
    narrow(committee.majority())
}

/// A number of members.
fn narrow(members: usize) -> u16 {
    u16::try_from(members).unwrap_or(u16::MAX)
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
