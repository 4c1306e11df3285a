//! What can be computed on shared values, and what each computation costs.

pub mod compare;
pub mod weights;

pub use weights::weights;
