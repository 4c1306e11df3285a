use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::committee::Committee;
use crate::math::{F31, Fp61, Poly, lagrange_row};
use crate::mpc::preprocessing::Request;

type Row = Vec<Fp61>;

/// Rank by elimination.
fn rank(mut rows: Vec<Row>) -> usize {
    let width = rows.first().map_or(0, Vec::len);
    let mut rank = 0;
    for column in 0..width {
        let Some(pivot) = (rank..rows.len()).find(|r| rows[*r][column] != Fp61::ZERO) else {
            continue;
        };
        rows.swap(rank, pivot);
        let inverse = rows[rank][column].inverse().unwrap();
        let (done, rest) = rows.split_at_mut(rank + 1);
        for row in rest {
            let by = row[column] * inverse;
            row.iter_mut().zip(&done[rank]).for_each(|(value, pivot)| *value -= by * *pivot);
        }
        rank += 1;
    }
    rank
}

fn unit(len: usize, index: usize) -> Row {
    (0..len).map(|i| if i == index { Fp61::ONE } else { Fp61::ZERO }).collect()
}

/// All sets of `size` of `0..of`.
fn subsets(of: usize, size: usize) -> Vec<Vec<usize>> {
    (0..1u32 << of)
        .filter(|bits| bits.count_ones() as usize == size)
        .map(|bits| (0..of).filter(|i| bits >> i & 1 == 1).collect())
        .collect()
}

/// Of `outputs` (linear forms in what the dealers dealt), how many values are unknown to those who
/// know the `known` forms.
fn unknown(outputs: &[Row], known: &[Row]) -> usize {
    rank([outputs, known].concat()) - rank(known.to_vec())
}

#[test]
fn exactly_m_minus_t_random_values_are_unknown_to_any_t_dealers() {
    for n in [4, 7, 10] {
        let committee = Committee::new(n).unwrap();
        for m in committee.quorum()..=n {
            // The dealers need not be the first ones.
            let dealers = || committee.parties().rev().take(m);
            let rows = Rates::new(committee, m).randoms;
            for corrupt in subsets(m, committee.t()) {
                let known: Vec<Row> = corrupt.iter().map(|j| unit(m, *j)).collect();
                let outputs = random_rows::<Fp61>(dealers(), rows);
                assert_eq!(unknown(&outputs, &known), rows, "n={n} m={m} {corrupt:?}");
                // One more is determined by the others and what the corrupt dealers know.
                let outputs = random_rows::<Fp61>(dealers(), rows + 1);
                assert_eq!(unknown(&outputs, &known), rows, "n={n} m={m} {corrupt:?}");
            }
        }
    }
}

#[test]
fn exactly_d_plus_1_minus_t_triples_are_unknown_to_any_t_dealers() {
    for n in [4, 7, 10, 13] {
        let committee = Committee::new(n).unwrap();
        for m in committee.quorum()..=n {
            let rates = Rates::new(committee, m);
            let request = Request { triples: 1, bits: 0 };
            let layout = Layout::new::<Fp61>(committee, request).unwrap();
            let extraction = Extraction::<Fp61>::new(layout, m);
            assert_eq!(extraction.factors.len(), rates.triples);
            // Forms in the values of X at the first d + 1 places.
            let mut places: Vec<Row> =
                (0..=rates.degree).map(|i| unit(rates.degree + 1, i)).collect();
            places.extend(extraction.others.clone());
            assert_eq!(places.len(), rates.dealers);
            for corrupt in subsets(rates.dealers, committee.t()) {
                let known: Vec<Row> = corrupt.iter().map(|j| places[*j].clone()).collect();
                assert_eq!(unknown(&extraction.factors, &known), rates.triples);
                // One more place says nothing new to those who know t.
                let points: Vec<Fp61> = (1..).take(rates.degree + 1).map(Fp61::from_u64).collect();
                let mut more = extraction.factors.clone();
                more.push(lagrange_row(&points, Fp61::from_u64(99)));
                assert_eq!(unknown(&more, &known), rates.triples, "n={n} m={m} {corrupt:?}");
            }
        }
    }
}

/// Batches of true triples in the clear: sharings of degree 0, of which one party holds everything.
fn clear_batches<F: PrimeField>(
    layout: &Layout,
    dealers: usize,
    rng: &mut impl Rng,
) -> Vec<Vec<F>> {
    let dealt = |_| {
        let mut batch: Vec<F> = (0..layout.randoms()).map(|_| F::random(rng)).collect();
        for _ in 0..layout.chunks() {
            let a: Vec<F> = (0..layout.factors_len()).map(|_| F::random(rng)).collect();
            let b: Vec<F> = (0..layout.factors_len()).map(|_| F::random(rng)).collect();
            let points = |values: &[F]| -> Vec<(F, F)> {
                (0..).map(F::from_u64).zip(values.iter().copied()).collect()
            };
            let (a_poly, b_poly) = (Poly::interpolate(&points(&a)), Poly::interpolate(&points(&b)));
            batch.extend(a.iter().chain(&b));
            batch.extend(
                (0..)
                    .take(layout.products_len())
                    .map(F::from_u64)
                    .map(|x| a_poly.eval(x) * b_poly.eval(x)),
            );
        }
        batch
    };
    (0..dealers).map(dealt).collect()
}

fn extracted_triples_multiply<F: PrimeField>(n: usize, seed: u64) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let committee = Committee::new(n).unwrap();
    let request = Request { triples: rng.random_range(1..40), bits: rng.random_range(0..9) };
    let layout = Layout::new::<F>(committee, request).unwrap();
    for m in committee.quorum()..=n {
        let batches = clear_batches::<F>(&layout, m, &mut rng);
        let batches: Vec<&[F]> = batches.iter().map(|batch| &batch[..]).collect();
        let extraction = Extraction::new(layout, m);
        let opened = extraction.differences(&batches);
        assert_eq!(opened.len(), extraction.openings());
        let triples = extraction.triples(&batches, &opened);
        assert_eq!(triples.len(), layout.triples(m));
        assert!(triples.iter().all(|triple| triple.a * triple.b == triple.c));
    }
}

#[test]
fn extracted_triples_are_triples() {
    for n in [4, 6, 7, 10, 16] {
        extracted_triples_multiply::<Fp61>(n, n as u64);
    }
    for seed in 0..20 {
        extracted_triples_multiply::<F31>(7, seed);
    }
}

#[test]
fn one_false_triple_of_a_dealer_spoils_what_is_extracted() {
    // So the dealers' proofs are needed, and the test above can fail.
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let committee = Committee::new(4).unwrap();
    let layout = Layout::new::<Fp61>(committee, Request { triples: 1, bits: 0 }).unwrap();
    let mut batches = clear_batches::<Fp61>(&layout, 3, &mut rng);
    let product_of_first = 2 * layout.factors_len() + 1;
    batches[2][product_of_first] += Fp61::ONE;
    let batches: Vec<&[Fp61]> = batches.iter().map(|batch| &batch[..]).collect();
    let extraction = Extraction::new(layout, 3);
    let triples = extraction.triples(&batches, &extraction.differences(&batches));
    let wrong = triples.iter().filter(|triple| triple.a * triple.b != triple.c).count();
    assert_eq!(wrong, 1);
}

#[test]
fn random_values_are_combinations_of_all_dealers() {
    let committee = Committee::new(7).unwrap();
    let layout = Layout::new::<Fp61>(committee, Request { triples: 0, bits: 9 }).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let batches = clear_batches::<Fp61>(&layout, 6, &mut rng);
    let dealers: Vec<(PartyId, &[Fp61])> =
        committee.parties().skip(1).zip(batches.iter().map(|batch| &batch[..])).collect();
    let randoms = randoms(&layout, &dealers);
    assert_eq!((layout.randoms(), randoms.len()), (4, 16));
    // Value k of column c is sum_j x_j^k r_jc.
    for (i, value) in randoms.iter().enumerate() {
        let (column, k) = (i / 4, i % 4);
        let expected: Fp61 = dealers
            .iter()
            .map(|(dealer, batch)| Fp61::from_u64(dealer.point()).pow(k as u128) * batch[column])
            .sum();
        assert_eq!(*value, expected);
    }
}

#[test]
fn no_factor_is_extracted_twice() {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    for n in [4, 7, 10] {
        let committee = Committee::new(n).unwrap();
        let layout = Layout::new::<Fp61>(committee, Request { triples: 90, bits: 9 }).unwrap();
        let batches = clear_batches::<Fp61>(&layout, n, &mut rng);
        let batches: Vec<&[Fp61]> = batches.iter().map(|batch| &batch[..]).collect();
        let extraction = Extraction::new(layout, n);
        let triples = extraction.triples(&batches, &extraction.differences(&batches));
        let mut factors: Vec<Fp61> = triples.iter().flat_map(|t| [t.a, t.b]).collect();
        factors.sort();
        factors.dedup();
        assert_eq!(factors.len(), 2 * triples.len(), "n={n}");
        assert!(!factors.contains(&Fp61::ZERO));
    }
}
