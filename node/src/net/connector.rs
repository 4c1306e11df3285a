//! The connections: one task owns the swarm and dials whoever is not connected.
//!
//! # Relays
//! A peer that cannot be reached directly for a while ([`Route`]) is dialled through members that
//! are connected, in turn, and this node lets itself be reached through each of them: it reserves a
//! place there. Dials go on directly all the while; a direct connection replaces the other. A relay
//! that drops is replaced at once, one that stalls when a ping through it has no answer.
//!
//! The connection is authenticated and encrypted end to end: a relay can delay and drop, and sees
//! how much passes. Two members reach each other through a relay as long as one other is connected
//! directly to both.
//!
//! # Circuits
//! A peer that is connected neither way for longer is dialled over several members in a row
//! ([`circuit`](super::circuit)). Dials go on directly and through relays; what has fewer members
//! between replaces the other.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use libp2p::core::ConnectedPoint;
use libp2p::core::transport::ListenerId;
use libp2p::gossipsub::{self, MessageAcceptance};
use libp2p::multiaddr::Protocol;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm, ping};
use quorate_protocol::PartyId;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::net::circuit::map::{Heard, Map};
use crate::net::circuit::path::{self, Path};
use crate::net::gossip::{Announcement, Quotas, Topic, Topics, Validator};
use crate::net::late::Late;
use crate::net::peer::{Peer, Transport};
use crate::net::route::{Connection, Relay, Route};
use crate::net::swarm::{Behaviour, BehaviourEvent};

/// How long closing may take.
const CLOSING: Duration = Duration::from_millis(300);
/// How long after a relay has refused or dropped our reservation it is asked again.
const RESERVE_AGAIN: Duration = Duration::from_secs(5);

/// What others ask of the swarm.
#[derive(Debug)]
pub(super) enum Command {
    /// Close every connection to a peer.
    Disconnect(PeerId),
    /// The same, and dial it even if it connects by itself: another node may have its keys.
    Challenge(PeerId),
    /// Dial it even if it is connected.
    Seek(PeerId),
    /// Gossip this.
    Announce(Topic, Vec<u8>),
    /// Close all connections and end.
    Close,
}

/// The task that runs a swarm.
pub(super) struct Connector {
    swarm: Swarm<Behaviour>,
    late: Late,
    me: PartyId,
    /// How long a connection may leave pings unanswered.
    silence: Duration,
    routes: BTreeMap<PeerId, Route>,
    /// Through whom we can be reached, or have asked to be.
    reservations: HashMap<ListenerId, PeerId>,
    /// Who is not to be asked before when.
    reserve_at: BTreeMap<PeerId, Instant>,
    /// Who is connected to whom.
    map: Map,
    topics: Topics,
    quotas: Quotas,
    validator: Validator,
    announcements: mpsc::Sender<Announcement>,
}

impl Connector {
    pub(super) fn new(
        (swarm, late): (Swarm<Behaviour>, Late),
        (me, start): (PartyId, u64),
        ping: Duration,
        peers: &[Arc<Peer>],
        topics: Topics,
        validator: Validator,
        announcements: mpsc::Sender<Announcement>,
    ) -> Self {
        let routes = peers.iter().map(|peer| (peer.info.peer_id, Route::new(me, peer))).collect();
        Self {
            swarm,
            late,
            me,
            silence: ping * 5 / 2,
            routes,
            reservations: HashMap::new(),
            reserve_at: BTreeMap::new(),
            map: Map::new(me, start),
            topics,
            quotas: Quotas::new(peers.iter().map(|peer| peer.info.peer_id)),
            validator,
            announcements,
        }
    }

    /// Runs until it is told to close.
    pub(super) async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        loop {
            let due = self.next_due();
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_event(event),
                command = commands.recv() => match command {
                    Some(Command::Close) | None => return self.close().await,
                    Some(command) => self.on_command(command),
                },
                () = tokio::time::sleep_until(due) => self.do_due(),
            }
        }
    }

    fn next_due(&self) -> Instant {
        let direct = self.routes.values().filter_map(Route::direct_due);
        let relayed = self.routes.values().filter_map(Route::relayed_due);
        let relayed = relayed.filter(|_| !self.relays().is_empty());
        let reserving = self.reservations_due().map(|(_, at)| at);
        let silent = self.routes.values().filter_map(|route| route.silent_due(self.silence));
        let circuits = self.routes.values().filter_map(Route::circuit_due);
        let missed = self.routes.values().filter_map(Route::missed_from);
        let missed = missed.filter(|at| *at > Instant::now());
        let due = direct.chain(relayed).chain(reserving).chain(silent);
        let due = due.chain(circuits).chain(missed).chain(self.claim_due());
        let first = due.chain(self.late.due()).min();
        first.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600))
    }

    fn do_due(&mut self) {
        self.late.look(&mut self.swarm);
        self.give_up_silent();
        self.dial_directly();
        self.claim();
        self.dial_circuits();
        let relays = self.relays();
        if relays.is_empty() {
            return;
        }
        self.reserve();
        self.dial_through(&relays);
    }

    /// Closes connections that do not answer. One that stalls may take long to close: another is
    /// made at once.
    fn give_up_silent(&mut self) {
        for (peer_id, route) in &mut self.routes {
            for connection in route.silent(self.silence) {
                tracing::debug!(%peer_id, "closing a connection that does not answer");
                self.map.failed(route.over(connection));
                self.swarm.close_connection(connection);
                route.disconnected(self.me, connection);
            }
        }
    }

    fn dial_directly(&mut self) {
        let now = Instant::now();
        for (peer_id, route) in &mut self.routes {
            if route.direct_due().is_none_or(|at| at > now) {
                continue;
            }
            let options = DialOpts::peer_id(*peer_id)
                .condition(PeerCondition::Always)
                .addresses(route.peer.info.addresses.clone())
                // A reused port meets the remains of the connection before it.
                .allocate_new_port()
                .build();
            let connection = options.connection_id();
            route.dialling(connection);
            if let Err(error) = self.swarm.dial(options) {
                route.failed(connection, &error);
            }
        }
    }

    /// Dials whoever cannot be reached directly through the next of those who may relay.
    fn dial_through(&mut self, relays: &[Relay]) {
        let now = Instant::now();
        for (peer_id, route) in &mut self.routes {
            if route.relayed_due().is_none_or(|at| at > now) {
                continue;
            }
            let Some(relay) = route.next_relay(relays) else {
                route.no_relay();
                continue;
            };
            let address = through(relay).with(Protocol::P2p(*peer_id));
            let options = DialOpts::peer_id(*peer_id)
                .condition(PeerCondition::Always)
                .addresses(vec![address])
                .build();
            let connection = options.connection_id();
            route.dialling_through(relay.peer_id, connection);
            if let Err(error) = self.swarm.dial(options) {
                route.failed(connection, &error);
            }
        }
    }

    /// Who is connected directly.
    fn near(&self) -> BTreeSet<PartyId> {
        let direct = self.routes.values().filter(|route| route.direct().is_some());
        direct.map(|route| route.peer.info.party).collect()
    }

    /// Whether somebody is not connected for a while.
    fn misses(&self) -> bool {
        let now = Instant::now();
        self.routes.values().filter_map(Route::missed_from).any(|from| from <= now)
    }

    fn claim_due(&self) -> Option<Instant> {
        self.map.due(&self.near(), self.misses())
    }

    /// Says who our neighbours are, if it is time.
    fn claim(&mut self) {
        if self.claim_due().is_none_or(|at| at > Instant::now()) {
            return;
        }
        let claim = self.map.say(self.near(), self.misses());
        let topic = self.topics.neighbours();
        if self.quotas.may_announce()
            && let Err(error) = self.swarm.behaviour_mut().gossip.publish(topic, claim)
        {
            tracing::debug!("neighbours not announced: {error}");
        }
    }

    /// Dials those over several members in a row that are not reached otherwise.
    fn dial_circuits(&mut self) {
        let (now, near) = (Instant::now(), self.near());
        let ids: BTreeMap<_, _> =
            self.routes.iter().map(|(id, route)| (route.peer.info.party, *id)).collect();
        for (peer_id, route) in &mut self.routes {
            if route.circuit_due().is_none_or(|at| at > now) {
                continue;
            }
            let me = *self.swarm.local_peer_id();
            let path = |members: &[PartyId]| {
                let others = members.iter().map(|member| ids.get(member).copied());
                Path::new(std::iter::once(Some(me)).chain(others).collect::<Option<_>>()?)
            };
            let drawn = self.map.path(&near, route.peer.info.party);
            let Some((path, members)) = drawn.and_then(|to| Some((path(&to)?, to))) else {
                route.no_path();
                continue;
            };
            let options = DialOpts::peer_id(*peer_id)
                .condition(PeerCondition::Always)
                .addresses(vec![path.address()])
                .build();
            let over = members.split_last().map_or(&[][..], |(_, over)| over);
            let connection = options.connection_id();
            route.dialling_over(over, connection);
            if let Err(error) = self.swarm.dial(options) {
                self.map.failed(route.failed(connection, &error));
            }
        }
    }

    /// Lets us be reached through those who may relay, if some cannot reach us directly.
    fn reserve(&mut self) {
        let now = Instant::now();
        let due: Vec<_> = self.reservations_due().filter(|(_, at)| *at <= now).collect();
        for (relay, _) in due {
            self.reserve_at.insert(relay.peer_id, now + RESERVE_AGAIN);
            match self.swarm.listen_on(through(&relay)) {
                Ok(listener) => {
                    self.reservations.insert(listener, relay.peer_id);
                }
                Err(error) => tracing::debug!(%relay.peer_id, "no reservation: {error}"),
            }
        }
    }

    /// Where there is no reservation yet, and from when on there should be one.
    fn reservations_due(&self) -> impl Iterator<Item = (Relay, Instant)> {
        let needed = self.routes.values().filter_map(Route::relay_needed).min();
        let relays = if needed.is_some() { self.relays() } else { Vec::new() };
        relays.into_iter().filter_map(move |relay| {
            let reserved = self.reservations.values().any(|reserved| *reserved == relay.peer_id);
            let not_before = self.reserve_at.get(&relay.peer_id).copied();
            (!reserved).then_some((relay, needed?.max(not_before.or(needed)?)))
        })
    }

    /// Who is connected directly, and where.
    fn relays(&self) -> Vec<Relay> {
        let relay = |(peer_id, route): (&PeerId, &Route)| {
            let (party, address) = (route.peer.info.party, route.direct()?.remote.clone());
            Some(Relay { peer_id: *peer_id, party, address })
        };
        self.routes.iter().filter_map(relay).collect()
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Disconnect(peer) => {
                let _ = self.swarm.disconnect_peer_id(peer);
            }
            Command::Challenge(peer) => {
                let _ = self.swarm.disconnect_peer_id(peer);
                if let Some(route) = self.routes.get_mut(&peer) {
                    route.challenge();
                }
            }
            Command::Seek(peer) => {
                if let Some(route) = self.routes.get_mut(&peer) {
                    route.seek();
                }
            }
            Command::Announce(..) if !self.quotas.may_announce() => {}
            Command::Announce(topic, data) => {
                let hash = self.topics.hash(topic);
                if let Err(error) = self.swarm.behaviour_mut().gossip.publish(hash, data) {
                    tracing::debug!(?topic, "not announced: {error}");
                }
            }
            Command::Close => {}
        }
    }

    /// Tells the peers that the connections end; waits for it a little.
    async fn close(&mut self) {
        for peer in self.routes.keys() {
            let _ = self.swarm.disconnect_peer_id(*peer);
        }
        let all_closed = async {
            while self.swarm.connected_peers().next().is_some() {
                self.swarm.next().await;
            }
        };
        let _ = tokio::time::timeout(CLOSING, all_closed).await;
    }

    fn on_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                self.on_connected(peer_id, connection_id, &endpoint);
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, cause, .. } => {
                tracing::debug!(%peer_id, "connection closed: {cause:?}");
                if let Some(route) = self.routes.get_mut(&peer_id) {
                    // With a cause, it was not this end that closed it.
                    if cause.is_some() {
                        self.map.failed(route.over(connection_id));
                    }
                    route.disconnected(self.me, connection_id);
                }
            }
            SwarmEvent::OutgoingConnectionError {
                peer_id: Some(peer_id),
                error,
                connection_id,
            } => {
                if let Some(route) = self.routes.get_mut(&peer_id) {
                    self.map.failed(route.failed(connection_id, &error));
                }
            }
            SwarmEvent::IncomingConnectionError { error, send_back_addr, .. } => {
                tracing::debug!(from = %send_back_addr, "connection refused: {error}");
            }
            SwarmEvent::NewListenAddr { listener_id, address } if self.late.is_of(listener_id) => {
                tracing::info!(%address, "listening");
                self.swarm.add_external_address(address);
            }
            SwarmEvent::ListenerClosed { listener_id, addresses, reason } => {
                self.on_listener_closed(listener_id, &addresses, &reason);
            }
            SwarmEvent::Behaviour(BehaviourEvent::Ping(event)) => self.on_ping(&event),
            SwarmEvent::Behaviour(BehaviourEvent::Gossip(event)) => self.on_gossip(event),
            SwarmEvent::Behaviour(BehaviourEvent::Relay(event)) => tracing::debug!("{event:?}"),
            SwarmEvent::Behaviour(BehaviourEvent::Relayed(event)) => tracing::debug!("{event:?}"),
            _ => {}
        }
    }

    fn on_connected(&mut self, id: PeerId, connection: ConnectionId, endpoint: &ConnectedPoint) {
        let Some(transport) = self.transport(id, endpoint) else {
            // The relay is gone, and the connection with it; or somebody has lied about who it is.
            self.swarm.close_connection(connection);
            return;
        };
        let Some(route) = self.routes.get_mut(&id) else { return };
        let (since, remote) = (Instant::now(), endpoint.get_remote_address().clone());
        let new = Connection { since, answered: since, transport, remote };
        route.peer.seen();
        for lost in route.connected(connection, new) {
            self.swarm.close_connection(lost);
        }
    }

    /// Over what a connection runs; `None` if it is through nobody who is known.
    fn transport(&self, id: PeerId, endpoint: &ConnectedPoint) -> Option<Transport> {
        if !endpoint.is_relayed() {
            let party = |member: &PeerId| Some(self.routes.get(member)?.peer.info.party);
            return match path::between(id, endpoint) {
                None => Some(Transport::of(endpoint.get_remote_address())),
                Some(between) => {
                    let through = between?.iter().map(party).collect::<Option<_>>()?;
                    Some(Transport::Relayed { through })
                }
            };
        }
        let path = match endpoint {
            ConnectedPoint::Dialer { address, .. } => address,
            ConnectedPoint::Listener { local_addr, .. } => local_addr,
        };
        let before = path.iter().take_while(|part| *part != Protocol::P2pCircuit);
        let relay: Multiaddr = before.collect();
        let named = relay.iter().find_map(|part| match part {
            Protocol::P2p(peer) => self.routes.get(&peer),
            _ => None,
        });
        let route = named.or_else(|| self.routes.values().find(|route| route.is_at(&relay)))?;
        Some(Transport::Relayed { through: vec![route.peer.info.party] })
    }

    fn on_listener_closed(
        &mut self,
        listener: ListenerId,
        addresses: &[Multiaddr],
        reason: &io::Result<()>,
    ) {
        match self.reservations.remove(&listener) {
            Some(relay) => {
                tracing::debug!(%relay, "reservation ended: {reason:?}");
                self.reserve_at.insert(relay, Instant::now() + RESERVE_AGAIN);
            }
            None => tracing::error!(?addresses, ?reason, "no longer listening"),
        }
    }

    fn on_ping(&mut self, event: &ping::Event) {
        match &event.result {
            Ok(after) => {
                if let Some(route) = self.routes.get_mut(&event.peer) {
                    route.answered(event.connection, *after);
                    if route.lasts(event.connection) {
                        self.map.held(route.over(event.connection));
                    }
                }
            }
            Err(ping::Failure::Unsupported) => {}
            Err(error) => {
                tracing::debug!(peer = %event.peer, "closing a dead connection: {error}");
                self.swarm.close_connection(event.connection);
            }
        }
    }

    fn on_gossip(&mut self, event: gossipsub::Event) {
        let gossipsub::Event::Message { propagation_source, message_id, message } = event else {
            return;
        };
        if !self.quotas.may_pass_on(&propagation_source)
            && let Some(route) = self.routes.get(&propagation_source)
        {
            route.peer.floods();
        }
        let is_claim = message.topic == self.topics.neighbours();
        let may = message.source.is_some_and(|author| self.quotas.may_make(&author));
        let claimed = (may && is_claim).then(|| self.on_claim(&message));
        let announcement = if may && !is_claim { self.announcement(message) } else { None };
        let acceptance = match (&announcement, claimed) {
            (Some(_), _) | (_, Some(Heard::New)) => MessageAcceptance::Accept,
            (None, Some(Heard::Old)) => MessageAcceptance::Ignore,
            (None, _) if may => MessageAcceptance::Reject,
            (None, _) => MessageAcceptance::Ignore,
        };
        self.swarm.behaviour_mut().gossip.report_message_validation_result(
            &message_id,
            &propagation_source,
            acceptance,
        );
        if let Some(announcement) = announcement {
            // Nothing depends on announcements: one too many is dropped.
            let _ = self.announcements.try_send(announcement);
        }
    }

    fn on_claim(&mut self, message: &gossipsub::Message) -> Heard {
        let author = message.source.and_then(|author| self.routes.get(&author));
        let Some(author) = author else { return Heard::Malformed };
        self.map.hear(author.peer.info.party, &message.data)
    }

    fn announcement(&self, message: gossipsub::Message) -> Option<Announcement> {
        let from = self.routes.get(&message.source?)?.peer.info.party;
        let topic = self.topics.topic(&message.topic)?;
        (self.validator)(topic, &message.data).then_some(())?;
        Some(Announcement { from, topic, data: message.data })
    }
}

/// Where others are reached through a relay at this address.
fn through(relay: &Relay) -> Multiaddr {
    let named = |part| matches!(part, Protocol::P2p(_));
    let at: Multiaddr = relay.address.iter().filter(|part| !named(part.clone())).collect();
    at.with(Protocol::P2p(relay.peer_id)).with(Protocol::P2pCircuit)
}
