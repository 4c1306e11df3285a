//! Four nodes in four processes, driven by the commands that people type: from `init` to a
//! certificate that is verified offline, a member that stops and comes back, and what is refused.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod common;

use std::fs;
use std::process::{Command, Stdio};

use common::{NAMES, Network, Node, eventually, quorate, run, script, there_are};
use serde_json::Value;

/// A vote that stands out wherever it appears, as it is typed and as a number.
const CANARY: &str = "00000000097";

/// Whether a text shows the canary.
fn leaks(text: &str) -> bool {
    let mut words = text.split(|c: char| !c.is_alphanumeric());
    text.contains(CANARY) || words.any(|word| word == "97")
}

fn propose(network: &Network, who: usize, rule: &str, deadline: &str) -> String {
    let line = ["propose", "--title", "Extend the line?", "--rule", rule, "--deadline", deadline];
    let proposed = network.at(who, &line).ok();
    let id = proposed.out.trim().to_owned();
    assert!(id.starts_with("dec_") && id.len() == 12, "{id}");
    id
}

fn vote(network: &Network, who: usize, id: &str, vote: &str) {
    // It may not have arrived there yet.
    eventually("the proposal", || (network.at(who, &["show", id]).code == 0).then_some(()));
    let voted = network.at_with_input(who, &["vote", id, "--json"], vote).ok();
    let receipt = voted.json();
    assert_eq!(receipt["id"], id);
    assert!(!leaks(&voted.out) && !leaks(&voted.err), "{voted:?}");
}

fn show(network: &Network, who: usize, id: &str) -> Value {
    network.at(who, &["show", id, "--json"]).ok().json()
}

fn start_all(network: &Network) -> Vec<Node> {
    let nodes = (0..NAMES.len()).map(|who| network.start(who)).collect();
    for who in 0..NAMES.len() {
        eventually("connections", || {
            let status = network.at(who, &["status", "--json"]).ok().json();
            let peers = status["peers"].as_array().unwrap();
            peers.iter().all(|peer| peer["connected"] == true).then_some(())
        });
    }
    nodes
}

#[test]
fn four_organisations_decide_by_hand() {
    let network = Network::set_up();
    let mut nodes = start_all(&network);
    let id = propose(&network, 0, "mean(confidence) > 75", "10m");

    // While it is open: who has voted is known, and nothing else.
    vote(&network, 0, &id, CANARY);
    eventually("the first vote at another node", || {
        (show(&network, 3, &id)["voted"] == serde_json::json!([NAMES[0]])).then_some(())
    });
    let open = show(&network, 3, &id);
    assert_eq!((&open["phase"], &open["you_voted"]), (&"open".into(), &false.into()));
    assert_eq!(open["missing"].as_array().unwrap().len(), 3);
    assert!(!leaks(&open.to_string()), "{open}");
    let listed = network.at(3, &["list", "--needs-me", "--json"]).ok().json();
    assert_eq!(listed["decisions"][0]["id"], *id);
    network.at(0, &["wait", &id, "--timeout", "1s"]).failed(7, "undecided", "quorate wait");
    network.at(0, &["cert", &id]).failed(7, "not decided yet", "quorate wait");

    // What is refused, and how.
    let second = network.at_with_input(0, &["vote", &id], "1");
    assert_eq!(second.code, 8, "{second:?}");
    assert!(second.err.contains("already voted"), "{second:?}");
    let invalid = network.at_with_input(1, &["vote", &id], "7331");
    assert_eq!(invalid.code, 5, "{invalid:?}");
    assert!(invalid.err.contains("from 0 to 100") && !invalid.err.contains("7331"));
    network.at(0, &["show", "dec_ZZZZZZZZ"]).failed(3, "dec_ZZZZZZZZ", "quorate list");

    // The rest votes, from a file and in short; one waits meanwhile.
    let mut waiting = quorate(&["wait", &id, "--data-dir", &network.file(NAMES[2])]);
    let waiting = waiting.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let file = network.path("vote");
    fs::write(&file, "60\n").unwrap();
    eventually("the proposal", || (network.at(1, &["show", &id]).code == 0).then_some(()));
    network.at(1, &["vote", &id[..8], "--from-file", &file.display().to_string()]).ok();
    vote(&network, 2, &id, "80");
    vote(&network, 3, &id, "70");
    let waited = common::in_time(waiting).ok();
    assert_eq!(waited.count("outcome: accepted"), 1, "{waited:?}");
    assert!(waited.err.contains("waiting for"), "{waited:?}");

    // The outcome is the same everywhere, and certified.
    for who in 0..NAMES.len() {
        let decided = network.at(who, &["wait", &id, "--timeout", "1m", "--json"]).ok().json();
        assert_eq!(decided["outcome"], "accepted");
        assert_eq!(decided["counted"].as_array().unwrap().len(), 4);
    }
    let late = network.at_with_input(3, &["vote", &id], "1");
    assert_eq!(late.code, 8, "{late:?}");
    certified(&network, &id);
    released(&network);

    // A boundary, and an outcome that says no.
    let even = propose(&network, 1, "mean(confidence) > 75", "10m");
    (0..4).for_each(|who| vote(&network, who, &even, "75"));
    let waited = network.at(0, &["wait", &even, "--timeout", "1m"]);
    assert_eq!((waited.code, waited.count("outcome: rejected")), (10, 1), "{waited:?}");

    // One leaves, and comes back while nothing is open.
    nodes.pop().unwrap().stop();
    nodes.push(network.start(3));
    let yes_no = propose(&network, 3, "count(approve) >= 3", "10m");
    for (who, answer) in ["yes", "no", "Y", "yes"].iter().enumerate() {
        vote(&network, who, &yes_no, answer);
    }
    network.at(3, &["wait", &yes_no, "--timeout", "2m"]).ok();
    assert_eq!(
        network.at(3, &["list", "--json"]).ok().json()["decisions"].as_array().unwrap().len(),
        5
    );

    nodes.into_iter().for_each(Node::stop);
    secrets_stay_in_their_files(&network);
}

/// The certificate of a decision is the same for everybody, and no part of it can be changed.
fn certified(network: &Network, id: &str) {
    let file = network.file("certificate.json");
    network.at(1, &["cert", id, "-o", &file]).ok();
    let roster = network.file("network.toml");
    let text = fs::read_to_string(&file).unwrap();
    let certificate: serde_json::Value = serde_json::from_str(&text).unwrap();
    let key = certificate["network"]["key"].as_str().unwrap();
    let verify = |line: &[&str]| run(&[&["verify"], line, &["--network-key", key]].concat());
    // The key alone is enough; so is being a member.
    for verified in [verify(&[&file]).ok(), network.at(2, &["verify", &file]).ok()] {
        assert_eq!(verified.count("certificate: verified"), 1, "{verified:?}");
    }
    if let Some(script) = script() {
        let verified = Command::new(script).args([&file, key]).output().unwrap();
        assert!(verified.status.success(), "{verified:?}");
    }
    run(&["verify", &file, "--network", &roster]).failed(12, "key is needed", "--network-key");
    verify(&[&file, "--network", &roster]).ok();
    let pinned = verify(&[&file, "--network-digest", &network.digest, "--json"]).ok().json();
    assert_eq!((&pinned["verified"], &pinned["outcome"]), (&true.into(), &"accepted".into()));

    assert!(!text.contains("127.0.0.1"), "a certificate tells nobody where the nodes are");
    let changed = network.file("changed.json");
    for (from, to) in [
        ("\"accepted\"", "\"rejected\""),
        ("Extend the line?", "Extend the lime?"),
        ("confidence) > 75", "confidence) > 74"),
        ("\"position\": 0", "\"position\": 1"),
        ("\"minimum\": 3", "\"minimum\": 2"),
        (NAMES[2], "Cobalt Energie"),
    ] {
        assert!(text.contains(from), "{from} is not in {text}");
        fs::write(&changed, text.replacen(from, to, 1)).unwrap();
        let refused = verify(&[&changed, "--network", &roster]);
        refused.failed(12, "is not verified", "");
    }
    let wrong = "00".repeat(32);
    verify(&[&file, "--network-digest", &wrong]).failed(12, "another network", "compare");
}

/// A file is released: everybody can read it before the vote, and any Ed25519 verifier takes the
/// network's signature over it. Returns after two decisions, of which the second says no.
fn released(network: &Network) {
    let (file, saved) = (network.file("payments.xml"), network.file("saved.xml"));
    fs::write(&file, "<pay to=\"Orion\">100</pay>\n").unwrap();
    let line = ["propose", "--title", "Release it?", "--rule", "count(approve) >= 3"];
    let propose = || network.at(0, &[&line[..], &["--sign", &file]].concat()).ok().out;
    let id = propose().trim().to_owned();
    eventually("the document", || {
        let shown = network.at(3, &["show", &id, "--save-document", &saved]);
        (shown.code == 0).then_some(())
    });
    assert_eq!(fs::read(&saved).unwrap(), fs::read(&file).unwrap());
    assert_eq!(show(network, 3, &id)["document"]["here"], true);
    let signature = network.file("payments.sig");
    let ask = |id: &str| network.at(2, &["cert", id, "--signature", "-o", &signature, "--json"]);
    assert_eq!(ask(&id).code, 7, "not decided yet");
    (0..4).for_each(|who| vote(network, who, &id, "yes"));
    network.at(2, &["wait", &id, "--timeout", "1m"]).ok();
    let key = ask(&id).ok().json()["document_key"].as_str().unwrap().to_owned();
    assert_eq!(fs::read(&signature).unwrap().len(), 64);
    if there_are(&["openssl", "xxd"]) {
        let lines = "
            echo 302a300506032b6570032100$KEY | xxd -r -p | openssl pkey -pubin -inform DER -out key
            openssl pkeyutl -verify -pubin -inkey key -rawin -in $FILE -sigfile payments.sig";
        let verify = |file: &str| {
            let mut shell = Command::new("sh");
            shell.args(["-ec", lines]).env("KEY", &key).env("FILE", file);
            shell.current_dir(network.path("")).output().unwrap()
        };
        assert!(verify("payments.xml").status.success(), "{:?}", verify("payments.xml"));
        assert!(!verify("network.toml").status.success());
    }
    // What is rejected is not signed.
    let id = propose().trim().to_owned();
    (0..4).for_each(|who| vote(network, who, &id, "no"));
    assert_eq!(network.at(2, &["wait", &id, "--timeout", "1m"]).code, 10);
    network.at(2, &["cert", &id, "--signature", "-o", &signature]).failed(3, "rejected", "show");
}

/// After all nodes have stopped: nothing others could read, nothing that says where a node ran.
fn secrets_stay_in_their_files(network: &Network) {
    use std::os::unix::fs::PermissionsExt as _;
    for name in NAMES {
        for entry in fs::read_dir(network.path(name)).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            let public = ["member.toml", "network.toml", "group-keys.toml", "history.toml"]
                .iter()
                .any(|p| entry.file_name() == *p);
            assert!(public || mode & 0o077 == 0, "{:?} {mode:o}", entry.path());
            assert_ne!(entry.file_name(), "api.addr", "removed with the node");
        }
    }
}

#[test]
fn votes_are_not_in_any_argument_list_or_log() {
    let network = Network::set_up();
    let nodes: Vec<_> = (0..NAMES.len()).map(|who| network.start(who)).collect();
    let id = propose(&network, 0, "mean(confidence) > 75", "10m");
    // The vote waits at its prompt, that is, for the end of its input: look at it meanwhile.
    let mut voting = quorate(&["vote", &id, "--data-dir", &network.file(NAMES[0])]);
    let mut voting = voting.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = voting.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, CANARY.as_bytes()).unwrap();
    let arguments = fs::read(format!("/proc/{}/cmdline", voting.id())).unwrap();
    assert!(!leaks(&String::from_utf8_lossy(&arguments)));
    drop(input);
    let voted = common::in_time(voting).ok();
    assert!(!leaks(&voted.err), "{voted:?}");
    let shown = show(&network, 0, &id);
    assert_eq!(shown["you_voted"], true);
    nodes.into_iter().for_each(Node::stop);
}
