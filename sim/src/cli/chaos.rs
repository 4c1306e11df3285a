//! `chaos`: real processes, while everything goes wrong.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::value_parser;

use super::say::{say, tell};
use crate::chaos::{self, Options};

/// Most violations that are printed.
const PRINTED: usize = 20;

/// Which network, and for how long.
#[derive(clap::Args)]
pub(super) struct Chaos {
    /// For how long things go wrong
    #[arg(long, default_value_t = 3.0, value_name = "M", value_parser = minutes)]
    minutes: f64,
    /// From what the faults are drawn [default: any]
    #[arg(long)]
    seed: Option<u64>,
    /// Number of organisations
    #[arg(long, default_value_t = 7, value_parser = value_parser!(u64).range(4..=16))]
    orgs: u64,
    /// The node's binary [default: the one beside this program]
    #[arg(long, value_name = "PATH")]
    quorate: Option<PathBuf>,
    /// Keep data directories and logs even if all is well
    #[arg(long)]
    keep: bool,
}

fn minutes(text: &str) -> Result<f64, String> {
    let minutes: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.1..=1440.0).contains(&minutes) {
        return Ok(minutes);
    }
    Err("from 0.1 to 1440".into())
}

/// The node's binary.
pub(super) fn beside(given: Option<PathBuf>) -> Result<PathBuf, String> {
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let program = given.unwrap_or_else(|| this.with_file_name("quorate"));
    if program.exists() {
        return Ok(program);
    }
    Err(format!("there is no {}: build it, or give --quorate", program.display()))
}

impl Chaos {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        let program = beside(self.quorate)?;
        let folder = tempfile::Builder::new().prefix("quorate-chaos-").tempdir();
        let folder = folder.map_err(|error| format!("no folder: {error}"))?;
        let seed = self.seed.unwrap_or_else(chaos::any_seed);
        say!("seed {seed}, {} organisations, {} minutes", self.orgs, self.minutes);
        let options = Options {
            n: usize::try_from(self.orgs).map_err(|error| error.to_string())?,
            seed,
            lasts: Duration::from_secs_f64(self.minutes * 60.0),
            program,
            folder: folder.path().to_owned(),
        };
        let began = Instant::now();
        let summary = chaos::run(&options, &|what| {
            tell!("{:>7.1} s  {what}", began.elapsed().as_secs_f64());
        });
        let kept = |folder: tempfile::TempDir| tell!("kept: {}", folder.keep().display());
        let summary = summary.map_err(|error| error.to_string())?;
        say!("{summary}");
        if summary.violations.is_empty() {
            if self.keep {
                kept(folder);
            }
            say!("all properties hold");
            return Ok(ExitCode::SUCCESS);
        }
        for violation in summary.violations.iter().take(PRINTED) {
            say!("violated: {violation}");
        }
        let more = summary.violations.len().saturating_sub(PRINTED);
        if more > 0 {
            say!("and {more} more");
        }
        kept(folder);
        say!("again: scripts/chaos --seed {seed} --minutes {} --orgs {}", self.minutes, self.orgs);
        Ok(ExitCode::FAILURE)
    }
}
