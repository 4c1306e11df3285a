//! What is known and shared about one peer.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use libp2p::{Multiaddr, PeerId};
use quorate_protocol::PartyId;
use quorate_protocol::crypto::identity::IdentityPublic;
use serde::Serialize;
use tokio::sync::{mpsc, watch};

use crate::net::clock::{self, Moment, Reading};
use crate::net::connector::Command;
use crate::net::incarnation::{Acquaintance, Doubt, Incarnation, Judgement};
use crate::net::memory::Memory;
use crate::net::queue::{Depth, Queue};
use crate::net::standing::Standing;
use crate::net::wire::{Greeting, LinkError};
use crate::net::{
    Lane, MAX_UNACKNOWLEDGED_BULK, MAX_UNACKNOWLEDGED_CEREMONY, MAX_UNACKNOWLEDGED_DECISION,
};
use crate::roster::Network;

/// Another member, as the network sees it.
#[derive(Clone, Debug)]
pub struct PeerInfo {
    /// Its place in the roster.
    pub party: PartyId,
    /// Its name, for logs.
    pub name: String,
    /// Its transport identity.
    pub peer_id: PeerId,
    /// What it signs with.
    pub identity: IdentityPublic,
    /// Where it listens.
    pub addresses: Vec<Multiaddr>,
}

impl PeerInfo {
    /// All members of a network but one.
    pub fn others(network: &Network, me: PartyId) -> Vec<Self> {
        let members = network.committee().parties().zip(network.members());
        let others = members.filter(|(party, _)| *party != me);
        others
            .filter_map(|(party, member)| {
                Some(Self {
                    party,
                    name: member.name.clone(),
                    peer_id: member.transport.peer_id()?,
                    identity: member.identity,
                    addresses: member.addresses.clone(),
                })
            })
            .collect()
    }
}

/// Over what a connection runs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// QUIC over UDP.
    Quic,
    /// TCP with Noise and Yamux.
    Tcp,
    /// Through other members, who see how much passes and nothing of what.
    Relayed {
        /// Who they are, from here to there.
        through: Vec<PartyId>,
    },
}

impl Transport {
    /// Whether no other member is between.
    pub const fn is_direct(&self) -> bool {
        self.members_between() == 0
    }

    /// How many other members are between.
    pub const fn members_between(&self) -> usize {
        match self {
            Self::Quic | Self::Tcp => 0,
            Self::Relayed { through } => through.len(),
        }
    }

    /// The transport of a direct connection to or from this address.
    pub(super) fn of(address: &Multiaddr) -> Self {
        let quic = |part| matches!(part, libp2p::multiaddr::Protocol::QuicV1);
        if address.iter().any(quic) { Self::Quic } else { Self::Tcp }
    }
}

/// How the links to a peer are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinkStatus {
    /// Which peer.
    pub party: PartyId,
    /// Over what it is connected, if it is.
    pub connected: Option<Transport>,
    /// The number of its start; 0 before it has greeted.
    pub incarnation: u64,
    /// Milliseconds since something came from it.
    pub last_seen_ms_ago: Option<u64>,
    /// Microseconds there and back, when that was last measured.
    pub round_trip_us: Option<u64>,
    /// Milliseconds by which its clock is ahead of ours, at least, when a link was last opened;
    /// negative if it is behind.
    pub clock_ahead_ms: Option<i64>,
    /// Frames it has not acknowledged.
    pub unacknowledged_frames: usize,
    /// Their bytes.
    pub unacknowledged_bytes: usize,
    /// Frames that were not kept for it, because it was gone or slow for too long.
    pub lost_frames: u64,
    /// Why it and we cannot talk to each other, though it is there.
    pub trouble: Option<String>,
}

/// What the owner of the links has to answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LinkEvent {
    /// The peer is there again and has missed frames on a lane: what is still of use is to be said
    /// again.
    Behind {
        /// Which peer.
        party: PartyId,
        /// Which lane.
        lane: Lane,
    },
    /// The peer has started anew since it last greeted: it may have lost what it had acknowledged.
    Restarted {
        /// Which peer.
        party: PartyId,
        /// The number of its new start.
        incarnation: u64,
    },
    /// Another node with our keys lives: `t + 1` members have heard it since we greeted. Nothing more
    /// is said.
    OtherLives,
    /// A member has accepted a later start of ours, of this number, which is higher than all that we
    /// were shown before: the data directory is an older copy. Nothing more is said.
    Older {
        /// The number of that start.
        than: u64,
    },
    /// And no more than `t` members say that such a start lives.
    NoneLives,
}

/// Our own side, shared by all peers.
#[derive(Debug)]
pub(super) struct Here {
    pub network: [u8; 32],
    pub standing: Standing,
    pub memory: Memory,
}

/// A stream to or from a start that is accepted, as long as this is there.
pub(super) struct Present<'a> {
    peer: &'a Peer,
    pub start: Incarnation,
    round: u64,
}

impl Drop for Present<'_> {
    fn drop(&mut self) {
        self.peer.lock_acquaintance().closed(self.round, tokio::time::Instant::now());
    }
}

/// Shared by the tasks of one peer.
#[derive(Debug)]
pub(super) struct Peer {
    pub info: PeerInfo,
    pub connection: watch::Sender<Option<Transport>>,
    decision: Queue,
    bulk: Queue,
    ceremony: Queue,
    trouble: Mutex<Option<String>>,
    commands: mpsc::UnboundedSender<Command>,
    events: mpsc::UnboundedSender<LinkEvent>,
    acquaintance: Mutex<Acquaintance>,
    here: Arc<Here>,
    started: Instant,
    /// Milliseconds from `started` to the last sign of life, plus one; 0 if there was none.
    seen: AtomicU64,
    /// In microseconds, plus one; 0 before it was measured.
    round_trip: AtomicU64,
    /// 0 before it has greeted.
    incarnation: AtomicU64,
    clock: Mutex<Option<Reading>>,
    last_complaint: AtomicU64,
}

impl Peer {
    pub(super) fn new(
        info: PeerInfo,
        commands: mpsc::UnboundedSender<Command>,
        events: mpsc::UnboundedSender<LinkEvent>,
        here: Arc<Here>,
    ) -> Self {
        let accepted = here.memory.of(info.party);
        let acquaintance = Acquaintance::new(accepted, tokio::time::Instant::now());
        Self {
            info,
            connection: watch::Sender::new(None),
            decision: Queue::new(MAX_UNACKNOWLEDGED_DECISION),
            bulk: Queue::new(MAX_UNACKNOWLEDGED_BULK),
            ceremony: Queue::new(MAX_UNACKNOWLEDGED_CEREMONY),
            trouble: Mutex::default(),
            commands,
            events,
            acquaintance: Mutex::new(acquaintance),
            here,
            started: Instant::now(),
            seen: AtomicU64::new(0),
            round_trip: AtomicU64::new(0),
            incarnation: AtomicU64::new(0),
            clock: Mutex::default(),
            last_complaint: AtomicU64::new(0),
        }
    }

    pub(super) const fn queue(&self, lane: Lane) -> &Queue {
        match lane {
            Lane::Decision => &self.decision,
            Lane::Bulk => &self.bulk,
            Lane::Ceremony => &self.ceremony,
        }
    }

    /// Our greeting to the peer: what we know of it added to `ours`.
    pub(super) fn greeting(&self, ours: &Greeting) -> Greeting {
        let acquaintance = self.lock_acquaintance();
        let lives = acquaintance.lives(tokio::time::Instant::now());
        let clock_ms = clock::wall_ms();
        Greeting { shown: acquaintance.accepted(), lives, clock_ms, ..ours.clone() }
    }

    /// The peer has greeted, and is in the same network as we.
    ///
    /// # Errors
    /// Its start is not accepted, or it lies about ours.
    pub(super) fn meet(&self, theirs: &Greeting) -> Result<Present<'_>, LinkError> {
        let (party, start) = (self.info.party, theirs.start);
        if !start.is_of(&self.info.identity, &self.here.network) {
            return Err(LinkError::Misbehaved("it did not sign its start"));
        }
        self.here.standing.told(party, theirs.shown, theirs.lives)?;
        let now = tokio::time::Instant::now();
        let mut acquaintance = self.lock_acquaintance();
        match acquaintance.judge(start.incarnation, now) {
            Judgement::Known => {}
            Judgement::Next => {
                // N2: others rely on it from here on.
                self.here.memory.note(party, start)?;
                acquaintance.accept(start, now);
            }
            Judgement::Refused(doubt) => {
                let peer = self.info.peer_id;
                let _ = match doubt {
                    Doubt::Challenge => self.commands.send(Command::Challenge(peer)),
                    Doubt::Seek => self.commands.send(Command::Seek(peer)),
                    Doubt::Wait => Ok(()),
                };
                return Err(LinkError::OtherStart);
            }
        }
        let round = acquaintance.opened();
        drop(acquaintance);
        self.greeted(start.incarnation.number);
        Ok(Present { peer: self, start: start.incarnation, round })
    }

    /// Whether the peer has accepted our start.
    pub(super) fn accepts_us(&self, theirs: &Greeting) -> bool {
        self.here.standing.is_ours(theirs.shown)
    }

    /// Waits until we may speak on a lane.
    pub(super) async fn may_speak(&self, lane: Lane) {
        if lane != Lane::Ceremony {
            self.here.standing.may_speak().await;
        }
    }

    fn greeted(&self, incarnation: u64) {
        let before = self.incarnation.swap(incarnation, Ordering::Relaxed);
        if before != 0 && before != incarnation {
            self.report(LinkEvent::Restarted { party: self.info.party, incarnation });
        }
        *self.lock_trouble() = None;
        self.seen();
    }

    /// The peer has a stream open and may have caught up on a lane.
    pub(super) fn report_if_caught_up(&self, lane: Lane) {
        if self.queue(lane).has_caught_up() {
            self.report(LinkEvent::Behind { party: self.info.party, lane });
        }
    }

    fn report(&self, event: LinkEvent) {
        // Nobody listens any more if the node stops.
        let _ = self.events.send(event);
    }

    /// Something came from the peer just now.
    pub(super) fn seen(&self) {
        self.seen.store(self.milliseconds() + 1, Ordering::Relaxed);
    }

    /// The peer answered a ping after this long.
    pub(super) fn answered(&self, after: Duration) {
        let micros = u64::try_from(after.as_micros()).unwrap_or(u64::MAX - 1);
        self.round_trip.store(micros + 1, Ordering::Relaxed);
        self.seen();
    }

    /// The peer's clock was read.
    pub(super) fn set_clock(&self, reading: Reading) {
        *self.lock_clock() = Some(reading);
    }

    /// Another node answers at an address of the peer.
    pub(super) fn mistaken(&self, address: &Multiaddr) {
        *self.lock_trouble() = Some(format!("another node answers at its address {address}"));
    }

    /// The peer announces more than all members together have to.
    pub(super) fn floods(&self) {
        let name = &self.info.name;
        if self.may_complain() {
            tracing::warn!(peer = %name, "disconnecting {name}: it announces too much");
        }
        let _ = self.commands.send(Command::Disconnect(self.info.peer_id));
    }

    /// Logs why a stream ended, and closes the connections of a peer that breaks the protocol.
    pub(super) fn ended(&self, lane: Lane, why: &LinkError) {
        let name = &self.info.name;
        match why {
            LinkError::Io(_)
            | LinkError::Timeout
            | LinkError::Closed
            | LinkError::OtherStart
            | LinkError::NotAccepted => {
                tracing::debug!(peer = %name, ?lane, "link ended: {why}");
            }
            LinkError::Version(_) | LinkError::Network | LinkError::Epoch(_) => {
                *self.lock_trouble() = Some(why.to_string());
                if self.may_complain() {
                    tracing::warn!(peer = %name, "cannot talk to {name}: {why}");
                }
            }
            LinkError::Misbehaved(_) => {
                if self.may_complain() {
                    tracing::warn!(peer = %name, ?lane, "disconnecting {name}: {why}");
                }
                let _ = self.commands.send(Command::Disconnect(self.info.peer_id));
            }
        }
    }

    pub(super) fn status(&self) -> LinkStatus {
        let depths = [&self.decision, &self.bulk, &self.ceremony].map(Queue::depth);
        let sum = |of: fn(&Depth) -> usize| depths.iter().map(of).sum();
        let seen = self.seen.load(Ordering::Relaxed).checked_sub(1);
        LinkStatus {
            party: self.info.party,
            connected: self.connection.borrow().clone(),
            incarnation: self.incarnation.load(Ordering::Relaxed),
            round_trip_us: self.round_trip.load(Ordering::Relaxed).checked_sub(1),
            clock_ahead_ms: self.lock_clock().map(|clock| clock.ahead_ms(Moment::now())),
            last_seen_ms_ago: seen.map(|at| self.milliseconds().saturating_sub(at)),
            unacknowledged_frames: sum(|depth| depth.frames),
            unacknowledged_bytes: sum(|depth| depth.bytes),
            lost_frames: depths.iter().map(|depth| depth.lost).sum(),
            trouble: self.lock_trouble().clone(),
        }
    }

    fn lock_acquaintance(&self) -> MutexGuard<'_, Acquaintance> {
        self.acquaintance.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_trouble(&self) -> MutexGuard<'_, Option<String>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_clock(&self) -> MutexGuard<'_, Option<Reading>> {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// At most one warning about a peer in ten seconds: it could fill the log otherwise.
    fn may_complain(&self) -> bool {
        let now = self.milliseconds() + 1;
        let last = self.last_complaint.load(Ordering::Relaxed);
        let may = last == 0 || now >= last + 10_000;
        if may {
            self.last_complaint.store(now, Ordering::Relaxed);
        }
        may
    }

    fn milliseconds(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
