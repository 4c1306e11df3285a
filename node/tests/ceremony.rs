//! The ceremony in processes: members that are killed, that come late, that are shown something
//! else, and what is refused.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::fs;

use common::{Ceremony, NAMES, Network, Node, eventually, run};
use serde_json::{Value, json};

/// The certificate key in a member's data directory.
fn key(network: &Network, who: usize) -> String {
    let file = fs::read_to_string(network.path(NAMES[who]).join("group-keys.toml")).unwrap();
    let line = file.lines().find(|line| line.starts_with("certificate_key")).unwrap();
    line.split('"').nth(1).unwrap().to_owned()
}

fn store(network: &Network, who: usize) -> std::path::PathBuf {
    network.path(NAMES[who]).join("ceremony/keys.redb")
}

/// A network whose coordinator waits, and to which all others have been invited.
fn gathered(arguments: &[&str]) -> (Network, Ceremony) {
    let (network, invite) = Network::invited(&[]);
    let mut coordinator = network.ceremony(0, arguments);
    coordinator.until("gathering");
    for who in 1..NAMES.len() {
        let joined = network.at(who, &["join", &invite, "--json"]).ok().json();
        assert_eq!(joined["registered"].as_array().unwrap().len(), who + 1, "{joined}");
    }
    (network, coordinator)
}

#[test]
fn four_organisations_make_keys_together_and_end_with_the_same() {
    let (network, mut coordinator) = gathered(&[]);
    let mut members: Vec<_> = (1..4).map(|who| network.ceremony(who, &[])).collect();
    let words = coordinator.until("check_words");
    let made = coordinator.until("keys");
    assert_eq!(words["words"].as_array().unwrap().len(), 6);
    for member in &mut members {
        assert_eq!(member.until("check_words")["words"], words["words"]);
        let its = member.until("keys");
        for what in ["certificate_key", "document_key", "digest"] {
            assert_eq!(its[what], made[what], "{what}");
        }
        assert_ne!(its["certificate_key"], its["document_key"]);
        let done = member.until("done");
        assert_eq!((&done["confirmed"], &done["missing"]), (&json!(NAMES), &json!([])));
    }
    for member in members.into_iter().chain([coordinator]) {
        let ended = member.ended().ok();
        for event in ["roster", "preflight", "joined", "backup", "drill"] {
            assert!(ended.out.contains(&format!("\"event\":\"{event}\"")), "{event}: {ended:?}");
        }
    }
    for (who, name) in NAMES.iter().enumerate() {
        assert_eq!(made["certificate_key"], key(&network, who));
        assert!(network.path(&format!("{name}.backup")).exists());
    }
    // Nothing is left to do, and that is said.
    let again = network.ceremony(1, &[]).ended().ok();
    assert!(again.out.contains("\"done\"") && !again.out.contains("\"keys\""), "{again:?}");
}

#[test]
fn members_that_are_killed_at_any_stage_go_on_where_they_were() {
    for stages in
        [["gathering", "roster", "check_words", "joined"], ["preflight", "keys", "backup", "drill"]]
    {
        // Nodes afterwards: whoever is first must not leave before the last is back.
        let (network, coordinator) = gathered(&["--run"]);
        let others = (1..4).map(|who| network.ceremony(who, &["--run"]));
        let members: Vec<_> = [coordinator].into_iter().chain(others).collect();
        // Each the moment it comes to its stage.
        let network = &network;
        let again: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = members
                .into_iter()
                .enumerate()
                .map(|(who, mut member)| {
                    scope.spawn(move || {
                        member.until(stages[who]);
                        member.kill();
                        network.ceremony(who, &["--run"])
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let mut again = again;
        for (who, member) in again.iter_mut().enumerate() {
            member.until("ready");
            assert_eq!(member.until("done")["confirmed"], json!(NAMES), "{who}");
            assert_eq!(key(network, who), key(network, 0));
        }
        for who in 0..4 {
            eventually("an end of the ceremony", || (!store(network, who).exists()).then_some(()));
        }
        for member in again {
            member.signal("INT");
            member.ended().ok();
        }
    }
}

#[test]
fn a_member_that_was_away_finishes_later_while_the_others_run() {
    let (network, mut coordinator) = gathered(&["--at-least", "3", "--run"]);
    let mut others: Vec<_> =
        (1..3).map(|who| network.ceremony(who, &["--at-least", "3", "--run"])).collect();
    let done = coordinator.until("done");
    assert_eq!(done["missing"], json!([NAMES[3]]), "it is named");
    coordinator.until("ready");
    for member in &mut others {
        member.until("ready");
    }
    // A refresh would lock it out.
    let refresh = network.at(0, &["key", "refresh"]);
    refresh.failed(8, "not all members have finished", "quorate peers");
    // One of them stops, and goes on as its node.
    others.pop().unwrap().signal("INT");
    let node = eventually("the directory", || {
        let status = network.at(2, &["status"]);
        (status.code == 6).then(|| network.start(2))
    });
    assert!(store(&network, 2).exists());

    // The late one gets the roster and everything else from the nodes, and is killed in between.
    let mut late = network.ceremony(3, &[]);
    late.until("joined");
    late.kill();
    let late = Node::start(&network.path(NAMES[3]), &[]);
    for who in 0..4 {
        assert_eq!(done["certificate_key"], key(&network, who));
        eventually("connections", || {
            let status: Value = network.at(who, &["status", "--json"]).ok().json();
            let peers = status["peers"].as_array().unwrap();
            peers.iter().all(|peer| peer["connected"] == true).then_some(())
        });
        // All have their keys: what was kept for others is forgotten.
        eventually("an end of the ceremony", || (!store(&network, who).exists()).then_some(()));
    }
    late.stop();
    node.stop();
    // Its backup is still to be made; the others are not needed for that.
    let ended = network.ceremony(3, &[]).ended().ok();
    assert!(ended.out.contains("\"drill\""), "{ended:?}");
}

#[test]
fn a_member_with_another_roster_is_named_before_the_words_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let network = Network { folder, digest: String::new() };
    let mut members = Vec::new();
    for (who, name) in NAMES.iter().enumerate() {
        let port = common::free_port().to_string();
        let card = network.at(who, &["init", "--org", name, "--port", &port]).ok().out;
        members.extend(["--member".to_owned(), card.trim().to_owned()]);
    }
    let members: Vec<_> = members.iter().map(String::as_str).collect();
    for (name, who) in [("Orion", &[0, 1, 2][..]), ("Orlon", &[3])] {
        let file = network.file(name);
        run(&[&["network", "new", name, "--output", &file], &members[..]].concat()).ok();
        who.iter().for_each(|who| drop(network.at(*who, &["join", &file]).ok()));
    }
    let all: Vec<_> = (0..4).map(|who| network.ceremony(who, &[])).collect();
    for (who, mut member) in all.into_iter().enumerate() {
        let others = if who == 3 { &NAMES[..3] } else { &NAMES[3..] };
        let named = |event: &Value| {
            let troubles = event["troubles"].as_array().unwrap();
            let named: Vec<_> = troubles.iter().map(|trouble| trouble["member"].clone()).collect();
            named == others
        };
        while !named(&member.next("preflight")) {}
        member.signal("INT");
        let ended = member.ended();
        assert_eq!(ended.code, 130, "{ended:?}");
        assert!(ended.err.contains("nothing is lost"), "{ended:?}");
        assert!(ended.err.contains("another network file"), "{ended:?}");
        assert!(!ended.out.contains("check_words"), "{ended:?}");
    }
}

#[test]
fn invites_and_ceremonies_that_cannot_be_are_refused_in_words_that_help() {
    let (network, invite) = Network::invited(&[]);
    let orgs = |n: &'static str| network.at(1, &["network", "new", "N", "--orgs", n]);
    orgs("3").failed(5, "at least 4", "--insecure-small");
    orgs("129").failed(5, "more than the 128", "");
    network.at(0, &["network", "new", "N", "--orgs", "4"]).failed(8, "before", "network invite");
    assert_eq!(network.at(0, &["network", "invite"]).ok().out.trim(), invite);
    network.at(1, &["network", "invite"]).failed(3, "invited nobody", "network new");
    let missing = network.at(1, &["network", "new", "N"]);
    assert_eq!(missing.code, 2, "{missing:?}");

    network.at(1, &["join", &invite[..invite.len() - 7]]).failed(5, "checksum", "copy all of it");
    network.at(1, &["join", "hello"]).failed(5, "not an invite", "quorate network new");
    network.at(1, &["join", "nothing.toml"]).failed(3, "no such file", "path");
    network.at(0, &["join", &invite]).failed(8, "begun a network itself", "quorate ceremony");
    let dealt = network.at(1, &["join", &invite, "--dealt-keys", "x"]);
    dealt.failed(2, "not an invite", "network.toml");
    let short = ["network", "new", "N", "--orgs", "4", "--anew", "--valid", "0s"];
    let expired = network.at(0, &short).ok().out;
    network.at(1, &["join", expired.trim()]).failed(5, "has expired", "new one");

    network.at(1, &["ceremony"]).failed(5, "no network yet", "quorate join INVITE");
    network.at(1, &["run"]).failed(5, "no network yet", "quorate join INVITE");
    network.at(0, &["ceremony"]).failed(2, "nobody to ask", "--yes");
    network.at(0, &["ceremony", "--yes"]).failed(2, "backup that was tried", "--backup FILE");
    let dealt = Network::dealt();
    dealt.at(0, &["ceremony"]).failed(8, "keys were dealt", "quorate run");
}

#[test]
fn the_coordinator_turns_away_who_does_not_belong_and_nobody_takes_their_place() {
    let (network, invite) = Network::invited(&[]);
    let stranger = network.file("stranger");
    let port = common::free_port().to_string();
    let init = ["init", "--org", "Zeta", "--data-dir", &stranger, "--port", &port];
    run(&init).ok();
    let mut coordinator = network.ceremony(0, &[]);
    coordinator.until("gathering");
    let join = |dir: &str| run(&["join", &invite, "--data-dir", dir, "--json"]);
    join(&stranger).ok();
    coordinator.signal("INT");
    assert_eq!(coordinator.ended().code, 130);
    network.ceremony(0, &["--turn-away", "Nobody"]).ended().failed_at_events(3, "Nobody");
    let mut coordinator = network.ceremony(0, &["--turn-away", "zeta"]);
    coordinator.until("gathering");
    join(&stranger).failed(4, "turned this organisation away", "ask the coordinator");
    for name in NAMES.iter().skip(1) {
        join(&network.file(name)).ok();
    }
    coordinator.until("roster");
    // Fewer than decide cannot make keys.
    let few = network.ceremony(1, &["--at-least", "2"]).ended();
    few.failed_at_events(5, "at least 3 can");
}

impl common::Ended {
    /// Failed as [`common::Ended::failed`] says, after some events.
    #[track_caller]
    fn failed_at_events(mut self, code: i32, error: &str) {
        self.out.clear();
        self.failed(code, error, "");
    }
}
