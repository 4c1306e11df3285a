//! Robust opening of shared values by online error correction.
//!
//! Michael Ben-Or, Ran Canetti, Oded Goldreich, "Asynchronous secure computation" (STOC 1993) for
//! the error correction; Ivan Damgard, Jesper Buus Nielsen, "Scalable and unconditionally secure
//! multiparty computation" (CRYPTO 2007) for opening `t + 1` values at a time.
//!
//! # Model
//! `n >= 3t + 1`, asynchronous authenticated links, up to `t` Byzantine parties. The values are
//! shared with degree at most `t`, and every party knows how many there are before it gets a
//! message; whatever a peer sends is measured against that, never against what came first.
//!
//! # Guarantees
//! - *Correctness*: an honest party outputs the shared values or nothing.
//! - *Termination*: once `2t + 1` honest parties open their shares, every honest party outputs,
//!   whatever the others send or leave out, and whether it has shares itself or not.
//! - *Blame*: an honest party is never blamed. A party whose vector is of the wrong length, or off
//!   a polynomial, is blamed once by every honest party that sees it, also when it comes after the
//!   output but before the instance is dropped.
//! - *Too many liars*: with `t + 1` there is no output but the right one, unless their shares lie on
//!   polynomials of degree `t` together with those of `t` honest parties. Who knows these can choose
//!   such shares: `t + 1` parties know everything anyway. Then a wrong value may be output, and every
//!   party that outputs it reports the other honest parties' shares as these arrive.
//! - Not guaranteed: anything for a sharing of a higher degree. Honest shares of one of degree `2t`
//!   give no output, but `t` liars could make them: such sharings must never be opened.
//!
//! What `t` parties learn: the values and all shares of them. These determine each other only if
//! the sharing is not related to one that stays secret; what callers open is masked by a fresh
//! random sharing, or is the outcome itself, computed with them.
//!
//! # Protocol
//! A *code word* is one position of the parties' vectors: values of a polynomial of degree at most
//! `t` at their points.
//!
//! - D1. Keep the first vector of each party. A vector of another length than expected is blamed
//!   and ignored, as is a second, different one.
//! - D2. With `2t + 1` vectors or more, take the polynomial through the first `t + 1` and check it
//!   on all others, code word by code word.
//! - D3. At the first code word that fails, correct up to `min(kept - (2t + 1), t)` errors. If that
//!   cannot be done, wait for another vector and go on at this code word. If it can, blame and drop
//!   the vectors off the polynomial, whole, and go on with the next code word.
//! - D4. A vector that comes when code words are done already is checked against those.
//!
//! [`Opening`], one hop, for few values:
//! - O1. Multicast one's shares as SHARE.
//! - O2. Apply D1 - D4 to SHAREs. Output the polynomials' values at 0.
//!
//! [`BatchOpening`], two hops, for many values:
//! - B1. Take the values `t + 1` at a time as the coefficients of a polynomial `X` in another
//!   variable; send to each party `j` the shares of `X(j)` as SHARE.
//! - B2. Apply D1 - D4 to SHAREs. Multicast the `X(j)`, in the clear, as WORD.
//! - B3. Apply D1 - D4 to WORDs, which are code words of degree `t` again. Output the coefficients.
//!
//! # Why it works
//! A polynomial of degree `t` that agrees with `2t + 1` shares agrees with `t + 1` honest ones, and
//! so is the shared one. The honest vectors are never dropped and `2t + 1` of them arrive, so with
//! at most `t` errors D3 succeeds at the latest when they have. Each correction drops at least one
//! vector of a Byzantine party, so there are at most `t` and all other work is the check in D2.
//!
//! # Cost
//! For `m` values: one hop, `n^2` messages, `n^2 m` elements in total, or two hops, `2 n^2`
//! messages, `2 n^2 m / (t + 1)` elements. Computation per party and value: about `(t + 1)^2`
//! multiplications in one hop, `n + 3t + 2` in two.
//!
//! # Differences from the papers
//! Progress is kept per code word, and a vector with one wrong element is dropped whole.
//!
//! # End
//! An [`Opening`] may be dropped when it has given its output and its own shares were opened. A
//! [`BatchOpening`] must go on until it has also multicast its WORD
//! ([`served`](BatchOpening::served)): others may need it.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Shares;
use crate::math::Field;

mod decoder;
mod one_hop;
#[cfg(test)]
mod tests;
mod two_hop;

pub use one_hop::Opening;
pub use two_hop::BatchOpening;

/// What parties send each other to open values.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub enum Message<F: Field> {
    /// Shares of the values ([`Opening`]) or of the recipient's words ([`BatchOpening`]).
    Share(Arc<Shares<F>>),
    /// The sender's words, opened: only in a [`BatchOpening`].
    Word(Arc<Shares<F>>),
}

impl<F: Field> Message<F> {
    /// Shares for a recipient of the owner's choice: for values that one party alone may learn.
    pub fn new(shares: Shares<F>) -> Self {
        Self::Share(Arc::new(shares))
    }
}

impl<F: Field> fmt::Display for Message<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share(shares) => write!(f, "SHARE[{}]", shares.len()),
            Self::Word(words) => write!(f, "WORD[{}]", words.len()),
        }
    }
}
