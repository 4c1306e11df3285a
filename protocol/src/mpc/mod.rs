//! Multiparty computation on shared values.
//!
//! | module | what |
//! |---|---|
//! | [`gadgets`] | what can be computed on shares, and what each computation costs |
//! | [`preprocessing`] | triples and random bits that nobody knows, made ahead |

pub mod gadgets;
pub mod preprocessing;
