//! `replay`: the timeline of one seed.

use std::process::ExitCode;

use super::{Size, plan, print_violation, simulate, token};
use crate::token::Kind;
use crate::trace::{Event, stamp};
use crate::variant;

/// Which run, and how much of it.
#[derive(clap::Args)]
pub(super) struct Replay {
    /// A seed, or a token such as n4b1-all-real-v3-123
    run: String,
    #[command(flatten)]
    size: Size,
    /// What the seed is of [default: decisions]
    #[arg(long)]
    only: Option<Kind>,
    /// Every message, too
    #[arg(long, short)]
    verbose: bool,
}

impl Replay {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        let token = token(&self.run, self.size, self.only)?;
        variant::with_crypto(token.crypto)?;
        println!("seed {} ({token})", token.seed);
        println!("{}", plan(token)?);
        let verbose = self.verbose;
        let listener = move |time: u64, event: &Event<'_>| match event {
            Event::Plan(_) => {}
            Event::Message(_) if !verbose => {}
            _ => println!("{} {event}", stamp(time)),
        };
        let report = simulate(token, Some(Box::new(listener)))?;
        println!("trace {}", report.trace);
        print_violation(&report);
        Ok(if report.violation.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}
