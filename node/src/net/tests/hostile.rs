//! Members and strangers that do what no honest node does: each fills its own budget and no other.

use std::io::Read;

use libp2p::multiaddr::Protocol;
use quorate_fuzz::corpus::Campaign;

use super::*;
use crate::net::bounds::{MAX_UNTAKEN, STREAMS};
use crate::net::door::KNOCKING;

impl World {
    fn tcp(&self, of: usize) -> Multiaddr {
        let is_tcp = |at: &&Multiaddr| at.iter().any(|part| matches!(part, Protocol::Tcp(_)));
        self.addresses[of].iter().find(is_tcp).unwrap().clone()
    }

    fn port(&self, of: usize) -> u16 {
        let port = |part| if let Protocol::Tcp(port) = part { Some(port) } else { None };
        self.tcp(of).iter().find_map(port).unwrap()
    }
}

/// A member that greets as it should, and then writes what it likes.
struct Hostile {
    stream: Stream,
    driven: JoinSet<bool>,
}

impl Hostile {
    async fn new(world: &World, me: usize, lane: Lane) -> Self {
        Self::greet(world, me, lane, &world.greeting(me)).await
    }

    async fn greet(world: &World, me: usize, lane: Lane, greeting: &Greeting) -> Self {
        let target = world.keys[0].public().to_peer_id();
        let (mut control, driven) = intruder(world, world.keys[me].clone()).await;
        let opened = control.open_stream(target, lane.stream_protocol());
        let mut stream = timeout(PATIENCE, opened).await.unwrap().unwrap();
        greeting.write(&mut stream).await.unwrap();
        timeout(PATIENCE, Greeting::read(&mut stream)).await.expect("in time").unwrap();
        Self { stream, driven }
    }
}

/// So many frames, numbered from here on.
fn frames(from: u64, count: u64, size: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for i in 0..count {
        wire::append_frame(from + i, &vec![7; size], &mut out);
    }
    out
}

/// An honest member talks to node 0, both ways.
async fn disturb_nobody(honest: &mut Node, node: &mut Node, value: u32) {
    for class in [Class::Decision, Class::Bulk] {
        honest.send(0, class, value);
        let channel = match class {
            Class::Decision => &mut node.incoming.decision,
            Class::Bulk => &mut node.incoming.bulk,
        };
        loop {
            let inbound = timeout(PATIENCE, channel.recv()).await.expect("in time").unwrap();
            if inbound.from == party(1) {
                assert_eq!(number(&inbound.frame), value);
                inbound.taken.done();
                break;
            }
            // What the hostile one sent stays untaken.
            std::mem::forget(inbound.taken);
        }
        node.send(1, class, value);
        assert_eq!(honest.receive(class).await.1, value);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_say_nothing_take_no_places_of_members() {
    let mut world = World::new(2);
    // Member 1 can reach node 0, and not the other way round.
    world.apart = vec![(0, 1)];
    let node = world.start(0).await;
    let port = world.port(0);
    let mut held = Vec::new();
    for _ in 0..40 {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        // From elsewhere.
        socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        let stream = socket.connect((Ipv4Addr::LOCALHOST, port).into()).await.unwrap();
        held.push(stream.into_std().unwrap());
    }
    let open = |held: &[std::net::TcpStream]| {
        let is_open = |mut stream: &std::net::TcpStream| {
            let read = stream.read(&mut [0; 64]);
            matches!(read, Ok(1..)) || read.is_err_and(|e| e.kind() == io::ErrorKind::WouldBlock)
        };
        held.iter().filter(|stream| is_open(stream)).count()
    };
    let polling = async {
        while open(&held) > KNOCKING.0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let soon = timeout(Duration::from_secs(2), polling).await;
    soon.expect("those beyond its places are closed at once");
    world.doors.insert((1, 0), world.tcp(0));
    let member = world.start(1).await;
    let connected = |link: &LinkStatus| link.connected.is_some();
    let soon = timeout(Duration::from_secs(3), member.until(0, connected)).await;
    soon.expect("members come in meanwhile");
    node.until(1, connected).await;
    // And those that were let wait are not waited for without end.
    let polling = async {
        while open(&held) > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(10), polling).await.expect("a handshake has an end");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_has_so_many_connections_and_no_more() {
    let mut world = World::new(3);
    let mut node = world.start(0).await;
    let mut honest = world.start(1).await;
    node.until(1, |link| link.connected.is_some()).await;
    let (mut open, mut tasks) = (Vec::new(), JoinSet::new());
    for _ in 0..4 * CONNECTIONS_PER_PEER {
        let (control, mut driven) = intruder(&world, world.keys[2].clone()).await;
        open.push(control);
        tasks.spawn(async move { driven.join_next().await });
    }
    // At the same time no more than it may have: the rest ends, at once.
    for _ in 0..3 * CONNECTIONS_PER_PEER {
        timeout(Duration::from_secs(5), tasks.join_next()).await.expect("closed at once");
    }
    disturb_nobody(&mut honest, &mut node, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_opens_streams_in_a_loop_is_disconnected() {
    let mut world = World::new(3);
    let mut node = world.start(0).await;
    let mut honest = world.start(1).await;
    let target = world.keys[0].public().to_peer_id();
    let (control, mut hostile) = intruder(&world, world.keys[2].clone()).await;
    let mut opened = 0;
    let opening = async {
        // Single streams are dropped before that, too.
        while opened < 3 * STREAMS.burst {
            let mut control = control.clone();
            match control.open_stream(target, Lane::Decision.stream_protocol()).await {
                Ok(_) => opened += 1,
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    };
    let ended = tokio::select! {
        () = opening => panic!("so many streams, and it is still connected"),
        ended = timeout(PATIENCE, hostile.join_next()) => ended.expect("the connection is closed"),
    };
    assert!(ended.unwrap().unwrap(), "it was connected before");
    disturb_nobody(&mut honest, &mut node, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_that_nobody_takes_fill_the_budget_of_their_lane_and_no_more() {
    for size in [0, 1 << 10, 200 << 10, MAX_FRAME] {
        let mut world = World::new(3);
        let mut node = world.start(0).await;
        let mut honest = world.start(1).await;
        let mut hostile = Hostile::new(&world, 2, Lane::Decision).await;
        // Every frame costs a KiB at least.
        let most = MAX_UNTAKEN / (size / 1024 * 1024 + 1024);
        let all = frames(0, u64::try_from(2 * most + 2).unwrap(), size);
        let filled = async {
            while node.incoming.decision.len() < most {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let writing = async {
            hostile.stream.write_all(&all).await.unwrap();
            hostile.stream.flush().await.unwrap();
            // The rest is under way, and the node does not read it.
            std::future::pending::<()>().await;
        };
        let both = async {
            tokio::select! { () = filled => {}, () = writing => {} }
        };
        timeout(PATIENCE, both).await.expect("driven to the bound");
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(node.incoming.decision.len(), most, "frames of {size} bytes");
        disturb_nobody(&mut honest, &mut node, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_for_a_member_that_acknowledges_nothing_fill_its_queues_and_no_others() {
    let mut world = World::new(3);
    let mut node = world.start(0).await;
    let mut honest = world.start(1).await;
    let mut silent = world.start(2).await;
    let lanes = [Lane::Decision, Lane::Bulk, Lane::Ceremony];
    for lane in lanes {
        node.links.send(party(2), lane, vec![1]);
    }
    let incoming = &mut silent.incoming;
    let ceremony = incoming.ceremony.as_mut().unwrap();
    for channel in [&mut incoming.decision, &mut incoming.bulk, ceremony] {
        timeout(PATIENCE, channel.recv()).await.unwrap().unwrap().taken.done();
    }
    node.until(2, |link| link.unacknowledged_frames == 0).await;
    let limits =
        [MAX_UNACKNOWLEDGED_DECISION, MAX_UNACKNOWLEDGED_BULK, MAX_UNACKNOWLEDGED_CEREMONY];
    for (lane, limit) in lanes.into_iter().zip(limits) {
        let frame = vec![1; 1 << 20];
        for _ in 0..2 * limit / frame.len() {
            node.links.send(party(2), lane, frame.clone());
        }
    }
    let link = node.link(2);
    assert_eq!(link.unacknowledged_bytes, limits.iter().sum::<usize>());
    assert_eq!(link.lost_frames, (limits.iter().sum::<usize>() >> 20) as u64);
    disturb_nobody(&mut honest, &mut node, 1).await;
    assert_eq!(node.link(1).lost_frames, 0);
    silent.close().await;
}

#[test]
fn what_one_member_can_make_a_node_hold_fits_beside_what_a_node_needs() {
    // README: a node needs less than 40 MiB, and one member that floods leaves it under 256.
    let most = (256 - 40) << 20;
    for members in [4, 7, 10] {
        let held = held_for_one_peer(members);
        assert!(held < most, "{} MiB with {members} members", held >> 20);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_speaks_byte_by_byte_holds_up_itself_alone() {
    let mut world = World::new(3);
    let mut node = world.start(0).await;
    let mut honest = world.start(1).await;
    let greeting = world.greeting(2);
    let mut slow = Hostile::greet(&world, 2, Lane::Decision, &greeting).await;
    let mut frame = frames(0, 1, 100);
    let rest = frame.split_off(20);
    slow.stream.write_all(&frame).await.unwrap();
    slow.stream.flush().await.unwrap();
    disturb_nobody(&mut honest, &mut node, 1).await;
    // It is slow, not wrong: nothing is cut off, and the frame is taken when it is there.
    tokio::time::sleep(Duration::from_millis(500)).await;
    for byte in rest {
        slow.stream.write_all(&[byte]).await.unwrap();
        slow.stream.flush().await.unwrap();
    }
    let inbound = timeout(PATIENCE, node.incoming.decision.recv()).await.unwrap().unwrap();
    assert_eq!((inbound.from, inbound.frame), (party(2), vec![7; 100]));
    // A new stream takes the place of one that stands still.
    slow.stream.write_all(&frames(1, 1, 100)[..20]).await.unwrap();
    slow.stream.flush().await.unwrap();
    let mut again = Hostile::greet(&world, 2, Lane::Decision, &greeting).await;
    again.stream.write_all(&frames(1, 1, 5)).await.unwrap();
    again.stream.flush().await.unwrap();
    let inbound = timeout(PATIENCE, node.incoming.decision.recv()).await.unwrap().unwrap();
    assert_eq!(inbound.frame, vec![7; 5]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_greeting_has_an_end() {
    let mut world = World::new(3);
    let mut node = world.start(0).await;
    let mut honest = world.start(1).await;
    let target = world.keys[0].public().to_peer_id();
    let (mut control, _driven) = intruder(&world, world.keys[2].clone()).await;
    let opened = control.open_stream(target, Lane::Decision.stream_protocol());
    let mut stream = timeout(PATIENCE, opened).await.unwrap().unwrap();
    let mut greeting = Vec::new();
    world.greeting(2).write(&mut greeting).await.unwrap();
    let slowly = async {
        for byte in greeting {
            stream.write_all(&[byte]).await?;
            stream.flush().await?;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        io::Result::Ok(())
    };
    let ended = timeout(GREETING_TIMEOUT + Duration::from_secs(5), slowly).await;
    assert!(ended.expect("in time").is_err());
    disturb_nobody(&mut honest, &mut node, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_frame_ends_the_connection_of_its_sender_only() {
    let mut back = frames(5, 1, 10);
    back.extend(frames(4, 1, 10));
    let last = frames(u64::MAX, 1, 10);
    for (name, garbage) in [("back", back), ("last", last), ("noise", vec![0xff; 4096])] {
        let mut world = World::new(3);
        let mut node = world.start(0).await;
        let mut honest = world.start(1).await;
        let mut hostile = Hostile::new(&world, 2, Lane::Bulk).await;
        let _ = hostile.stream.write_all(&garbage).await;
        let _ = hostile.stream.flush().await;
        let ended = timeout(PATIENCE, hostile.driven.join_next()).await;
        assert!(ended.expect("the connection is closed").unwrap().unwrap(), "{name}");
        disturb_nobody(&mut honest, &mut node, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_floods_with_announcements_is_disconnected_and_few_are_taken() {
    let mut world = World::new(3);
    let mut node = world.start(0).await;
    let mut honest = world.start(1).await;
    let topics = gossip::Topics::new(&world.network, 1);
    let (topic, target) = (topics.hash(Topic::Certificates), world.peer(0));
    let (mut swarm, _arrive) =
        swarm::build(world.keys[2].clone(), std::slice::from_ref(&target), &topics, PING).unwrap();
    swarm.dial(DialOpts::peer_id(target.peer_id).addresses(target.addresses).build()).unwrap();
    let flooding = async {
        let mut said = 0u64;
        loop {
            if let Some(SwarmEvent::ConnectionClosed { num_established: 0, .. }) =
                futures::FutureExt::now_or_never(swarm.select_next_some())
            {
                return said;
            }
            let mut data = b"good".to_vec();
            data.extend(said.to_le_bytes());
            match swarm.behaviour_mut().gossip.publish(topic.clone(), data) {
                Ok(_) => said += 1,
                Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
            }
        }
    };
    let begun = Instant::now();
    let said = timeout(PATIENCE, flooding).await.expect("it is disconnected");
    let mut taken = 0;
    while node.incoming.announcements.try_recv().is_ok() {
        taken += 1;
    }
    let rate = bounds::ANNOUNCED;
    let most = rate.burst + u32::try_from(begun.elapsed().as_millis()).unwrap() / 100 + 1;
    assert!(taken > 0 && taken <= most, "{taken} of {said} were taken");
    disturb_nobody(&mut honest, &mut node, 1).await;
}

#[tokio::test]
async fn no_bytes_make_a_greeting_or_a_frame_fail_otherwise_than_it_should() {
    let world = World::new(2);
    let mut greeting = Vec::new();
    let shown = Some(world.begin(1));
    Greeting { shown, ..world.greeting(0) }.write(&mut greeting).await.unwrap();
    let whole = [greeting, frames(0, 3, 40)].concat();
    let mut heard = [0; 3];
    for mutant in Campaign::new(vec![whole], 1).take(50_000) {
        let mut stream = mutant.as_slice();
        let Ok(greeting) = Greeting::read(&mut stream).await else { continue };
        heard[0] += 1;
        heard[1] +=
            usize::from(greeting.start.is_of(&world.identities[0].public(), &world.network));
        let _ = greeting.check(&world.greeting(0));
        while let Ok((_, frame)) = wire::read_frame(&mut stream).await {
            assert!(frame.len() <= MAX_FRAME);
            heard[2] += 1;
        }
    }
    assert!(heard.iter().all(|count| *count > 100), "the mutants reach it: {heard:?}");
}
