//! The outcome is the rule applied, in the clear, to the counted inputs as they were entered; it is
//! `expired` exactly if fewer were counted than the proposal asks for; and nobody is counted who
//! entered nothing.

use quorate_protocol::decision::certificate::{Outcome, Statement};

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
        let expired = statement.counted.len() < usize::from(asked.proposal.minimum);
        if expired != (statement.outcome == Outcome::Expired) {
            return Err(format!(
                "{} with {} counted of at least {}",
                statement.outcome,
                statement.counted.len(),
                asked.proposal.minimum
            ));
        }
        let possible = possible(asked, statement)?;
        let fits = |inputs: &Vec<u64>| {
            asked.proposal.rule.evaluate_clear(inputs) == (statement.outcome == Outcome::Accepted)
        };
        if expired || possible.iter().any(fits) {
            return Ok(());
        }
        Err(format!(
            "{} is {}, but the inputs were {possible:?}",
            asked.proposal.rule, statement.outcome
        ))
    }
}

/// The inputs that may have been counted: several only where twins entered two.
fn possible(asked: &Asked, statement: &Statement) -> Result<Vec<Vec<u64>>, String> {
    let mut all = vec![Vec::new()];
    for member in statement.counted.iter() {
        let entered = &asked.inputs[member];
        if entered.is_empty() {
            return Err(format!("{member} is counted, but entered nothing"));
        }
        let with = |inputs: &Vec<u64>| {
            let inputs = inputs.clone();
            entered.iter().map(move |value| {
                let mut inputs = inputs.clone();
                inputs.push(*value);
                inputs
            })
        };
        all = all.iter().flat_map(with).collect::<Vec<_>>();
    }
    Ok(all)
}
