//! Changes to an input that mostly keep it an input: what libFuzzer does, for machines without it.

use rand::{Rng, RngExt};

/// Numbers at which things begin or end.
const CORNERS: [u64; 14] =
    [0, 1, 2, 3, 4, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000, 0xffff_ffff, 1 << 60, u64::MAX];

/// A changed copy of one of `inputs`, at most `longest` bytes.
pub fn mutate(inputs: &[Vec<u8>], longest: usize, rng: &mut impl Rng) -> Vec<u8> {
    let mut pick = || inputs.get(rng.random_range(0..inputs.len().max(1))).cloned();
    let (mut bytes, other) = (pick().unwrap_or_default(), pick().unwrap_or_default());
    for _ in 0..rng.random_range(1..=4) {
        change(&mut bytes, &other, rng);
    }
    bytes.truncate(longest);
    bytes
}

fn change(bytes: &mut Vec<u8>, other: &[u8], rng: &mut impl Rng) {
    let length = bytes.len();
    let at = rng.random_range(0..=length);
    let to = rng.random_range(at..=length.min(at + 64));
    match rng.random_range(0..11) {
        0 | 1 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << rng.random_range(0..8);
            }
        }
        2 => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = rng.random();
            }
        }
        3 | 4 => tweak(bytes, at, rng),
        5 => bytes.truncate(at),
        6 => bytes.extend((0..rng.random_range(1..16)).map(|_| rng.random::<u8>())),
        7 => drop(bytes.drain(at..to)),
        8 => {
            let again = bytes.get(at..to).unwrap_or_default().to_vec();
            drop(bytes.splice(at..at, again));
        }
        9 => {
            let from = rng.random_range(0..=other.len());
            let part = other.get(from..).unwrap_or_default();
            let part = part.get(..rng.random_range(0..=part.len())).unwrap_or_default();
            drop(bytes.splice(at..to, part.iter().copied()));
        }
        // Text: one digit, letter or mark for another.
        _ => {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = rng.random_range(b' '..=b'~');
            }
        }
    }
}

/// Another number in the place of one, of 1, 2, 4 or 8 bytes.
fn tweak(bytes: &mut [u8], at: usize, rng: &mut impl Rng) {
    let width = 1 << rng.random_range(0..4);
    let Some(place) = bytes.get_mut(at..at + width) else { return };
    let mut number = [0; 8];
    number.iter_mut().zip(&*place).for_each(|(to, from)| *to = *from);
    let number = u64::from_le_bytes(number);
    let number = match rng.random_range(0..3) {
        0 => number.wrapping_add(rng.random_range(1..=8)),
        1 => number.wrapping_sub(rng.random_range(1..=8)),
        _ => CORNERS.get(rng.random_range(0..CORNERS.len())).copied().unwrap_or_default(),
    };
    place.iter_mut().zip(number.to_le_bytes()).for_each(|(to, from)| *to = from);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn mutants_differ_are_bounded_and_come_again() {
        let inputs = vec![vec![0; 20], (0..40).collect(), Vec::new()];
        let draw = |seed| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            (0..500).map(|_| mutate(&inputs, 50, &mut rng)).collect::<Vec<_>>()
        };
        let mutants = draw(1);
        assert_eq!(mutants, draw(1));
        assert!(mutants.iter().all(|mutant| mutant.len() <= 50));
        assert!(mutants.iter().any(|mutant| mutant.len() > 40));
        assert!(mutants.iter().collect::<BTreeSet<_>>().len() > 300);
    }

    #[test]
    fn nothing_can_be_mutated_too() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        assert!((0..100).any(|_| !mutate(&[], 50, &mut rng).is_empty()));
    }
}
