//! Whole Quorate networks in one process, under faults, from one seed.
//!
//! # Model
//! `n` real members ([`Epochs`](quorate_protocol::party::epochs::Epochs) on the real suite), a virtual
//! clock, and a scheduler that decides when each frame arrives. Up to `t` of them are faulty:
//! Byzantine ones wrap a real member and rewrite what it says ([`adversary`]); others are killed and
//! start again from what they wrote down, or from less: storage forgets, tears and restores writes,
//! and who starts from that counts as Byzantine. Any member may pause, and any clock be wrong. Links
//! are late, reorder and repeat frames, and are cut for a while. Some networks decide to refresh their keys, once or twice,
//! among other decisions; a proposal that lapses is proposed again in the next epoch. Everything is
//! drawn from one seed ([`plan`]), so a seed is a whole story that can be told again.
//!
//! # What is checked
//! Each invariant of the protocols is a [`checker`], which sees every message, fault, certificate
//! and restart as it happens, and knows what really was voted ([`ghost`]).
//!
//! # What is not simulated
//! The transport: links are authenticated, and lose nothing but with a member that is killed. The
//! file system: what a member finds of what it wrote is drawn, not read. Time inside computations: a
//! step takes none.
//!
//! Where these matter, `chaos` runs real processes instead, for as long as one lets it.

#![cfg_attr(test, allow(clippy::cast_possible_truncation, clippy::too_many_lines))]

pub mod adversary;
mod caught;
mod chaos;
pub mod checker;
pub mod cli;
pub mod coverage;
mod draw;
pub mod exhaustive;
pub mod ghost;
pub mod keygen;
mod measure;
mod parties;
pub mod plan;
pub mod privacy;
pub mod reduce;
pub mod report;
pub mod rounds;
pub mod schedule;
pub mod shrink;
pub mod story;
pub mod sweep;
pub mod token;
pub mod trace;
pub mod variant;
mod votes;
pub mod workload;
pub mod world;
pub mod zoo;

use quorate_protocol::party::{MessageOf, RealSuite};

/// What parties say to each other.
pub type Wire = MessageOf<RealSuite>;

/// The generator of everything that is drawn.
pub type Rng = rand_chacha::ChaCha8Rng;
