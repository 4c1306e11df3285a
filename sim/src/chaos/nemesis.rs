//! Lets go wrong what was planned, and mends it.

use std::collections::BTreeMap;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use super::cluster::Cluster;
use super::flood::Stranger;
use super::history::Cause;
use super::links::Links;
use super::member::Mode;
use super::plan::{Fault, What};

/// How often the processes are looked at.
const TICK: Duration = Duration::from_millis(20);

/// What the nemesis did.
#[derive(Clone, Default, Debug)]
pub(super) struct Deeds {
    /// How often, by kind.
    pub(super) done: BTreeMap<&'static str, u64>,
    /// How often something was planned that could not be done: a node was already down.
    pub(super) skipped: u64,
}

/// Whoever lets things go wrong.
pub(super) struct Nemesis<'a> {
    cluster: &'a Cluster,
    links: &'a Links,
    tell: &'a dyn Fn(&str),
    /// What goes on, by the number of the fault.
    strangers: BTreeMap<usize, Stranger>,
    began: BTreeMap<usize, Vec<usize>>,
    deeds: Deeds,
}

impl<'a> Nemesis<'a> {
    pub(super) fn new(cluster: &'a Cluster, links: &'a Links, tell: &'a dyn Fn(&str)) -> Self {
        let deeds = Deeds { done: BTreeMap::new(), skipped: 0 };
        let (strangers, began) = (BTreeMap::new(), BTreeMap::new());
        Self { cluster, links, tell, strangers, began, deeds }
    }

    /// Does what is planned, and mends everything in the end.
    pub(super) fn run(mut self, faults: &[Fault], lasts: Duration) -> io::Result<Deeds> {
        let mut events: Vec<(Duration, bool, usize)> = Vec::new();
        for (number, fault) in faults.iter().enumerate() {
            events.push((fault.begins, true, number));
            events.push((fault.begins + fault.lasts, false, number));
        }
        // What ends at an instant ends before something else begins then, but not before it began.
        events.sort_by_key(|(at, begins, number)| (*at, *number, !*begins));
        let start = Instant::now();
        for (at, begins, number) in events {
            self.watch(start + at)?;
            let Some(fault) = faults.get(number) else { continue };
            if begins {
                self.begin(number, &fault.what)?;
            } else {
                self.end(number, &fault.what)?;
            }
        }
        self.watch(start + lasts)?;
        self.heal()?;
        Ok(self.deeds)
    }

    /// Waits, and looks after processes that end.
    fn watch(&self, until: Instant) -> io::Result<()> {
        loop {
            look_after(self.cluster)?;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(TICK));
        }
    }

    fn begin(&mut self, number: usize, what: &What) -> io::Result<()> {
        let members = what.members().iter().filter_map(|who| self.cluster.members.get(*who));
        let mut touched = Vec::new();
        for member in members {
            let done = match what {
                What::Kill(_) | What::Restart(_) if member.mode() != Mode::Runs => false,
                What::Kill(_) => {
                    member.kill();
                    true
                }
                What::Restart(_) => {
                    member.stop();
                    true
                }
                What::Pause(_) => member.pause(),
                What::OldCopy(_) => self.may_forget(member.who) && member.run_old_copy()?,
                What::SecondCopy(_) => member.run_second_copy()?,
                What::FullDisk(_) => member.fill_disk()?,
                What::Cut { .. } | What::Slow { .. } | What::Reset(_) | What::Flood { .. } => false,
            };
            if done {
                touched.push(member.who);
            }
        }
        match what {
            What::Cut { ways, refused } => self.links.cut(ways, *refused),
            What::Slow { ways, by, lost } => self.links.slow(ways, *by, *lost),
            What::Reset(pairs) => self.links.reset(pairs),
            What::Flood { target, with } => {
                if let Some(member) = self.cluster.members.get(*target) {
                    self.strangers.insert(number, Stranger::flood(member.port, *with));
                }
            }
            _ => {}
        }
        if what.members().is_empty() || !touched.is_empty() {
            *self.deeds.done.entry(what.kind()).or_default() += 1;
            (self.tell)(&what.to_string());
        } else {
            self.deeds.skipped += 1;
        }
        self.began.insert(number, touched);
        Ok(())
    }

    /// Whether no more than `t` members stay out of anything if this one forgets something, too.
    fn may_forget(&self, who: usize) -> bool {
        let others = self.cluster.members.iter().filter(|member| member.who != who);
        others.filter(|member| !member.is_settled()).count() < self.cluster.t
    }

    fn end(&mut self, number: usize, what: &What) -> io::Result<()> {
        let touched = self.began.remove(&number).unwrap_or_default();
        for member in touched.into_iter().filter_map(|who| self.cluster.members.get(who)) {
            match what {
                What::Kill(_) | What::Restart(_) => member.start()?,
                What::Pause(_) => drop(member.resume()),
                What::FullDisk(_) => {
                    member.clear_disk();
                    // It may have gone on without writing anything.
                    if member.mode() == Mode::Down {
                        member.start()?;
                    }
                }
                _ => {}
            }
        }
        match what {
            What::Cut { ways, refused } => self.links.mend(ways, *refused),
            What::Slow { ways, .. } => self.links.slow(ways, Duration::ZERO, 0),
            What::Flood { .. } => drop(self.strangers.remove(&number)),
            _ => {}
        }
        Ok(())
    }

    /// Mends everything. Nodes on old copies have to come back, and second ones to stop, by themselves.
    fn heal(&mut self) -> io::Result<()> {
        self.strangers.clear();
        self.links.heal();
        for member in &self.cluster.members {
            member.clear_disk();
            member.resume();
            if member.mode() == Mode::Down {
                member.start()?;
            }
        }
        Ok(())
    }
}

/// Notices processes that have ended: a node that met a full disk late starts again.
pub(super) fn look_after(cluster: &Cluster) -> io::Result<()> {
    for member in &cluster.members {
        if member.look() == Some(Cause::FullDisk) && !member.is_full() {
            member.start()?;
        }
    }
    Ok(())
}
