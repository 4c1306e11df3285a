//! The bug zoo: whether the simulator finds known failures.
//!
//! Each [mutant](quorate_protocol::zoo) breaks one rule. A [`Campaign`] is a kind of run by seed:
//! whole networks, key generations, or single protocols with a party that lies. A mutant has one or
//! more of them, in order; it is *killed* by the first run that violates a property while the same
//! run without the mutant violates none. What survives shows a checker or an adversary that is
//! missing. Every run that is used against some mutant is also made without any: the control.
//!
//! A run that cannot be set up, and a panic where none is [expected](panics), kills nothing: then the zoo
//! itself is in error. Besides, every mutant is set into whole networks and key generations as swarms run
//! them, and what they find of it is told without being required.
//!
//! # What is not here
//! Of the list of known failures, those that this design has no place for: a retry after an abort (Z16:
//! openings are robust, nothing aborts), malformed moduli (Z18: there are none), a sealed ballot that does
//! not open (Z21: votes are masked bits, and any bit is one), a multicast in the place of a broadcast when
//! keys are made (Z22: dealers are agreed on by a common subset, and the key generation's swarm has members
//! that tell two halves two sets), and reasons beside secret votes (Z33: there is no field for one).

mod agreement;
mod broadcast;
mod campaign;
mod coin_aware;
mod early;
mod hunt;
mod names;
mod net;
mod network;
mod opening;
mod register;
mod secrecy;
mod sharing;
mod signing;

pub use campaign::Campaign;
pub use hunt::{Hunt, Kill, control};
pub use register::{WHOLE, campaigns, panics};

#[cfg(test)]
mod tests;
