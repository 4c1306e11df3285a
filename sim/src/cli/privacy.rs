//! `privacy`: whether anything but the outcome can be learnt.

use std::process::ExitCode;

use clap::Subcommand;

use super::Size;
use crate::plan::Plan;
use crate::privacy::shape;
use crate::report::Violation;
use crate::token::Kind;
use crate::variant;

/// How.
#[derive(clap::Args)]
pub(super) struct Privacy {
    #[command(subcommand)]
    way: Way,
}

#[derive(Subcommand)]
enum Way {
    /// Run networks that differ in their votes only, and compare what is told of them
    Shape(Shape),
}

/// Which networks.
#[derive(clap::Args)]
struct Shape {
    #[command(flatten)]
    size: Size,
    /// How many seeds, each a network with its faults
    #[arg(long, default_value_t = 20)]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 0)]
    first_seed: u64,
    /// Votes that each seed is run with
    #[arg(long, default_value_t = 4)]
    votes: usize,
}

impl Privacy {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        match self.way {
            Way::Shape(shape) => shape.run(),
        }
    }
}

impl Shape {
    fn run(self) -> Result<ExitCode, String> {
        variant::with_crypto(self.size.crypto)?;
        let last = self.first_seed.saturating_add(self.seeds);
        let (mut runs, mut lines) = (0, 0);
        for seed in self.first_seed..last {
            let token = self.size.token(Kind::Decisions, seed);
            let plan = Plan::draw(token)?;
            match shape::compare(&plan, shape::sampled(&plan, self.votes, seed)) {
                Ok(compared) => {
                    runs += compared.runs;
                    lines += compared.lines;
                    println!(
                        "{token}: {} votes, {} outcomes, {} lines each: the same",
                        compared.runs, compared.outcomes, compared.lines
                    );
                }
                Err(violation) => return Ok(failed(&violation)),
            }
        }
        println!(
            "{runs} runs of {} networks, {lines} lines: votes cannot be told apart",
            self.seeds
        );
        Ok(ExitCode::SUCCESS)
    }
}

/// Says what does not hold.
fn failed(violation: &Violation) -> ExitCode {
    println!("fails: {violation}");
    ExitCode::FAILURE
}
