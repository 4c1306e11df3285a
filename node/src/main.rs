//! The command `quorate`: everything is in the library.

/// One that gives memory back. The system's keeps what each of many threads has let go of: under a
/// flood, as much again as a node holds.
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> std::process::ExitCode {
    quorate::cli::main()
}
