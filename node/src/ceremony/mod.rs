//! The ceremony: how organisations become a network that shares keys nobody ever held.
//!
//! # Model
//! One member, the *coordinator*, invites the others with a secret string. Nobody trusts it: it may
//! lie, and its node may be away for good once the members know each other. Up to `t` members are
//! faulty, the network is asynchronous, every node may be killed at any moment and is started again.
//!
//! # Stages
//! Each is durable, and which one a member is in follows from the files it has ([`Folder`](folder::Folder)).
//! - (C1) *Gathering.* Members register their cards with the coordinator ([`rendezvous`],
//!   [`gathering`]). When all are there the coordinator makes the roster and sends it to them.
//! - (C2) *Pre-flight.* From here on members talk to each other directly; the coordinator is one of
//!   them. Each tells the others whom it reaches, its version and its clock ([`preflight`]).
//! - (C3) *Check-words.* Six words that stand for the roster ([`words`]). The members compare them
//!   by voice. A member that confirms joins the network for good.
//! - (C4) *Key generation*, by all members together, without a dealer.
//! - (C5) *Backup* of the member's keys, and a *drill*: the backup is opened and tried.
//! - (C6) *Confirmed*: every member has said that it holds the same keys.
//!
//! # Guarantees
//! Members whose check-words are the same have the same roster, but for the cost of a search that
//! [`words`] states. (C4) ends at every honest member that takes part once `n - t` do, and a member
//! that comes later ends it later, as long as the others go on serving it: in the ceremony, and as
//! nodes until all are confirmed. No timer matters for safety or for liveness.
//!
//! # What is not guaranteed
//! A corrupt coordinator can keep members from finding each other, as can whoever controls the
//! network: then there is no network, and everybody sees who is missing.

pub mod folder;
pub mod gathering;
pub mod invite;
pub mod preflight;
pub mod rendezvous;
pub mod room;
pub mod serve;
pub mod words;

#[cfg(test)]
mod tests;
