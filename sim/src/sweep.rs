//! A kill between every two effects: what is drawn in swarms, here in order and without gaps.
//!
//! A network without any other fault makes one decision, refreshes its keys, or makes its keys. One
//! member is killed before its first effect, in the next run before its second one, and so on to its
//! last: so also just before and just after everything that it writes down. What it has said and is on
//! its way is lost in one run, and arrives in another: frames are delivered in random order, so that a
//! member that does not remember what it said would say something else. It starts again from what it
//! wrote. In every run all properties must hold, and what was begun must be finished.

use quorate_protocol::committee::{Committee, PartyId};

use crate::adversary::Behaviour;
use crate::keygen;
use crate::plan::{Plan, Restart, Storage};
use crate::report::{Report, Violation};
use crate::schedule::{Discipline, MILLI};
use crate::token::{Crypto, Faults, Kind, Token};
use crate::world::World;

/// In what a member is killed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subject {
    /// A decision, and the preprocessing before it.
    Decision,
    /// The same while another member is silent: all wait for the killed one.
    Needed,
    /// A refresh of the keys, and a decision in the next epoch.
    Refresh,
    /// The making of the keys.
    Keys,
}

/// How a sweep of one member ended well.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Swept {
    /// Kills: one a run.
    pub kills: u64,
    /// Runs in which something was not finished, since who was to ask was killed before it had.
    pub unasked: u64,
}

/// A kill after which something does not hold.
#[derive(Clone, Debug)]
pub struct Failed {
    /// The kill.
    pub kill: Restart,
    /// What does not hold.
    pub violation: Violation,
}

impl Subject {
    /// Kills a member of a network of so many after each of its effects, every `stride`-th of them.
    ///
    /// # Errors
    /// The first kill after which something does not hold.
    ///
    /// # Panics
    /// If there is no such network or member.
    pub fn sweep(self, orgs: usize, party: PartyId, stride: usize) -> Result<Swept, Failed> {
        match self {
            Self::Decision | Self::Needed | Self::Refresh => {
                self.sweep_decisions(orgs, party, stride)
            }
            Self::Keys => sweep_keys(orgs, party, stride),
        }
    }

    /// The run with this kill; `None` for a making of keys.
    pub fn plan(self, orgs: usize, kill: Restart) -> Option<Plan> {
        let (token, committee) = named(Kind::Decisions, orgs);
        let calm = Plan::of_one_decision(token, committee);
        let mut plan = match self {
            Self::Decision => calm,
            Self::Needed => Plan { byzantine: vec![silent(committee, kill.party)], ..calm },
            Self::Refresh => calm.with_refresh(0),
            Self::Keys => return None,
        };
        (plan.discipline, plan.restarts) = (Discipline::Random, vec![kill]);
        Some(plan)
    }

    fn sweep_decisions(self, orgs: usize, party: PartyId, stride: usize) -> Result<Swept, Failed> {
        let mut swept = Swept { kills: 0, unasked: 0 };
        for (effects, lost) in places(stride) {
            let kill = Restart { effects, lost, ..kill(party) };
            let Some(plan) = self.plan(orgs, kill) else { break };
            let questions = plan.questions.len() as u64;
            let report = held(kill, World::new(plan.clone()).run())?;
            if report.coverage.restarts == 0 {
                break;
            }
            swept.kills += 1;
            if report.coverage.decisions < questions {
                // Nobody asks for a member that is down. Once it has asked, it is decided.
                let asks = plan.questions.iter().any(|question| question.proposer == party);
                if !asks || swept.unasked < swept.kills - 1 {
                    return Err(unfinished(kill, "what was asked is not decided"));
                }
                swept.unasked += 1;
            }
        }
        Ok(swept)
    }
}

fn sweep_keys(orgs: usize, party: PartyId, stride: usize) -> Result<Swept, Failed> {
    let (token, _) = named(Kind::Keygen, orgs);
    let mut calm = keygen::Plan::quiet(token).expect("the token is of a network");
    calm.discipline = Discipline::Random;
    let mut swept = Swept { kills: 0, unasked: 0 };
    for step in (1..).step_by(stride) {
        for (effects, lost) in places(1) {
            let kill = Restart { step, effects, lost, ..kill(party) };
            let mut plan = calm.clone();
            plan.restarts = vec![kill];
            let mut world = keygen::World::new(plan);
            let report = held(kill, world.run())?;
            if report.coverage.restarts == 0 {
                return Ok(swept);
            }
            swept.kills += 1;
            if report.coverage.key_sets < orgs as u64 {
                return Err(unfinished(kill, "not all members have their keys"));
            }
            if lost > 0 && !world.cut_short() {
                break;
            }
        }
    }
    Ok(swept)
}

/// A member that is silent: not the killed one, and not the first, which asks.
fn silent(committee: Committee, killed: PartyId) -> (PartyId, Vec<Behaviour>) {
    let mut others = committee.parties().skip(1).filter(|party| *party != killed);
    (others.next_back().expect("a network has four members"), vec![Behaviour::Silent])
}

/// After how many effects, and how many of a hundred frames on their way are lost then.
fn places(stride: usize) -> impl Iterator<Item = (usize, u8)> {
    (0..).step_by(stride).flat_map(|effects| [(effects, 0), (effects, 100)])
}

fn named(kind: Kind, orgs: usize) -> (Token, Committee) {
    let mut token = Token::new(kind, orgs, 0, 1);
    (token.faults, token.crypto) = (Faults::NONE, Crypto::Real);
    (token, token.committee().expect("there is such a network"))
}

pub(crate) const fn kill(party: PartyId) -> Restart {
    Restart { party, step: 0, effects: 0, pause: 20 * MILLI, lost: 0, storage: Storage::Kept }
}

fn unfinished(kill: Restart, what: &str) -> Failed {
    let violation = Violation { time: 0, checker: "sweep", what: what.to_owned() };
    Failed { kill, violation }
}

fn held(kill: Restart, report: Report) -> Result<Report, Failed> {
    match report.violation {
        Some(violation) => Err(Failed { kill, violation }),
        None => Ok(report),
    }
}
