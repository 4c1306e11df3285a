//! Sharings of scalars: Feldman's commitments on the same skeleton.

use curve25519_dalek::ristretto::RistrettoPoint;

use super::super::scalar::{Curve, ScalarTerms, Scalars, evaluate};
use super::*;
use crate::crypto::point::Point;
use crate::math::Fl;

type ScalarNet = Network<Acss<Scalars>>;

const CURVES: [Curve; 4] = [Curve::Ristretto, Curve::Edwards, Curve::Edwards, Curve::Ristretto];

fn scalars() -> Shares<Fl> {
    (1..=CURVES.len() as u64).map(|s| Fl::from_u64(1000 + s)).collect()
}

fn scalar_network(keyrings: &[Arc<Keyring>], order: Order, seed: u64) -> ScalarNet {
    Network::new(keyrings[0].committee(), order, seed, |p| {
        let terms = ScalarTerms::new(CURVES.to_vec());
        Acss::scalars(keyrings[p.index()].clone(), DEALER, tag(), terms)
    })
}

/// All of `parties` hold points of the polynomials that all of them have the commitments to.
fn assert_all_agree(net: &ScalarNet, parties: PartySet, expected: &Shares<Fl>) {
    let commitments = net.outputs[parties.iter().next().unwrap().index()].as_ref().unwrap();
    let commitments = &commitments.commitments;
    for (secret, curve) in CURVES.iter().enumerate() {
        let mut points = Vec::new();
        for p in parties.iter() {
            let output = net.outputs[p.index()].as_ref().expect("complete");
            assert_eq!(output.commitments, *commitments);
            let share = output.shares[secret];
            points.push((Fl::from_u64(p.point()), share));
            match curve {
                Curve::Edwards => {
                    let own = commitments.edwards(secret).unwrap();
                    assert!(commitments.ristretto(secret).is_none());
                    assert_eq!(evaluate(own, p), Some(Point::base(&share)));
                }
                Curve::Ristretto => {
                    let own = commitments.ristretto(secret).unwrap();
                    assert!(commitments.edwards(secret).is_none());
                    assert_eq!(evaluate(own, p), Some(RistrettoPoint::mul_base(share.scalar())));
                }
            }
        }
        let width = net.parties[0].terms().committee().degree() + 1;
        let polynomial = Poly::interpolate(&points[..width]);
        assert!(points.iter().all(|(x, y)| polynomial.eval(*x) == *y));
        assert_eq!(polynomial.eval(Fl::ZERO), expected[secret]);
    }
}

#[test]
fn an_honest_dealer_of_scalars_completes_everywhere() {
    for n in [4, 5, 7] {
        let keyrings = keyrings(n);
        for (order, at) in [(Order::Fifo, 0), (Order::Lifo, 0), (Order::Random, 1)] {
            let mut net = scalar_network(&keyrings, order, at);
            net.act(DEALER, |p, out| p.deal(scalars(), &seed(), out)).unwrap();
            net.run(MOST);
            assert_all_agree(&net, keyrings[0].committee().everyone(), &scalars());
            assert!(net.faults.is_empty(), "{:?}", net.faults);
        }
    }
}

#[test]
fn recipients_with_wrong_scalars_recover() {
    let keyrings = keyrings(4);
    for deviation in [
        Deviation { wrong_share: set(&[2]), ..Deviation::default() },
        Deviation { junk: set(&[2]), ..Deviation::default() },
        Deviation { scattered: set(&[2]), ..Deviation::default() },
    ] {
        let mut net = scalar_network(&keyrings, Order::Random, 1);
        net.act(DEALER, |p, out| p.deal_with(scalars(), &seed(), deviation, out)).unwrap();
        net.run(MOST);
        assert_all_agree(&net, keyrings[0].committee().everyone(), &scalars());
        assert!(net.parties[2].complained() && net.parties[2].recovered());
    }
}
