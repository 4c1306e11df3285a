//! What is known about the ways to one peer: its connections, and when it is dialled: directly, through
//! one other (a relay), and over circuits of several.

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
/// How long there is no connection before circuits are tried as well.
const CIRCUIT_AFTER: Duration = RELAY_AFTER.saturating_mul(2);
/// How long a path or a relay is waited for when there is none.
const NO_PATH: Duration = Duration::from_secs(1);
/// How long a dial through another may take before the next one is tried.
const RELAY_PATIENCE: Duration = Duration::from_secs(10);

/// How long the later of two members leaves it to the earlier one to dial, so that they seldom
/// connect twice.
const DIAL_LATER: Duration = Duration::from_millis(60);

/// How long a relay is left aside, at least and at most, that let go of the only connection; each time
/// twice as long.
const ASIDE: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(3600));
/// A connection that lasted so long says that those it runs over are good.
const LASTING: Duration = Duration::from_secs(600);

/// How long a peer is dialled that is sought although it is connected.
const SEEKING: Duration = Duration::from_secs(4);

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

/// A member that is connected directly, and may relay.
#[derive(Clone, Debug)]
pub(super) struct Relay {
    pub peer_id: PeerId,
    pub party: PartyId,
    pub address: Multiaddr,
}

/// The ways to one peer.
pub(super) struct Route {
    pub peer: Arc<Peer>,
    connections: BTreeMap<ConnectionId, Connection>,
    /// Since when there is no direct connection.
    away_since: Option<Instant>,
    /// Since when there is no connection at all.
    alone_since: Option<Instant>,
    direct: Dials,
    relayed: Dials,
    circuit: Dials,
    /// Whether we are the one of us two who dials over circuits.
    dials_circuits: bool,
    /// Until when it is to be dialled although it is connected.
    sought: Option<Instant>,
    /// Through whom it was dialled last.
    relay: Option<PeerId>,
    /// Relays that are left aside: how often they let go, and until when. Else one that does so again
    /// and again would take the place of every circuit.
    aside: BTreeMap<PartyId, (u32, Instant)>,
    /// Over whom it was dialled last.
    over: Vec<PartyId>,
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
            alone_since: Some(now),
            direct: Dials::due(now + head_start(me, peer.info.party)),
            relayed: Dials::due(now),
            circuit: Dials::due(now),
            dials_circuits: me < peer.info.party,
            sought: None,
            relay: None,
            aside: BTreeMap::new(),
            over: Vec::new(),
            wrong_key_reported: false,
        }
    }

    /// When to dial directly. Goes on while the peer is reached through another.
    pub(super) fn direct_due(&self) -> Option<Instant> {
        let wanted = self.away_since.is_some() || self.is_sought();
        (wanted && self.direct.current.is_none()).then_some(self.direct.at)
    }

    /// Has it dialled at once, connected or not.
    pub(super) fn challenge(&mut self) {
        self.seek();
        self.direct.at = Instant::now();
    }

    /// Has it dialled for a while until it is reached, connected or not.
    pub(super) fn seek(&mut self) {
        self.sought = Some(Instant::now() + SEEKING);
    }

    fn is_sought(&self) -> bool {
        self.sought.is_some_and(|until| until > Instant::now())
    }

    /// When to dial through another, if there is one. Goes on while the peer is reached over several.
    pub(super) fn relayed_due(&self) -> Option<Instant> {
        if self.connections.values().any(|connection| connection.transport.members_between() < 2) {
            return None;
        }
        let patience = self.relayed.current.map(|(_, since)| since + RELAY_PATIENCE);
        Some(patience.unwrap_or(self.relayed.at).max(self.away_since? + RELAY_AFTER))
    }

    /// When to dial over several others, if there is a path.
    pub(super) fn circuit_due(&self) -> Option<Instant> {
        let may = self.dials_circuits && self.circuit.current.is_none();
        let since = self.alone_since.filter(|_| may)?;
        Some(self.circuit.at.max(since + CIRCUIT_AFTER))
    }

    /// From when on it is missed, if there is no connection.
    pub(super) fn missed_from(&self) -> Option<Instant> {
        self.alone_since.map(|since| since + RELAY_AFTER)
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
    pub(super) fn next_relay<'a>(&self, relays: &'a [Relay]) -> Option<&'a Relay> {
        let now = Instant::now();
        let is_aside = |relay: &Relay| self.aside.get(&relay.party).is_some_and(|it| it.1 > now);
        let is_peer = |relay: &Relay| relay.peer_id == self.peer.info.peer_id;
        let may = || relays.iter().filter(|relay| !is_peer(relay) && !is_aside(relay));
        let next = may().find(|relay| Some(relay.peer_id) > self.relay);
        next.or_else(|| may().next())
    }

    /// There is nobody who may relay now.
    pub(super) fn no_relay(&mut self) {
        self.relayed.current = None;
        self.relayed.at = Instant::now() + NO_PATH;
    }

    /// A connection is gone, the only one. A relay that it ran through is left aside for a while.
    fn leave_aside(&mut self, gone: &Connection) {
        let Transport::Relayed { through } = &gone.transport else { return };
        let [relay] = through.as_slice() else { return };
        let before = self.aside.get(relay).filter(|_| gone.since.elapsed() < LASTING);
        let times = before.map_or(0, |(times, _)| *times);
        let until = Instant::now() + backoff(times, ASIDE);
        self.aside.insert(*relay, (times.saturating_add(1), until));
    }

    /// It is dialled directly.
    pub(super) fn dialling(&mut self, connection: ConnectionId) {
        self.direct.current = Some((connection, Instant::now()));
    }

    /// It is dialled through another.
    pub(super) fn dialling_through(&mut self, relay: PeerId, connection: ConnectionId) {
        self.relay = Some(relay);
        self.relayed.current = Some((connection, Instant::now()));
    }

    /// It is dialled over these.
    pub(super) fn dialling_over(&mut self, over: &[PartyId], connection: ConnectionId) {
        over.clone_into(&mut self.over);
        self.circuit.current = Some((connection, Instant::now()));
    }

    /// No path to it is known.
    pub(super) fn no_path(&mut self) {
        self.circuit.at = Instant::now() + NO_PATH;
    }

    /// A dial has failed; returns over whom, if it was over a circuit.
    pub(super) fn failed(&mut self, connection: ConnectionId, error: &DialError) -> &[PartyId] {
        let name = &self.peer.info.name;
        tracing::debug!(peer = %name, "not reached: {error}");
        if self.relayed.is(connection) {
            self.relayed.failed(self.waits());
        }
        if self.circuit.is(connection) {
            self.circuit.failed(REDIAL);
            return &self.over;
        }
        if self.direct.is(connection) {
            self.direct_failed(error);
        }
        &[]
    }

    /// How long to wait between dials.
    fn waits(&self) -> (Duration, Duration) {
        let soon = self.connections.is_empty() || self.is_sought();
        if soon { REDIAL } else { REDIAL_RELAYED }
    }

    fn direct_failed(&mut self, error: &DialError) {
        let name = &self.peer.info.name;
        if let DialError::WrongPeerId { address, .. } = error
            && !self.wrong_key_reported
        {
            self.wrong_key_reported = true;
            self.peer.mistaken(address);
            tracing::warn!(peer = %name, %address, "another node answers at the address of {name}");
        }
        self.direct.failed(self.waits());
    }

    /// A connection was made; returns those that are to be closed for it, which may be itself.
    pub(super) fn connected(
        &mut self,
        id: ConnectionId,
        connection: Connection,
    ) -> Vec<ConnectionId> {
        let (now, between) = (connection.since, distance(&connection));
        // Reached through others, it may be there directly again as well, or through fewer.
        self.direct.failures = 0;
        if self.direct.is(id) {
            self.sought = None;
        }
        if between == 0 {
            self.direct.current = None;
        }
        if between < 2 {
            self.relayed.succeeded();
        }
        self.relayed.failures = 0;
        self.circuit.succeeded();
        let age = |older: &Connection| now.duration_since(older.since);
        let fresh = |older: &Connection| distance(older) < between && age(older) < FRESH;
        if self.connections.values().any(fresh) {
            return vec![id];
        }
        let lost = |older: &Connection| age(older) > SAME_TIME || between < distance(older);
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
        if self.alone_since.is_some() {
            self.leave_aside(&connection);
        }
        // Where there was no relay before there is none now.
        if self.alone_since.is_some() && distance(&connection) == 2 {
            self.alone_since = now.checked_sub(CIRCUIT_AFTER).or(Some(now));
            self.circuit.at = now;
        }
    }

    /// Whether a connection has stood long enough to speak for those it runs over.
    pub(super) fn lasts(&self, id: ConnectionId) -> bool {
        self.connections.get(&id).is_some_and(|connection| connection.since.elapsed() >= LASTING)
    }

    /// Over whom a connection runs, if they are several.
    pub(super) fn over(&self, id: ConnectionId) -> &[PartyId] {
        match self.connections.get(&id).map(|connection| &connection.transport) {
            Some(Transport::Relayed { through }) if through.len() > 1 => through,
            _ => &[],
        }
    }

    /// Says what changed.
    fn update(&mut self) {
        match self.direct() {
            Some(_) => self.away_since = None,
            None => self.away_since = self.away_since.or_else(|| Some(Instant::now())),
        }
        match self.connections.is_empty() {
            false => self.alone_since = None,
            true => self.alone_since = self.alone_since.or_else(|| Some(Instant::now())),
        }
        let transports = self.connections.values().map(|connection| &connection.transport);
        // The best comes first.
        let best = transports.min_by_key(|it| (it.members_between(), *it)).cloned();
        let before = self.peer.connection.send_replace(best.clone());
        let name = &self.peer.info.name;
        match best {
            _ if best == before => {}
            None => tracing::info!(peer = %name, "disconnected"),
            Some(transport) => tracing::info!(peer = %name, ?transport, "connected"),
        }
    }
}

/// 0 for a direct connection, 1 through a relay, 2 over a circuit.
fn distance(connection: &Connection) -> usize {
    connection.transport.members_between().min(2)
}

fn head_start(me: PartyId, peer: PartyId) -> Duration {
    if me < peer { Duration::ZERO } else { DIAL_LATER }
}
