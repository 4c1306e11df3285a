//! Random values that nobody knows, and bits from them.

use std::collections::BTreeMap;

use quorate_protocol::committee::{Committee, PartyId};
use quorate_protocol::math::{F7, Field, PrimeField};
use quorate_protocol::mpc::gadgets::Multiply;
use quorate_protocol::mpc::preprocessing::extract::randoms;
use quorate_protocol::mpc::preprocessing::refine::bits;
use quorate_protocol::mpc::preprocessing::{Layout, Request, Triple};

use super::{Case, Line, Seen, View, all};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::claim("m - t random values from m dealers, one of them corrupt", |point| {
            extracted(point, false)
        }),
        Case::control("one random value more", |point| extracted(point, true)),
        Case::claim("a random bit", |point| random_bits(point, true)),
        Case::control("a random bit whose square was opened without a triple", |point| {
            random_bits(point, false)
        }),
    ]
}

/// A member's shares of what the first two dealers dealt, who are honest, under all values that are
/// extracted from these and a third value, which the coalition chose. `more` adds the combination
/// that is one too many.
fn extracted(point: u64, more: bool) -> Vec<Seen> {
    let committee = Committee::new(4).expect("four members are enough");
    let request = Request { triples: 0, bits: 1 };
    let layout = Layout::new::<F7>(committee, request).expect("one bit fits");
    let values = |dealt: [F7; 3]| {
        let batches = dealt.map(|value| {
            let mut batch = vec![F7::ZERO; layout.secrets()];
            batch.iter_mut().take(1).for_each(|first| *first = value);
            batch
        });
        let batches = (0..).map(PartyId::new).zip(batches.iter().map(Vec::as_slice));
        let dealers: Vec<(PartyId, &[F7])> = batches.collect();
        let rate = layout.rates(dealers.len()).randoms;
        let mut values = randoms(&layout, &dealers).to_vec();
        values.truncate(rate);
        if more {
            let next_row = (1..).map(|point| F7::from_u64(point).pow(rate as u128));
            values.push(next_row.zip(dealt).map(|(weight, value)| weight * value).sum());
        }
        values.iter().map(|value| value.to_u64()).collect::<Vec<u64>>()
    };
    let known = F7::from_u64(4);
    let mut seen = BTreeMap::<Vec<u64>, Vec<View>>::new();
    all::<7, 3>(|dealt| {
        // Whatever is extracted could be anything: what never comes up has no views.
        let [first, second, third] = dealt.map(PrimeField::to_u64);
        let any = if more { vec![first, second, third] } else { vec![first, second] };
        seen.entry(any).or_default();
    });
    all::<7, 4>(|[r1, s1, r2, s2]| {
        let mut view = View::default();
        view.see(&[Line(r1, s1).share(point), Line(r2, s2).share(point)]);
        seen.entry(values([r1, r2, known])).or_default().push(view);
    });
    seen.into_iter().map(|(values, views)| Seen::new(&values, 0, views)).collect()
}

/// A bit from a random value whose square is opened, as a product by a triple or not.
fn random_bits(point: u64, by_triple: bool) -> Vec<Seen> {
    let mut zero = Vec::new();
    let mut one = Vec::new();
    all::<7, 7>(|[r, r1, a, a1, b, b1, c1]| {
        let [r, a, b, c] = [Line(r, r1), Line(a, a1), Line(b, b1), Line(a * b, c1)];
        let share = |line: Line<F7>| line.share(point);
        let mut view = View::default();
        view.see(&[share(r)]);
        let square = if by_triple {
            let secret = Triple { a: a.0, b: b.0, c: c.0 };
            let own = Triple { a: share(a), b: share(b), c: share(c) };
            let (secrets, opened) = Multiply::new(&[(r.0, r.0)], vec![secret]);
            let (shares, own_opened) = Multiply::new(&[(share(r), share(r))], vec![own]);
            view.see(&[own.a, own.b, own.c]);
            view.see(&opened);
            view.see(&own_opened);
            view.see(&shares.products(&opened));
            secrets.products(&opened).to_vec()
        } else {
            view.see(&[r.0 * r.1 + r.1 * r.0, r.1 * r.1]);
            vec![r.0 * r.0]
        };
        view.see(&square);
        // Zero gives no bit.
        if let [bit] = bits(&[r.0], &square, 1)[..] {
            view.see(&bits(&[share(r)], &square, 1));
            if bit == F7::ONE { one.push(view) } else { zero.push(view) }
        }
    });
    vec![Seen::new(&0, 0, zero), Seen::new(&1, 0, one)]
}
