//! What `t` parties see, counted over all randomness in fields so small that this can be done.
//!
//! The coalition is one party of four, with degree 1. A shared value is a line: its value at 0 is
//! the secret, at the party's point the party's share, and both together are what an opening shows.
//! So a gadget is run twice, on the secrets and on the party's shares, and a view is all it was
//! dealt and all that was opened. Two sets of secrets are indistinguishable if their views, over
//! all randomness, are the same multiset: not nearly, exactly.

use std::collections::BTreeMap;

use super::compare::{Step, multiplications};
use super::input::unmask;
use super::*;
use crate::math::{F7, F31, Field, PrimeField, Small};
use crate::mpc::preprocessing::Triple;

/// The coalition's point.
const POINT: u64 = 3;

/// A line: the secret and its slope.
#[derive(Clone, Copy)]
struct Line<F>(F, F);

impl<F: Field> Line<F> {
    fn share(self) -> F {
        self.0 + self.1 * F::from_u64(POINT)
    }
}

/// A view, as a number in base P.
#[derive(Default)]
struct View(u64);

impl View {
    fn see<const P: u64>(&mut self, values: &[Small<P>]) {
        for value in values {
            self.0 = self.0 * P + value.to_u64();
        }
    }
}

/// All vectors of `N` elements.
fn all<const P: u64, const N: usize>(each: &mut impl FnMut([Small<P>; N])) {
    let elements: Vec<Small<P>> = Small::all().collect();
    for i in 0..P.pow(N as u32) {
        let mut rest = i;
        each(std::array::from_fn(|_| {
            let digit = rest % P;
            rest /= P;
            elements[digit as usize]
        }));
    }
}

fn sorted(mut views: Vec<u64>) -> Vec<u64> {
    views.sort_unstable();
    views
}

fn at(value: u64) -> F7 {
    F7::from_u64(value)
}

/// Views of a party while inputs (bits) are masked; `mask_of` says which mask bit each one uses.
fn mask_views(inputs: [bool; 2], mask_of: [usize; 2]) -> Vec<u64> {
    let mut views = Vec::new();
    for masks in [[false, false], [false, true], [true, false], [true, true]] {
        all::<7, 2>(&mut |slopes| {
            let mask = |i: usize| Line(at(u64::from(masks[i])), slopes[i]);
            let mut view = View::default();
            view.see(&[mask(0).share(), mask(1).share()]);
            for (input, i) in inputs.into_iter().zip(mask_of) {
                let masked = input ^ masks[i];
                let share = unmask(masked, mask(i).share());
                assert_eq!(unmask(masked, mask(i).0), at(u64::from(input)));
                view.see(&[at(u64::from(masked)), share]);
            }
            views.push(view.0);
        });
    }
    sorted(views)
}

#[test]
fn masked_inputs_say_nothing() {
    let none = mask_views([false, false], [0, 1]);
    assert_eq!(none.len(), 4 * 49);
    for inputs in [[false, true], [true, false], [true, true]] {
        assert_eq!(mask_views(inputs, [0, 1]), none);
    }
}

#[test]
fn control_a_mask_used_twice_says_whether_inputs_differ() {
    assert_ne!(mask_views([false, false], [0, 0]), mask_views([false, true], [0, 0]));
}

/// Views while x and y are multiplied; with `reveal` the product is opened too.
fn multiply_views(x: u64, y: u64, reveal: bool) -> Vec<u64> {
    let mut views = Vec::new();
    all::<7, 7>(&mut |[x1, y1, a, a1, b, b1, c1]| {
        let (x, y) = (Line(at(x), x1), Line(at(y), y1));
        let (a, b, c) = (Line(a, a1), Line(b, b1), Line(a * b, c1));
        let secret = Triple { a: a.0, b: b.0, c: c.0 };
        let share = Triple { a: a.share(), b: b.share(), c: c.share() };
        let (open, opened) = Multiply::new(&[(x.0, y.0)], vec![secret]);
        let (own, own_opened) = Multiply::new(&[(x.share(), y.share())], vec![share]);
        let mut view = View::default();
        view.see(&[x.share(), y.share(), share.a, share.b, share.c]);
        view.see(&opened);
        view.see(&own_opened);
        let product = open.products(&opened);
        assert_eq!(product[0], x.0 * y.0);
        if reveal {
            view.see(&product);
            view.see(&own.products(&opened));
        }
        views.push(view.0);
    });
    sorted(views)
}

#[test]
fn a_multiplication_says_nothing() {
    let none = multiply_views(0, 0, false);
    assert_eq!(none.len(), 7usize.pow(7));
    for (x, y) in [(1, 0), (1, 1), (3, 5)] {
        assert_eq!(multiply_views(x, y, false), none);
    }
}

#[test]
fn a_revealed_product_says_the_product_and_nothing_of_its_factors() {
    let six = multiply_views(1, 6, true);
    assert_eq!(multiply_views(2, 3, true), six);
    assert_ne!(multiply_views(2, 2, true), six);
}

#[test]
fn control_a_product_opened_without_a_triple_says_more_than_the_product() {
    // Everybody's x(i) y(i) are a line's square, of which an opening shows all three coefficients.
    let views = |x: u64, y: u64| {
        let mut views = Vec::new();
        all::<7, 2>(&mut |[x1, y1]| {
            let (x, y) = (Line(at(x), x1), Line(at(y), y1));
            let mut view = View::default();
            view.see(&[x.share(), y.share(), x.0 * y.0, x.0 * y.1 + x.1 * y.0, x.1 * y.1]);
            views.push(view.0);
        });
        sorted(views)
    };
    assert_ne!(views(0, 0), views(0, 5));
}

#[test]
fn control_a_triple_used_twice_says_how_factors_differ() {
    let views = |x: u64, z: u64| {
        let mut views = Vec::new();
        all::<7, 2>(&mut |[a, b]| {
            let triple = Triple { a, b, c: a * b };
            let mut view = View::default();
            for factor in [x, z] {
                view.see(&Multiply::new(&[(at(factor), at(1))], vec![triple]).1);
            }
            views.push(view.0);
        });
        sorted(views)
    };
    assert_ne!(views(2, 2), views(2, 3));
}

#[test]
fn control_an_opening_without_a_mask_says_everything() {
    let views = |x: u64| {
        let mut views = Vec::new();
        all::<7, 1>(&mut |[slope]| {
            let mut view = View::default();
            view.see(&[Line(at(x), slope).share(), at(x)]);
            views.push(view.0);
        });
        sorted(views)
    };
    assert_ne!(views(2), views(3));
}

/// Two bits and a mask of two more in the field of 31: how often each transcript of opened values
/// occurs, over all random bits and triples.
fn compare_transcripts(number: u64, bound: u64) -> BTreeMap<u64, u64> {
    assert_eq!(multiplications(2), 1);
    let mut transcripts = BTreeMap::new();
    for r in 0..16u64 {
        all::<31, 2>(&mut |[a, b]| {
            let bits: Vec<F31> = (0..4).map(|i| F31::from_u64(r >> i & 1)).collect();
            let triple = Triple { a, b, c: a * b };
            let mut compare =
                Compare::new(2, F31::from_u64(number), bound, bits.into(), vec![triple]);
            let mut view = View::default();
            let mut opened = compare.mask();
            let result = loop {
                view.see(&opened);
                match compare.next(&opened) {
                    Step::Open(values) => opened = values,
                    Step::Result(result) => break result,
                }
            };
            assert_eq!(result, F31::from_u64(u64::from(number >= bound)));
            view.see(&[result]);
            *transcripts.entry(view.0).or_default() += 1;
        });
    }
    transcripts
}

#[test]
fn a_comparison_says_the_result_and_as_little_else_as_its_bits_allow() {
    const ALL: u64 = 16 * 31 * 31;
    let shifted = |number: u64, bound: u64| number + 4 - bound;
    let pairs: Vec<(u64, u64)> = (0..4).flat_map(|a| (0..=4).map(move |t| (a, t))).collect();
    let transcripts: Vec<_> = pairs.iter().map(|(a, t)| compare_transcripts(*a, *t)).collect();
    for ((a, t), first) in pairs.iter().zip(&transcripts) {
        assert_eq!(first.values().sum::<u64>(), ALL);
        for ((b, u), second) in pairs.iter().zip(&transcripts) {
            if (a >= t) != (b >= u) {
                continue;
            }
            let keys = first.keys().chain(second.keys().filter(|key| !first.contains_key(key)));
            let count = |of: &BTreeMap<u64, u64>, key: &u64| of.get(key).copied().unwrap_or(0);
            let twice: u64 = keys.map(|key| count(first, key).abs_diff(count(second, key))).sum();
            // The distance is that of two uniform distributions on 16 numbers, shifted: all of it
            // is in the masked opening, none in the products. With s bits in place of two it is at
            // most 2^(k + 1) / 2^(k + s).
            let distance = ALL / 16 * shifted(*a, *t).abs_diff(shifted(*b, *u));
            assert_eq!(twice, 2 * distance, "{a} >= {t} and {b} >= {u}");
        }
    }
}

/// Views of one party while one bit is compared with 2 and the result revealed, by the values
/// opened. One further bit is the statistical mask; `fresh` says whether it is shared as it should.
fn reveal_views(number: u64, fresh: bool) -> BTreeMap<(u64, u64), Vec<u64>> {
    let mut views: BTreeMap<_, Vec<u64>> = BTreeMap::new();
    for r in 0..4u64 {
        all::<31, 3>(&mut |[s1, r1, mut r2]| {
            if !fresh {
                r2 = F31::ZERO;
            }
            let number = Line(F31::from_u64(number), s1);
            let bits = [Line(F31::from_u64(r & 1), r1), Line(F31::from_u64(r >> 1), r2)];
            let run = |number: F31, bits: Vec<F31>, opened: &[F31]| {
                let mut compare = Compare::new(1, number, 2, bits.into(), Vec::new());
                let mask = compare.mask();
                let opened = if opened.is_empty() { mask.to_vec() } else { opened.to_vec() };
                match compare.next(&opened) {
                    Step::Result(result) => (mask[0], result),
                    Step::Open(_) => unreachable!("one bit needs no products"),
                }
            };
            let secret = run(number.0, bits.iter().map(|bit| bit.0).collect(), &[]);
            let own_bits: Vec<F31> = bits.iter().map(|bit| bit.share()).collect();
            let own = run(number.share(), own_bits.clone(), &[secret.0]);
            let mut view = View::default();
            view.see(&[number.share(), own.0, own.1]);
            view.see(&own_bits);
            views.entry((secret.0.to_u64(), secret.1.to_u64())).or_default().push(view.0);
        });
    }
    views.into_iter().map(|(opened, views)| (opened, sorted(views))).collect()
}

// Neither 0 nor 1 reaches 2.
#[test]
fn shares_add_nothing_to_the_values_that_a_comparison_opens() {
    let (zero, one) = (reveal_views(0, true), reveal_views(1, true));
    let both: Vec<_> = zero.keys().filter(|opened| one.contains_key(opened)).collect();
    assert_eq!(both.len(), 3);
    for opened in both {
        assert_eq!(zero[opened], one[opened], "{opened:?}");
    }
}

#[test]
fn control_a_mask_that_everybody_has_the_same_share_of_says_more() {
    let (zero, one) = (reveal_views(0, false), reveal_views(1, false));
    assert!(zero.iter().any(|(k, views)| one.get(k).is_some_and(|other| other != views)));
}
