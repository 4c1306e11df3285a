//! The committee's keys: made without a dealer, used without ever being put together.

mod key_set;

pub use key_set::{GroupKey, KeySet, PublicKeys, SecretKeys, TrustedKeyDealer};
