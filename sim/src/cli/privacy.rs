//! `privacy`: whether anything but the outcome can be learnt.

use std::process::ExitCode;

use clap::Subcommand;

use super::Size;
use crate::plan::Plan;
use crate::privacy::canary::{self, Searched};
use crate::privacy::{count, shape};
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
    /// Count, over all randomness in tiny fields, what one member sees
    Count,
    /// Look for keys and shares in everything that is said and told
    Canary(Networks),
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
            Way::Count => Ok(count()),
            Way::Canary(networks) => networks.search(),
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
            let plan = shape::blind(Plan::draw(token)?);
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

/// Which networks.
#[derive(clap::Args)]
struct Networks {
    #[command(flatten)]
    size: Size,
    /// How many seeds, each a network with its faults
    #[arg(long, default_value_t = 20)]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 0)]
    first_seed: u64,
}

impl Networks {
    fn search(self) -> Result<ExitCode, String> {
        let mut all = Searched::default();
        for seed in self.first_seed..self.first_seed.saturating_add(self.seeds) {
            let token = self.size.token(Kind::Decisions, seed);
            match canary::search(&Plan::draw(token)?) {
                Ok(Searched { secrets, messages, bytes, handed }) => {
                    println!("{token}: {secrets} secrets, {messages} messages: none shows");
                    all.secrets += secrets;
                    all.messages += messages;
                    all.bytes += bytes;
                    all.handed += handed;
                }
                Err(violation) => return Ok(failed(&violation)),
            }
        }
        let Searched { secrets, messages, bytes, handed } = all;
        println!(
            "{secrets} secrets in {messages} messages and {:.1} MB: none shows but {handed} shares \
             of masks, to their voters",
            bytes as f64 / 1e6
        );
        Ok(ExitCode::SUCCESS)
    }
}

/// Counts every claim and every control, for the member at each point.
fn count() -> ExitCode {
    println!("{:>12} {:>7} {:>9}", "views", "hidden", "distance");
    for case in count::cases() {
        let mut all = count::Counted::default();
        for point in 1..=4 {
            match case.check(point) {
                Ok(counted) => {
                    all.views += counted.views;
                    all.hidden = counted.hidden;
                    all.distance = all.distance.max(counted.distance);
                }
                Err(violation) => return failed(&violation),
            }
        }
        let count::Counted { views, hidden, distance } = all;
        let kind = if case.control { "control, which must show: " } else { "" };
        println!("{views:>12} {hidden:>7} {distance:>9.4}  {kind}{}", case.name);
    }
    ExitCode::SUCCESS
}

/// Says what does not hold.
pub(super) fn failed(violation: &Violation) -> ExitCode {
    println!("fails: {violation}");
    ExitCode::FAILURE
}
