//! `relays`: what decisions take when members cannot connect directly.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::value_parser;

use super::chaos::beside;
use super::say::{say, tell};
use crate::chaos::{Relays, measure_relays};

/// How much of it.
#[derive(clap::Args)]
pub(super) struct RelaysCommand {
    /// Decisions of each network: all connected, two pairs apart, a line
    #[arg(long, default_value_t = 200, value_parser = value_parser!(u64).range(1..))]
    decisions: u64,
    /// Number of organisations
    #[arg(long, default_value_t = 4, value_parser = value_parser!(u64).range(4..=16))]
    orgs: u64,
    /// The node's binary [default: the one beside this program]
    #[arg(long, value_name = "PATH")]
    quorate: Option<PathBuf>,
}

impl RelaysCommand {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        let program = beside(self.quorate)?;
        let folder = tempfile::Builder::new().prefix("quorate-relays-").tempdir();
        let folder = folder.map_err(|error| format!("no folder: {error}"))?;
        let count = |of: u64| usize::try_from(of).map_err(|error| error.to_string());
        let plan = Relays {
            n: count(self.orgs)?,
            decisions: count(self.decisions)?,
            program: &program,
            folder: folder.path(),
        };
        let measured = measure_relays(&plan, &|what| tell!("{what}"));
        say!("{}", measured.map_err(|error| error.to_string())?);
        Ok(ExitCode::SUCCESS)
    }
}
