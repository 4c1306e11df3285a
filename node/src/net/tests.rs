//! Links over real connections on loopback.

mod circuits;
mod hostile;
mod relays;
mod starts;

use std::net::Ipv4Addr;

use futures::{AsyncReadExt, AsyncWriteExt};
use libp2p::swarm::SwarmEvent;
use libp2p::swarm::dial_opts::DialOpts;
use quorate_protocol::crypto::identity::IdentityKey;
use tokio::time::timeout;

use super::*;

const PATIENCE: Duration = Duration::from_secs(30);

/// Keys and addresses of a small network whose nodes are started one by one.
struct World {
    keys: Vec<Keypair>,
    addresses: Vec<Vec<Multiaddr>>,
    network: [u8; 32],
    /// Who cannot connect directly.
    apart: Vec<(usize, usize)>,
    /// Where a member may try to reach another instead.
    doors: BTreeMap<(usize, usize), Multiaddr>,
    ping: Duration,
    identities: Vec<IdentityKey>,
    /// Of the next start of any node.
    number: std::sync::atomic::AtomicU64,
    folder: tempfile::TempDir,
}

struct Node {
    links: Links,
    incoming: Incoming,
}

fn any_port(kind: &str) -> Multiaddr {
    format!("/ip4/{}/{kind}", Ipv4Addr::LOCALHOST).parse().unwrap()
}

fn party(index: usize) -> PartyId {
    PartyId::new(u16::try_from(index).unwrap())
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(*bytes.first_chunk().unwrap())
}

impl World {
    fn new(n: usize) -> Self {
        let keys = (0..n).map(|_| Keypair::generate_ed25519()).collect();
        let addresses = vec![vec![any_port("tcp/0"), any_port("udp/0/quic-v1")]; n];
        let (apart, doors) = (Vec::new(), BTreeMap::new());
        let seed = |member| u8::try_from(member).unwrap();
        let identities = (0..n).map(|member| IdentityKey::from_bytes(&[seed(member); 32]));
        Self {
            keys,
            addresses,
            network: [1; 32],
            apart,
            doors,
            ping: PING,
            identities: identities.collect(),
            number: 1000.into(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn is_apart(&self, a: usize, b: usize) -> bool {
        self.apart.contains(&(a.min(b), a.max(b)))
    }

    /// Where `me` tries to reach `peer`.
    fn addresses(&self, me: usize, peer: usize) -> Vec<Multiaddr> {
        match self.doors.get(&(me, peer)) {
            Some(door) => vec![door.clone()],
            None if self.is_apart(me, peer) => vec![],
            None => self.addresses[peer].clone(),
        }
    }

    fn sign(&self, me: usize, number: u64) -> SignedIncarnation {
        SignedIncarnation::begin(&self.identities[me], &self.network, number)
    }

    fn begin(&self, me: usize) -> SignedIncarnation {
        self.sign(me, self.number.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
    }

    /// What a member would greet with.
    fn greeting(&self, me: usize) -> Greeting {
        Greeting {
            version: wire::VERSION,
            network: self.network,
            epoch: 1,
            start: self.begin(me),
            shown: None,
            lives: false,
            clock_ms: 0,
            acknowledged: 0,
            resume: 0,
        }
    }

    fn committee(&self) -> Committee {
        let n = self.keys.len();
        Committee::with_threshold(n, (n - 1) / 3).unwrap()
    }

    fn memory(&self, me: usize) -> Memory {
        let path = self.folder.path().join(me.to_string());
        let known = |party: PartyId| Some(self.identities.get(party.index())?.public());
        Memory::open(path, &self.network, known).unwrap()
    }

    fn peer(&self, peer: usize) -> PeerInfo {
        PeerInfo {
            party: party(peer),
            name: format!("org{peer}"),
            peer_id: self.keys[peer].public().to_peer_id(),
            identity: self.identities[peer].public(),
            addresses: self.addresses[peer].clone(),
        }
    }

    fn config(&self, me: usize) -> Config {
        let peers = (0..self.keys.len())
            .filter(|peer| *peer != me)
            .map(|peer| PeerInfo { addresses: self.addresses(me, peer), ..self.peer(peer) })
            .collect();
        Config {
            keys: self.keys[me].clone(),
            me: party(me),
            peers,
            network: self.network,
            epoch: 1,
            identity: self.identities[me].public(),
            start: self.begin(me),
            memory: self.memory(me),
            committee: self.committee(),
            lanes: vec![Lane::Decision, Lane::Bulk, Lane::Ceremony],
            listen: self.addresses[me].clone(),
            port_patience: PATIENCE,
            ping: self.ping,
            validator: Arc::new(|_, data| data.starts_with(b"good")),
        }
    }

    /// Starts a node; its ports are known, and kept, from then on.
    async fn start(&mut self, me: usize) -> Node {
        let (links, incoming) = Links::start(self.config(me)).await.unwrap();
        self.addresses[me] = links.listening().to_vec();
        Node { links, incoming }
    }

    async fn start_all(&mut self) -> Vec<Node> {
        let mut nodes = Vec::new();
        for me in 0..self.keys.len() {
            nodes.push(self.start(me).await);
        }
        nodes
    }
}

impl Node {
    fn send(&self, to: usize, class: Class, value: u32) {
        self.links.send(party(to), class, value.to_le_bytes().to_vec());
    }

    async fn receive(&mut self, class: Class) -> (PartyId, u32, Taken) {
        let channel = match class {
            Class::Decision => &mut self.incoming.decision,
            Class::Bulk => &mut self.incoming.bulk,
        };
        let inbound = timeout(PATIENCE, channel.recv()).await.expect("in time").unwrap();
        (inbound.from, number(&inbound.frame), inbound.taken)
    }

    fn link(&self, peer: usize) -> LinkStatus {
        self.links.status().into_iter().find(|link| link.party == party(peer)).unwrap()
    }

    async fn until(&self, peer: usize, holds: impl Fn(&LinkStatus) -> bool) {
        let polling = async {
            while !holds(&self.link(peer)) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, polling).await.expect("in time");
    }

    async fn close(self) {
        self.links.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_come_once_and_in_order_across_disconnects() {
    for transports in [["tcp/0"].as_slice(), &["udp/0/quic-v1"], &["tcp/0", "udp/0/quic-v1"]] {
        let mut world = World::new(2);
        world.addresses = vec![transports.iter().copied().map(any_port).collect(); 2];
        frames_across_disconnects(world).await;
    }
}

async fn frames_across_disconnects(mut world: World) {
    const FRAMES: u32 = 3000;
    let a = world.start(0).await;
    let mut b = world.start(1).await;
    for value in 0..FRAMES {
        a.send(1, Class::Decision, value);
        a.send(1, Class::Bulk, value);
    }
    for value in 0..FRAMES {
        let (from, got, taken) = b.receive(Class::Decision).await;
        assert_eq!((from, got), (party(0), value));
        // Half of the frames stay unacknowledged: they must not come again all the same.
        if value < FRAMES / 2 {
            taken.done();
        }
        match value {
            500 => a.links.disconnect(party(1)),
            1500 => b.links.disconnect(party(0)),
            2500 => {
                a.links.disconnect(party(1));
                b.links.disconnect(party(0));
            }
            _ => {}
        }
    }
    for value in 0..FRAMES {
        assert_eq!(b.receive(Class::Bulk).await.1, value);
    }
    // Both directions work, and nothing came twice.
    b.send(0, Class::Decision, 7);
    a.send(1, Class::Decision, FRAMES);
    assert_eq!(b.receive(Class::Decision).await.1, FRAMES);
    assert!(b.incoming.decision.try_recv().is_err());
    assert!(b.incoming.bulk.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_restarted_peer_had_not_acknowledged_comes_again() {
    let mut world = World::new(2);
    let a = world.start(0).await;
    let mut b = world.start(1).await;
    for value in 0..10 {
        a.send(1, Class::Bulk, value);
    }
    for value in 0..10 {
        let (_, got, taken) = b.receive(Class::Bulk).await;
        assert_eq!(got, value);
        if value < 6 {
            taken.done();
        }
    }
    a.until(1, |link| link.unacknowledged_frames == 4).await;
    b.close().await;
    a.send(1, Class::Bulk, 10);

    let mut b = world.start(1).await;
    for value in 6..=10 {
        let (_, got, taken) = b.receive(Class::Bulk).await;
        assert_eq!(got, value);
        taken.done();
    }
    a.until(1, |link| link.unacknowledged_frames == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_peer_missed_while_it_was_away_is_reported_when_it_is_back() {
    const FRAME: usize = 1 << 20;
    let mut world = World::new(2);
    let mut a = world.start(0).await;
    let b = world.start(1).await;
    a.until(1, |link| link.incarnation != 0).await;
    assert_eq!(a.link(1).clock_ahead_ms.unwrap_or(0), 0, "they have the same clock");
    b.close().await;
    a.until(1, |link| link.connected.is_none()).await;
    let frames = 2 * MAX_UNACKNOWLEDGED_DECISION / FRAME;
    for _ in 0..frames {
        a.links.send(party(1), Class::Decision, vec![7; FRAME]);
    }
    a.send(1, Class::Bulk, 1);
    let link = a.link(1);
    assert_eq!(link.lost_frames, u64::try_from(frames).unwrap());
    assert_eq!(link.unacknowledged_frames, 1);

    let mut b = world.start(1).await;
    let mut heard = Vec::new();
    while heard.len() < 2 {
        let event = timeout(PATIENCE, a.incoming.events.recv()).await.expect("in time").unwrap();
        heard.push(event);
    }
    let incarnation = a.link(1).incarnation;
    let restarted = LinkEvent::Restarted { party: party(1), incarnation };
    let behind = LinkEvent::Behind { party: party(1), lane: Lane::Decision };
    assert!(heard.contains(&restarted) && heard.contains(&behind), "{heard:?}");
    a.send(1, Class::Decision, 5);
    assert_eq!(b.receive(Class::Decision).await.1, 5);
    assert_eq!(b.receive(Class::Bulk).await.1, 1);
    // Told once, and a mere reconnect is none of both.
    a.links.disconnect(party(1));
    a.send(1, Class::Decision, 6);
    assert_eq!(b.receive(Class::Decision).await.1, 6);
    assert!(a.incoming.events.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_sender_is_heard_again() {
    let mut world = World::new(2);
    let mut a = world.start(0).await;
    for round in 0..3 {
        let b = world.start(1).await;
        for value in 0..5 {
            b.send(0, Class::Decision, round * 10 + value);
        }
        for value in 0..5 {
            let (_, got, taken) = a.receive(Class::Decision).await;
            assert_eq!(got, round * 10 + value);
            taken.done();
        }
        b.until(0, |link| link.unacknowledged_frames == 0).await;
        b.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_nodes_started_in_turn_all_reach_each_other() {
    let mut world = World::new(4);
    let mut nodes = Vec::new();
    for me in 0..4 {
        let node = world.start(me).await;
        for to in (0..4).filter(|to| *to != me) {
            node.send(to, Class::Decision, u32::try_from(me).unwrap());
        }
        nodes.push(node);
    }
    for (me, node) in nodes.iter_mut().enumerate() {
        let mut heard = Vec::new();
        for _ in 0..3 {
            heard.push(node.receive(Class::Decision).await.0);
        }
        heard.sort();
        let others: Vec<_> = (0..4).filter(|other| *other != me).map(party).collect();
        assert_eq!(heard, others);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn announcements_that_hold_arrive_and_others_do_not() {
    let mut world = World::new(2);
    let a = world.start(0).await;
    let mut b = world.start(1).await;
    a.until(1, |link| link.connected.is_some()).await;
    let announcing = async {
        loop {
            // Gossip promises nothing, and the mesh takes a moment to form.
            a.links.announce(Topic::Certificates, b"bad".to_vec());
            a.links.announce(Topic::Certificates, b"good".to_vec());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let announcement = tokio::select! {
        got = timeout(PATIENCE, b.incoming.announcements.recv()) => got.expect("in time"),
        () = announcing => unreachable!(),
    };
    let expected =
        Announcement { from: party(0), topic: Topic::Certificates, data: b"good".to_vec() };
    assert_eq!(announcement, Some(expected));
}

/// Dials node 0 of `world` with `keys` and drives the swarm in the background.
async fn intruder(world: &World, keys: Keypair) -> (libp2p_stream::Control, JoinSet<bool>) {
    let target = world.keys[0].public().to_peer_id();
    let topics = gossip::Topics::new(&world.network, 1);
    let (mut swarm, _arrive) = swarm::build(keys, &[world.peer(0)], &topics, PING).unwrap();
    let control = swarm.behaviour().control();
    let dial = DialOpts::peer_id(target).addresses(world.addresses[0].clone()).build();
    swarm.dial(dial).unwrap();
    let mut tasks = JoinSet::new();
    // Ends with the connection.
    tasks.spawn(async move {
        loop {
            match swarm.select_next_some().await {
                SwarmEvent::ConnectionClosed { num_established: 0, .. } => return true,
                SwarmEvent::OutgoingConnectionError { .. } => return false,
                _ => {}
            }
        }
    });
    (control, tasks)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_is_refused() {
    let mut world = World::new(2);
    let mut a = world.start(0).await;
    let target = world.keys[0].public().to_peer_id();
    let (mut control, mut stranger) = intruder(&world, Keypair::generate_ed25519()).await;
    let stream = control.open_stream(target, Lane::Decision.stream_protocol()).await;
    assert!(stream.is_err());
    timeout(PATIENCE, stranger.join_next()).await.expect("the connection is closed");
    assert!(a.incoming.decision.try_recv().is_err());
    assert_eq!(a.link(1).connected, None);

    let b = world.start(1).await;
    b.send(0, Class::Decision, 1);
    assert_eq!(a.receive(Class::Decision).await.1, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_oversized_frame_closes_the_connection_of_its_sender_only() {
    let mut world = World::new(3);
    let mut a = world.start(0).await;
    let honest = world.start(1).await;
    honest.send(0, Class::Decision, 1);
    assert_eq!(a.receive(Class::Decision).await.1, 1);

    let target = world.keys[0].public().to_peer_id();
    let (mut control, mut hostile) = intruder(&world, world.keys[2].clone()).await;
    let opened = control.open_stream(target, Lane::Decision.stream_protocol());
    let mut stream = timeout(PATIENCE, opened).await.unwrap().unwrap();
    let greeting = world.greeting(2);
    greeting.write(&mut stream).await.unwrap();
    Greeting::read(&mut stream).await.unwrap().check(&greeting).unwrap();
    stream.write_all(&u32::MAX.to_le_bytes()).await.unwrap();
    // The stream may be closed already.
    let _ = stream.flush().await;
    let ended = timeout(PATIENCE, hostile.join_next()).await.expect("the connection is closed");
    assert!(ended.unwrap().unwrap(), "it was connected before");

    // The honest member was not disturbed: same connection, frames go on.
    honest.send(0, Class::Decision, 2);
    let (from, got, _) = a.receive(Class::Decision).await;
    assert_eq!((from, got), (party(1), 2));
    assert!(honest.link(0).connected.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_with_another_network_file_is_not_heard() {
    let mut world = World::new(3);
    let mut a = world.start(0).await;
    let target = world.keys[0].public().to_peer_id();
    let (mut control, _driven) = intruder(&world, world.keys[2].clone()).await;
    let opened = control.open_stream(target, Lane::Decision.stream_protocol());
    let mut stream = timeout(PATIENCE, opened).await.unwrap().unwrap();
    let greeting = Greeting { network: [2; 32], ..world.greeting(2) };
    greeting.write(&mut stream).await.unwrap();
    // It is told why.
    let theirs = Greeting::read(&mut stream).await.unwrap();
    assert!(matches!(theirs.check(&greeting), Err(wire::LinkError::Network)));
    let mut frame = Vec::new();
    wire::append_frame(0, b"hello", &mut frame);
    let _ = stream.write_all(&frame).await;
    let _ = stream.flush().await;
    let mut rest = Vec::new();
    let ended = timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("in time");
    assert!(ended.is_err() || rest.is_empty());
    assert!(a.incoming.decision.try_recv().is_err());
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let mut world = World::new(2);
    let _a = world.start(0).await;
    for address in world.addresses[0].clone() {
        let mut config = world.config(1);
        config.listen = vec![address.clone()];
        config.port_patience = Duration::ZERO;
        let error = Links::start(config).await.expect_err("the port is taken");
        assert_eq!(error.address, address);
        assert_eq!(error.reason.kind(), io::ErrorKind::AddrInUse, "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_begins_again_listens_on_a_port_when_it_is_free() {
    let mut world = World::new(2);
    let mut config = world.config(0);
    let held = tokio::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = held.local_addr().unwrap().port();
    let address = format!("/ip4/{}/udp/{port}/quic-v1", Ipv4Addr::LOCALHOST);
    config.listen = vec![address.parse().unwrap()];
    config.port_patience = Duration::from_millis(1);
    let (links, _incoming) = Links::start(config).await.unwrap();
    assert!(links.listening().is_empty());
    world.addresses[0] = vec![address.parse().unwrap()];
    let other = world.start(1).await;
    drop(held);
    other.until(0, |link| link.connected == Some(Transport::Quic)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_in_its_ceremony_and_one_past_it_talk_on_that_lane_alone() {
    let mut world = World::new(2);
    let mut past = world.start(0).await;
    let mut config = world.config(1);
    config.epoch = 7;
    config.lanes = vec![Lane::Ceremony];
    let (links, incoming) = Links::start(config).await.unwrap();
    let mut late = Node { links, incoming };
    past.links.send(party(1), Lane::Ceremony, vec![1]);
    past.send(1, Class::Decision, 2);
    late.links.send(party(0), Lane::Ceremony, vec![3]);
    late.links.send(party(0), Lane::Decision, vec![4]);
    let heard = |inbound: Option<Inbound>| inbound.map(|inbound| inbound.frame);
    let ceremony = |node: &mut Node| node.incoming.ceremony.take().unwrap();
    let at_late = timeout(PATIENCE, ceremony(&mut late).recv()).await.unwrap();
    let at_past = timeout(PATIENCE, ceremony(&mut past).recv()).await.unwrap();
    assert_eq!((heard(at_late), heard(at_past)), (Some(vec![1]), Some(vec![3])));
    assert!(late.incoming.decision.recv().await.is_none(), "not open");
    assert!(past.incoming.decision.try_recv().is_err());
    // What the late one has no use for yet is kept, and not waited for.
    past.until(1, |link| link.unacknowledged_frames > 0).await;
    let post = past.links.post();
    let not_waited_for = async {
        while post.unacknowledged(Lane::Decision) > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, not_waited_for).await.expect("in time");
    assert!(past.link(1).unacknowledged_frames > 0);
    assert_eq!(late.links.post().unacknowledged(Lane::Decision), 0);
    let trouble = |node: &Node, peer: usize| node.link(peer).trouble;
    assert_eq!((trouble(&past, 1), trouble(&late, 0)), (None, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_with_another_network_file_is_named_by_that() {
    let mut world = World::new(2);
    let a = world.start(0).await;
    world.network = [2; 32];
    let b = world.start(1).await;
    for (node, peer) in [(&a, 1), (&b, 0)] {
        node.until(peer, |link| {
            link.trouble.as_ref().is_some_and(|trouble| trouble.contains("another network file"))
        })
        .await;
    }
}
