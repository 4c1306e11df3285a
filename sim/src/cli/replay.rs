//! `replay`: the timeline of one seed.

use std::process::ExitCode;

use super::{Size, print_violation, story};
use crate::token::Kind;
use crate::trace::{Event, stamp};
use crate::variant;

/// Which run, and how much of it.
#[derive(clap::Args)]
pub(super) struct Replay {
    /// A seed, a token such as n4b1-all-real-v3-123, or a scenario file
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
        let story = story(&self.run, self.size, self.only)?;
        let token = story.token();
        variant::with_crypto(token.crypto)?;
        println!("seed {} ({story})", token.seed);
        println!("{}", story.plan());
        let verbose = self.verbose;
        let listener = move |time: u64, event: &Event<'_>| match event {
            Event::Plan(_) => {}
            Event::Message(_) if !verbose => {}
            _ => println!("{} {event}", stamp(time)),
        };
        let report = story.run(Some(Box::new(listener)))?;
        println!("trace {}", report.trace);
        print_violation(&report);
        Ok(if report.violation.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}
