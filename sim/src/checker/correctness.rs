//! The outcome is the rule applied, in the clear, to the counted inputs as they were entered; it is
//! `expired` exactly if fewer were counted than the proposal asks for; and no honest member is counted
//! who entered nothing. A Byzantine member may broadcast anything under its masks, so it counts as any
//! input of the range: what exactly was counted of it, [`openings`](super::openings) knows.
//!
//! The rule is computed by a [`Reference`] that shares nothing with the protocol's evaluation.

use std::collections::BTreeSet;

use quorate_protocol::decision::certificate::{Outcome, Statement};

use super::reference::Reference;
use super::{Checker, Observation, What};
use crate::ghost::{Asked, Ghost};

/// See the [module](self).
#[derive(Default)]
pub(super) struct Correctness;

impl Checker for Correctness {
    fn name(&self) -> &'static str {
        "correctness"
    }

    fn check(&mut self, ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        let What::Certified { by, statement, verifies, .. } = seen.what else { return Ok(()) };
        if !verifies {
            return Err(format!("a certificate at {by} does not verify"));
        }
        let Some(asked) = ghost.questions.get(&statement.proposal) else {
            return Err(format!("{by} has a certificate for what nobody asked"));
        };
        if !statement.counted.within(ghost.committee) {
            return Err(format!("{} are not all members", statement.counted));
        }
        let counted = statement.counted.len();
        let expired = counted < usize::from(asked.proposal.minimum);
        if expired != (statement.outcome == Outcome::Expired) {
            return Err(format!(
                "{} with {counted} counted of at least {}",
                statement.outcome, asked.proposal.minimum
            ));
        }
        let Some(rule) = Reference::of(&asked.proposal.rule) else {
            return Err(format!("`{}` is no rule", asked.proposal.rule));
        };
        let accepted = statement.outcome == Outcome::Accepted;
        let sums = sums(ghost, asked, statement, rule.greatest)?;
        if expired || sums.iter().any(|sum| rule.accepts(*sum, counted) == accepted) {
            return Ok(());
        }
        Err(format!(
            "{} is {} of {counted}, but the inputs' sum is one of {sums:?}",
            asked.proposal.rule, statement.outcome
        ))
    }
}

/// The sums of the inputs that may have been counted. An honest member that was killed may have been
/// asked for its input again, and have given another one.
fn sums(
    ghost: &Ghost,
    asked: &Asked,
    statement: &Statement,
    greatest: u64,
) -> Result<BTreeSet<u64>, String> {
    let mut sums = BTreeSet::from([0]);
    for member in statement.counted.iter() {
        let honest = ghost.honest(member);
        if honest && asked.inputs[member].is_empty() {
            return Err(format!("{member} is counted, but entered nothing"));
        }
        let any: Vec<u64> = (0..=greatest).collect();
        let inputs = if honest { &asked.inputs[member] } else { &any };
        sums = sums.iter().flat_map(|sum| inputs.iter().map(move |value| sum + value)).collect();
    }
    Ok(sums)
}
