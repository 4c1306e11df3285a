//! What differs between sharings: what a share vector is, and what everybody can check of it.

use std::fmt;

use rand_chacha::ChaCha20Rng;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::committee::{Committee, PartyId};
use crate::crypto::Digest;
use crate::crypto::seal::SealHeader;
use crate::math::Field;
use crate::sharing::Shares;
use crate::tag::Tag;

use super::dealing::Deviation;
use super::terms::Terms;

/// A way to share a vector of secrets by polynomials of degree `t`, with commitments that are
/// broadcast. The skeleton around it moves the share vectors and lets nobody end up without one.
///
/// A share vector travels as bytes: the shares, in order, and then whatever else the scheme checks.
/// A vector that [`check_share`](Self::check_share) accepts must be the party's value of the
/// polynomials that the commitments fix, or nearly certainly so: all honest parties judge alike.
pub trait Scheme: Clone + Send + Sync + Sized + 'static {
    /// Where secrets and shares are from.
    type Field: Field;
    /// What fixes the share vectors. Decoded from the dealer: it may be anything of the type.
    type Commitments: Clone + fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static;
    /// What the dealer proves about them. Decoded from the dealer, too.
    type Proof: Clone + fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static;
    /// What the dealer keeps from committing to proving.
    type Witness;
    /// What share vectors are checked against, once the public part holds.
    type Checked: Send + Sync + 'static;
    /// What a party gets.
    type Output;

    /// Binds what the scheme fixes beforehand: field, number of secrets, layout.
    ///
    /// # Panics
    /// If there is no distinct non-zero point for each party.
    fn name(&self, committee: Committee, tag: &Tag) -> Tag;

    /// L, the number of secrets.
    fn count(&self) -> usize;

    /// Whether these secrets may be shared. There are as many as [`count`](Self::count) says.
    fn admits(&self, secrets: &[Self::Field]) -> bool;

    /// Bytes of a share vector after the shares.
    fn extra_bytes(&self) -> usize;

    /// Commits to polynomials through the secrets, and has every party's share vector sealed, in
    /// roster order.
    fn deal(
        terms: &Terms<Self>,
        secrets: Shares<Self::Field>,
        deviation: &Deviation,
        rng: &mut ChaCha20Rng,
        seal: &mut dyn FnMut(PartyId, &[u8]),
    ) -> (Self::Commitments, Self::Witness);

    /// Proves what is to be proven. `root` is that of the commitments.
    fn prove(
        terms: &Terms<Self>,
        witness: Self::Witness,
        commitments: &Self::Commitments,
        root: &Digest,
        header: &SealHeader,
    ) -> Self::Proof;

    /// A digest of the commitments; `None` if their shape is wrong.
    fn root(terms: &Terms<Self>, commitments: &Self::Commitments) -> Option<Digest>;

    /// What share vectors are checked against, if commitments and proof hold. Total.
    fn check(
        terms: &Terms<Self>,
        commitments: Self::Commitments,
        proof: Self::Proof,
        root: Digest,
        header: &SealHeader,
    ) -> Option<Self::Checked>;

    /// Whether the party's share vector, of the right length and with these shares, is valid.
    fn check_share(
        terms: &Terms<Self>,
        checked: &Self::Checked,
        party: PartyId,
        encoded: &[u8],
        shares: &[Self::Field],
    ) -> bool;

    /// What a party gets that has these shares.
    fn output(checked: &Self::Checked, shares: Shares<Self::Field>) -> Self::Output;
}
