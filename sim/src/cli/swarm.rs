//! `swarm`: many seeds, until one fails.

use std::io::IsTerminal;
use std::num::NonZero;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use clap::value_parser;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::judge;
use super::say::say;
use super::which::{Size, seeds};
use crate::coverage::{Coverage, Required};
use crate::report::{Report, Violation};
use crate::story::Story;
use crate::token::{Faults, Kind, Token};
use crate::variant;

/// One seed in so many is run twice.
const TWICE: u64 = 64;

/// Which seeds.
#[derive(clap::Args)]
pub(super) struct Swarm {
    #[command(flatten)]
    size: Size,
    /// What is simulated [default: each, with the same seeds]
    #[arg(long)]
    only: Option<Kind>,
    /// How many seeds
    #[arg(long, default_value_t = 1000, value_parser = value_parser!(u64).range(1..))]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 0)]
    first_seed: u64,
    /// How many at a time [default: one for each core]
    #[arg(long)]
    jobs: Option<NonZero<usize>>,
}

impl Swarm {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        variant::with_crypto(self.size.crypto())?;
        let kinds = self.only.map_or(Kind::ALL.to_vec(), |kind| vec![kind]);
        // A panic is reported as a violation, with its seed.
        std::panic::set_hook(Box::new(|_| {}));
        let mut code = ExitCode::SUCCESS;
        for kind in kinds {
            code = self.swarm(kind)?;
            if code != ExitCode::SUCCESS {
                break;
            }
        }
        let _default = std::panic::take_hook();
        Ok(code)
    }

    fn swarm(&self, kind: Kind) -> Result<ExitCode, String> {
        let first = self.size.token(kind, self.first_seed);
        let committee = first.committee()?;
        let last = seeds(self.first_seed, self.seeds)?.end - 1;
        say!(
            "{kind}, seeds {} to {last}: {} organisations, up to {} of {} faulty ones Byzantine",
            self.first_seed,
            committee.n(),
            first.byzantine,
            committee.t()
        );
        let began = Instant::now();
        let (coverage, done, failed) = self.all(kind)?;
        let elapsed = began.elapsed().as_secs_f64();
        if let Some(report) = failed {
            return Ok(judge(&Story::of(report.token)?, report.violation.as_ref()));
        }
        say!(
            "{done} seeds in {elapsed:.1} s, {:.1} a second: all properties hold",
            done as f64 / elapsed.max(1e-9)
        );
        say!("{:>12} messages, {:.1} GB", coverage.messages, coverage.bytes as f64 / 1e9);
        let virtually = coverage.time as f64 / 1e6;
        let (hours, faster) = (virtually / 3600.0, virtually / elapsed.max(1e-9));
        say!(
            "{:>12} events, {:.0} a second; {hours:.1} hours pass in them, {faster:.0} times as fast",
            coverage.events,
            coverage.events as f64 / elapsed.max(1e-9)
        );
        say!("{}", coverage.lines(kind));
        Ok(self.judge(kind, &coverage))
    }

    /// Whether enough was exercised.
    fn judge(&self, kind: Kind, coverage: &Coverage) -> ExitCode {
        let token = self.size.token(kind, 0);
        let (liars, all) = (token.byzantine > 0, token.faults == Faults::ALL);
        let missing: Vec<Required> = coverage
            .required(kind)
            .into_iter()
            .filter(|needed| needed.count == 0 && (liars || !needed.byzantine))
            .filter(|needed| all && self.seeds >= needed.seeds)
            .collect();
        let rounds = coverage.sights.rounds.judge();
        if let Err(error) = &rounds {
            say!("too many rounds: {error}");
        }
        if missing.is_empty() && rounds.is_ok() {
            return ExitCode::SUCCESS;
        }
        for Required { name, cause, .. } in missing {
            say!("nothing was shown about {name}: they need {cause}");
        }
        ExitCode::FAILURE
    }

    /// Runs all seeds, each on the next free thread; after a failure no more are begun.
    fn all(&self, kind: Kind) -> Result<(Coverage, u64, Option<Report>), String> {
        let jobs = self.jobs.or_else(|| thread::available_parallelism().ok());
        let jobs = jobs.map_or(1, NonZero::get);
        let (next, stop) = (AtomicU64::new(0), AtomicBool::new(false));
        let (sender, reports) = mpsc::channel();
        thread::scope(|scope| {
            for _ in 0..jobs {
                let (sender, next, stop) = (sender.clone(), &next, &stop);
                scope.spawn(move || {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        if index >= self.seeds || stop.load(Ordering::Relaxed) {
                            return;
                        }
                        let token = self.size.token(kind, self.first_seed.saturating_add(index));
                        let report = run(token, index);
                        let failed = !report.as_ref().is_ok_and(|r| r.violation.is_none());
                        stop.fetch_or(failed, Ordering::Relaxed);
                        if sender.send(report).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(sender);
            let bar = progress(self.seeds);
            let (mut coverage, mut done) = (Coverage::default(), 0);
            let mut failed: Option<Report> = None;
            for report in reports {
                let report = report?;
                bar.inc(1);
                done += 1;
                coverage += report.coverage;
                let earlier = failed.as_ref().is_none_or(|f| report.token < f.token);
                if report.violation.is_some() && earlier {
                    failed = Some(report);
                }
            }
            bar.finish_and_clear();
            Ok((coverage, done, failed))
        })
    }
}

/// Runs a seed, and one in so many once more: all of a run follows from its token.
fn run(token: Token, index: u64) -> Result<Report, String> {
    let story = Story::of(token)?;
    let report = story.run(None)?;
    if !index.is_multiple_of(TWICE) || report.violation.is_some() {
        return Ok(report);
    }
    story.run(None).map(|again| same(report, &again))
}

/// A report, with a violation if the run was another one the second time.
fn same(report: Report, again: &Report) -> Report {
    if report == *again {
        return report;
    }
    let what = format!("the trace was {}, and is {}", report.trace, again.trace);
    let time = report.time;
    Report { violation: Some(Violation { time, checker: "determinism", what }), ..report }
}

/// A bar on a terminal, nothing elsewhere.
fn progress(seeds: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(seeds), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} seeds, {per_sec}, {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coverage::Coverage;

    #[test]
    fn a_run_that_is_another_one_the_second_time_is_no_function_of_its_token() {
        let report = |trace: &str, steps| Report {
            token: Token::new(Kind::Decisions, 4, 1, 1),
            trace: trace.into(),
            steps,
            time: 5,
            coverage: Coverage::default(),
            violation: None,
        };
        assert_eq!(same(report("a", 1), &report("a", 1)).violation, None);
        for other in [report("b", 1), report("a", 2)] {
            let found = same(report("a", 1), &other).violation.unwrap();
            assert_eq!(found.checker, "determinism");
        }
    }
}
