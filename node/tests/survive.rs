//! Nodes that are killed, all at once or one by one, and what was open then.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use common::{NAMES, Network, Node, eventually};
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
