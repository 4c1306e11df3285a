//! Multiparty computation on shared values.
//!
//! | module | what |
//! |---|---|
//! | [`engine`] | runs a gadget: openings one after the other, local steps between |
//! | [`gadgets`] | what can be computed on shares, and what each computation costs |
//! | [`preprocessing`] | triples and random bits that nobody knows, made ahead |

pub mod engine;
pub mod gadgets;
pub mod preprocessing;
