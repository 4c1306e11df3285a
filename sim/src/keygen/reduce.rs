//! Leaves parts of a plan out.

use std::collections::BTreeSet;

use super::plan::Plan;
use crate::reduce::{
    Reducible, behaviours, left_of, left_of_behaviours, left_of_travel, names, single, travel,
};

impl Reducible for Plan {
    fn parts(&self) -> Vec<String> {
        let lists = behaviours(&self.byzantine).chain(names("r", self.restarts.len()));
        let begins = self.begins.iter().any(|time| *time > 0);
        let travel = travel(&self.links, self.discipline);
        lists.chain(single(&[("begins", begins)])).chain(travel).collect()
    }

    fn without(&self, parts: &BTreeSet<String>) -> Self {
        let (links, discipline) = left_of_travel(&self.links, self.discipline, parts);
        let begins =
            if parts.contains("begins") { vec![0; self.begins.len()] } else { self.begins.clone() };
        Self {
            links,
            discipline,
            begins,
            byzantine: left_of_behaviours(&self.byzantine, parts),
            restarts: left_of(&self.restarts, "r", parts),
            ..self.clone()
        }
    }
}
