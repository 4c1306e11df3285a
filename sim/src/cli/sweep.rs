//! `sweep`: a kill between every two effects.

use std::collections::VecDeque;
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

use clap::{ValueEnum, value_parser};
use quorate_protocol::committee::PartyId;

use super::say::say;
use crate::plan::{Plan, Scenario};
use crate::sweep::{Failed, Subject, Swept};

/// In what members are killed, and how densely.
#[derive(clap::Args)]
pub(super) struct Sweep {
    /// In what [default: in all of them]
    #[arg(value_enum)]
    subjects: Vec<What>,
    /// The number of organisations
    #[arg(long, default_value_t = 4, value_parser = value_parser!(u16).range(4..=16))]
    orgs: u16,
    /// Take every N-th place only
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = value_parser!(u64).range(1..))]
    stride: u64,
}

/// What is begun, and is to be finished.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Debug)]
enum What {
    /// A decision, and the preprocessing before it
    Decision,
    /// The same while another member is silent: all wait for the killed one
    Needed,
    /// A refresh of the keys, and a decision in the next epoch
    Refresh,
    /// The making of the keys
    Keys,
}

impl What {
    const fn subject(self) -> Subject {
        match self {
            Self::Decision => Subject::Decision,
            Self::Needed => Subject::Needed,
            Self::Refresh => Subject::Refresh,
            Self::Keys => Subject::Keys,
        }
    }
}

impl Sweep {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        let subjects = match self.subjects.as_slice() {
            [] => What::value_variants(),
            some => some,
        };
        let stride = usize::try_from(self.stride).map_err(|error| error.to_string())?;
        for what in subjects {
            let began = Instant::now();
            let members = self.sweep(*what, stride);
            let mut all = Swept { kills: 0, unasked: 0 };
            for (member, swept) in (0..).zip(members) {
                match swept {
                    Ok(swept) => {
                        all.kills += swept.kills;
                        all.unasked += swept.unasked;
                    }
                    Err(failed) => return Ok(fails(what.subject(), self.orgs, member, &failed)),
                }
            }
            let Swept { kills, unasked } = all;
            let seconds = began.elapsed().as_secs_f64();
            say!("{what:?}: {kills} kills, one a run, every property holds  ({seconds:.0} s)");
            if unasked > 0 {
                say!(
                    "  in {unasked} who was to ask was killed before the question was written down"
                );
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Sweeps all members, each on the next free thread.
    fn sweep(&self, what: What, stride: usize) -> Vec<Result<Swept, Failed>> {
        let left: Mutex<VecDeque<u16>> = Mutex::new((0..self.orgs).collect());
        let done = Mutex::new(Vec::new());
        let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let next = || left.lock().ok()?.pop_front();
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while let Some(member) = next() {
                        let party = PartyId::new(member);
                        let swept = what.subject().sweep(usize::from(self.orgs), party, stride);
                        if let Ok(mut done) = done.lock() {
                            done.push((member, swept));
                        }
                    }
                });
            }
        });
        let mut done = done.into_inner().unwrap_or_default();
        done.sort_by_key(|(member, _)| *member);
        done.into_iter().map(|(_, swept)| swept).collect()
    }
}

/// Says what fails, as a scenario that can be replayed if it is one of decisions.
fn fails(subject: Subject, orgs: u16, member: u16, failed: &Failed) -> ExitCode {
    let Failed { kill, violation } = failed;
    say!("{subject:?} at {orgs} organisations fails: {violation}");
    say!("  {kill}");
    let plan: Option<Plan> = subject.plan(usize::from(orgs), *kill);
    let text = plan.map(|plan| Scenario::of(&plan, "A sweep failed here.").text());
    if let Some(Ok(text)) = text {
        say!("as a scenario, for quorate-sim run FILE:");
        say!("{text}");
    } else {
        say!("member {member} was killed");
    }
    ExitCode::FAILURE
}
