//! A network of real processes on this machine, while everything goes wrong.
//!
//! # Model
//! The organisations' nodes are processes of the binary `quorate`, with their data directories, and
//! talk over QUIC and TCP through proxies on the loopback address ([`links`]). People propose and vote
//! all the time ([`people`]). The nemesis ([`nemesis`]) does what was drawn from a seed before the
//! begin ([`plan`]): it kills, pauses and restarts processes, one, several or all; cuts links one way or
//! both, slows them and tears them down; puts an old copy in the place of a data directory, or starts a
//! second node on one; fills disks; and lets a stranger flood a node. How all of this interleaves is
//! up to the machine: the seed is the story of the faults, not of the run.
//!
//! # What is checked
//! In the end everything is mended, and the network has to become quiet. What it then holds is judged by
//! [`checker`]: from certificates, which a verifier reads that shares no code with the node's, from what
//! nodes log, and from how their processes ended.
//!
//! # What is not tried
//! No member is malicious; the simulator has those. Disks lose nothing that was written: a kill ends
//! processes, not the machine.

mod api;
mod checker;
mod cluster;
mod collect;
mod datagrams;
mod disk;
mod flood;
mod history;
mod links;
mod member;
mod nemesis;
mod people;
mod plan;
mod ports;
mod relays;
mod restarts;
mod streams;
mod summary;

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use cluster::Cluster;
use links::Links;
use member::Member;
use nemesis::Nemesis;
use people::People;

pub(crate) use relays::{Relays, run as measure_relays};
pub(crate) use restarts::{Restarts, run as measure_restarts};
pub(crate) use summary::Summary;

/// What cannot be done.
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

/// How long a healed network may take until it is quiet: deadlines of up to half a minute, and then
/// what is to be done.
const QUIET: Duration = Duration::from_secs(180);
/// How long the nodes may take until they take part, when nothing is wrong.
const START: Duration = Duration::from_secs(60);

/// What to run.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) n: usize,
    pub(crate) seed: u64,
    pub(crate) lasts: Duration,
    /// The binary.
    pub(crate) program: PathBuf,
    /// Where everything goes.
    pub(crate) folder: PathBuf,
}

/// A seed that is hardly the last one.
pub(crate) fn any_seed() -> u64 {
    people::utc_ms() % 1_000_000
}

/// Runs a network through what is drawn from the seed, and judges what is left of it.
///
/// # Errors
/// The network cannot be set up, or something about this machine fails.
pub(crate) fn run(options: &Options, tell: &dyn Fn(&str)) -> Result<Summary, Error> {
    let Options { n, seed, lasts, .. } = *options;
    let t = (n - 1) / 3;
    // As many as may be faulty, somewhere.
    let first = usize::try_from(seed % n as u64)?;
    let disks: Vec<usize> = (0..t).map(|disk| (first + 3 * disk) % n).collect();
    let plan = cluster::Plan {
        folder: &options.folder,
        program: &options.program,
        n,
        proxies: Some(seed),
        disks: &disks,
        arguments: &[],
    };
    let mut cluster = Cluster::set_up(&plan)?;
    let network = plan::Network { n, t: cluster.t, disks: &disks };
    let faults = plan::draw(seed, network, lasts);
    std::fs::write(
        options.folder.join("plan.txt"),
        faults.iter().map(|f| format!("{f:?}\n")).collect::<String>(),
    )?;
    let own = disks.iter().filter_map(|who| cluster.members.get(*who)).all(|m| m.disk.is_own());
    tell(if own {
        "full disks: small file systems in memory"
    } else {
        "full disks: a limit on the size of files, as this process may not mount"
    });
    begin(&cluster)?;
    let links = cluster.links().ok_or("there are no proxies")?;
    let people = People::new(&cluster, seed);
    let (deeds, quiet) = thread::scope(|scope| {
        people.begin(scope);
        let done = wreak(&cluster, links, &faults, lasts, &people, tell);
        people.leave();
        done
    })?;
    tell("collecting certificates");
    let history = collect::collect(&cluster, people.asked())?;
    let mut violations = checker::violations(&history);
    if let Err(missing) = &quiet {
        let after = QUIET.as_secs();
        violations.insert(0, format!("{after} s after all was mended, {missing}"));
    }
    let summary = Summary::of(&history, &cluster, deeds, people.times(), (quiet.ok(), violations));
    if !summary.violations.is_empty() {
        for member in &mut cluster.members {
            member.disk.keep()?;
        }
    }
    Ok(summary)
}

/// Starts all nodes, twice: then there is a copy of each data directory from before its last start.
fn begin(cluster: &Cluster) -> Result<(), Error> {
    begin_once(cluster)?;
    cluster.members.iter().for_each(Member::stop);
    begin_once(cluster)
}

/// Starts all nodes.
fn begin_once(cluster: &Cluster) -> Result<(), Error> {
    cluster.members.iter().try_for_each(Member::start)?;
    let quiet = collect::wait_until_quiet(cluster, START)?;
    Ok(quiet.map(drop).map_err(|missing| format!("{missing}, and nothing has gone wrong yet"))?)
}

/// Lets go wrong what is planned, then waits until all is decided.
fn wreak(
    cluster: &Cluster,
    links: &Links,
    faults: &[plan::Fault],
    lasts: Duration,
    people: &People<'_>,
    tell: &dyn Fn(&str),
) -> Result<(nemesis::Deeds, Result<Duration, String>), Error> {
    let deeds = Nemesis::new(cluster, links, tell).run(faults, lasts)?;
    people.stop();
    tell("all is mended; waiting until it is quiet");
    Ok((deeds, collect::wait_until_quiet(cluster, QUIET)?))
}
