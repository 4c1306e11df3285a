//! Shares of a member's input, from the masked bits it broadcast.
//!
//! A member with input x, in bits `x_1 .. x_k` by [`weights`](super::weights()), knows as many random
//! bits `b_i` of which all parties hold shares, and broadcasts `y_i = x_i XOR b_i`. Everybody
//! computes `[x_i] = y_i + [b_i] - 2 y_i [b_i]`, which is `[b_i]` or `1 - [b_i]`, and the sum of
//! those by weight. Nothing is opened and nothing checked: whatever the `y_i`, the input is in
//! range. A mask bit masks one bit: of two bits under one mask everybody would see the difference.

use super::weights;
use crate::math::Field;

/// Share of a bit, from its masked value and the share of its mask.
pub fn unmask<F: Field>(masked: bool, mask: F) -> F {
    if masked { F::ONE - mask } else { mask }
}

/// Share of an input from 0 to `range`. Bits, masked or not, and masks are by weight.
pub fn unmask_input<F: Field>(range: u64, masked: &[bool], masks: &[F]) -> F {
    let bits = masked.iter().zip(masks).map(|(masked, mask)| unmask(*masked, *mask));
    F::sum_of_products(weights(range).into_iter().map(F::from_u64).zip(bits))
}
