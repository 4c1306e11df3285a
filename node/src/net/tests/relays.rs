//! Members that cannot connect directly.

use libp2p::swarm::ConnectionId;

use super::*;
use crate::net::route::{Connection, Relay, Route};

/// The only one through whom a peer is reached.
pub(super) fn through(link: &LinkStatus) -> Option<usize> {
    match link.connected.as_ref()? {
        Transport::Relayed { through } if through.len() == 1 => Some(through[0].index()),
        _ => None,
    }
}

pub(super) fn is_direct(link: &LinkStatus) -> bool {
    link.connected.as_ref().is_some_and(Transport::is_direct)
}

impl Node {
    /// Sends `values` to `to`, which must hear them next and in order.
    pub(super) async fn talk(
        &self,
        to: &mut Self,
        (me, peer): (usize, usize),
        values: std::ops::Range<u32>,
    ) {
        for value in values.clone() {
            self.send(peer, Class::Decision, value);
        }
        for value in values {
            let (from, got, taken) = to.receive(Class::Decision).await;
            assert_eq!((from, got), (party(me), value));
            taken.done();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_pairs_that_cannot_connect_talk_through_the_others() {
    let mut world = World::new(4);
    world.apart = vec![(0, 1), (2, 3)];
    let mut nodes = world.start_all().await;
    for (a, b) in [(0, 1), (2, 3)] {
        for (me, peer) in [(a, b), (b, a)] {
            nodes[me].until(peer, |link| through(link).is_some()).await;
            for value in 0..1000 {
                nodes[me].send(peer, Class::Bulk, value);
            }
        }
        for me in [a, b] {
            for value in 0..1000 {
                let (from, got, taken) = nodes[me].receive(Class::Bulk).await;
                assert_eq!((from, got), (party(a + b - me), value));
                taken.done();
            }
        }
    }
    for (me, node) in nodes.iter().enumerate() {
        for peer in (0..4).filter(|peer| *peer != me) {
            let apart = world.is_apart(me, peer);
            assert_eq!(is_direct(&node.link(peer)), !apart, "{me} and {peer}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_goes_away_is_replaced() {
    let mut world = World::new(4);
    world.apart = vec![(0, 1)];
    let mut nodes: Vec<_> = world.start_all().await.into_iter().map(Some).collect();
    let mut a = nodes[0].take().unwrap();
    let mut b = nodes[1].take().unwrap();
    a.until(1, |link| through(link).is_some()).await;
    a.talk(&mut b, (0, 1), 0..10).await;
    for (round, value) in [(1, 10), (2, 20)] {
        // Both may have connected at the same time, through different ones.
        let relay = through(&a.link(1)).unwrap();
        nodes[relay].take().unwrap().close().await;
        a.talk(&mut b, (0, 1), value..value + 10).await;
        b.talk(&mut a, (1, 0), value..value + 10).await;
        let other = 5 - relay;
        for (node, peer) in [(&a, 1), (&b, 0)] {
            node.until(peer, |link| through(link) == Some(other)).await;
        }
        if round == 1 {
            nodes[relay] = Some(world.start(relay).await);
            for node in [&a, &b] {
                node.until(relay, is_direct).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_stalls_is_replaced() {
    let mut world = World::new(4);
    world.apart = vec![(0, 1)];
    world.ping = Duration::from_millis(700);
    let a = world.start(0).await;
    let mut b = world.start(1).await;
    // One relay lives in a runtime of its own, which stands still when it is told to.
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let (stalled, stalls) = tokio::sync::oneshot::channel();
    let (started, start) = tokio::sync::oneshot::channel();
    let config = world.config(2);
    let stalling = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (links, _incoming) = runtime.block_on(Links::start(config)).unwrap();
        started.send(links.listening().to_vec()).unwrap();
        runtime.block_on(async {
            while stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        // The connections stay open, and nothing moves: for as long as the test lasts.
        stalled.send(()).unwrap();
        let _ = stopped.recv();
    });
    world.addresses[2] = start.await.unwrap();
    for (node, peer) in [(&a, 1), (&b, 0)] {
        node.until(2, is_direct).await;
        node.until(peer, |link| through(link) == Some(2)).await;
    }
    let other = world.start(3).await;
    for node in [&a, &b] {
        node.until(3, is_direct).await;
    }
    a.talk(&mut b, (0, 1), 0..10).await;
    stop.send(()).unwrap();
    stalls.await.unwrap();
    // Before QUIC itself finds that nobody answers.
    let soon = timeout(Duration::from_secs(6), a.talk(&mut b, (0, 1), 10..20));
    soon.await.expect("in time");
    a.until(1, |link| through(link) == Some(3)).await;
    drop(stop);
    stalling.join().unwrap();
    other.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_direct_connection_replaces_a_relayed_one() {
    let mut world = World::new(3);
    world.apart = vec![(0, 1)];
    // What member 1 shows of itself to member 0: a port where nobody answers yet.
    let door = tokio::net::TcpSocket::new_v4().unwrap();
    door.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let port = door.local_addr().unwrap().port();
    world.doors.insert((0, 1), format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap());
    let mut nodes = world.start_all().await;
    for (me, peer) in [(0, 1), (1, 0)] {
        nodes[me].until(peer, |link| through(link) == Some(2)).await;
    }
    let mut b = nodes.remove(1);
    let mut a = nodes.remove(0);
    a.talk(&mut b, (0, 1), 0..10).await;

    let tcp = world.addresses[1].iter().find_map(|address| {
        address.iter().find_map(|part| match part {
            libp2p::multiaddr::Protocol::Tcp(port) => Some(port),
            _ => None,
        })
    });
    let inside = (Ipv4Addr::LOCALHOST, tcp.unwrap());
    let door = door.listen(8).unwrap();
    let _opened = tokio::spawn(async move {
        loop {
            let (mut outer, _) = door.accept().await.unwrap();
            let mut inner = tokio::net::TcpStream::connect(inside).await.unwrap();
            tokio::spawn(async move {
                let _ = tokio::io::copy_bidirectional(&mut outer, &mut inner).await;
            });
        }
    });
    for (node, peer) in [(&a, 1), (&b, 0)] {
        node.until(peer, is_direct).await;
    }
    a.talk(&mut b, (0, 1), 10..20).await;
    b.talk(&mut a, (1, 0), 0..10).await;
}

#[tokio::test]
async fn a_relay_that_lets_go_of_the_only_connection_is_left_aside() {
    let world = World::new(4);
    let (report, _reported) = mpsc::unbounded_channel();
    let (commands, _commanded) = mpsc::unbounded_channel();
    let identity = world.identities[0].public();
    let standing =
        Standing::new(world.begin(0), identity, world.network, world.committee(), report.clone());
    let here = Here { network: world.network, standing, memory: world.memory(0) };
    let peer = Arc::new(Peer::new(world.peer(1), commands, report, Arc::new(here)));
    let mut route = Route::new(party(0), &peer);
    let relay = |member: usize| {
        let (peer_id, address) = (world.peer(member).peer_id, Multiaddr::empty());
        Relay { peer_id, party: party(member), address }
    };
    let next = |route: &Route, relays: &[Relay]| Some(route.next_relay(relays)?.party);
    let connection = |through: &[usize]| {
        let through = through.iter().copied().map(party).collect();
        let (now, transport) = (Instant::now(), Transport::Relayed { through });
        Connection { since: now, answered: now, transport, remote: Multiaddr::empty() }
    };
    let [one, other] = [1, 2].map(ConnectionId::new_unchecked);
    assert_eq!(next(&route, &[relay(2)]), Some(party(2)));
    route.connected(one, connection(&[2]));
    assert_eq!(route.circuit_due(), None);
    // Not while there is another.
    route.connected(other, connection(&[3]));
    route.disconnected(party(0), one);
    assert_eq!(next(&route, &[relay(2)]), Some(party(2)));
    route.disconnected(party(0), other);
    assert_eq!(next(&route, &[relay(3)]), None);
    assert_eq!(next(&route, &[relay(2), relay(3)]), Some(party(2)));
    // Where there is none, none is dialled again and again, and circuits have their turn.
    route.no_relay();
    let now = Instant::now();
    assert!(route.relayed_due().is_some_and(|at| at > now) && route.circuit_due().is_some());
}
