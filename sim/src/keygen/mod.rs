//! Networks that make their keys.
//!
//! # Model
//! `n` members, each with a real [`Ceremony`](quorate_protocol::keys::ceremony::Ceremony), on the
//! links and schedules of the other networks. Members come up at different times. Up to `t` of them
//! are Byzantine: they run the real key generation, with dealings and sets that cheat, and rewrite
//! what they say ([`adversary`]). Any honest ones are killed, all of them and more than once, and
//! start again from what they wrote down: that is no fault, so it does not count towards `t`.
//!
//! # What is checked
//! Each property of the keys, and of how members come to them, is a [`checker`].

pub mod adversary;
pub mod checker;
mod corrupt;
mod ghost;
mod plan;
mod reduce;
mod restarts;
mod world;

pub use ghost::Ghost;
pub use plan::Plan;
pub use world::World;

use quorate_protocol::keys::{ceremony, generation};

/// What members say to each other, as it travels.
pub type Wire = ceremony::Message;

/// What it is about.
pub type Content = generation::Message;
