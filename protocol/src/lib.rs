//! Quorate's protocols: asynchronous agreement, secret sharing and multiparty computation as
//! deterministic state machines without IO.
//!
//! Dependencies point down this list only:
//!
//! | module | what |
//! |---|---|
//! | [`party`] | one organisation: owns and routes everything; events in, effects out |
//! | [`decision`] | the life of one decision: proposal, certificate |
//! | [`rule`] | the rule language: parse, check, cost, evaluate in the clear |
//! | [`mpc`] | computing on shared values |
//! | [`keys`] | distributed key generation, threshold signatures |
//! | [`sharing`] | Shamir shares, verifiable sharing, robust opening |
//! | [`agreement`] | reliable broadcast, common coin, binary agreement, common subset |
//! | [`crypto`] | transcripts, Merkle trees, erasure codes, sealing, proofs, identities |
//! | [`math`] | fields, polynomials, error-correcting decoding, matrices |
//! | the rest | the common language: parties, thresholds, names, faults, errors, bounds, encoding |

#![cfg_attr(test, allow(clippy::cast_possible_truncation, clippy::too_many_lines))]

pub mod agreement;
pub mod crypto;
pub mod decision;
pub mod keys;
pub mod math;
pub mod mpc;
pub mod party;
pub mod rule;
pub mod sharing;

pub mod committee;
pub mod error;
pub mod fault;
pub mod frame;
pub mod limits;
pub mod protocol;
pub mod record;
pub mod secret;
pub mod tag;
pub mod wire;
pub mod zoo;

#[cfg(test)]
pub(crate) mod testkit;

pub use committee::{Committee, PartyId, PartyMap, PartySet};
pub use error::Error;
pub use fault::{Fault, FaultKind};
pub use protocol::{Outbox, Protocol, Recipient};
pub use tag::Tag;
