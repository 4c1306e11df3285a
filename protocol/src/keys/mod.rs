//! The committee's keys: made without a dealer, used without ever being put together.
//!
//! | module | what |
//! |---|---|
//! | [`generation`] | the members make the keys of the first epoch together |
//! | [`ceremony`] | the same, durable, as node and simulator drive it |
//! | `key_set` | what a member holds in one epoch |
//! | [`nonces`] | what signing uses up, made ahead |
//! | [`signing`] | signatures under a group's key, in one hop |

pub mod ceremony;
pub mod generation;
mod group_public;
mod key_set;
pub mod nonces;
pub mod refresh;
mod signature;
pub mod signing;

pub use group_public::{GroupPublic, NotAKey};
pub use key_set::{GroupKey, KeySet, PublicKeys, SecretKeys, TrustedKeyDealer};
pub use signature::GroupSignature;
