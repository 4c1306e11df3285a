//! The command line: `run`, `swarm`, `replay`.

mod replay;
mod run;
mod swarm;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::plan::{Plan, Token};
use crate::world::{Report, Violation, World};

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
}

/// The size of a network.
#[derive(clap::Args, Clone, Copy)]
struct Size {
    /// Number of organisations, at least 4
    #[arg(long, default_value_t = 4)]
    orgs: usize,
    /// Most Byzantine organisations [default: as many as are tolerated]
    #[arg(long)]
    byzantine: Option<usize>,
}

impl Size {
    fn token(self, seed: u64) -> Token {
        let byzantine = self.byzantine.unwrap_or(self.orgs.saturating_sub(1) / 3);
        Token { orgs: self.orgs, byzantine, seed }
    }
}

/// Parses the command line and does what it says.
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Run(run) => run.run(),
        Command::Swarm(swarm) => swarm.run(),
        Command::Replay(replay) => replay.run(),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::from(2)
    })
}

/// Runs one seed. A party that panics is a violation like any other.
fn simulate(token: Token, prepare: impl FnOnce(&mut World)) -> Result<Report, String> {
    let plan = Plan::draw(token)?;
    let run = std::panic::AssertUnwindSafe(|| {
        let mut world = World::new(plan);
        prepare(&mut world);
        world.run()
    });
    let report = std::panic::catch_unwind(run).unwrap_or_else(|panic| {
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
    });
    Ok(report)
}

/// The command that tells the story of a run again.
fn replay_command(token: Token) -> String {
    format!("cargo run --release -p quorate-sim -- replay {token}")
}

/// Says what failed, and how to see it again.
fn print_violation(report: &Report) {
    if let Some(violation) = &report.violation {
        println!("seed {} fails: {violation}", report.token.seed);
        println!("replay: {}", replay_command(report.token));
    }
}
