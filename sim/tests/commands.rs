//! The command line as people use it: what is refused, exit codes, and who reads no further.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

fn simulator(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quorate-sim"));
    command.args(arguments);
    command
}

/// The exit code, and what is on both outputs.
fn said(arguments: &[&str]) -> (i32, String, String) {
    let output = simulator(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

const CALM: [&str; 4] = ["--faults", "none", "--orgs", "4"];

#[test]
fn what_cannot_be_done_or_shows_nothing_is_refused_with_2() {
    for (arguments, says) in [
        (&["replay", "n4b1-all-real-v6-7", "--orgs", "7"][..], "hint: leave --orgs out"),
        (&["trace", "n4b1-all-real-v6-7", "--only", "keygen"], "hint: leave --only out"),
        (&["run", "n4b1-all-real-v6-7", "--crypto", "ideal"], "hint: leave --crypto out"),
        (&["run", "7", "--seed", "8"], "cannot be used with"),
        (&["run", "none.toml"], "error: none.toml cannot be read"),
        (&["shrink", "k4b1-all-real-v6-7", "--scenario", "a.toml"], "no scenarios of key"),
        (&["trace", "7", "--html", "no-folder/page.html"], "no-folder/page.html cannot be written"),
        (&["compare", "--save", "no-folder/costs"], "no-folder/costs cannot be written"),
        (&["rounds", "--orgs", "3"], "error: --orgs 3: "),
        (&["swarm", "--seeds", "0"], "--seeds"),
        (&["swarm", "--first-seed", "18446744073709551615"], "there are no 1000 seeds"),
        (&["rounds", "--seeds", "0"], "--seeds"),
        (&["privacy", "shape", "--seeds", "0"], "--seeds"),
        (&["privacy", "shape", "--votes", "1"], "--votes"),
        (&["privacy", "canary", "--seeds", "0"], "--seeds"),
        (&["exhaustive", "--runs", "0"], "--runs"),
    ] {
        let (code, out, error) = said(arguments);
        assert_eq!((code, out.as_str()), (2, ""), "{arguments:?}: {error}");
        assert!(error.starts_with("error: ") && error.contains(says), "{arguments:?}: {error}");
    }
}

#[test]
fn the_help_says_what_exit_codes_mean() {
    let (code, help, _) = said(&["--help"]);
    assert!(code == 0 && help.contains("Exit codes:"), "{help}");
}

#[test]
fn who_reads_no_further_hears_of_no_failure() {
    for command in ["replay", "run", "trace"] {
        let mut child = simulator(&[command, "7"])
            .args(CALM)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        // The pipe is closed now.
        let output = child.wait_with_output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), error.as_str()), (Some(0), ""), "{command}");
    }
}

#[test]
fn a_story_is_headed_by_the_name_it_was_given() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios/partition-heals.toml");
    let less = format!("{file}~c0,c1,q2");
    let (code, out, _) = said(&["replay", &less]);
    assert!(code == 0 && out.starts_with(&format!("scenario {less}\n")), "{out}");
    let (_, out, _) = said(&["replay", "n4b0-none-real-v6-7~q0"]);
    assert!(out.starts_with("seed 7 (n4b0-none-real-v6-7~q0)\n"), "{out}");
}
