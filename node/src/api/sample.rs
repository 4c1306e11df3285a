//! For tests: four organisations, how a node of one of them is, and a decision of theirs.

use quorate_protocol::PartyId;
use quorate_protocol::committee::PartySet;
use quorate_protocol::crypto::identity::IdentityKey;
use quorate_protocol::crypto::seal::SealingKey;
use quorate_protocol::crypto::transcript::Digest;
use quorate_protocol::decision::life::Phase;
use quorate_protocol::decision::life::waits::{Step, Waits};
use quorate_protocol::decision::proposal::{Proposal, Renewal};
use quorate_protocol::party::{DecisionView, Standing, Stats, StatusView};
use quorate_protocol::rule::Rule;

use super::live;
use super::model::{Peer, Status};
use crate::home::Origin;
use crate::net::Transport;
use crate::roster::{self, MemberCard, Network, Settings, TransportPublic};
use crate::{DecisionStanding, NodeStatus, PeerStatus};

/// The deadline of the decision.
pub const DEADLINE: u64 = 1_801_396_800_000;

/// These members.
pub fn set(members: &[u16]) -> PartySet {
    members.iter().map(|member| PartyId::new(*member)).collect()
}

/// `org 0` to `org 3`.
pub fn network() -> Network {
    let mut rng = rand::rng();
    let mut card = |i: u16| MemberCard {
        name: format!("org {i}"),
        identity: IdentityKey::generate(&mut rng).public(),
        sealing: *SealingKey::generate(&mut rng).public(),
        transport: TransportPublic::from_bytes(
            &IdentityKey::generate(&mut rng).public().to_bytes(),
        )
        .unwrap(),
        addresses: roster::addresses(&format!("127.0.0.1:{}", 7000 + i)).unwrap(),
    };
    let cards = (0..4).map(&mut card).collect();
    Network::new("net", 1, cards, Settings::default()).unwrap()
}

/// How a link is.
pub fn link(member: u16, connected: bool) -> PeerStatus {
    PeerStatus {
        party: PartyId::new(member),
        name: format!("org {member}"),
        connected,
        transport: connected.then_some(Transport::Quic),
        last_seen_ms_ago: None,
        round_trip_us: None,
        clock_ahead_ms: None,
        unacked_frames: 0,
        unacked_bytes: 0,
        lost_frames: 0,
        kept_bytes: 0,
        trouble: None,
    }
}

/// How the node of `org 0` is, with so many of the others connected.
pub fn node(connected: u16) -> NodeStatus {
    NodeStatus {
        party: StatusView {
            slots: 3,
            positions: 2,
            certified: 1,
            open: 1,
            bits_left: 986,
            triples_left: 293,
            pairs_left: 20,
            runs: 1,
            run_in_progress: false,
            returning: None,
            half_back: false,
            left_behind: false,
            faults: Vec::new(),
            stats: Stats::default(),
        },
        network: "net".into(),
        digest: Digest::from([7; 32]),
        epoch: 1,
        origin: Origin::Members,
        refresh: None,
        me: PartyId::new(0),
        name: "org 0".into(),
        older_copy: false,
        uptime_seconds: 60,
        peers: (1..4).map(|member| link(member, member <= connected)).collect(),
        open: Vec::new(),
    }
}

/// An open decision on which `org 0` and `org 1` have voted.
pub fn decision() -> DecisionView {
    DecisionView {
        id: "dec_7Q2K9X4M".into(),
        digest: Digest::from([9; 32]),
        position: Some(1),
        proposer: PartyId::new(1),
        proposal: Proposal {
            title: "Extend the credit line".into(),
            text: String::new(),
            rule: Rule::parse("mean(confidence) > 75").unwrap(),
            deadline_ms: DEADLINE,
            minimum: 3,
            nonce: [1; 16],
            document: None,
            renewal: Renewal::None,
        },
        phase: Phase::Open,
        voted: set(&[0, 1]),
        abstained: PartySet::EMPTY,
        i_voted: true,
        counted: None,
        outcome: None,
        document_here: false,
        follows: false,
        waiting: String::new(),
    }
}

/// The same, with what it waits for.
pub fn standing(step: Step, here: &[u16], needed: usize) -> DecisionStanding {
    let waits = Waits { step, here: set(here), needed };
    let standing = Standing { waits, silent: PartySet::EMPTY, epoch_ends: false };
    DecisionStanding { decision: decision(), standing: Some(standing), node: node(3) }
}

/// What the interface says of that node.
pub fn status(connected: u16) -> Status {
    live::describe_status(&network(), &node(connected))
}

/// What it says of one link.
pub fn peer(member: u16, connected: bool) -> Peer {
    Peer {
        name: format!("org {member}"),
        connected,
        transport: connected.then(|| "quic".to_owned()),
        through: Vec::new(),
        last_seen_ms_ago: None,
        round_trip_us: None,
        clock_ahead_ms: None,
        unacknowledged: 0,
        waiting_bytes: 0,
        lost: 0,
        kept_bytes: 0,
        faults: 0,
        trouble: None,
    }
}
