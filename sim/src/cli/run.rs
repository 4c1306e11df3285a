//! `run`: one seed, and what happens in it.

use std::collections::BTreeSet;
use std::process::ExitCode;

use super::{Size, print_violation, simulate};
use crate::plan::Plan;
use crate::trace::stamp;

/// Which seed.
#[derive(clap::Args)]
pub(super) struct Run {
    #[command(flatten)]
    size: Size,
    /// The seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Run {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        let token = self.size.token(self.seed);
        println!("seed {} ({token})", token.seed);
        println!("{}", Plan::draw(token)?);
        let mut told = BTreeSet::new();
        let report = simulate(token, |world| {
            world.listen(move |line| {
                let what = line.get(11..).unwrap_or(line).to_owned();
                // Every message and vote is too much, and each blame is told once.
                let dull = [" -> ", "TimerToken", "votes", "voted"];
                if !dull.iter().any(|dull| line.contains(dull)) && told.insert(what) {
                    println!("{line}");
                }
            });
        })?;
        println!(
            "{} steps, {} virtual, {} messages, {:.1} MB",
            report.steps,
            stamp(report.time).trim(),
            report.coverage.messages,
            report.coverage.bytes as f64 / 1e6
        );
        println!("{}", report.coverage);
        println!("trace {}", report.trace);
        print_violation(&report);
        Ok(if report.violation.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}
