//! `trace`: the story of one seed, message by message, as text or as a page.

use std::cell::RefCell;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;

use tempfile::Builder;

use super::{Size, story};
use crate::token::Kind;
use crate::trace::{Event, Heading, Listener, Record, page, stamp};
use crate::variant;

/// Which run, and how to show it.
#[derive(clap::Args)]
pub(super) struct Trace {
    /// A seed, a token such as n4b1-all-real-v3-123, or a scenario file
    run: String,
    #[command(flatten)]
    size: Size,
    /// What the seed is of [default: decisions]
    #[arg(long)]
    only: Option<Kind>,
    /// Write one page for a browser to this file: parties over time, messages as arrows
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl Trace {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        let story = story(&self.run, self.size, self.only)?;
        variant::with_crypto(story.token().crypto)?;
        let record = Rc::new(RefCell::new(Record::default()));
        let listener: Listener = if self.html.is_some() {
            let kept = Rc::clone(&record);
            Box::new(move |time, event| kept.borrow_mut().event(time, event))
        } else {
            Box::new(print)
        };
        let report = story.run(Some(listener))?;
        if let Some(violation) = &report.violation {
            eprintln!("{story} fails: {violation}");
        }
        if let Some(file) = self.html {
            let heading = Heading::new(&report, story.plan(), story.parties());
            let record = record.borrow();
            write(&file, &page(&heading, &record))
                .map_err(|error| format!("{} cannot be written: {error}", file.display()))?;
            eprintln!("{} messages of {story} in {}", record.messages(), file.display());
        }
        Ok(if report.violation.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

/// One line. Who reads no further is told no more.
fn print(time: u64, event: &Event<'_>) {
    drop(writeln!(io::stdout(), "{} {event}", stamp(time)));
}

/// Writes a file whole or not at all.
fn write(file: &Path, text: &str) -> io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut builder = Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut new = builder.tempfile_in(folder.unwrap_or(Path::new(".")))?;
    new.write_all(text.as_bytes())?;
    new.persist(file)?;
    Ok(())
}
