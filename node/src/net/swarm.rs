//! The libp2p swarm: transports, who gets in, and limits.

use std::collections::HashMap;
use std::io;
use std::num::NonZeroU32;
use std::time::Duration;

use futures::StreamExt;
use libp2p::allow_block_list::{self, AllowedPeers};
use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::core::transport::OptionalTransport;
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::swarm::{NetworkBehaviour, SwarmEvent};
use libp2p::{Multiaddr, Swarm, SwarmBuilder, Transport as _, noise, ping, relay, tcp};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::net::PeerInfo;
use crate::net::bounds::{self, CONNECTIONS_PER_PEER};
use crate::net::circuit::Arrival;
use crate::net::circuit::transport::{self, Circuits};
use crate::net::door::Door;
use crate::net::gossip::{Gossip, Topics};
use crate::net::muxer::Muxing;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// Streams of one connection that have not said yet what they are for.
const NEGOTIATING: usize = 16;

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
    door: Door,
    streams: libp2p_stream::Behaviour,
    ping: ping::Behaviour,
    pub(super) gossip: Gossip,
    /// Reaches others through one member.
    relayed: relay::client::Behaviour,
    /// Lets others reach each other through us.
    relay: relay::Behaviour,
}

/// Circuits that have come and wait to be looked at.
const ARRIVALS: usize = 16;

/// A swarm that lets `peers` in and nobody else, and tries each connection every `ping`; and where
/// circuits are handed to it that end here.
pub(super) fn build(
    keys: Keypair,
    peers: &[PeerInfo],
    topics: &Topics,
    ping: Duration,
) -> io::Result<(Swarm<Behaviour>, mpsc::Sender<Arrival>)> {
    let mut allowed = allow_block_list::Behaviour::<AllowedPeers>::default();
    for peer in peers {
        allowed.allow_peer(peer.peer_id);
    }
    let members = peers.len() + 1;
    let times = |factor: usize| Some(u32::try_from(members * factor).unwrap_or(u32::MAX));
    // How many connections may be made at the same time to us is the door's to say.
    let limits = ConnectionLimits::default()
        .with_max_pending_outgoing(times(4))
        .with_max_established_per_peer(u32::try_from(CONNECTIONS_PER_PEER).ok())
        .with_max_established(times(CONNECTIONS_PER_PEER));
    let addresses = peers.iter().flat_map(|peer| &peer.addresses);
    let door = Door::new(members, addresses);
    let gossip = topics.behaviour(&keys)?;
    let mut relay = relay::Behaviour::new(keys.public().to_peer_id(), relaying(peers.len()));
    relay.set_status(Some(relay::Status::Enable));
    let streams = libp2p_stream::Behaviour::new();
    let (arrive, arrivals) = mpsc::channel(ARRIVALS);
    let me = keys.public().to_peer_id();
    let circuits = Circuits::new(me, streams.new_control(), arrivals);
    let swarm = build_with_circuits(keys, members, Some(circuits), |relayed| Behaviour {
        allowed,
        limits: connection_limits::Behaviour::new(limits),
        door,
        streams,
        ping: ping::Behaviour::new(ping::Config::new().with_interval(ping).with_timeout(ping)),
        gossip,
        relayed,
        relay,
    })?;
    Ok((swarm, arrive))
}

/// What members may use us for, to reach each other: enough for all of them. Only members are
/// connected, so nobody else asks.
fn relaying(members: usize) -> relay::Config {
    let (burst, interval) = RELAY_REQUESTS;
    let none = relay::Config {
        max_reservations: members * CONNECTIONS_PER_PEER,
        max_reservations_per_peer: CONNECTIONS_PER_PEER,
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
    build_with_circuits(keys, 0, None, |_| behaviour)
}

/// A swarm over QUIC, TCP and circuits through others.
fn build_with_circuits<B: NetworkBehaviour>(
    keys: Keypair,
    members: usize,
    circuits: Option<Circuits>,
    behaviour: impl FnOnce(relay::client::Behaviour) -> B,
) -> io::Result<Swarm<B>> {
    let streams = bounds::streams_per_connection(members);
    let muxer = || Muxing { streams };
    let swarm = SwarmBuilder::with_existing_identity(keys)
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, muxer)
        .map_err(io::Error::other)?
        .with_quic_config(|mut config| {
            config.max_concurrent_stream_limit = u32::try_from(streams).unwrap_or(u32::MAX);
            config.max_connection_data = bounds::QUIC_WINDOW;
            config.max_stream_data = bounds::QUIC_STREAM_WINDOW;
            config.handshake_timeout = HANDSHAKE;
            config
        })
        .with_other_transport(|keys| {
            let noise = noise::Config::new(keys)?;
            let circuits = circuits.map_or_else(OptionalTransport::none, OptionalTransport::some);
            Ok(circuits.upgrade(Version::V1Lazy).authenticate(noise).multiplex(muxer()))
        })
        .map_err(io::Error::other)?
        .with_dns()
        .map_err(io::Error::other)?
        .with_relay_client(noise::Config::new, muxer)
        .map_err(io::Error::other)?
        .with_behaviour(|_, relayed| behaviour(relayed))
        .map_err(io::Error::other)?
        .with_swarm_config(|config| {
            config
                .with_smart_dial()
                .with_idle_connection_timeout(Duration::from_secs(3600))
                .with_max_negotiating_inbound_streams(NEGOTIATING)
        })
        .with_connection_timeout(HANDSHAKE)
        .build();
    Ok(swarm)
}

impl Behaviour {
    pub(super) fn control(&self) -> libp2p_stream::Control {
        self.streams.new_control()
    }
}

/// Takes circuits from now on.
pub(super) fn take_circuits(swarm: &mut Swarm<Behaviour>) -> io::Result<()> {
    let here = transport::here(*swarm.local_peer_id());
    swarm.listen_on(here).map(drop).map_err(io::Error::other)
}

/// Where a node listens.
pub(crate) struct Listening {
    /// These are open.
    pub open: Vec<Multiaddr>,
    /// These are in use, and were waited for.
    pub in_use: Vec<Multiaddr>,
}

/// Starts to listen; returns once all addresses are open. Ports in use are an error, or waited for with
/// `patience`, if there is any, all of them together.
pub(crate) async fn listen<B: NetworkBehaviour>(
    swarm: &mut Swarm<B>,
    addresses: &[Multiaddr],
    patience: Duration,
) -> Result<Listening, (Multiaddr, io::Error)> {
    let (mut waiting, mut in_use) = (HashMap::new(), Vec::new());
    let give_up = Instant::now() + patience;
    for address in addresses {
        match until_free(address, give_up).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && !patience.is_zero() => {
                in_use.push(address.clone());
                continue;
            }
            result => result.map_err(|error| (address.clone(), error))?,
        }
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
    Ok(Listening { open, in_use })
}

/// Waits a little for a port: a node that was just stopped may not have let go of it yet.
async fn until_free(address: &Multiaddr, give_up: Instant) -> io::Result<()> {
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
pub(super) fn probe(address: &Multiaddr) -> io::Result<()> {
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
