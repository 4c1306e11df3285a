//! What the protocols are made safe with: hashes, codes, proofs, sealed messages, keys.
//!
//! | module | what |
//! |---|---|
//! | [`group`] | the groups, and signatures, that all of these are made of |
//! | [`transcript`] | named hashing: digests, seeds, challenges, random oracles |
//! | [`merkle`] | vector commitments with short openings |
//! | [`erasure`] | a byte string in n shards, any k of which give it back |
//! | [`identity`] | who signed: Ed25519, strictly verified, each signature in its own domain |
//! | [`dleq`] | proofs that powers share an exponent |
//! | [`point`] | points of prime order, one encoding each |
//! | [`seal`] | encryption to a member, which the member can open for all to see |
//! | [`identities`] | who is who in a network, in all of its epochs |
//! | [`keyring`] | all keys one party holds and knows in an epoch |
//!
//! Everything here is deterministic given its arguments. What is decoded from a peer is valid by
//! type: points are on the curve and canonically encoded, keys are of prime order.

pub mod dleq;
pub mod erasure;
pub mod group;
pub mod identities;
pub mod identity;
pub mod keyring;
pub mod merkle;
pub mod point;
pub mod seal;
pub mod transcript;

pub use identities::Identities;
pub use identity::{IdentityKey, IdentityPublic, Signature};
pub use keyring::Keyring;
pub use transcript::{Digest, Transcript};

/// Whether the [groups](group) are ideal: for simulations only.
pub const IDEAL: bool = cfg!(quorate_ideal);
