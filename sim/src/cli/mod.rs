//! The command line: `run`, `swarm`, `replay`, `shrink`, `zoo`.

mod compare;
mod exhaustive;
mod live;
mod privacy;
mod replay;
mod rounds;
mod run;
mod shrink;
mod swarm;
mod trace;
mod zoo;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::report::Report;
use crate::story::Story;
use crate::token::{Crypto, Faults, Kind, Token};
use crate::trace::Listener;

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
    /// Leave out of a run that fails what it does not take to fail
    Shrink(shrink::Shrink),
    /// Measure what decisions cost, before and after a change
    Compare(compare::Compare),
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

/// The run that a name stands for, or a number as a seed.
fn story(text: &str, size: Size, only: Option<Kind>) -> Result<Story, String> {
    match text.parse::<u64>() {
        Ok(seed) => Story::of(size.token(only.unwrap_or(Kind::Decisions), seed)),
        Err(_) => named(text),
    }
}

/// Parses the command line and does what it says.
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Run(run) => run.run(),
        Command::Swarm(swarm) => swarm.run(),
        Command::Replay(replay) => replay.run(),
        Command::Trace(trace) => trace.run(),
        Command::Shrink(shrink) => shrink.run(),
        Command::Compare(compare) => compare.run(),
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

/// The run that a name stands for, or a file.
fn named(text: &str) -> Result<Story, String> {
    if !text.ends_with(".toml") {
        return Story::parse(text);
    }
    let read = std::fs::read_to_string(text);
    let read = read.map_err(|error| format!("{text}: {error}"))?;
    Story::of_scenario(&read).map_err(|error| format!("{text}: {error}"))
}

/// Runs one seed, and tells its story to the listener.
fn simulate(token: Token, listener: Option<Listener>) -> Result<Report, String> {
    Story::of(token)?.run(listener)
}

/// The command that tells the story of a run again.
fn replay_command(run: &impl std::fmt::Display) -> String {
    format!("cargo run --release -p quorate-sim -- replay {run}")
}

/// Says what failed, and how to see it again.
fn print_violation(report: &Report) {
    if let Some(violation) = &report.violation {
        println!("seed {} ({}) fails: {violation}", report.token.seed, report.token.kind);
        println!("replay: {}", replay_command(&report.token));
    }
}
