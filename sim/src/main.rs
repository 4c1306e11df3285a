//! The simulator's command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    quorate_sim::cli::main()
}
