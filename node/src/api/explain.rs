//! Why a decision is not decided yet, in words: what the party knows, joined with who is there.
//!
//! Nothing here depends on a vote: only on who has sent what, and when it has to be there.

use std::time::Duration;

use quorate_protocol::PartyId;
use quorate_protocol::committee::{Committee, PartySet};
use quorate_protocol::decision::life::waits::{Step, Waits};
use quorate_protocol::limits;
use quorate_protocol::party::{DecisionView, Standing};

use super::health::{self, REPLACE, listens, needs_you};
use super::live;
use super::model::{Explanation, Margin, Missing, Outcome};
use crate::DecisionStanding;
use crate::certificate_file::{name, names};
use crate::cli::{terminal, time};
use crate::roster::Network;

/// Explains a decision as it is at `now_ms`.
pub fn explain(network: &Network, known: &DecisionStanding, now_ms: u64) -> Explanation {
    let DecisionStanding { decision, standing, node } = known;
    let committee = network.committee();
    let about = About {
        network,
        committee,
        decision,
        margin: health::margin(network, node),
        known,
        now_ms,
    };
    let mut standing = *standing;
    // Our own vote is durable and on its way, though our own copy of it may not have come round.
    if let Some(Standing { waits: Waits { step: Step::Ballots, here, .. }, .. }) = &mut standing
        && decision.i_voted
    {
        here.insert(node.me);
    }
    let waits = standing.map(|standing| standing.waits);
    let missing = standing.map_or(PartySet::EMPTY, |standing| about.missing(&standing));
    let (you, next) = about.you(missing);
    Explanation {
        id: decision.id.clone(),
        digest: decision.digest.to_string(),
        title: decision.proposal.title.clone(),
        phase: live::phase(decision.phase),
        outcome: decision.outcome.map(Into::into),
        deadline_ms: decision.proposal.deadline_ms,
        members: committee.n(),
        tolerates: committee.t(),
        quorum: committee.quorum(),
        step: waits.map(|waits| word(waits.step).to_owned()),
        waits_for: waits.map_or_else(|| about.decided(), |waits| about.waits_for(&waits)),
        have: waits.map_or(0, |waits| waits.here.len().min(waits.needed)),
        needed: waits.map_or(0, |waits| waits.needed),
        missing: missing.iter().map(|member| about.one_missing(member)).collect(),
        unblocks: standing.map_or_else(
            || "nothing is needed: it is decided".to_owned(),
            |standing| about.unblocks(&standing, missing),
        ),
        you,
        next,
    }
}

/// What an explanation is made from.
struct About<'a> {
    network: &'a Network,
    committee: Committee,
    decision: &'a DecisionView,
    margin: Margin,
    known: &'a DecisionStanding,
    now_ms: u64,
}

impl About<'_> {
    fn decided(&self) -> String {
        let Some(outcome) = self.decision.outcome.map(Outcome::from) else {
            return "nothing".to_owned();
        };
        match (outcome, self.decision.counted) {
            (Outcome::Expired, Some(counted)) => {
                let why = too_few(counted.len(), self.decision.proposal.minimum.into());
                format!("nothing: it is expired, {why}")
            }
            _ => format!("nothing: it is {}", outcome.word()),
        }
    }

    /// Whose vote is in, abstentions apart.
    fn votes(&self) -> usize {
        let mut votes = self.decision.voted.difference(self.decision.abstained);
        if self.decision.i_voted {
            votes.insert(self.known.node.me);
        }
        votes.len()
    }

    fn waits_for(&self, waits: &Waits) -> String {
        let (n, have, needed) = (self.committee.n(), waits.here.len(), waits.needed);
        let of = format!("{} of {needed}", have.min(needed));
        match waits.step {
            Step::Broadcast => {
                format!("its way to the other members, which takes {needed} of {n}")
            }
            Step::Slot => format!("its place in the ledger: the lists of {of} members are here"),
            Step::SlotOfOthers => format!(
                "what {needed} other members say of its place in the ledger: this node may have \
                 spoken of it before it lost its store, and now says nothing"
            ),
            Step::Material => {
                format!("random material for it: the parts of {of} members are complete")
            }
            Step::MaterialOfOthers => format!(
                "what {needed} other members say of the random material for it: this node may have \
                 helped to make it before it lost its store, and now says nothing"
            ),
            Step::Masks => format!("the masks of this organisation's vote, of {of} members"),
            Step::Ballots => {
                let missing = n - have;
                let votes = if missing == 1 { "vote" } else { "votes" };
                format!("{missing} more {votes}: {have} of {n} are in")
            }
            Step::InputSet => format!("agreement on whose votes count: settled for {have} of {n}"),
            Step::Opening { done, all } => format!(
                "the computation, step {} of {all}: the parts of {of} members are here",
                all.min(done + 1)
            ),
            Step::Signature => format!("the network's signature: the parts of {of} members"),
            Step::Document => "the document that is to be signed, from another member".to_owned(),
            Step::Certificate if self.decision.follows => {
                "the certificate from the others: this node may have forgotten what it said, and only \
                 follows it"
                    .to_owned()
            }
            Step::Certificate => "the certificate from the others".to_owned(),
        }
    }

    /// Whose part is not here, or, where that cannot be said, who is not there.
    fn missing(&self, standing: &Standing) -> PartySet {
        let Waits { step, here, needed } = standing.waits;
        match step {
            Step::Slot
            | Step::Material
            | Step::Masks
            | Step::Ballots
            | Step::Opening { .. }
            | Step::Signature => {
                // All that it takes are here: what is missing is not what it waits for.
                let enough = here.len() >= needed;
                let all = self.committee.everyone();
                if enough { PartySet::EMPTY } else { all.difference(here) }
            }
            _ if self.margin.lacking > 0 => self.away(),
            // Nobody's word is counted, and these have said nothing at all.
            Step::Broadcast if self.committee.n() - standing.silent.len() < needed => {
                standing.silent
            }
            _ => PartySet::EMPTY,
        }
    }

    fn unblocks(&self, standing: &Standing, missing: PartySet) -> String {
        let Waits { step, here, needed } = standing.waits;
        let deadline = self.decision.proposal.deadline_ms;
        let away = self.away();
        let lacking = self.margin.lacking;
        let mut text = match step {
            Step::Ballots if self.now_ms < deadline => format!(
                "{}, or the deadline {}: then it goes on without",
                if missing.len() == 1 { "that vote" } else { "these votes" },
                time::from_now(deadline, self.now_ms)
            ),
            Step::Ballots => format!(
                "its deadline has passed: it goes on without in a moment, at most {} after it",
                time::length(limits::GRACE)
            ),
            _ if !missing.is_empty() && here.len() < needed => {
                format!("{} of {}", needed - here.len(), self.list(missing))
            }
            // Votes are not told to whoever only follows.
            Step::Certificate if lacking == 0 && self.decision.follows => {
                let me: PartySet = [self.known.node.me].into_iter().collect();
                let others = self.list(self.committee.everyone().difference(me));
                match self.now_ms < deadline {
                    true => format!(
                        "the votes of {others}, or the deadline {}: then they go on without",
                        time::from_now(deadline, self.now_ms)
                    ),
                    false => format!("{others}: they go on with the votes that are in"),
                }
            }
            _ if lacking == 0 => "nothing is needed: it goes on by itself".to_owned(),
            _ => format!("{lacking} more of {}", self.list(away)),
        };
        let minimum = usize::from(self.decision.proposal.minimum);
        if step == Step::Ballots && self.votes() < minimum {
            text.push_str(&format!("; with fewer than {minimum} votes it expires"));
        }
        if lacking > 0 && step == Step::Ballots {
            let more = format!("; it then takes {lacking} more of {} to decide", self.list(away));
            text.push_str(&more);
        }
        if standing.epoch_ends && self.decision.position.is_none() {
            text.push_str(
                "; the keys are being refreshed, and if it has no place in the ledger before that \
                 ends it lapses",
            );
        }
        text
    }

    /// What this organisation can do, and what to type for it.
    fn you(&self, missing: PartySet) -> (String, Option<String>) {
        let id = &self.decision.id;
        if self.known.standing.is_none() {
            let show = "it is decided: see its certificate".to_owned();
            return (show, Some(format!("quorate cert {id}")));
        }
        if listens(&self.known.node) {
            let only = "nothing: this node may have forgotten what it said, and takes part again \
                        once it has heard from most others";
            return (only.to_owned(), Some("quorate status".to_owned()));
        }
        if self.known.node.party.left_behind {
            let only = "nothing: this node was restored too late for a share of the new keys, and \
                        another member has to propose new ones for this seat";
            return (only.to_owned(), Some(REPLACE.to_owned()));
        }
        if needs_you(&self.known.node, self.decision, self.now_ms) {
            let vote = "vote: this organisation has not".to_owned();
            return (vote, Some(format!("quorate vote {id}")));
        }
        let away = self.away();
        let gone = missing.intersection(away);
        if !gone.is_empty() {
            let ask = format!("ask {} whether its node runs and can be reached", self.list(gone));
            return (ask, Some("quorate peers".to_owned()));
        }
        let voters = missing.difference([self.known.node.me].into_iter().collect());
        let open = self.known.standing.is_some_and(|s| s.waits.step == Step::Ballots);
        if open && !voters.is_empty() {
            let ask = format!("nothing, or ask {} to vote", self.list(voters));
            return (ask, Some(format!("quorate wait {id}")));
        }
        ("nothing".to_owned(), Some(format!("quorate wait {id}")))
    }

    fn one_missing(&self, member: PartyId) -> Missing {
        let node = &self.known.node;
        let peer = node.peers.iter().find(|peer| peer.party == member);
        let silent = self.known.standing.is_some_and(|s| s.silent.contains(member));
        Missing {
            name: name(self.network, member),
            you: member == node.me,
            connected: peer.is_none_or(|peer| peer.connected),
            last_seen_ms_ago: peer.and_then(|peer| peer.last_seen_ms_ago),
            silent,
        }
    }

    fn away(&self) -> PartySet {
        let peers = self.known.node.peers.iter();
        peers.filter(|peer| !peer.connected).map(|peer| peer.party).collect()
    }

    fn list(&self, members: PartySet) -> String {
        terminal::names(&names(self.network, members))
    }
}

/// Why a decision has expired.
pub fn too_few(counted: usize, minimum: usize) -> String {
    let votes = if counted == 1 { "vote" } else { "votes" };
    format!("with {counted} {votes} that count, and it takes {minimum}")
}

/// A member of whom something is missing, in words: `Delta Freight (away, last seen 41 s ago)`.
pub fn who(missing: &Missing) -> String {
    let name = terminal::clean(&missing.name);
    if missing.you {
        return format!("{name} (this organisation)");
    }
    let seen = missing.last_seen_ms_ago.map(|ms| time::length(Duration::from_secs(ms / 1000)));
    match (missing.connected, seen) {
        (true, _) if missing.silent => format!("{name} (connected, says nothing)"),
        (true, _) => format!("{name} (connected)"),
        (false, Some(ago)) => format!("{name} (away, last seen {ago} ago)"),
        (false, None) => format!("{name} (not seen yet)"),
    }
}

const fn word(step: Step) -> &'static str {
    match step {
        Step::Broadcast => "broadcast",
        Step::Slot => "position",
        Step::SlotOfOthers => "position_of_others",
        Step::Material => "material",
        Step::MaterialOfOthers => "material_of_others",
        Step::Masks => "masks",
        Step::Ballots => "votes",
        Step::InputSet => "input_set",
        Step::Opening { .. } => "computation",
        Step::Signature => "signature",
        Step::Document => "document",
        Step::Certificate => "certificate",
    }
}

#[cfg(test)]
mod tests;
