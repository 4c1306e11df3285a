//! Whether anything but the outcome can be learnt.
//!
//! | module | what |
//! |---|---|
//! | [`shape`] | networks that differ in their votes tell the same story |

pub mod shape;
