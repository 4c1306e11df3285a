//! Nodes that are killed, all at once or one by one, and what was open then.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::fs;
use std::path::Path;

use common::{NAMES, Network, Node, eventually, exit_code};
use serde_json::Value;

const ALL: usize = NAMES.len();

fn propose(network: &Network, who: usize) -> String {
    let rule = "mean(confidence) > 75";
    let line = ["propose", "--title", "Extend the line?", "--rule", rule, "--deadline", "20m"];
    network.at(who, &line).ok().out.trim().to_owned()
}

fn vote(network: &Network, who: usize, id: &str) {
    // It may not have arrived there yet.
    eventually("the proposal", || (network.at(who, &["show", id]).code == 0).then_some(()));
    network.at_with_input(who, &["vote", id], "80").ok();
}

fn show(network: &Network, who: usize, id: &str) -> Value {
    network.at(who, &["show", id, "--json"]).ok().json()
}

/// Starts all nodes, each with another setting than the one before.
fn start_all(network: &Network) -> Vec<Node> {
    let start = |who: usize| {
        let durability = if who.is_multiple_of(2) { "power" } else { "process" };
        network.start_with(who, &["--durability", durability])
    };
    (0..ALL).map(start).collect()
}

fn accepted(network: &Network, id: &str) {
    for who in 0..ALL {
        let decided = network.at(who, &["wait", id, "--timeout", "2m", "--json"]).ok().json();
        assert_eq!(decided["outcome"], "accepted");
        assert_eq!(decided["counted"].as_array().unwrap().len(), ALL, "{decided}");
    }
}

#[test]
fn all_nodes_are_killed_in_the_middle_of_decisions_which_are_decided_all_the_same() {
    let network = Network::set_up();
    let nodes = start_all(&network);
    // One is open, with votes of half of them; another one has all votes and is killed while it is
    // computed, or signed, or just before.
    let half = propose(&network, 0);
    (0..2).for_each(|who| vote(&network, who, &half));
    let whole = propose(&network, 1);
    (0..ALL).for_each(|who| vote(&network, who, &whole));
    drop(nodes);

    let nodes = start_all(&network);
    accepted(&network, &whole);
    for who in 0..ALL {
        assert_eq!(show(&network, who, &half)["you_voted"], who < 2, "{who}");
    }
    let again = network.at_with_input(0, &["vote", &half], "10");
    assert_eq!(again.code, 8, "{again:?}");
    (2..ALL).for_each(|who| vote(&network, who, &half));
    accepted(&network, &half);
    drop(nodes);

    // They start again from what is closed and open no file of another generation.
    let nodes = start_all(&network);
    let next = propose(&network, 3);
    (0..ALL).for_each(|who| vote(&network, who, &next));
    accepted(&network, &next);
    nodes.into_iter().for_each(Node::stop);
}

#[test]
fn each_node_in_turn_is_killed_while_a_decision_is_open_and_takes_part_in_it() {
    let network = Network::set_up();
    let mut nodes: Vec<Option<Node>> = start_all(&network).into_iter().map(Some).collect();
    let id = propose(&network, 0);
    for (who, node) in nodes.iter_mut().enumerate() {
        vote(&network, who, &id);
        drop(node.take());
        *node = Some(network.start(who));
    }
    accepted(&network, &id);
}

/// Copies a data directory whose node does not run.
fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_directory(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}

fn status(network: &Network, who: usize) -> Option<Value> {
    let asked = network.at(who, &["status", "--json"]);
    (asked.code == 0).then(|| asked.json())
}

/// Decides something, on which all vote, until a vote of this member counts.
fn counts_again(network: &Network, who: usize) {
    for _ in 0..8 {
        let rule = "mean(confidence) > 75";
        let line = ["propose", "--title", "Again?", "--rule", rule, "--deadline", "8s"];
        let id = network.at(0, &line).ok().out.trim().to_owned();
        for member in 0..ALL {
            eventually("a vote", || {
                let voted = network.at_with_input(member, &["vote", &id], "80");
                // Sealed, or only followed.
                [0, 8].contains(&voted.code).then_some(())
            });
        }
        let decided = network.at(who, &["wait", &id, "--timeout", "2m", "--json"]).ok().json();
        if decided["counted"].as_array().unwrap().iter().any(|name| name == NAMES[who]) {
            return;
        }
    }
    panic!("its votes do not count");
}

fn nobody_is_blamed(network: &Network) {
    for who in 0..ALL {
        let status = status(network, who).unwrap();
        assert_eq!(status["faults"], serde_json::json!([]), "{status}");
        let evidence = network.at(who, &["evidence", "list", "--json"]).ok().json();
        assert_eq!(evidence["evidence"], serde_json::json!([]), "{evidence}");
    }
}

#[test]
fn an_older_copy_of_a_data_directory_comes_back_and_one_beside_the_node_stops() {
    let network = Network::dealt();
    let mut nodes: Vec<_> = start_all(&network);
    let first = propose(&network, 0);
    (0..ALL).for_each(|who| vote(&network, who, &first));
    accepted(&network, &first);
    drop(nodes.pop());
    let (data, copy) = (network.path(NAMES[3]), network.path("copy"));
    copy_directory(&data, &copy);
    nodes.push(network.start(3));
    let second = propose(&network, 3);
    (0..ALL).for_each(|who| vote(&network, who, &second));
    accepted(&network, &second);

    // Both at once: the one that runs goes on.
    let beside = network.path("beside");
    copy_directory(&copy, &beside);
    let mut other = Node::start(&beside, &["--listen", "127.0.0.1:0"]);
    assert_eq!(exit_code(&mut other.child), Some(13));
    counts_again(&network, 3);

    // The copy in place of it, while something is open.
    let open = propose(&network, 0);
    (0..2).for_each(|who| vote(&network, who, &open));
    eventually("the proposal", || (network.at(3, &["show", &open]).code == 0).then_some(()));
    drop(nodes.pop());
    fs::remove_dir_all(&data).unwrap();
    fs::rename(&copy, &data).unwrap();
    nodes.push(network.start(3));
    let told = eventually("a word of it", || {
        status(&network, 3).filter(|status| status["older_copy"] == true)
    });
    let warnings = told["warnings"].as_array().unwrap();
    let says = |warning: &Value| warning["what"].as_str().unwrap().contains("an older copy");
    assert!(warnings.iter().any(says), "{told}");
    eventually("its return", || {
        status(&network, 3)
            .filter(|status| status["older_copy"] == false && status["returning"].is_null())
    });
    eventually("the proposal", || (network.at(3, &["show", &open]).code == 0).then_some(()));
    let refused = network.at_with_input(3, &["vote", &open], "80");
    assert!(refused.code != 0 && refused.err.contains("only follows"), "{refused:?}");
    assert_eq!(network.at(3, &["cert", &second]).ok().code, 0, "it knows what it had forgotten");
    counts_again(&network, 3);
    nobody_is_blamed(&network);
    nodes.into_iter().for_each(Node::stop);
}
