//! `trace`: the story of one seed, message by message, as text or as a page.

use std::cell::RefCell;
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;

use super::say::{say, tell};
use super::which::Which;
use super::whole::Whole;
use crate::trace::{Heading, Listener, Record, page, stamp};
use crate::variant;

/// Which run, and how to show it.
#[derive(clap::Args)]
pub(super) struct Trace {
    /// A seed, a token such as n4b1-all-real-v6-123, or a scenario file
    run: String,
    #[command(flatten)]
    which: Which,
    /// Write one page for a browser to this file: parties over time, messages as arrows
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl Trace {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        let story = self.which.story(&self.run)?;
        variant::with_crypto(story.token().crypto)?;
        let file = self.html.clone().map(Whole::begin).transpose()?;
        let record = Rc::new(RefCell::new(Record::default()));
        let listener: Listener = if file.is_some() {
            let kept = Rc::clone(&record);
            Box::new(move |time, event| kept.borrow_mut().event(time, event))
        } else {
            Box::new(|time, event| say!("{} {event}", stamp(time)))
        };
        let report = story.run(Some(listener))?;
        if let Some(violation) = &report.violation {
            tell!("{story} fails: {violation}");
        }
        if let (Some(file), Some(name)) = (file, self.html) {
            let heading = Heading::new(story.to_string(), &report, story.plan(), story.parties());
            let record = record.borrow();
            file.write(&page(&heading, &record))?;
            tell!("{} messages of {story} in {}", record.messages(), name.display());
        }
        Ok(if report.violation.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}
