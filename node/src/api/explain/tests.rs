use super::*;
use crate::api::sample::{DEADLINE, link, node, set, standing};

fn explained(known: &DecisionStanding) -> Explanation {
    explain(&crate::api::sample::network(), known, DEADLINE - 19_000)
}

fn missing(explanation: &Explanation) -> Vec<String> {
    explanation.missing.iter().map(who).collect()
}

#[test]
fn an_open_decision_names_who_has_not_voted_and_until_when() {
    let mut known = standing(Step::Ballots, &[0, 1, 2], 4);
    known.node.peers[2] = link(3, false);
    known.node.peers[2].last_seen_ms_ago = Some(41_000);
    let text = explained(&known);
    assert_eq!(text.waits_for, "1 more vote: 3 of 4 are in");
    assert_eq!(missing(&text), ["org 3 (away, last seen 41 s ago)"]);
    assert_eq!(
        text.unblocks,
        "that vote, or the deadline in 19 s: then it goes on without; with fewer than 3 votes it \
         expires"
    );
    known.decision.voted = set(&[0, 1, 2]);
    let enough = "that vote, or the deadline in 19 s: then it goes on without";
    assert_eq!(explained(&known).unblocks, enough);
    assert_eq!(text.you, "ask org 3 whether its node runs and can be reached");
    assert_eq!((text.have, text.needed, text.step.as_deref()), (3, 4, Some("votes")));
    // The same when it is there, and its people have not voted.
    let known = standing(Step::Ballots, &[0, 1, 2], 4);
    assert_eq!(explained(&known).you, "nothing, or ask org 3 to vote");
    // After the deadline it is not waited for any longer.
    let late = explain(&crate::api::sample::network(), &known, DEADLINE + 500);
    assert!(late.unblocks.contains("has passed"), "{}", late.unblocks);
}

#[test]
fn who_has_not_voted_is_told_to() {
    let mut known = standing(Step::Ballots, &[1, 2, 3], 4);
    known.decision.i_voted = false;
    let text = explained(&known);
    assert_eq!(missing(&text), ["org 0 (this organisation)"]);
    assert_eq!(text.next.as_deref(), Some("quorate vote dec_7Q2K9X4M"));
    // Not when it only follows, or the votes are sealed.
    known.decision.follows = true;
    known.standing = standing(Step::Certificate, &[], 1).standing;
    let follows = explained(&known);
    assert_eq!(follows.next.as_deref(), Some("quorate wait dec_7Q2K9X4M"));
    assert!(follows.waits_for.contains("only follows it"), "{}", follows.waits_for);
    assert_eq!(
        follows.unblocks,
        "the votes of org 1, org 2 and org 3, or the deadline in 19 s: then they go on without"
    );
    let late = explain(&crate::api::sample::network(), &known, DEADLINE + 500);
    assert_eq!(late.unblocks, "org 1, org 2 and org 3: they go on with the votes that are in");
    assert!(missing(&follows).is_empty());
}

#[test]
fn too_few_votes_expire_and_it_is_said_before_and_after() {
    let mut known = standing(Step::Ballots, &[0, 1], 4);
    let ends = "then it goes on without; with fewer than 3 votes it expires";
    assert!(explained(&known).unblocks.ends_with(ends), "{}", explained(&known).unblocks);
    // An abstention is no vote.
    known.standing = standing(Step::Ballots, &[0, 1, 2], 4).standing;
    known.decision.voted = set(&[0, 1, 2]);
    known.decision.abstained = set(&[2]);
    assert!(explained(&known).unblocks.ends_with("3 votes it expires"));
    known.decision.abstained = set(&[]);
    assert!(!explained(&known).unblocks.contains("expires"));
    known.standing = None;
    known.decision.outcome = Some(quorate_protocol::decision::certificate::Outcome::Expired);
    known.decision.counted = Some(set(&[0, 1]));
    let over = "nothing: it is expired, with 2 votes that count, and it takes 3";
    assert_eq!(explained(&known).waits_for, over);
}

#[test]
fn who_has_just_voted_is_not_missing() {
    let text = explained(&standing(Step::Ballots, &[1], 4));
    assert_eq!(
        (text.have, missing(&text)),
        (2, vec!["org 2 (connected)".into(), "org 3 (connected)".into()])
    );
    assert_eq!(text.waits_for, "2 more votes: 2 of 4 are in");
}

#[test]
fn too_few_members_are_named_in_every_step() {
    for step in [
        Step::Broadcast,
        Step::Slot,
        Step::Material,
        Step::InputSet,
        Step::Opening { done: 1, all: 6 },
        Step::Signature,
        Step::Document,
        Step::Certificate,
        Step::SlotOfOthers,
        Step::MaterialOfOthers,
    ] {
        let mut known = standing(step, &[0, 1], 3);
        known.node = node(1);
        let text = explained(&known);
        let missing = missing(&text);
        assert_eq!(missing, ["org 2 (not seen yet)", "org 3 (not seen yet)"], "{step:?}");
        assert!(
            text.unblocks.contains("1 of org 2 and org 3")
                || text.unblocks.contains("1 more of org 2 and org 3"),
            "{step:?}: {}",
            text.unblocks
        );
        assert!(text.you.starts_with("ask org 2 and org 3"), "{step:?}: {}", text.you);
    }
    let mut known = standing(Step::Broadcast, &[], 3);
    known.standing.as_mut().unwrap().silent = set(&[2, 3]);
    let says_nothing = ["org 2 (connected, says nothing)", "org 3 (connected, says nothing)"];
    assert_eq!(missing(&explained(&known)), says_nothing);
}

#[test]
fn what_goes_on_by_itself_says_so() {
    for step in [Step::InputSet, Step::Broadcast, Step::Document, Step::SlotOfOthers] {
        let text = explained(&standing(step, &[0], 4));
        assert_eq!(text.unblocks, "nothing is needed: it goes on by itself", "{step:?}");
        assert_eq!(text.you, "nothing", "{step:?}");
    }
    let text = explained(&standing(Step::Opening { done: 2, all: 6 }, &[0, 2], 3));
    assert_eq!(
        text.waits_for,
        "the computation, step 3 of 6: the parts of 2 of 3 members are here"
    );
    assert_eq!(text.unblocks, "1 of org 1 and org 3");
    assert_eq!(missing(&text), ["org 1 (connected)", "org 3 (connected)"]);
}

#[test]
fn a_proposal_lapses_if_the_keys_are_refreshed_before_it_has_a_place() {
    let mut known = standing(Step::Slot, &[0], 3);
    known.decision.position = None;
    known.standing.as_mut().unwrap().epoch_ends = true;
    assert!(explained(&known).unblocks.ends_with("before that ends it lapses"));
    known.decision.position = Some(4);
    assert!(!explained(&known).unblocks.contains("lapses"), "what has a place is decided");
}

#[test]
fn a_restored_node_and_a_certified_decision_have_nothing_to_do() {
    let mut known = standing(Step::Ballots, &[1, 2], 4);
    known.decision.i_voted = false;
    known.node.party.returning = Some(set(&[1, 2]));
    assert!(explained(&known).you.starts_with("nothing: this node may have forgotten"));
    (known.node.party.returning, known.node.party.left_behind) = (None, true);
    assert!(explained(&known).you.starts_with("nothing: this node was restored too late"));
    known.standing = None;
    known.decision.outcome = Some(quorate_protocol::decision::certificate::Outcome::Expired);
    let text = explained(&known);
    assert_eq!(text.waits_for, "nothing: it is expired");
    assert_eq!(text.next.as_deref(), Some("quorate cert dec_7Q2K9X4M"));
    assert_eq!((text.step, text.needed, text.missing.len()), (None, 0, 0));
}
