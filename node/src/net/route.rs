//! What is known about the ways to one peer: its connections, and when it is dialled, directly and
//! through others.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use libp2p::swarm::{ConnectionId, DialError};
use libp2p::{Multiaddr, PeerId};
use quorate_protocol::PartyId;
use tokio::time::Instant;

use crate::net::backoff;
use crate::net::peer::{Peer, Transport};

/// Shortest and longest wait before a peer is dialled again.
const REDIAL: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// The same for a peer that is reached through another.
const REDIAL_RELAYED: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));

/// How long a peer is dialled directly before others are asked to relay.
const RELAY_AFTER: Duration = Duration::from_secs(3);
/// How long a dial through another may take before the next one is tried.
const RELAY_PATIENCE: Duration = Duration::from_secs(10);

/// How long the later of two members leaves it to the earlier one to dial, so that they seldom
/// connect twice.
const DIAL_LATER: Duration = Duration::from_millis(60);

/// A peer that connects anew while an older connection stands has lost the older one, unless both
/// were made at about the same time.
const SAME_TIME: Duration = Duration::from_secs(2);
/// A direct connection that is younger than this was made while a dial through another was on its
/// way: the direct one stays.
const FRESH: Duration = RELAY_PATIENCE.saturating_add(SAME_TIME);

/// A connection to the peer.
#[derive(Debug)]
pub(super) struct Connection {
    pub since: Instant,
    /// When it last answered a ping.
    pub answered: Instant,
    pub transport: Transport,
    /// The other end, as this node sees it.
    pub remote: Multiaddr,
}

/// Dials of one kind.
#[derive(Debug)]
struct Dials {
    /// The one that is on its way, and since when.
    current: Option<(ConnectionId, Instant)>,
    failures: u32,
    /// When the next one is due.
    at: Instant,
}

/// The ways to one peer.
pub(super) struct Route {
    pub peer: Arc<Peer>,
    connections: BTreeMap<ConnectionId, Connection>,
    /// Since when there is no direct connection.
    away_since: Option<Instant>,
    direct: Dials,
    relayed: Dials,
    /// It is to be dialled although it is connected.
    challenged: bool,
    /// Through whom it was dialled last.
    relay: Option<PeerId>,
    wrong_key_reported: bool,
}

impl Dials {
    const fn due(at: Instant) -> Self {
        Self { current: None, failures: 0, at }
    }

    fn failed(&mut self, waits: (Duration, Duration)) {
        self.current = None;
        self.at = Instant::now() + backoff(self.failures, waits);
        self.failures = self.failures.saturating_add(1);
    }

    /// Forgets failures.
    fn succeeded(&mut self) {
        self.current = None;
        self.failures = 0;
    }

    fn is(&self, connection: ConnectionId) -> bool {
        self.current.is_some_and(|(current, _)| current == connection)
    }
}

impl Route {
    pub(super) fn new(me: PartyId, peer: &Arc<Peer>) -> Self {
        let now = Instant::now();
        Self {
            peer: Arc::clone(peer),
            connections: BTreeMap::new(),
            away_since: Some(now),
            direct: Dials::due(now + head_start(me, peer.info.party)),
            relayed: Dials::due(now),
            challenged: false,
            relay: None,
            wrong_key_reported: false,
        }
    }

    /// When to dial directly. Goes on while the peer is reached through another.
    pub(super) fn direct_due(&self) -> Option<Instant> {
        let wanted = self.away_since.is_some() || self.challenged;
        (wanted && self.direct.current.is_none()).then_some(self.direct.at)
    }

    /// Has it dialled at once, connected or not.
    pub(super) fn challenge(&mut self) {
        self.challenged = true;
        self.direct.at = Instant::now();
    }

    /// When to dial through another, if there is one.
    pub(super) fn relayed_due(&self) -> Option<Instant> {
        if !self.connections.is_empty() {
            return None;
        }
        let patience = self.relayed.current.map(|(_, since)| since + RELAY_PATIENCE);
        Some(patience.unwrap_or(self.relayed.at).max(self.away_since? + RELAY_AFTER))
    }

    /// From when on others are needed to reach the peer, and the peer needs others to reach us.
    pub(super) fn relay_needed(&self) -> Option<Instant> {
        self.away_since.map(|since| since + RELAY_AFTER)
    }

    /// A direct connection, if there is one.
    pub(super) fn direct(&self) -> Option<&Connection> {
        self.connections.values().find(|connection| connection.transport.is_direct())
    }

    /// Whether the peer is the other end of a direct connection to or from this address.
    pub(super) fn is_at(&self, remote: &Multiaddr) -> bool {
        self.connections.values().any(|connection| connection.remote == *remote)
    }

    /// The next of those who may relay, after the one that was tried last.
    pub(super) fn next_relay(&self, relays: &[(PeerId, Multiaddr)]) -> Option<(PeerId, Multiaddr)> {
        let may = || relays.iter().filter(|(relay, _)| *relay != self.peer.info.peer_id);
        let next = may().find(|(relay, _)| Some(*relay) > self.relay);
        next.or_else(|| may().next()).cloned()
    }

    /// It is dialled directly.
    pub(super) fn dialling(&mut self, connection: ConnectionId) {
        self.challenged = false;
        self.direct.current = Some((connection, Instant::now()));
    }

    /// It is dialled through another.
    pub(super) fn dialling_through(&mut self, relay: PeerId, connection: ConnectionId) {
        self.relay = Some(relay);
        self.relayed.current = Some((connection, Instant::now()));
    }

    /// A dial has failed.
    pub(super) fn failed(&mut self, connection: ConnectionId, error: &DialError) {
        let name = &self.peer.info.name;
        tracing::debug!(peer = %name, "not reached: {error}");
        if self.relayed.is(connection) {
            self.relayed.failed(REDIAL);
        }
        if !self.direct.is(connection) {
            return;
        }
        if let DialError::WrongPeerId { address, .. } = error
            && !self.wrong_key_reported
        {
            self.wrong_key_reported = true;
            self.peer.mistaken(address);
            tracing::warn!(peer = %name, %address, "another node answers at the address of {name}");
        }
        self.direct.failed(if self.connections.is_empty() { REDIAL } else { REDIAL_RELAYED });
    }

    /// A connection was made; returns those that are to be closed for it, which may be itself.
    pub(super) fn connected(
        &mut self,
        id: ConnectionId,
        connection: Connection,
    ) -> Vec<ConnectionId> {
        let (now, direct) = (connection.since, connection.transport.is_direct());
        // Reached through another, it may be there directly again as well.
        self.direct.failures = 0;
        if direct {
            self.direct.current = None;
        }
        self.relayed.succeeded();
        let age = |older: &Connection| now.duration_since(older.since);
        let fresh = |older: &Connection| older.transport.is_direct() && age(older) < FRESH;
        if !direct && self.connections.values().any(fresh) {
            return vec![id];
        }
        let lost =
            |older: &Connection| age(older) > SAME_TIME || direct && !older.transport.is_direct();
        let older = self.connections.iter();
        let lost = older.filter(|(_, older)| lost(older)).map(|(id, _)| *id).collect();
        self.connections.insert(id, connection);
        self.update();
        lost
    }

    /// A connection has answered a ping.
    pub(super) fn answered(&mut self, id: ConnectionId, after: Duration) {
        self.peer.answered(after);
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.answered = Instant::now();
        }
    }

    /// When the first connection is to be given up that does not answer for `silence`.
    pub(super) fn silent_due(&self, silence: Duration) -> Option<Instant> {
        self.connections.values().map(|connection| connection.answered + silence).min()
    }

    /// Connections that have not answered for `silence`.
    pub(super) fn silent(&self, silence: Duration) -> Vec<ConnectionId> {
        let silent = |(_, it): &(_, &Connection)| it.answered.elapsed() >= silence;
        self.connections.iter().filter(silent).map(|(id, _)| *id).collect()
    }

    /// A connection has ended, or is given up.
    pub(super) fn disconnected(&mut self, me: PartyId, id: ConnectionId) {
        let Some(connection) = self.connections.remove(&id) else { return };
        let now = Instant::now();
        if connection.transport.is_direct() {
            let start = head_start(me, self.peer.info.party);
            self.direct.at = now + start + backoff(0, (DIAL_LATER, DIAL_LATER));
        } else {
            self.relayed.at = now;
        }
        self.update();
    }

    /// Says what changed.
    fn update(&mut self) {
        match self.direct() {
            Some(_) => self.away_since = None,
            None => self.away_since = self.away_since.or_else(|| Some(Instant::now())),
        }
        let transports = self.connections.values().map(|connection| connection.transport);
        // The best comes first.
        let best = transports.min();
        let before = self.peer.connection.send_replace(best);
        let name = &self.peer.info.name;
        match best {
            _ if best == before => {}
            None => tracing::info!(peer = %name, "disconnected"),
            Some(transport) => tracing::info!(peer = %name, ?transport, "connected"),
        }
    }
}

fn head_start(me: PartyId, peer: PartyId) -> Duration {
    if me < peer { Duration::ZERO } else { DIAL_LATER }
}
