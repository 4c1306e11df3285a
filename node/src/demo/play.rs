//! What happens in the demo, from the first process to the last certificate.

use std::time::{Duration, Instant};

use futures::future;

use super::cluster::{Cluster, Node};
use super::latency::Latencies;
use super::plan::Plan;
use super::story::{Story, Told};
use crate::api::model::{Decision, NewDecision, NewVote, Outcome, Phase};
use crate::certificate_file::Verified;
use crate::cli::exit::{Exit, Failure};
use crate::cli::time::now_ms;
use crate::cli::verify_certificate;

/// How often nodes are asked whether they are connected and stocked.
const LOOK: Duration = Duration::from_millis(25);

/// How long the first material may take to be made.
const STOCK: Duration = Duration::from_secs(120);

/// How long votes are waited for if all organisations are there; never used up then.
const DEADLINE: Duration = Duration::from_secs(120);

/// The same if some are absent, and so surely used up.
const SHORT_DEADLINE: Duration = Duration::from_secs(4);

/// How long a step of a decision may take before the demo gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// Does what the plan says. The cluster is left in `cluster`, to be ended whatever happens.
///
/// # Errors
/// What a node refuses, or a result that is not as it must be.
pub async fn play(
    plan: &Plan,
    story: &Story,
    cluster: &mut Option<Cluster>,
) -> Result<Told, Failure> {
    story.begin(plan);
    story.working("making each organisation's own keys");
    let start = Instant::now();
    let cluster = cluster.insert(Cluster::new(plan).await?);
    story.working("in the ceremony: making keys, all together");
    let made = cluster.start(plan).await?;
    let mut told = Told { started: start.elapsed(), made, ..Told::default() };
    story.started(plan, &told);
    let start = Instant::now();
    stocked(cluster.nodes(), story).await?;
    told.stocked = start.elapsed();
    story.stocked(plan, told.stocked);
    for number in 1..=plan.decisions {
        let last = number == plan.decisions;
        let kill = if last { plan.kill } else { 0 };
        let decided = decide(plan, story, cluster, number, kill, &mut told.latencies).await?;
        if last {
            told.killed = decided.killed;
            told.verified = Some(decided.verified);
            told.decision = Some(decided.decision);
        }
    }
    Ok(told)
}

/// Waits until every node is connected to all others and holds material for decisions.
async fn stocked(nodes: &[Node], story: &Story) -> Result<(), Failure> {
    let ready = async |node: &Node| -> Result<(), Failure> {
        loop {
            let status = node.client.status().await?;
            let connected = status.connected() + 1 >= nodes.len();
            if connected && status.stock.runs > 0 {
                return Ok(());
            }
            story.working(match connected {
                false => "connecting the nodes",
                true => "making random material, all together",
            });
            tokio::time::sleep(LOOK).await;
        }
    };
    let all = future::try_join_all(nodes.iter().map(ready));
    match tokio::time::timeout(STOCK, all).await {
        Ok(all) => all.map(drop),
        Err(_) => Err(stuck("the nodes made no random material in two minutes")),
    }
}

/// One decision, checked in every way.
struct Decided {
    decision: Decision,
    verified: Verified,
    killed: Vec<String>,
}

async fn decide(
    plan: &Plan,
    story: &Story,
    cluster: &mut Cluster,
    number: usize,
    kill: usize,
    latencies: &mut Latencies,
) -> Result<Decided, Failure> {
    let start = Instant::now();
    let (digest, title) = propose(plan, cluster.nodes(), number).await?;
    let opened = reach(cluster.nodes(), &digest, Phase::Open).await?;
    let position = opened.first().and_then(|decision| decision.position);
    story.proposed(plan, number, &title, position, start.elapsed());
    // All but the last vote, and until every node holds them.
    let (last, first) = cluster.nodes().split_last().ok_or_else(|| stuck("no node is left"))?;
    let mut inputs = plan.inputs.iter();
    let votes = first.iter().zip(inputs.by_ref()).map(|(node, input)| vote(node, &digest, input));
    future::try_join_all(votes).await?;
    hold_votes(cluster.nodes(), &digest, first.len()).await?;
    let input = plan.inputs.get(first.len()).ok_or_else(|| stuck("no input is left"))?;
    let handed_in = Instant::now();
    let mut killed = Vec::new();
    let ends = if kill == 0 {
        let ends = reach(cluster.nodes(), &digest, Phase::Certified);
        future::try_join(vote(last, &digest, input), ends).await?.1
    } else {
        vote(last, &digest, input).await?;
        let survivors = cluster.nodes().get(..plan.survivors()).unwrap_or_default();
        hold_votes(survivors, &digest, plan.present()).await?;
        killed = cluster.kill(kill).await?;
        story.killed(&killed);
        reach(cluster.nodes(), &digest, Phase::Certified).await?
    };
    let latency = handed_in.elapsed();
    latencies.add(latency);
    let decision = same_everywhere(plan, ends)?;
    let mut verified = None;
    for node in cluster.nodes() {
        let file = node.client.certificate(&digest).await?;
        let checked = verify_certificate(&file, &cluster.digest(), &cluster.key()?)?;
        if Some(checked.outcome) != decision.outcome || file.counted != decided_by(&decision) {
            return Err(wrong("a certificate says something else than the nodes"));
        }
        verified = Some(checked);
    }
    let verified = verified.ok_or_else(|| stuck("no node is left"))?;
    story.decided(plan, number, &decision, cluster.nodes().len(), latency);
    Ok(Decided { decision, verified, killed })
}

async fn propose(plan: &Plan, nodes: &[Node], number: usize) -> Result<(String, String), Failure> {
    let title = match plan.decisions {
        1 => "Extend the credit line to Orion Shipping".to_owned(),
        _ => format!("Extend the credit line to Orion Shipping, tranche {number}"),
    };
    let length = if plan.absent == 0 { DEADLINE } else { SHORT_DEADLINE };
    let proposal = NewDecision {
        refresh: false,
        replaces: None,
        document: None,
        title: title.clone(),
        body: "By EUR 40 million, for twelve months.".to_owned(),
        rule: plan.rule.to_string(),
        deadline_ms: now_ms().saturating_add(crate::cli::time::millis(length)),
    };
    let node = nodes.first().ok_or_else(|| stuck("no node is left"))?;
    Ok((node.client.propose(&proposal).await?.digest, title))
}

async fn vote(node: &Node, digest: &str, input: &str) -> Result<(), Failure> {
    node.client.vote(digest, &NewVote { vote: input.to_owned() }).await.map(drop)
}

/// The decision at every node, once it has come to `phase` there.
async fn reach(nodes: &[Node], digest: &str, phase: Phase) -> Result<Vec<Decision>, Failure> {
    let reached = async |node: &Node| {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            let seen = node.client.reached(digest, phase, PATIENCE / 2).await?;
            if seen.decision.phase >= phase {
                return Ok(seen.decision);
            }
        }
        let what = format!("the node of {} did not come to `{}`", node.name, phase.word());
        Err(stuck(&what))
    };
    future::try_join_all(nodes.iter().map(reached)).await
}

/// Waits until every one of `nodes` holds `count` votes.
async fn hold_votes(nodes: &[Node], digest: &str, count: usize) -> Result<(), Failure> {
    let hold = async |node: &Node| {
        let mut seen = node.client.decision(digest).await?;
        let end = Instant::now() + PATIENCE;
        while seen.decision.voted.len() < count && Instant::now() < end {
            let held = seen.decision.voted.len();
            if seen.decision.is_certified() {
                let what = format!("{} decided with {held} of {count} votes", node.name);
                return Err(wrong(&what));
            }
            if let Some(next) = node.client.changed(&seen, Duration::from_secs(1)).await? {
                seen = next;
            }
        }
        match seen.decision.voted.len() >= count {
            true => Ok(()),
            false => Err(stuck(&format!("{} does not hold {count} votes", node.name))),
        }
    };
    future::try_join_all(nodes.iter().map(hold)).await.map(drop)
}

/// The decision, if all nodes have the same, and it is the rule's in the clear.
fn same_everywhere(plan: &Plan, ends: Vec<Decision>) -> Result<Decision, Failure> {
    let mut ends = ends.into_iter();
    let decision = ends.next().ok_or_else(|| stuck("no node is left"))?;
    let of = |d: &Decision| (d.outcome, d.counted.clone(), d.position, d.digest.clone());
    if ends.any(|other| of(&other) != of(&decision)) {
        return Err(wrong("the nodes have different outcomes"));
    }
    let counted = decided_by(&decision);
    let inputs: Vec<u64> = std::iter::zip(&plan.names, &plan.values)
        .filter(|(name, _)| counted.contains(name))
        .map(|(_, value)| *value)
        .collect();
    let expected = match (inputs.len() < decision.minimum, plan.rule.evaluate_clear(&inputs)) {
        (true, _) => Outcome::Expired,
        (false, true) => Outcome::Accepted,
        (false, false) => Outcome::Rejected,
    };
    if decision.outcome != Some(expected) {
        return Err(wrong("the outcome is not the rule's on the counted inputs"));
    }
    Ok(decision)
}

fn decided_by(decision: &Decision) -> Vec<String> {
    decision.counted.clone().unwrap_or_default()
}

fn stuck(what: &str) -> Failure {
    Failure::new(Exit::Pending, what)
        .hint("is the machine busy? run the demo again, or with fewer --orgs")
}

fn wrong(what: &str) -> Failure {
    Failure::new(Exit::Internal, what).hint("this must never happen: please report it")
}
