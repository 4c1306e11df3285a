//! New shares of the network's keys, by the commands that people use: decided like anything else,
//! made while decisions go on, and the old ones gone from every disk.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::fs;

use common::{NAMES, Network, Node, eventually, passphrase_file, run};
use serde_json::Value;

fn propose(network: &Network, who: usize) -> String {
    let line = ["propose", "--title", "Extend the line?", "--rule", "count(approve) >= 3"];
    network.at(who, &line).ok().out.trim().to_owned()
}

fn vote(network: &Network, who: usize, id: &str) {
    eventually("the proposal", || (network.at(who, &["show", id]).code == 0).then_some(()));
    network.at_with_input(who, &["vote", id], "yes").ok();
}

fn decided(network: &Network, who: usize, id: &str) -> Value {
    let decided = network.at(who, &["wait", id, "--timeout", "1m", "--json"]).ok().json();
    assert_eq!(decided["outcome"], "accepted", "{decided}");
    decided
}

fn status(network: &Network, who: usize) -> Value {
    network.at(who, &["status", "--json"]).ok().json()
}

/// Waits until a member is in an epoch, and has nothing of the one before.
fn in_epoch(network: &Network, who: usize, epoch: u64) {
    eventually("the next epoch", || (status(network, who)["epoch"] == epoch).then_some(()));
    let there = |name: &str| network.path(NAMES[who]).join(name).exists();
    eventually("an end of the old shares", || {
        (!there("first.sealed") && !there(&format!("keys-{}.sealed", epoch - 1))).then_some(())
    });
    assert!(there(&format!("keys-{epoch}.sealed")));
}

/// Waits until a member knows that all have their keys: it accepts no refresh before.
fn ceremony_over(network: &Network, who: usize) {
    let kept = network.path(NAMES[who]).join("keys.redb");
    eventually("the end of the ceremony", || (!kept.exists()).then_some(()));
}

/// All members accept a refresh, the first of them proposes it.
fn refresh(network: &Network) -> String {
    let id = network.at(0, &["key", "refresh"]).ok().out.trim().to_owned();
    let shown = network.at(0, &["show", &id]).ok();
    assert!(shown.out.contains("new shares") && shown.out.contains("count(approve) >= 3"));
    (0..4).for_each(|who| vote(network, who, &id));
    decided(network, 0, &id);
    id
}

fn keys(network: &Network, who: usize) -> Value {
    network.at(who, &["key", "show", "--json"]).ok().json()
}

#[test]
fn shares_are_made_anew_decisions_go_on_and_old_ones_are_gone() {
    let network = Network::set_up();
    let mut nodes: Vec<_> = (0..4).map(|who| network.start(who)).collect();
    (0..4).for_each(|who| ceremony_over(&network, who));
    let before = keys(&network, 1);
    let backup = network.file("old.backup");
    let made = ["key", "backup", "-o", &backup, "--backup-passphrase-file"];
    let passphrase = passphrase_file().display().to_string();
    network.at(3, &[&made[..], &[&passphrase]].concat()).ok();

    // One decision is open all the while: it is of the old epoch, whose shares stay until it is done.
    let open = propose(&network, 1);
    vote(&network, 1, &open);
    eventually("its place", || {
        let shown = network.at(2, &["show", &open, "--json"]).json();
        (shown["position"] == 0).then_some(())
    });
    let id = refresh(&network);
    for (who, name) in NAMES.iter().enumerate() {
        eventually("the next epoch", || (status(&network, who)["epoch"] == 2).then_some(()));
        assert!(network.path(name).join("first.sealed").exists());
    }
    for who in [0, 2, 3] {
        vote(&network, who, &open);
    }
    decided(&network, 2, &open);
    (0..4).for_each(|who| in_epoch(&network, who, 2));

    // The public keys are the same, the shares are not; all that was decided is there.
    for who in 0..4 {
        let after = keys(&network, who);
        for same in ["certificate_key", "document_key", "made_by"] {
            assert_eq!(after[same], before[same], "{same}");
        }
        assert_ne!(after["key_set"], before["key_set"]);
        assert_eq!(after["key_set"], keys(&network, 0)["key_set"]);
        decided(&network, who, &open);
        decided(&network, who, &id);
    }
    // In the new epoch: decided without one of the four, who comes back from its disk.
    nodes.remove(1).stop();
    let next = propose(&network, 0);
    for who in [0, 2, 3] {
        vote(&network, who, &next);
    }
    // The deadline is far: it is the votes of a quorum that count, once the fourth is in.
    let node = network.start(1);
    vote(&network, 1, &next);
    let certificate = network.file("next.cert");
    decided(&network, 1, &next);
    network.at(1, &["cert", &next, "-o", &certificate]).ok();
    let key = before["certificate_key"].as_str().unwrap();
    let verified = run(&["verify", &certificate, "--network-key", key, "--json"]).ok().json();
    assert_eq!((&verified["epoch"], &verified["position"]), (&2.into(), &2.into()), "{verified}");

    // The backup of old shares is of no use any more, and that is said.
    let drill = ["key", "drill", &backup, "--backup-passphrase-file", &passphrase];
    network.at(3, &drill).failed(5, "other keys by now", "key backup");
    let shown = network.at(3, &["key", "show"]).ok();
    assert!(shown.out.contains("of old keys; next: quorate key backup"), "{shown:?}");
    drop(node);
    nodes.into_iter().for_each(Node::stop);
}

#[test]
fn a_member_that_was_away_gets_its_share_and_a_new_backup_restores_it() {
    let network = Network::dealt();
    let mut nodes: Vec<_> = (0..3).map(|who| network.start(who)).collect();
    let id = network.at(0, &["key", "refresh", "--deadline", "8s"]).ok().out.trim().to_owned();
    for who in 0..3 {
        vote(&network, who, &id);
    }
    decided(&network, 0, &id);
    (0..3).for_each(|who| in_epoch(&network, who, 2));
    nodes.push(network.start(3));
    in_epoch(&network, 3, 2);
    // Again, with all of them: who was away has a share that counts.
    refresh(&network);
    (0..4).for_each(|who| in_epoch(&network, who, 3));

    let passphrase = passphrase_file().display().to_string();
    let backup = network.file("new.backup");
    let given = ["--backup-passphrase-file", &passphrase];
    network.at(3, &[&["key", "backup", "-o", &backup][..], &given].concat()).ok();
    network.at(3, &[&["key", "drill", &backup][..], &given].concat()).ok();
    nodes.pop().unwrap().stop();
    fs::remove_dir_all(network.path(NAMES[3])).unwrap();
    network.at(3, &[&["key", "restore", &backup][..], &given].concat()).ok();
    nodes.push(network.start(3));
    eventually("its return", || (status(&network, 3)["returning"].is_null()).then_some(()));
    // It takes part in what is ordered after the slot in which it came back, and votes.
    let line = ["propose", "--title", "Now?", "--rule", "count(approve) >= 3", "--deadline", "8s"];
    let short = network.at(1, &line).ok().out.trim().to_owned();
    (0..3).for_each(|who| vote(&network, who, &short));
    decided(&network, 3, &short);
    let next = propose(&network, 2);
    (0..4).for_each(|who| vote(&network, who, &next));
    let counted = decided(&network, 0, &next)["counted"].clone();
    assert_eq!(counted, serde_json::json!(NAMES));
    nodes.into_iter().for_each(Node::stop);
}
