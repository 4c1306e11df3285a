//! `exhaustive`: every order of delivery of a round and a broadcast.

use std::process::ExitCode;
use std::time::Instant;

use clap::value_parser;

use super::failed;
use super::say::say;
use crate::exhaustive::broadcast::Broadcast;
use crate::exhaustive::crusader::Crusader;
use crate::exhaustive::{Model, Space, production, search};
use crate::report::Violation;

/// How often the code is run beside each model.
#[derive(clap::Args)]
pub(super) struct Exhaustive {
    /// Random runs of the code for each model; each state must be one of the model's. From 1000 on
    #[arg(long, default_value_t = 5_000, value_parser = value_parser!(u64).range(1_000..))]
    runs: u64,
}

impl Exhaustive {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        Ok(self.all().map_or_else(
            |violation| failed(&"the model or the code", &violation),
            |()| ExitCode::SUCCESS,
        ))
    }

    fn all(&self) -> Result<(), Violation> {
        // A thousand runs are in about 11 %, 3 %, 62 % and 63 % of the states.
        for (model, least) in [(Crusader::public(), 3), (Crusader::binding(), 1)] {
            let invariants = "weak agreement, validity, termination";
            let bound = if model.must_bind { ", binding" } else { "" };
            let space = searched(&model, &format!("{invariants}{bound}"))?;
            let visited = production::crusader(&model, &space, 0..self.runs)?;
            self.compared(&space, visited, least)?;
        }
        for (model, invariants) in [
            (Broadcast::honest_sender(), "integrity, agreement, validity"),
            (Broadcast::byzantine_sender(), "agreement, totality"),
        ] {
            let space = searched(&model, invariants)?;
            let visited = production::broadcast(&model, &space, 0..self.runs)?;
            self.compared(&space, visited, 25)?;
        }
        say!();
        controls()
    }

    /// Says how many states the code was in: `least` of a hundred at the least.
    fn compared<S>(&self, space: &Space<S>, visited: usize, least: usize) -> Result<(), Violation> {
        let all = space.numbers.len();
        say!(
            "  {} runs of the code were in {visited} of the {all} states, and in no other",
            self.runs
        );
        if visited * 100 >= all * least {
            return Ok(());
        }
        let what = format!("{visited} of {all} states are too few: {least} % must be visited");
        Err(Violation { time: 0, checker: "exhaustive", what })
    }
}

/// Visits all states, and says so.
fn searched<M: Model>(model: &M, invariants: &str) -> Result<Space<M::State>, Violation> {
    let began = Instant::now();
    let space = search(model)?;
    let (states, steps, ms) = (space.numbers.len(), space.steps, began.elapsed().as_millis());
    say!("{}: {states} states, {steps} steps, {ms} ms: {invariants}", model.name());
    Ok(space)
}

/// Models with something wrong: each must be noticed.
fn controls() -> Result<(), Violation> {
    let (binding, honest) = (Crusader::binding(), Broadcast::honest_sender());
    let byzantine = Broadcast::byzantine_sender();
    noticed("no E3", &Crusader { must_bind: true, ..Crusader::public() })?;
    noticed("E1 repeated on t", &Crusader { amplify: 1, ..binding })?;
    noticed("a value approved by n - t - 1 E1", &Crusader { approve: 2, ..binding })?;
    noticed("E3 on n - t - 1 E2", &Crusader { second: 2, ..binding })?;
    noticed("an outcome from n - t - 1 E3", &Crusader { last: 2, ..binding })?;
    noticed("READY on n - t - 1 ECHO", &Broadcast { echoes: 2, ..byzantine })?;
    noticed("READY repeated on t", &Broadcast { amplify: 1, ..honest })?;
    noticed("READY never repeated", &Broadcast { amplify: 9, ..byzantine })?;
    noticed("delivery on 2t READY", &Broadcast { readies: 2, amplify: 9, ..byzantine })
}

fn noticed<M: Model>(what: &str, model: &M) -> Result<(), Violation> {
    match search(model) {
        Err(violation) => {
            say!("control, {what}: {}", violation.what);
            Ok(())
        }
        Ok(_) => {
            let what = format!("control, {what}: nothing is noticed");
            Err(Violation { time: 0, checker: "exhaustive", what })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_that_visits_next_to_nothing_shows_nothing() {
        let space = search(&Broadcast::honest_sender()).unwrap();
        let command = Exhaustive { runs: 1_000 };
        let all = space.numbers.len();
        assert_eq!(command.compared(&space, all, 25), Ok(()));
        for visited in [0, all / 5] {
            let found = command.compared(&space, visited, 25).unwrap_err();
            assert!(found.what.contains("too few"), "{found}");
        }
    }
}
