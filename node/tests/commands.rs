//! Commands that need no network of nodes: what they say when something is wrong, and that they
//! say it in one line with the next command to type.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use common::{NAMES, Network, run};

fn init(folder: &tempfile::TempDir, name: &str) -> String {
    let dir = folder.path().join(name).display().to_string();
    run(&["init", "--org", name, "--data-dir", &dir]).ok().out.trim().to_owned()
}

#[test]
fn help_and_version_are_complete() {
    let help = run(&["--help"]).ok().out;
    for word in [
        "demo",
        "init",
        "network",
        "join",
        "run",
        "propose",
        "vote",
        "list",
        "show",
        "explain",
        "status",
        "peers",
        "doctor",
        "support",
        "wait",
        "cert",
        "verify",
        "--data-dir",
        "--json",
        "--no-color",
        "--quiet",
        "Exit codes:",
    ] {
        assert!(help.contains(word), "{word}");
    }
    let version = run(&["--version"]).ok().out;
    assert!(version.starts_with("quorate ") && version.contains(env!("CARGO_PKG_VERSION")));
    assert_eq!(run(&["unknown"]).code, 2);
    assert_eq!(run(&[]).code, 2);
}

#[test]
fn a_member_is_made_once_with_keys_only_its_owner_can_read() {
    let folder = tempfile::tempdir().unwrap();
    let card = init(&folder, "Acme Bank");
    assert!(card.ends_with("member.toml"));
    let dir = folder.path().join("Acme Bank");
    let mode = |name: &str| fs::metadata(dir.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("keys.sealed"), mode("")), (0o600, 0o700));
    let dir = dir.display().to_string();
    run(&["init", "--org", "Acme Bank", "--data-dir", &dir]).failed(8, "already", "--data-dir");
}

#[test]
fn a_roster_too_small_or_with_a_member_twice_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let cards: Vec<_> = NAMES.iter().map(|name| init(&folder, name)).collect();
    let output = folder.path().join("network.toml").display().to_string();
    let new = |members: &[&String], more: &[&str]| {
        let mut line = vec!["network", "new", "N", "-o", &output];
        members.iter().for_each(|card| line.extend(["--member", card]));
        run(&[&line, more].concat())
    };
    let [a, b, c, d] = [&cards[0], &cards[1], &cards[2], &cards[3]];
    new(&[a, b, c], &[]).failed(5, "at least 4", "--insecure-small");
    new(&[a, b, c, d, a], &[]).failed(5, "Acme Bank", "once");
    new(&[a, b, c, &folder.path().join("none").display().to_string()], &[]).failed(
        3,
        "there is no such file",
        "path",
    );
    assert!(!folder.path().join("network.toml").exists(), "nothing is written for a refused one");
    let small = new(&[a, b, c], &["--insecure-small"]).ok();
    assert!(small.err.contains("no member is protected"));
    // A file that is there is not overwritten.
    new(&[a, b, c, d], &[]).failed(8, "exists already", "-o");
}

#[test]
fn dealing_needs_the_flag_that_says_what_it_is_and_happens_once() {
    let network = Network::dealt();
    let (file, out) = (network.file("network.toml"), network.file("deal"));
    run(&["network", "deal", &file, "--out-dir", &out]).failed(2, "keys", "--insecure-dealer");
    run(&["network", "deal", &file, "--out-dir", &out, "--insecure-dealer"]).failed(
        8,
        "dealt before",
        "--out-dir",
    );
    let keys = network.path("deal/acme-bank.keys");
    assert_eq!(fs::metadata(&keys).unwrap().permissions().mode() & 0o077, 0);
    // A file of another kind is called by its name.
    let card = network.path("Acme Bank/member.toml").display().to_string();
    let dealt = network.file("deal/acme-bank.keys");
    let join = |file: &str, keys: &str| network.at(1, &["join", file, "--dealt-keys", keys]);
    join(&card, &dealt).failed(5, "this is a member card, not a network file", "network new");
    join(&file, &file).failed(5, "this is a network file, not a file of dealt keys", "deal");
    let secret = network.path("Acme Bank/keys.sealed").display().to_string();
    join(&secret, &dealt).failed(5, "it is not text", "text");
    // Another member's keys are of no use, and neither are those of another deal.
    join(&file, &dealt).failed(5, "the dealt keys are not those of", "ask the dealer");
    let again = network.file("again");
    run(&["network", "deal", &file, "--out-dir", &again, "--insecure-dealer"]).ok();
    let other = network.file("again/borealis-re.keys");
    join(&file, &other).failed(8, "has other keys", "first deal");
}

#[test]
fn a_stranger_and_a_second_network_are_refused() {
    let (one, other) = (Network::dealt(), Network::dealt());
    let (file, keys) = (other.file("network.toml"), other.file("deal/acme-bank.keys"));
    let joined = one.at(0, &["join", &file, "--dealt-keys", &keys]);
    joined.failed(5, "is not a member of the network", "member.toml");
}

#[test]
fn commands_without_a_node_say_how_to_start_it() {
    let network = Network::dealt();
    for command in [
        &["status"][..],
        &["list"],
        &["show", "dec_0"],
        &["explain", "dec_0"],
        &["peers"],
        &["wait", "dec_0"],
        &["cert", "dec_0"],
        &["vote", "dec_0"],
        &["propose", "--title", "T", "--rule", "mean(x) > 1"],
    ] {
        network.at(0, command).failed(6, "no node is running", "quorate run --data-dir");
    }
    let nowhere = network.file("nowhere");
    run(&["status", "--data-dir", &nowhere]).failed(3, "holds no member", "quorate init");
    run(&["run", "--data-dir", &nowhere]).failed(3, "holds no member", "quorate init");
}

#[test]
fn a_wrong_rule_is_shown_where_it_goes_wrong_before_anything_is_asked() {
    let network = Network::dealt();
    for (rule, exit) in [("mean(x) >", 5), ("median(x) > 1", 5), ("", 5)] {
        let failed = network.at(0, &["propose", "--title", "T", "--rule", rule]);
        assert_eq!(failed.code, exit, "{failed:?}");
        assert!(failed.err.starts_with("error: the rule is not understood"), "{failed:?}");
        assert!(failed.err.contains("hint: "), "{failed:?}");
    }
    let late = ["propose", "--title", "T", "--rule", "mean(x) > 1", "--deadline", "soon"];
    network.at(0, &late).failed(5, "not a time", "--deadline 2h");
    let body = ["propose", "--title", "T", "--rule", "mean(x) > 1", "--body", "/nonexistent"];
    network.at(0, &body).failed(3, "there is no such file", "path");
    let propose = ["propose", "--title", "T", "--rule", "mean(x) > 1", "--body"];
    let folder = network.file("deal");
    network.at(0, &[&propose[..], &[&folder]].concat()).failed(5, "directory", "path of a file");
    let long = network.file("long.txt");
    fs::write(&long, "x".repeat(100_000)).unwrap();
    network.at(0, &[&propose[..], &[&long]].concat()).failed(5, "100000 bytes long", "shorten");
    let title = "x".repeat(201);
    let line = ["propose", "--title", &title, "--rule", "mean(x) > 1"];
    network.at(0, &line).failed(5, "the title is 201 bytes long", "shorten");
    assert_eq!(network.at(0, &["show", ""]).code, 2, "an empty id is no id");
}

#[test]
fn a_vote_on_the_command_line_is_refused_and_not_repeated() {
    for arguments in [
        &["vote", "dec_0", "7331"][..],
        &["vote", "dec_0", "-7331"],
        &["vote", "dec_0", "--vote", "7331"],
        &["vote", "dec_0", "--vote=7331"],
        &["vote", "dec_0", "7331", "7331"],
        &["vote", "dec_0", "--json", "--vote", "7331"],
        &["vote", "dec_0", "-v7331"],
    ] {
        let refused = run(arguments);
        refused.failed(2, "not taken from the command line", "--from-file");
        let refused = run(arguments);
        assert!(!format!("{refused:?}").contains("7331"), "{refused:?}");
    }
    for arguments in [&["vote", "--vote", "7331", "dec_0"][..], &["vote", "--vote=7331", "dec_0"]] {
        let refused = run(arguments);
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(!format!("{refused:?}").contains("7331"), "{refused:?}");
    }
    // What is no vote is still understood.
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere").display().to_string();
    let line = ["vote", "dec_0", "--quiet", "--from-file", "-", "--data-dir", &nowhere];
    run(&line).failed(3, "holds no member", "quorate init");
}

#[test]
fn a_node_refuses_a_port_in_use_and_a_directory_in_use() {
    let network = Network::dealt();
    let node = network.start(0);
    network.at(0, &["run"]).failed(13, "another node is running", "stop it first");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    network.at(1, &["run", "--control-port", &port]).failed(8, "in use", "--control-port");
    let address = format!("127.0.0.1:{port}");
    let refused = network.at(1, &["run", "--listen", &address]);
    assert_eq!(refused.code, 8, "{refused:?}");
    assert!(refused.err.contains(&port) && refused.err.contains("hint: "), "{refused:?}");
    node.stop();
    // Nothing is left that would keep the next one from starting.
    network.start(0).stop();
}

#[test]
fn an_ephemeral_node_goes_with_its_standard_input_and_takes_its_folder_along() {
    let network = Network::dealt();
    let dir = network.path(NAMES[0]);
    network.at(0, &["run", "--ephemeral"]).failed(2, "removes the keys", "quorate run");
    assert!(dir.join("keys.sealed").exists(), "the keys of a real organisation stay");
    let mark = dir.parent().unwrap().join(".quorate-ephemeral");
    fs::write(&mark, "").unwrap();
    let mut command = common::quorate(&["run", "--ephemeral", "--data-dir"]);
    let command = command.arg(&dir).stdin(std::process::Stdio::piped());
    let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let lifeline = child.stdin.take().unwrap();
    let mut line = String::new();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut out, &mut line).unwrap();
    assert!(line.starts_with("ready: ") && dir.exists());
    drop(lifeline);
    assert_eq!(common::exit_code(&mut child), Some(0));
    assert!(!dir.exists());
    assert!(!mark.exists(), "the folder around it goes as well");
}

#[test]
fn a_file_that_is_no_certificate_fails_verification() {
    let network = Network::dealt();
    let roster = network.file("network.toml");
    // The base point, as good a key as any.
    let key = &format!("58{}", "66".repeat(31));
    let verify = |file: &str| run(&["verify", file, "--network", &roster, "--network-key", key]);
    verify("/nonexistent").failed(3, "there is no such file", "path");
    verify(&roster).failed(12, "not a certificate file", "do not rely on it");
    let pinned = run(&["verify", &roster, "--network-digest", "12", "--network-key", key]);
    pinned.failed(5, "64 digits", "--network FILE");
    assert_eq!(run(&["verify", &roster]).code, 2, "nothing to verify against");
    // JSON says so as well.
    let json = run(&["verify", &roster, "--network", &roster, "--network-key", key, "--json"]);
    assert_eq!((json.code, &json.json()["verified"]), (12, &serde_json::Value::Bool(false)));
}

#[test]
fn demos_that_cannot_be_are_refused_before_anything_starts() {
    let refused = |line: &[&str], error: &str| {
        run(&[&["demo"], line].concat()).failed(5, error, "");
    };
    refused(&["--orgs", "3"], "at least 4");
    refused(&["--kill", "2"], "at most 1 may fail, not 2");
    refused(&["--absent", "2"], "at most 1 may fail, not 2");
    refused(&["--orgs", "5", "--inputs", "1,2,3,4"], "4 inputs for 5 organisations");
    refused(&["--inputs", "80,70,101,90"], "input 3 of 4");
    refused(&["--rule", "count(x) >= 9"], "never");
}

#[test]
fn no_colour_and_no_talk_when_nobody_looks() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("a").display().to_string();
    let quiet = run(&["init", "--org", "A", "--data-dir", &dir, "--quiet"]).ok();
    assert_eq!((quiet.err.as_str(), quiet.out.lines().count()), ("", 1));
    assert!(!quiet.out.contains('\x1b'));
    let dir = folder.path().join("b").display().to_string();
    let json = run(&["init", "--org", "B", "--data-dir", &dir, "--json"]).ok().json();
    assert_eq!(json["organisation"], "B");
}
