//! Keys at rest, by the commands that people use: passphrases, backup, drill, restore.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use common::{Ended, NAMES, Network, Node, eventually, quorate, run};

/// A file with a passphrase, closed to others.
fn passphrase(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, format!("{text}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path.display().to_string()
}

/// Runs a command that finds no passphrase but by these variables.
fn run_with(arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    let mut command = quorate(arguments);
    command.env_remove("QUORATE_PASSPHRASE_FILE");
    command.envs(variables.iter().copied());
    Ended::of(command.output().unwrap())
}

#[test]
fn a_passphrase_comes_from_a_file_by_flag_variable_or_credential_in_this_order() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("acme").display().to_string();
    let right = passphrase(folder.path(), "right", "the right one");
    let wrong = passphrase(folder.path(), "wrong", "another one");
    let weak = passphrase(folder.path(), "weak", "1234567");
    let unit = folder.path().join("credentials");
    fs::create_dir(&unit).unwrap();
    let credential = unit.join("quorate-passphrase");
    fs::write(&credential, "the right one").unwrap();
    let unit = unit.display().to_string();

    let init = ["init", "--org", "Acme Bank", "--port", "7101", "--data-dir", &dir];
    run_with(&init, &[]).failed(4, "no terminal to ask", "--passphrase-file");
    run_with(&[&init[..], &["--passphrase-file", &weak]].concat(), &[]).failed(
        5,
        "too short",
        "words that nobody would guess",
    );
    assert!(!Path::new(&dir).exists(), "nothing is made without a passphrase");
    run_with(&init, &[("QUORATE_PASSPHRASE_FILE", &right)]).ok();

    // A dealt key set is what this command opens the data directory for.
    let network = Network::set_up();
    let (file, keys) = (network.file("network.toml"), network.file("deal/acme-bank.keys"));
    let join = ["join", &file, "--dealt-keys", &keys, "--data-dir", &dir];
    let flag = |file| [&join[..], &["--passphrase-file", file]].concat();
    let opened = |ended: Ended| ended.failed(5, "not a member of the network", "member.toml");
    let refused = |ended: Ended| ended.failed(4, "wrong passphrase", "--passphrase-file");
    run_with(&join, &[]).failed(4, "no terminal to ask", "QUORATE_PASSPHRASE_FILE");
    let by_variable = ("QUORATE_PASSPHRASE_FILE", right.as_str());
    let wrong_variable = ("QUORATE_PASSPHRASE_FILE", wrong.as_str());
    let by_unit = ("CREDENTIALS_DIRECTORY", unit.as_str());
    opened(run_with(&flag(&right), &[wrong_variable]));
    refused(run_with(&flag(&wrong), &[by_variable, by_unit]));
    opened(run_with(&join, &[by_variable]));
    refused(run_with(&join, &[wrong_variable, by_unit]));
    opened(run_with(&join, &[by_unit]));
    // One that is named and cannot be used is an error, not a reason to try the next.
    let gone = folder.path().join("gone").display().to_string();
    run_with(&flag(&gone), &[by_variable]).failed(3, "there is no such file", "path");
    fs::set_permissions(&right, fs::Permissions::from_mode(0o644)).unwrap();
    run_with(&flag(&right), &[by_unit]).failed(13, "others can read", "chmod 600");
}

#[test]
fn keys_are_shown_backed_up_tried_out_and_restored_once() {
    let network = Network::set_up();
    let folder = network.folder.path();
    let kept = passphrase(folder, "kept", "kept in a safe");
    let backup = network.file("acme.backup");
    let with = ["--backup-passphrase-file", kept.as_str()];

    let shown = network.at(0, &["key", "show", "--json"]).ok().json();
    assert_eq!((&shown["epoch"], &shown["made_by"]), (&1.into(), &"dealer".into()));
    assert_eq!((&shown["backup"], &shown["drill"]), (&None::<u8>.into(), &None::<u8>.into()));
    let other = network.at(1, &["key", "show", "--json"]).ok().json();
    for which in ["certificate_key", "document_key", "key_set", "network_digest"] {
        assert!(shown[which].as_str().unwrap().len() == 64 && shown[which] == other[which]);
    }
    let text = network.at(0, &["key", "show"]).ok();
    assert!(text.out.contains("a trusted dealer, who could have kept them"), "{text:?}");
    assert!(text.out.contains("never; next: quorate key backup --data-dir"), "{text:?}");
    let pem = network.at(0, &["key", "show", "--pem", "document"]).ok();
    assert_eq!(pem.out.lines().count(), 3);
    let body = hex_of(pem.out.lines().nth(1).unwrap());
    assert!(shown["document_key"].as_str().unwrap().ends_with(&body[24..]));

    network.at(0, &[&["key", "backup", "-o", &backup][..], &with].concat()).ok();
    assert_eq!(fs::metadata(&backup).unwrap().permissions().mode() & 0o777, 0o600);
    let again = network.at(0, &[&["key", "backup", "-o", &backup][..], &with].concat());
    again.failed(8, "exists already", "-o");
    network.at(0, &["key", "drill", &backup]).failed(4, "no terminal", "--backup-passphrase-file");
    let own = common::passphrase_file().display().to_string();
    let wrong = ["key", "drill", &backup, "--backup-passphrase-file", &own];
    network.at(0, &wrong).failed(4, "wrong passphrase", "file");
    network.at(1, &[&["key", "drill", &backup][..], &with].concat()).failed(
        5,
        "another member",
        "--data-dir",
    );
    let drill = network.at(0, &[&["key", "drill", &backup][..], &with].concat()).ok();
    assert_eq!(drill.count("drill: good, every share fits the network's keys"), 1, "{drill:?}");
    let shown = network.at(0, &["key", "show", "--json"]).ok().json();
    assert_eq!((&shown["backup"]["epoch"], &shown["drill"]["epoch"]), (&1.into(), &1.into()));

    // Not over a member; then on a new machine, once.
    let restore =
        |dir: &str| run(&[&["key", "restore", &backup, "--data-dir", dir][..], &with].concat());
    restore(&network.file(NAMES[1])).failed(8, "already holds a member", "--data-dir");
    let dir = network.file("new machine");
    let restored = restore(&dir).ok();
    assert!(restored.err.contains("the old node never runs again"), "{restored:?}");
    restore(&dir).failed(8, "already holds a member", "--data-dir");
    let shown = run(&["key", "show", "--json", "--data-dir", &dir]).ok().json();
    assert!(shown["restored"].is_string(), "{shown}");
    fs::write(&backup, &fs::read(&backup).unwrap()[..100]).unwrap();
    let cut = restore(&network.file("third"));
    cut.failed(5, "the file is damaged", "put the file back");
}

/// Base64 as lower-case hexadecimal.
fn hex_of(base64: &str) -> String {
    let bytes = data_encoding::BASE64.decode(base64.as_bytes()).unwrap();
    data_encoding::HEXLOWER.encode(&bytes)
}

#[test]
fn a_member_whose_machine_is_lost_comes_back_from_its_backup() {
    const LOST: usize = 2;
    let network = Network::set_up();
    let kept = passphrase(network.folder.path(), "kept", "kept in a safe");
    let backup = network.file("lost.backup");
    let with = ["--backup-passphrase-file", kept.as_str()];
    network.at(LOST, &[&["key", "backup", "-o", &backup][..], &with].concat()).ok();
    let mut nodes: Vec<Option<Node>> = (0..4).map(|who| Some(network.start(who))).collect();
    let decide = |voters: &[usize]| {
        let propose = ["propose", "Extend the line?", "--rule", "count(approve) >= 3"];
        let more = ["--deadline", "10m", "--json"];
        let id = network.at(0, &[&propose[..], &more].concat()).ok().json()["id"].clone();
        let id = id.as_str().unwrap().to_owned();
        for who in voters {
            eventually("the proposal", || {
                (network.at(*who, &["show", &id]).code == 0).then_some(())
            });
            network.at_with_input(*who, &["vote", &id], "yes").ok();
        }
        network.at(0, &["wait", &id, "--timeout", "2m"]).ok();
        id
    };
    let first = decide(&[0, 1, 2, 3]);

    drop(nodes[LOST].take());
    let dir = network.path(NAMES[LOST]);
    fs::remove_dir_all(&dir).unwrap();
    run(&[&["key", "restore", &backup, "--data-dir", dir.to_str().unwrap()][..], &with].concat())
        .ok();
    nodes[LOST] = Some(network.start(LOST));
    let returned = || {
        let status = network.at(LOST, &["status", "--json"]).ok().json();
        status["returning"].is_null().then_some(())
    };
    eventually("the return", returned);
    // It learns what it has forgotten, and follows what may have been begun.
    eventually("the first decision", || {
        let shown = network.at(LOST, &["show", &first, "--json"]);
        (shown.code == 0 && shown.json()["outcome"] == "accepted").then_some(())
    });
    decide(&[0, 1, 3]);
    let third = decide(&[0, 1, 2]);
    let shown = network.at(3, &["show", &third, "--json"]).ok().json();
    let counted: Vec<_> = shown["counted"].as_array().unwrap().iter().collect();
    assert!(counted.contains(&&NAMES[LOST].into()), "{shown}");
}

#[test]
fn a_running_node_shows_its_passphrase_to_nobody_and_needs_its_store() {
    let network = Network::set_up();
    let node = network.start(0);
    let process = PathBuf::from(format!("/proc/{}", node.child.id()));
    for (file, shown) in [("cmdline", "--data-dir"), ("environ", "QUORATE_PASSPHRASE_FILE=")] {
        let bytes = fs::read(process.join(file)).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains(shown) && !text.contains("a passphrase of tests"), "{file}");
    }
    node.stop();
    let store = network.path(NAMES[0]).join("store.redb");
    fs::remove_file(&store).unwrap();
    let refused = network.at(0, &["run"]);
    refused.failed(13, "store.redb is gone", "quorate key restore");
    assert!(!store.exists());
}
