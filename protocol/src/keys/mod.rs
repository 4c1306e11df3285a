//! The committee's keys: made without a dealer, used without ever being put together.

mod key_set;
mod signature;

pub use key_set::{GroupKey, KeySet, PublicKeys, SecretKeys, TrustedKeyDealer};
pub use signature::GroupSignature;
