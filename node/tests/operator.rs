//! What operators are told by a node in a process of its own: why a decision waits, how the node and
//! its links are, and never anything about a vote.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use common::{NAMES, Network, Node, eventually};
use serde_json::Value;

/// A vote that stands out.
const CANARY: &str = "97";

fn shows_the_vote(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).any(|word| word == CANARY)
}

fn json(network: &Network, who: usize, line: &[&str]) -> Value {
    network.at(who, &[line, &["--json"]].concat()).ok().json()
}

fn names(missing: &Value) -> Vec<&str> {
    missing.as_array().unwrap().iter().map(|m| m["name"].as_str().unwrap()).collect()
}

/// Waits until a node is connected to so many others.
fn connected(network: &Network, who: usize, wanted: usize) {
    eventually("connections", || {
        let status = json(network, who, &["status"]);
        let peers = status["peers"].as_array().unwrap();
        let here = peers.iter().filter(|peer| peer["connected"] == true).count();
        (here == wanted).then_some(())
    });
}

fn explained(network: &Network, who: usize, id: &str, step: &str) -> Value {
    eventually(step, || {
        let explanation = json(network, who, &["explain", id]);
        (explanation["step"] == step).then_some(explanation)
    })
}

/// What a node's interface answers, head and body; with its token or without.
fn http(network: &Network, who: usize, path: &str, token: bool) -> String {
    let dir = network.path(NAMES[who]);
    let address = fs::read_to_string(dir.join("api.addr")).unwrap().trim().to_owned();
    let secret = fs::read_to_string(dir.join("api.token")).unwrap();
    let line = format!("Authorization: Bearer {}\r\n", secret.trim());
    let authorization = if token { line.as_str() } else { "" };
    let mut stream = TcpStream::connect(&address).unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\n{authorization}Connection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn metrics(network: &Network, who: usize) -> String {
    http(network, who, "/metrics", true).split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// What does not depend on how long things took and in which order they came: that decides how many
/// dealers a run agrees on.
fn untimed(metrics: &str) -> BTreeSet<&str> {
    let timed = ["_seconds", "_bytes", "coins_tossed", "preprocessing_left{"];
    metrics.lines().filter(|line| !timed.iter().any(|name| line.contains(name))).collect()
}

#[test]
fn metrics_before_the_outcome_are_the_same_whatever_the_votes() {
    let texts = [["0", "0", "0"], ["100", "99", "98"]].map(|votes| {
        let network = Network::dealt();
        let nodes: Vec<Node> = (0..4).map(|who| network.start(who)).collect();
        (0..4).for_each(|who| connected(&network, who, 3));
        let line = ["propose", "--title", "T", "--rule", "mean(x) > 75", "--deadline", "10m"];
        let id = network.at(0, &line).ok().out.trim().to_owned();
        for (who, vote) in votes.iter().enumerate() {
            eventually("the proposal", || {
                (network.at(who, &["show", &id]).code == 0).then_some(())
            });
            network.at_with_input(who, &["vote", &id], vote).ok();
        }
        eventually("the votes", || {
            let explanation = json(&network, 0, &["explain", &id]);
            (explanation["have"] == 3).then_some(())
        });
        let before = metrics(&network, 0);
        assert!(!before.contains("outcome="), "{before}");
        assert!(before.contains("quorate_decisions_open 1"), "{before}");
        eventually("the proposal", || (network.at(3, &["show", &id]).code == 0).then_some(()));
        network.at_with_input(3, &["vote", &id], "90").ok();
        let after = eventually("the outcome", || {
            let text = metrics(&network, 0);
            text.contains("outcome=").then_some(text)
        });
        nodes.into_iter().for_each(Node::stop);
        (before, after)
    });
    let [(rejected, rejected_after), (accepted, accepted_after)] = &texts;
    assert_eq!(untimed(rejected), untimed(accepted));
    assert!(rejected_after.contains("quorate_decisions_total{outcome=\"rejected\"} 1"));
    assert!(accepted_after.contains("quorate_decisions_total{outcome=\"accepted\"} 1"));
    assert!(accepted_after.contains("quorate_inputs_included_total{org=\"Delta Freight\"} 1"));
}

#[test]
fn people_are_told_who_is_missing_and_what_to_do() {
    let network = Network::dealt();
    let mut nodes: Vec<Node> = (0..3).map(|who| network.start(who)).collect();
    (0..3).for_each(|who| connected(&network, who, 2));
    network.at(0, &["explain", "dec_ZZZZZZZZ"]).failed(3, "dec_ZZZZZZZZ", "quorate list");
    let line = ["propose", "--title", "Extend the line?", "--rule", "mean(x) > 75"];
    let id = network.at(0, &[&line[..], &["--deadline", "10m"]].concat()).ok().out;
    let id = id.trim();

    // The node that has not voted is told to, and what waits is on its screen.
    eventually("the proposal", || (network.at(1, &["show", id]).code == 0).then_some(()));
    explained(&network, 1, id, "votes");
    let shown = network.at(1, &["explain", id]).ok();
    assert!(shown.out.contains("vote: this organisation has not"), "{shown:?}");
    assert!(shown.err.contains(&format!("next: quorate vote {id} --data-dir")), "{shown:?}");
    let status = network.at(1, &["status"]).ok().out;
    assert!(status.lines().next().unwrap().ends_with(": degraded"), "{status}");
    for line in [
        "3 of 4 here; no further failure is tolerated",
        "Delta Freight: not seen yet",
        &format!("needs you  quorate vote {id} --data-dir"),
        "warning    no further failure is tolerated: quorate peers",
    ] {
        assert!(status.contains(line), "{line:?} is not in {status}");
    }

    // Who has voted is told whom it waits for.
    for who in 0..3 {
        network.at_with_input(who, &["vote", id], CANARY).ok();
    }
    let open = eventually("the votes", || {
        let explanation = json(&network, 0, &["explain", id]);
        (explanation["have"] == 3).then_some(explanation)
    });
    assert_eq!(names(&open["missing"]), [NAMES[3]]);
    assert_eq!(open["missing"][0]["connected"], false);
    assert!(open["unblocks"].as_str().unwrap().contains("or the deadline in "), "{open}");
    let shown = network.at(0, &["explain", id]).ok();
    assert!(shown.out.contains("missing    Delta Freight (not seen yet)"), "{shown:?}");
    assert!(!shows_the_vote(&format!("{open}{shown:?}")), "{shown:?}");
    let peers = network.at(0, &["peers"]).ok().out;
    assert_eq!(peers.lines().count(), 4, "{peers}");
    assert!(peers.lines().any(|l| l.starts_with("Delta Freight  away")), "{peers}");
    let link = json(&network, 0, &["peers"])["peers"][0].clone();
    assert_eq!((&link["name"], &link["connected"]), (&NAMES[1].into(), &true.into()));
    eventually("a measured round trip", || {
        json(&network, 0, &["peers"])["peers"][0]["round_trip_us"].as_u64()
    });

    // Programs are told that it takes part, and how.
    let ready = http(&network, 0, "/readyz", false);
    assert!(ready.starts_with("HTTP/1.1 200") && ready.ends_with("\"reasons\":[]}"), "{ready}");
    let text = metrics(&network, 0);
    assert!(text.contains("quorate_peer_up{org=\"Delta Freight\"} 0.0"), "{text}");
    assert!(text.contains("quorate_faults_tolerated_now 0"), "{text}");

    // The last one comes and votes: there is nothing to explain any more.
    nodes.push(network.start(3));
    eventually("the proposal", || (network.at(3, &["show", id]).code == 0).then_some(()));
    network.at_with_input(3, &["vote", id], "1").ok();
    network.at(0, &["wait", id, "--timeout", "2m"]);
    let decided = json(&network, 0, &["explain", id]);
    assert_eq!((&decided["step"], &decided["phase"]), (&Value::Null, &"certified".into()));
    assert_eq!(decided["next"], format!("quorate cert {id}"));

    // Two go: nothing can be decided, and everybody is told how many it takes.
    let second = network.at(0, &[&line[..], &["--deadline", "10m"]].concat()).ok().out;
    explained(&network, 0, second.trim(), "votes");
    nodes.drain(2..).for_each(Node::stop);
    connected(&network, 0, 1);
    let stuck = json(&network, 0, &["status"]);
    assert_eq!((&stuck["health"], &stuck["margin"]["lacking"]), (&"stuck".into(), &1.into()));
    let explanation = json(&network, 0, &["explain", second.trim()]);
    let unblocks = explanation["unblocks"].as_str().unwrap();
    let wanted = "it then takes 1 more of Cobalt Energy and Delta Freight to decide";
    assert!(unblocks.ends_with(wanted), "{unblocks}");
    let ready = http(&network, 0, "/readyz", false);
    assert!(ready.starts_with("HTTP/1.1 503") && ready.contains("too_few_members"), "{ready}");
    assert!(NAMES.iter().all(|name| !ready.contains(name)), "{ready}");
    assert!(http(&network, 0, "/livez", false).starts_with("HTTP/1.1 200"));
    nodes.into_iter().for_each(Node::stop);
}
