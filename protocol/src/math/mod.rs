//! Finite fields, polynomials, error-correcting decoding, matrices.
//!
//! Everything is generic over [`Field`]; the protocols run over [`Fp61`] and its extension
//! [`Ext`], keys and signatures over [`Fl`], tests that count exhaustively over [`F7`] and [`F31`].

pub mod ext;
pub mod field;
pub mod fl;
pub mod fp61;
pub mod matrix;
pub mod poly;
pub mod reed_solomon;
pub mod small;

pub use ext::Ext;
pub use field::{Field, PrimeField};
pub use fl::Fl;
pub use fp61::Fp61;
pub use poly::{Extension, Poly, Rows, lagrange_row};
pub use small::{F7, F31, Small};

#[cfg(test)]
mod tests;
