//! `privacy`: whether anything but the outcome can be learnt.

use std::process::ExitCode;

use clap::builder::RangedU64ValueParser;
use clap::{Subcommand, value_parser};

use super::failed;
use super::say::say;
use super::which::{Size, seeds};
use crate::caught::caught_in;
use crate::plan::Plan;
use crate::privacy::canary::{self, Searched};
use crate::privacy::{count, shape};
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
    #[arg(long, default_value_t = 20, value_parser = value_parser!(u64).range(1..))]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 0)]
    first_seed: u64,
    /// Votes that each seed is run with
    #[arg(long, default_value_t = 4, value_parser = RangedU64ValueParser::<usize>::new().range(2..))]
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
        variant::with_crypto(self.size.crypto())?;
        let (mut runs, mut lines) = (0, 0);
        for seed in seeds(self.first_seed, self.seeds)? {
            let token = self.size.token(Kind::Decisions, seed);
            let plan = shape::blind(Plan::draw(token)?);
            let votes = shape::sampled(&plan, self.votes, seed);
            match caught_in(&token, || shape::compare(&plan, votes)) {
                Ok(compared) => {
                    runs += compared.runs;
                    lines += compared.lines;
                    say!(
                        "{token}: {} votes, {} outcomes, {} lines each: the same",
                        compared.runs,
                        compared.outcomes,
                        compared.lines
                    );
                }
                Err(violation) => return Ok(failed(&token, &violation)),
            }
        }
        say!("{runs} runs of {} networks, {lines} lines: votes cannot be told apart", self.seeds);
        Ok(ExitCode::SUCCESS)
    }
}

/// Which networks.
#[derive(clap::Args)]
struct Networks {
    #[command(flatten)]
    size: Size,
    /// How many seeds, each a network with its faults
    #[arg(long, default_value_t = 20, value_parser = value_parser!(u64).range(1..))]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 0)]
    first_seed: u64,
}

impl Networks {
    fn search(self) -> Result<ExitCode, String> {
        variant::with_crypto(self.size.crypto())?;
        let mut all = Searched::default();
        for seed in seeds(self.first_seed, self.seeds)? {
            let token = self.size.token(Kind::Decisions, seed);
            let plan = Plan::draw(token)?;
            match caught_in(&token, || canary::search(&plan)) {
                Ok(Searched { secrets, messages, bytes, handed }) => {
                    say!("{token}: {secrets} secrets, {messages} messages: none shows");
                    all.secrets += secrets;
                    all.messages += messages;
                    all.bytes += bytes;
                    all.handed += handed;
                }
                Err(violation) => return Ok(failed(&token, &violation)),
            }
        }
        let Searched { secrets, messages, bytes, handed } = all;
        say!(
            "{secrets} secrets in {messages} messages and {:.1} MB: none shows but {handed} shares \
             of masks, to their voters",
            bytes as f64 / 1e6
        );
        Ok(ExitCode::SUCCESS)
    }
}

/// Counts every claim and every control, for the member at each point.
fn count() -> ExitCode {
    say!("{:>12} {:>7} {:>9}", "views", "hidden", "distance");
    for case in count::cases() {
        let mut all = count::Counted::default();
        for point in 1..=4 {
            match case.check(point) {
                Ok(counted) => {
                    all.views += counted.views;
                    all.hidden = counted.hidden;
                    all.distance = all.distance.max(counted.distance);
                }
                Err(violation) => return failed(&case.name, &violation),
            }
        }
        let count::Counted { views, hidden, distance } = all;
        let kind = if case.control { "control, which must show: " } else { "" };
        say!("{views:>12} {hidden:>7} {distance:>9.4}  {kind}{}", case.name);
    }
    ExitCode::SUCCESS
}
