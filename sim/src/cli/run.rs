//! `run`: one seed, and what happens in it.

use std::collections::BTreeSet;
use std::process::ExitCode;

use super::{Size, print_violation, story};
use crate::token::Kind;
use crate::trace::{Event, Mark, stamp};
use crate::variant;

/// Which seed.
#[derive(clap::Args)]
pub(super) struct Run {
    /// A token such as n4b1-all-real-v3-123, or a scenario file, in place of size and seed
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
        let story = story(&text, self.size, self.only)?;
        let token = story.token();
        variant::with_crypto(token.crypto)?;
        println!("seed {} ({story})", token.seed);
        println!("{}", story.plan());
        let mut told = BTreeSet::new();
        let listener = move |time: u64, event: &Event<'_>| {
            // The plan is said already, and each blame is told once.
            if is_news(event) && told.insert(event.to_string()) {
                println!("{} {event}", stamp(time));
            }
        };
        let report = story.run(Some(Box::new(listener)))?;
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

/// Every message, vote and timer is too much.
const fn is_news(event: &Event<'_>) -> bool {
    let dull = matches!(
        event,
        Event::Plan(_)
            | Event::Message(_)
            | Event::At(
                _,
                Mark::Timer(_)
                    | Mark::Hears(_)
                    | Mark::Votes(_)
                    | Mark::Voted(_)
                    | Mark::Ordered(..)
                    | Mark::Sealed(_)
                    | Mark::Computes(_)
            )
    );
    !dull
}
