//! `shrink`: the smallest run that still fails.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use indicatif::ProgressBar;

use super::{named, replay_command};
use crate::shrink::shrink;
use crate::variant;

/// Which run, and for how long.
#[derive(clap::Args)]
pub(super) struct Shrink {
    /// A token of a run that fails, such as n4b1-all-real-v3-123, or a scenario file
    run: String,
    /// How long to try, in seconds
    #[arg(long, default_value_t = 300)]
    seconds: u64,
    /// Write what is left to this file, as a scenario
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
}

impl Shrink {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        let whole = named(&self.run)?;
        variant::with_crypto(whole.token().crypto)?;
        // A panic is a failure like any other.
        std::panic::set_hook(Box::new(|_| {}));
        let report = whole.run(None)?;
        let Some(first) = report.violation else {
            return Err(format!("{whole} does not fail: all properties hold"));
        };
        println!("{whole} fails in {} steps: {first}", report.steps);
        let (mut steps, mut last) = (report.steps, first.clone());
        let bar = ProgressBar::new_spinner();
        let shrunk = shrink(whole, Duration::from_secs(self.seconds), |story| {
            bar.set_message(format!("{} parts left", story.parts().len()));
            bar.tick();
            let Ok(report) = story.run(None) else { return false };
            let same = report.violation.filter(|v| v.checker == first.checker);
            let Some(violation) = same else { return false };
            (steps, last) = (report.steps, violation);
            true
        });
        bar.finish_and_clear();
        let _default = std::panic::take_hook();
        println!("after {} runs it fails in {steps} steps: {last}", shrunk.runs);
        println!("{}", shrunk.story.plan());
        if !shrunk.least {
            println!("time is over: with more (--seconds) it may get smaller");
        }
        println!("replay: {}", replay_command(&shrunk.story));
        if let Some(file) = self.scenario {
            let why = format!("{}: {}", last.checker, last.what);
            let scenario = shrunk.story.scenario(&why);
            let scenario = scenario.ok_or("there are no scenarios of key generation")?;
            let write = std::fs::write(&file, scenario.text()?);
            write.map_err(|error| format!("{}: {error}", file.display()))?;
            println!("written to {}", file.display());
        }
        Ok(ExitCode::SUCCESS)
    }
}
