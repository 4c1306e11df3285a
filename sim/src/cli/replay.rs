//! `replay`: the timeline of one seed.

use std::process::ExitCode;

use super::{Size, print_violation, simulate};
use crate::plan::{Plan, Token};

/// Which run, and how much of it.
#[derive(clap::Args)]
pub(super) struct Replay {
    /// A seed, or a token such as n4b1s123
    run: String,
    #[command(flatten)]
    size: Size,
    /// Every message, too
    #[arg(long, short)]
    verbose: bool,
}

impl Replay {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        let token = match self.run.parse::<u64>() {
            Ok(seed) => self.size.token(seed),
            Err(_) => self.run.parse::<Token>()?,
        };
        println!("seed {} ({token})", token.seed);
        println!("{}", Plan::draw(token)?);
        let verbose = self.verbose;
        let report = simulate(token, |world| {
            world.listen(move |line| {
                if verbose || !line.contains(" -> ") {
                    println!("{line}");
                }
            });
        })?;
        println!("trace {}", report.trace);
        print_violation(&report);
        Ok(if report.violation.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}
