//! What t parties see of a dealing says nothing about the secrets: counted, not sampled.
//!
//! Party 1's view in a committee with t = 1 is its values of the polynomials and blinders and the
//! public checks; hashes and ciphertexts are left out. For every secret and every choice of the
//! dealer's coins the view is counted; the counts must not depend on the secret. In the field of
//! three elements everything is counted at once; in F_7 one check at a time, which is enough as the
//! two blinders are independent.

use std::collections::BTreeMap;

use super::super::elements::{degree_checks, evaluate};
use super::super::polynomials::{evaluate_rows, transpose};
use super::*;
use crate::math::{Ext, F7, Small};

type F3 = Small<3>;
type View = Vec<u64>;

fn extension<const P: u64>() -> Vec<Ext<Small<P>>> {
    let all = || (0..P).map(Small::from_u64);
    all().flat_map(|re| all().map(move |im| Ext::new(re, im))).collect()
}

fn number<const P: u64>(v: Ext<Small<P>>) -> u64 {
    use crate::math::PrimeField;
    v.re.to_u64() * P + v.im.to_u64()
}

/// What party 1 sees for these coefficients and blinders.
fn view<const P: u64>(
    challenges: &[Ext<Small<P>>; 2],
    columns: &[Shares<Small<P>>],
    blinders: &[Shares<Ext<Small<P>>>; 2],
) -> View {
    let point = Small::ONE;
    let shares = evaluate_rows(&transpose(columns), columns.len(), point)
        .into_iter()
        .map(|f| number(f.into()));
    let own = blinders.iter().map(|g| number(evaluate(g, point)));
    let checks = degree_checks(challenges, columns, blinders);
    shares.chain(own).chain(checks.into_iter().flatten().map(number)).collect()
}

/// Counts views over all slopes in `slopes` and all blinders in `first` and `second`.
fn count<const P: u64>(
    secret: u64,
    challenges: &[Ext<Small<P>>; 2],
    slopes: &[u64],
    first: &[Shares<Ext<Small<P>>>],
    second: &[Shares<Ext<Small<P>>>],
) -> BTreeMap<View, u64> {
    let mut counts = BTreeMap::new();
    let column = |v: u64| Shares::from(vec![Small::from_u64(v)]);
    for slope in slopes {
        let columns = [column(secret), column(*slope)];
        for g in first {
            for h in second {
                let view = view(challenges, &columns, &[g.clone(), h.clone()]);
                *counts.entry(view).or_default() += 1;
            }
        }
    }
    counts
}

fn all_blinders<const P: u64>() -> Vec<Shares<Ext<Small<P>>>> {
    let all = extension::<P>();
    all.iter().flat_map(|a| all.iter().map(|b| Shares::from(vec![*a, *b]))).collect()
}

#[test]
fn the_view_of_one_party_is_independent_of_the_secret_in_the_field_of_three() {
    let blinders = all_blinders::<3>();
    for challenges in
        [[Ext::ZERO, Ext::ONE], [Ext::new(F3::ONE, F3::ONE), Ext::new(F3::ZERO, F3::from_u64(2))]]
    {
        let counts = [0, 1, 2].map(|s| count(s, &challenges, &[0, 1, 2], &blinders, &blinders));
        assert!(counts.iter().all(|c| *c == counts[0]));
        assert_eq!(counts[0].values().sum::<u64>(), 3 * 81 * 81);
    }
}

#[test]
fn the_view_of_one_party_is_independent_of_the_secret_in_f_7() {
    let blinders = all_blinders::<7>();
    let slopes: Vec<u64> = (0..7).collect();
    let none = [Shares::from(vec![Ext::ZERO, Ext::ZERO])];
    let challenges = [Ext::new(F7::from_u64(3), F7::from_u64(5)), Ext::ZERO];
    let counts: Vec<_> = (0..7).map(|s| count(s, &challenges, &slopes, &blinders, &none)).collect();
    assert!(counts.iter().all(|c| *c == counts[0]));
    assert_eq!(counts[0].values().sum::<u64>(), 7 * 2401);
}

#[test]
fn the_count_catches_a_forced_slope_and_a_missing_or_repeated_blinder() {
    let blinders = all_blinders::<3>();
    let zero = [Shares::from(vec![Ext::ZERO, Ext::ZERO])];
    let challenges = [Ext::new(F3::ONE, F3::ONE), Ext::new(F3::ZERO, F3::from_u64(2))];
    let differs = |slopes: &[u64], first: &[_], second: &[_]| {
        let count = |s| count(s, &challenges, slopes, first, second);
        count(0) != count(1)
    };
    assert!(!differs(&[0, 1, 2], &blinders, &blinders));
    assert!(differs(&[1, 2], &blinders, &blinders), "a leading coefficient that is never zero");
    assert!(differs(&[0, 1, 2], &zero, &blinders), "no blinder");
    let repeated = |s: u64| {
        let mut counts = BTreeMap::<View, u64>::new();
        for g in &blinders {
            for (view, times) in
                count(s, &challenges, &[0, 1, 2], std::slice::from_ref(g), std::slice::from_ref(g))
            {
                *counts.entry(view).or_default() += times;
            }
        }
        counts
    };
    assert_ne!(repeated(0), repeated(1), "one blinder for both checks");
}
