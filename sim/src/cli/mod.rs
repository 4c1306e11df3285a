//! The command line: `run`, `swarm`, `replay`, `zoo`.

mod exhaustive;
mod privacy;
mod replay;
mod rounds;
mod run;
mod swarm;
mod trace;
mod zoo;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::keygen;
use crate::plan::Plan;
use crate::report::{Report, Violation};
use crate::token::{Crypto, Faults, Kind, Token};
use crate::trace::{Listener, Party};
use crate::variant;
use crate::world::World;

/// Simulates whole networks of parties under faults, from one seed.
#[derive(Parser)]
#[command(name = "quorate-sim", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run one seed and say what happens
    Run(run::Run),
    /// Run many seeds, stop at the first that fails, and count what was exercised
    Swarm(swarm::Swarm),
    /// Tell the story of one seed again, message by message
    Replay(replay::Replay),
    /// Show every message of one seed, as text or on a page for a browser
    Trace(trace::Trace),
    /// Show that nothing but the outcome can be learnt
    Privacy(privacy::Privacy),
    /// See whether known failures of such protocols are found
    Zoo(zoo::Zoo),
    /// Count the rounds of binary agreements against schedulers and liars that prolong them
    Rounds(rounds::RoundsCommand),
    /// Visit every state of a round and a broadcast among four members
    Exhaustive(exhaustive::Exhaustive),
}

/// Which networks.
#[derive(clap::Args, Clone, Copy)]
struct Size {
    /// Number of organisations, at least 4
    #[arg(long, default_value_t = 4)]
    orgs: usize,
    /// Most Byzantine organisations [default: as many as are tolerated]
    #[arg(long)]
    byzantine: Option<usize>,
    /// Which faults: all, none, or some of byzantine, links, process, storage, clock
    #[arg(long, default_value_t = Faults::ALL)]
    faults: Faults,
    /// Which cryptography: for the ideal one, another build of this program is made and started
    #[arg(long, default_value_t)]
    crypto: Crypto,
}

impl Size {
    fn token(self, kind: Kind, seed: u64) -> Token {
        let byzantine = self.byzantine.unwrap_or(self.orgs.saturating_sub(1) / 3);
        let Self { orgs, faults, crypto, .. } = self;
        Token { kind, orgs, byzantine, faults, crypto, seed }
    }
}

/// The run that a token names, or a number as a seed.
fn token(text: &str, size: Size, only: Option<Kind>) -> Result<Token, String> {
    match text.parse::<u64>() {
        Ok(seed) => Ok(size.token(only.unwrap_or(Kind::Decisions), seed)),
        Err(_) => text.parse::<Token>(),
    }
}

/// Parses the command line and does what it says.
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Run(run) => run.run(),
        Command::Swarm(swarm) => swarm.run(),
        Command::Replay(replay) => replay.run(),
        Command::Trace(trace) => trace.run(),
        Command::Privacy(privacy) => privacy.run(),
        Command::Zoo(zoo) => zoo.run(),
        Command::Rounds(rounds) => rounds.run(),
        Command::Exhaustive(exhaustive) => exhaustive.run(),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::from(2)
    })
}

/// What a run is to be, for people.
fn plan(token: Token) -> Result<String, String> {
    Ok(match token.kind {
        Kind::Decisions => Plan::draw(token)?.to_string(),
        Kind::Keygen => keygen::Plan::draw(token)?.to_string(),
    })
}

/// The parties of a run, as its plan has them.
fn parties(token: Token) -> Result<Vec<Party>, String> {
    fn text<B: ToString>(behaviours: Option<&[B]>) -> Party {
        let list = |all: &[B]| all.iter().map(B::to_string).collect::<Vec<_>>().join(", ");
        Party { byzantine: behaviours.map(list) }
    }
    let all = token.committee()?.parties();
    Ok(match token.kind {
        Kind::Decisions => {
            let plan = Plan::draw(token)?;
            all.map(|party| text(Some(plan.behaviours(party)).filter(|b| !b.is_empty()))).collect()
        }
        Kind::Keygen => {
            let plan = keygen::Plan::draw(token)?;
            all.map(|party| text(plan.behaviours(party))).collect()
        }
    })
}

/// Runs one seed, and tells its story to the listener.
fn simulate(token: Token, listener: Option<Listener>) -> Result<Report, String> {
    variant::check(token.crypto)?;
    Ok(match token.kind {
        Kind::Decisions => {
            let plan = Plan::draw(token)?;
            caught(token, || {
                let mut world = World::new(plan);
                listener.into_iter().for_each(|listener| world.listen(listener));
                world.run()
            })
        }
        Kind::Keygen => {
            let plan = keygen::Plan::draw(token)?;
            caught(token, || {
                let mut world = keygen::World::new(plan);
                listener.into_iter().for_each(|listener| world.listen(listener));
                world.run()
            })
        }
    })
}

/// The report of a run. A party that panics is a violation like any other.
fn caught(token: Token, run: impl FnOnce() -> Report) -> Report {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let what = text.unwrap_or_else(|| "of unknown kind".into());
        Report {
            token,
            trace: String::new(),
            steps: 0,
            time: 0,
            coverage: crate::coverage::Coverage::default(),
            violation: Some(Violation { time: 0, checker: "panic", what }),
        }
    })
}

/// The command that tells the story of a run again.
fn replay_command(token: Token) -> String {
    format!("cargo run --release -p quorate-sim -- replay {token}")
}

/// Says what failed, and how to see it again.
fn print_violation(report: &Report) {
    if let Some(violation) = &report.violation {
        println!("seed {} ({}) fails: {violation}", report.token.seed, report.token.kind);
        println!("replay: {}", replay_command(report.token));
    }
}
