//! Keys at rest, by the commands that people use: passphrases, backup, drill, restore.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::mpsc;

use common::{
    Ended, NAMES, Network, Node, PATIENCE, ended_in_time, eventually, in_time, passphrase_file,
    quorate, run, signal,
};
use rustix::pty;
use serde_json::{Value, json};

/// A file with a passphrase, closed to others.
fn passphrase(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, format!("{text}\n")).unwrap();
    set_mode(&path, 0o600);
    path.display().to_string()
}

fn set_mode(path: impl AsRef<Path>, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Runs a command that finds no passphrase but by these variables.
#[track_caller]
fn run_with(arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    let mut command = quorate(arguments);
    command.env_remove("QUORATE_PASSPHRASE_FILE");
    ended_in_time(command.envs(variables.iter().copied()))
}

/// Runs a command at a terminal of its own, where somebody answers its questions one after the
/// other; gives also what the terminal showed of the answers.
fn run_at_a_terminal(arguments: &[&str], answers: &[&str]) -> (Ended, String) {
    let terminal = pty::openpt(pty::OpenptFlags::RDWR | pty::OpenptFlags::NOCTTY).unwrap();
    pty::grantpt(&terminal).unwrap();
    pty::unlockpt(&terminal).unwrap();
    let name = pty::ptsname(&terminal, Vec::new()).unwrap().into_string().unwrap();
    let mut keyboard = File::from(terminal);
    let seat = || OpenOptions::new().read(true).write(true).open(&name).unwrap();
    // Held open, so that what was shown can be read when the command has ended.
    let held = seat();
    let mut command = quorate(arguments);
    command.env_remove("QUORATE_PASSPHRASE_FILE").stdin(seat());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (process, mut talk) = (child.id(), child.stderr.take().unwrap());
    let (send, bytes) = mpsc::channel();
    let listener = std::thread::spawn(move || {
        let mut byte = [0];
        while talk.read(&mut byte).is_ok_and(|n| n == 1) && send.send(byte[0]).is_ok() {}
    });
    let mut said = String::new();
    for answer in answers {
        while !said.ends_with(": ") {
            let Ok(byte) = bytes.recv_timeout(PATIENCE) else {
                signal(process, "KILL");
                panic!("no question after {said:?}");
            };
            said.push(byte.into());
        }
        writeln!(keyboard, "{answer}").unwrap();
        said.push('\n');
    }
    let ended = in_time(child);
    listener.join().unwrap();
    said.extend(bytes.iter().map(char::from));
    // What follows is all that there is to read: the mark comes after it.
    writeln!(&held, "\u{4}").unwrap();
    let mut shown = Vec::new();
    while !shown.contains(&4) {
        let mut some = [0; 256];
        let n = keyboard.read(&mut some).unwrap();
        shown.extend(&some[..n]);
    }
    (Ended { err: said, ..ended }, String::from_utf8(shown).unwrap())
}

#[test]
fn a_passphrase_comes_from_a_file_by_flag_variable_or_credential_in_this_order() {
    let network = Network::dealt();
    let folder = network.folder.path();
    let dir = network.file(NAMES[0]);
    let right = passphrase(folder, "right", "a passphrase of tests");
    let wrong = passphrase(folder, "wrong", "another one");
    let unit = network.path("credentials");
    fs::create_dir(&unit).unwrap();
    // The system sees to who may read it.
    fs::write(unit.join("quorate-passphrase"), "a passphrase of tests").unwrap();
    set_mode(unit.join("quorate-passphrase"), 0o644);
    let unit = unit.display().to_string();

    // What the data directory is opened for.
    let backup = |name: &str| {
        let (file, kept) = (network.file(name), passphrase(folder, "kept", "kept in a safe"));
        ["key", "backup", "-o", &file, "--backup-passphrase-file", &kept, "--data-dir", &dir]
            .map(str::to_owned)
    };
    let run_for = |name: &str, flag: Option<&str>, variables: &[(&str, &str)]| {
        let arguments = backup(name);
        let mut arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        arguments.extend(flag.iter().flat_map(|file| ["--passphrase-file", file]));
        let ended = run_with(&arguments, variables);
        assert_eq!(network.path(name).exists(), ended.code == 0, "{ended:?}");
        ended
    };
    let refused = |ended: Ended| ended.failed(4, "wrong passphrase", "with --passphrase-file");
    let by_variable = ("QUORATE_PASSPHRASE_FILE", right.as_str());
    let wrong_variable = ("QUORATE_PASSPHRASE_FILE", wrong.as_str());
    let by_unit = ("CREDENTIALS_DIRECTORY", unit.as_str());
    let unasked = run_for("nothing", None, &[]);
    unasked.failed(4, "no terminal to ask", "--passphrase-file FILE, or QUORATE_PASSPHRASE_FILE");
    run_for("flag", Some(&right), &[wrong_variable]).ok();
    refused(run_for("wrong flag", Some(&wrong), &[by_variable, by_unit]));
    run_for("variable", None, &[by_variable]).ok();
    refused(run_for("wrong variable", None, &[wrong_variable, by_unit]));
    run_for("unit", None, &[by_unit]).ok();
    let other_unit = [("CREDENTIALS_DIRECTORY", "/nonexistent")];
    run_for("other unit", None, &other_unit).failed(4, "no terminal to ask", "FILE");
    // One that is named and cannot be used is an error, not a reason to try the next.
    let gone = run_for("gone", Some(&network.file("none")), &[by_variable]);
    gone.failed(3, "there is no such file", "path");
    set_mode(&right, 0o644);
    run_for("open", Some(&right), &[by_unit]).failed(13, "others can read", "chmod 600");
    // The node asks for it in the same way.
    let node = ["run", "--data-dir", dir.as_str()];
    refused(run_with(&node, &[wrong_variable, by_unit]));
    run_with(&node, &[]).failed(4, "no terminal to ask", "--passphrase-file");
}

#[test]
fn a_passphrase_is_asked_for_at_a_terminal_that_does_not_show_it() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("acme");
    let port = common::free_port().to_string();
    let init = ["init", "--org", "Acme", "--port", &port, "--data-dir", dir.to_str().unwrap()];
    // Nothing is made without a passphrase, or with a weak one.
    run_with(&init, &[]).failed(4, "no terminal to ask", "--passphrase-file");
    let weak = passphrase(folder.path(), "weak", "1234567");
    let weak = [&init[..], &["--passphrase-file", &weak]].concat();
    run_with(&weak, &[]).failed(5, "too short", "words that nobody would guess");
    assert!(!dir.exists());

    let (differ, _) = run_at_a_terminal(&init, &["correct horse", "correct house"]);
    assert!(!dir.exists() && differ.err.contains("the two passphrases differ"), "{differ:?}");
    assert_eq!(differ.code, 5);
    let (made, shown) = run_at_a_terminal(&init, &["correct horse", "correct horse"]);
    assert_eq!(made.ok().err.matches(": \n").count(), 2);
    assert!(!shown.contains("horse"), "{shown}");

    // Of keys that are there, and of what is made of them.
    let network = Network::dealt();
    let (dir, file) = (network.file(NAMES[0]), network.file("acme.backup"));
    let backup = ["key", "backup", "-o", &file, "--data-dir", &dir];
    let (wrong, shown) = run_at_a_terminal(&backup, &["a passphrase of mine"]);
    assert_eq!((wrong.code, wrong.out.as_str()), (4, ""), "{wrong:?}");
    assert!(wrong.err.contains("\nhint: type it again") && !shown.contains("mine"), "{wrong:?}");
    let answers = ["a passphrase of tests", "kept in a safe", "kept in a safe"];
    let (made, shown) = run_at_a_terminal(&backup, &answers);
    assert!(Path::new(&file).exists() && !shown.contains("safe"), "{made:?}");
    let drill = ["key", "drill", &file, "--data-dir", &dir];
    assert_eq!(run_at_a_terminal(&drill, &["kept in a sale"]).0.code, 4);
    run_at_a_terminal(&drill, &["kept in a safe"]).0.ok();
}

#[test]
fn keys_are_shown_backed_up_tried_out_and_restored_once() {
    let network = Network::set_up();
    let folder = network.folder.path();
    let kept = passphrase(folder, "kept", "kept in a safe");
    let backup = network.file("acme.backup");
    let with = ["--backup-passphrase-file", kept.as_str()];
    let show = |who| network.at(who, &["key", "show", "--json"]).ok().json();

    // The ceremony made a backup of its own, and tried it out.
    let shown = show(0);
    assert_eq!((&shown["epoch"], &shown["made_by"]), (&json!(1), &json!("members")));
    let (first, other) = (shown["backup"].clone(), show(1));
    assert_eq!((&first["epoch"], &shown["drill"]["epoch"]), (&json!(1), &json!(1)));
    for which in ["certificate_key", "document_key", "key_set", "network_digest"] {
        assert!(shown[which].as_str().unwrap().len() == 64 && shown[which] == other[which]);
    }
    let text = network.at(0, &["key", "show"]).ok();
    assert!(text.out.contains("all members together, without a dealer"), "{text:?}");
    let pem = network.at(0, &["key", "show", "--pem", "document"]).ok();
    assert_eq!(pem.out.lines().count(), 3);
    let body = hex_of(pem.out.lines().nth(1).unwrap());
    assert!(shown["document_key"].as_str().unwrap().ends_with(&body[24..]));

    let write = ["key", "backup", "-o", &backup];
    network.at(0, &write).failed(4, "no terminal", "--backup-passphrase-file");
    network.at(0, &[&write[..], &with].concat()).ok();
    assert_eq!(fs::metadata(&backup).unwrap().permissions().mode() & 0o777, 0o600);
    network.at(0, &[&write[..], &with].concat()).failed(8, "exists already", "-o");
    let nowhere = network.file("nowhere/acme.backup");
    let nowhere = ["key", "backup", "-o", &nowhere];
    network.at(0, &[&nowhere[..], &with].concat()).failed(3, "there is no folder", "-o");

    let drill = ["key", "drill", &backup];
    network.at(0, &drill).failed(4, "no terminal", "--backup-passphrase-file");
    let own = passphrase_file().display().to_string();
    let wrong = [&drill[..], &["--backup-passphrase-file", &own]].concat();
    network.at(0, &wrong).failed(4, "wrong passphrase", "--backup-passphrase-file");
    network.at(0, &["key", "drill", "none"]).failed(3, "none cannot be read", "path");
    let of_another = network.at(1, &[&drill[..], &with].concat());
    of_another.failed(5, "another member", "--data-dir");
    let keys = network.path(NAMES[0]).join("keys.sealed").display().to_string();
    let other_kind = network.at(0, &[&["key", "drill", &keys][..], &with].concat());
    other_kind.failed(5, "another kind of file", "another copy");
    assert_eq!(show(0)["drill"], shown["drill"], "none of these was one");
    let good = network.at(0, &[&drill[..], &with].concat()).ok();
    assert_eq!(good.count("drill: good, every share fits the network's keys"), 1, "{good:?}");
    assert_ne!((&show(0)["backup"], &show(0)["drill"]), (&first, &shown["drill"]));

    // Not over a member; then on a new machine, once.
    let restore = |dir: &str, with: &[&str]| {
        run(&[&["key", "restore", &backup, "--data-dir", dir][..], with].concat())
    };
    restore(&network.file(NAMES[1]), &with).failed(8, "already holds a member", "--data-dir");
    let dir = network.file("new machine");
    let wrong = restore(&dir, &["--backup-passphrase-file", &own]);
    wrong.failed(4, "wrong passphrase", "--backup-passphrase-file");
    assert!(!Path::new(&dir).exists());
    let restored = restore(&dir, &with).ok();
    assert!(restored.err.contains("the old node never runs again"), "{restored:?}");
    restore(&dir, &with).failed(8, "already holds a member", "--data-dir");
    let again = run(&["key", "show", "--json", "--data-dir", &dir]).ok().json();
    assert!(again["restored"].is_string() && again["key_set"] == shown["key_set"], "{again}");
    fs::write(&backup, &fs::read(&backup).unwrap()[..100]).unwrap();
    let third = network.file("third");
    restore(&third, &with).failed(5, "the file is damaged", "another copy of the backup");
    assert!(!Path::new(&third).exists());
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
    // The one that the ceremony made.
    let backup = network.file(&format!("{}.backup", NAMES[LOST]));
    let kept = passphrase_file().display().to_string();
    let mut nodes: Vec<Option<Node>> = (0..4).map(|who| Some(network.start(who))).collect();
    let propose = |rule: &str| {
        let propose = ["propose", "--title", "Extend the line?", "--rule", rule, "--json"];
        let id = network.at(0, &[&propose[..], &["--deadline", "10m"]].concat()).ok().json()["id"]
            .clone();
        id.as_str().unwrap().to_owned()
    };
    let vote = |who: usize, id: &str| {
        eventually("the proposal", || (network.at(who, &["show", id]).code == 0).then_some(()));
        network.at_with_input(who, &["vote", id], "yes")
    };
    let wait = |id: &str| network.at(0, &["wait", id, "--timeout", "100s"]).ok();
    let first = propose("count(approve) >= 3");
    (0..4).for_each(|who| drop(vote(who, &first).ok()));
    wait(&first);

    drop(nodes[LOST].take());
    let dir = network.path(NAMES[LOST]);
    fs::remove_dir_all(&dir).unwrap();
    let restore = ["key", "restore", &backup, "--data-dir", dir.to_str().unwrap()];
    run(&[&restore[..], &["--backup-passphrase-file", &kept]].concat()).ok();
    nodes[LOST] = Some(network.start(LOST));
    let status = || -> Value { network.at(LOST, &["status", "--json"]).ok().json() };
    eventually("the return", || status()["returning"].is_null().then_some(()));
    eventually("the first decision, which it has forgotten", || {
        let shown = network.at(LOST, &["show", &first, "--json"]);
        (shown.code == 0 && shown.json()["outcome"] == "accepted").then_some(())
    });
    // It follows what the lost one may have begun, and votes in what comes after that.
    let all = eventually("a decision that it takes part in", || {
        let id = propose("count(approve) >= 4");
        let voted = vote(LOST, &id);
        if voted.code != 0 {
            voted.failed(8, "only follows", "");
            return None;
        }
        Some(id)
    });
    [0, 1, 3].into_iter().for_each(|who| drop(vote(who, &all).ok()));
    wait(&all);
    let shown = network.at(3, &["show", &all, "--json"]).ok().json();
    assert_eq!(shown["counted"], json!(NAMES), "{shown}");
}

#[test]
fn a_running_node_shows_its_passphrase_to_nobody_and_needs_its_store_and_keys() {
    let network = Network::dealt();
    let node = network.start(0);
    let process = PathBuf::from(format!("/proc/{}", node.child.id()));
    for (file, shown) in [("cmdline", "--data-dir"), ("environ", "QUORATE_PASSPHRASE_FILE=")] {
        let bytes = fs::read(process.join(file)).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains(shown) && !text.contains("a passphrase of tests"), "{file}");
    }
    node.stop();
    for (file, error) in [
        ("store.redb", "store.redb is gone"),
        ("keys-1.sealed", "keys-1.sealed is gone"),
        ("keys.sealed", "keys.sealed is gone"),
    ] {
        let path = network.path(NAMES[0]).join(file);
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        network.at(0, &["run"]).failed(13, error, "quorate key restore");
        assert!(!path.exists());
        fs::write(&path, bytes).unwrap();
        set_mode(&path, 0o644);
        if file.ends_with(".sealed") {
            network.at(0, &["run"]).failed(13, "others can read", "chmod 600");
        }
        set_mode(&path, 0o600);
    }
    network.start(0).stop();
}
