use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::*;
use crate::committee::Committee;
use crate::fault::{FaultKind, OpeningFault};
use crate::keys::TrustedKeyDealer;
use crate::protocol::Recipient;
use crate::sharing::shamir;
use crate::testkit::{Collected, InFlight, Network, Order};

const MESSAGE: &[u8] = b"release payment file 7";

fn root() -> Tag {
    Tag::root(&[3; 32], 1)
}

/// Keys and one nonce pair of every member, and the secrets `d` and `e`.
struct World {
    committee: Committee,
    keys: Vec<KeySet>,
    pairs: Vec<NoncePair>,
    nonces: [Fl; 2],
}

impl World {
    fn new(n: usize, seed: u64) -> Self {
        let committee = Committee::new(n).unwrap();
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let keys = TrustedKeyDealer::deal(committee, 1, &mut rng).unwrap();
        let nonces = [Fl::random(&mut rng), Fl::random(&mut rng)];
        let [d, e] = nonces.map(|nonce| shamir::share(nonce, committee, &mut rng));
        let [big_d, big_e] = nonces.map(|nonce| Point::base(&nonce));
        let pair =
            |(d, e): (Fl, Fl)| NoncePair::new(7, (Secret::new(d), big_d), (Secret::new(e), big_e));
        let pairs = d.into_iter().zip(e).map(pair).collect();
        Self { committee, keys, pairs, nonces }
    }

    fn signing(&self, party: PartyId, purpose: Purpose, message: &[u8]) -> Signing {
        let (keys, pair) = (&self.keys[party.index()], self.pairs[party.index()].clone());
        Signing::new(keys, purpose, &root(), pair, message.into())
    }

    fn network(&self, order: Order, seed: u64) -> Network<Signing> {
        Network::new(self.committee, order, seed, |party| {
            self.signing(party, Purpose::Certificate, MESSAGE)
        })
    }

    fn key(&self, purpose: Purpose) -> Point {
        *purpose.key(&self.keys[0]).key()
    }

    /// The key's secret, as no member ever knows it.
    fn secret(&self, purpose: Purpose) -> Fl {
        let shares: Vec<(PartyId, Fl)> =
            self.keys.iter().map(|keys| (keys.me(), *purpose.share(keys).expose())).collect();
        shamir::reconstruct(self.committee, &shares).unwrap()
    }
}

/// A share as the member sends it.
fn share_of(mut signing: Signing) -> Fl {
    let mut out = Collected::default();
    signing.sign(&mut out);
    match out.sent.as_slice() {
        [(Recipient::All, Message(share))] => *share,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_single_signer_with_the_same_nonce_signs_the_same() {
    let world = World::new(4, 1);
    for purpose in Purpose::ALL {
        let (key, x) = (world.key(purpose), world.secret(purpose));
        let b = world.pairs[0].binding(&root(), &key, MESSAGE);
        let [d, e] = world.nonces;
        let r = d + b * e;
        let nonce = Point::base(&r).to_bytes();
        let z = r + challenge(&nonce, &key, MESSAGE) * x;
        let expected = GroupSignature::new(nonce, z.scalar().to_bytes());
        assert!(expected.verify(&key, MESSAGE));
        let mut network = Network::new(world.committee, Order::Fifo, 0, |party| {
            world.signing(party, purpose, MESSAGE)
        });
        for party in world.committee.parties() {
            network.act(party, |signing, out| signing.sign(out));
        }
        network.run(1000);
        assert!(network.outputs.iter().all(|output| *output == Some(expected)));
        assert!(network.faults.is_empty());
        assert_eq!(network.delivered, 12, "n(n - 1) messages: one hop");
    }
}

#[test]
fn t_members_that_are_silent_or_lie_first_change_nothing() {
    for n in [4, 5, 7, 10, 13] {
        for (seed, order) in (0..).zip([Order::Fifo, Order::Lifo, Order::Random, Order::Random]) {
            for lie in [false, true] {
                let world = World::new(n, seed);
                let mut network = world.network(order, seed);
                let t = world.committee.t();
                network.byzantine = world.committee.parties().skip(seed as usize).take(t).collect();
                for liar in network.byzantine.iter().filter(|_| lie) {
                    let wrong = Message(Fl::from_u64(liar.point()));
                    network.inject(liar, Recipient::All, wrong);
                }
                let honest: Vec<PartyId> = network.honest().collect();
                for party in &honest {
                    network.act(*party, |signing, out| signing.sign(out));
                }
                network.run(10_000);
                for party in &honest {
                    let signature = network.outputs[party.index()].unwrap();
                    assert!(signature.verify(&world.key(Purpose::Certificate), MESSAGE));
                    assert_eq!(Some(signature), network.outputs[honest[0].index()]);
                    let liars = network.parties[party.index()].liars();
                    assert_eq!(liars, if lie { network.byzantine } else { PartySet::EMPTY });
                }
                network.assert_no_honest_blamed();
                let kind = FaultKind::from(OpeningFault::WrongShare);
                assert!(network.faults.iter().all(|(_, fault)| fault.kind == kind));
                assert_eq!(network.faults.len(), if lie { t * honest.len() } else { 0 });
            }
        }
    }
}

#[test]
fn every_liar_in_every_order_of_arrival() {
    let world = World::new(4, 2);
    let all: Vec<PartyId> = world.committee.parties().collect();
    let shares: Vec<Fl> = all
        .iter()
        .map(|party| share_of(world.signing(*party, Purpose::Certificate, MESSAGE)))
        .collect();
    let key = world.key(Purpose::Certificate);
    for liar in &all {
        for code in 0..24 {
            let mut left = all.clone();
            let order: Vec<PartyId> =
                [code % 4, code / 4 % 3, code / 12, 0].map(|i| left.remove(i)).into();
            let mut signing = world.signing(all[0], Purpose::Certificate, MESSAGE);
            let (mut out, mut signatures) = (Collected::default(), Vec::new());
            for from in &order {
                let wrong = if from == liar { Fl::ONE } else { Fl::ZERO };
                let message = Message(shares[from.index()] + wrong);
                signatures.extend(signing.handle(*from, message, &mut out));
            }
            assert!(matches!(signatures[..], [signature] if signature.verify(&key, MESSAGE)));
            let blamed: Vec<PartyId> = out.faults.iter().map(|fault| fault.party).collect();
            assert_eq!(blamed, [*liar], "{order:?}");
        }
    }
}

#[test]
fn network_epoch_pair_nonces_key_and_message_bind_the_nonce() {
    let (world, other) = (World::new(4, 3), World::new(4, 4));
    let (pair, key) = (world.pairs[0].clone(), world.key(Purpose::Certificate));
    let elsewhere = Tag::root(&[3; 32], 2);
    let foreign = Tag::root(&[4; 32], 1);
    let numbered = NoncePair { index: 8, ..pair.clone() };
    let other_d = NoncePair { big_d: other.pairs[0].big_d, ..pair.clone() };
    let other_e = NoncePair { big_e: other.pairs[0].big_e, ..pair.clone() };
    let document = world.key(Purpose::Document);
    let mut all = [
        pair.binding(&root(), &key, MESSAGE),
        pair.binding(&elsewhere, &key, MESSAGE),
        pair.binding(&foreign, &key, MESSAGE),
        pair.binding(&root(), &document, MESSAGE),
        pair.binding(&root(), &key, b""),
        numbered.binding(&root(), &key, MESSAGE),
        other_d.binding(&root(), &key, MESSAGE),
        other_e.binding(&root(), &key, MESSAGE),
    ];
    all.sort();
    assert!(all.windows(2).all(|two| two[0] != two[1]));
}

#[test]
fn the_two_keys_do_not_sign_for_each_other() {
    let world = World::new(4, 5);
    for (purpose, other) in
        [(Purpose::Certificate, Purpose::Document), (Purpose::Document, Purpose::Certificate)]
    {
        let mut network = Network::new(world.committee, Order::Random, 5, |party| {
            world.signing(party, purpose, MESSAGE)
        });
        for party in world.committee.parties() {
            network.act(party, |signing, out| signing.sign(out));
        }
        network.run(1000);
        let signature = network.outputs[0].unwrap();
        assert!(signature.verify(&world.key(purpose), MESSAGE));
        assert!(!signature.verify(&world.key(other), MESSAGE));
    }
}

#[test]
fn what_would_not_verify_is_not_output() {
    // As if more than t members were corrupt: the shares are of another nonce than the points.
    let mut world = World::new(4, 6);
    let other = World::new(4, 7);
    for (pair, other) in world.pairs.iter_mut().zip(&other.pairs) {
        pair.d = other.d.clone();
    }
    let mut network = world.network(Order::Fifo, 0);
    for party in world.committee.parties() {
        network.act(party, |signing, out| signing.sign(out));
    }
    network.run(1000);
    assert!(network.outputs.iter().all(Option::is_none));
}

#[test]
fn members_that_sign_other_messages_with_the_pair_are_liars_to_the_rest() {
    let world = World::new(7, 8);
    let mut network = Network::new(world.committee, Order::Random, 8, |party| {
        let message = if party.index() < 2 { b"another".as_slice() } else { MESSAGE };
        world.signing(party, Purpose::Certificate, message)
    });
    for party in world.committee.parties() {
        network.act(party, |signing, out| signing.sign(out));
    }
    network.run(1000);
    for output in network.outputs.iter().skip(2) {
        assert!(output.unwrap().verify(&world.key(Purpose::Certificate), MESSAGE));
    }
    assert!(network.outputs[0].is_none() && network.outputs[1].is_none());
}

#[test]
fn a_share_leaves_once_and_a_second_one_from_a_peer_is_blamed() {
    let world = World::new(4, 9);
    let [first, second, ..] = [0, 1].map(PartyId::new);
    let mut network = world.network(Order::Fifo, 0);
    network.act(first, |signing, out| {
        signing.sign(out);
        signing.sign(out);
    });
    assert_eq!(network.flight.len(), 3);
    let share = network.flight[0].message;
    for message in [share, share, Message(share.0 + Fl::ONE)] {
        network.deliver(InFlight { from: first, to: second, message });
    }
    let kinds: Vec<FaultKind> = network.faults.iter().map(|(_, fault)| fault.kind).collect();
    assert_eq!(kinds, [OpeningFault::SecondShare.into()]);
}

#[test]
fn a_pair_is_read_back_and_nothing_secret_prints() {
    let world = World::new(4, 10);
    let pair = &world.pairs[2];
    let bytes = crate::wire::encode(pair);
    assert_eq!(bytes.len(), 8 + 4 * 32);
    let back: NoncePair = crate::wire::decode(&bytes, 200).unwrap();
    assert_eq!(crate::wire::encode(&back), bytes);
    let signing = world.signing(PartyId::new(2), Purpose::Certificate, MESSAGE);
    let text = format!("{pair:?} {:?} {signing:?}", Message(Fl::ONE));
    assert!(text.starts_with("[nonce pair 7] Message([scalar]) Signing { pair: 7, digest:"));
}
