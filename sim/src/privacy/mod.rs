//! Whether anything but the outcome can be learnt.
//!
//! | module | what |
//! |---|---|
//! | [`canary`] | keys and shares stand nowhere but where they belong |
//! | [`count`] | what `t` members see, counted in tiny fields |
//! | [`shape`] | networks that differ in their votes tell the same story |

pub mod canary;
pub mod count;
pub mod shape;
