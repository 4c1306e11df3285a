//! The connections: one task owns the libp2p swarm, dials whoever is not connected, and keeps
//! everybody out who is not in the roster.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use libp2p::allow_block_list::{self, AllowedPeers};
use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::core::ConnectedPoint;
use libp2p::gossipsub::{self, MessageAcceptance};
use libp2p::identity::Keypair;
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, DialError, NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm, SwarmBuilder, noise, ping, tcp, yamux};
use quorate_protocol::PartyId;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::net::backoff;
use crate::net::gossip::{Announcement, Gossip, Topic, Topics, Validator};
use crate::net::peer::{Peer, Transport};

/// Shortest and longest wait before a peer is dialled again.
const REDIAL: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// How long the later of two members leaves it to the earlier one to dial, so that they seldom
/// connect twice.
const DIAL_LATER: Duration = Duration::from_millis(60);

/// A peer that connects anew while an older connection stands has lost the older one, unless both
/// were made at about the same time.
const SAME_TIME: Duration = Duration::from_secs(2);

/// Connections at the same time to one peer.
const CONNECTIONS_PER_PEER: u32 = 4;
/// Streams a peer may have open at the same time: two links each way, gossip, pings, and some
/// that are being replaced.
const STREAMS_PER_CONNECTION: u32 = 64;

/// How long closing may take.
const CLOSING: Duration = Duration::from_millis(300);

const PING_EVERY: Duration = Duration::from_secs(15);
const PING_TIMEOUT: Duration = Duration::from_secs(15);

/// What others ask of the swarm.
#[derive(Debug)]
pub(super) enum Command {
    /// Close every connection to a peer.
    Disconnect(PeerId),
    /// Gossip this.
    Announce(Topic, Vec<u8>),
    /// Close all connections and end.
    Close,
}

// The allow-list comes first: it refuses before anything else sees a connection.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    allowed: allow_block_list::Behaviour<AllowedPeers>,
    limits: connection_limits::Behaviour,
    streams: libp2p_stream::Behaviour,
    ping: ping::Behaviour,
    gossip: Gossip,
}

/// A swarm that lets `peers` in and nobody else.
pub(super) fn build(
    keys: Keypair,
    peers: &[PeerId],
    topics: &Topics,
) -> io::Result<Swarm<Behaviour>> {
    let mut allowed = allow_block_list::Behaviour::<AllowedPeers>::default();
    for peer in peers {
        allowed.allow_peer(*peer);
    }
    let members = u32::try_from(peers.len()).unwrap_or(u32::MAX).saturating_add(1);
    let limits = ConnectionLimits::default()
        .with_max_pending_incoming(Some(members.saturating_mul(2).saturating_add(16)))
        .with_max_pending_outgoing(Some(members.saturating_mul(2)))
        .with_max_established_per_peer(Some(CONNECTIONS_PER_PEER))
        .with_max_established(Some(members.saturating_mul(CONNECTIONS_PER_PEER)));
    let behaviour = Behaviour {
        allowed,
        limits: connection_limits::Behaviour::new(limits),
        streams: libp2p_stream::Behaviour::new(),
        ping: ping::Behaviour::new(
            ping::Config::new().with_interval(PING_EVERY).with_timeout(PING_TIMEOUT),
        ),
        gossip: topics.behaviour(&keys)?,
    };
    build_swarm(keys, behaviour)
}

/// A swarm over QUIC and TCP.
pub(crate) fn build_swarm<B: NetworkBehaviour>(
    keys: Keypair,
    behaviour: B,
) -> io::Result<Swarm<B>> {
    let muxer = || {
        let mut config = yamux::Config::default();
        config.set_max_num_streams(STREAMS_PER_CONNECTION as usize);
        config
    };
    let swarm = SwarmBuilder::with_existing_identity(keys)
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, muxer)
        .map_err(io::Error::other)?
        .with_quic_config(|mut config| {
            config.max_concurrent_stream_limit = STREAMS_PER_CONNECTION;
            config
        })
        .with_dns()
        .map_err(io::Error::other)?
        .with_behaviour(|_| behaviour)
        .map_err(io::Error::other)?
        .with_swarm_config(|config| {
            config.with_smart_dial().with_idle_connection_timeout(Duration::from_secs(3600))
        })
        .build();
    Ok(swarm)
}

impl Behaviour {
    pub(super) fn control(&self) -> libp2p_stream::Control {
        self.streams.new_control()
    }
}

/// What the task knows about dialling one peer and about its connections.
struct Route {
    peer: Arc<Peer>,
    connections: BTreeMap<ConnectionId, Instant>,
    dialling: bool,
    failures: u32,
    /// When to dial, if not connected.
    dial_at: Instant,
    wrong_key_reported: bool,
}

/// The task that runs a swarm.
pub(super) struct Connector {
    swarm: Swarm<Behaviour>,
    me: PartyId,
    routes: BTreeMap<PeerId, Route>,
    topics: Topics,
    validator: Validator,
    announcements: mpsc::Sender<Announcement>,
}

impl Connector {
    pub(super) fn new(
        swarm: Swarm<Behaviour>,
        me: PartyId,
        peers: &[Arc<Peer>],
        topics: Topics,
        validator: Validator,
        announcements: mpsc::Sender<Announcement>,
    ) -> Self {
        let now = Instant::now();
        let route = |peer: &Arc<Peer>| Route {
            peer: Arc::clone(peer),
            connections: BTreeMap::new(),
            dialling: false,
            failures: 0,
            dial_at: now + head_start(me, peer.info.party),
            wrong_key_reported: false,
        };
        let routes = peers.iter().map(|peer| (peer.info.peer_id, route(peer))).collect();
        Self { swarm, me, routes, topics, validator, announcements }
    }

    /// Runs until it is told to close.
    pub(super) async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        loop {
            let dial = self.next_dial();
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_event(event),
                command = commands.recv() => match command {
                    Some(Command::Close) | None => return self.close().await,
                    Some(command) => self.on_command(command),
                },
                () = tokio::time::sleep_until(dial) => self.dial_due(),
            }
        }
    }

    fn next_dial(&self) -> Instant {
        let waiting = self.routes.values().filter(|route| route.may_dial());
        let first = waiting.map(|route| route.dial_at).min();
        first.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600))
    }

    fn dial_due(&mut self) {
        let now = Instant::now();
        for (peer_id, route) in &mut self.routes {
            if !route.may_dial() || route.dial_at > now {
                continue;
            }
            let options = DialOpts::peer_id(*peer_id)
                .condition(PeerCondition::DisconnectedAndNotDialing)
                .addresses(route.peer.info.addresses.clone())
                // A reused port meets the remains of the connection before it.
                .allocate_new_port()
                .build();
            match self.swarm.dial(options) {
                Ok(()) => route.dialling = true,
                Err(error) => route.failed(&error),
            }
        }
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Disconnect(peer) => {
                let _ = self.swarm.disconnect_peer_id(peer);
            }
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
            SwarmEvent::ConnectionClosed {
                peer_id, connection_id, num_established, cause, ..
            } => {
                tracing::debug!(%peer_id, "connection closed: {cause:?}");
                self.on_disconnected(peer_id, connection_id, num_established);
            }
            SwarmEvent::OutgoingConnectionError { peer_id: Some(peer_id), error, .. } => {
                if let Some(route) = self.routes.get_mut(&peer_id) {
                    route.dialling = false;
                    route.failed(&error);
                }
            }
            SwarmEvent::IncomingConnectionError { error, send_back_addr, .. } => {
                tracing::debug!(from = %send_back_addr, "connection refused: {error}");
            }
            SwarmEvent::ListenerClosed { addresses, reason, .. } => {
                tracing::error!(?addresses, ?reason, "no longer listening");
            }
            SwarmEvent::Behaviour(BehaviourEvent::Ping(event)) => self.on_ping(&event),
            SwarmEvent::Behaviour(BehaviourEvent::Gossip(event)) => self.on_gossip(event),
            _ => {}
        }
    }

    fn on_connected(&mut self, id: PeerId, connection: ConnectionId, endpoint: &ConnectedPoint) {
        let Some(route) = self.routes.get_mut(&id) else { return };
        let now = Instant::now();
        let transport = Transport::of(endpoint.get_remote_address());
        route.dialling = false;
        route.failures = 0;
        for (older, since) in &route.connections {
            if now.duration_since(*since) > SAME_TIME {
                self.swarm.close_connection(*older);
            }
        }
        route.connections.insert(connection, now);
        route.peer.seen();
        let before = route.peer.connection.send_replace(Some(transport));
        if before.is_none() {
            let name = &route.peer.info.name;
            tracing::info!(peer = %name, ?transport, "connected");
        }
    }

    fn on_disconnected(&mut self, id: PeerId, connection: ConnectionId, left: u32) {
        let Some(route) = self.routes.get_mut(&id) else { return };
        route.connections.remove(&connection);
        if left == 0 {
            let name = &route.peer.info.name;
            tracing::info!(peer = %name, "disconnected");
            route.peer.connection.send_replace(None);
            route.dial_at = Instant::now()
                + head_start(self.me, route.peer.info.party)
                + backoff(0, (DIAL_LATER, DIAL_LATER));
        }
    }

    fn on_ping(&mut self, event: &ping::Event) {
        match &event.result {
            Ok(_) => {
                if let Some(route) = self.routes.get(&event.peer) {
                    route.peer.seen();
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
        let announcement = self.announcement(message);
        let acceptance = match announcement {
            Some(_) => MessageAcceptance::Accept,
            None => MessageAcceptance::Reject,
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

    fn announcement(&self, message: gossipsub::Message) -> Option<Announcement> {
        let from = self.routes.get(&message.source?)?.peer.info.party;
        let topic = self.topics.topic(&message.topic)?;
        (self.validator)(topic, &message.data).then_some(())?;
        Some(Announcement { from, topic, data: message.data })
    }
}

impl Route {
    fn may_dial(&self) -> bool {
        !self.dialling && self.connections.is_empty()
    }

    fn failed(&mut self, error: &DialError) {
        let name = &self.peer.info.name;
        if let DialError::WrongPeerId { address, .. } = error
            && !self.wrong_key_reported
        {
            self.wrong_key_reported = true;
            tracing::warn!(peer = %name, %address, "another node answers at the address of {name}");
        }
        tracing::debug!(peer = %name, "not reached: {error}");
        self.dial_at = Instant::now() + backoff(self.failures, REDIAL);
        self.failures = self.failures.saturating_add(1);
    }
}

fn head_start(me: PartyId, peer: PartyId) -> Duration {
    if me < peer { Duration::ZERO } else { DIAL_LATER }
}

/// Starts to listen; returns the addresses once all are open. A port in use is waited for with
/// `patience`.
pub(crate) async fn listen<B: NetworkBehaviour>(
    swarm: &mut Swarm<B>,
    addresses: &[Multiaddr],
    patience: Duration,
) -> Result<Vec<Multiaddr>, (Multiaddr, io::Error)> {
    let mut waiting = HashMap::new();
    for address in addresses {
        until_free(address, patience).await.map_err(|error| (address.clone(), error))?;
        match swarm.listen_on(address.clone()) {
            Ok(listener) => waiting.insert(listener, address.clone()),
            Err(error) => return Err((address.clone(), io::Error::other(error.to_string()))),
        };
    }
    let mut open = Vec::new();
    while !waiting.is_empty() {
        match swarm.select_next_some().await {
            SwarmEvent::NewListenAddr { listener_id, address } => {
                waiting.remove(&listener_id);
                open.push(address);
            }
            SwarmEvent::ListenerClosed { listener_id, reason, .. } => {
                if let Some(address) = waiting.remove(&listener_id) {
                    let error = reason.err().unwrap_or_else(|| io::ErrorKind::Other.into());
                    return Err((address, error));
                }
            }
            _ => {}
        }
    }
    Ok(open)
}

/// Waits a little for a port: a node that was just stopped may not have let go of it yet.
async fn until_free(address: &Multiaddr, patience: Duration) -> io::Result<()> {
    let give_up = Instant::now() + patience;
    loop {
        match probe(address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < give_up => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            result => return result,
        }
    }
}

/// Whether the port is free. The TCP transport shares its port with other processes of the same
/// user: without this, a second node on the port of another would start and take some of its
/// connections.
fn probe(address: &Multiaddr) -> io::Result<()> {
    use libp2p::multiaddr::Protocol::{Ip4, Ip6, Tcp, Udp};
    let mut parts = address.iter();
    let host = match parts.next() {
        Some(Ip4(ip)) => std::net::IpAddr::from(ip),
        Some(Ip6(ip)) => std::net::IpAddr::from(ip),
        _ => return Ok(()),
    };
    match parts.next() {
        Some(Tcp(port)) => std::net::TcpListener::bind((host, port)).map(drop),
        Some(Udp(port)) => std::net::UdpSocket::bind((host, port)).map(drop),
        _ => Ok(()),
    }
}
