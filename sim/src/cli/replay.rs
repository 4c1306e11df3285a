//! `replay`: the timeline of one seed.

use std::process::ExitCode;

use super::say::say;
use super::which::Which;
use super::{judge, print_heading};
use crate::trace::{Event, stamp};
use crate::variant;

/// Which run, and how much of it.
#[derive(clap::Args)]
pub(super) struct Replay {
    /// A seed, a token such as n4b1-all-real-v6-123, or a scenario file
    run: String,
    #[command(flatten)]
    which: Which,
    /// Every message, too
    #[arg(long, short)]
    verbose: bool,
}

impl Replay {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        let story = self.which.story(&self.run)?;
        variant::with_crypto(story.token().crypto)?;
        print_heading(&story);
        let verbose = self.verbose;
        let listener = move |time: u64, event: &Event<'_>| match event {
            Event::Plan(_) => {}
            Event::Message(_) if !verbose => {}
            _ => say!("{} {event}", stamp(time)),
        };
        let report = story.run(Some(Box::new(listener)))?;
        say!("trace {}", report.trace);
        Ok(judge(&story, report.violation.as_ref()))
    }
}
