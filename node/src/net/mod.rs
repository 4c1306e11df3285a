//! The network: reliable, ordered, authenticated links to every other member.
//!
//! # Model
//! Members are known by their transport keys, from the roster; libp2p connects over QUIC or TCP
//! with Noise, and nobody else gets in. Connections break and peers restart at any time. A pair
//! that cannot connect directly, for one of them is behind a firewall, connects through another
//! member that is connected to both, or else over several in a row (`circuit`): wherever a path of
//! honest members leads. Who is on the way sees how much passes and when, and nothing of what.
//!
//! # Guarantees
//! Frames given to [`Links::send`] reach the peer in order, each at most once, and each at least
//! once as long as both nodes stay up, whatever happens to the connections between them. After a
//! restart of the peer, every frame that it had not acknowledged is sent again; it acknowledges a
//! frame when everything that the frame caused is durable ([`Taken::done`]). Nothing is lost
//! silently: what a peer that is gone or slow for long does not get, beyond
//! [`MAX_UNACKNOWLEDGED_BULK`] bytes, is reported once it is there again ([`LinkEvent::Behind`]), and
//! so is its restart, in which it may have lost what it had acknowledged. After this node's own
//! restart its frames start over.
//!
//! # Protocol
//! Three lanes of frames: decisions, bulk, which never delays them, and the ceremony, which is there
//! before the network has keys and for members that come late. Each node opens one stream per peer
//! and lane for what it sends. Each side greets with version, network digest, epoch, which start of the node
//! it is, signed (`incarnation.rs`), and what its clock shows (`clock.rs`); the receiver's greeting says where to go on.
//! Then numbered frames go one way and cumulative acknowledgements the other.
//!
//! # Cost
//! One message delay for a frame on an open stream, and one more for each member between. An idle link
//! sends nothing but keep-alives; while somebody is missed every member says now and then who its
//! neighbours are.
//!
//! # Isolation
//! Each peer has its own tasks, queues and budgets (`bounds.rs`): a peer that stalls or floods delays
//! nobody else, and one that breaks the protocol is disconnected alone. Who is not in the roster gets no
//! further than a handshake, of which there are few (`door.rs`).

mod bounds;
mod circuit;
mod clock;
mod connector;
mod door;
mod gossip;
mod incarnation;
mod late;
mod memory;
mod muxer;
mod peer;
mod queue;
mod rate;
mod receiver;
mod route;
mod sender;
mod standing;
pub(crate) mod swarm;
mod wire;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use libp2p::identity::Keypair;
use libp2p::{Multiaddr, PeerId, Stream, StreamProtocol};
use libp2p_stream::IncomingStreams;
use quorate_protocol::crypto::identity::IdentityPublic;
use quorate_protocol::keys::ceremony;
use quorate_protocol::party::Class;
use quorate_protocol::{Committee, PartyId};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;

pub use bounds::{
    CONNECTIONS_PER_PEER, MAX_UNACKNOWLEDGED_BULK, MAX_UNACKNOWLEDGED_CEREMONY,
    MAX_UNACKNOWLEDGED_DECISION, held_for_one_peer, unread,
};
pub use gossip::{Announcement, Topic, Validator};
pub use incarnation::{Incarnation, SignedIncarnation};
pub use memory::Memory;
pub use peer::{LinkEvent, LinkStatus, PeerInfo, Transport};
pub use receiver::{Inbound, Taken};
pub use wire::MAX_FRAME;

use circuit::passing::Passing;
use connector::{Command, Connector};
use late::Late;
use peer::{Here, Peer};
use rate::Meter;
use standing::Standing;
use swarm::Listening;
use wire::Greeting;

/// How long a peer may take to open a stream and greet.
const GREETING_TIMEOUT: Duration = Duration::from_secs(10);
/// What [`Config::ping`] is when nothing else is asked for.
pub const PING: Duration = Duration::from_secs(5);
/// Announcements that wait for the driver.
const MAX_ANNOUNCEMENTS: usize = 256;

/// A link to each peer. A node opens those that it has use for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lane {
    /// What decisions wait for.
    Decision,
    /// Preprocessing and catching up.
    Bulk,
    /// The ceremony.
    Ceremony,
}

impl Lane {
    /// What a node needs for decisions.
    pub const DECIDING: [Self; 2] = [Self::Decision, Self::Bulk];

    const fn stream_protocol(self) -> StreamProtocol {
        match self {
            Self::Decision => StreamProtocol::new("/quorate/1/decision"),
            Self::Bulk => StreamProtocol::new("/quorate/1/bulk"),
            Self::Ceremony => StreamProtocol::new("/quorate/1/ceremony"),
        }
    }

    /// The epoch in the greetings of a node whose network is in `epoch`.
    const fn epoch(self, epoch: u64) -> u64 {
        match self {
            Self::Decision | Self::Bulk => epoch,
            Self::Ceremony => ceremony::EPOCH,
        }
    }
}

impl From<Class> for Lane {
    fn from(class: Class) -> Self {
        match class {
            Class::Decision => Self::Decision,
            Class::Bulk => Self::Bulk,
        }
    }
}

/// What the network needs to know.
pub struct Config {
    /// Our transport key.
    pub keys: Keypair,
    /// Our place in the roster.
    pub me: PartyId,
    /// The other members.
    pub peers: Vec<PeerInfo>,
    /// Digest of the network file.
    pub network: [u8; 32],
    /// Epoch of the network.
    pub epoch: u64,
    /// What we sign with.
    pub identity: IdentityPublic,
    /// This start of our node: durable in the data directory before the links are started.
    pub start: SignedIncarnation,
    /// What we know of the starts of others.
    pub memory: Memory,
    /// How many members there are, and may be faulty.
    pub committee: Committee,
    /// Which links to open.
    pub lanes: Vec<Lane>,
    /// Where to listen.
    pub listen: Vec<Multiaddr>,
    /// How long ports that are in use are waited for, and then listened on when they are free: those
    /// that this process has just closed take a while. If zero, a port in use is an error.
    pub port_patience: Duration,
    /// How often a connection is tried. One that does not answer two times in a row is given up.
    pub ping: Duration,
    /// Says whether an announcement holds.
    pub validator: Validator,
}

/// What comes from the network. What belongs to a lane that is not open has ended.
#[derive(Debug)]
pub struct Incoming {
    /// Frames that decisions wait for.
    pub decision: mpsc::UnboundedReceiver<Inbound>,
    /// Frames of preprocessing and catching up.
    pub bulk: mpsc::UnboundedReceiver<Inbound>,
    /// Frames of the ceremony, for whoever takes it.
    pub ceremony: Option<mpsc::UnboundedReceiver<Inbound>>,
    /// Gossip.
    pub announcements: mpsc::Receiver<Announcement>,
    /// What the owner of the links has to answer.
    pub events: mpsc::UnboundedReceiver<LinkEvent>,
}

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {reason}")]
pub struct ListenError {
    /// The address.
    pub address: Multiaddr,
    /// Why.
    pub reason: io::Error,
}

/// The links to all other members. Dropping it closes them.
#[derive(Debug)]
pub struct Links {
    post: Post,
    commands: mpsc::UnboundedSender<Command>,
    listening: Vec<Multiaddr>,
    tasks: JoinSet<()>,
    connector: JoinHandle<()>,
}

impl Links {
    /// Starts to listen and to connect. Must be called in a tokio runtime.
    ///
    /// # Errors
    /// An address cannot be listened on.
    pub async fn start(config: Config) -> Result<(Self, Incoming), ListenError> {
        let Config { keys, me, peers, network, epoch, identity, start, memory, .. } = config;
        let Config { committee, lanes, listen, port_patience, ping, validator, .. } = config;
        let topics = gossip::Topics::new(&network, epoch);
        let failed = |address, reason| ListenError { address, reason };
        let (mut swarm, arrive) = swarm::build(keys, &peers, &topics, ping)
            .map_err(|reason| failed(Multiaddr::empty(), reason))?;
        let Listening { open: listening, in_use } =
            swarm::listen(&mut swarm, &listen, port_patience)
                .await
                .map_err(|(address, reason)| failed(address, reason))?;
        for address in &in_use {
            tracing::warn!(%address, "still in use: the node listens there when it is free");
        }
        for address in &listening {
            tracing::info!(%address, "listening");
            // A relay names an address to those who ask for a place.
            swarm.add_external_address(address.clone());
        }

        swarm::take_circuits(&mut swarm).map_err(|reason| failed(Multiaddr::empty(), reason))?;

        let (commands, command_queue) = mpsc::unbounded_channel();
        let (announce, announcements) = mpsc::channel(MAX_ANNOUNCEMENTS);
        let (report, events) = mpsc::unbounded_channel();
        let standing = Standing::new(start, identity, network, committee, report.clone());
        let here = Arc::new(Here { network, standing, memory });
        let peer = |info| {
            let (commands, report) = (commands.clone(), report.clone());
            Arc::new(Peer::new(info, commands, report, Arc::clone(&here)))
        };
        let peers: Vec<_> = peers.into_iter().map(peer).collect();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { here.standing.watch().await });
        let mut control = swarm.behaviour().control();
        let mut open = |lane: Lane| {
            let (deliver, delivered) = mpsc::unbounded_channel();
            if !lanes.contains(&lane) {
                return delivered;
            }
            let ours = Greeting {
                version: wire::VERSION,
                network,
                epoch: lane.epoch(epoch),
                start,
                shown: None,
                lives: false,
                clock_ms: 0,
                acknowledged: 0,
                resume: 0,
            };
            for peer in &peers {
                let peer = Arc::clone(peer);
                tasks.spawn(sender::run(peer, lane, ours.clone(), control.clone()));
            }
            match control.accept(lane.stream_protocol()) {
                Ok(streams) => {
                    let receivers = spawn_receivers(&mut tasks, &peers, lane, &ours, &deliver);
                    tasks.spawn(hand_out(streams, receivers, commands.clone()));
                }
                // Nobody else has the control of a swarm that was just made.
                Err(error) => tracing::error!(?lane, "{error}"),
            }
            delivered
        };
        let [decision, bulk, ceremony] =
            [Lane::Decision, Lane::Bulk, Lane::Ceremony].map(&mut open);
        let passing = Passing::new(*swarm.local_peer_id(), &peers, control.clone(), arrive);
        match control.accept(circuit::PROTOCOL) {
            Ok(streams) => drop(tasks.spawn(passing.run(streams))),
            Err(error) => tracing::error!("no circuits: {error}"),
        }
        let me = (me, start.incarnation.number);
        let ours = (swarm, Late::new(in_use));
        let connector = Connector::new(ours, me, ping, &peers, topics, validator, announce);
        let connector = tokio::spawn(connector.run(command_queue));
        let peers = peers.into_iter().map(|peer| (peer.info.party, peer)).collect();
        let post = Post { peers: Arc::new(peers), lanes: lanes.into() };
        let incoming = Incoming { decision, bulk, ceremony: Some(ceremony), announcements, events };
        Ok((Self { post, commands, listening, tasks, connector }, incoming))
    }

    /// Sends a frame to a peer, now or as soon as it can be reached. Never waits.
    pub fn send(&self, to: PartyId, lane: impl Into<Lane>, frame: Vec<u8>) {
        self.post.send(to, lane.into(), frame);
    }

    /// What sends, for somebody else to send with.
    pub fn post(&self) -> Post {
        self.post.clone()
    }

    /// Gossips an announcement to whoever is connected.
    pub fn announce(&self, topic: Topic, data: Vec<u8>) {
        let _ = self.commands.send(Command::Announce(topic, data));
    }

    /// Closes every connection to a peer. They are made again at once.
    pub fn disconnect(&self, party: PartyId) {
        if let Some(peer) = self.post.peers.get(&party) {
            let _ = self.commands.send(Command::Disconnect(peer.info.peer_id));
        }
    }

    /// The addresses that are listened on.
    pub fn listening(&self) -> &[Multiaddr] {
        &self.listening
    }

    /// How the links are, in roster order.
    pub fn status(&self) -> Vec<LinkStatus> {
        self.post.status()
    }

    /// Closes all connections, so that the peers know at once.
    pub async fn close(mut self) {
        self.tasks.shutdown().await;
        let _ = self.commands.send(Command::Close);
        let _ = (&mut self.connector).await;
    }
}

/// Sends on links that somebody else holds open.
#[derive(Clone, Debug)]
pub struct Post {
    peers: Arc<BTreeMap<PartyId, Arc<Peer>>>,
    lanes: Arc<[Lane]>,
}

impl Post {
    /// As [`Links::send`]. On a lane that is not open nothing is sent.
    pub fn send(&self, to: PartyId, lane: Lane, frame: Vec<u8>) {
        if let Some(peer) = self.peers.get(&to)
            && self.lanes.contains(&lane)
        {
            peer.queue(lane).push(frame);
        }
    }

    /// As [`Links::status`].
    pub fn status(&self) -> Vec<LinkStatus> {
        self.peers.values().map(|peer| peer.status()).collect()
    }

    /// Frames on a lane that peers have not acknowledged; not counting peers that are there and
    /// have no use for the lane.
    pub fn unacknowledged(&self, lane: Lane) -> usize {
        let queues = self.peers.values().map(|peer| peer.queue(lane));
        queues.filter(|queue| !queue.is_closed()).map(|queue| queue.depth().frames).sum()
    }
}

impl Drop for Links {
    fn drop(&mut self) {
        self.connector.abort();
    }
}

fn spawn_receivers(
    tasks: &mut JoinSet<()>,
    peers: &[Arc<Peer>],
    lane: Lane,
    ours: &Greeting,
    deliver: &mpsc::UnboundedSender<Inbound>,
) -> BTreeMap<PeerId, mpsc::Sender<Stream>> {
    let mut receivers = BTreeMap::new();
    for peer in peers {
        // A peer that opens streams faster than they are greeted loses some of them.
        let (hand, streams) = mpsc::channel(2);
        receivers.insert(peer.info.peer_id, hand);
        let peer = Arc::clone(peer);
        tasks.spawn(receiver::run(peer, lane, ours.clone(), streams, deliver.clone()));
    }
    receivers
}

/// Hands the streams that peers open to the tasks of these peers. A peer that opens them faster than
/// any node has reason to is disconnected.
async fn hand_out(
    mut streams: IncomingStreams,
    receivers: BTreeMap<PeerId, mpsc::Sender<Stream>>,
    commands: mpsc::UnboundedSender<Command>,
) {
    let mut meters: BTreeMap<PeerId, Meter> = BTreeMap::new();
    while let Some((peer, stream)) = streams.next().await {
        let Some(receiver) = receivers.get(&peer) else { continue };
        let meter = meters.entry(peer).or_insert_with(|| Meter::new(bounds::STREAMS));
        if !meter.take(Instant::now()) {
            tracing::debug!(%peer, "streams too often");
            let _ = commands.send(Command::Disconnect(peer));
        } else if receiver.try_send(stream).is_err() {
            tracing::debug!(%peer, "a stream too many");
        }
    }
}

/// `shortest * 2^failures`, at most `longest`, give or take a quarter: peers that failed together
/// do not try again together.
pub(crate) fn backoff(failures: u32, (shortest, longest): (Duration, Duration)) -> Duration {
    let doubled = shortest.saturating_mul(1 << failures.min(16));
    doubled.min(longest).mul_f64(rand::random_range(0.75..1.25))
}
