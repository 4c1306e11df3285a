//! Leaves parts of a plan out.

use std::collections::BTreeSet;

use quorate_protocol::committee::{Committee, PartySet};

use super::Plan;
use super::check::{target, victims};
use crate::draw::party_at;
use crate::reduce::{
    Reducible, behaviours, left_of, left_of_behaviours, left_of_travel, names, single, travel,
};
use crate::schedule::{Discipline, Latency, Links};

/// The smallest network.
const FEWEST: usize = 4;

impl Reducible for Plan {
    fn parts(&self) -> Vec<String> {
        let smaller = single(&[("orgs", self.committee.n() > FEWEST)]).collect::<Vec<_>>();
        let more =
            [("skews", self.skews.iter().any(|skew| *skew != 0)), ("window", self.window > 1)];
        smaller
            .into_iter()
            .chain(names("q", self.questions.len()))
            .chain(behaviours(&self.byzantine))
            .chain(names("r", self.restarts.len()))
            .chain(names("p", self.pauses.len()))
            .chain(names("o", self.outages.len()))
            .chain(travel(&self.links, self.discipline))
            .chain(single(&more))
            .collect()
    }

    fn without(&self, parts: &BTreeSet<String>) -> Self {
        let gone = |name: &str| parts.contains(name);
        let (links, discipline) = left_of_travel(&self.links, self.discipline, parts);
        let plan = Self {
            questions: left_of(&self.questions, "q", parts),
            byzantine: left_of_behaviours(&self.byzantine, parts),
            restarts: left_of(&self.restarts, "r", parts),
            pauses: left_of(&self.pauses, "p", parts),
            outages: left_of(&self.outages, "o", parts),
            links,
            discipline,
            skews: if gone("skews") { vec![0; self.skews.len()] } else { self.skews.clone() },
            window: if gone("window") { 1 } else { self.window },
            ..self.clone()
        };
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
        among_links(&mut self.links, &mut self.discipline, committee);
        self.token.orgs = committee.n();
        self.token.byzantine = committee.t();
        self.committee = committee;
        self.policy = super::policy(committee.n());
        self.byzantine.retain(|(party, _)| everyone.contains(*party));
        for (_, behaviours) in &mut self.byzantine {
            behaviours
                .retain(|behaviour| target(*behaviour).is_none_or(|of| everyone.contains(of)));
            for victims in behaviours.iter_mut().filter_map(victims) {
                *victims = victims.intersection(everyone);
            }
        }
        self.byzantine.retain(|(_, behaviours)| !behaviours.is_empty());
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

/// What is left of how frames travel among these members.
fn among_links(links: &mut Links, discipline: &mut Discipline, committee: Committee) {
    let everyone = committee.everyone();
    for cut in &mut links.cuts {
        (cut.from, cut.to) = (cut.from.intersection(everyone), cut.to.intersection(everyone));
    }
    links.cuts.retain(|cut| !cut.from.is_empty() && !cut.to.is_empty());
    if let Latency::Regions { of } = &mut links.latency {
        of.truncate(committee.n());
    }
    match discipline {
        Discipline::Starved { from, to, .. }
            if !(everyone.contains(*from) && everyone.contains(*to)) =>
        {
            *discipline = Discipline::Random;
        }
        Discipline::Slow { parties } => *parties = parties.intersection(everyone),
        _ => {}
    }
}
