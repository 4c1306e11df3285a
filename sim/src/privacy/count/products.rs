//! Products, and the proof that a dealer's triples are some.

use quorate_protocol::committee::Committee;
use quorate_protocol::crypto::Digest;
use quorate_protocol::math::{F7, Field, Poly};
use quorate_protocol::mpc::gadgets::Multiply;
use quorate_protocol::mpc::preprocessing::{Layout, Request, Triple, TripleStatement};
use quorate_protocol::sharing::Shares;
use quorate_protocol::sharing::acss::Statement;
use quorate_protocol::tag::Tag;

use super::{Case, Line, Seen, View, all};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::claim("a product", |point| product(point, false)),
        Case::claim("a product that is opened", |point| product(point, true)),
        Case::control("a product opened without a triple", without_triple),
        Case::control("two products with one triple", triple_twice),
        Case::claim("a proof of triples with two blinders", |_| triple_proof(7)),
        Case::control("a proof of triples with one blinder", |_| triple_proof(1)),
    ]
}

/// Two shared values are multiplied; with `open` the product may be learnt.
fn product(point: u64, open: bool) -> Vec<Seen> {
    let seen = |factors: (u64, u64)| {
        let (x, y) = (F7::from_u64(factors.0), F7::from_u64(factors.1));
        let mut views = Vec::new();
        all::<7, 7>(|[x1, y1, a, a1, b, b1, c1]| {
            let [x, y, a, b, c] =
                [Line(x, x1), Line(y, y1), Line(a, a1), Line(b, b1), Line(a * b, c1)];
            let share = |line: Line<F7>| line.share(point);
            let secret = Triple { a: a.0, b: b.0, c: c.0 };
            let own = Triple { a: share(a), b: share(b), c: share(c) };
            let mut view = View::default();
            view.see(&[share(x), share(y), own.a, own.b, own.c]);
            let (secrets, opened) = Multiply::new(&[(x.0, y.0)], vec![secret]);
            let (shares, own_opened) = Multiply::new(&[(share(x), share(y))], vec![own]);
            view.see(&opened);
            view.see(&own_opened);
            if open {
                view.see(&secrets.products(&opened));
                view.see(&shares.products(&opened));
            }
            views.push(view);
        });
        let outcome = if open { factors.0 * factors.1 % 7 } else { 0 };
        Seen::new(&factors, outcome, views)
    };
    [(1, 6), (2, 3)].map(seen).into()
}

/// Everybody's `x(i) y(i)` lie on a product of lines, of which an opening shows all coefficients.
fn without_triple(point: u64) -> Vec<Seen> {
    let seen = |factors: (u64, u64)| {
        let mut views = Vec::new();
        all::<7, 2>(|[x1, y1]| {
            let x = Line(F7::from_u64(factors.0), x1);
            let y = Line(F7::from_u64(factors.1), y1);
            let mut view = View::default();
            view.see(&[x.share(point), y.share(point)]);
            view.see(&[x.0 * y.0, x.0 * y.1 + x.1 * y.0, x.1 * y.1]);
            views.push(view);
        });
        Seen::new(&factors, factors.0 * factors.1 % 7, views)
    };
    [(0, 0), (0, 5), (3, 0)].map(seen).into()
}

fn triple_twice(_: u64) -> Vec<Seen> {
    let seen = |factors: [u64; 2]| {
        let mut views = Vec::new();
        all::<7, 2>(|[a, b]| {
            let mut view = View::default();
            for factor in factors.map(F7::from_u64) {
                let triple = Triple { a, b, c: a * b };
                view.see(&Multiply::new(&[(factor, F7::ONE)], vec![triple]).1);
            }
            views.push(view);
        });
        Seen::new(&factors, 0, views)
    };
    [[2, 2], [2, 3]].map(seen).into()
}

/// What is public of a proof of two triples; the second blinder of each factor has so many values.
/// The constants of the published polynomials are enough: the rest is decided by them and any `t`
/// members' shares.
fn triple_proof(second_blinders: u64) -> Vec<Seen> {
    let committee = Committee::new(4).expect("four members are enough");
    let request = Request { triples: 2, bits: 0 };
    let layout = Layout::new::<F7>(committee, request).expect("two triples fit");
    let statement = TripleStatement::new(layout);
    let (tag, root) = (Tag::root(&[8; 32], 0), Digest::from([5; 32]));
    let seen = |factors: [[u64; 2]; 2]| {
        let [a_factors, b_factors] = factors.map(|pair| pair.map(F7::from_u64));
        let mut views = Vec::new();
        all::<7, 4>(|[a0, a1, b0, b1]| {
            let used = |blinder: F7| (0..second_blinders).any(|v| F7::from_u64(v) == blinder);
            if !used(a1) || !used(b1) {
                return;
            }
            let values = |[low, high]: [F7; 2], first, last| [first, low, high, last];
            let (a, b) = (values(a_factors, a0, a1), values(b_factors, b0, b1));
            let through = |values: [F7; 4]| {
                let points: Vec<_> = (0..).map(F7::from_u64).zip(values).collect();
                Poly::interpolate(&points)
            };
            let (a_poly, b_poly) = (through(a), through(b));
            let c = F7::all().map(|x| a_poly.eval(x) * b_poly.eval(x));
            let secrets: Vec<F7> = a.into_iter().chain(b).chain(c).collect();
            let proof = statement.prove(&tag, &root, &[Shares::from(secrets)]);
            let mut view = View::default();
            proof.0.iter().for_each(|value| view.see(&[value.re, value.im]));
            views.push(view);
        });
        Seen::new(&factors, 0, views)
    };
    [[[0, 0], [0, 0]], [[1, 0], [0, 0]], [[2, 5], [6, 1]], [[3, 3], [4, 0]]].map(seen).into()
}
