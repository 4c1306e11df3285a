//! The groups that keys, proofs and signatures live in: all of them come from here.
//!
//! They are ristretto255 and Edwards25519 of `curve25519-dalek`, and the signatures of
//! `ed25519-dalek`, exported as they are.
//!
//! # Ideal groups
//! For simulations of many runs there is another build, with `--cfg quorate_ideal`. Never a Cargo
//! feature: those add up, and nothing that is shipped may have it; the node refuses to be built so.
//! Then an element of either group *is* a number modulo the group's order, its discrete logarithm.
//! A multiplication in the group is one of numbers, about a thousand times faster.
//!
//! What is lost is hardness, and nothing else: whoever reads an element can compute its logarithm,
//! so commitments and public keys hide nothing, and signatures, proofs and coins could be forged.
//! The simulator's adversaries do not do that. Lost are besides the elements that only the real
//! curves have: those of small order, and second encodings of one element.
//!
//! What is kept: the order of the group, so all scalars, shares and exponents are the same; every
//! equation between elements; the sizes of everything encoded, and with them every message; one
//! encoding for each element, and bytes that encode none; the protocols' code, which is the same to
//! the last line. A wrong share, proof or signature fails the check that it fails in the real groups.
//! Encodings are not the logarithms as they are, but a fixed multiple of them: no secret
//! is on the wire by its very bytes.

#[cfg(not(quorate_ideal))]
mod real {
    pub use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, RISTRETTO_BASEPOINT_POINT};
    pub use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
    pub use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
    pub use ed25519_dalek::{SigningKey, VerifyingKey};
}
#[cfg(not(quorate_ideal))]
pub use real::*;

#[cfg(quorate_ideal)]
mod ideal;
#[cfg(quorate_ideal)]
mod ideal_signature;
#[cfg(quorate_ideal)]
pub use self::{ideal::*, ideal_signature::*};

pub use curve25519_dalek::scalar::Scalar;
pub use curve25519_dalek::traits::{Identity, IsIdentity, VartimeMultiscalarMul};
pub use ed25519_dalek::{Sha512, Signature, Signer};
