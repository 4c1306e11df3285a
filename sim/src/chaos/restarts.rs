//! What a long history costs: how long a node takes to start again after it was killed, and to catch up
//! when it was away, and how much memory and disk it takes.

use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::api::{Api, field, text};
use super::cluster::{self, Cluster};
use super::member::{Member, Recovery, size};
use super::people::utc_ms;
use super::{Error, begin_once};

/// Questions that are open at a time, for each node that asks.
const OPEN: usize = 6;
/// How long a node may take for an answer.
pub(super) const ANSWER: Duration = Duration::from_secs(60);
/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long votes are waited for of whoever is away.
const SHORTLY: Duration = Duration::from_millis(500);
/// Long enough for everybody to vote.
pub(super) const LONG: Duration = Duration::from_secs(600);
const TICK: Duration = Duration::from_millis(5);

/// What to measure.
#[derive(Clone, Debug)]
pub(crate) struct Restarts<'a> {
    pub(crate) n: usize,
    /// How long the history is.
    pub(crate) decisions: usize,
    /// How many decisions a node misses.
    pub(crate) away: usize,
    /// How often a node is killed.
    pub(crate) kills: usize,
    /// When what is written counts as durable.
    pub(crate) durability: &'a str,
    pub(crate) program: &'a Path,
    pub(crate) folder: &'a Path,
}

/// What came out.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    /// After how many decisions, bytes in memory and on disk, of the node with the most.
    sizes: Vec<(usize, u64, u64)>,
    /// Decisions a second while the history was made.
    pace: f64,
    recoveries: Vec<Recovery>,
    /// Bytes in memory after a restart.
    restarted: u64,
    /// How many decisions the node had missed, and how long it took to have their certificates, since it
    /// said that it was ready, and since its start.
    caught_up: (usize, Duration, Duration),
    /// How long the next decision took in which it had to take part.
    useful: Duration,
}

/// Measures.
///
/// # Errors
/// The network cannot be set up, or does not get on.
pub(crate) fn run(plan: &Restarts<'_>, tell: &dyn Fn(&str)) -> Result<Measured, Error> {
    let cluster = Cluster::set_up(&cluster::Plan {
        folder: plan.folder,
        program: plan.program,
        n: plan.n,
        proxies: None,
        disks: &[],
        arguments: &["--durability", plan.durability],
    })?;
    begin_once(&cluster)?;
    let all: Vec<&Member> = cluster.members.iter().collect();
    let (&last, others) = all.split_last().ok_or("there is no member")?;
    let mut measured = Measured::default();
    let began = Instant::now();
    let steps = 5;
    for step in 0..=steps {
        let so_far = plan.decisions * step / steps;
        if step > 0 {
            decide(&all, so_far - plan.decisions * (step - 1) / steps, LONG)?;
        }
        let most = |of: fn(&Member) -> u64| all.iter().map(|member| of(member)).max().unwrap_or(0);
        let (memory, disk) = (most(Member::memory), most(|member| size(&member.dir())));
        measured.sizes.push((so_far, memory, disk));
        tell(&format!(
            "{so_far} decisions, {} MiB in memory, {} on disk",
            memory >> 20,
            disk >> 20
        ));
    }
    measured.pace = plan.decisions as f64 / began.elapsed().as_secs_f64();
    for kill in 0..plan.kills {
        // In the middle of decisions.
        thread::scope(|scope| {
            let busy = scope.spawn(|| decide(&all, 20, SHORTLY));
            thread::sleep(Duration::from_millis(10 + 37 * kill as u64));
            last.kill();
            last.start()?;
            wait("its recovery", || (last.recoveries().len() > kill).then_some(()))?;
            busy.join().map_err(|_| "a thread that decides has panicked")?
        })?;
        settled(&all)?;
    }
    measured.recoveries = last.recoveries();
    measured.restarted = last.memory();
    tell("killed and recovered; now it is away");
    last.kill();
    decide(others, plan.away, SHORTLY)?;
    let there = settled(others)?;
    let began = Instant::now();
    last.start()?;
    let api = wait("its start", || last.api())?;
    let (ready, before) = (Instant::now(), certified(&api)?);
    wait("its catching up", || (certified(&api).ok()? >= there).then_some(()))?;
    let missed = usize::try_from(there.saturating_sub(before))?;
    measured.caught_up = (missed, ready.elapsed(), began.elapsed());
    settled(&all)?;
    let began = Instant::now();
    decide(&all, 1, LONG)?;
    measured.useful = began.elapsed();
    Ok(measured)
}

/// Waits until something is there.
pub(super) fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> Result<T, Error> {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if let Some(found) = look() {
            return Ok(found);
        }
        thread::sleep(TICK);
    }
    Err(format!("{what} takes more than {PATIENCE:?}").into())
}

/// How many decisions a node has certificates of.
fn certified(api: &Api) -> Result<u64, Error> {
    let status = api.read("/v1/status", ANSWER)?;
    let count = field(field(&status, "decisions"), "certified").as_u64();
    Ok(count.ok_or("the status has no count")?)
}

/// Waits until these nodes take part and have the same decisions, all certified; how many.
pub(super) fn settled(members: &[&Member]) -> Result<u64, Error> {
    wait("a rest", || {
        let mut counts = Vec::new();
        for member in members {
            let api = member.api()?;
            let ready = api.get("/readyz", ANSWER).ok()?.status == 200 || members.len() < 4;
            let status = api.read("/v1/status", ANSWER).ok()?;
            let decisions = field(&status, "decisions");
            if *field(decisions, "open") != 0 || !ready {
                return None;
            }
            counts.push(field(decisions, "certified").as_u64()?);
        }
        counts.dedup();
        if let [count] = *counts { Some(count) } else { None }
    })
}

/// Makes so many decisions: these members ask in turn, and all of them vote.
fn decide(members: &[&Member], count: usize, waits: Duration) -> Result<(), Error> {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let ask = || -> Result<(), Error> {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return Ok(());
                }
                let asker = members.get(number % members.len()).ok_or("there is no member")?;
                decide_one(members, asker, waits)?;
            }
        };
        let askers: Vec<_> = (0..OPEN * members.len()).map(|_| scope.spawn(ask)).collect();
        for asker in askers {
            asker.join().map_err(|_| "a thread that asks has panicked")??;
        }
        Ok(())
    })
}

/// Asks, votes and waits for the certificate. Members that are away in between are left out.
fn decide_one(members: &[&Member], asker: &Member, waits: Duration) -> Result<(), Error> {
    let deadline = utc_ms().saturating_add(u64::try_from(waits.as_millis())?);
    let proposal =
        json!({ "title": "Q", "rule": "mean(confidence) > 75", "deadline_ms": deadline });
    let post = |member: &Member, path: &str, body: &Value| -> Option<Value> {
        let answer = member.api()?.post(path, body, ANSWER).ok()?;
        (answer.status == 200).then(|| answer.json())
    };
    let Some(proposed) = post(asker, "/v1/decisions", &proposal) else { return Ok(()) };
    let digest = text(&proposed, "digest");
    for member in members {
        let path = format!("/v1/decisions/{digest}?until=open&wait=30");
        // It has to be there before it can be voted on.
        let known = member.api().and_then(|api| api.get(&path, ANSWER).ok());
        if known.is_some_and(|answer| answer.status == 200) {
            post(member, &format!("/v1/decisions/{digest}/vote"), &json!({ "vote": "80" }));
        }
    }
    wait("a decision", || {
        let path = format!("/v1/decisions/{digest}?until=certified&wait=30");
        members.iter().find_map(|member| {
            let answer = member.api()?.get(&path, ANSWER).ok()?;
            (text(&answer.json(), "phase") == "certified").then_some(())
        })
    })
}

impl Member {
    /// Bytes of its node's process in memory.
    fn memory(&self) -> u64 {
        let Some(process) = self.process() else { return 0 };
        let path = format!("/proc/{}/status", process.as_raw_nonzero());
        let status = fs::read_to_string(path).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        kilobytes.unwrap_or(0_u64) << 10
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "pace        {:.0} decisions a second", self.pace)?;
        for (decisions, memory, disk) in &self.sizes {
            let (memory, disk) = (*memory as f64 / 1_048_576.0, *disk as f64 / 1_048_576.0);
            writeln!(f, "{decisions:>6}      {memory:.1} MiB in memory, {disk:.1} MiB on disk")?;
        }
        writeln!(f, "restarted   {:.1} MiB in memory", self.restarted as f64 / 1_048_576.0)?;
        for Recovery { ready, takes_part } in &self.recoveries {
            let takes_part = takes_part.unwrap_or_default().as_secs_f64();
            let ready = ready.as_secs_f64();
            writeln!(f, "killed      {ready:.2} s to ready, {takes_part:.2} s to taking part")?;
        }
        let (missed, since_ready, since_start) = self.caught_up;
        let rate = missed as f64 / since_ready.as_secs_f64();
        writeln!(
            f,
            "caught up   {missed} certificates, {:.2} s after ready, {:.2} s after the start: {rate:.0} a \
             second",
            since_ready.as_secs_f64(),
            since_start.as_secs_f64()
        )?;
        write!(f, "useful      {:.3} s for the next decision", self.useful.as_secs_f64())
    }
}
