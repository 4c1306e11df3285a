//! The secrets of one dealer: random values and chunks of triples.

use super::layout::Layout;
use crate::crypto::transcript::Transcript;
use crate::math::{Extension, PrimeField};
use crate::secret::Secret;
use crate::sharing::Shares;
use crate::tag::Tag;
use crate::zoo::{self, Mutant};

/// The secrets a dealer shares in the sharing called `tag`, in the order of the layout.
///
/// Pure and public, so that a simulated dealer that cheats is a changed result.
pub fn secrets<F: PrimeField>(layout: &Layout, seed: &Secret<[u8; 32]>, tag: &Tag) -> Shares<F> {
    let mut transcript = Transcript::new(tag, "secrets of a dealer of triples");
    transcript.u64(layout.randoms() as u64).u64(layout.chunks() as u64).bytes(seed.expose());
    let mut rng = transcript.rng();
    let factors = layout.factors_len();
    let extension = Extension::new(factors, layout.products_len());
    let mut secrets = Vec::with_capacity(layout.secrets());
    secrets.extend((0..layout.randoms()).map(|_| F::random(&mut rng)));
    for _ in 0..layout.chunks() {
        let blind = |place, value| {
            let second = place + 1 == factors;
            if second && zoo::on(Mutant::OneBlinder) { F::ZERO } else { value }
        };
        let mut factor = || {
            let values = (0..factors).map(|place| blind(place, F::random(&mut rng)));
            Shares::from(values.collect::<Vec<F>>())
        };
        let (a, b) = (factor(), factor());
        let (all_a, all_b) = (Shares::from(extension.of(&a)), Shares::from(extension.of(&b)));
        secrets.extend_from_slice(&a);
        secrets.extend_from_slice(&b);
        secrets.extend(all_a.iter().zip(all_b.iter()).map(|(a, b)| *a * *b));
    }
    Shares::from(secrets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::committee::Committee;
    use crate::math::{Field, Fp61, Poly};
    use crate::mpc::preprocessing::Request;

    fn layout() -> Layout {
        let request = Request { triples: 100, bits: 9 };
        Layout::new::<Fp61>(Committee::new(4).unwrap(), request).unwrap()
    }

    #[test]
    fn every_chunk_is_a_product_of_two_polynomials() {
        let layout = layout();
        let secrets = secrets::<Fp61>(&layout, &Secret::new([1; 32]), &Tag::root(&[0; 32], 0));
        assert_eq!(secrets.len(), layout.secrets());
        let through = |values: &[Fp61]| {
            let points: Vec<_> = (0..).zip(values).map(|(x, y)| (Fp61::from_u64(x), *y)).collect();
            Poly::interpolate(&points)
        };
        let chunks: Vec<_> = layout.chunks_of(&secrets).collect();
        assert_eq!(chunks.len(), 2);
        for chunk in chunks {
            assert!(&through(chunk.a) * &through(chunk.b) == through(chunk.c));
            assert_eq!(through(chunk.a).degree(), layout.factors_len() - 1);
        }
    }

    #[test]
    fn seed_and_name_decide_the_secrets() {
        let deal = |seed, epoch| {
            secrets::<Fp61>(&layout(), &Secret::new([seed; 32]), &Tag::root(&[0; 32], epoch))
                .to_vec()
        };
        assert!(deal(1, 0) == deal(1, 0) && deal(1, 0) != deal(2, 0) && deal(1, 0) != deal(1, 1));
    }
}
