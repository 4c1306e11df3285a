//! Circuits over several members in a row, for pairs that neither a direct connection nor one relay
//! joins.
//!
//! # Model
//! The members and the connections between them are a graph. Honest members tell the truth and keep
//! their connections up; others claim, drop and stall what they like. libp2p's relay joins members
//! that have one between them, and refuses more: over its circuits no further circuit runs.
//!
//! # Guarantees
//! - (G1) Two honest members connect in the end, with probability one, if there is a path of honest
//!   members between them that stays up. So decisions go on as long as the graph of honest
//!   connections is connected, and frames need not be flooded to all to reach one: whoever gossip
//!   would reach over honest members, a circuit reaches over the same.
//! - (G2) A circuit carries a connection like every other: both ends prove their transport keys to
//!   each other (Noise) inside it. Who is on the way sees how much passes and when, and who the two
//!   ends say they are; it cannot read, change or add anything, only delay and drop.
//! - (G3) What one neighbour makes a member pass on is bounded, and takes no more than its share of
//!   what others need ([`passing`]).
//!
//! # Protocol
//! - (K1) Each member says who its neighbours are, those it is connected to directly: signed, with the
//!   number of its start and of the claim, by gossip ([`map`]).
//! - (K2) Of two members that stay apart the earlier one in the roster dials: it draws a path at random
//!   and opens a stream to the first member on it, which begins with the whole path ([`path`]).
//! - (K3) Who gets such a stream finds itself in the path. The member before it must be the neighbour
//!   that opened the stream; the next one, a member that is connected directly, gets a stream with the
//!   same path. Bytes go both ways from then on ([`passing`]).
//! - (K4) At its end the stream is a connection that comes in ([`transport`]).
//! - (K5) A relay that lets go of the only connection to a member is left aside for a while, each time
//!   for longer, so that one that does so again and again takes the place of no circuit. A path that
//!   was refused, stalls or breaks makes its members less likely the next time, within a bound,
//!   until one over them has held for long. A connection that does not answer pings is given up, as
//!   every other.
//!
//! # Why it works
//! An edge counts if both its ends claim it, so whoever lies adds edges to liars and to nobody else,
//! and every edge between honest members is there once their claims have come: gossip goes over the
//! same honest connections, and who misses somebody goes on asking. Every draw gives each path without
//! detours of honest members a chance that is bounded from below ([`map`]), so one of them is tried
//! again and again, whatever the others do; it joins the two. There is no answer on the way of which a
//! liar could make use: the handshake at the end says that the path holds.
//!
//! # Cost
//! A stream for each circuit on each connection it runs over, and its bytes once more on each. In a
//! network that needs no circuits nothing is said but one claim a member when its neighbours change.

pub(super) mod map;
pub(super) mod passing;
pub(super) mod path;
pub(super) mod transport;

use libp2p::{Stream, StreamProtocol};

use path::Path;

/// A stream that a circuit runs over.
pub(super) const PROTOCOL: StreamProtocol = StreamProtocol::new("/quorate/1/circuit");

/// A circuit that ends here.
#[derive(Debug)]
pub(super) struct Arrival {
    pub path: Path,
    pub stream: Stream,
}
