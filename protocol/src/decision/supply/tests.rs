use super::*;
use crate::agreement::coin::IdealCoin;
use crate::crypto::point::Point;
use crate::keys::nonces::Nonce;
use crate::math::Poly;
use crate::sharing::acss::Deviation;
use crate::sharing::acss::scalar::Forgery;
use crate::testkit::{Network, Order};

type Run = Supply<IdealCoin>;

const REQUEST: Request =
    Request { material: preprocessing::Request { triples: 20, bits: 8 }, pairs: 5 };

fn network(n: usize, order: Order, seed: u64) -> Network<Run> {
    let committee = Committee::new(n).unwrap();
    let keyrings = Keyring::for_tests(n, seed);
    Network::new(committee, order, seed, |me| {
        let coin = Arc::new(IdealCoin::new(me, seed));
        let own = Secret::new([me.index() as u8; 32]);
        let tag = Tag::root(&[2; 32], seed);
        Run::new(keyrings[me.index()].clone(), coin, tag, own, REQUEST).unwrap()
    })
}

/// Starts everyone who is not hostile, and runs until nothing moves, patience included.
fn run(network: &mut Network<Run>) {
    for party in network.honest() {
        network.act(party, |run, out| run.start(out));
    }
    network.run(1_000_000);
    for party in network.honest() {
        network.act(party, |run, out| run.close(out));
    }
    network.run(1_000_000);
}

/// Checks that all honest parties have the same dealers, amounts, and nonce pairs.
fn check(network: &Network<Run>, committee: Committee) -> PartySet {
    network.assert_no_honest_blamed();
    let honest: Vec<PartyId> = network.honest().collect();
    let product = |party: &PartyId| network.outputs[party.index()].as_ref().expect("an output");
    let dealers = network.parties[honest[0].index()].dealers().unwrap();
    let material = preprocessing::yields(committee, dealers.len(), REQUEST.material);
    let pairs = nonces::yields(committee, dealers.len(), REQUEST.pairs);
    assert_eq!(pairs, {
        let dealt = REQUEST.pairs.div_ceil(committee.quorum() - committee.t());
        dealt * (dealers.len() - committee.t())
    });
    for party in &honest {
        assert_eq!(network.parties[party.index()].dealers(), Some(dealers));
        let product = product(party);
        let made = (product.batch.bits.len(), product.batch.triples.len(), product.pairs.len());
        assert_eq!(made, (material.bits, material.triples, pairs));
        let asked = (REQUEST.material.bits, REQUEST.material.triples, REQUEST.pairs);
        assert!(made.0 >= asked.0 && made.1 >= asked.1 && made.2 >= asked.2, "all that is claimed");
    }
    for i in 0..pairs {
        let halves: [fn(&Nonces) -> &Nonce; 2] = [|pair| &pair.0, |pair| &pair.1];
        for half in halves {
            let of = |party: &PartyId| half(&product(party).pairs[i]);
            let shares: Vec<(Fl, Fl)> =
                honest.iter().map(|p| (Fl::from_u64(p.point()), *of(p).0.expose())).collect();
            let poly = Poly::interpolate(&shares[..=committee.degree()]);
            assert!(shares.iter().all(|(x, y)| poly.eval(*x) == *y), "degree t");
            let point = Point::base(&poly.constant());
            assert!(honest.iter().all(|party| of(party).1 == point));
        }
    }
    dealers
}

#[test]
fn one_run_makes_bits_triples_and_nonce_pairs_of_the_same_dealers() {
    for (n, order) in [(4, Order::Fifo), (4, Order::Random), (7, Order::Random)] {
        let committee = Committee::new(n).unwrap();
        let mut network = network(n, order, 1);
        for party in network.honest() {
            network.act(party, |run, out| run.start(out));
        }
        network.run(1_000_000);
        assert_eq!(check(&network, committee), committee.everyone());
        assert!(network.faults.is_empty());
    }
}

#[test]
fn silent_parties_stop_nothing() {
    let committee = Committee::new(4).unwrap();
    let mut network = network(4, Order::Random, 2);
    network.byzantine = [PartyId::new(1)].into_iter().collect();
    run(&mut network);
    assert_eq!(check(&network, committee).len(), 3);
}

/// Deals bits and triples as it should, and nonces as this says.
fn deviate(network: &mut Network<Run>, dealer: PartyId, deviation: Deviation) {
    network.act(dealer, |run, out| {
        run.started = true;
        run.material.start(&mut out.wrap(Message::Material));
        let secrets = secrets(&run.layout, &run.seed, &nonces_tag(&run.tag, dealer));
        let out = &mut out.wrap(move |message| Message::Nonces(dealer, message));
        run.sharings[dealer].deal_with(secrets, &run.seed, deviation, out).unwrap();
    });
}

#[test]
fn a_dealer_of_false_nonces_is_left_out_with_all_it_dealt() {
    for forgery in [Forgery::Longer, Forgery::Shorter, Forgery::Empty, Forgery::BadProof] {
        let committee = Committee::new(4).unwrap();
        let mut network = network(4, Order::Random, 3);
        let dealer = PartyId::new(2);
        deviate(&mut network, dealer, Deviation { forgery: Some(forgery), ..Deviation::default() });
        run(&mut network);
        network.byzantine = [dealer].into_iter().collect();
        assert!(!check(&network, committee).contains(dealer));
        assert!(network.faults.iter().any(|(_, fault)| fault.party == dealer));
    }
}

#[test]
fn a_party_that_gets_no_valid_nonces_gets_them_from_the_others() {
    let committee = Committee::new(4).unwrap();
    let [dealer, victim] = [2, 0].map(PartyId::new);
    let mut network = network(4, Order::Random, 4);
    let wrong_share = [victim].into_iter().collect();
    deviate(&mut network, dealer, Deviation { wrong_share, ..Deviation::default() });
    run(&mut network);
    network.byzantine = [dealer].into_iter().collect();
    check(&network, committee);
    assert_eq!(network.parties[victim.index()].stats().recovered, 1);
}

#[test]
fn seed_and_name_decide_the_nonces() {
    let layout = Layout::new(Committee::new(4).unwrap(), 5).unwrap();
    let deal = |seed, run| {
        let tag = nonces_tag(&Tag::root(&[0; 32], 0).indexed("run", run), PartyId::new(1));
        secrets(&layout, &Secret::new([seed; 32]), &tag).to_vec()
    };
    assert!(deal(1, 0) == deal(1, 0) && deal(1, 0) != deal(2, 0) && deal(1, 0) != deal(1, 1));
    assert_eq!(deal(1, 0).len(), 6);
}
