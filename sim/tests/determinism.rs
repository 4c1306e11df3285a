//! A run is a function of its token, in whatever process.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use std::process::Command;

use quorate_sim::plan::Plan;
use quorate_sim::token::{Kind, Token};
use quorate_sim::world::World;

#[test]
fn a_token_tells_the_same_story_in_another_process() {
    for seed in [3, 11] {
        let token = Token::new(Kind::Decisions, 4, 1, seed);
        let trace = World::new(Plan::draw(token).unwrap()).run().trace;
        let mut other = Command::new(env!("CARGO_BIN_EXE_quorate-sim"));
        let output = other.args(["run", &token.to_string()]).output().unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        let told: Vec<&str> = told.lines().filter_map(|l| l.strip_prefix("trace ")).collect();
        assert_eq!(told, [trace], "{token}");
    }
}
