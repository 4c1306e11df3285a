//! The command `quorate`: everything is in the library.

fn main() -> std::process::ExitCode {
    quorate::cli::main()
}
