//! Asynchronous complete secret sharing: if one honest party completes, every honest party gets its
//! share of every secret, whoever the dealer is.
//!
//! One skeleton, with the dispersal and the recovery of hbACSS (Yurek, Luo, Fairoze, Kate and
//! Miller, 2021), and two [schemes](Scheme) that say what a share vector is and what everybody can
//! check of it: batches in the computing field with hash commitments ([`elements`]), and scalars
//! with commitments in a group ([`scalar`]), which is how the asynchronous key generation of Das,
//! Yurek, Xiang, Miller, Kokoris-Kogias and Ren (IEEE S&P 2022) begins.
//!
//! # Model
//! `n >= 3t + 1` parties, `t` of them Byzantine, asynchronous links that are authenticated and
//! encrypted; random oracles. Every party has a sealing key of its own for the epoch
//! ([`seal`](crate::crypto::seal)). The *tag* binds network, epoch, instance, dealer, n, t, and
//! what the scheme fixes: field, L, the layout of a share vector ([`Terms`]).
//!
//! # Guarantees
//! - *Completeness*: if one honest party completes, all do, and all give output.
//! - *Correctness*: then there is one polynomial of degree `t` for each secret, and every honest
//!   party's output is its value at the party's point; for an honest dealer the constants are the
//!   secrets. What the scheme has the dealer prove holds for the constants.
//! - *Termination*: with an honest dealer every honest party completes.
//! - *Secrecy*: with an honest dealer `t` parties learn nothing about the secrets but what the
//!   commitments say, whatever they complain about.
//! - No honest party is ever blamed; a dealer that gave an honest party no valid share is.
//!
//! Not guaranteed: that a corrupt dealer's sharing ever completes; that its secrets are unknown to
//! others (a proven complaint makes the whole batch public); agreement on *when* it completes.
//!
//! # Protocol
//! Dealer ([`Dealing`]), for secrets `s_1 .. s_L`:
//! - D1. Polynomials of degree `t` through the secrets, a share vector `S_i` for each party i, and
//!   commitments with digest C, as the scheme says; all drawn from (seed, tag, secrets).
//! - D2. `E_i = seal(pk_i; S_i)`, erasure-coded, any `t + 1` of n shards give it back; `e_i` the
//!   Merkle root over its shards.
//! - D3. The sealing key R and its proof over (C, e_1 .. e_n); the scheme's proof.
//! - D4. Broadcast (commitments, R, e, proof); SHARDS to each j: shard j of every `E_i`, with paths.
//!
//! Party i:
//! - A1. ECHO the broadcast when its shape, the proof of R and what the scheme checks in public
//!   hold and the own shards of *all* `E_j` are there and verify against `e_j`. Both are kept until
//!   then.
//! - A2. On delivery: FORWARD to each j the own shard of `E_j`. What comes earlier than the
//!   delivery is kept, one message of each kind for each peer, and handled then.
//! - A3. From `t + 1` shards of `E_i` that verify: decode, encode again, compare `e_i`, open, and
//!   check `S_i` as the scheme says. If all holds: the share is held, send OK.
//! - A4. Else COMPLAIN to all: `E_i` with the opening key and its proof, or, if the shards are not
//!   of one codeword, those `t + 1` shards and no key.
//! - A5. `n - t` OK or `t + 1` DONE: send DONE. `2t + 1` DONE: complete. Output when complete and
//!   the share is held.
//! - A6. On COMPLAIN of j: encode `E_j` again and compare `e_j`, open with the key, repeat j's
//!   checks; or repeat the decoding. Evidence that holds exposes the dealer; else j is blamed.
//! - A7. Dealer exposed and share held: REVEAL `S_i` to all, once.
//! - A8. No share held: check revealed vectors like one's own; from `t + 1` that pass, interpolate.
//!   A recovered share is output, but gives no OK and no REVEAL.
//!
//! # Why it works
//! *Completeness.* The first honest DONE rests on `n - t` OK, so `t + 1` honest parties hold shares
//! that passed, and `2t + 1` DONE at one party give `t + 1` at all. Delivery means that `t + 1`
//! honest parties sent ECHO, hence hold a shard of every `E_j`: everybody gets as far as A3.
//! Whoever finds no share there proves it to all, and the `t + 1` holders reveal.
//!
//! *Correctness.* Vectors that pass are values of the polynomials that the commitments fix: but for
//! what each scheme says of its checks.
//!
//! *Secrecy.* `t` values of each polynomial are independent of its constant. No opening key leaves
//! before the proof of R was checked (the type `CheckedHeader`), so a dealer that copies an honest
//! dealer's R onto junk is never echoed, and no complaint about it opens anything of the honest
//! dealer's.
//!
//! # Cost
//! With P the public payload (`32 n` bytes, and what the scheme adds) and B the bytes of a share
//! vector: one broadcast of P; n SHARDS of about `n B / (t + 1)` bytes and n paths, and as much
//! again in `n^2` FORWARD; `n^2` OK and `n^2` DONE. Six message delays: SEND with SHARDS beside it,
//! ECHO, READY, FORWARD, OK, DONE; one more where DONE is amplified. Each COMPLAIN and each REVEAL
//! is B bytes to everybody. State: the own shards (about 3 B) until they are forwarded, the share
//! vector, and in a recovery up to n revealed vectors. Work goes to jobs: dealing, checking a
//! payload, opening and checking a vector.
//!
//! # Differences from the papers
//! - A party that recovered its share does not send DONE by itself: it sends DONE by A5 only. If it
//!   did, `t` corrupt parties could reveal their vectors to one honest party alone; its DONE and
//!   theirs would complete the sharing although only one honest party holds a share that can be
//!   revealed, and the others would never get theirs.
//! - Shards are sent on only after delivery; sending the share directly as well, which saves a
//!   delay, is left out.
//!
//! # End
//! Shards are dropped once forwarded: links keep what is not acknowledged. The instance must be
//! kept after its output, since others may still need its DONE and its REVEAL: until `n - t`
//! parties have retired the batch. An owner that persists must make the share durable before it
//! lets OK out.

mod dealing;
pub mod elements;
mod instance;
mod message;
mod polynomials;
mod public;
mod retrieval;
pub mod scalar;
mod scheme;
mod terms;
#[cfg(test)]
mod tests;

pub use dealing::{Dealing, Deviation};
pub use elements::{Elements, ElementsProof, NoStatement, Statement};
pub use instance::Acss;
pub use message::{Complaint, Local, Message, Shard, Vetted};
pub use public::{Public, holds};
pub use scheme::Scheme;
pub use terms::Terms;
