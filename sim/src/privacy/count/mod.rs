//! *Count*: what `t` members see, counted over all randomness in fields so small that this can be
//! done.
//!
//! A shared value is a polynomial: its value at 0 is the secret, at a member's point the member's
//! share, and an opening shows all of it. With four members it is a line, so a gadget is run twice,
//! on the secrets and on one corrupt member's shares, and a *view* is all that the member was dealt
//! and all that was opened. Of what is to be hidden nothing is learnt but the outcome if the views
//! under one outcome, over all randomness, are the same multiset: not nearly, exactly. Only the masked
//! number of a comparison is hidden statistically; there the distance is measured against the bound
//! that the gadget states.
//!
//! The gadgets are those of the protocol, on a field of 3, 7, 11 or 31 elements. Every claim stands
//! beside *controls*, in which something that the gadget rests on is left out: a count that does not
//! notice is worth nothing.
//!
//! # What is not counted
//! A whole decision: its mask of 40 bits does not fit into a small field. It is made of the parts that
//! are counted. Hashes, ciphertexts and commitments are taken for ideal.

mod comparing;
mod extracting;
mod inputs;
mod products;
mod sharing;

use std::cmp::Ordering;
use std::fmt;

use quorate_protocol::math::{Field, PrimeField, Small};

use crate::report::Violation;

/// A line: a secret of degree 1, and its slope.
#[derive(Clone, Copy)]
struct Line<F>(F, F);

impl<F: Field> Line<F> {
    /// The share of the member at this point.
    fn share(self, point: u64) -> F {
        self.0 + self.1 * F::from_u64(point)
    }
}

/// A view, as a number in base P.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct View(u64);

impl View {
    /// Sees more.
    ///
    /// # Panics
    /// If it is more than fits: two views must not be taken for one.
    fn see<const P: u64>(&mut self, values: &[Small<P>]) {
        for value in values {
            let longer = self.0.checked_mul(P).and_then(|v| v.checked_add(value.to_u64()));
            self.0 = longer.expect("views have few elements");
        }
    }
}

/// All vectors of `N` elements.
fn all<const P: u64, const N: usize>(mut each: impl FnMut([Small<P>; N])) {
    let mut tape = [0u64; N];
    loop {
        each(tape.map(Small::from_u64));
        let Some(place) = tape.iter().position(|digit| *digit + 1 < P) else { return };
        let (low, rest) = tape.split_at_mut(place);
        low.fill(0);
        rest.iter_mut().take(1).for_each(|digit| *digit += 1);
    }
}

/// Everything that a corrupt member may see while one thing is hidden.
struct Seen {
    /// What is hidden, in words.
    hidden: String,
    /// What may be learnt.
    outcome: u64,
    /// One for each choice of the randomness, in order.
    views: Vec<View>,
}

impl Seen {
    fn new(hidden: &impl fmt::Debug, outcome: u64, mut views: Vec<View>) -> Self {
        views.sort_unstable();
        Self { hidden: format!("{hidden:?}"), outcome, views }
    }
}

/// The statistical distance of two multisets of views, in order: from 0 to 1.
fn distance(a: &[View], b: &[View]) -> f64 {
    if a.is_empty() || a.len() != b.len() {
        return if a.len() == b.len() { 0.0 } else { 1.0 };
    }
    let (mut left, mut right) = (a.iter().peekable(), b.iter().peekable());
    let mut shared = 0_usize;
    while let (Some(x), Some(y)) = (left.peek(), right.peek()) {
        match x.cmp(y) {
            Ordering::Less => drop(left.next()),
            Ordering::Greater => drop(right.next()),
            Ordering::Equal => {
                shared += 1;
                left.next();
                right.next();
            }
        }
    }
    1.0 - shared as f64 / a.len() as f64
}

/// One thing to count.
pub struct Case {
    /// What.
    pub name: &'static str,
    /// Whether something is left out on purpose, so that views must differ.
    pub control: bool,
    /// The greatest statistical distance that is no leak.
    allowed: f64,
    count: fn(u64) -> Vec<Seen>,
}

impl Case {
    const fn claim(name: &'static str, count: fn(u64) -> Vec<Seen>) -> Self {
        Self { name, control: false, allowed: 0.0, count }
    }

    const fn control(name: &'static str, count: fn(u64) -> Vec<Seen>) -> Self {
        Self { name, control: true, allowed: 0.0, count }
    }

    const fn within(self, allowed: f64) -> Self {
        Self { allowed, ..self }
    }

    /// Counts what the member at this point sees, from 1 to 4.
    ///
    /// # Errors
    /// Views say more than the outcome; or, of a control, they do not.
    pub fn check(&self, point: u64) -> Result<Counted, Violation> {
        let all = (self.count)(point);
        let mut counted = Counted { hidden: all.len(), ..Counted::default() };
        let mut widest: Option<(&Seen, &Seen)> = None;
        for (i, seen) in all.iter().enumerate() {
            counted.views += seen.views.len();
            for other in all.iter().take(i).filter(|other| other.outcome == seen.outcome) {
                let distance = distance(&other.views, &seen.views);
                if distance > counted.distance {
                    counted.distance = distance;
                    widest = Some((other, seen));
                }
            }
        }
        let says = counted.distance > self.allowed;
        let what = match widest {
            _ if says == self.control => return Ok(counted),
            Some((a, b)) if says => format!(
                "{}: member {point} can tell {} from {} with advantage {}",
                self.name, a.hidden, b.hidden, counted.distance
            ),
            _ => format!("{}: nothing is noticed", self.name),
        };
        Err(Violation { time: 0, checker: "count", what })
    }
}

/// What was counted.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub struct Counted {
    /// Views.
    pub views: usize,
    /// Things hidden.
    pub hidden: usize,
    /// The greatest distance between views with the same outcome.
    pub distance: f64,
}

/// All claims, each with its controls.
pub fn cases() -> Vec<Case> {
    let parts = [
        sharing::cases(),
        inputs::cases(),
        products::cases(),
        extracting::cases(),
        comparing::cases(),
    ];
    parts.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(cases: Vec<Case>) {
        for case in cases {
            case.check(3).unwrap();
        }
    }

    #[test]
    fn sharings_say_nothing_and_controls_are_noticed() {
        check(sharing::cases());
    }

    #[test]
    fn inputs_and_comparisons_say_nothing_and_controls_are_noticed() {
        check(inputs::cases());
        check(comparing::cases());
    }

    #[test]
    fn products_say_nothing_and_controls_are_noticed() {
        check(products::cases());
    }

    #[test]
    fn extracted_values_say_nothing_and_controls_are_noticed() {
        check(extracting::cases());
    }

    #[test]
    fn every_vector_is_enumerated_once() {
        let mut seen = std::collections::BTreeSet::new();
        all::<7, 3>(|tape| assert!(seen.insert(tape)));
        assert_eq!(seen.len(), 343);
    }

    #[test]
    fn distances_are_those_of_the_distributions() {
        let views = |list: &[u64]| list.iter().map(|v| View(*v)).collect::<Vec<_>>();
        let (a, b) = (views(&[1, 1, 2, 2]), views(&[2, 2, 2, 3]));
        assert_eq!((distance(&a, &a), distance(&a, &b)), (0.0, 0.5));
        assert_eq!((distance(&a, &views(&[1])), distance(&[], &a)), (1.0, 1.0));
    }

    #[test]
    fn a_claim_that_leaks_and_a_control_that_does_not_are_reported() {
        let leaks = |_| [0, 1].map(|v| Seen::new(&v, 0, vec![View(v)])).into();
        let hides = |_| [0, 1].map(|v| Seen::new(&v, 0, vec![View(7)])).into();
        assert!(Case::claim("a leak", leaks).check(1).is_err());
        assert!(Case::control("a leak", leaks).check(1).is_ok());
        assert!(Case::claim("no leak", hides).check(1).is_ok());
        assert!(Case::control("no leak", hides).check(1).is_err());
    }
}
