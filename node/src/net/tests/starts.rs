//! Copies of a data directory, and members that lie about starts.

use libp2p::multiaddr::Protocol;
use tokio::sync::watch;

use super::*;

impl Node {
    /// The next event that is about this node.
    async fn doubt(&mut self) -> LinkEvent {
        let events = &mut self.incoming.events;
        let doubt = async {
            loop {
                match events.recv().await.expect("the links are there") {
                    LinkEvent::Behind { .. } | LinkEvent::Restarted { .. } => {}
                    doubt => return doubt,
                }
            }
        };
        timeout(PATIENCE, doubt).await.expect("in time")
    }
}

impl World {
    /// Starts another node with the keys of a member.
    async fn copy(&self, me: usize, start: SignedIncarnation) -> Node {
        let any: Multiaddr = format!("/ip4/{}/tcp/0", Ipv4Addr::LOCALHOST).parse().unwrap();
        let config = Config { listen: vec![any], start, ..self.config(me) };
        let (links, incoming) = Links::start(config).await.unwrap();
        Node { links, incoming }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_copy_stops_while_the_first_goes_on() {
    // Copied before the first was started, and while it ran.
    for later in [0, 1] {
        let mut world = World::new(4);
        let mut nodes = world.start_all().await;
        for peer in 1..4 {
            nodes[0].until(peer, |link| link.incarnation != 0).await;
            nodes[peer].until(0, |link| link.incarnation != 0).await;
        }
        let number = nodes[1].link(0).incarnation + later;
        let mut copy = world.copy(0, world.sign(0, number)).await;
        for peer in 1..4 {
            copy.send(peer, Class::Decision, 666);
        }
        if later == 0 {
            assert_eq!(copy.doubt().await, LinkEvent::Older { than: number });
        }
        assert_eq!(copy.doubt().await, LinkEvent::OtherLives);
        copy.close().await;
        for peer in 1..4 {
            nodes[0].send(peer, Class::Decision, 7);
            let (from, got, _) = nodes[peer].receive(Class::Decision).await;
            assert_eq!((from, got), (party(0), 7), "nothing came from the copy");
        }
        assert!(nodes[0].incoming.events.try_recv().is_err());
    }
}

/// Where a node is reached as long as it is open: closed, it ends what passed.
async fn door(world: &World, to: usize, open: &watch::Sender<bool>) -> Multiaddr {
    let inside = world.addresses[to].iter().find_map(|address| {
        let mut parts = address.iter();
        match (parts.next(), parts.next()) {
            (Some(Protocol::Ip4(ip)), Some(Protocol::Tcp(port))) => Some((ip, port)),
            _ => None,
        }
    });
    let (inside, open) = (inside.unwrap(), open.subscribe());
    let door = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = door.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (mut outer, _) = door.accept().await.unwrap();
            if *open.borrow() {
                let mut inner = tokio::net::TcpStream::connect(inside).await.unwrap();
                let mut open = open.clone();
                tokio::spawn(async move {
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut outer, &mut inner) => {}
                        _ = open.wait_for(|open| !open) => {}
                    }
                });
            }
        }
    });
    format!("/ip4/{}/tcp/{port}", Ipv4Addr::LOCALHOST).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_reaches_all_stops_also_when_the_first_was_not_there_when_it_began() {
    let mut world = World::new(4);
    // It does not know where the others are, and waits for them.
    let first = world.start(0).await;
    let (open, _open) = watch::channel(true);
    let mut others = Vec::new();
    for me in 1..4 {
        let door = door(&world, 0, &open).await;
        world.doors.insert((me, 0), door);
        others.push(world.start(me).await);
    }
    for (peer, other) in (1..).zip(&others) {
        first.until(peer, |link| link.incarnation != 0).await;
        other.until(0, |link| link.incarnation != 0).await;
    }
    let number = others[0].link(0).incarnation;
    open.send_replace(false);
    for (peer, other) in (1..).zip(&others) {
        first.until(peer, |link| link.connected.is_none()).await;
        other.until(0, |link| link.connected.is_none()).await;
    }
    let mut copy = world.copy(0, world.sign(0, number)).await;
    assert_eq!(copy.doubt().await, LinkEvent::Older { than: number });
    open.send_replace(true);
    assert_eq!(copy.doubt().await, LinkEvent::OtherLives);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_copy_is_found_when_no_other_runs() {
    for restarted in [false, true] {
        let mut world = World::new(4);
        let mut nodes = world.start_all().await;
        for node in &nodes[1..] {
            node.until(0, |link| link.incarnation != 0).await;
        }
        let number = nodes[1].link(0).incarnation;
        nodes.remove(0).close().await;
        if restarted {
            // The others have it from their disks.
            while let Some(node) = nodes.pop() {
                node.close().await;
            }
            for me in 1..4 {
                nodes.push(world.start(me).await);
            }
        }
        let mut old = world.copy(0, world.sign(0, number - 1)).await;
        for peer in 1..4 {
            old.send(peer, Class::Decision, 666);
        }
        assert_eq!(old.doubt().await, LinkEvent::Older { than: number });
        assert_eq!(old.doubt().await, LinkEvent::NoneLives);
        for node in &mut nodes {
            assert!(node.incoming.decision.try_recv().is_err());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_node_is_told_of_a_later_start_that_was_accepted() {
    let mut world = World::new(4);
    let mut first = world.start(0).await;
    // The others are not there while the second starts, and it is gone again when they know it.
    let number = u64::MAX / 2;
    for me in 1..4 {
        world.memory(me).note(party(0), world.sign(0, number)).unwrap();
    }
    let mut others = Vec::new();
    for me in 1..4 {
        others.push(world.start(me).await);
    }
    assert_eq!(first.doubt().await, LinkEvent::Older { than: number });
    assert_eq!(first.doubt().await, LinkEvent::NoneLives);
    // With a higher number, it is heard.
    first.close().await;
    let mut first = world.copy(0, world.sign(0, number + 1)).await;
    for peer in 1..4 {
        first.send(peer, Class::Decision, 7);
        let (from, got, _) = others[peer - 1].receive(Class::Decision).await;
        assert_eq!((from, got), (party(0), 7));
    }
    assert!(first.incoming.events.try_recv().is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_with_a_higher_number_is_kept_out_as_long_as_the_first_has_streams() {
    let mut world = World::new(4);
    let mut nodes = world.start_all().await;
    for peer in 1..4 {
        nodes[0].until(peer, |link| link.incarnation != 0).await;
        nodes[peer].until(0, |link| link.incarnation != 0).await;
    }
    let number = nodes[1].link(0).incarnation;
    // One that does not stop when it is told to.
    let mut copy = world.copy(0, world.sign(0, number + 9)).await;
    for peer in 1..4 {
        copy.send(peer, Class::Decision, 666);
    }
    assert_eq!(copy.doubt().await, LinkEvent::OtherLives);
    tokio::time::sleep(3 * incarnation::GRACE).await;
    for peer in 1..4 {
        assert_eq!(nodes[peer].link(0).incarnation, number);
        assert!(nodes[peer].incoming.decision.try_recv().is_err());
        nodes[0].send(peer, Class::Decision, 7);
        let (from, got, _) = nodes[peer].receive(Class::Decision).await;
        assert_eq!((from, got), (party(0), 7), "nothing came from the copy");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_the_member_did_not_sign_is_not_accepted() {
    let mut world = World::new(4);
    let a = world.start(0).await;
    let target = world.keys[0].public().to_peer_id();
    let others = Greeting { start: world.begin(1), ..world.greeting(2) };
    let ours = {
        // Our own greeting, played back.
        let (mut control, _driven) = intruder(&world, world.keys[3].clone()).await;
        let opened = control.open_stream(target, Lane::Decision.stream_protocol());
        let mut stream = timeout(PATIENCE, opened).await.unwrap().unwrap();
        world.greeting(3).write(&mut stream).await.unwrap();
        Greeting::read(&mut stream).await.unwrap()
    };
    for lie in [others, ours] {
        let (mut control, mut liar) = intruder(&world, world.keys[2].clone()).await;
        let opened = control.open_stream(target, Lane::Decision.stream_protocol());
        let mut stream = timeout(PATIENCE, opened).await.unwrap().unwrap();
        lie.write(&mut stream).await.unwrap();
        timeout(PATIENCE, liar.join_next()).await.expect("the connection is closed");
        assert_eq!(a.link(2).incarnation, 0);
    }
    assert_eq!(world.memory(0).of(party(2)), None);
    assert!(world.memory(0).of(party(3)).is_some());
}

#[tokio::test]
async fn lies_about_our_starts_change_nothing() {
    let world = World::new(4);
    let (events, mut heard) = mpsc::unbounded_channel();
    let ours = world.sign(0, 10);
    let identity = world.identities[0].public();
    let standing = Standing::new(ours, identity, world.network, world.committee(), events);
    let (liar, honest) = (party(3), party(1));
    let forged = world.sign(1, 11);
    let mut changed = world.sign(0, 9);
    changed.incarnation.number = 11;
    let elsewhere = SignedIncarnation::begin(&world.identities[0], &[9; 32], 11);
    for lie in [forged, changed, elsewhere] {
        let told = standing.told(liar, Some(lie), true);
        assert!(matches!(told, Err(wire::LinkError::Misbehaved(_))));
    }
    // A start of ours that was true once, and our own.
    let before = world.sign(0, 9);
    standing.told(liar, Some(before), true).unwrap();
    standing.told(liar, Some(ours), true).unwrap();
    let silent = timeout(Duration::ZERO, standing.may_speak()).await;
    assert!(silent.is_err(), "one that may lie is not enough");
    standing.told(honest, Some(ours), false).unwrap();
    assert!(heard.try_recv().is_err());
    timeout(PATIENCE, standing.may_speak()).await.expect("two have accepted it");
    // One more than can lie.
    standing.told(liar, Some(before), true).unwrap();
    assert!(heard.try_recv().is_err());
    standing.told(honest, Some(before), true).unwrap();
    assert_eq!(heard.try_recv(), Ok(LinkEvent::OtherLives));
    let silent = timeout(Duration::ZERO, standing.may_speak()).await;
    assert!(silent.is_err(), "it says nothing more");
}

#[tokio::test]
async fn one_later_start_is_enough_to_be_silent_and_most_members_must_be_heard_to_come_back() {
    let world = World::new(4);
    let ours = world.sign(0, 10);
    let watched = || {
        let (events, heard) = mpsc::unbounded_channel();
        let identity = world.identities[0].public();
        let standing = Standing::new(ours, identity, world.network, world.committee(), events);
        let standing = Arc::new(standing);
        let watching = Arc::clone(&standing);
        (standing, heard, tokio::spawn(async move { watching.watch().await }))
    };
    let (standing, mut heard, _watch) = watched();
    standing.told(party(1), Some(ours), false).unwrap();
    standing.told(party(3), Some(ours), false).unwrap();
    timeout(PATIENCE, standing.may_speak()).await.expect("two have accepted it");
    for number in [12, 11, 12, 15] {
        standing.told(party(3), Some(world.sign(0, number)), false).unwrap();
    }
    let silent = timeout(Duration::ZERO, standing.may_speak()).await;
    assert!(silent.is_err(), "it says nothing more");
    for than in [12, 15] {
        assert_eq!(heard.try_recv(), Ok(LinkEvent::Older { than }));
    }
    assert_eq!(timeout(PATIENCE, heard.recv()).await, Ok(Some(LinkEvent::NoneLives)));
    let (alone, mut heard_alone, _watch_alone) = watched();
    // What most say at once, when they had no time to hear of another, is not enough.
    alone.told(party(1), None, false).unwrap();
    alone.told(party(3), Some(world.sign(0, 10)), false).unwrap();
    assert_eq!(heard_alone.try_recv(), Ok(LinkEvent::Older { than: 10 }));
    let long = timeout(2 * standing::DOUBT, heard_alone.recv()).await;
    assert!(long.is_err(), "{long:?}");
    // One member may be all that is on our side of a cut.
    alone.told(party(3), Some(world.sign(0, 10)), false).unwrap();
    assert!(heard_alone.try_recv().is_err());
    alone.told(party(1), None, false).unwrap();
    assert_eq!(timeout(PATIENCE, heard_alone.recv()).await, Ok(Some(LinkEvent::NoneLives)));
}
