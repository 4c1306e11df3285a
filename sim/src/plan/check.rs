//! Whether there can be such a story: people write anything into files.

use std::fmt::Display;

use quorate_protocol::committee::{Committee, PartyId, PartySet};
use quorate_protocol::decision::proposal::{Proposal, Renewal};

use super::{Question, Scenario, Storage};
use crate::adversary::{Behaviour, Cheat, Spoil, Withheld};
use crate::schedule::{Discipline, Latency, Links, MILLI, REGION_COUNT, SECOND};

/// No time is longer, so that no sum of them is more than a number holds: about eleven days.
const LONGEST: u64 = 1_000_000 * SECOND;

/// No storm asks more often.
const MOST_ASKED: u64 = 10_000;

/// What a file says, with the names of its fields.
pub(super) fn check(scenario: &Scenario, committee: Committee) -> Result<(), String> {
    let the = Checked { committee };
    at_least("window", scenario.window, 1)?;
    the.count("skews", scenario.skews.len())?;
    for skew in &scenario.skews {
        at_most("skews", skew.unsigned_abs(), LONGEST / MILLI)?;
    }
    the.discipline(&scenario.discipline)?;
    the.links(&scenario.links)?;
    the.byzantine(scenario)?;
    the.processes(scenario)?;
    for (i, question) in scenario.questions.iter().enumerate() {
        the.question(&format!("questions[{i}]"), question)?;
    }
    Ok(())
}

fn at_least(field: impl Display, value: usize, least: usize) -> Result<(), String> {
    (value >= least).then_some(()).ok_or_else(|| format!("{field} is {value}: at least {least}"))
}

fn at_most(field: impl Display, value: u64, most: u64) -> Result<(), String> {
    (value <= most).then_some(()).ok_or_else(|| format!("{field} is {value}: at most {most}"))
}

fn time(field: impl Display, value: u64) -> Result<(), String> {
    at_most(field, value, LONGEST)
}

fn percent(field: impl Display, value: u8) -> Result<(), String> {
    at_most(field, value.into(), 100)
}

/// Something that lasts.
fn span(field: impl Display, begins: u64, ends: u64) -> Result<(), String> {
    time(format!("{field}.ends"), ends)?;
    let lasts = begins < ends;
    lasts.then_some(()).ok_or_else(|| format!("{field} ends at {ends} and begins at {begins}"))
}

/// Among these members.
struct Checked {
    committee: Committee,
}

impl Checked {
    fn member(&self, field: impl Display, member: PartyId) -> Result<(), String> {
        let there = self.committee.contains(member);
        let n = self.committee.n();
        there.then_some(()).ok_or_else(|| format!("{field}: there is no member {member} among {n}"))
    }

    fn members(&self, field: impl Display, members: PartySet) -> Result<(), String> {
        members.iter().try_for_each(|member| self.member(&field, member))
    }

    /// No more than one for each member.
    fn count(&self, field: impl Display, count: usize) -> Result<(), String> {
        let n = self.committee.n();
        (count <= n).then_some(()).ok_or_else(|| format!("{field} has {count} for {n} members"))
    }

    fn discipline(&self, discipline: &Discipline) -> Result<(), String> {
        match discipline {
            Discipline::Starved { from, to, .. } => {
                self.member("discipline.starved.from", *from)?;
                self.member("discipline.starved.to", *to)
            }
            Discipline::Slow { parties } => self.members("discipline.slow.parties", *parties),
            Discipline::Fifo
            | Discipline::Lifo
            | Discipline::Random
            | Discipline::Priorities { .. }
            | Discipline::Last { .. }
            | Discipline::Splitting => Ok(()),
        }
    }

    fn links(&self, links: &Links) -> Result<(), String> {
        self.latency(&links.latency)?;
        if links.bandwidth == Some(0) {
            return Err("links.bandwidth is 0: at least 1".into());
        }
        at_most("links.repeated, of a thousand,", links.repeated.into(), 1_000)?;
        for (i, cut) in links.cuts.iter().enumerate() {
            self.members(format!("links.cuts[{i}].from"), cut.from)?;
            self.members(format!("links.cuts[{i}].to"), cut.to)?;
            span(format!("links.cuts[{i}]"), cut.begins, cut.ends)?;
        }
        Ok(())
    }

    fn latency(&self, latency: &Latency) -> Result<(), String> {
        match latency {
            Latency::Usual => Ok(()),
            Latency::Uniform { least, most } => {
                time("links.latency.uniform.most", *most)?;
                at_most("links.latency.uniform.least", *least, *most)
            }
            // Sixteen coins are eight from their mean at the most.
            Latency::LogNormal { median, eighths } => {
                at_most("links.latency.log-normal.eighths", u64::from(*eighths), 32)?;
                time("links.latency.log-normal.median", *median)?;
                let longest =
                    format!("links.latency.log-normal, at its longest {eighths} doublings,");
                time(longest, median.saturating_mul(1 << eighths))
            }
            Latency::Regions { of } => {
                self.count("links.latency.regions.of", of.len())?;
                let regions = of.iter().map(|region| u64::from(*region));
                let last = REGION_COUNT as u64 - 1;
                regions.into_iter().try_for_each(|r| at_most("links.latency.regions.of", r, last))
            }
            Latency::HeavyTail { least } => time("links.latency.heavy-tail.least", *least),
        }
    }

    fn byzantine(&self, scenario: &Scenario) -> Result<(), String> {
        let mut known = PartySet::EMPTY;
        for (i, deviating) in scenario.byzantine.iter().enumerate() {
            let field = format!("byzantine[{i}]");
            self.member(format!("{field}.member"), deviating.member)?;
            if !known.insert(deviating.member) {
                return Err(format!("{field}: member {} is there twice", deviating.member));
            }
            for behaviour in &deviating.behaviours {
                self.behaviour(&format!("{field}.{}", behaviour.name()), *behaviour)?;
            }
        }
        Ok(())
    }

    fn behaviour(&self, field: &str, mut behaviour: Behaviour) -> Result<(), String> {
        if let Some(victims) = victims(&mut behaviour) {
            self.members(field, *victims)?;
        }
        if let Some(target) = target(behaviour) {
            self.member(field, target)?;
        }
        match behaviour {
            Behaviour::WrongShares { percent: of }
            | Behaviour::Replay { percent: of }
            | Behaviour::Mutate { percent: of }
            | Behaviour::Garble { percent: of }
            | Behaviour::Invent { percent: of }
            | Behaviour::Flood { percent: of } => percent(format!("{field}.percent"), of),
            Behaviour::Storm { times: 0, .. } => Err(format!("{field}.times is 0: at least 1")),
            Behaviour::Storm { times, .. } => at_most(format!("{field}.times"), times, MOST_ASKED),
            _ => Ok(()),
        }
    }

    fn processes(&self, scenario: &Scenario) -> Result<(), String> {
        for (i, restart) in scenario.restarts.iter().enumerate() {
            let field = format!("restarts[{i}]");
            self.member(format!("{field}.party"), restart.party)?;
            time(format!("{field}.pause"), restart.pause)?;
            percent(format!("{field}.lost"), restart.lost)?;
            if let Storage::Old(of) = restart.storage {
                percent(format!("{field}.storage.old"), of)?;
            }
        }
        for (i, pause) in scenario.pauses.iter().enumerate() {
            self.member(format!("pauses[{i}].party"), pause.party)?;
            span(format!("pauses[{i}]"), pause.begins, pause.ends)?;
        }
        for (i, outage) in scenario.outages.iter().enumerate() {
            time(format!("outages[{i}].at"), outage.at)?;
            time(format!("outages[{i}].pause"), outage.pause)?;
        }
        Ok(())
    }

    fn question(&self, field: &str, question: &Question) -> Result<(), String> {
        self.member(format!("{field}.proposer"), question.proposer)?;
        time(format!("{field}.deadline"), question.deadline)?;
        for (i, vote) in (0..).zip(&question.votes) {
            let Some(vote) = vote else { continue };
            self.member(format!("{field}.votes"), PartyId::new(i))?;
            time(format!("{field}.votes: after"), vote.after)?;
        }
        // What a member would refuse to propose is asked by nobody.
        let proposal = Proposal {
            title: "a question".into(),
            text: String::new(),
            rule: question.rule.clone(),
            minimum: question.minimum,
            deadline_ms: 0,
            nonce: [0; 16],
            document: None,
            renewal: if question.refresh { Renewal::Refresh } else { Renewal::None },
        };
        let refused = proposal.validate(self.committee);
        refused.map_err(|error| format!("{field}, `{}`: {error}", question.rule))
    }
}

/// Against whom a behaviour is, if that is one member.
pub(super) const fn target(behaviour: Behaviour) -> Option<PartyId> {
    match behaviour {
        Behaviour::Exclude { target: of } | Behaviour::CopyVotes { of } => Some(of),
        _ => None,
    }
}

/// Against whom a behaviour is, if that is some of the members.
pub(super) const fn victims(behaviour: &mut Behaviour) -> Option<&mut PartySet> {
    match behaviour {
        Behaviour::CheatingDealer(Cheat { victims, .. })
        | Behaviour::Spoil(Spoil::Dealing(Cheat { victims, .. }))
        | Behaviour::Selective { victims, .. }
        | Behaviour::Equivocate { victims, .. }
        | Behaviour::TurnLate { victims, .. }
        | Behaviour::HoldCoin(Withheld::From { victims })
        | Behaviour::Split { part: victims }
        | Behaviour::SplitEstimates { part: victims } => Some(victims),
        _ => None,
    }
}
