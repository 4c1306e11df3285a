use quorate_protocol::frame;

use super::*;
use crate::net::Transport;

fn party(index: u16) -> PartyId {
    PartyId::new(index)
}

fn board() -> Board {
    Board::new(Committee::new(4).unwrap(), party(0), Stage::Words)
}

fn link(peer: u16, connected: bool) -> LinkStatus {
    LinkStatus {
        party: party(peer),
        connected: connected.then_some(Transport::Tcp),
        incarnation: 7,
        round_trip_us: None,
        clock_ahead_ms: None,
        last_seen_ms_ago: None,
        unacknowledged_frames: 0,
        unacknowledged_bytes: 0,
        lost_frames: 0,
        trouble: None,
    }
}

fn presence(reaches: &[u16], clock_ms: u64, stage: Stage) -> Presence {
    Presence::for_tests(clock_ms, reaches.iter().copied().map(party).collect(), stage)
}

#[test]
fn who_is_away_apart_in_trouble_or_late_is_named() {
    let mut board = board();
    assert_eq!(board.findings().len(), 3, "nobody is here");
    assert!(board.see(&[link(1, true), link(2, true), link(3, false)]));
    assert!(!board.see(&[link(1, true), link(2, true), link(3, false)]), "nothing new");
    let restarted = LinkStatus { incarnation: 8, ..link(2, true) };
    assert!(board.see(&[link(1, true), restarted]), "it has forgotten what we said");
    assert_eq!(board.findings(), [Finding::Away(party(3))]);
    board.hear(party(1), presence(&[0, 1], 10_000, Stage::Words), 10_000);
    board.hear(party(2), presence(&[0, 2], 5_000, Stage::Words), 10_000);
    let apart = Finding::Apart(party(1), party(2));
    let clock = Finding::Clock(party(2), -5_000);
    assert_eq!(board.findings(), [Finding::Away(party(3)), apart, clock]);
    // Slow news say nothing about a clock, once there was faster.
    board.hear(party(2), presence(&[0, 1, 2], 20_000, Stage::Words), 20_500);
    let other = LinkStatus { trouble: Some("another".into()), ..link(3, false) };
    assert!(board.see(&[other]));
    assert_eq!(board.findings(), [Finding::Trouble(party(3), "another".into())]);
    let mut later = presence(&[], 0, Stage::Words);
    later.version = "9".repeat(1000);
    board.hear(party(1), later, 0);
    let shown = Finding::Version(party(1), "9".repeat(MAX_VERSION));
    assert!(board.findings().contains(&shown));
}

#[test]
fn members_go_forward_only_and_nobody_speaks_for_another() {
    let mut board = board();
    board.hear(party(1), presence(&[], 0, Stage::Ready), 0);
    board.hear(party(1), presence(&[], 0, Stage::Words), 0);
    assert_eq!(board.reached(Stage::Ready), PartySet::from_iter([party(1)]));
    board.hear(party(0), presence(&[], 0, Stage::Done), 0);
    board.hear(party(9), presence(&[], 0, Stage::Done), 0);
    assert_eq!(board.reached(Stage::Keys), PartySet::EMPTY);
    board.reach(Stage::Keys);
    board.reach(Stage::Ready);
    assert_eq!(board.presence(7).stage, Stage::Keys);
    board.hear(party(2), presence(&[0, 77, 2], u64::MAX, Stage::Words), 0);
    assert_eq!(board.row(party(2)).reaches.len(), 2, "members only");
}

#[test]
fn what_is_said_travels_in_frames() {
    let said = Spoken::Presence(presence(&[1, 2], 5, Stage::Ready));
    let frame = frame::encode(ceremony::EPOCH, [said]).remove(0);
    let heard = frame::decode::<Spoken>(&frame, ceremony::EPOCH).unwrap();
    let expected = presence(&[1, 2], 5, Stage::Ready);
    assert!(matches!(heard.messages.as_slice(), [Spoken::Presence(heard)] if *heard == expected));
    assert_eq!(heard.skipped, 0);
}
