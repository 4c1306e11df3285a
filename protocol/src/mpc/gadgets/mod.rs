//! What can be computed on shared values, and what each computation costs.
//!
//! | module | what |
//! |---|---|
//! | [`weights`](mod@weights) | numbers of a range as sums of weights |
//! | [`input`] | shares of a member's input from its masked bits |
//! | [`multiply`] | products of shared values |
//! | [`compare`] | whether a shared number reaches a public bound |
//! | [`decide`] | the whole: from masked inputs to the outcome |
//! | [`material`] | what a decision uses up |
//!
//! # Privacy
//! Opening a shared value shows more than the value: the whole polynomial, that is everybody's
//! share. Each polynomial opened here has a summand of its own that is uniform and used nowhere
//! else: masked inputs the mask bit's, a comparison's masked number the random bits', products the
//! triple's `a` and `b`, and the outcome the last triple's `c` (or a mask's). So openings say what
//! their values say, and those are masked uniformly, or, in a comparison, statistically. Nothing
//! but the outcome is ever opened without a mask.

pub mod compare;
pub mod decide;
pub mod input;
pub mod material;
pub mod multiply;
pub mod weights;

pub use compare::Compare;
pub use decide::{Decide, Threshold};
pub use material::{Cost, Material};
pub use multiply::Multiply;
pub use weights::weights;

#[cfg(test)]
mod exhaustive;
#[cfg(test)]
mod tests;
