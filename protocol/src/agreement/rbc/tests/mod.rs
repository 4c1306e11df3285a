mod one_party;

use std::sync::OnceLock;

use super::*;
use crate::committee::{Committee, PartySet};
use crate::crypto::erasure;
use crate::crypto::merkle::Tree;
use crate::fault::{Fault, FaultKind};
use crate::protocol::Recipient;
use crate::testkit::{Network, Order};

const SHORT: Mode = Mode::Short { limit: 1000 };
const LONG: Mode = Mode::Long { limit: 1000 };
const ORDERS: [Order; 3] = [Order::Fifo, Order::Lifo, Order::Random];
const SENDER: PartyId = PartyId::new(0);

fn p(index: u16) -> PartyId {
    PartyId::new(index)
}

/// The committee's keys, made once.
fn keyrings(n: usize) -> Vec<Arc<Keyring>> {
    static ALL: [OnceLock<Vec<Arc<Keyring>>>; 11] = [const { OnceLock::new() }; 11];
    ALL[n].get_or_init(|| Keyring::for_tests(n, 1)).clone()
}

fn tag() -> Tag {
    Tag::root(&[0; 32], 0).indexed("rbc", 7)
}

fn network(n: usize, mode: Mode, order: Order, seed: u64) -> Network<Rbc> {
    let keyrings = keyrings(n);
    let make = |party: PartyId| Rbc::new(keyrings[party.index()].clone(), SENDER, tag(), mode);
    Network::new(keyrings[0].committee(), order, seed, make)
}

fn run(net: &mut Network<Rbc>) {
    net.run(100_000);
    net.assert_no_honest_blamed();
}

/// What the honest parties delivered: all the same, or none anything.
fn agreed(net: &Network<Rbc>) -> Option<Delivery> {
    let outputs: Vec<_> = net.honest().map(|q| net.outputs[q.index()].clone()).collect();
    assert!(outputs.windows(2).all(|pair| pair[0] == pair[1]), "{outputs:?}");
    outputs[0].clone()
}

#[test]
fn validity_and_the_number_of_messages() {
    for n in [1, 4, 5, 7, 10] {
        for mode in [SHORT, LONG] {
            for order in ORDERS {
                let mut net = network(n, mode, order, 3);
                let payload = Bytes::from(vec![5; 999]);
                net.act(SENDER, |rbc, out| rbc.broadcast(payload.clone(), out)).unwrap();
                run(&mut net);
                assert_eq!(agreed(&net), Some(Delivery::Payload(payload.clone())));
                assert_eq!(net.parties[n - 1].delivered(), Some(&payload));
                let shards = |rbc: &Rbc| matches!(&rbc.carrier, Carrier::Long(l) if l.holds_any());
                assert!(!net.parties.iter().any(shards), "nobody needs shards any more");
                assert_eq!(net.faults, []);
                let expected = (n - 1) * (2 * n + 1);
                let most = if mode == LONG || order == Order::Fifo {
                    expected
                } else {
                    // READYs may overtake a SEND, whose payload is then pulled.
                    expected + 2 * n * (n.div_ceil(3))
                };
                let counted = expected..=most;
                assert!(counted.contains(&net.delivered), "{n} {mode:?} {order:?}");
            }
        }
    }
}

fn signed(keyring: &Keyring, mode: Mode, digest: Digest) -> Signature {
    keyring.identity().sign(&tag(), mode.label(), digest.as_bytes())
}

/// The SEND of an honest sender for each party.
fn sends(n: usize, mode: Mode, payload: &[u8]) -> Vec<Message> {
    let sender = &keyrings(n)[SENDER.index()];
    match mode {
        Mode::Short { .. } => {
            let signature = signed(sender, mode, short::digest(&tag(), payload));
            vec![Message::Send { payload: payload.into(), signature }; n]
        }
        Mode::Long { .. } => long::shards(sender.committee(), payload)
            .into_iter()
            .map(|shard| Message::SendShard { signature: signed(sender, mode, shard.root), shard })
            .collect(),
    }
}

/// The SENDs of shards under a root that is not of an encoding: one shard is another.
fn wrong_root(n: usize, bad: usize) -> Vec<Message> {
    let sender = &keyrings(n)[SENDER.index()];
    let committee = sender.committee();
    let mut shards = erasure::encode(&[3; 500], committee.data_shards(), n);
    let mut other = shards[bad].to_vec();
    other[1] ^= 1;
    shards[bad] = other.into();
    let tree = Tree::new(&shards);
    let signature = signed(sender, LONG, tree.root());
    let shard = |(i, bytes)| Shard { root: tree.root(), bytes, path: tree.path(i) };
    let send = |shard| Message::SendShard { shard, signature };
    shards.into_iter().enumerate().map(shard).map(send).collect()
}

/// The ECHO of a party for the SEND it got.
fn echo(send: &Message) -> Message {
    match send {
        Message::Send { payload, .. } => Message::Echo(short::digest(&tag(), payload)),
        Message::SendShard { shard, .. } => Message::EchoShard(shard.clone()),
        _ => unreachable!("not a SEND"),
    }
}

fn digest(send: &Message) -> Digest {
    match send {
        Message::Send { payload, .. } => short::digest(&tag(), payload),
        Message::SendShard { shard, .. } => shard.root,
        _ => unreachable!("not a SEND"),
    }
}

fn subsets(committee: Committee) -> impl Iterator<Item = PartySet> {
    (0u32..1 << committee.n())
        .map(move |bits| committee.parties().filter(|q| bits & (1 << q.index()) != 0).collect())
}

#[test]
fn agreement_and_totality_when_the_sender_sends_to_a_subset() {
    for mode in [SHORT, LONG] {
        for order in ORDERS {
            for helps in [false, true] {
                for subset in subsets(Committee::new(4).unwrap()) {
                    for seed in 0..if order == Order::Random { 8 } else { 1 } {
                        let mut net = network(4, mode, order, seed);
                        net.byzantine.insert(SENDER);
                        let sends = sends(4, mode, b"payload");
                        for to in subset.iter() {
                            net.inject(SENDER, Recipient::One(to), sends[to.index()].clone());
                        }
                        if helps {
                            net.inject(SENDER, Recipient::All, echo(&sends[0]));
                            net.inject(SENDER, Recipient::All, Message::Ready(digest(&sends[0])));
                        }
                        run(&mut net);
                        let reached = net.honest().filter(|q| subset.contains(*q)).count();
                        let delivery = agreed(&net);
                        assert_eq!(delivery.is_some(), reached + usize::from(helps) >= 3);
                        if let Some(delivery) = delivery {
                            assert_eq!(delivery, Delivery::Payload(b"payload"[..].into()));
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn totality_when_one_honest_party_gets_the_payload_from_nobody_but_those_that_echoed() {
    // n = 7: the sender and another are Byzantine; three honest get SEND, two do not.
    for mode in [SHORT, LONG] {
        for order in ORDERS {
            for seed in 0..50 {
                let mut net = network(7, mode, order, seed);
                net.byzantine = [SENDER, p(6)].into_iter().collect();
                let sends = sends(7, mode, b"payload");
                for to in 1..4 {
                    net.inject(SENDER, Recipient::One(p(to)), sends[usize::from(to)].clone());
                }
                for q in [SENDER, p(6)] {
                    // Their ECHOs reach one party only, which alone gets a quorum.
                    net.inject(q, Recipient::One(p(1)), echo(&sends[q.index()]));
                    net.inject(q, Recipient::All, Message::Ready(digest(&sends[0])));
                    // They answer no PULL, or with junk.
                    net.inject(q, Recipient::One(p(4)), Message::Payload(b"junk"[..].into()));
                }
                run(&mut net);
                assert_eq!(agreed(&net), Some(Delivery::Payload(b"payload"[..].into())));
            }
        }
    }
}

/// A sender that sends one payload to some and another to others, and helps both along.
fn equivocate(net: &mut Network<Rbc>, n: usize, mode: Mode, split: PartySet, second_too: bool) {
    let kinds = [sends(n, mode, b"one"), sends(n, mode, b"the other")];
    let committee = Committee::new(n).unwrap();
    for to in committee.parties() {
        let which = usize::from(split.contains(to));
        net.inject(SENDER, Recipient::One(to), kinds[which][to.index()].clone());
        if second_too {
            net.inject(SENDER, Recipient::One(to), kinds[1 - which][to.index()].clone());
        }
        for q in net.byzantine.iter() {
            net.inject(q, Recipient::One(to), echo(&kinds[which][q.index()]));
            net.inject(q, Recipient::One(to), Message::Ready(digest(&kinds[which][q.index()])));
            if second_too {
                net.inject(q, Recipient::One(to), echo(&kinds[1 - which][q.index()]));
                let digest = digest(&kinds[1 - which][q.index()]);
                net.inject(q, Recipient::One(to), Message::Ready(digest));
            }
        }
    }
}

#[test]
fn agreement_with_an_equivocating_sender() {
    let mut deliveries = 0;
    for mode in [SHORT, LONG] {
        for order in ORDERS {
            for second_too in [false, true] {
                for split in subsets(Committee::new(4).unwrap()) {
                    for seed in 0..if order == Order::Random { 10 } else { 1 } {
                        let mut net = network(4, mode, order, seed);
                        net.byzantine.insert(SENDER);
                        equivocate(&mut net, 4, mode, split, second_too);
                        run(&mut net);
                        deliveries += usize::from(agreed(&net).is_some());
                        if second_too {
                            for q in net.honest() {
                                let proof = net.parties[q.index()].equivocation().unwrap();
                                let key = keyrings(4)[0].identity().public();
                                assert!(proof.verify(&key, &tag(), mode));
                            }
                        }
                    }
                }
                for seed in 0..30 {
                    let mut net = network(7, mode, order, seed);
                    net.byzantine = [SENDER, p(1)].into_iter().collect();
                    let split = (0..7).filter(|i| (seed >> i) & 1 == 1).map(p).collect();
                    equivocate(&mut net, 7, mode, split, second_too);
                    run(&mut net);
                    deliveries += usize::from(agreed(&net).is_some());
                }
            }
        }
    }
    assert!(deliveries > 100, "the attack leaves both outcomes possible");
}

#[test]
fn evidence_of_equivocation_is_of_two_digests_of_one_sender_in_one_broadcast() {
    let keyrings = keyrings(4);
    let sender = keyrings[0].identity().public();
    let [a, b] = [Digest::from([1; 32]), Digest::from([2; 32])];
    let part = |digest| (digest, signed(&keyrings[0], SHORT, digest));
    let proof = Equivocation([part(a), part(b)]);
    assert!(proof.verify(&sender, &tag(), SHORT));
    assert!(!proof.verify(&sender, &tag(), LONG));
    assert!(!proof.verify(&sender, &tag().child("x"), SHORT));
    assert!(!proof.verify(&keyrings[1].identity().public(), &tag(), SHORT));
    assert!(!Equivocation([part(a), part(a)]).verify(&sender, &tag(), SHORT));
    assert!(!Equivocation([part(a), (b, part(a).1)]).verify(&sender, &tag(), SHORT));
}

#[test]
fn a_root_that_is_not_of_an_encoding_ends_the_same_at_everybody() {
    for n in [4, 7] {
        for bad in 0..n {
            for order in ORDERS {
                for seed in 0..if order == Order::Random { 8 } else { 1 } {
                    let mut net = network(n, LONG, order, seed);
                    net.byzantine.insert(SENDER);
                    let sends = wrong_root(n, bad);
                    for (to, send) in (0..).zip(&sends) {
                        net.inject(SENDER, Recipient::One(p(to)), send.clone());
                    }
                    // Its ECHO reaches some early, so that parties decode from different shards.
                    net.inject(SENDER, Recipient::One(p(1)), echo(&sends[0]));
                    run(&mut net);
                    assert_eq!(agreed(&net), Some(Delivery::BadSender));
                    let fault =
                        Fault { party: SENDER, kind: FaultKind::Rbc(RbcFault::BadEncoding) };
                    for q in net.honest() {
                        assert!(net.faults.contains(&(q, fault.clone())));
                        assert_eq!(net.parties[q.index()].delivered(), None);
                    }
                }
            }
        }
    }
}

#[test]
fn a_payload_over_the_limit_ends_as_a_bad_sender_or_not_at_all() {
    // Long mode, one byte over: shards may be as long as those of the limit.
    let limit = 1000;
    let committee = Committee::new(4).unwrap();
    assert_eq!(
        erasure::shard_len(limit, committee.data_shards()),
        erasure::shard_len(limit + 1, committee.data_shards()) - 2
    );
    for (mode, over, expected) in [
        (Mode::Long { limit: limit - 1 }, limit, Some(Delivery::BadSender)),
        (Mode::Long { limit }, limit + 1, None),
        (Mode::Short { limit }, limit + 1, None),
    ] {
        let mut net = network(4, mode, Order::Random, 1);
        net.byzantine.insert(SENDER);
        for (to, send) in (0..).zip(sends(4, mode, &vec![1; over])) {
            net.inject(SENDER, Recipient::One(p(to)), send);
        }
        run(&mut net);
        assert_eq!(agreed(&net), expected, "{mode:?}");
        assert_eq!(net.faults.len(), 3, "everybody blames the sender");
    }
}

#[test]
fn a_payload_as_long_as_the_limit_is_delivered() {
    for mode in [Mode::Short { limit: 1000 }, Mode::Long { limit: 1000 }] {
        let mut net = network(4, mode, Order::Random, 1);
        net.act(SENDER, |rbc, out| rbc.broadcast(vec![1; 1000].into(), out)).unwrap();
        run(&mut net);
        assert_eq!(agreed(&net), Some(Delivery::Payload(vec![1; 1000].into())), "{mode:?}");
    }
}

#[test]
fn what_is_within_the_limit_fits_an_envelope() {
    // What goes with it takes less than a page.
    const ROOM: usize = 4 << 10;
    let envelope = crate::limits::MAX_ENVELOPE;
    for n in [4, 7, 31, 64] {
        let committee = Committee::new(n).unwrap();
        assert_eq!(Mode::Short { limit: usize::MAX }.limit(committee), envelope - ROOM);
        let k = committee.data_shards();
        let limit = Mode::Long { limit: usize::MAX }.limit(committee);
        assert!(erasure::shard_len(limit, k) <= envelope - ROOM);
        let full = erasure::shard_len(limit + 1, k) > envelope - ROOM - 2;
        assert!(full || limit == crate::limits::MAX_LONG_PAYLOAD, "n {n}: {limit}");
    }
}

#[test]
fn a_gated_broadcast_is_delivered_once_everybody_approves_late() {
    for order in ORDERS {
        for seed in 0..20 {
            let keyrings = keyrings(4);
            let make = |party: PartyId| {
                Rbc::new(keyrings[party.index()].clone(), SENDER, tag(), SHORT).gated()
            };
            let mut net = Network::new(keyrings[0].committee(), order, seed, make);
            net.act(SENDER, |rbc, out| rbc.broadcast(b"payload"[..].into(), out)).unwrap();
            run(&mut net);
            assert_eq!(agreed(&net), None);
            // Three approve; the fourth never does, and delivers too.
            for q in [2, 0, 3] {
                assert!(net.parties[usize::from(q)].held().is_some());
                net.act(p(q), |rbc, out| rbc.approve(out));
            }
            run(&mut net);
            assert_eq!(agreed(&net), Some(Delivery::Payload(b"payload"[..].into())));
        }
    }
}
