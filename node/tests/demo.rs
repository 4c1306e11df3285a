//! The demo, through the binary: its results, its failures on purpose, and what it leaves behind.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use common::{Ended, ended_in_time, eventually, exit_code, quorate, signal};
use serde_json::Value;

/// A demo with a temporary folder of its own, so that what it leaves behind can be seen.
struct Demo {
    temporary: tempfile::TempDir,
}

impl Demo {
    fn new() -> Self {
        Self { temporary: tempfile::tempdir().unwrap() }
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        let mut command = quorate(&[&["demo"], arguments].concat());
        let ended = ended_in_time(command.env("TMPDIR", self.temporary.path()));
        assert_eq!(self.left_behind(), Vec::<String>::new(), "{ended:?}");
        ended
    }

    /// Files below its folder, and processes whose arguments name it.
    fn left_behind(&self) -> Vec<String> {
        let files = fs::read_dir(self.temporary.path()).unwrap();
        let files = files.map(|entry| entry.unwrap().path().display().to_string());
        files.chain(processes_of(self.temporary.path())).collect()
    }
}

fn processes_of(folder: &Path) -> Vec<String> {
    let folder = folder.display().to_string();
    let processes = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let lines = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
    let lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    lines.filter(|line| line.contains(&folder)).collect()
}

fn decided(ended: &Ended, outcome: &str) {
    let lines = |start: &str| ended.out.lines().filter(|line| line.starts_with(start)).count();
    assert_eq!((lines("outcome: "), lines("certificate: ")), (1, 1), "{ended:?}");
    assert_eq!(ended.count(&format!("outcome: {outcome}")), 1, "{ended:?}");
    assert_eq!(ended.count("certificate: verified"), 1, "{ended:?}");
}

#[test]
fn it_decides_tells_what_is_secret_and_leaves_nothing_behind() {
    let ended = Demo::new().run(&[]).ok();
    decided(&ended, "accepted");
    for word in
        ["Acme Bank", "mean(confidence) > 75", "secret", "made by all 4 together", "tolerates"]
    {
        assert!(ended.err.contains(word), "{word}: {}", ended.err);
    }
}

#[test]
fn a_boundary_is_rejected_and_that_is_no_failure() {
    let ended = Demo::new().run(&["--inputs", "75,75,75,75"]).ok();
    decided(&ended, "rejected");
}

#[test]
fn killed_nodes_change_nothing() {
    let json = Demo::new().run(&["--kill", "1", "--json"]).ok().json();
    assert_eq!((&json["outcome"], &json["certificate"]), (&"accepted".into(), &"verified".into()));
    assert_eq!(json["killed"], serde_json::json!(["Delta Freight"]));
    assert_eq!(json["counted"].as_array().unwrap().len(), 4);
}

#[test]
fn absent_organisations_are_decided_without() {
    let ended = Demo::new().run(&["--absent", "1", "--rule", "count(approve) >= 2"]).ok();
    decided(&ended, "accepted");
    assert!(ended.err.contains("Delta Freight never starts"), "{}", ended.err);
}

#[test]
fn several_decisions_in_a_row_are_measured() {
    let ended = Demo::new().run(&["--decisions", "3", "--json"]).ok().json();
    assert_eq!(ended["decisions"], 3);
    let latency = |p: &str| ended["latency_ms"][p].as_f64().unwrap();
    assert!(0.0 < latency("p50") && latency("p50") <= latency("p99"));
    assert!(matches!(ended["signatures"], Value::Number(_)));
}

#[test]
fn however_it_is_ended_nothing_is_left_behind() {
    for name in ["INT", "HUP", "TERM", "KILL"] {
        let demo = Demo::new();
        let mut command = quorate(&["demo", "--decisions", "10000"]);
        let command = command.env("TMPDIR", demo.temporary.path());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut talk = BufReader::new(child.stderr.take().unwrap());
        // In the middle of its life: all nodes run.
        let mut line = String::new();
        while !line.contains("started") {
            line.clear();
            assert_ne!(talk.read_line(&mut line).unwrap(), 0, "it ended early");
        }
        assert_eq!(processes_of(demo.temporary.path()).len(), 4);
        signal(child.id(), name);
        let code = exit_code(&mut child);
        assert_eq!(code, if name == "KILL" { None } else { Some(130) }, "{name}");
        // After SIGKILL the nodes find out by themselves.
        eventually("a clean machine", || demo.left_behind().is_empty().then_some(()));
    }
}
