//! Checks of a member's machine, data directory, links and node, each of which can fail, and says why
//! that matters and what to type.
//!
//! # Model
//! The doctor is a command of the same user as the node. What it looks at is gathered first, within
//! four seconds, as [`Facts`]; a check is a function of these. It needs no passphrase and opens
//! nothing that is sealed. Where the node runs, it is asked; where not, the doctor looks itself
//! whether the node could start and reach the others.
//!
//! # What it changes
//! Nothing, but with `--fix` what is safe: permissions of files that others should not read, and an
//! address that a killed node left behind.

mod backups;
mod directory;
pub mod machine;
mod node;
pub mod reach;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use crate::api::model::Status;
use crate::cli::exit::{Exit, Failure};
use crate::cli::{quoted, time};
use crate::client::Client;
use crate::home::{GroupKeys, History, Home, HomeError};
use crate::roster::Network;
use machine::Machine;
use reach::Reach;

/// How long the node may take to answer, and after that each other look; these are taken at once.
const PATIENCE: Duration = Duration::from_secs(2);

/// How bad a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Somebody should look at it.
    Warning,
    /// The node cannot work so, or the group is in danger.
    Failure,
}

/// What a check found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    /// The name of the check.
    pub check: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What is so.
    pub finding: String,
    /// Why that matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<&'static str>,
    /// What to type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
    /// What `--fix` does about it.
    #[serde(skip)]
    pub repair: Vec<Repair>,
}

/// A change that cannot do harm.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Repair {
    /// Nobody but the owner may use this.
    Close(PathBuf, u32),
    /// Remove what says where a node listens that does not run.
    Remove(PathBuf),
}

/// What checks look at.
pub struct Facts {
    /// The data directory.
    pub dir: PathBuf,
    /// The flag that leads another command there.
    pub flag: String,
    /// What is in it.
    pub home: Result<Home, HomeError>,
    /// Whether a node holds it.
    pub running: bool,
    /// What the node says of itself, if one runs.
    pub status: Option<Result<Status, Failure>>,
    /// The machine.
    pub machine: Machine,
    /// How members can be reached that the node is not connected to.
    pub reach: Vec<(String, Reach)>,
    /// Whether the ports that the node listens at are free, where it does not run.
    pub ports: Vec<(String, io::Result<()>)>,
    /// Milliseconds since 1970.
    pub now_ms: u64,
}

impl Finding {
    fn ok(check: &'static str, finding: impl Into<String>) -> Self {
        let (finding, repair) = (finding.into(), Vec::new());
        Self { check, level: Level::Ok, finding, why: None, fix: None, repair }
    }

    fn warning(check: &'static str, finding: impl Into<String>, why: &'static str) -> Self {
        Self { level: Level::Warning, why: Some(why), ..Self::ok(check, finding) }
    }

    fn failure(check: &'static str, finding: impl Into<String>, why: &'static str) -> Self {
        Self { level: Level::Failure, ..Self::warning(check, finding, why) }
    }

    fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

impl Facts {
    /// Looks at everything.
    pub async fn gather(dir: &Path, flag: &str) -> Self {
        let home = Home::open(dir);
        let running = home.as_ref().is_ok_and(Home::is_running);
        let status = async {
            if !running {
                return None;
            }
            let asked = async { Client::open(dir)?.status().await };
            let late = || Failure::new(Exit::Unreachable, "the node does not answer");
            Some(tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| Err(late())))
        };
        let status = status.await;
        let told = status.as_ref().and_then(|status| status.as_ref().ok());
        let (machine, reach) =
            tokio::join!(machine::look(dir, told), reach::look(home.as_ref().ok(), told));
        let ports = match &home {
            Ok(home) if !running => reach::ports(home),
            _ => Vec::new(),
        };
        let (dir, flag) = (dir.to_owned(), flag.to_owned());
        Self { dir, flag, home, running, status, machine, reach, ports, now_ms: time::now_ms() }
    }

    /// Runs all checks that have a meaning here.
    pub fn check(&self) -> Vec<Finding> {
        let checks = directory::CHECKS.iter().chain(backups::CHECKS);
        let checks = checks.chain(machine::CHECKS).chain(node::CHECKS);
        checks.filter_map(|check| check(self)).collect()
    }

    fn home(&self) -> Option<&Home> {
        self.home.as_ref().ok()
    }

    fn network(&self) -> Option<Network> {
        self.home()?.network().ok()?
    }

    fn history(&self) -> Option<History> {
        self.home()?.history().ok()
    }

    fn group_keys(&self) -> Option<GroupKeys> {
        self.home()?.group_keys().ok()?
    }

    fn told(&self) -> Option<&Status> {
        self.status.as_ref()?.as_ref().ok()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// A command on this data directory.
    fn command(&self, command: &str) -> String {
        format!("quorate {command}{}", self.flag)
    }

    /// Seconds since a moment such as `2026-11-22T12:00:00Z`; 0 if it is to come.
    fn since(&self, moment: &str) -> Option<u64> {
        Some((self.now_ms / 1000).saturating_sub(time::seconds(moment)?))
    }
}

/// A check: nothing where it has no meaning.
type Check = fn(&Facts) -> Option<Finding>;

impl Repair {
    /// Does it.
    ///
    /// # Errors
    /// The file cannot be changed.
    pub fn apply(&self) -> io::Result<()> {
        match self {
            Self::Close(path, mode) => fs::set_permissions(path, fs::Permissions::from_mode(*mode)),
            Self::Remove(path) => fs::remove_file(path),
        }
    }

    /// What it does, as one would type it.
    pub fn command(&self) -> String {
        match self {
            Self::Close(path, mode) => format!("chmod {mode:o} {}", quoted(path)),
            Self::Remove(path) => format!("rm {}", quoted(path)),
        }
    }
}

/// How a command ends that found this.
pub fn exit(findings: &[Finding]) -> Exit {
    match findings.iter().map(|finding| finding.level).max() {
        Some(Level::Failure) => Exit::DoctorFailures,
        Some(Level::Warning) => Exit::DoctorWarnings,
        Some(Level::Ok) | None => Exit::Ok,
    }
}
