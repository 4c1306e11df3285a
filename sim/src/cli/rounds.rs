//! `rounds`: how many rounds agreements take against adversaries.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::value_parser;
use quorate_protocol::committee::Committee;

use super::failed;
use super::say::say;
use super::which::seeds;
use crate::caught::caught_in;
use crate::rounds::{Game, Liar, Rounds, Schedule, bound};

/// How many.
#[derive(clap::Args)]
pub(super) struct RoundsCommand {
    /// Number of organisations, at least 4
    #[arg(long, default_value_t = 4)]
    orgs: usize,
    /// How many seeds, each with a scheduler and liars of its own
    #[arg(long, default_value_t = 10_000, value_parser = value_parser!(u64).range(1..))]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 0)]
    first_seed: u64,
}

impl RoundsCommand {
    pub(super) fn run(self) -> Result<ExitCode, String> {
        Committee::new(self.orgs).map_err(|error| format!("--orgs {}: {error}", self.orgs))?;
        let mut all = Rounds::default();
        let mut pairs: BTreeMap<(String, String), Rounds> = BTreeMap::new();
        for seed in seeds(self.first_seed, self.seeds)? {
            let game = Game::draw(self.orgs, seed);
            match caught_in(&game, || game.play()) {
                Ok(rounds) => {
                    all.add(rounds);
                    let pair = (game.schedule.to_string(), game.liar.to_string());
                    pairs.entry(pair).or_default().add(rounds);
                }
                Err(violation) => return Ok(failed(&format!("seed {seed}"), &violation)),
            }
        }
        print_pairs(&pairs);
        say!();
        print_distribution(&all);
        // The table's cells are tested, too.
        let tests = pairs.len() + 1;
        for rounds in pairs.values().chain([&all]) {
            if let Err(violation) = bound::check(rounds, tests) {
                return Ok(failed(&"the number of rounds", &violation));
            }
        }
        say!(
            "{} runs of {} members: {:.3} rounds on average, {} at most; within the bound",
            all.runs(),
            self.orgs,
            all.mean(),
            all.maximum()
        );
        Ok(ExitCode::SUCCESS)
    }
}

/// The mean and the maximum of each scheduler with each liar.
fn print_pairs(pairs: &BTreeMap<(String, String), Rounds>) {
    let liars = Liar::ALL.map(|liar| liar.to_string());
    let names: String = liars.iter().map(|liar| format!("{liar:>18}")).collect();
    say!("{:<16}{names}", "");
    for schedule in Schedule::ALL.map(|schedule| schedule.to_string()) {
        let cells = liars.iter().map(|liar| {
            let rounds = pairs.get(&(schedule.clone(), liar.clone()));
            let cell = rounds.map_or("-".into(), |rounds| {
                format!("{:.2}, at most {}", rounds.mean(), rounds.maximum())
            });
            format!("{cell:>18}")
        });
        say!("{schedule:<16}{}", cells.collect::<String>());
    }
}

/// How many runs took how many rounds, and how many the bound allows to take more.
fn print_distribution(rounds: &Rounds) {
    say!("{:>6} {:>8} {:>14} {:>14}", "rounds", "runs", "share beyond", "bound");
    let mut beyond = rounds.runs();
    for (taken, runs) in rounds.iter().filter(|(taken, _)| *taken > 0) {
        beyond -= runs;
        let share = beyond as f64 / rounds.runs().max(1) as f64;
        let bound = bound::tail(taken.saturating_sub(2));
        say!("{taken:>6} {runs:>8} {share:>14.5} {bound:>14.5}");
    }
}
