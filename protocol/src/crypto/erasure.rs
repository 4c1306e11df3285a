//! Erasure code: a byte string in `n` shards of equal length, any `k` of which give it back.
//!
//! Systematic Reed-Solomon over GF(2^16) (`reed-solomon-simd`). What is encoded is the length of
//! the string (8 bytes, little-endian), the string, and zeros up to `k` shards of the least even
//! length. Decoding insists on exactly that form, so each string has one encoding.
//!
//! Shards carry no proof: take them from under a Merkle root. Even then `k` shards of a root that
//! is not of an encoding decode to *something*; encode the result again and compare the root before
//! believing it.

use reed_solomon_simd::rate::{DefaultRateDecoder, RateDecoder};

use self::engine::FewShards;
use crate::wire::Bytes;

mod engine;

/// Bytes of the length that is encoded with a string.
pub const LENGTH_BYTES: usize = 8;

/// Bytes of each shard of a string of `len` bytes with `k` data shards.
pub const fn shard_len(len: usize, k: usize) -> usize {
    len.saturating_add(LENGTH_BYTES).div_ceil(k).next_multiple_of(2)
}

/// The `n` shards of `data`, any `k` of which rebuild it.
///
/// # Panics
/// Unless `1 <= k <= n <= 2^15`.
pub fn encode(data: &[u8], k: usize, n: usize) -> Vec<Bytes> {
    assert!(1 <= k && k <= n && n <= 1 << 15, "an erasure code of {k} in {n}");
    let shard = shard_len(data.len(), k);
    let mut padded = Vec::with_capacity(k * shard);
    padded.extend_from_slice(&(data.len() as u64).to_le_bytes());
    padded.extend_from_slice(data);
    padded.resize(k * shard, 0);
    let mut shards: Vec<Bytes> = padded.chunks(shard).map(Bytes::from).collect();
    if n > k {
        let recovery = reed_solomon_simd::encode(k, n - k, padded.chunks(shard));
        let recovery = recovery.expect("the code supports all sizes asserted above");
        shards.extend(recovery.into_iter().map(Bytes::from));
    }
    shards
}

/// The string of at most `max_len` bytes that the shards, given with their indices, encode.
///
/// `None` unless there are at least `k` of them, at distinct indices below `n`, all of one possible
/// length, and all in agreement. Total: no shards can make it fail otherwise.
pub fn decode(shards: &[(usize, Bytes)], k: usize, n: usize, max_len: usize) -> Option<Vec<u8>> {
    if k == 0 || k > n || n > 1 << 15 {
        return None;
    }
    let length = shards.first()?.1.len();
    let whole = length > 0 && length.is_multiple_of(2) && length <= shard_len(max_len, k);
    if !whole || shards.iter().any(|(index, shard)| *index >= n || shard.len() != length) {
        return None;
    }
    let mut indices: Vec<usize> = shards.iter().map(|(index, _)| *index).collect();
    indices.sort_unstable();
    indices.dedup();
    if indices.len() != shards.len() || shards.len() < k {
        return None;
    }
    let data = strip(&rebuild(shards, k, n)?, length, k, max_len)?;
    if shards.len() > k {
        // More shards than needed: all must be of this string.
        let all = encode(&data, k, n);
        let agrees = |(index, shard): &(usize, Bytes)| all.get(*index) == Some(shard);
        return shards.iter().all(agrees).then_some(data);
    }
    Some(data)
}

/// The `k` data shards, one after the other, from `k` of the shards.
fn rebuild(shards: &[(usize, Bytes)], k: usize, n: usize) -> Option<Vec<u8>> {
    // Data shards first: with all of them there is nothing to rebuild.
    let mut used: Vec<(usize, &[u8])> =
        shards.iter().map(|(index, shard)| (*index, &**shard)).collect();
    used.sort_unstable_by_key(|(index, _)| *index);
    used.truncate(k);
    if used.iter().all(|(index, _)| *index < k) {
        return Some(used.iter().flat_map(|(_, shard)| *shard).copied().collect());
    }
    let length = used.first()?.1.len();
    let mut decoder = DefaultRateDecoder::new(k, n - k, length, FewShards::new(), None).ok()?;
    for (index, shard) in &used {
        match index.checked_sub(k) {
            None => decoder.add_original_shard(*index, shard).ok()?,
            Some(index) => decoder.add_recovery_shard(index, shard).ok()?,
        }
    }
    let rebuilt = decoder.decode().ok()?;
    let mut padded = Vec::with_capacity(k * length);
    let mut used = used.iter().peekable();
    for index in 0..k {
        let given = used.next_if(|(given, _)| *given == index);
        let shard = given.map(|(_, shard)| *shard).or_else(|| rebuilt.restored_original(index))?;
        padded.extend_from_slice(shard);
    }
    Some(padded)
}

/// What was padded, if it was padded in the one right way.
fn strip(padded: &[u8], shard: usize, k: usize, max_len: usize) -> Option<Vec<u8>> {
    let (prefix, rest) = padded.split_first_chunk::<LENGTH_BYTES>()?;
    let len = usize::try_from(u64::from_le_bytes(*prefix)).ok()?;
    let (data, padding) = rest.split_at_checked(len)?;
    let canonical =
        len <= max_len && shard == shard_len(len, k) && padding.iter().all(|byte| *byte == 0);
    canonical.then(|| data.to_vec())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbered(shards: &[Bytes]) -> Vec<(usize, Bytes)> {
        shards.iter().cloned().enumerate().collect()
    }

    #[test]
    fn any_k_shards_rebuild_in_any_order() {
        for (k, n) in [(1, 1), (1, 4), (2, 4), (3, 7), (4, 4), (22, 64)] {
            for len in [0, 1, 7, 8, 9, 1000] {
                let data: Vec<u8> = (0..len).map(|i| i as u8).collect();
                let shards = numbered(&encode(&data, k, n));
                assert!(shards.iter().all(|(_, s)| s.len() == shard_len(len, k)));
                for skip in 0..=n - k {
                    let mut some: Vec<_> = shards[skip..skip + k].to_vec();
                    some.reverse();
                    assert_eq!(decode(&some, k, n, 1000).as_deref(), Some(&data[..]));
                }
                assert_eq!(decode(&shards, k, n, 1000), Some(data));
            }
        }
    }

    #[test]
    fn too_few_duplicate_misplaced_short_and_long_shards_are_refused() {
        let shards = numbered(&encode(b"some bytes to be kept", 2, 4));
        let [a, b, c, d] = <[_; 4]>::try_from(shards).unwrap();
        let no = |shards: &[(usize, Bytes)]| assert_eq!(decode(shards, 2, 4, 100), None);
        no(&[]);
        no(std::slice::from_ref(&a));
        no(&[a.clone(), a.clone()]);
        no(&[a.clone(), b.clone(), a.clone()]);
        no(&[a.clone(), (4, b.1.clone())]);
        no(&[a.clone(), (usize::MAX, b.1.clone())]);
        no(&[(1, a.1.clone()), (0, b.1.clone())]);
        for length in [0, 1, 2, b.1.len() - 2, b.1.len() - 1] {
            no(&[a.clone(), (1, Bytes::from(&b.1[..length]))]);
            no(&[(0, Bytes::from(&a.1[..length])), (1, Bytes::from(&b.1[..length]))]);
        }
        let longer = |s: &(usize, Bytes)| (s.0, Bytes::from([&s.1[..], &[0, 0]].concat()));
        no(&[longer(&a), b.clone()]);
        no(&[longer(&a), longer(&b)]);
        no(&[longer(&c), longer(&d)]);
        assert_eq!(decode(&[a, b], 2, 4, 20), None, "over the limit");
        assert_eq!(decode(&[c.clone(), d.clone()], 0, 4, 100), None);
        assert_eq!(decode(&[c, d], 5, 4, 100), None);
    }

    #[test]
    fn padding_and_length_are_canonical() {
        let shards = encode(b"abc", 2, 4);
        for (at, value) in [(0, 2), (0, 200), (5, 1)] {
            let mut first = shards[0].to_vec();
            first[at] = value;
            let changed = [(0, Bytes::from(first)), (1, shards[1].clone())];
            assert_eq!(decode(&changed, 2, 4, 100), None, "length byte {at} = {value}");
        }
        let mut last = shards[1].to_vec();
        *last.last_mut().unwrap() = 1;
        assert_eq!(decode(&[(0, shards[0].clone()), (1, last.into())], 2, 4, 100), None);
        let zeros = |len| [(0, Bytes::from(vec![0; len])), (1, Bytes::from(vec![0; len]))];
        assert_eq!(decode(&zeros(4), 2, 4, 100), Some(vec![]));
        assert_eq!(decode(&zeros(6), 2, 4, 100), None, "longer shards than the string needs");
    }

    proptest! {
        #[test]
        fn hostile_shards_never_panic(
            shards in prop::collection::vec((0usize..8, prop::collection::vec(any::<u8>(), 0..40)), 0..10),
            k in 0usize..6, n in 0usize..9,
        ) {
            let shards: Vec<_> = shards.into_iter().map(|(i, s)| (i, Bytes::from(s))).collect();
            if let Some(data) = decode(&shards, k, n, 100) {
                let all = encode(&data, k, n);
                for (i, shard) in shards {
                    prop_assert_eq!(&all[i], &shard);
                }
            }
        }

        #[test]
        fn a_wrong_shard_among_more_than_k_is_noticed(
            data in prop::collection::vec(any::<u8>(), 0..100), bad in 0usize..7, at in any::<usize>(),
        ) {
            let mut shards = numbered(&encode(&data, 3, 7));
            let mut changed = shards[bad].1.to_vec();
            let at = at % changed.len();
            changed[at] ^= 1;
            shards[bad].1 = changed.into();
            prop_assert_eq!(decode(&shards, 3, 7, 100), None);
        }
    }
}
