//! What fuzzers drive: every decoder of the protocol's formats, and the members of a network that hear
//! arbitrary messages. Files and requests that a node reads are in
//! `node/tests/decoders.rs`, with the same [mutations](mutate).
//!
//! Each [`Target`] is a function of bytes that panics if a property does not hold. Three drivers share
//! them: `tests/corpus.rs`, which replays the checked-in corpus and mutates it a little;
//! the command `quorate-fuzz`, which does the same for longer; and libFuzzer, through the thin
//! targets in `libfuzzer/`, a workspace of its own because it needs nightly Rust and a C++ compiler.
//!
//! # What is checked
//! - No input makes anything panic, or takes long.
//! - What is read is written as the same bytes again, where a format has one form.
//! - No certificate holds but the one the network signed.
//! - Members agree, blame nobody honest and come to rest, whatever one of four sends them.

#![cfg_attr(test, allow(clippy::cast_possible_truncation, clippy::too_many_lines))]

pub mod corpus;
pub mod mutate;
pub mod network;
pub mod samples;
pub mod script;
pub mod targets;

pub use targets::{TARGETS, Target};
