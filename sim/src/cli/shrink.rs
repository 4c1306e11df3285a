//! `shrink`: the smallest run that still fails.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use indicatif::ProgressBar;

use super::replay_command;
use super::say::say;
use super::whole::Whole;
use crate::shrink::shrink;
use crate::story::Story;
use crate::token::Kind;
use crate::variant;

/// Which run, and for how long.
#[derive(clap::Args)]
pub(super) struct Shrink {
    /// A token of a run that fails, such as n4b1-all-real-v6-123, or a scenario file
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
        let whole = Story::parse(&self.run)?;
        if self.scenario.is_some() && whole.token().kind == Kind::Keygen {
            return Err("there are no scenarios of key generation\n\
                 hint: without --scenario, the name of what is left is printed"
                .into());
        }
        variant::with_crypto(whole.token().crypto)?;
        let file = self.scenario.clone().map(Whole::begin).transpose()?;
        // A panic is a failure like any other.
        std::panic::set_hook(Box::new(|_| {}));
        let report = whole.run(None)?;
        let Some(first) = report.violation else {
            return Err(format!("{whole} does not fail: all properties hold"));
        };
        say!("{whole} fails in {} steps: {first}", report.steps);
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
        say!("after {} runs it fails in {steps} steps: {last}", shrunk.runs);
        say!("{}", shrunk.story.plan());
        if !shrunk.least {
            say!("time is over: with more (--seconds) it may get smaller");
        }
        say!("replay: {}", replay_command(&shrunk.story));
        if let (Some(file), Some(path)) = (file, self.scenario) {
            let why = format!("{}: {}", last.checker, last.what);
            let scenario = shrunk.story.scenario(&why);
            let scenario = scenario.ok_or("there are no scenarios of key generation")?;
            file.write(&scenario.text()?)?;
            say!("written to {}", path.display());
            let report = Story::of_file(&path.to_string_lossy())?.run(None)?;
            if report.violation.as_ref() != Some(&last) {
                let how =
                    report.violation.map_or("does not fail".into(), |v| format!("fails: {v}"));
                return Err(format!("{} is another run: it {how}", path.display()));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
