use quorate_protocol::PartyId;
use quorate_protocol::party::epochs::RefreshView;
use quorate_protocol::party::view::FaultCount;

use super::*;
use crate::api::sample::{DEADLINE, decision, network, node, set};

fn warned(status: &NodeStatus) -> Vec<String> {
    let warnings = warnings(&network(), status, DEADLINE - 3_600_000);
    warnings.into_iter().map(|warning| warning.what).collect()
}

fn word(status: &NodeStatus) -> Health {
    let network = network();
    health(&margin(&network, status), &warnings(&network, status, DEADLINE - 3_600_000))
}

fn faulty(member: u16, provable: bool) -> FaultCount {
    FaultCount { member: PartyId::new(member), what: "a second word".into(), times: 3, provable }
}

#[test]
fn the_margin_shrinks_with_whoever_is_away_or_provably_faulty() {
    let network = network();
    let of = |status: &NodeStatus| {
        let Margin { here, failed, left, lacking } = margin(&network, status);
        (here, failed, left, lacking)
    };
    assert_eq!(of(&node(3)), (4, 0, Some(1), 0));
    assert_eq!(of(&node(2)), (3, 1, Some(0), 0));
    assert_eq!(of(&node(0)), (1, 3, None, 2));
    let mut status = node(3);
    status.party.faults = vec![faulty(2, false)];
    assert_eq!(of(&status).1, 0, "what cannot be proved does not count");
    status.party.faults.push(faulty(2, true));
    assert_eq!(of(&status), (4, 1, Some(0), 0));
    status.peers[1].connected = false;
    assert_eq!(of(&status), (3, 1, Some(0), 0), "one member fails once");
    status.party.returning = Some(set(&[1]));
    assert_eq!(of(&status), (3, 2, None, 1), "a restored node only listens");
    (status.party.returning, status.party.left_behind) = (None, true);
    status.older_copy = false;
    assert_eq!(of(&status), (3, 2, None, 1), "and so does one without a share of the new keys");
    (status.party.left_behind, status.party.half_back) = (false, true);
    assert_eq!(of(&status), (3, 2, None, 1), "and one of which the others took no note yet");
}

#[test]
fn one_word_says_whether_anything_is_decided() {
    assert_eq!(word(&node(3)), Health::Ok);
    assert_eq!(word(&node(2)), Health::Degraded);
    assert_eq!(word(&node(1)), Health::Stuck);
}

#[test]
fn every_warning_has_its_reason() {
    assert!(warned(&node(3)).is_empty());
    assert_eq!(warned(&node(2)), ["no further failure is tolerated"]);
    assert_eq!(warned(&node(1)), ["nothing is decided until 1 more member takes part"]);
    let alone = |seconds| {
        let uptime_seconds = seconds;
        warned(&NodeStatus { uptime_seconds, ..node(0) }).join("; ")
    };
    assert_eq!(alone(29), "nothing is decided until 2 more members take part");
    assert!(alone(30).contains("seat to other keys"), "{}", alone(30));
    let of = |change: fn(&mut NodeStatus)| {
        let mut status = node(3);
        change(&mut status);
        warned(&status).join("; ")
    };
    let wanted = [
        (of(|s| s.party.pairs_left = -1), "wait for random material"),
        (of(|s| s.party.bits_left = -1), "wait for random material"),
        (of(|s| s.party.triples_left = -1), "wait for random material"),
        (of(|s| s.peers[0].trouble = Some("another network".into())), "org 1 cannot be talked to"),
        (of(|s| s.peers[1].lost_frames = 4), "4 messages to it are lost"),
        (of(|s| s.party.faults = vec![faulty(3, true)]), "org 3 is faulty, provably (3 times)"),
        (of(|s| s.party.returning = Some(set(&[1]))), "has not heard from org 1"),
        (
            of(|s| s.party.half_back = true),
            "heard again once the others have noted that it is back",
        ),
        (of(|s| s.party.left_behind = true), "restored too late for a share of the new keys"),
        (of(|s| s.older_copy = true), "the data directory is an older copy: nothing is said until"),
        (
            of(|s| {
                s.older_copy = true;
                s.party.returning = Some(set(&[1]));
            }),
            "the data directory is an older copy: only listens, and has not heard from org 1",
        ),
        (of(|s| s.origin = Origin::Dealer), "a trusted dealer"),
        (
            of(|s| {
                s.refresh =
                    Some(RefreshView { position: 1, made: true, confirmed: set(&[0, 1, 2]) });
            }),
            "being refreshed: not done by org 3",
        ),
    ];
    for (text, part) in wanted {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
}

#[test]
fn decisions_are_warned_of_when_they_need_us_soon_or_are_overdue() {
    let network = network();
    let mut status = node(3);
    status.open = vec![DecisionView { i_voted: false, ..decision() }];
    let at = |status: &NodeStatus, now| {
        let warnings = warnings(&network, status, now);
        warnings.into_iter().map(|w| format!("{} -> {}", w.what, w.hint)).collect::<Vec<_>>()
    };
    assert!(at(&status, DEADLINE - DEADLINE_NEAR_MS).is_empty());
    assert_eq!(
        at(&status, DEADLINE - 240_000),
        ["dec_7Q2K9X4M ends in 4 min, and this organisation has not voted -> \
          quorate vote dec_7Q2K9X4M"]
    );
    assert!(at(&status, DEADLINE + OVERDUE_MS).is_empty());
    assert_eq!(
        at(&status, DEADLINE + OVERDUE_MS + 2_000),
        ["dec_7Q2K9X4M is undecided, 32 s after its deadline -> quorate explain dec_7Q2K9X4M"]
    );
    status.open = vec![decision()];
    assert!(at(&status, DEADLINE - 240_000).is_empty(), "it has voted");
}

#[test]
fn nobody_is_asked_for_a_vote_that_would_be_refused() {
    let (now, network) = (DEADLINE - 60_000, network());
    let open = DecisionView { i_voted: false, ..decision() };
    let asked = |status: &NodeStatus, now| {
        let line = in_a_line(status, &open, now);
        let described = crate::api::live::describe(&network, &open, listens(status));
        assert_eq!(line.needs_you, described.needs_you(now));
        line.needs_you
    };
    assert!(asked(&node(3), now) && asked(&node(3), DEADLINE));
    assert!(!asked(&node(3), DEADLINE + 1), "its deadline has passed");
    let mut status = NodeStatus { older_copy: true, ..node(3) };
    assert!(!asked(&status, now), "an older copy says nothing");
    (status.older_copy, status.party.returning) = (false, Some(set(&[1])));
    assert!(!asked(&status, now), "nor does a restored node");
    status.open = vec![open.clone()];
    assert!(!warnings(&network, &status, now).iter().any(|warning| warning.hint.contains("vote")));
}

#[test]
fn a_node_that_takes_no_part_is_not_ready_and_says_why_without_names() {
    let codes = |status: &NodeStatus| {
        let Readiness { ready, reasons } = readiness(&network(), status);
        assert_eq!(ready, reasons.is_empty());
        assert!(reasons.iter().all(|reason| !reason.detail.contains("org")), "{reasons:?}");
        reasons.into_iter().map(|reason| reason.code).collect::<Vec<_>>()
    };
    assert!(codes(&node(2)).is_empty());
    assert_eq!(codes(&node(1)), ["too_few_members"]);
    let mut status = node(3);
    status.party.returning = Some(set(&[2]));
    status.party.triples_left = -5;
    assert_eq!(codes(&status), ["restored", "no_material"]);
    status.older_copy = true;
    assert_eq!(codes(&status), ["older_copy", "no_material"]);
    (status.party.returning, status.party.left_behind) = (None, true);
    status.older_copy = false;
    assert_eq!(codes(&status), ["left_behind", "no_material"]);
    (status.party.left_behind, status.party.half_back) = (false, true);
    assert_eq!(codes(&status), ["restored", "no_material"]);
}
