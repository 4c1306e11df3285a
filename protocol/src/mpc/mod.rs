//! Multiparty computation on shared values.
//!
//! | module | what |
//! |---|---|
//! | [`gadgets`] | what can be computed on shares, and what each computation costs |

pub mod gadgets;
