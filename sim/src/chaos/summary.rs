//! What is told of a run.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::cluster::Cluster;
use super::history::{Cause, History};
use super::member::{Member, size};
use super::nemesis::Deeds;
use super::people::Times;
use crate::checker::certificate::{Outcome, verify};

/// How a run went.
#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) violations: Vec<String>,
    asked: usize,
    outcomes: BTreeMap<Outcome, usize>,
    deeds: Deeds,
    /// Processes that ended, by why.
    ends: BTreeMap<Cause, usize>,
    ready: Vec<Duration>,
    takes_part: Vec<Duration>,
    times: Times,
    quiet: Option<Duration>,
    /// Bytes of the largest data directory.
    disk: u64,
}

impl Summary {
    pub(super) fn of(
        history: &History,
        cluster: &Cluster,
        deeds: Deeds,
        times: Times,
        (quiet, violations): (Option<Duration>, Vec<String>),
    ) -> Self {
        let mut outcomes = BTreeMap::new();
        for listed in history.members.first().into_iter().flat_map(|held| &held.decisions) {
            if let Ok(entry) = verify(&listed.certificate, &history.network) {
                *outcomes.entry(entry.outcome).or_default() += 1;
            }
        }
        let mut ends = BTreeMap::new();
        history.ends.iter().for_each(|end| *ends.entry(end.cause).or_default() += 1);
        let recoveries: Vec<_> = cluster.members.iter().flat_map(Member::recoveries).collect();
        Self {
            violations,
            asked: history.asked.iter().filter(|asked| asked.digest.is_some()).count(),
            outcomes,
            deeds,
            ends,
            ready: recoveries.iter().map(|recovery| recovery.ready).collect(),
            takes_part: recoveries.iter().filter_map(|recovery| recovery.takes_part).collect(),
            times,
            quiet,
            disk: cluster.members.iter().map(|member| size(&member.dir())).max().unwrap_or(0),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = |outcome| self.outcomes.get(&outcome).copied().unwrap_or(0);
        let all: usize = self.outcomes.values().sum();
        writeln!(
            f,
            "decisions   {all} ({} accepted, {} rejected, {} expired); {} proposals were confirmed",
            of(Outcome::Accepted),
            of(Outcome::Rejected),
            of(Outcome::Expired),
            self.asked
        )?;
        writeln!(f, "decided in  {} from the proposal", spread(&self.times.decided))?;
        let after = spread(&self.times.after_votes);
        writeln!(f, "            {after} from the last vote, where all entered one")?;
        for (kind, times) in &self.deeds.done {
            writeln!(f, "fault       {times} x {kind}")?;
        }
        writeln!(f, "            {} more could not be done", self.deeds.skipped)?;
        for (cause, times) in &self.ends {
            writeln!(f, "ended       {times} processes: {cause:?}")?;
        }
        writeln!(f, "recovered   {} from a start after kill -9 to ready", spread(&self.ready))?;
        writeln!(f, "            {} to taking part", spread(&self.takes_part))?;
        if let Some(quiet) = self.quiet {
            writeln!(f, "quiet       {:.1} s after all was mended", quiet.as_secs_f64())?;
        }
        write!(f, "disk        {} KiB, the largest data directory", self.disk >> 10)
    }
}

/// The median, the 99th percentile and the greatest of some times.
fn spread(times: &[Duration]) -> String {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let at = |percent| percentile(&sorted, percent).as_secs_f64();
    format!("p50 {:.3} s, p99 {:.3} s, most {:.3} s of {}", at(50), at(99), at(100), times.len())
}

/// What so many percent of these times, in order, do not exceed.
pub(super) fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(place).copied().unwrap_or_default()
}
