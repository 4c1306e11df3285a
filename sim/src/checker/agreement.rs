//! No two honest parties hold different outcomes, counted sets, ledger positions or histories for
//! one proposal, and no position has two proposals.

use std::collections::BTreeMap;

use quorate_protocol::committee::PartyId;
use quorate_protocol::crypto::Digest;
use quorate_protocol::decision::certificate::Statement;

use super::{Checker, Observation, What};
use crate::ghost::Ghost;

/// See the [module](self).
#[derive(Default)]
pub(super) struct Agreement {
    statements: BTreeMap<Digest, (PartyId, Statement)>,
    positions: BTreeMap<Digest, (PartyId, u64)>,
    decisions: BTreeMap<u64, (PartyId, Digest)>,
}

impl Agreement {
    fn at(&mut self, by: PartyId, decision: Digest, position: u64) -> Result<(), String> {
        let (first, held) = *self.positions.entry(decision).or_insert((by, position));
        if held != position {
            return Err(format!(
                "one proposal is at position {held} at {first} and at {position} at {by}"
            ));
        }
        let (first, held) = *self.decisions.entry(position).or_insert((by, decision));
        if held != decision {
            return Err(format!("position {position} is another proposal at {first} than at {by}"));
        }
        Ok(())
    }
}

impl Checker for Agreement {
    fn name(&self) -> &'static str {
        "agreement"
    }

    fn check(&mut self, _ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        match seen.what {
            What::Ordered { by, decision, position, .. } => self.at(by, decision, position),
            What::Certified { by, statement, .. } => {
                self.at(by, statement.proposal, statement.position)?;
                let first = self.statements.entry(statement.proposal);
                let (first, held) = first.or_insert_with(|| (by, statement.clone()));
                if held == statement {
                    return Ok(());
                }
                Err(format!(
                    "position {}: {} of {} at {first}, {} of {} at {by}",
                    statement.position,
                    held.outcome,
                    held.counted,
                    statement.outcome,
                    statement.counted
                ))
            }
            _ => Ok(()),
        }
    }
}
