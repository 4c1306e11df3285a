//! Whole key generations, with honest and hostile members.

mod attacks;
mod coins;

use super::*;
use crate::agreement::coin::Coin;
use crate::agreement::rbc;
use crate::crypto::point::Point;
use crate::fault::FaultKind;
use crate::math::lagrange_row;
use crate::testkit::{InFlight, Network, Order};

type Net = Network<KeyGeneration>;

/// Enough for every run here; one that needs more does not come to rest.
const MOST: usize = 200_000;

fn party(index: u16) -> PartyId {
    PartyId::new(index)
}

fn set(indices: &[u16]) -> PartySet {
    indices.iter().copied().map(party).collect()
}

fn tag() -> Tag {
    Tag::root(&[9; 32], 0).child("key generation tests")
}

fn seed_of(party: PartyId) -> Secret<[u8; 32]> {
    Secret::new([party.point() as u8; 32])
}

fn network(n: usize, order: Order, seed: u64) -> Net {
    let keyrings = Keyring::for_tests(n, 11);
    Network::new(keyrings[0].committee(), order, seed, |p| {
        KeyGeneration::new(Arc::clone(&keyrings[p.index()]), tag(), 1, seed_of(p))
    })
}

fn start(net: &mut Net, parties: PartySet) {
    for p in parties.iter() {
        net.act(p, |node, out| node.start(out)).unwrap();
    }
}

/// All subsets of `size` of `from`.
fn subsets(from: PartySet, size: usize) -> Vec<PartySet> {
    let mut all = vec![PartySet::EMPTY];
    for p in from.iter() {
        let with = all.iter().map(|s| s.union([p].into_iter().collect())).collect::<Vec<_>>();
        all.extend(with);
    }
    all.retain(|s| s.len() == size);
    all
}

/// All honest members have the same keys; any `t + 1` of their shares give the secret of each, and
/// the shares are on a polynomial of degree t and of no smaller one.
fn assert_keys(net: &Net) -> Arc<PublicKeys> {
    let honest: PartySet = net.honest().collect();
    let keys: Vec<&KeySet> = honest
        .iter()
        .map(|p| net.outputs[p.index()].as_ref().unwrap_or_else(|| panic!("{p} has no keys")))
        .collect();
    assert_same_keys(&keys);
    keys[0].public().clone()
}

pub(in crate::keys) fn assert_same_keys(keys: &[&KeySet]) {
    let (committee, public) = (keys[0].committee(), keys[0].public());
    let name = Tag::root(&[0; 32], 0);
    let tosses: Vec<_> = keys.iter().map(|k| (k.me(), k.coin().unwrap().share(&name))).collect();
    let mut sums = Vec::new();
    let members = keys.iter().map(|k| k.me()).collect();
    for chosen in subsets(members, committee.one_honest()) {
        let some: Vec<&&KeySet> = keys.iter().filter(|k| chosen.contains(k.me())).collect();
        let points: Vec<Fl> = some.iter().map(|k| Fl::from_u64(k.me().point())).collect();
        let row = lagrange_row(&points, Fl::ZERO);
        let secret = |of: fn(&SecretKeys) -> &Secret<Fl>| -> Fl {
            row.iter().zip(&some).map(|(l, k)| *l * *of(k.secret()).expose()).sum()
        };
        let [certificate, document] = [secret(|s| &s.certificate), secret(|s| &s.document)];
        assert_eq!(Point::base(&certificate), *public.certificate.key());
        assert_eq!(Point::base(&document), *public.document.key());
        assert!(certificate != document && public.certificate != public.document);
        sums.push(secret(|s| &s.coin));
        let shares: Vec<_> = tosses.iter().filter(|(p, _)| chosen.contains(*p)).cloned().collect();
        let bit = keys[0].coin().unwrap().toss(&name, &tosses[..committee.one_honest()]);
        assert_eq!(keys[0].coin().unwrap().toss(&name, &shares), bit);
    }
    assert!(sums.windows(2).all(|w| w[0] == w[1]), "the coin's shares are of one key");
    for k in keys {
        assert_eq!(k.public(), public);
        assert_eq!((k.committee(), k.epoch()), (committee, 1));
        assert!(keys[0].coin().unwrap().verify(&name, k.me(), &k.coin().unwrap().share(&name)));
    }
    if committee.degree() > 0 {
        // t shares are of some other key: the degree is not lower.
        let few = &keys[..committee.degree()];
        let points: Vec<Fl> = few.iter().map(|k| Fl::from_u64(k.me().point())).collect();
        let row = lagrange_row(&points, Fl::ZERO);
        let wrong = row.iter().zip(few).map(|(l, k)| *l * *k.secret().certificate.expose()).sum();
        assert_ne!(Point::base(&wrong), *public.certificate.key());
    }
}

fn dealers(net: &Net) -> PartySet {
    let first = net.honest().next().unwrap();
    let dealers = net.parties[first.index()].progress().dealers.expect("there are keys");
    assert!(net.honest().all(|p| net.parties[p.index()].progress().dealers == Some(dealers)));
    dealers
}

#[test]
fn members_make_keys_that_any_t_plus_one_of_them_hold() {
    for (n, order, seed) in [
        (4, Order::Fifo, 0),
        (4, Order::Lifo, 0),
        (4, Order::Random, 1),
        (5, Order::Random, 2),
        (7, Order::Fifo, 0),
        (7, Order::Random, 3),
    ] {
        let mut net = network(n, order, seed);
        let everyone = net.honest().collect();
        start(&mut net, everyone);
        net.run(MOST);
        assert_keys(&net);
        assert!(dealers(&net).len() >= net.parties[0].committee().quorum());
        assert!(net.faults.is_empty(), "{:?}", net.faults);
        assert!(net.parties.iter().all(|p| p.waiting_for().is_empty()));
    }
}

#[test]
fn no_coin_is_tossed_where_nobody_is_late() {
    let mut net = network(4, Order::Fifo, 0);
    start(&mut net, set(&[0, 1, 2, 3]));
    net.run(MOST);
    assert_keys(&net);
    assert!(net.parties.iter().all(|p| p.subset.coins_tossed() == 0));
}

#[test]
fn the_same_seeds_and_schedule_make_the_same_keys_and_other_seeds_others() {
    let keys = |order, seed| {
        let mut net = network(4, order, seed);
        start(&mut net, set(&[0, 1, 2, 3]));
        net.run(MOST);
        (dealers(&net), assert_keys(&net).digest())
    };
    assert_eq!(keys(Order::Random, 5), keys(Order::Random, 5));
    // The schedule decides only whose scalars count.
    let all: Vec<_> = (0..6).map(|seed| keys(Order::Random, seed)).collect();
    for (a, b) in all.iter().zip(all.iter().skip(1)) {
        assert_eq!(a.0 == b.0, a.1 == b.1);
    }
    let keyrings = Keyring::for_tests(4, 11);
    let secrets = |tag, seed| {
        let node = KeyGeneration::new(Arc::clone(&keyrings[0]), tag, 1, Secret::new([seed; 32]));
        node.secrets().to_vec()
    };
    assert_eq!(secrets(tag(), 1), secrets(tag(), 1));
    assert_ne!(secrets(tag(), 1), secrets(tag(), 2));
    assert_ne!(secrets(tag(), 1), secrets(tag().child("another"), 1));
}

#[test]
fn t_members_that_are_silent_from_the_start_are_not_waited_for() {
    for (n, silent, seed) in [(4, set(&[3]), 1), (4, set(&[0]), 2), (7, set(&[2, 6]), 3)] {
        let mut net = network(n, Order::Random, seed);
        net.byzantine = silent;
        let honest = net.honest().collect();
        start(&mut net, honest);
        let others = Committee::new(n).unwrap().everyone().difference(set(&[1]));
        assert_eq!(net.parties[1].waiting_for(), others);
        net.run(MOST);
        assert_keys(&net);
        assert_eq!(dealers(&net), honest);
        assert!(net.faults.is_empty());
    }
}

#[test]
fn one_more_than_t_silent_members_are_named_and_come_late() {
    let mut net = network(4, Order::Random, 4);
    start(&mut net, set(&[0, 2]));
    net.run(MOST);
    assert!(net.outputs.iter().all(Option::is_none));
    assert_eq!(net.parties[0].waiting_for(), set(&[1, 3]));
    assert_eq!(net.parties[0].progress().complete, set(&[0, 2]));
    start(&mut net, set(&[3]));
    net.run(MOST);
    // Party 1 has taken part all the time, without dealing.
    assert_keys(&net);
    assert_eq!(dealers(&net), set(&[0, 2, 3]));
    start(&mut net, set(&[1]));
    net.run(MOST);
    assert!(net.act(party(1), |node, out| node.start(out)).is_err(), "started twice");
    assert!(net.faults.is_empty());
}

#[test]
fn random_schedules_lead_to_one_key_set() {
    for seed in 0..12 {
        let n = if seed % 4 == 3 { 7 } else { 4 };
        let mut net = network(n, Order::Random, 100 + seed);
        let everyone = net.honest().collect();
        start(&mut net, everyone);
        net.run(MOST);
        assert_keys(&net);
        assert!(net.faults.is_empty());
    }
}

#[test]
fn nothing_secret_prints() {
    let mut net = network(4, Order::Fifo, 0);
    start(&mut net, set(&[0, 1, 2, 3]));
    let mut seen = std::collections::BTreeSet::new();
    while let Some(InFlight { from, to, message }) = net.next() {
        seen.insert(message.to_string());
        net.deliver(InFlight { from, to, message });
    }
    for expected in ["dealing0 rbc/SEND", "dealing2 OK", "set3 ECHO", "agreement 1/r0 E1 1"] {
        assert!(seen.iter().any(|m| m.starts_with(expected)), "{expected}: {seen:?}");
    }
    let text = format!("{:?}", net.parties[0]);
    assert!(text.contains("progress") && !text.contains("seed"), "{text}");
}
