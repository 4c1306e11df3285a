//! The library's fastest engine, but for how it locates erasures.
//!
//! A decoder multiplies each shard by the locator polynomial of the missing ones. The library finds
//! its values at all 2^16 places at once, whatever the number of shards: nearly all of the time that
//! decoding a few short shards takes. At few places they are quicker found one by one, as
//!
//! ```text
//! log e(j) = sum of log(i - j) over the missing i other than j,
//! ```
//!
//! where the difference is an exclusive or. If nearly all places are missing the sum over those that
//! are there is its negative, since the sum of all logarithms is zero.

use reed_solomon_simd::engine::{
    DefaultEngine, Engine, GF_MODULUS, GF_ORDER, GfElement, ShardsRefMut, tables,
};

/// Most places at which one by one is quicker.
const FEW: usize = 512;

/// Places that are compared at once: a divisor of all.
const BLOCK: usize = 64;

/// See the [module](self).
pub(super) struct FewShards(DefaultEngine);

impl FewShards {
    pub(super) fn new() -> Self {
        Self(DefaultEngine::new())
    }
}

impl Engine for FewShards {
    fn fft(
        &self,
        data: &mut ShardsRefMut<'_>,
        pos: usize,
        size: usize,
        truncated: usize,
        skew: usize,
    ) {
        self.0.fft(data, pos, size, truncated, skew);
    }

    fn ifft(
        &self,
        data: &mut ShardsRefMut<'_>,
        pos: usize,
        size: usize,
        truncated: usize,
        skew: usize,
    ) {
        self.0.ifft(data, pos, size, truncated, skew);
    }

    fn mul(&self, shard: &mut [[u8; 64]], log_factor: GfElement) {
        self.0.mul(shard, log_factor);
    }

    fn eval_poly(missing: &mut [GfElement; GF_ORDER], truncated: usize) {
        // From here on all places are missing, or all are there and not asked for.
        let rest = missing.last().copied().unwrap_or_default();
        let first = up_to_last_other(missing, rest);
        let end = if rest == 0 { first.max(truncated) } else { first };
        if end > FEW {
            return DefaultEngine::eval_poly(missing, truncated);
        }
        let listed = missing.iter().take(first).enumerate().filter(|(_, place)| **place != rest);
        let listed: Vec<usize> = listed.map(|(place, _)| place).collect();
        let logarithms = &tables::get_exp_log().log;
        for (at, place) in missing.iter_mut().enumerate().take(end) {
            let others = listed.iter().filter(|other| **other != at);
            let logarithm = |other: &usize| logarithms.get(other ^ at).copied().unwrap_or_default();
            let sum: u64 = others.map(|other| u64::from(logarithm(other))).sum();
            let sum = GfElement::try_from(sum % u64::from(GF_MODULUS)).unwrap_or_default();
            *place = if rest == 0 { sum } else { GF_MODULUS - sum };
        }
    }
}

/// The number of places up to the last that is not `rest`, found by blocks: there are many.
fn up_to_last_other(places: &[GfElement; GF_ORDER], rest: GfElement) -> usize {
    let (blocks, _) = places.as_chunks::<BLOCK>();
    let differ = |block: &[GfElement; BLOCK]| block.iter().fold(0, |all, p| all | (p ^ rest)) != 0;
    let blocks = blocks.iter().rposition(differ).map_or(0, |last| last + 1);
    let mut places = places.iter().take(blocks * BLOCK);
    places.rposition(|place| *place != rest).map_or(0, |last| last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At every place that a decoder of `places` asks about.
    fn assert_same(missing: &[bool], rest: bool) {
        let mut places = [GfElement::from(rest); GF_ORDER];
        for (place, missing) in places.iter_mut().zip(missing) {
            *place = GfElement::from(*missing);
        }
        let truncated = if rest { GF_ORDER } else { missing.len() };
        let mut expected = places;
        DefaultEngine::eval_poly(&mut expected, truncated);
        let mut found = places;
        FewShards::eval_poly(&mut found, truncated);
        let asked =
            missing.iter().rposition(|missing| !rest || !missing).map_or(0, |last| last + 1);
        for place in 0..asked {
            assert_eq!(
                found[place] % GF_MODULUS,
                expected[place] % GF_MODULUS,
                "{missing:?} {rest}"
            );
        }
    }

    #[test]
    fn every_pattern_of_few_places_is_located_as_the_library_does() {
        for pattern in 0u32..1 << 6 {
            let missing: Vec<bool> = (0..6).map(|place| pattern >> place & 1 == 1).collect();
            for len in [2, 4, 6] {
                assert_same(&missing[..len], false);
                assert_same(&missing[..len], true);
            }
        }
    }

    #[test]
    fn many_places_are_located_as_the_library_does() {
        for len in [128, FEW, FEW + 1] {
            let missing: Vec<bool> = (0..len).map(|place| place * place % 7 < 3).collect();
            assert_same(&missing, false);
            assert_same(&missing, true);
        }
    }
}
