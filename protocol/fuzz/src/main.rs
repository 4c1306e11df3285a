//! `quorate-fuzz`: campaigns on stable Rust, and the corpus.

use std::io::Write as _;
use std::panic::catch_unwind;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};
use quorate_fuzz::corpus::{self, Campaign};
use quorate_fuzz::{TARGETS, Target, samples};

/// Feeds arbitrary bytes to every decoder and to members of a network
#[derive(Parser)]
#[command(name = "quorate-fuzz", arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Lists the targets
    List,
    /// Mutates the corpus for a while; stops at the first input that fails and writes it down
    Run {
        /// Which target; all of them if none is given
        target: Option<String>,
        /// How long each
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        /// Which mutants
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Where an input that fails is written
        #[arg(long, default_value = "fuzz-input")]
        input: PathBuf,
    },
    /// Tries one input
    Replay {
        /// Which target
        target: String,
        /// The input
        file: PathBuf,
    },
    /// Writes samples of real runs to the corpus
    Samples,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = std::io::stdout();
    match Arguments::parse().command {
        Command::List => {
            for target in TARGETS {
                writeln!(out, "{:<18}{}", target.name, target.about)?;
            }
        }
        Command::Run { target, seconds, seed, input } => {
            let chosen: Vec<&Target> = match &target {
                Some(name) => vec![find(name)?],
                None => TARGETS.iter().collect(),
            };
            for target in chosen {
                let inputs = corpus::inputs(target)?.into_iter().map(|(_, input)| input).collect();
                let (mut tried, begun) = (0, Instant::now());
                for mutant in Campaign::new(inputs, seed) {
                    if catch_unwind(|| (target.run)(&mutant)).is_err() {
                        std::fs::write(&input, &mutant)?;
                        return Err(format!("{} fails on {}", target.name, input.display()).into());
                    }
                    tried += 1;
                    if begun.elapsed() > Duration::from_secs(seconds) {
                        break;
                    }
                }
                writeln!(out, "{:<18}{tried} mutants, nothing found", target.name)?;
            }
        }
        Command::Replay { target, file } => {
            (find(&target)?.run)(&std::fs::read(file)?);
            writeln!(out, "nothing found")?;
        }
        Command::Samples => samples::write()?,
    }
    Ok(())
}

fn find(name: &str) -> Result<&'static Target, String> {
    Target::find(name).ok_or_else(|| format!("no target is called {name}: see `quorate-fuzz list`"))
}
