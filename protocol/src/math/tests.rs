//! Field laws, for every field the crate uses, and polynomials against plain references.

use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::wire;

/// Random elements, and often those where reductions go wrong: 0, 1, 2, -1, -2.
fn element<F: Field>() -> impl Strategy<Value = F> {
    (0..8u8, any::<u64>()).prop_map(|(kind, seed)| match kind {
        0 => F::ZERO,
        1 => F::ONE,
        2 => -F::ONE,
        3 => -(F::ONE + F::ONE),
        4 => F::from_u64(seed),
        _ => F::random(&mut ChaCha8Rng::seed_from_u64(seed)),
    })
}

/// The laws of a field of `$order` elements, and its encodings.
macro_rules! test_field {
    ($name:ident, $field:ty, $order:expr) => {
        mod $name {
            use super::*;
            type F = $field;

            proptest! {
                #[test]
                fn is_a_field(a in element::<F>(), b in element::<F>(), c in element::<F>()) {
                    prop_assert_eq!(a + b, b + a);
                    prop_assert_eq!((a + b) + c, a + (b + c));
                    prop_assert_eq!(a * b, b * a);
                    prop_assert_eq!((a * b) * c, a * (b * c));
                    prop_assert_eq!(a * (b + c), a * b + a * c);
                    prop_assert_eq!(a + F::ZERO, a);
                    prop_assert_eq!(a * F::ONE, a);
                    prop_assert_eq!(a * F::ZERO, F::ZERO);
                    prop_assert_eq!(a + -a, F::ZERO);
                    prop_assert_eq!(a - b, a + -b);
                    let mut d = a;
                    d += b;
                    d *= c;
                    d -= a;
                    prop_assert_eq!(d, (a + b) * c - a);
                    prop_assert_eq!([a, b, c].into_iter().sum::<F>(), a + b + c);
                }

                #[test]
                fn inverts_everything_but_zero(a in element::<F>(), b in element::<F>()) {
                    prop_assert_eq!(a.inverse().is_none(), a == F::ZERO);
                    if let Some(inverse) = a.inverse() {
                        prop_assert_eq!(a * inverse, F::ONE);
                        prop_assert_eq!(a.pow($order - 1), F::ONE);
                    }
                    let all = F::inverse_all(&[a, b]);
                    prop_assert_eq!(all, a.inverse().zip(b.inverse()).map(|(a, b)| vec![a, b]));
                }

                #[test]
                fn powers_multiply(a in element::<F>(), i in 0..1000u128, j in 0..1000u128) {
                    prop_assert_eq!(a.pow(i) * a.pow(j), a.pow(i + j));
                    prop_assert_eq!(a.pow(2), a * a);
                    prop_assert_eq!(a.pow($order), a);
                }

                #[test]
                fn sums_of_products_are_sums(
                    pairs in prop::collection::vec((element::<F>(), element::<F>()), 0..200),
                ) {
                    let plain = pairs.iter().fold(F::ZERO, |sum, (a, b)| sum + *a * *b);
                    prop_assert_eq!(F::sum_of_products(pairs.into_iter()), plain);
                }

                #[test]
                fn integers_map_to_multiples_of_one(a in any::<u32>(), b in any::<u32>()) {
                    let (a, b) = (u64::from(a), u64::from(b));
                    prop_assert_eq!(F::from_u64(a) + F::from_u64(b), F::from_u64(a + b));
                    prop_assert_eq!(F::from_u64(a) * F::from_u64(b), F::from_u64(a * b));
                    prop_assert_eq!(F::from_u64(0), F::ZERO);
                    prop_assert_eq!(F::from_u64(1), F::ONE);
                }

                #[test]
                fn has_one_encoding(a in element::<F>()) {
                    let mut bytes = Vec::new();
                    a.to_bytes_into(&mut bytes);
                    prop_assert_eq!(bytes.len(), F::BYTES);
                    prop_assert_eq!(F::from_bytes(&bytes), Some(a));
                    prop_assert_eq!(&wire::encode(&a), &bytes);
                    prop_assert_eq!(wire::decode::<F>(&bytes, 100), Ok(a));
                    bytes.push(0);
                    prop_assert_eq!(F::from_bytes(&bytes), None);
                    prop_assert_eq!(F::from_bytes(&bytes[..F::BYTES - 1]), None);
                }
            }

            #[test]
            fn refuses_numbers_not_reduced() {
                let bytes = vec![0xff; F::BYTES];
                assert_eq!(F::from_bytes(&bytes), None);
                assert!(wire::decode::<F>(&bytes, 100).is_err());
            }
        }
    };
}

test_field!(fp61_laws, Fp61, u128::from(Fp61::MODULUS));
test_field!(f7_laws, F7, 7);
test_field!(f31_laws, F31, 31);
test_field!(ext_fp61_laws, Ext<Fp61>, u128::from(Fp61::MODULUS).pow(2));
test_field!(ext_f7_laws, Ext<F7>, 49);
test_field!(ext_f31_laws, Ext<F31>, 961);

fn even_roots<F: PrimeField>(elements: impl Iterator<Item = F>) {
    for a in elements {
        let root = (a * a).sqrt().expect("a square");
        assert_eq!(root * root, a * a);
        assert_eq!(root.to_u64() % 2, 0);
        assert!(a == F::ZERO || (-(a * a)).sqrt().is_none(), "-1 is no square");
    }
}

#[test]
fn the_root_of_a_square_is_the_even_one() {
    even_roots(F7::all());
    even_roots(F31::all());
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    even_roots((0..100).map(|_| Fp61::random(&mut rng)));
}

#[test]
fn fp61_agrees_with_wide_arithmetic_at_the_edges() {
    let p = Fp61::MODULUS;
    assert_eq!(Fp61::from_bytes(&p.to_le_bytes()), None);
    assert!(Fp61::from_bytes(&(p - 1).to_le_bytes()).is_some());
    assert!(wire::decode::<Fp61>(&p.to_le_bytes(), 8).is_err());
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let mut edges = vec![0, 1, 2, p / 2, p / 2 + 1, p - 2, p - 1, p, p + 1, u64::MAX - 1, u64::MAX];
    edges.extend((0..50).map(|_| rng.next_u64()));
    for a in edges.clone() {
        assert_eq!(Fp61::from_u64(a).to_u64(), a % p);
        assert_eq!((-Fp61::from_u64(a)).to_u64(), (p - a % p) % p);
        for b in edges.clone() {
            let (x, y) = (Fp61::from_u64(a), Fp61::from_u64(b));
            let (a, b) = (u128::from(a % p), u128::from(b % p));
            let p = u128::from(p);
            assert_eq!(u128::from((x + y).to_u64()), (a + b) % p);
            assert_eq!(u128::from((x - y).to_u64()), (a + p - b) % p);
            assert_eq!(u128::from((x * y).to_u64()), a * b % p);
        }
    }
}

#[test]
fn long_sums_of_the_largest_products_do_not_overflow() {
    for len in [1, 62, 63, 64, 65, 126, 127, 128, 1000u64] {
        let pairs = (0..len).map(|_| (-Fp61::ONE, -Fp61::ONE));
        assert_eq!(Fp61::sum_of_products(pairs), Fp61::from_u64(len));
    }
}

#[test]
fn random_elements_of_a_tiny_field_are_spread_evenly() {
    let mut rng = ChaCha8Rng::seed_from_u64(3);
    let mut counts = [0u32; 7];
    for _ in 0..70_000 {
        counts[usize::try_from(F7::random(&mut rng).to_u64()).unwrap()] += 1;
    }
    assert!(counts.iter().all(|c| (9_500..10_500).contains(c)), "{counts:?}");
}

#[test]
fn i_squared_is_minus_one() {
    let i = Ext::new(Fp61::ZERO, Fp61::ONE);
    assert_eq!(i * i, -Ext::ONE);
    let (a, b) = (Ext::new(Fp61::new(3), Fp61::new(5)), Fp61::new(7));
    assert_eq!(a.scale(b), a * Ext::embed(b));
}

fn points<F: Field>(count: u64) -> Vec<F> {
    (1..=count).map(F::from_u64).collect()
}

proptest! {
    #[test]
    fn interpolation_finds_the_polynomial(seed in any::<u64>(), degree in 0..12usize) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let poly = Poly::random_with_constant(Fp61::random(&mut rng), degree, &mut rng);
        let xs = points(degree as u64 + 1);
        let values: Vec<_> = xs.iter().copied().zip(poly.eval_many(&xs)).collect();
        prop_assert!(Poly::interpolate(&values) == poly);
        let at = Fp61::random(&mut rng);
        let row = lagrange_row(&xs, at);
        let value = Fp61::sum_of_products(row.into_iter().zip(poly.eval_many(&xs)));
        prop_assert_eq!(value, poly.eval(at));
    }

    #[test]
    fn polynomials_add_and_multiply_pointwise(
        a in prop::collection::vec(element::<F31>(), 0..6),
        b in prop::collection::vec(element::<F31>(), 0..6),
        x in element::<F31>(),
    ) {
        let (a, b) = (Poly::new(a), Poly::new(b));
        prop_assert_eq!((&a + &b).eval(x), a.eval(x) + b.eval(x));
        prop_assert_eq!((&a - &b).eval(x), a.eval(x) - b.eval(x));
        prop_assert_eq!((&a * &b).eval(x), a.eval(x) * b.eval(x));
        prop_assert_eq!(a.scale(x).eval(x), a.eval(x) * x);
        prop_assert!(a.is_zero() || b.is_zero() || (&a * &b).degree() == a.degree() + b.degree());
        prop_assert_eq!(a.constant(), a.eval(F31::ZERO));
    }
}

#[test]
fn polynomials_do_not_print_and_compare_as_functions() {
    let poly = Poly::new(vec![Fp61::new(42), Fp61::ZERO]);
    assert_eq!(format!("{poly:?}"), "[polynomial with 2 coefficients]");
    assert!(poly == Poly::new(vec![Fp61::new(42)]));
    assert_eq!((poly.degree(), Poly::<Fp61>::default().degree()), (0, 0));
}

#[test]
fn a_row_of_integers_is_the_lagrange_row_of_them() {
    fn rows<F: Field>(most: usize) {
        for len in 0..=most {
            let xs: Vec<F> = (0..).take(len).map(F::from_u64).collect();
            let rows = Rows::of_integers(len);
            for at in 0..most as u64 + 3 {
                let at = F::from_u64(at);
                assert_eq!(rows.at(at), lagrange_row(&xs, at), "{len} points at {at:?}");
            }
        }
    }
    rows::<Fp61>(9);
    rows::<Ext<Fp61>>(9);
    rows::<F31>(31);
    rows::<F7>(7);
}

#[test]
fn values_are_extended_as_rows_of_integers_do() {
    for given in 1..8 {
        for all in given..=31 {
            let values: Vec<F31> = (0..).take(given).map(|v| F31::from_u64(v * v + 3)).collect();
            let rows = Rows::of_integers(given);
            let at = |x| rows.at(F31::from_u64(x)).into_iter().zip(&values);
            let expected: Vec<F31> =
                (0..).take(all).map(|x| at(x).map(|(weight, v)| weight * *v).sum()).collect();
            assert_eq!(Extension::new(given, all).of(&values), expected, "{given} of {all}");
        }
    }
}

#[test]
fn a_row_in_an_extension_is_that_of_the_embedded_points() {
    let xs: Vec<F31> = points(5);
    let embedded: Vec<Ext<F31>> = xs.iter().copied().map(Ext::embed).collect();
    for im in 0..31 {
        let at = Ext::new(F31::from_u64(3), F31::from_u64(im));
        assert_eq!(Rows::new(xs.clone()).at(at), lagrange_row(&embedded, at));
    }
}

#[test]
fn a_lagrange_row_at_one_of_its_points_selects_it() {
    let xs: Vec<F31> = points(4);
    assert_eq!(lagrange_row(&xs, xs[2]), [F31::ZERO, F31::ZERO, F31::ONE, F31::ZERO]);
}
