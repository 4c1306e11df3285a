//! Leaves parts of a plan out.

use std::collections::BTreeSet;

use super::plan::Plan;
use crate::schedule::{Discipline, Latency};
use crate::story::{Reducible, left_of, names};

impl Reducible for Plan {
    fn parts(&self) -> Vec<String> {
        let mut parts = Vec::new();
        for (party, behaviours) in &self.byzantine {
            parts.extend(names(&format!("b{party}."), behaviours.len()));
        }
        parts.extend(names("r", self.restarts.len()));
        parts.extend(names("c", self.links.cuts.len()));
        let links = &self.links;
        let more = [
            ("begins", self.begins.iter().any(|time| *time > 0)),
            ("bandwidth", links.bandwidth.is_some()),
            ("repeats", links.repeated > 0),
            ("latency", links.latency != Latency::Usual),
            ("discipline", self.discipline != Discipline::Fifo),
        ];
        parts.extend(more.into_iter().filter(|(_, there)| *there).map(|(name, _)| name.to_owned()));
        parts
    }

    fn without(&self, parts: &BTreeSet<String>) -> Self {
        let gone = |name: &str| parts.contains(name);
        let mut plan = self.clone();
        for (party, behaviours) in &mut plan.byzantine {
            *behaviours = left_of(behaviours, &format!("b{party}."), parts);
        }
        plan.byzantine.retain(|(_, behaviours)| !behaviours.is_empty());
        plan.restarts = left_of(&plan.restarts, "r", parts);
        plan.links.cuts = left_of(&plan.links.cuts, "c", parts);
        if gone("begins") {
            plan.begins.fill(0);
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
        plan
    }
}
