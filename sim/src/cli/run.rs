//! `run`: one seed, and what happens in it.

use std::collections::BTreeSet;
use std::process::ExitCode;

use super::{Size, plan, print_violation, simulate, token};
use crate::token::Kind;
use crate::trace::stamp;
use crate::variant;

/// Which seed.
#[derive(clap::Args)]
pub(super) struct Run {
    /// A token such as n4b1-all-real-v3-123 in place of size and seed
    #[arg(conflicts_with_all = ["orgs", "byzantine", "faults", "crypto", "only", "seed"])]
    run: Option<String>,
    #[command(flatten)]
    size: Size,
    /// What is simulated [default: decisions]
    #[arg(long)]
    only: Option<Kind>,
    /// The seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl Run {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        let text = self.run.unwrap_or_else(|| self.seed.to_string());
        let token = token(&text, self.size, self.only)?;
        variant::with_crypto(token.crypto)?;
        println!("seed {} ({token})", token.seed);
        println!("{}", plan(token)?);
        let mut told = BTreeSet::new();
        let listener = move |line: &str| {
            let what = line.get(11..).unwrap_or(line).to_owned();
            // Every message and vote is too much, and each blame is told once.
            let dull = [" -> ", "TimerToken", "votes", "voted"];
            if !dull.iter().any(|dull| line.contains(dull)) && told.insert(what) {
                println!("{line}");
            }
        };
        let report = simulate(token, Some(Box::new(listener)))?;
        println!(
            "{} steps, {} virtual, {} messages, {:.1} MB",
            report.steps,
            stamp(report.time).trim(),
            report.coverage.messages,
            report.coverage.bytes as f64 / 1e6
        );
        println!("{}", report.coverage.lines(token.kind));
        println!("trace {}", report.trace);
        print_violation(&report);
        Ok(if report.violation.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}
