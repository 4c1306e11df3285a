//! Preprocessing: random bits and multiplication triples that nobody knows, made ahead of the
//! decisions that use them up.
//!
//! After Choudhury and Patra (IEEE Trans. Inf. Theory 2017) for the triples and Damgård, Fitzi,
//! Kiltz, Nielsen and Toft (TCC 2006) for the bits.
//!
//! # Model
//!
//! `n >= 3t + 1`, asynchronous links, at most t Byzantine parties. A trusted coin for agreement.
//!
//! # Guarantees
//!
//! - *Agreement*: all honest parties output shares, of degree t, of the same triples and bits, in the
//!   same order and number ([`yields`]).
//! - *Correctness*: `c = a * b` for every triple but with a chance of about `2N / p^2` for each hash a
//!   corrupt dealer tries (see [`statement`]); every bit is 0 or 1.
//! - *Secrecy*: the view of any t parties is independent of the triples and of the bits.
//! - *Termination*: if all honest parties start, and all but t dealers' sharings complete or every
//!   honest party runs out of patience, all honest parties output, whatever t parties do or omit.
//!
//! # Protocol
//!
//! - **Q1** On start, deal one batch by ACSS: random values and chunks of triples ([`dealing`]) with a
//!   proof that they are triples ([`statement`]).
//! - **Q2** When the sharing of dealer j is complete here and our share held, it is usable: agree with
//!   a [`CommonSubset`](crate::agreement::acs::CommonSubset) on `m >= n - t` dealers. The owner calls [`Preprocessing::close`] some time
//!   after the run began, so as not to wait for absent dealers; with all dealers complete that is not
//!   needed. An owner that lets the same dealers share something else beside the batch holds the
//!   usable ones back until that is complete, too ([`Preprocessing::approve`]).
//! - **Q3** On their batches, extract and open as in [`refine`].
//!
//! Messages of Q3 that come before Q2 is over are kept; honest parties send at most
//! [`EARLY_MESSAGES`] of them.
//!
//! # Cost
//!
//! One ACSS batch of `4N + 7` secrets for each N triples and dealer, one common subset, and six hops
//! of openings: two if no bits are wanted.
//!
//! # Differences from the papers
//!
//! Dealers prove their triples (Choudhury and Patra verify them by dealing each to all and sharing
//! again); bits take their squares from triples and not from a multiplication of degree `2t`, which
//! `t` missing shares would stop.
//!
//! # End
//!
//! After its output an instance must go on helping: others may still need shares of dealers, votes and
//! second hops. It may be dropped when `n - t` parties are known to have their output stored.

pub mod batch;
pub mod dealing;
pub mod extract;
pub mod layout;
pub mod message;
pub mod refine;
pub mod run;
pub mod statement;

pub use batch::{Batch, Triple};
pub use layout::{Layout, Request, yields};
pub use message::Message;
pub use run::{EARLY_MESSAGES, Preprocessing, RunStats, deal_tag};
pub use statement::{TripleProof, TripleStatement};

#[cfg(test)]
mod testing;
