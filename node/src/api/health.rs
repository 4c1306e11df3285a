//! How a node and its network are: how much more may fail, and what somebody should look at.

use quorate_protocol::committee::PartySet;
use quorate_protocol::decision::life::Phase;
use quorate_protocol::limits;
use quorate_protocol::party::DecisionView;

use super::model::{Health, Margin, NotReady, OpenDecision, Readiness, Warning};
use crate::certificate_file::{name, names};
use crate::cli::terminal;
use crate::cli::time;
use crate::home::Origin;
use crate::roster::Network;
use crate::{NodeStatus, PeerStatus};

/// How long before its deadline a decision that this organisation has not voted on is warned of.
const DEADLINE_NEAR_MS: u64 = 600_000;
/// How long after its deadline and the grace a decision may take before it is warned of.
const OVERDUE_MS: u64 = 30_000;
/// How long after the start of a node it is warned of that nobody is there.
const ALONE_SECONDS: u64 = 30;

/// What brings a member back that got no share.
pub(super) const REPLACE: &str = "quorate member replace --help";

/// How many members may fail before nothing is decided.
pub fn margin(network: &Network, status: &NodeStatus) -> Margin {
    let committee = network.committee();
    let party = &status.party;
    let listening = listens(status) || party.half_back || party.left_behind;
    let away: PartySet =
        status.peers.iter().filter(|peer| !peer.connected).map(|peer| peer.party).collect();
    let faulty: PartySet =
        status.party.faults.iter().filter(|f| f.provable).map(|fault| fault.member).collect();
    let mut failed = away.union(faulty);
    let mut deciding = committee.n() - away.len();
    if listening {
        failed.insert(status.me);
        deciding -= 1;
    }
    Margin {
        here: committee.n() - away.len(),
        failed: failed.len(),
        left: committee.t().checked_sub(failed.len()),
        lacking: committee.quorum().saturating_sub(deciding),
    }
}

/// Whether the node says nothing yet, since it may have forgotten what it said.
pub const fn listens(status: &NodeStatus) -> bool {
    status.older_copy || status.party.returning.is_some()
}

/// All in one word.
pub fn health(margin: &Margin, warnings: &[Warning]) -> Health {
    match (margin.lacking, warnings) {
        (1.., _) => Health::Stuck,
        (0, []) => Health::Ok,
        (0, _) => Health::Degraded,
    }
}

/// Whether the node takes part in decisions now, for programs that ask.
pub fn readiness(network: &Network, status: &NodeStatus) -> Readiness {
    let mut reasons = Vec::new();
    let mut because = |code: &str, detail: String| {
        reasons.push(NotReady { code: code.to_owned(), detail });
    };
    let (margin, committee) = (margin(network, status), network.committee());
    if margin.here < committee.quorum() {
        let (n, quorum) = (committee.n(), committee.quorum());
        let detail = format!("{} of {n} members are here, and it takes {quorum}", margin.here);
        because("too_few_members", detail);
    }
    if status.older_copy {
        because(
            "older_copy",
            "its data directory is an older copy: it only listens yet".to_owned(),
        );
    } else if status.party.returning.is_some() {
        let detail = "it may not know all that it said, and only listens yet";
        because("restored", detail.to_owned());
    } else if status.party.half_back {
        let detail = "it came back, and is heard again once the others have noted that it is back";
        because("restored", detail.to_owned());
    }
    if status.party.left_behind {
        because("left_behind", "it gets no share of the network's new keys".to_owned());
    }
    if is_short(status) {
        because("no_material", "decisions wait for random material".to_owned());
    }
    Readiness { ready: reasons.is_empty(), reasons }
}

/// What somebody should look at, the most pressing first.
pub fn warnings(network: &Network, status: &NodeStatus, now_ms: u64) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut warn =
        |what: String, hint: &str| warnings.push(Warning { what, hint: hint.to_owned() });
    let margin = margin(network, status);
    if margin.lacking > 0 {
        let members = if margin.lacking == 1 { "member takes" } else { "members take" };
        let what = format!("nothing is decided until {} more {members} part", margin.lacking);
        warn(what, "quorate peers");
    } else if margin.failed > 0 && margin.left.is_none_or(|left| left == 0) {
        warn("no further failure is tolerated".to_owned(), "quorate peers");
    }
    if margin.here == 1 && status.uptime_seconds >= ALONE_SECONDS {
        let what = "no other member answers: this machine may be cut off, or the others have given \
                    this organisation's seat to other keys";
        warn(what.to_owned(), "quorate doctor");
    }
    let why = match status.older_copy {
        true => "the data directory is an older copy",
        false => "restored from a backup, or after a loss of power",
    };
    if let Some(silent) = status.party.returning {
        let silent = terminal::names(&names(network, silent));
        let what = format!("{why}: only listens, and has not heard from {silent}");
        warn(what, "quorate status");
    } else if status.older_copy {
        let what = format!("{why}: nothing is said until it is clear that no other node runs");
        warn(what, "quorate status");
    } else if status.party.half_back {
        let what = format!("{why}: heard again once the others have noted that it is back");
        warn(what, "quorate status");
    }
    if status.party.left_behind {
        let what = "restored too late for a share of the new keys: another member proposes new ones \
                    for this seat";
        warn(what.to_owned(), REPLACE);
    }
    if is_short(status) {
        warn("decisions wait for random material".to_owned(), "quorate peers");
    }
    for peer in &status.peers {
        if let Some((what, hint)) = about_peer(peer) {
            warn(what, hint);
        }
    }
    for member in network.committee().parties() {
        let kinds = status.party.faults.iter().filter(|f| f.member == member && f.provable);
        let times: u64 = kinds.map(|fault| fault.times).sum();
        if times > 0 {
            let name = name(network, member);
            warn(format!("{name} is faulty, provably ({times} times)"), "quorate status");
        }
    }
    if let Some(refresh) = &status.refresh {
        let missing = network.committee().everyone().difference(refresh.confirmed);
        let missing = terminal::names(&names(network, missing));
        warn(format!("the keys are being refreshed: not done by {missing}"), "quorate status");
    }
    if status.origin == Origin::Dealer {
        warn(format!("the keys were made by {}", status.origin.words()), "quorate ceremony");
    }
    for decision in &status.open {
        if let Some((what, hint)) = about_decision(status, decision, now_ms) {
            warn(what, &hint);
        }
    }
    warnings
}

/// Whether decisions wait for material.
fn is_short(status: &NodeStatus) -> bool {
    let party = &status.party;
    party.bits_left < 0 || party.triples_left < 0 || party.pairs_left < 0
}

fn about_peer(peer: &PeerStatus) -> Option<(String, &'static str)> {
    let name = &peer.name;
    if let Some(trouble) = &peer.trouble {
        return Some((format!("{name} cannot be talked to: {trouble}"), "quorate doctor"));
    }
    let lost = peer.lost_frames;
    let what = format!("{name} was away for so long that {lost} messages to it are lost");
    (lost > 0).then_some((what, "quorate peers"))
}

fn about_decision(
    status: &NodeStatus,
    decision: &DecisionView,
    now_ms: u64,
) -> Option<(String, String)> {
    let (id, deadline) = (&decision.id, decision.proposal.deadline_ms);
    if needs_you(status, decision, now_ms) && deadline - now_ms < DEADLINE_NEAR_MS {
        let off = time::from_now(deadline, now_ms);
        let what = format!("{id} ends {off}, and this organisation has not voted");
        return Some((what, format!("quorate vote {id}")));
    }
    let grace = time::millis(limits::GRACE);
    let overdue = now_ms > deadline.saturating_add(grace + OVERDUE_MS);
    let what = format!("{id} is undecided, {} after its deadline", over(now_ms, deadline));
    overdue.then(|| (what, format!("quorate explain {id}")))
}

fn over(now_ms: u64, deadline_ms: u64) -> String {
    let seconds = now_ms.saturating_sub(deadline_ms) / 1000;
    time::length(std::time::Duration::from_secs(seconds))
}

/// Whether this organisation can still vote on a decision.
pub const fn needs_you(status: &NodeStatus, decision: &DecisionView, now_ms: u64) -> bool {
    let taken = matches!(decision.phase, Phase::Proposed | Phase::Open)
        && now_ms <= decision.proposal.deadline_ms;
    taken && !decision.i_voted && !decision.follows && !listens(status)
}

/// A decision in a line.
pub fn in_a_line(status: &NodeStatus, decision: &DecisionView, now_ms: u64) -> OpenDecision {
    OpenDecision {
        id: decision.id.clone(),
        title: decision.proposal.title.clone(),
        phase: super::live::phase(decision.phase),
        voted: decision.voted.difference(decision.abstained).len(),
        deadline_ms: decision.proposal.deadline_ms,
        needs_you: needs_you(status, decision, now_ms),
        following: decision.follows || listens(status),
    }
}

#[cfg(test)]
mod tests;
