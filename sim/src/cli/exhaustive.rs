//! `exhaustive`: every order of delivery of a round and a broadcast.

use std::process::ExitCode;
use std::time::Instant;

use super::privacy::failed;
use crate::exhaustive::broadcast::Broadcast;
use crate::exhaustive::crusader::Crusader;
use crate::exhaustive::{Model, Space, production, search};
use crate::report::Violation;

/// How often the code is run beside each model.
#[derive(clap::Args)]
pub(super) struct Exhaustive {
    /// Random runs of the code for each model; each state must be one of the model's
    #[arg(long, default_value_t = 5_000)]
    runs: u64,
}

impl Exhaustive {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        Ok(self.all().map_or_else(|violation| failed(&violation), |()| ExitCode::SUCCESS))
    }

    fn all(&self) -> Result<(), Violation> {
        for model in [Crusader::public(), Crusader::binding()] {
            let invariants = "weak agreement, validity, termination";
            let bound = if model.must_bind { ", binding" } else { "" };
            let space = searched(&model, &format!("{invariants}{bound}"))?;
            self.compared(&space, production::crusader(&model, &space, 0..self.runs)?);
        }
        for (model, invariants) in [
            (Broadcast::honest_sender(), "integrity, agreement, validity"),
            (Broadcast::byzantine_sender(), "agreement, totality"),
        ] {
            let space = searched(&model, invariants)?;
            self.compared(&space, production::broadcast(&model, &space, 0..self.runs)?);
        }
        println!();
        controls()
    }

    fn compared<S>(&self, space: &Space<S>, visited: usize) {
        let all = space.numbers.len();
        println!(
            "  {} runs of the code were in {visited} of the {all} states, and in no other",
            self.runs
        );
    }
}

/// Visits all states, and says so.
fn searched<M: Model>(model: &M, invariants: &str) -> Result<Space<M::State>, Violation> {
    let began = Instant::now();
    let space = search(model)?;
    let (states, steps, ms) = (space.numbers.len(), space.steps, began.elapsed().as_millis());
    println!("{}: {states} states, {steps} steps, {ms} ms: {invariants}", model.name());
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
            println!("control, {what}: {}", violation.what);
            Ok(())
        }
        Ok(_) => {
            let what = format!("control, {what}: nothing is noticed");
            Err(Violation { time: 0, checker: "exhaustive", what })
        }
    }
}
