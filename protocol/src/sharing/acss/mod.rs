//! Asynchronous complete secret sharing of batches in the computing field: if one honest party
//! completes, every honest party gets its share of every secret, whoever the dealer is.
//!
//! After Shoup and Smart (*Lightweight asynchronous verifiable secret sharing with optimal
//! resilience*, 2023) with the dispersal and the recovery of hbACSS (Yurek, Luo, Fairoze, Kate and
//! Miller, 2021). Hash commitments only: no group operation per secret.
//!
//! # Model
//! `n >= 3t + 1` parties, `t` of them Byzantine, asynchronous links that are authenticated and
//! encrypted; random oracles. F is the computing field, K its quadratic extension. Every party has
//! a sealing key of its own for the epoch ([`seal`](crate::crypto::seal)). The *tag* binds network,
//! epoch, instance, dealer, n, t, F, L and the layout of a share vector ([`Terms`]).
//!
//! # Guarantees
//! - *Completeness*: if one honest party completes, all do, and all give output.
//! - *Correctness*: then there is one polynomial of degree `t` for each secret, and every honest
//!   party's output is its value at the party's point; for an honest dealer the constants are the
//!   secrets. The statement holds for the constants.
//! - *Termination*: with an honest dealer every honest party completes.
//! - *Secrecy*: with an honest dealer `t` parties learn nothing about the secrets, whatever they
//!   complain about.
//! - No honest party is ever blamed; a dealer that gave an honest party no valid share is.
//!
//! Not guaranteed: that a corrupt dealer's sharing ever completes; that its secrets are unknown to
//! others (a proven complaint makes the whole batch public); agreement on *when* it completes.
//!
//! # Protocol
//! Dealer ([`Dealing`]), for secrets `s_1 .. s_L`:
//! - D1. `f_l` random of degree `t` with `f_l(0) = s_l`; blinders `g_1, g_2` over K, random of
//!   degree `t`; all drawn from (seed, tag, secrets).
//! - D2. For each i: `S_i = (f_1(i) .. f_L(i), g_1(i), g_2(i))`, salt `r_i`, `c_i = H(tag, i, S_i,
//!   r_i)`; `E_i = seal(pk_i; S_i, r_i)`; `E_i` erasure-coded, any `t + 1` of n shards give it
//!   back; `e_i` the Merkle root over its shards.
//! - D3. `C` = Merkle root over `c_1 .. c_n`; `gamma_q = H_K(tag, q, C)`; `G_q = g_q + sum_l
//!   gamma_q^l f_l`, `t + 1` coefficients; R and its proof over (C, e_1 .. e_n); the statement's
//!   proof.
//! - D4. Broadcast (c, G, R, e, proof); SHARDS to each j: shard j of every `E_i`, with paths.
//!
//! Party i:
//! - A1. ECHO the broadcast when its shape, the proof of R and the public part of the statement
//!   hold and the own shards of *all* `E_j` are there and verify against `e_j`. Both are kept until
//!   then.
//! - A2. On delivery: FORWARD to each j the own shard of `E_j`. What comes earlier than the
//!   delivery is kept, one message of each kind for each peer, and handled then.
//! - A3. From `t + 1` shards of `E_i` that verify: decode, encode again, compare `e_i`, open, check
//!   `c_i`, `G_1(i)`, `G_2(i)` and the statement. If all hold: the share is held, send OK.
//! - A4. Else COMPLAIN to all: `E_i` with the opening key and its proof, or, if the shards are not
//!   of one codeword, those `t + 1` shards and no key.
//! - A5. `n - t` OK or `t + 1` DONE: send DONE. `2t + 1` DONE: complete. Output when complete and
//!   the share is held.
//! - A6. On COMPLAIN of j: encode `E_j` again and compare `e_j`, open with the key, repeat j's
//!   checks; or repeat the decoding. Evidence that holds exposes the dealer; else j is blamed.
//! - A7. Dealer exposed and share held: REVEAL `(S_i, r_i)` to all, once.
//! - A8. No share held: check revealed vectors like one's own; from `t + 1` that pass, interpolate.
//!   A recovered share is output, but gives no OK and no REVEAL.
//!
//! # Why it works
//! *Completeness.* The first honest DONE rests on `n - t` OK, so `t + 1` honest parties hold shares
//! that passed, and `2t + 1` DONE at one party give `t + 1` at all. Delivery means that `t + 1`
//! honest parties sent ECHO, hence hold a shard of every `E_j`: everybody gets as far as A3.
//! Whoever finds no share there proves it to all, and the `t + 1` holders reveal.
//!
//! *Correctness.* The `c_i` are fixed before gamma, so the vectors that pass lie on polynomials of
//! degree `t`, but for about `C(n, t + 1) (L / |K|)^2` for each hash query of the dealer: two
//! checks, because one would leave 2^-50 at n = 64 and the largest L.
//!
//! *Secrecy.* `G_q` is uniform given `f`, because `g_q` is; `t` values of each polynomial are
//! independent of its constant. No opening key leaves before the proof of R was checked (the type
//! `CheckedHeader`), so a dealer that copies an honest dealer's R onto junk is never echoed, and no
//! complaint about it opens anything of the honest dealer's.
//!
//! # Cost
//! With P the public payload (about `64 n + 32 (t + 1)` bytes and the statement's proof) and `B = 8
//! L`: one broadcast of P; n SHARDS of about `n B / (t + 1)` bytes, and as much again in `n^2`
//! FORWARD, so about `48 n L` bytes over all links at n = 3t + 1; `n^2` OK and `n^2` DONE. Six
//! message delays: SEND with SHARDS beside it, ECHO, READY, FORWARD, OK, DONE; one more where DONE
//! is amplified. Each COMPLAIN and each REVEAL is B bytes to everybody. State: the own shards
//! (about 3 B) until they are forwarded, the share vector, and in a recovery up to n revealed
//! vectors. A secret costs the dealer about 60 ns for each party and a recipient about 80 ns
//! (`benches/acss.rs`).
//!
//! # Differences from the papers
//! - The leaves `c_i` are in the broadcast, so a revealed vector needs no path.
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
mod elements;
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
pub use message::{Complaint, Local, Message, Shard};
pub use public::Public;
pub use scheme::Scheme;
pub use terms::Terms;
