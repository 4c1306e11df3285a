//! Comparisons with a public bound.

use std::collections::BTreeMap;

use quorate_protocol::math::{F31, Field, PrimeField};
use quorate_protocol::mpc::gadgets::Compare;
use quorate_protocol::mpc::gadgets::compare::{Step, multiplications};
use quorate_protocol::mpc::preprocessing::Triple;

use super::{Case, Line, Seen, View, all};

/// The greatest number in two bits.
const GREATEST: u64 = 3;

pub(super) fn cases() -> Vec<Case> {
    vec![
        // 2^(k + 1) / 2^(k + s) for two bits and two more.
        Case::claim("what a comparison opens", |_| opened(4)).within(0.5),
        Case::control("what a comparison opens without bits beyond the number's", |_| opened(2))
            .within(0.5),
        Case::claim("shares beside what a comparison opens", |point| shares(point, true)),
        Case::control("a comparison with a mask of which all have the same share", |point| {
            shares(point, false)
        }),
    ]
}

/// Everything that is opened while a number of two bits is compared under a mask of so many.
fn opened(mask: u64) -> Vec<Seen> {
    let pairs = (0..=GREATEST + 1).flat_map(|bound| (0..=GREATEST).map(move |a| (a, bound)));
    let seen = |(number, bound): (u64, u64)| {
        let mut views = Vec::new();
        for r in 0..1u64 << mask {
            all::<31, 2>(|[a, b]| {
                let bits: Vec<F31> = (0..mask).map(|i| F31::from_u64(r >> i & 1)).collect();
                let triples = vec![Triple { a, b, c: a * b }; multiplications(2)];
                let number = F31::from_u64(number);
                let mut compare = Compare::new(2, number, bound, bits.into(), triples);
                let mut view = View::default();
                let mut opened = compare.mask();
                let result = loop {
                    view.see(&opened);
                    match compare.next(&opened) {
                        Step::Open(values) => opened = values,
                        Step::Result(result) => break result,
                    }
                };
                view.see(&[result]);
                views.push(view);
            });
        }
        // The bound is public.
        Seen::new(&(number, bound), 2 * bound + u64::from(number >= bound), views)
    };
    pairs.map(seen).collect()
}

/// A member's shares while a bit is compared with 2, under each masked number that is opened and
/// each result. One further bit is the statistical mask; `fresh` says whether it is shared as it
/// should.
fn shares(point: u64, fresh: bool) -> Vec<Seen> {
    let seen = |secret: u64| {
        let mut views = BTreeMap::<(u64, u64), Vec<View>>::new();
        for r in 0..4u64 {
            all::<31, 3>(|[slope, r1, r2]| {
                if !fresh && r2 != F31::ZERO {
                    return;
                }
                let number = Line(F31::from_u64(secret), slope);
                let bits = [Line(F31::from_u64(r & 1), r1), Line(F31::from_u64(r >> 1), r2)];
                let compare = |number: F31, bits: [F31; 2]| {
                    Compare::new(1, number, 2, bits.to_vec().into(), Vec::new())
                };
                let mut secrets = compare(number.0, bits.map(|bit| bit.0));
                let own_bits = bits.map(|bit| bit.share(point));
                let mut own = compare(number.share(point), own_bits);
                let (masked, own_masked) = (secrets.mask(), own.mask());
                let results = (secrets.next(&masked), own.next(&masked));
                let (Step::Result(result), Step::Result(own_result)) = results else { return };
                let mut view = View::default();
                view.see(&own_bits);
                view.see(&own_masked);
                view.see(&[number.share(point), own_result]);
                let masked: u64 = masked.iter().map(|value| value.to_u64()).sum();
                views.entry((masked, result.to_u64())).or_default().push(view);
            });
        }
        views
            .into_iter()
            .map(move |((masked, result), views)| Seen::new(&secret, 2 * masked + result, views))
    };
    [0, 1].into_iter().flat_map(seen).collect()
}
