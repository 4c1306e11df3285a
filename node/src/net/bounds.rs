//! What one peer can make a node hold, and how often it can make it do something.
//!
//! A peer that floods, or never reads, or never acknowledges, fills its own queues and nobody else's.
//! With `n` members in all, one of them can make a node hold at most:
//!
//! | what | bytes |
//! |---|---|
//! | what it sent and nobody has read yet, in each of its connections | [`unread`] |
//! | a frame that is being read, in each lane, with a buffer | [`MAX_FRAME`] + 64 KiB |
//! | frames that wait for the party, in each lane | [`MAX_UNTAKEN`] |
//! | frames for it, in each lane | [`MAX_UNACKNOWLEDGED_DECISION`], [`MAX_UNACKNOWLEDGED_BULK`], [`MAX_UNACKNOWLEDGED_CEREMONY`] |
//! | the part of these that is being written, in each lane, encoded | [`WRITE_BATCH`] + [`MAX_FRAME`] |
//! | announcements for it | [`ANNOUNCEMENTS_QUEUED`] of [`MAX_ANNOUNCEMENT`] |
//! | buffers of the circuits that run over its connections | [`circuits`] of 2 [`CIRCUIT_BUFFER`] |
//! | what the party keeps of it | [`limits::MAX_KEPT_BYTES`] in this epoch, [`limits::MAX_AHEAD_BYTES`] for later ones |
//!
//! The sum is [`held_for_one_peer`]. Not in it: what the system buffers, and what Yamux adds to each of
//! its own frames, about 60 bytes, which counts if somebody sends them with a few bytes each.

use std::time::Duration;

use quorate_protocol::limits;

use super::muxer;
use super::rate::Rate;
use super::wire::MAX_FRAME;

/// Connections at the same time to one peer: made at the same time, through several relays, and
/// some that stall and are about to close.
pub const CONNECTIONS_PER_PEER: usize = 4;
/// Bytes that a peer may send on a QUIC connection before they are read.
pub(super) const QUIC_WINDOW: u32 = 4 << 20;
/// The same on one of its streams.
pub(super) const QUIC_STREAM_WINDOW: u32 = 2 << 20;
/// Bytes of frames kept for a peer that has not acknowledged them: decisions.
pub const MAX_UNACKNOWLEDGED_DECISION: usize = 8 << 20;
/// The same: bulk. A preprocessing run of the largest batch is a few MiB per peer.
pub const MAX_UNACKNOWLEDGED_BULK: usize = 32 << 20;
/// The same: the ceremony. Twice what a member says in one to another.
pub const MAX_UNACKNOWLEDGED_CEREMONY: usize = 2 * limits::MAX_CEREMONY_BYTES;
/// Bytes of frames from one peer and lane that wait for the driver: the largest frame, and some.
pub(super) const MAX_UNTAKEN: usize = MAX_FRAME + (64 << 10);
/// Bytes that are read from a stream at once.
pub(super) const READ_BUFFER: usize = 64 << 10;
/// Bytes written to a stream at once, if it is more than one frame.
pub(super) const WRITE_BATCH: usize = 256 << 10;
/// Bytes of an announcement: proposals and certificates are a few KiB.
pub(super) const MAX_ANNOUNCEMENT: usize = limits::MAX_CERTIFICATE + (4 << 10);
/// Announcements that wait for one peer to read them.
pub(super) const ANNOUNCEMENTS_QUEUED: usize = 128;

/// Announcements that one member makes.
pub(super) const ANNOUNCED: Rate = Rate { burst: 64, every: Duration::from_millis(100) };
/// Announcements that a node makes itself: less than the others put up with.
pub(super) const ANNOUNCING: Rate = Rate { burst: 32, every: Duration::from_millis(150) };
/// Streams that a peer opens on one lane. A node that is not accepted yet asks five times a second.
pub(super) const STREAMS: Rate = Rate { burst: 32, every: Duration::from_millis(100) };

/// Bytes of a circuit between two others that are read and not written yet, each way.
pub(super) const CIRCUIT_BUFFER: usize = 8 << 10;
/// Circuits that a peer has opened and not yet said where they go.
pub(super) const CIRCUITS_OPENING: usize = 8;

/// Circuits over the connection between two members: one for each pair that only they join, which is
/// most in the middle of a line.
pub(super) const fn circuits(members: usize) -> usize {
    (members / 2) * members.div_ceil(2)
}

/// Circuits that a peer opens: all of them anew after a restart, and some that fail.
pub(super) fn circuit_rate(members: usize) -> Rate {
    let burst = u32::try_from(16 + 2 * circuits(members)).unwrap_or(u32::MAX);
    Rate { burst, every: Duration::from_millis(100) }
}

/// Lanes between two nodes, and with them tasks and queues.
const LANES: usize = 3;

/// Streams of one connection at the same time: of the lanes each way, gossip, pings, some that are
/// being replaced, some for each member that is reached through the other, or through us, and the
/// circuits of others.
pub(super) const fn streams_per_connection(members: usize) -> usize {
    16 + 2 * members + circuits(members)
}

/// Bytes on one connection that a peer has sent and nobody has read yet.
pub const fn unread(members: usize) -> usize {
    let tcp = streams_per_connection(members) * muxer::WINDOW + muxer::GROWTH;
    let quic = QUIC_WINDOW as usize;
    if tcp > quic { tcp } else { quic }
}

/// Bytes that one peer can make a node hold, in a network of so many members.
pub const fn held_for_one_peer(members: usize) -> usize {
    let connections = CONNECTIONS_PER_PEER * unread(members);
    let incoming = LANES * (MAX_FRAME + READ_BUFFER + MAX_UNTAKEN);
    let outgoing =
        MAX_UNACKNOWLEDGED_DECISION + MAX_UNACKNOWLEDGED_BULK + MAX_UNACKNOWLEDGED_CEREMONY;
    let written = LANES * (WRITE_BATCH + MAX_FRAME);
    let announced = ANNOUNCEMENTS_QUEUED * MAX_ANNOUNCEMENT;
    let passing = circuits(members) * 2 * CIRCUIT_BUFFER;
    let party = limits::MAX_KEPT_BYTES + limits::MAX_AHEAD_BYTES;
    connections + incoming + outgoing + written + announced + passing + party
}
