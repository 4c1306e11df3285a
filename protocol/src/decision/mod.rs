//! The life of one decision.
//!
//! | module | what |
//! |---|---|
//! | [`proposal`] | the question, with its rule and deadline |
//! | [`certificate`] | the signed outcome, for anybody to check offline |

mod armour;
pub mod certificate;
pub mod proposal;
