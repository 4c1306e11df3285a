use quorate_protocol::crypto::identity::IdentityKey;
use quorate_protocol::crypto::seal::SealingKey;
use quorate_protocol::{Committee, PartySet};

use super::*;
use crate::ceremony::preflight::{Board, Presence};
use crate::net::{LinkStatus, Transport};
use crate::roster::{self, MemberCard, Settings, TransportPublic};

const NAMES: [&str; 4] = ["Acme Bank", "Borealis Re", "Cobalt\u{7} Energy", "Delta Freight"];

fn network() -> Network {
    let card = |(name, port): (&&str, u16)| {
        let mut rng = rand::rng();
        let transport = IdentityKey::generate(&mut rng).public().to_bytes();
        MemberCard {
            name: name.replace('\u{7}', ""),
            identity: IdentityKey::generate(&mut rng).public(),
            sealing: *SealingKey::generate(&mut rng).public(),
            transport: TransportPublic::from_bytes(&transport).unwrap(),
            addresses: roster::addresses(&format!("127.0.0.1:{port}")).unwrap(),
        }
    };
    let cards = NAMES.iter().zip(7000..).map(card).collect();
    Network::new("Orion", 1, cards, Settings::default()).unwrap()
}

fn party(index: u16) -> PartyId {
    PartyId::new(index)
}

fn link(peer: u16, connected: bool, trouble: Option<&str>) -> LinkStatus {
    LinkStatus {
        party: party(peer),
        connected: connected.then_some(Transport::Quic),
        incarnation: 7,
        round_trip_us: None,
        clock_ahead_ms: None,
        last_seen_ms_ago: None,
        unacknowledged_frames: 0,
        unacknowledged_bytes: 0,
        lost_frames: 0,
        trouble: trouble.map(str::to_owned),
    }
}

/// The first of four: one is ready and five seconds ahead, one is away, one has another roster.
fn board() -> Board {
    let mut board = Board::new(Committee::new(4).unwrap(), party(0), Stage::Words);
    board.see(&[link(1, true, None), link(2, false, None), link(3, true, Some("it has another"))]);
    let everyone = PartySet::from_iter((0..4).map(party));
    let presence = Presence::for_tests(5_200, everyone, Stage::Ready);
    board.hear(party(1), presence, 0);
    board
}

#[test]
fn a_wide_table_says_all_and_a_narrow_one_who_is_here() {
    let (network, board) = (network(), board());
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        view::members(&network, party(0), &board, 80),
        [
            format!("    Acme Bank (you)  comparing words  reaches 2 of 3  version {version}"),
            format!(
                "    Borealis Re      ready            reaches 3 of 3  version {version}  \
                 clock +5.2 s"
            ),
            "    Cobalt Energy    away".to_owned(),
            "    Delta Freight    refused".to_owned(),
        ]
    );
    assert_eq!(
        view::members(&network, party(0), &board, 50),
        [
            "    Acme Bank (you)  comparing words",
            "    Borealis Re      ready",
            "    Cobalt Energy    away",
            "    Delta Freight    refused",
        ]
    );
}

#[test]
fn findings_name_the_member_and_what_to_look_at() {
    let (network, board) = (network(), board());
    assert_eq!(
        view::findings(&network, &board),
        [
            "  waiting for  Cobalt Energy",
            "  look         Delta Freight: it has another",
            "  look         the clock of Borealis Re is 5.2 s ahead of ours",
        ]
    );
}

#[test]
fn the_gathering_says_who_is_missing_and_cannot_drive_the_terminal() {
    let key = network().member(party(0)).unwrap().transport;
    let invite = crate::ceremony::invite::Invite {
        network: "Orion".to_owned(),
        members: 4,
        settings: Settings::default(),
        rendezvous: crate::ceremony::invite::Place::parse("127.0.0.1:1").unwrap(),
        coordinator: key,
        secret: [0; 16].into(),
        expires_ms: 0,
    };
    let names = NAMES.map(str::to_owned);
    let three = view::gathering(&invite, &names[..3], "Borealis Re", Some("refused\x1b[2J"));
    assert_eq!(
        three,
        [
            "  gathering  3 of 4",
            "    Acme Bank  (coordinator)",
            "    Borealis Re  (this organisation)",
            "    Cobalt\u{fffd} Energy",
            "    waiting for 1 more to come with the invite",
            "    the coordinator is not reached: refused\u{fffd}[2J",
        ]
    );
    let all = view::gathering(&invite, &names, "Acme Bank", None);
    assert_eq!(all[1], "    Acme Bank  (coordinator, this organisation)");
    assert!(all[5].contains("all are here"));
}
