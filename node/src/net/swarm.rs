//! The libp2p swarm: transports, who gets in, and limits.

use std::collections::HashMap;
use std::io;
use std::num::NonZeroU32;
use std::time::Duration;

use futures::StreamExt;
use libp2p::allow_block_list::{self, AllowedPeers};
use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::identity::Keypair;
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, PeerId, Swarm, SwarmBuilder, noise, ping, relay, tcp, yamux};
use tokio::time::Instant;

use crate::net::gossip::{Gossip, Topics};

/// Connections at the same time to one peer: made at the same time, through several relays, and
/// some that stall and are about to close.
const CONNECTIONS_PER_PEER: u32 = 8;
/// Streams a peer may have open at the same time: two links each way, gossip, pings, some that are
/// being replaced, and one for each pair of others whose traffic passes here.
const STREAMS_PER_CONNECTION: u32 = 192;

/// How long traffic of two others may pass here before they must connect anew.
const CIRCUIT_TIME: Duration = Duration::from_secs(24 * 3600);
/// How much of it, in bytes. Members fetch each other's states and material through it; a busy link
/// has less in a day.
const CIRCUIT_BYTES: u64 = 64 << 30;
/// How long a member may be reached through here before it must ask again.
const RESERVATION_TIME: Duration = Duration::from_secs(3600);
/// Requests for circuits or reservations that a member may make at once, and how long it takes
/// until it may make one more.
const RELAY_REQUESTS: (NonZeroU32, Duration) =
    (NonZeroU32::new(256).expect("256 > 0"), Duration::from_millis(250));

// The allow-list comes first: it refuses before anything else sees a connection.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    allowed: allow_block_list::Behaviour<AllowedPeers>,
    limits: connection_limits::Behaviour,
    streams: libp2p_stream::Behaviour,
    ping: ping::Behaviour,
    pub(super) gossip: Gossip,
    /// Reaches others through members.
    circuits: relay::client::Behaviour,
    /// Lets others reach each other through us.
    relay: relay::Behaviour,
}

/// A swarm that lets `peers` in and nobody else, and tries each connection every `ping`.
pub(super) fn build(
    keys: Keypair,
    peers: &[PeerId],
    topics: &Topics,
    ping: Duration,
) -> io::Result<Swarm<Behaviour>> {
    let mut allowed = allow_block_list::Behaviour::<AllowedPeers>::default();
    for peer in peers {
        allowed.allow_peer(*peer);
    }
    let members = u32::try_from(peers.len()).unwrap_or(u32::MAX).saturating_add(1);
    let limits = ConnectionLimits::default()
        .with_max_pending_incoming(Some(members.saturating_mul(2).saturating_add(16)))
        .with_max_pending_outgoing(Some(members.saturating_mul(4)))
        .with_max_established_per_peer(Some(CONNECTIONS_PER_PEER))
        .with_max_established(Some(members.saturating_mul(CONNECTIONS_PER_PEER)));
    let gossip = topics.behaviour(&keys)?;
    let mut relay = relay::Behaviour::new(keys.public().to_peer_id(), relaying(peers.len()));
    relay.set_status(Some(relay::Status::Enable));
    build_with_circuits(keys, |circuits| Behaviour {
        allowed,
        limits: connection_limits::Behaviour::new(limits),
        streams: libp2p_stream::Behaviour::new(),
        ping: ping::Behaviour::new(ping::Config::new().with_interval(ping).with_timeout(ping)),
        gossip,
        circuits,
        relay,
    })
}

/// What members may use us for, to reach each other: enough for all of them. Only members are
/// connected, so nobody else asks.
fn relaying(members: usize) -> relay::Config {
    let (burst, interval) = RELAY_REQUESTS;
    let none = relay::Config {
        max_reservations: members * CONNECTIONS_PER_PEER as usize,
        max_reservations_per_peer: CONNECTIONS_PER_PEER as usize,
        reservation_duration: RESERVATION_TIME,
        reservation_rate_limiters: Vec::new(),
        // A pair may hold one each way, and those that are being replaced.
        max_circuits: members * members,
        max_circuits_per_peer: members * 2,
        max_circuit_duration: CIRCUIT_TIME,
        max_circuit_bytes: CIRCUIT_BYTES,
        circuit_src_rate_limiters: Vec::new(),
    };
    none.reservation_rate_per_peer(burst, interval).circuit_src_per_peer(burst, interval)
}

/// A swarm over QUIC and TCP.
pub(crate) fn build_swarm<B: NetworkBehaviour>(
    keys: Keypair,
    behaviour: B,
) -> io::Result<Swarm<B>> {
    build_with_circuits(keys, |_| behaviour)
}

/// A swarm over QUIC, TCP and circuits through others.
fn build_with_circuits<B: NetworkBehaviour>(
    keys: Keypair,
    behaviour: impl FnOnce(relay::client::Behaviour) -> B,
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
        .with_relay_client(noise::Config::new, muxer)
        .map_err(io::Error::other)?
        .with_behaviour(|_, circuits| behaviour(circuits))
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
