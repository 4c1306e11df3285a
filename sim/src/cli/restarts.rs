//! `restarts`: what a long history costs real nodes.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::value_parser;

use super::chaos::beside;
use super::say::{say, tell};
use crate::chaos::{Restarts, measure_restarts};

/// How long a history.
#[derive(clap::Args)]
pub(super) struct RestartsCommand {
    /// Decisions before a node is killed
    #[arg(long, default_value_t = 10_000)]
    decisions: usize,
    /// Decisions that a node then misses
    #[arg(long, default_value_t = 1000)]
    away: usize,
    /// How often a node is killed in the middle of decisions
    #[arg(long, default_value_t = 5)]
    kills: usize,
    /// Number of organisations
    #[arg(long, default_value_t = 4, value_parser = value_parser!(u64).range(4..=16))]
    orgs: u64,
    /// When what a node writes counts as durable: `process` or `power`
    #[arg(long, default_value = "power")]
    durability: String,
    /// The node's binary [default: the one beside this program]
    #[arg(long, value_name = "PATH")]
    quorate: Option<PathBuf>,
}

impl RestartsCommand {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        let program = beside(self.quorate)?;
        let folder = tempfile::Builder::new().prefix("quorate-restarts-").tempdir();
        let folder = folder.map_err(|error| format!("no folder: {error}"))?;
        let plan = Restarts {
            n: usize::try_from(self.orgs).map_err(|error| error.to_string())?,
            decisions: self.decisions,
            away: self.away,
            kills: self.kills,
            durability: &self.durability,
            program: &program,
            folder: folder.path(),
        };
        let measured = measure_restarts(&plan, &|what| tell!("{what}"));
        say!("{}", measured.map_err(|error| error.to_string())?);
        Ok(ExitCode::SUCCESS)
    }
}
