use std::collections::BTreeMap;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::math::{F7, Fp61, Poly};
use crate::mpc::preprocessing::{Request, dealing};
use crate::secret::Secret;

fn tag() -> Tag {
    Tag::root(&[3; 32], 0)
}

fn root() -> Digest {
    Digest::from([5; 32])
}

/// Seven parties, 128 triples in two chunks, 2 random values.
fn layout() -> Layout {
    let request = Request { triples: 100, bits: 5 };
    Layout::new::<Fp61>(Committee::new(7).unwrap(), request).unwrap()
}

fn honest_secrets(layout: &Layout) -> Vec<Fp61> {
    dealing::secrets(layout, &Secret::new([1; 32]), &tag()).to_vec()
}

/// Columns of coefficients of random polynomials of degree t with these constants.
fn share(layout: &Layout, secrets: &[Fp61]) -> Vec<Shares<Fp61>> {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let random = |_| secrets.iter().map(|_| Fp61::random(&mut rng)).collect::<Vec<_>>().into();
    let mut columns = vec![Shares::from(secrets.to_vec())];
    columns.extend((0..layout.committee().degree()).map(random));
    columns
}

fn shares_at(columns: &[Shares<Fp61>], point: Fp61) -> Vec<Fp61> {
    (0..columns[0].len())
        .map(|i| Poly::new(columns.iter().map(|column| column[i]).collect()).eval(point))
        .collect()
}

/// How many parties accept their shares, and whether the public part holds.
fn verdict(columns: &[Shares<Fp61>], proof: &TripleProof<Fp61>) -> (bool, usize) {
    let (layout, committee) = (layout(), layout().committee());
    let statement = TripleStatement::new(layout);
    let accepted = committee.parties().filter(|party| {
        let point = Fp61::from_u64(party.point());
        statement.check_share(&tag(), &root(), proof, point, &shares_at(columns, point))
    });
    let accepted = accepted.count();
    (statement.check_public(committee, &tag(), &root(), proof), accepted)
}

fn prove(columns: &[Shares<Fp61>]) -> TripleProof<Fp61> {
    TripleStatement::new(layout()).prove(&tag(), &root(), columns)
}

#[test]
fn true_triples_are_accepted_by_everyone() {
    let columns = share(&layout(), &honest_secrets(&layout()));
    assert_eq!(verdict(&columns, &prove(&columns)), (true, 7));
}

#[test]
fn a_false_product_anywhere_is_refused_in_public() {
    let layout = layout();
    let products = layout.randoms() + 2 * layout.factors_len();
    for place in [0, 1, layout.chunk(), layout.chunk() + 1, layout.products_len() - 1] {
        let mut secrets = honest_secrets(&layout);
        secrets[products + place] += Fp61::ONE;
        let columns = share(&layout, &secrets);
        assert_eq!(verdict(&columns, &prove(&columns)), (false, 7), "product at {place}");
    }
}

#[test]
fn a_false_product_with_a_forged_proof_is_refused_by_all_but_t() {
    let layout = layout();
    let mut secrets = honest_secrets(&layout);
    secrets[layout.randoms() + 2 * layout.factors_len() + 1] += Fp61::ONE;
    let columns = share(&layout, &secrets);
    let mut proof = prove(&columns);
    // The dealer makes the public product right, on a polynomial that is right at points 1 and 2.
    let (a, b, c) = (proof.0[0], proof.0[3], proof.0[6]);
    let error = a * b - c;
    let half = Ext::from_u64(2).inverse().unwrap();
    // error * (x - 1)(x - 2) / 2
    proof.0[6] += error;
    proof.0[7] -= error * Ext::from_u64(3) * half;
    proof.0[8] += error * half;
    assert_eq!(verdict(&columns, &proof), (true, 2));
}

#[test]
fn proofs_and_shares_of_another_shape_are_refused() {
    let layout = layout();
    let columns = share(&layout, &honest_secrets(&layout));
    let honest = prove(&columns);
    let len = 3 * 3 * layout.chunks();
    assert_eq!(honest.0.len(), len);
    for other in [0, 3, len - 1, len + 1, len + 9] {
        let proof = TripleProof(honest.0.iter().copied().cycle().take(other).collect());
        assert!(!verdict(&columns, &proof).0, "{other} elements");
    }
    let statement = TripleStatement::new(layout);
    let shares = shares_at(&columns, Fp61::ONE);
    let check =
        |shares: &[Fp61]| statement.check_share(&tag(), &root(), &honest, Fp61::ONE, shares);
    assert!(check(&shares));
    assert!(!check(&shares[1..]) && !check(&[]) && !check(&[&shares[..], &[Fp61::ONE]].concat()));
}

#[test]
fn the_challenge_is_outside_the_base_field_and_bound_to_the_commitments() {
    for i in 0..200 {
        let at = |byte| challenge::<F7>(&tag().indexed("i", i), &Digest::from([byte; 32]));
        assert_ne!(at(0).im, F7::ZERO);
    }
    let at = |byte| challenge::<Fp61>(&tag(), &Digest::from([byte; 32]));
    assert_ne!(at(0), at(1));
}

type View = Vec<Ext<F7>>;

fn all_pairs() -> impl Iterator<Item = [F7; 2]> + Clone {
    F7::all().flat_map(|x| F7::all().map(move |y| [x, y]))
}

/// How often each public value of a proof comes up over all blinders of a chunk of two triples in
/// `F_7`, with these factors.
fn views(factors: [[F7; 2]; 2], epoch: u64) -> BTreeMap<View, usize> {
    let committee = Committee::new(4).unwrap();
    let layout = Layout::new::<F7>(committee, Request { triples: 2, bits: 0 }).unwrap();
    assert_eq!((layout.chunk(), layout.chunks()), (2, 1));
    let statement = TripleStatement::new(layout);
    let tag = Tag::root(&[8; 32], epoch);
    let through = |[low, high]: [F7; 2], [first, second]: [F7; 2]| {
        let values = [low, first, second, high];
        let points: Vec<_> = (0..).map(F7::from_u64).zip(values).collect();
        (values, Poly::interpolate(&points))
    };
    let mut views = BTreeMap::new();
    for blinders_a in all_pairs() {
        for blinders_b in all_pairs() {
            let (a, a_poly) = through(blinders_a, factors[0]);
            let (b, b_poly) = through(blinders_b, factors[1]);
            let c = F7::all().map(|x| a_poly.eval(x) * b_poly.eval(x));
            let secrets: Vec<F7> = a.into_iter().chain(b).chain(c).collect();
            // The constants of the sharings; the rest is decided by them and any t parties' shares.
            let proof = statement.prove(&tag, &root(), &[Shares::from(secrets)]);
            *views.entry(proof.0).or_insert(0) += 1;
        }
    }
    views
}

#[test]
fn with_two_blinders_a_proof_says_nothing_of_the_factors() {
    for epoch in 0..3 {
        let none = views([[F7::ZERO; 2]; 2], epoch);
        // A(zeta) and B(zeta) take each of their 49 values once, whatever C(zeta) then is.
        assert_eq!((none.len(), none.values().max()), (2401, Some(&1)));
        for (a, b) in [([1, 0], [0, 0]), ([0, 1], [0, 0]), ([2, 5], [6, 1]), ([3, 3], [4, 0])] {
            let factors = [a.map(F7::from_u64), b.map(F7::from_u64)];
            assert!(views(factors, epoch) == none, "factors {a:?} {b:?} show");
        }
    }
}

#[test]
fn with_one_blinder_a_proof_would_give_factors_away() {
    // The same count with a polynomial through one blinder and two factors.
    let row = Row::<F7>::new(3, challenge(&tag(), &root()));
    let views = |[first, second]: [F7; 2]| -> BTreeMap<Ext<F7>, usize> {
        let mut views = BTreeMap::new();
        for blinder in F7::all() {
            *views.entry(row.combine(&[blinder, first, second])).or_insert(0) += 1;
        }
        views
    };
    let none = views([F7::ZERO; 2]);
    let alike = all_pairs().filter(|factors| views(*factors) == none).count();
    // One linear equation on the two factors: 7 of 49 pairs look like no factors, not all 49.
    assert_eq!(alike, 7);
}
