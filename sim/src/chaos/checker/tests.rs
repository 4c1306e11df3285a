//! Each property in a run that was doctored so that it does not hold, beside the run as it was.

use std::time::Duration;

use quorate_protocol::committee::{Committee, PartyId, PartySet};
use quorate_protocol::crypto::group::{Signer, SigningKey};
use quorate_protocol::crypto::{Digest, Keyring};
use quorate_protocol::decision::certificate::{Certificate, Outcome, Statement, Verifier};
use quorate_protocol::decision::proposal::Proposal;
use quorate_protocol::keys::{GroupPublic, GroupSignature};
use quorate_protocol::rule::Rule;
use quorate_protocol::tag::Tag;

use super::super::history::{Asked, Held};
use super::*;
use crate::ghost::Network;

const NAMES: [&str; 4] = ["Acme", "Borealis", "Cobalt", "Delta"];
const RULE: &str = "mean(confidence) > 75";

/// Signs for the network.
fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn network() -> Network {
    let identities = Keyring::for_tests(4, 1);
    Network {
        digest: [3; 32],
        key: key().verifying_key().to_bytes(),
        identities: identities.iter().map(|k| k.identity_of(k.me()).to_bytes()).collect(),
        signers: 0,
    }
}

fn proposal(title: &str) -> Proposal {
    Proposal {
        title: title.into(),
        text: String::new(),
        rule: Rule::parse(RULE).unwrap(),
        deadline_ms: 1,
        minimum: 3,
        nonce: [0; 16],
        document: None,
        renewal: quorate_protocol::decision::proposal::Renewal::None,
    }
}

/// The name of a question, and that it was decided so.
fn decided(title: &str, position: u64, counted: &[u16], outcome: Outcome) -> Listed {
    let (committee, proposal) = (Committee::new(4).unwrap(), proposal(title));
    let public = GroupPublic::from_bytes(&network().key).unwrap();
    let verifier = Verifier::new(Digest::from([3; 32]), 1, committee, public);
    let counted: PartySet = counted.iter().copied().map(PartyId::new).collect();
    let previous = Digest::from([1; 32]);
    let mut statement = Statement::new(&verifier, &proposal, position, previous, counted, outcome);
    statement.proposal = proposal.digest(&Tag::root(&[3; 32], 1));
    let digest = hex(statement.proposal.as_bytes());
    let signature = key().sign(&statement.to_signed_bytes()).to_bytes();
    let signature = GroupSignature::from_bytes(&signature);
    let certificate = Certificate::new(statement, proposal, signature, Vec::new()).to_bytes();
    Listed { digest, phase: "certified".into(), certificate }
}

fn end(cause: Cause, code: Option<i32>, signal: Option<i32>) -> End {
    End { member: "Acme".into(), cause, code, signal, took: Duration::from_secs(5) }
}

/// Two questions, decided everywhere as the rule says.
fn history() -> History {
    let decisions = vec![
        decided("first", 0, &[0, 1, 2, 3], Outcome::Accepted),
        decided("second", 1, &[0, 1, 2], Outcome::Rejected),
    ];
    let asked = |title: &str, digest: &str, votes: [Option<u64>; 4]| Asked {
        title: title.into(),
        rule: RULE.into(),
        digest: Some(digest.into()),
        votes: votes.to_vec(),
        may_be_lost: false,
    };
    let asked = vec![
        asked("first", &decisions[0].digest, [Some(80), Some(70), Some(90), Some(76)]),
        asked("second", &decisions[1].digest, [Some(75), Some(75), Some(75), None]),
    ];
    let held = Held {
        decisions,
        log: format!("-- start 1\nstopped\n-- start 2\n  WARN node: {CAME_BACK} it ran on\n"),
        metrics: "quorate_decisions_total{outcome=\"accepted\"} 1\n".into(),
        faults: Vec::new(),
        older: vec![2],
    };
    History {
        network: network(),
        names: NAMES.map(str::to_owned).to_vec(),
        asked,
        members: vec![held; 4],
        ends: vec![
            end(Cause::Killed, None, Some(9)),
            end(Cause::Told, Some(0), None),
            end(Cause::ToldEarly, Some(0), None),
            end(Cause::ToldEarly, None, Some(15)),
            end(Cause::SecondCopy, Some(13), None),
            end(Cause::FullDisk, Some(13), None),
        ],
        unstopped: Vec::new(),
    }
}

/// What is found when this is changed: something, and all of it says one of these words.
#[track_caller]
fn finds(words: &[&str], change: impl FnOnce(&mut History)) {
    let mut doctored = history();
    change(&mut doctored);
    let found = violations(&doctored);
    assert!(!found.is_empty(), "{words:?} is not found");
    for violation in &found {
        assert!(words.iter().any(|word| violation.contains(word)), "{words:?}: {violation}");
    }
}

#[test]
fn nothing_is_found_where_all_is_well() {
    assert_eq!(violations(&history()), Vec::<String>::new());
}

#[test]
fn two_outcomes_for_one_decision_are_found() {
    finds(&["decided in 2 ways", "by mean"], |run| {
        run.members[2].decisions[0] = decided("first", 0, &[0, 1, 2, 3], Outcome::Rejected);
    });
    finds(&["decided in 2 ways"], |run| {
        run.members[2].decisions[0] = decided("first", 0, &[0, 1, 2], Outcome::Accepted);
    });
}

#[test]
fn another_order_is_found() {
    finds(&["decided in 2 ways", "has two decisions"], |run| {
        run.members[1].decisions = vec![
            decided("first", 1, &[0, 1, 2, 3], Outcome::Accepted),
            decided("second", 0, &[0, 1, 2], Outcome::Rejected),
        ];
    });
}

#[test]
fn gaps_and_shorter_ledgers_are_found() {
    finds(&["no certificate for position 0", "not decided at Acme"], |run| {
        run.members[0].decisions.remove(0);
    });
    finds(&["has 1 certificates", "not decided at Delta"], |run| {
        run.members[3].decisions.pop();
    });
}

#[test]
fn certificates_that_do_not_hold_are_found() {
    finds(&["certificate of", "has 1 cert", "position 0", "not decided"], |run| {
        let bytes = &mut run.members[0].decisions[0].certificate;
        let last = bytes.len() - 20;
        bytes[last] ^= 1;
    });
    finds(&["is of another decision", "has 1 cert", "not decided"], |run| {
        let other = run.members[0].decisions[0].certificate.clone();
        run.members[0].decisions[1].certificate = other;
    });
}

#[test]
fn what_is_not_decided_and_what_nobody_asked_is_found() {
    finds(&["was proposed and not decided at"], |run| {
        let asked = Asked { title: "third".into(), ..run.asked[0].clone() };
        run.asked.push(Asked { digest: Some("00".into()), ..asked });
    });
    finds(&["nobody proposed"], |run| drop(run.asked.remove(1)));
    finds(&["still computing"], |run| {
        let open = Listed { digest: "00".into(), phase: "computing".into(), certificate: vec![] };
        run.members[2].decisions.push(open);
    });
}

#[test]
fn outcomes_that_are_not_the_rules_and_votes_that_nobody_entered_are_found() {
    finds(&["by mean"], |run| run.asked[0].votes[1] = Some(7));
    finds(&["by mean"], |run| run.asked[1].votes[1] = Some(90));
    finds(&["who entered none"], |run| run.asked[0].votes[3] = None);
    finds(&["who entered none", "by mean"], |run| run.asked[0].digest = None);
    finds(&["not mean(confidence) > 74"], |run| {
        run.asked[0].rule = "mean(confidence) > 74".into();
    });
}

#[test]
fn blame_panics_and_errors_are_found() {
    finds(&["Acme blames"], |run| run.members[0].faults.push("Delta: wrong share".into()));
    finds(&["Acme blames"], |run| {
        run.members[0].metrics += "quorate_evidence_total{org=\"Delta\",kind=\"a lie\"} 1\n";
    });
    finds(&["Acme blamed"], |run| {
        let line = "WARN quorate::driver: Delta sent a lie member=\"Delta\" provable=true times=1";
        run.members[0].log += line;
    });
    finds(&["has panicked"], |run| {
        run.members[0].log += "thread 'party' panicked at src/lib.rs:1:1:\n";
    });
    finds(&["has met an error"], |run| {
        run.members[0].log += "2026-01-01T00:00:00Z ERROR quorate::net: it is broken\n";
    });
}

#[test]
fn ends_that_should_not_be_are_found() {
    for wrong in [
        end(Cause::Nothing, Some(0), None),
        end(Cause::Killed, Some(0), None),
        end(Cause::Told, Some(1), None),
        end(Cause::Told, None, None),
        end(Cause::Told, None, Some(15)),
        end(Cause::ToldEarly, Some(1), None),
        end(Cause::ToldEarly, None, Some(11)),
        end(Cause::SecondCopy, Some(0), None),
        end(Cause::FullDisk, Some(101), None),
    ] {
        finds(&["the node of Acme ended"], |run| run.ends.push(wrong));
    }
    finds(&["a second node of Acme went on"], |run| run.unstopped.push("Acme".into()));
}

#[test]
fn nodes_on_old_copies_that_do_not_come_back_and_others_that_do_are_found() {
    finds(&["start 5 of Delta was on an old copy"], |run| run.members[3].older.push(5));
    finds(&["start 2 of Acme came back"], |run| run.members[0].older.clear());
    finds(&["start 2 of Acme came back"], |run| {
        let again = run.members[0].log.lines().last().unwrap().to_owned();
        run.members[0].log += &again;
    });
    // One that was killed before it was back.
    let mut run = history();
    run.members[1].older = vec![1];
    assert_eq!(violations(&run), Vec::<String>::new());
}

#[test]
fn what_was_forgotten_with_an_old_copy_is_decided_everywhere_or_nowhere() {
    let mut run = history();
    let asked = Asked { title: "third".into(), may_be_lost: true, ..run.asked[0].clone() };
    run.asked.push(Asked { digest: Some("00".into()), ..asked });
    assert_eq!(violations(&run), Vec::<String>::new());
    finds(&["has 1 certificates"], |run| {
        run.asked[1].may_be_lost = true;
        run.members[3].decisions.pop();
    });
}
