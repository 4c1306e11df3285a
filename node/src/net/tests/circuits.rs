//! Members that are further apart than one relay reaches.

use std::sync::atomic::{AtomicUsize, Ordering};

use libp2p::gossipsub;
use quorate_fuzz::corpus::Campaign;

use super::relays::{is_direct, through};
use super::*;
use crate::net::circuit::PROTOCOL;
use crate::net::circuit::map::Map;
use crate::net::circuit::path::Path;
use crate::net::swarm::{Behaviour, BehaviourEvent};

/// What a listener of libp2p answers with as soon as it hears it.
const HELLO: &[u8] = b"\x13/multistream/1.0.0\n";

impl World {
    /// Members of whom these can connect directly, and no others.
    fn joined(n: usize, edges: &[(usize, usize)]) -> Self {
        let mut world = Self::new(n);
        let pairs = (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b)));
        world.apart = pairs.filter(|pair| !edges.contains(pair)).collect();
        world
    }

    fn line(n: usize) -> Self {
        let edges: Vec<_> = (1..n).map(|b| (b - 1, b)).collect();
        Self::joined(n, &edges)
    }

    fn ring(n: usize) -> Self {
        let edges: Vec<_> = (1..n).map(|b| (b - 1, b)).chain([(0, n - 1)]).collect();
        Self::joined(n, &edges)
    }

    fn id(&self, member: usize) -> PeerId {
        self.keys[member].public().to_peer_id()
    }
}

/// Through whom a peer is reached.
fn over(link: &LinkStatus) -> Option<Vec<usize>> {
    match link.connected.as_ref()? {
        Transport::Relayed { through } => Some(through.iter().map(|it| it.index()).collect()),
        Transport::Quic | Transport::Tcp => Some(Vec::new()),
    }
}

async fn both_ways(nodes: &mut [Node], a: usize, b: usize) {
    let [one, other] = nodes.get_disjoint_mut([a, b]).unwrap();
    one.talk(other, (a, b), 0..500).await;
    other.talk(one, (b, a), 0..500).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ends_of_a_line_talk_over_those_between() {
    let mut world = World::line(4);
    let mut nodes = world.start_all().await;
    both_ways(&mut nodes, 0, 3).await;
    nodes[0].until(3, |link| over(link) == Some(vec![1, 2])).await;
    nodes[3].until(0, |link| over(link) == Some(vec![2, 1])).await;
    nodes[0].until(2, |link| through(link) == Some(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_line_of_seven_all_reach_all() {
    let mut world = World::line(7);
    let mut nodes = world.start_all().await;
    both_ways(&mut nodes, 0, 6).await;
    for (me, node) in nodes.iter().enumerate() {
        for peer in (0..7).filter(|peer| *peer != me) {
            let mut between: Vec<_> = (me.min(peer) + 1..me.max(peer)).collect();
            if peer < me {
                between.reverse();
            }
            node.until(peer, |link| over(link).as_ref() == Some(&between)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_ring_of_seven_members_are_reached_the_other_way_when_one_goes_away() {
    let mut world = World::ring(7);
    let mut nodes = world.start_all().await;
    both_ways(&mut nodes, 0, 3).await;
    // Whichever way it was before, and without waiting for the gone one.
    let gone = nodes.remove(1);
    gone.close().await;
    let [zero, .., six] = nodes.as_mut_slice() else { unreachable!() };
    zero.until(3, |link| over(link) == Some(vec![6, 5, 4])).await;
    six.until(2, |link| over(link).is_some_and(|over| over.len() > 1)).await;
    let [zero, _, three, ..] = nodes.as_mut_slice() else { unreachable!() };
    zero.talk(three, (0, 3), 500..600).await;
    three.talk(zero, (3, 0), 500..600).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_takes_the_place_of_a_circuit() {
    // 0 - 1 - 2 - 3, and later 0 - 4 - 3.
    let mut world = World::joined(5, &[(0, 1), (1, 2), (2, 3), (0, 4), (3, 4)]);
    let mut nodes = Vec::new();
    for me in 0..4 {
        nodes.push(world.start(me).await);
    }
    nodes[0].until(3, |link| over(link) == Some(vec![1, 2])).await;
    let late = world.start(4).await;
    for (me, peer) in [(0, 3), (3, 0)] {
        nodes[me].until(peer, |link| through(link) == Some(4)).await;
    }
    both_ways(&mut nodes, 0, 3).await;
    late.close().await;
    nodes[0].until(3, |link| over(link) == Some(vec![1, 2])).await;
}

/// Passes on what others announce.
fn pass_on(swarm: &mut libp2p::Swarm<Behaviour>, event: SwarmEvent<BehaviourEvent>) {
    if let SwarmEvent::Behaviour(BehaviourEvent::Gossip(gossipsub::Event::Message {
        propagation_source,
        message_id,
        ..
    })) = event
    {
        let gossip = &mut swarm.behaviour_mut().gossip;
        let accept = gossipsub::MessageAcceptance::Accept;
        gossip.report_message_validation_result(&message_id, &propagation_source, accept);
    }
}

/// A member that says who its neighbours are, takes circuits on, and passes so many bytes of each and
/// no more, without a word.
struct Swallowing {
    taken: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Swallowing {
    fn start(world: &World, me: usize, near: [usize; 2], passes: usize) -> Self {
        let topics = gossip::Topics::new(&world.network, 1);
        let peers = near.map(|peer| world.peer(peer));
        let (mut swarm, _arrive) =
            swarm::build(world.keys[me].clone(), &peers, &topics, world.ping).unwrap();
        let control = swarm.behaviour().control();
        let mut streams = control.clone().accept(PROTOCOL).unwrap();
        let (taken, mut tasks) = (Arc::new(AtomicUsize::new(0)), JoinSet::new());
        let (mut map, topic) = (Map::new(party(me), 1), topics.neighbours());
        let mut say = tokio::time::interval(Duration::from_secs(1));
        tasks.spawn(async move {
            loop {
                tokio::select! {
                    event = swarm.select_next_some() => pass_on(&mut swarm, event),
                    _ = say.tick() => {
                        for peer in &peers {
                            let dial = DialOpts::peer_id(peer.peer_id);
                            let dial = dial.addresses(peer.addresses.clone());
                            // One that is connected, or is being dialled, is not dialled.
                            let _ = swarm.dial(dial.build());
                        }
                        let claim = map.say(near.map(party).into(), true);
                        let _ = swarm.behaviour_mut().gossip.publish(topic.clone(), claim);
                    }
                }
            }
        });
        let (ids, members) = (near.map(|peer| world.id(peer)), world.keys.len());
        let count = Arc::clone(&taken);
        tasks.spawn(async move {
            let mut passing = JoinSet::new();
            while let Some((from, mut back)) = streams.next().await {
                let (mut control, count) = (control.clone(), Arc::clone(&count));
                passing.spawn(async move {
                    let path = Path::read(&mut back, members).await.unwrap();
                    let to = if from == ids[0] { ids[1] } else { ids[0] };
                    let mut on = control.open_stream(to, PROTOCOL).await.unwrap();
                    path.write(&mut on).await.unwrap();
                    count.fetch_add(1, Ordering::Relaxed);
                    let ((back, mut to_back), (on, mut to_on)) = (back.split(), on.split());
                    let (back, on) = (back.take(passes as u64), on.take(passes as u64));
                    let _ = futures::join!(
                        futures::io::copy(back, &mut to_on),
                        futures::io::copy(on, &mut to_back)
                    );
                    std::future::pending::<()>().await;
                });
            }
        });
        Self { taken, _tasks: tasks }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_member_on_the_way_swallows_what_passes_another_way_is_found() {
    // Before anybody is connected over it, and after.
    for passes in [0, 8 << 10] {
        let mut world = World::ring(6);
        world.ping = Duration::from_secs(1);
        let mut zero = world.start(0).await;
        let two = world.start(2).await;
        let mut three = world.start(3).await;
        let swallowing = Swallowing::start(&world, 1, [0, 2], passes);
        let tried = async {
            while swallowing.taken.load(Ordering::Relaxed) == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, tried).await.expect("there is no other way");
        // More than it passes.
        for value in 0..200_u32 {
            let mut frame = value.to_le_bytes().to_vec();
            frame.resize(256, 0);
            zero.links.send(party(3), Class::Decision, frame.clone());
            three.links.send(party(0), Class::Decision, frame);
        }
        let honest = [world.start(4).await, world.start(5).await];
        for (node, other) in [(&mut three, 0), (&mut zero, 3)] {
            for value in 0..200 {
                let (from, got, taken) = node.receive(Class::Decision).await;
                assert_eq!((from, got), (party(other), value));
                taken.done();
            }
        }
        zero.until(3, |link| link.unacknowledged_frames == 0).await;
        assert_eq!(over(&zero.link(3)), Some(vec![5, 4]));
        for node in honest.into_iter().chain([two]) {
            node.close().await;
        }
    }
}

/// Member 2 of a network where 0 and 1 are connected to each other, and 2 to 0 alone.
async fn beside(world: &mut World) -> (Node, Node, libp2p_stream::Control, JoinSet<bool>) {
    let mut nodes = [world.start(0).await, world.start(1).await];
    let [zero, one] = &mut nodes;
    zero.until(1, is_direct).await;
    one.until(0, is_direct).await;
    let [zero, one] = nodes;
    let (control, driven) = intruder(world, world.keys[2].clone()).await;
    (zero, one, control, driven)
}

async fn circuit(to: PeerId, control: &libp2p_stream::Control, path: &Path) -> Option<Stream> {
    let mut stream = control.clone().open_stream(to, PROTOCOL).await.ok()?;
    path.write(&mut stream).await.ok()?;
    stream.write_all(HELLO).await.ok()?;
    stream.flush().await.ok()?;
    let mut answer = [0; HELLO.len()];
    timeout(PATIENCE, stream.read_exact(&mut answer)).await.expect("an answer or an end").ok()?;
    (answer == HELLO).then_some(stream)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_circuit_through_who_is_no_member_or_from_elsewhere_does_not_pass() {
    let mut world = World::joined(4, &[(0, 1), (0, 2)]);
    let (_zero, _one, control, _driven) = beside(&mut world).await;
    let zero_id = world.id(0);
    let ids: Vec<_> = (0..4).map(|member| world.id(member)).collect();
    let path = |members: &[PeerId]| Path::new(members.to_vec()).unwrap();
    let leads =
        async |members: &[PeerId]| circuit(zero_id, &control, &path(members)).await.is_some();
    assert!(leads(&[ids[2], ids[0], ids[1]]).await, "this one does");
    let stranger = PeerId::random();
    for (why, members) in [
        ("over a stranger", vec![ids[2], ids[0], stranger, ids[1]]),
        ("to a stranger", vec![ids[2], ids[0], ids[1], stranger]),
        ("from a stranger", vec![stranger, ids[2], ids[0], ids[1]]),
        ("who is before is somebody else", vec![ids[3], ids[0], ids[1]]),
        ("we are not in it", vec![ids[2], ids[3], ids[1]]),
        ("we are the first", vec![ids[0], ids[2], ids[1]]),
        ("who is next is not there", vec![ids[2], ids[0], ids[3]]),
    ] {
        assert!(!leads(&members).await, "{why}");
    }
    let still = async { while !leads(&[ids[2], ids[0], ids[1]]).await {} };
    timeout(PATIENCE, still).await.expect("this one still does");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_bytes_at_the_beginning_of_a_circuit_disturb_anybody() {
    let mut world = World::joined(3, &[(0, 1), (0, 2)]);
    let (mut zero, mut one, control, _driven) = beside(&mut world).await;
    let zero_id = world.id(0);
    let path = Path::new([2, 0, 1].map(|member| world.id(member)).to_vec()).unwrap();
    let mut whole = Vec::new();
    path.write(&mut whole).await.unwrap();
    for mutant in Campaign::new(vec![whole], 1).take(60) {
        let mut control = control.clone();
        let opened = control.open_stream(zero_id, PROTOCOL);
        let mut stream = timeout(PATIENCE, opened).await.unwrap().unwrap();
        let _ = stream.write_all(&mutant).await;
        let _ = stream.close().await;
    }
    one.talk(&mut zero, (1, 0), 0..10).await;
    zero.talk(&mut one, (0, 1), 0..10).await;
    // As soon as it may open one again.
    let again = async {
        while circuit(zero_id, &control, &path).await.is_none() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, again).await.expect("in time");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_opens_circuits_in_a_loop_keeps_nobody_else_from_theirs() {
    // 3 - 0 - 1 - 4, and 2 beside 0.
    let mut world = World::joined(5, &[(0, 1), (0, 2), (0, 3), (1, 4)]);
    let (_zero, _one, control, _driven) = beside(&mut world).await;
    let zero_id = world.id(0);
    let path = Path::new([2, 0, 1].map(|member| world.id(member)).to_vec()).unwrap();
    let (mut open, mut tried) = (Vec::new(), 0);
    let most = bounds::circuits(5);
    while open.len() < most && tried < 20 * most {
        open.extend(circuit(zero_id, &control, &path).await);
        tried += 1;
    }
    assert_eq!(open.len(), most, "all that run over one connection");
    assert!(circuit(zero_id, &control, &path).await.is_none(), "one more does not");
    let flooding = async {
        loop {
            open.extend(circuit(zero_id, &control, &path).await);
        }
    };
    let talking = async {
        let mut three = world.start(3).await;
        let mut four = world.start(4).await;
        three.talk(&mut four, (3, 4), 0..200).await;
        four.talk(&mut three, (4, 3), 0..200).await;
        assert_eq!(over(&three.link(4)), Some(vec![0, 1]));
    };
    tokio::select! {
        () = talking => {}
        () = flooding => unreachable!(),
    }
}
