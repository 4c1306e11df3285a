//! The committee's keys: made without a dealer, used without ever being put together.
//!
//! | module | what |
//! |---|---|
//! | `key_set` | what a member holds in one epoch |
//! | [`signing`] | signatures under a group's key, in one hop |

mod group_public;
mod key_set;
pub mod refresh;
mod signature;
pub mod signing;

pub use group_public::{GroupPublic, NotAKey};
pub use key_set::{GroupKey, KeySet, PublicKeys, SecretKeys, TrustedKeyDealer};
pub use signature::GroupSignature;
