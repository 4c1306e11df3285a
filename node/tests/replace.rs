//! A member that lost everything, by the commands that people use: the others give its seat to new keys,
//! and it is a member again.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::fs;
use std::process::Command;

use common::{NAMES, Network, Node, eventually, exit_code, free_port, run, script};
use serde_json::{Value, json};

const LOST: usize = 3;

fn status(network: &Network, who: usize) -> Option<Value> {
    let status = network.at(who, &["status", "--json"]);
    (status.code == 0).then(|| status.json())
}

fn in_epoch(network: &Network, who: usize, epoch: u64) {
    eventually("the next epoch", || (status(network, who)?["epoch"] == epoch).then_some(()));
}

fn vote(network: &Network, who: usize, id: &str) {
    eventually("the proposal", || (network.at(who, &["show", id]).code == 0).then_some(()));
    network.at_with_input(who, &["vote", id], "yes").ok();
}

/// These members accept something; who of all had a vote that counted.
fn decide(network: &Network, members: &[usize]) -> (String, Value) {
    let mut line = vec!["propose", "--title", "Extend the line?", "--rule", "count(approve) >= 3"];
    if members.len() < NAMES.len() {
        line.extend(["--deadline", "8s"]);
    }
    let id = network.at(members[0], &line).ok().out.trim().to_owned();
    members.iter().for_each(|who| vote(network, *who, &id));
    let decided = network.at(members[0], &["wait", &id, "--timeout", "1m", "--json"]).ok().json();
    assert_eq!(decided["outcome"], "accepted", "{decided}");
    (id, decided["counted"].clone())
}

/// The lost member makes new keys, and the others give them its seat.
fn replace(network: &Network, others: &[usize]) -> String {
    let port = free_port().to_string();
    network.at(LOST, &["init", "--org", NAMES[LOST], "--port", &port]).ok();
    let card = network.path(NAMES[LOST]).join("member.toml").display().to_string();
    let line = ["member", "replace", NAMES[LOST], "--card", &card, "--deadline", "8s"];
    let id = network.at(others[0], &line).ok().out.trim().to_owned();
    let shown = network.at(others[0], &["show", &id]).ok();
    assert!(shown.out.contains(NAMES[LOST]) && shown.out.contains("new keys"), "{shown:?}");
    others.iter().for_each(|who| vote(network, *who, &id));
    others.iter().for_each(|who| in_epoch(network, *who, 2));
    id
}

fn key(network: &Network, who: usize) -> String {
    let keys = network.at(who, &["key", "show", "--json"]).ok().json();
    keys["certificate_key"].as_str().unwrap().to_owned()
}

#[test]
fn a_member_that_lost_everything_decides_again_under_new_keys() {
    let network = Network::dealt();
    let mut nodes: Vec<Node> = (0..4).map(|who| network.start(who)).collect();
    decide(&network, &[0, 1, 2, 3]);
    let before = key(&network, 0);

    // Its machine burns down, and nobody made a backup.
    drop(nodes.pop());
    let old = network.path("old");
    fs::rename(network.path(NAMES[LOST]), &old).unwrap();
    let id = replace(&network, &[0, 1, 2]);

    // What it needs to come in, from anybody; checked with a key it knows.
    let file = network.file("entrance.toml");
    let wrong = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    network.at(1, &["member", "entrance", "-o", &file]).ok();
    network.at(LOST, &["run"]).failed(5, "joined no network", "quorate join");
    network.at(LOST, &["member", "enter", &file, "--network-key", wrong]).failed(
        12,
        "not of the network with this key",
        "quorate key show",
    );
    network.at(LOST, &["member", "enter", &file, "--network-key", &before]).ok();
    nodes.push(network.start(LOST));
    in_epoch(&network, LOST, 2);

    // It votes, and what is certified holds under the same key.
    let (next, counted) = decide(&network, &[3, 0, 1, 2]);
    assert_eq!(counted, json!(NAMES));
    for (who, name) in [(0, "next.cert"), (LOST, "its.cert")] {
        let certificate = network.file(name);
        network.at(who, &["cert", &next, "-o", &certificate]).ok();
        let line = ["verify", &certificate, "--network-key", &before, "--json"];
        assert_eq!(run(&line).ok().json()["epoch"], 2);
    }
    let certificate = network.file("replacement.cert");
    network.at(0, &["cert", &id, "-o", &certificate]).ok();
    let line = ["verify", &certificate, "--network-key", &before, "--json"];
    let verified = run(&line).ok().json();
    assert_eq!(verified["replaces"]["member"], NAMES[LOST], "{verified}");
    // Old shares are gone everywhere once it has its own.
    for name in NAMES.iter().take(3) {
        let shares = network.path(name).join("keys-1.sealed");
        eventually("an end of the old shares", || (!shares.exists()).then_some(()));
    }

    // The old directory turns up: nobody talks to it, and it changes nothing.
    let ghost = Node::start(&old, &["--listen", &format!("127.0.0.1:{}", free_port())]);
    let (_, counted) = decide(&network, &[2, 3, 0, 1]);
    assert_eq!(counted, json!(NAMES));
    drop(ghost);

    // All of it holds after a restart of everybody.
    nodes.into_iter().for_each(|node| node.stop());
    let nodes: Vec<Node> = (0..4).map(|who| network.start(who)).collect();
    (0..4).for_each(|who| in_epoch(&network, who, 2));
    let (_, counted) = decide(&network, &[1, 2, 3, 0]);
    assert_eq!(counted, json!(NAMES));
    nodes.into_iter().for_each(Node::stop);
}

/// A member under its old keys hears of the decision, and stops for good.
#[test]
fn the_node_that_is_replaced_stops_and_says_why() {
    let network = Network::dealt();
    let mut nodes: Vec<Node> = (0..4).map(|who| network.start(who)).collect();
    decide(&network, &[0, 1, 2, 3]);
    let moved = network.path("old");
    let mut old = nodes.pop().unwrap();
    // Its node goes on where it is.
    fs::rename(network.path(NAMES[LOST]), &moved).unwrap();
    let id = replace(&network, &[0, 1, 2]);
    assert_eq!(exit_code(&mut old.child), Some(13));
    let dir = moved.display().to_string();
    run(&["run", "--data-dir", &dir]).failed(13, &id, "new keys");
    drop(nodes);
}

/// Each certificate, of whichever epoch, says who signed it, and all that takes to check is in it.
#[test]
fn where_members_sign_beside_the_network_they_do_so_under_the_keys_of_the_epoch() {
    let network = Network::dealt_as(&["--accountable"]);
    let mut nodes: Vec<Node> = (0..4).map(|who| network.start(who)).collect();
    let (first, _) = decide(&network, &[0, 1, 2, 3]);
    let key = key(&network, 0);
    drop(nodes.pop());
    fs::remove_dir_all(network.path(NAMES[LOST])).unwrap();
    let replacement = replace(&network, &[0, 1, 2]);
    let file = network.file("entrance.toml");
    network.at(1, &["member", "entrance", "-o", &file]).ok();
    network.at(LOST, &["member", "enter", &file, "--network-key", &key]).ok();
    nodes.push(network.start(LOST));
    in_epoch(&network, LOST, 2);
    // Without one of the others: the newcomer has to sign.
    drop(nodes.remove(0));
    let (second, _) = decide(&network, &[3, 1, 2]);
    for (who, id, epoch, by) in
        [(1, &first, 1, None), (2, &replacement, 1, None), (LOST, &second, 2, Some(NAMES[LOST]))]
    {
        let certificate = network.file("a.cert");
        network.at(who, &["cert", id, "-o", &certificate]).ok();
        let verified = run(&["verify", &certificate, "--network-key", &key, "--json"]).ok().json();
        assert_eq!(verified["epoch"], epoch, "{verified}");
        let words: Value = serde_json::from_slice(&fs::read(&certificate).unwrap()).unwrap();
        let signed_by = words["signed_by"].as_array().unwrap();
        assert_eq!(signed_by.len(), 3, "{words}");
        assert!(by.is_none_or(|name| signed_by.contains(&json!(name))), "{words}");
        let Some(script) = script() else { continue };
        let other = Command::new(script).args([&certificate, &key]).output().unwrap();
        assert!(other.status.success(), "{}", String::from_utf8_lossy(&other.stderr));
        fs::remove_file(certificate).unwrap();
    }
}
