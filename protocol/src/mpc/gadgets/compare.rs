//! Whether a shared number reaches a public bound.

/// Random bits above the number's own that hide it when it is opened masked.
pub const STATISTICAL_BITS: usize = 40;

/// Bits that numbers from 0 to `greatest` need; at least one.
pub const fn width(greatest: u64) -> usize {
    (u64::BITS - greatest.leading_zeros()) as usize + (greatest == 0) as usize
}

/// Random bits that a comparison of `width`-bit numbers uses.
pub const fn bits(width: usize) -> usize {
    width + STATISTICAL_BITS
}

/// Multiplications, and so triples, of a comparison of `width`-bit numbers: the carry tree has
/// `width - 1` nodes of two, less one in each of its levels, where the lowest node needs one.
pub const fn multiplications(width: usize) -> usize {
    2 * (width - 1) - depth(width)
}

/// Levels of the carry tree over `width` bits.
pub const fn depth(width: usize) -> usize {
    width.next_power_of_two().ilog2() as usize
}
