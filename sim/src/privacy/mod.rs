//! Whether anything but the outcome can be learnt.
//!
//! | module | what |
//! |---|---|
//! | [`count`] | what `t` members see, counted in tiny fields |
//! | [`shape`] | networks that differ in their votes tell the same story |

pub mod count;
pub mod shape;
