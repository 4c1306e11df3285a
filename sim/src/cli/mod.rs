//! The command line: one file for each command.
//!
//! What was asked for goes to the standard output, and what is said about the run itself to the
//! standard error, errors as `error:` and now and then a `hint:`.

mod chaos;
mod compare;
mod exhaustive;
mod live;
mod privacy;
mod relays;
mod replay;
mod restarts;
mod rounds;
mod run;
mod say;
mod shrink;
mod swarm;
mod sweep;
mod trace;
mod which;
mod whole;
mod zoo;

use std::fmt::Display;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::report::Violation;
use crate::story::Story;
use say::{say, tell};

/// The exit code if what was asked for cannot be done.
const UNUSABLE: u8 = 2;

const EXIT_CODES: &str = "\
Exit codes:
  0  it is done, and all properties hold; `shrink`: it is done
  1  a property does not hold, or too little was exercised to say so
  2  what was asked for cannot be done: an `error:` says why";

/// Simulates whole networks of parties under faults, from one seed.
#[derive(Parser)]
#[command(name = "quorate-sim", version, max_term_width = 100, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run one seed and say what happens
    Run(run::Run),
    /// Run many seeds, stop at the first that fails, and count what was exercised
    Swarm(swarm::Swarm),
    /// Tell the story of one seed again, message by message
    Replay(replay::Replay),
    /// Show every message of one seed, as text or on a page for a browser
    Trace(trace::Trace),
    /// Leave out of a run that fails what it does not take to fail
    Shrink(shrink::Shrink),
    /// Measure what decisions cost, before and after a change
    Compare(compare::Compare),
    /// Show that nothing but the outcome can be learnt
    Privacy(privacy::Privacy),
    /// See whether known failures of such protocols are found
    Zoo(zoo::Zoo),
    /// Count the rounds of binary agreements against schedulers and liars that prolong them
    Rounds(rounds::RoundsCommand),
    /// Kill a member between every two effects of a decision, a refresh, or the making of keys
    Sweep(sweep::Sweep),
    /// Visit every state of a round and a broadcast among four members
    Exhaustive(exhaustive::Exhaustive),
    /// Run real nodes while processes, links, disks and copies go wrong
    Chaos(chaos::Chaos),
    /// Measure what a long history costs real nodes: restarts, catching up, memory and disk
    Restarts(restarts::RestartsCommand),
    /// Measure what decisions take when members cannot connect directly
    Relays(relays::RelaysCommand),
}

/// Parses the command line and does what it says.
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Run(run) => run.run(),
        Command::Swarm(swarm) => swarm.run(),
        Command::Replay(replay) => replay.run(),
        Command::Trace(trace) => trace.run(),
        Command::Shrink(shrink) => shrink.run(),
        Command::Compare(compare) => compare.run(),
        Command::Privacy(privacy) => privacy.run(),
        Command::Zoo(zoo) => zoo.run(),
        Command::Rounds(rounds) => rounds.run(),
        Command::Sweep(sweep) => sweep.run(),
        Command::Exhaustive(exhaustive) => exhaustive.run(),
        Command::Chaos(chaos) => chaos.run(),
        Command::Restarts(restarts) => restarts.run(),
        Command::Relays(relays) => relays.run(),
    };
    result.unwrap_or_else(|error| {
        tell!("error: {error}");
        ExitCode::from(UNUSABLE)
    })
}

/// The command that tells the story of a run again.
fn replay_command(run: &Story) -> String {
    format!("cargo run --release -p quorate-sim -- replay {}", quoted(&run.to_string()))
}

/// A text as one word of a shell.
fn quoted(text: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-+_./~,:".contains(letter);
    if text.chars().all(plain) && !text.starts_with('~') {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// What is run, before it begins.
fn print_heading(story: &Story) {
    if story.is_scenario() {
        say!("scenario {story}");
    } else {
        say!("seed {} ({story})", story.token().seed);
    }
    say!("{}", story.plan());
}

/// Says what failed, and how to see it again; whether all is well.
fn judge(story: &Story, violation: Option<&Violation>) -> ExitCode {
    let Some(violation) = violation else { return ExitCode::SUCCESS };
    say!("{story} fails: {violation}");
    say!("replay: {}", replay_command(story));
    ExitCode::FAILURE
}

/// Says what does not hold, and of what.
fn failed(what: &impl Display, violation: &Violation) -> ExitCode {
    say!("{what} fails: {violation}");
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_replayed_by_its_own_name() {
        let command = |name: &str| replay_command(&Story::parse(name).unwrap());
        let less = "n4b1-all-real-v6-7~q0";
        assert!(command(less).ends_with(&format!(" replay {less}")));
        let folder = tempfile::Builder::new().prefix("it's here").tempdir().unwrap();
        let file = folder.path().join("a.toml").to_string_lossy().into_owned();
        std::fs::write(&file, "why = \"a test\"\norgs = 4\nquestions = []").unwrap();
        let escaped = file.replace('\'', r"'\''");
        assert!(command(&file).ends_with(&format!(" replay '{escaped}'")), "{}", command(&file));
    }
}
