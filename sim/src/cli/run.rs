//! `run`: one seed, and what happens in it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::process::ExitCode;
use std::rc::Rc;

use super::live::{Live, Traffic};
use super::say::say;
use super::which::Which;
use super::{judge, print_heading};
use crate::trace::{Event, Mark, stamp};
use crate::variant;

/// Which seed.
#[derive(clap::Args)]
pub(super) struct Run {
    /// A seed, a token such as n4b1-all-real-v6-123, or a scenario file [default: 1]
    run: Option<String>,
    #[command(flatten)]
    which: Which,
    /// The seed, by name
    #[arg(long, conflicts_with = "run")]
    seed: Option<u64>,
    /// Virtual seconds a second, to watch it [default: as fast as it goes]
    #[arg(long, value_parser = speed)]
    speed: Option<f64>,
}

impl Run {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        let text = self.run.unwrap_or_else(|| self.seed.unwrap_or(1).to_string());
        let story = self.which.story(&text)?;
        let token = story.token();
        variant::with_crypto(token.crypto)?;
        print_heading(&story);
        let traffic = Rc::new(RefCell::new(Traffic::default()));
        let mut live = Live::new(token.committee()?, Rc::clone(&traffic), self.speed);
        let (voice, mut told) = (live.voice(), BTreeSet::new());
        let listener = move |time: u64, event: &Event<'_>| {
            traffic.borrow_mut().event(event);
            // The plan is said already, and what a party blames or certifies is told once.
            let again = matches!(event, Event::At(..)) && !told.insert(event.to_string());
            if is_news(event) && !again {
                voice.suspend(|| say!("{} {event}", stamp(time)));
            }
        };
        let report = story.run_before(Some(Box::new(listener)), |now| live.step(now))?;
        drop(live);
        say!(
            "{} steps, {} virtual, {} messages, {:.1} MB",
            report.steps,
            stamp(report.time).trim(),
            report.coverage.messages,
            report.coverage.bytes as f64 / 1e6
        );
        say!("{}", report.coverage.lines(token.kind));
        say!("trace {}", report.trace);
        Ok(judge(&story, report.violation.as_ref()))
    }
}

/// A speed: not zero, and no nonsense.
fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok().filter(|speed: &f64| *speed >= 1e-6 && *speed <= 1e9);
    speed.ok_or_else(|| "a number above 0, such as 0.5".into())
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
