//! The rendezvous: where members find each other before they know each other.
//!
//! # Model
//! The coordinator listens at an address of its own, apart from its node's, which lets in nobody
//! but members. Here anybody may connect. The connection proves the transport keys of both sides;
//! the invite names the coordinator's, so that a member says nothing to anybody else.
//!
//! # Protocol
//! - (V1) A member opens a stream and sends its registration.
//! - (V2) The coordinator answers with the list, and again each time the list changes; at the end
//!   with the roster, and closes the stream. Or with a refusal, and closes.
//! - (V3) A member whose stream breaks begins again with (V1), as often as it takes: after a restart
//!   of either side, and long after the roster was made.
//!
//! # Bounds
//! Connections, streams, the bytes of every message, and the time that somebody who has not
//! registered may stay. Strangers can keep others from connecting while they last, and nothing else.

mod client;
mod server;
#[cfg(test)]
mod tests;
mod wire;

use std::time::Duration;

use libp2p::StreamProtocol;

pub use client::{Heard, visit};
pub use server::{Hall, Rendezvous};

const PROTOCOL: StreamProtocol = StreamProtocol::new("/quorate/1/rendezvous");

/// How long somebody may take to say who it is, and to read what it is told.
const PATIENCE: Duration = Duration::from_secs(15);
