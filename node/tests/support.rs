//! What helps when something is wrong: the doctor, the bundle for somebody who helps, and a node that
//! ends when it is told to.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use common::{NAMES, Network, Node, eventually, exit_code, passphrase_file};
use data_encoding::{BASE64, BASE64URL, HEXLOWER, HEXUPPER};

/// Whether a text shows some bytes: as they are, in hexadecimal, or in base 64 wherever they begin.
fn shows(text: &str, secret: &[u8]) -> bool {
    let raw = text.as_bytes().windows(secret.len()).any(|window| window == secret);
    let hex = [&HEXLOWER, &HEXUPPER].iter().any(|hex| text.contains(&hex.encode(secret)));
    let base64 = (0..3).any(|skip| {
        // What stands before and after changes the first and the last letters.
        let inner = &secret[skip..skip + (secret.len() - skip) / 3 * 3];
        [BASE64, BASE64URL].iter().any(|base64| text.contains(&base64.encode(inner)))
    });
    raw || hex || base64
}

#[test]
fn what_is_searched_for_would_be_found() {
    let secret = b"the canary of this test";
    for before in ["", "a", "ab", "abc"] {
        let around = [before.as_bytes(), secret, b" and more"].concat();
        for text in [
            String::from_utf8(around.clone()).unwrap(),
            HEXLOWER.encode(&around),
            HEXUPPER.encode(&around),
            BASE64.encode(&around),
            BASE64URL.encode(&around),
        ] {
            assert!(shows(&text, secret), "{text}");
        }
    }
    assert!(!shows("nothing of the kind, though it is rather long", secret));
}

#[test]
fn a_bundle_holds_what_helps_and_no_secret() {
    let network = Network::dealt();
    let dir = network.path(NAMES[0]);
    let planted = b"a vote of 00000000097, planted";
    fs::write(dir.join("notes"), planted).unwrap();
    fs::write(dir.join("a-file-called-by-a-canary"), "").unwrap();
    let comment = fs::read_to_string(dir.join("history.toml")).unwrap() + "# a comment, planted\n";
    fs::write(dir.join("history.toml"), comment).unwrap();
    let nodes: Vec<Node> = (0..3).map(|who| network.start(who)).collect();
    let body = network.file("body");
    fs::write(&body, "The body of a canary").unwrap();
    let title = ["--title", "The title of a canary", "--body", &body];
    let line = [&["propose", "--rule", "mean(x) > 75", "--deadline", "10m"][..], &title].concat();
    let proposed = network.at(0, &line).ok();
    let id = proposed.out.trim();
    network.at_with_input(0, &["vote", id], "00000000097").ok();

    let mut secrets: Vec<Vec<u8>> = vec![
        planted.to_vec(),
        b"a-file-called-by-a-canary".to_vec(),
        b"a comment, planted".to_vec(),
        b"The title of a canary".to_vec(),
        b"The body of a canary".to_vec(),
        b"00000000097".to_vec(),
        fs::read_to_string(passphrase_file()).unwrap().trim().into(),
        fs::read_to_string(dir.join("api.token")).unwrap().trim().into(),
        dir.display().to_string().into(),
    ];
    for entry in fs::read_dir(&dir).unwrap() {
        let entry = entry.unwrap();
        let public = ["toml", "addr"].iter().any(|e| entry.path().extension() == Some(e.as_ref()));
        let bytes = fs::read(entry.path()).unwrap();
        // Beyond the heads of files, which are the same for everybody.
        if !public && bytes.len() >= 200 {
            secrets.push(bytes[100..132].to_vec());
        }
    }
    let file = network.file("bundle.json");
    let shown = network.at(0, &["support", "bundle", "-o", &file]).ok();
    assert_eq!(shown.out.trim(), file);
    assert!(shown.err.contains("not in it"), "{shown:?}");
    let text = fs::read_to_string(&file).unwrap();
    for secret in &secrets {
        assert!(!shows(&text, secret), "{} is in {text}", String::from_utf8_lossy(secret));
        assert!(!shows(&format!("{}{}", shown.err, shown.out), secret) || secret.starts_with(b"/"));
    }
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let bundle: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(bundle["decisions"][0]["id"], id);
    assert_eq!(bundle["status"]["organisation"], NAMES[0]);
    assert_eq!(bundle["network"]["members"].as_array().unwrap().len(), 4);
    assert_eq!(bundle["files"]["others"], 2, "{}", bundle["files"]);
    assert!(bundle["doctor"].as_array().unwrap().len() >= 30);
    assert!(text.contains("quorate_build_info"));
    network.at(0, &["support", "bundle", "-o", &file]).failed(8, "exists already", "-o");

    // Without a node there is what can be had.
    nodes.into_iter().for_each(Node::stop);
    let again = network.file("again.json");
    let listed = network.at(0, &["support", "bundle", "-o", &again, "--json"]).ok().json();
    assert_eq!(listed["file"], again);
    let text = fs::read_to_string(&again).unwrap();
    assert!(secrets.iter().all(|secret| !shows(&text, secret)), "{text}");
    assert!(text.contains("no node is running on DATA_DIR"), "{text}");
}

#[test]
fn the_doctor_works_with_a_node_and_without_and_repairs_what_is_safe() {
    let network = Network::dealt();
    let dir = network.path(NAMES[0]);
    let doctor = |line: &[&str]| network.at(0, &[&["doctor", "--json"], line].concat());
    let level = |ended: &common::Ended, check: &str| {
        let found = ended.json()["checks"].as_array().unwrap().clone();
        let found = found.into_iter().find(|finding| finding["check"] == check);
        found.unwrap_or_else(|| panic!("{check}: {ended:?}"))["level"].clone()
    };
    let stopped = doctor(&[]);
    assert_eq!(stopped.code, 14, "{stopped:?}");
    assert_eq!(level(&stopped, "node"), "warning");
    assert_eq!(level(&stopped, "reachable members"), "warning");
    assert_eq!(level(&stopped, "ports"), "ok");

    let nodes: Vec<Node> = (0..3).map(|who| network.start(who)).collect();
    eventually("connections", || {
        let status = network.at(0, &["status", "--json"]).ok().json();
        (status["margin"]["here"] == 3).then_some(())
    });
    let start = Instant::now();
    let running = doctor(&[]);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!((running.code, level(&running, "node")), (14, "ok".into()), "{running:?}");
    assert_eq!(level(&running, "fault margin"), "warning");
    assert_eq!(level(&running, "interface"), "ok");
    nodes.into_iter().for_each(Node::stop);

    for name in ["keys.sealed", "api.token"] {
        fs::set_permissions(dir.join(name), fs::Permissions::from_mode(0o644)).unwrap();
    }
    let exposed = doctor(&[]);
    assert_eq!((exposed.code, level(&exposed, "secret files")), (15, "failure".into()));
    let people = network.at(0, &["doctor"]);
    assert!(people.out.starts_with("failure  secret files: others can read"), "{people:?}");
    assert!(people.out.contains("fix: chmod 600 "), "{people:?}");
    let fixed = doctor(&["--fix"]);
    assert_eq!((fixed.code, level(&fixed, "secret files")), (14, "ok".into()), "{fixed:?}");
    assert_eq!(fixed.json()["fixed"].as_array().unwrap().len(), 2);
    let mode = fs::metadata(dir.join("keys.sealed")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let empty = network.file("nothing");
    let nobody = common::run(&["doctor", "--data-dir", &empty]);
    assert_eq!(nobody.code, 15, "{nobody:?}");
    assert!(nobody.out.contains("fix: quorate init --org NAME"), "{nobody:?}");
}

#[test]
fn a_node_that_is_told_to_end_does_within_a_second_and_keeps_what_it_promised() {
    let network = Network::dealt();
    let mut nodes: Vec<Node> = (0..4).map(|who| network.start(who)).collect();
    let line = ["propose", "--title", "T", "--rule", "mean(x) > 75", "--deadline", "10m"];
    let id = network.at(1, &line).ok().out.trim().to_owned();
    eventually("the proposal", || (network.at(0, &["show", &id]).code == 0).then_some(()));
    network.at_with_input(0, &["vote", &id], "80").ok();
    // In the middle of the decision, the moment that the vote is promised.
    nodes[0].signal("TERM");
    let start = Instant::now();
    assert_eq!(exit_code(&mut nodes[0].child), Some(0));
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    assert!(!network.path(NAMES[0]).join("api.addr").exists());
    nodes[0] = network.start(0);
    let shown = network.at(0, &["show", &id, "--json"]).ok().json();
    assert_eq!(shown["you_voted"], true);
    let second = network.at_with_input(0, &["vote", &id], "1");
    assert_eq!(second.code, 8, "{second:?}");
    nodes.into_iter().for_each(Node::stop);
}
