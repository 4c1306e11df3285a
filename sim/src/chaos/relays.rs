//! What it costs decisions when members cannot connect directly: when others relay for two pairs of
//! them, and when all stand in a line.

use std::fmt;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::api::{list, text};
use super::cluster::{self, Cluster};
use super::member::Member;
use super::people::utc_ms;
use super::restarts::{ANSWER, LONG, settled, wait};
use super::summary::percentile;
use super::{Error, begin_once};

/// Decisions of one network before those of the next, so that all meet the machine as it is.
const BATCH: usize = 20;

/// What to measure.
#[derive(Clone, Debug)]
pub(crate) struct Relays<'a> {
    pub(crate) n: usize,
    /// How many, for each network.
    pub(crate) decisions: usize,
    pub(crate) program: &'a Path,
    pub(crate) folder: &'a Path,
}

/// Who can connect to whom.
#[derive(Clone, Copy, Debug)]
enum Shape {
    /// All to all.
    Direct,
    /// The first two not to each other, and neither the last two.
    Pairs,
    /// Each to the next.
    Line,
}

/// A network of one shape, and how long its decisions took from the last vote to all certificates.
struct Network {
    shape: Shape,
    cluster: Cluster,
    times: Vec<Duration>,
}

/// What came out.
#[derive(Debug)]
pub(crate) struct Cost {
    /// By shape, as long as its decisions took.
    times: Vec<(Shape, Vec<Duration>)>,
}

impl Shape {
    const ALL: [Self; 3] = [Self::Direct, Self::Pairs, Self::Line];

    /// How many members are between two at least.
    fn between(self, n: usize, a: usize, b: usize) -> usize {
        let apart = match self {
            Self::Direct => false,
            Self::Pairs => [(0, 1), (n - 2, n - 1)].contains(&(a.min(b), a.max(b))),
            Self::Line => return a.abs_diff(b).saturating_sub(1),
        };
        usize::from(apart)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Direct => "all connected",
            Self::Pairs => "two pairs apart",
            Self::Line => "a line",
        })
    }
}

/// Measures.
///
/// # Errors
/// A network cannot be set up, does not connect as it should, or does not get on.
pub(crate) fn run(plan: &Relays<'_>, tell: &dyn Fn(&str)) -> Result<Cost, Error> {
    let mut networks = Vec::new();
    for shape in Shape::ALL {
        let network = Network::start(plan, shape)?;
        tell(&format!("{shape}: connected as it should be"));
        networks.push(network);
    }
    // The first ones have the material made.
    for network in &mut networks {
        network.decide(BATCH)?;
        network.times.clear();
    }
    let mut left = plan.decisions;
    while left > 0 {
        let batch = left.min(BATCH);
        networks.iter_mut().try_for_each(|network| network.decide(batch))?;
        left -= batch;
        tell(&format!("{left} decisions left of each"));
    }
    let times = networks.into_iter().map(|network| (network.shape, network.times));
    Ok(Cost { times: times.collect() })
}

impl Network {
    fn start(plan: &Relays<'_>, shape: Shape) -> Result<Self, Error> {
        let folder = plan.folder.join(format!("{shape:?}"));
        fs::create_dir(&folder)?;
        let cluster = Cluster::set_up(&cluster::Plan {
            folder: &folder,
            program: plan.program,
            n: plan.n,
            proxies: None,
            disks: &[],
            arguments: &[],
        })?;
        for member in &cluster.members {
            keep_apart(member, |other| shape.between(plan.n, member.who, other) > 0)?;
        }
        begin_once(&cluster)?;
        let connected = |member: &Member| {
            let status = member.api()?.read("/v1/status", ANSWER).ok()?;
            let mut others = (0..plan.n).filter(|other| *other != member.who);
            let mut peers = list(&status, "peers").iter();
            let as_it_should = |other: usize| {
                let through = peers.next().map(|peer| list(peer, "through").len());
                through == Some(shape.between(plan.n, member.who, other))
            };
            others.all(as_it_should).then_some(())
        };
        for member in &cluster.members {
            wait("a connection", || connected(member))?;
        }
        Ok(Self { shape, cluster, times: Vec::new() })
    }

    /// Makes so many decisions, one after the other.
    fn decide(&mut self, count: usize) -> Result<(), Error> {
        let members: Vec<_> = self.cluster.members.iter().collect();
        for number in 0..count {
            self.times.push(decide(&members, number % members.len())?);
        }
        settled(&members).map(drop)
    }
}

/// Has a member look for some others where nobody is. Addresses are not what members agree on.
fn keep_apart(member: &Member, apart: impl Fn(usize) -> bool) -> Result<(), Error> {
    let file = member.dir().join("network.toml");
    let mut roster: toml::Table = toml::from_str(&fs::read_to_string(&file)?)?;
    let cards = roster.get_mut("members").and_then(toml::Value::as_array_mut);
    let cards = cards.into_iter().flatten().enumerate().filter(|(other, _)| apart(*other));
    for (other, card) in cards {
        let nobody = format!("/ip4/127.0.0.1/tcp/{}", other + 1);
        if let Some(card) = card.as_table_mut() {
            card.insert("addresses".into(), vec![nobody].into());
        }
    }
    Ok(fs::write(file, toml::to_string(&roster)?)?)
}

/// One decision; how long it took from the last vote to all certificates.
fn decide(members: &[&Member], asker: usize) -> Result<Duration, Error> {
    let api = |member: &Member| member.api().ok_or("a node is gone");
    let asker = members.get(asker).ok_or("there is no member")?;
    let deadline = utc_ms().saturating_add(u64::try_from(LONG.as_millis())?);
    let proposal =
        json!({ "title": "Q", "rule": "mean(confidence) > 75", "deadline_ms": deadline });
    let answer = api(asker)?.post("/v1/decisions", &proposal, ANSWER)?;
    let proposed = serde_json::from_slice(&answer.granted()?)?;
    let at = format!("/v1/decisions/{}", text(&proposed, "digest"));
    let everywhere = |until: &str| -> Result<(), Error> {
        members.iter().try_for_each(|member| {
            wait(until, || {
                let path = format!("{at}?until={until}&wait=30");
                let seen = api(member).ok()?.read(&path, ANSWER).ok()?;
                (until == "open" || text(&seen, "phase") == until).then_some(())
            })
        })
    };
    let vote = |member: &Member| -> Result<(), Error> {
        let vote = json!({ "vote": "80" });
        api(member)?.post(&format!("{at}/vote"), &vote, ANSWER)?.granted()?;
        Ok(())
    };
    everywhere("open")?;
    let (last, first) = members.split_last().ok_or("there is no member")?;
    first.iter().try_for_each(|member| vote(member))?;
    for member in members {
        wait("votes", || {
            let seen = api(member).ok()?.read(&at, ANSWER).ok()?;
            (list(&seen, "voted").len() >= first.len()).then_some(())
        })?;
    }
    let began = Instant::now();
    thread::scope(|scope| {
        let voting = scope.spawn(|| vote(last));
        everywhere("certified")?;
        voting.join().map_err(|_| "a thread that votes has panicked")?
    })?;
    Ok(began.elapsed())
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (shape, times)) in self.times.iter().enumerate() {
            let mut times = times.clone();
            times.sort_unstable();
            let ms = |percent| percentile(&times, percent).as_secs_f64() * 1000.0;
            let end = if number + 1 < self.times.len() { "\n" } else { "" };
            write!(
                f,
                "{shape:<16} p50 {:.1} ms, p99 {:.1} ms, {} decisions, last vote to all certificates{end}",
                ms(50),
                ms(99),
                times.len()
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_keeps_apart_whom_it_says() {
        let apart = |shape: Shape, n: usize| -> Vec<(usize, usize, usize)> {
            let pairs = (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b)));
            let between = pairs.map(|(a, b)| (a, b, shape.between(n, a, b)));
            let apart = between.filter(|(_, _, between)| *between > 0).collect::<Vec<_>>();
            assert!(apart.iter().all(|(a, b, between)| shape.between(n, *b, *a) == *between));
            apart
        };
        assert_eq!(apart(Shape::Direct, 4), []);
        assert_eq!(apart(Shape::Pairs, 5), [(0, 1, 1), (3, 4, 1)]);
        assert_eq!(apart(Shape::Line, 4), [(0, 2, 1), (0, 3, 2), (1, 3, 1)]);
    }
}
