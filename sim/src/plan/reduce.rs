//! Leaves parts of a plan out.

use std::collections::BTreeSet;

use quorate_protocol::committee::{Committee, PartySet};

use super::Plan;
use crate::draw::party_at;
use crate::schedule::{Discipline, Latency};
use crate::story::{Reducible, left_of, names};

/// The smallest network.
const FEWEST: usize = 4;

impl Reducible for Plan {
    fn parts(&self) -> Vec<String> {
        let mut parts = Vec::new();
        if self.committee.n() > FEWEST {
            parts.push("orgs".into());
        }
        parts.extend(names("q", self.questions.len()));
        for (party, behaviours) in &self.byzantine {
            parts.extend(names(&format!("b{party}."), behaviours.len()));
        }
        parts.extend(names("r", self.restarts.len()));
        parts.extend(names("p", self.pauses.len()));
        parts.extend(names("o", self.outages.len()));
        parts.extend(names("c", self.links.cuts.len()));
        let links = &self.links;
        let more = [
            ("skews", self.skews.iter().any(|skew| *skew != 0)),
            ("bandwidth", links.bandwidth.is_some()),
            ("repeats", links.repeated > 0),
            ("latency", links.latency != Latency::Usual),
            ("discipline", self.discipline != Discipline::Fifo),
            ("window", self.window > 1),
        ];
        parts.extend(more.into_iter().filter(|(_, there)| *there).map(|(name, _)| name.to_owned()));
        parts
    }

    fn without(&self, parts: &BTreeSet<String>) -> Self {
        let gone = |name: &str| parts.contains(name);
        let mut plan = self.clone();
        plan.questions = left_of(&plan.questions, "q", parts);
        for (party, behaviours) in &mut plan.byzantine {
            *behaviours = left_of(behaviours, &format!("b{party}."), parts);
        }
        plan.byzantine.retain(|(_, behaviours)| !behaviours.is_empty());
        plan.restarts = left_of(&plan.restarts, "r", parts);
        plan.pauses = left_of(&plan.pauses, "p", parts);
        plan.outages = left_of(&plan.outages, "o", parts);
        plan.links.cuts = left_of(&plan.links.cuts, "c", parts);
        if gone("skews") {
            plan.skews.fill(0);
        }
        if gone("bandwidth") {
            plan.links.bandwidth = None;
        }
        if gone("repeats") {
            plan.links.repeated = 0;
        }
        if gone("latency") {
            plan.links.latency = Latency::Usual;
        }
        if gone("discipline") {
            plan.discipline = Discipline::Fifo;
        }
        if gone("window") {
            plan.window = 1;
        }
        match Committee::new(FEWEST) {
            Ok(fewest) if gone("orgs") => plan.among(fewest),
            _ => plan,
        }
    }
}

impl Plan {
    /// The same among the first members alone, as far as they tolerate it.
    fn among(mut self, committee: Committee) -> Self {
        let everyone = committee.everyone();
        self.token.orgs = committee.n();
        self.token.byzantine = committee.t();
        self.committee = committee;
        self.policy = super::policy(committee.n());
        self.byzantine.retain(|(party, _)| everyone.contains(*party));
        self.restarts.retain(|restart| everyone.contains(restart.party));
        self.pauses.retain(|pause| everyone.contains(pause.party));
        self.byzantine.truncate(committee.t());
        let byzantine: PartySet = self.byzantine.iter().map(|(party, _)| *party).collect();
        let spare = committee.t() - byzantine.len();
        let killed: PartySet = self.restarts.iter().map(|restart| restart.party).collect();
        let killed: PartySet = killed.difference(byzantine).iter().take(spare).collect();
        self.restarts.retain(|restart| killed.contains(restart.party));
        self.skews.truncate(committee.n());
        for question in &mut self.questions {
            question.proposer = party_at(committee, question.proposer.index());
            question.votes.truncate(committee.n());
            let fits = usize::from(question.minimum) <= committee.n();
            question.minimum =
                if fits { question.minimum } else { super::questions::majority(committee) };
        }
        self.questions.retain(|question| question.rule.check(committee.n()).is_ok());
        self
    }
}
