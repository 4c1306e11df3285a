//! Waits until a network is quiet, and collects what the checker reads.

use std::fs;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::api::{Api, field, list, text};
use super::cluster::Cluster;
use super::history::{Asked, Held, History, Listed};
use super::member::Member;
use super::nemesis::look_after;

/// How long a node may take for an answer.
const ANSWER: Duration = Duration::from_secs(20);
const TICK: Duration = Duration::from_millis(100);

/// Waits until all nodes have come back and no second ones run, all are ready, and have the same number of decisions, all
/// certified. Else, what is missing after `patience`.
pub(super) fn wait_until_quiet(
    cluster: &Cluster,
    patience: Duration,
) -> io::Result<Result<Duration, String>> {
    let began = Instant::now();
    loop {
        look_after(cluster)?;
        let Err(missing) = is_quiet(cluster) else { return Ok(Ok(began.elapsed())) };
        if began.elapsed() > patience {
            return Ok(Err(missing));
        }
        thread::sleep(TICK);
    }
}

fn is_quiet(cluster: &Cluster) -> Result<(), String> {
    let mut positions = None;
    for member in &cluster.members {
        let name = &member.name;
        if member.is_older() {
            return Err(format!("{name} has not come back on an old copy of its data"));
        }
        if member.runs_twice() {
            return Err(format!("a second node of {name} runs"));
        }
        let api = member.api().ok_or_else(|| format!("the node of {name} does not run"))?;
        let unheard = |error| format!("the node of {name} does not answer: {error}");
        let readiness = api.get("/readyz", ANSWER).map_err(unheard)?;
        if readiness.status != 200 {
            return Err(format!("the node of {name} is not ready: {}", readiness.json()));
        }
        let status = api.read("/v1/status", ANSWER).map_err(unheard)?;
        let counts = field(&status, "decisions");
        if *field(counts, "open") != 0 {
            return Err(format!("{name} has open decisions: {}", why(&api, &status)));
        }
        let same = positions.get_or_insert_with(|| counts.clone());
        if same != counts {
            return Err(format!("{name} has {counts}, another one {same}"));
        }
    }
    Ok(())
}

/// What the oldest open decision waits for, as its node explains it.
fn why(api: &Api, status: &Value) -> String {
    let id = list(status, "open").last().map_or("", |open| text(open, "id"));
    let path = format!("/v1/decisions/{id}/explain");
    api.read(&path, ANSWER).map_or_else(|error| error.to_string(), |why| why.to_string())
}

/// What a member's node holds.
pub(super) fn held(member: &Member) -> io::Result<Held> {
    let api = member.api().ok_or_else(|| io::Error::other("its node does not run"))?;
    let all = api.read("/v1/decisions", ANSWER)?;
    let mut decisions = Vec::new();
    for decision in list(&all, "decisions") {
        let (digest, phase) = (text(decision, "digest").into(), text(decision, "phase").into());
        let mut certificate = Vec::new();
        if phase == "certified" {
            let file = api.read(&format!("/v1/decisions/{digest}/certificate"), ANSWER)?;
            certificate = unarmoured(text(&file, "certificate"));
        }
        decisions.push(Listed { digest, phase, certificate });
    }
    let status = api.read("/v1/status", ANSWER)?;
    let faults = list(&status, "faults").iter().map(Value::to_string).collect();
    let metrics = api.get("/metrics", ANSWER)?.granted()?;
    let metrics = String::from_utf8_lossy(&metrics).into_owned();
    Ok(Held { decisions, log: String::new(), metrics, faults, older: Vec::new() })
}

/// The bytes between the lines of a certificate; none if they are not there.
fn unarmoured(text: &str) -> Vec<u8> {
    let lines = text.lines().filter(|line| !line.starts_with("-----"));
    let coded: String = lines.collect();
    data_encoding::BASE64.decode(coded.as_bytes()).unwrap_or_default()
}

/// All that is left of a run, with the nodes still running; they are stopped on the way.
pub(super) fn collect(cluster: &Cluster, asked: Vec<Asked>) -> io::Result<History> {
    let unstopped = cluster.members.iter().filter(|member| member.runs_twice());
    let unstopped = unstopped.map(|member| member.name.clone()).collect();
    let mut members = Vec::new();
    for member in &cluster.members {
        // Of a node that does not answer it is said so where it ended, or is not quiet.
        members.push(held(member).unwrap_or_default());
    }
    for member in &cluster.members {
        member.stop();
        member.end_second();
    }
    for (member, held) in cluster.members.iter().zip(&mut members) {
        let second = fs::read(member.second_log()).unwrap_or_default();
        let log = [second, fs::read(member.log())?].concat();
        held.log = String::from_utf8_lossy(&log).into_owned();
        held.older = member.older();
    }
    Ok(History {
        network: cluster.network.clone(),
        names: cluster.members.iter().map(|member| member.name.clone()).collect(),
        asked,
        members,
        ends: cluster.members.iter().flat_map(Member::ends).collect(),
        unstopped,
    })
}
