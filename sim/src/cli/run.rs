//! `run`: one seed, and what happens in it.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::process::ExitCode;
use std::rc::Rc;

use super::live::{Live, Traffic};
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
    /// Virtual seconds a second, to watch it [default: as fast as it goes]
    #[arg(long, value_parser = speed)]
    speed: Option<f64>,
}

impl Run {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        let text = self.run.unwrap_or_else(|| self.seed.to_string());
        let story = story(&text, self.size, self.only)?;
        let token = story.token();
        variant::with_crypto(token.crypto)?;
        println!("seed {} ({story})", token.seed);
        println!("{}", story.plan());
        let traffic = Rc::new(RefCell::new(Traffic::default()));
        let mut live = Live::new(token.committee()?, Rc::clone(&traffic), self.speed);
        let (voice, mut told) = (live.voice(), BTreeSet::new());
        let listener = move |time: u64, event: &Event<'_>| {
            traffic.borrow_mut().event(event);
            // The plan is said already, and each blame is told once.
            if is_news(event) && told.insert(event.to_string()) {
                voice.suspend(|| println!("{} {event}", stamp(time)));
            }
        };
        let report = story.run_before(Some(Box::new(listener)), |now| live.step(now))?;
        drop(live);
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
