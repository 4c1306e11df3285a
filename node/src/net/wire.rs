//! What is on a stream: a greeting each way, then numbered frames one way and acknowledgements
//! the other.
//!
//! ```text
//! greeting         u32 length (at most 512) | Greeting, in the protocol's encoding
//! frame            u32 length (at most MAX_FRAME) | u64 number | payload
//! acknowledgement  u64: everything before this number is taken care of
//! ```
//! Integers are little-endian. Lengths are checked before anything is allocated, and memory grows
//! only as bytes arrive.

use std::io;

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use quorate_protocol::{limits, wire};
use serde::{Deserialize, Serialize};

use crate::net::incarnation::SignedIncarnation;

/// Version of the link protocol.
pub(super) const VERSION: u16 = 5;

/// Bytes of a frame's payload.
pub const MAX_FRAME: usize = limits::MAX_ENVELOPE;

const MAX_GREETING: usize = 512;

/// The first thing each side says on a stream.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Greeting {
    /// Version of the link protocol.
    pub version: u16,
    /// Digest of the network file.
    pub network: [u8; 32],
    /// Epoch of the network.
    pub epoch: u64,
    /// This start of the node: frame numbers start over with it.
    pub start: SignedIncarnation,
    /// The highest start of the other side that this one has accepted.
    pub shown: Option<SignedIncarnation>,
    /// Whether that one lives, although the other side has greeted with another.
    pub lives: bool,
    /// What the clock of this side shows: milliseconds since 1970.
    pub clock_ms: u64,
    /// From the receiver of frames: everything before this number is taken care of.
    pub acknowledged: u64,
    /// From the receiver of frames: the number to go on with.
    pub resume: u64,
}

/// Why a stream ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    /// The connection broke, or the peer closed the stream.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// Nothing came for too long.
    #[error("no answer in time")]
    Timeout,
    /// The peer speaks another version.
    #[error("it speaks version {0} of the link protocol, this node version {VERSION}")]
    Version(u16),
    /// The peer has another network file.
    #[error("it has another network file: compare the network digests")]
    Network,
    /// The peer is in another epoch.
    #[error("it is in epoch {0}")]
    Epoch(u64),
    /// The peer has no use for this lane now.
    #[error("it does not listen on this link now")]
    Closed,
    /// The peer's start is not the one that was accepted; it may be accepted later.
    #[error("it may have been started twice, or from an old copy of its data directory")]
    OtherStart,
    /// The peer does not accept our start, or not yet.
    #[error("it has not accepted this start of the node yet")]
    NotAccepted,
    /// The peer breaks the link protocol.
    #[error("it breaks the link protocol: {0}")]
    Misbehaved(&'static str),
}

impl Greeting {
    /// Whether the peer is in the same network as we.
    pub(super) fn check(&self, ours: &Self) -> Result<(), LinkError> {
        if self.version != ours.version {
            Err(LinkError::Version(self.version))
        } else if self.network != ours.network {
            Err(LinkError::Network)
        } else if self.epoch != ours.epoch {
            Err(LinkError::Epoch(self.epoch))
        } else {
            Ok(())
        }
    }

    pub(super) async fn write(&self, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        let bytes = wire::encode(self);
        let mut block = length(bytes.len()).to_vec();
        block.extend_from_slice(&bytes);
        to.write_all(&block).await?;
        to.flush().await
    }

    pub(super) async fn read(from: &mut (impl AsyncRead + Unpin)) -> Result<Self, LinkError> {
        let length = read_u32(from).await?;
        let bytes = read_block(from, length, MAX_GREETING).await?;
        // A later version may greet at greater length: the version comes first.
        match bytes.first_chunk() {
            Some(version) if u16::from_le_bytes(*version) != VERSION => {
                Err(LinkError::Version(u16::from_le_bytes(*version)))
            }
            _ => wire::decode(&bytes, MAX_GREETING)
                .map_err(|_| LinkError::Misbehaved("a malformed greeting")),
        }
    }
}

/// Appends an encoded frame to `out`.
pub(super) fn append_frame(number: u64, payload: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&length(payload.len()));
    out.extend_from_slice(&number.to_le_bytes());
    out.extend_from_slice(payload);
}

/// Reads a frame: its number and payload.
pub(super) async fn read_frame(
    from: &mut (impl AsyncRead + Unpin),
) -> Result<(u64, Vec<u8>), LinkError> {
    let length = read_u32(from).await?;
    if length as usize > MAX_FRAME {
        return Err(LinkError::Misbehaved("a frame over the size limit"));
    }
    let number = read_u64(from).await?;
    Ok((number, read_block(from, length, MAX_FRAME).await?))
}

/// Reads an integer.
pub(super) async fn read_u64(from: &mut (impl AsyncRead + Unpin)) -> io::Result<u64> {
    let mut bytes = [0; 8];
    from.read_exact(&mut bytes).await?;
    Ok(u64::from_le_bytes(bytes))
}

async fn read_u32(from: &mut (impl AsyncRead + Unpin)) -> io::Result<u32> {
    let mut bytes = [0; 4];
    from.read_exact(&mut bytes).await?;
    Ok(u32::from_le_bytes(bytes))
}

async fn read_block(
    from: &mut (impl AsyncRead + Unpin),
    length: u32,
    limit: usize,
) -> Result<Vec<u8>, LinkError> {
    let wanted = length as usize;
    if wanted > limit {
        return Err(LinkError::Misbehaved("a block over the size limit"));
    }
    let mut bytes = Vec::with_capacity(wanted.min(64 << 10));
    from.take(u64::from(length)).read_to_end(&mut bytes).await?;
    if bytes.len() == wanted {
        Ok(bytes)
    } else {
        Err(io::Error::from(io::ErrorKind::UnexpectedEof).into())
    }
}

/// The length of a block. Nobody makes one longer than `u32::MAX`; the receiver would refuse it.
fn length(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use futures::io::Cursor;

    use super::*;

    fn greeting() -> Greeting {
        let key = quorate_protocol::crypto::identity::IdentityKey::from_bytes(&[1; 32]);
        let start = SignedIncarnation::begin(&key, &[7; 32], u64::MAX);
        Greeting {
            version: VERSION,
            network: [7; 32],
            epoch: 3,
            start,
            shown: Some(start),
            lives: true,
            clock_ms: 4,
            acknowledged: 5,
            resume: 6,
        }
    }

    #[test]
    fn greetings_come_back() {
        let (mut bytes, greeting) = (Vec::new(), greeting());
        block_on(greeting.write(&mut bytes)).unwrap();
        assert_eq!(block_on(Greeting::read(&mut bytes.as_slice())).unwrap(), greeting);
    }

    #[test]
    fn a_greeting_of_another_version_is_named_whatever_follows() {
        let mut bytes = 3u32.to_le_bytes().to_vec();
        bytes.extend_from_slice(&[99, 0, 99]);
        let read = block_on(Greeting::read(&mut bytes.as_slice()));
        assert!(matches!(read, Err(LinkError::Version(99))), "{read:?}");
    }

    #[test]
    fn frames_come_back_and_end_with_the_stream() {
        let mut bytes = Vec::new();
        append_frame(9, b"hello", &mut bytes);
        append_frame(10, b"", &mut bytes);
        let mut stream = Cursor::new(&bytes);
        assert_eq!(block_on(read_frame(&mut stream)).unwrap(), (9, b"hello".to_vec()));
        assert_eq!(block_on(read_frame(&mut stream)).unwrap(), (10, vec![]));
        assert!(matches!(block_on(read_frame(&mut stream)), Err(LinkError::Io(_))));
        let cut = bytes.get(..15).unwrap();
        assert!(matches!(block_on(read_frame(&mut Cursor::new(cut))), Err(LinkError::Io(_))));
    }

    #[test]
    fn an_oversized_frame_is_refused_by_its_length_alone() {
        let mut bytes = u32::try_from(MAX_FRAME + 1).unwrap().to_le_bytes().to_vec();
        assert!(matches!(
            block_on(read_frame(&mut bytes.as_slice())),
            Err(LinkError::Misbehaved(_))
        ));
        bytes = u32::MAX.to_le_bytes().to_vec();
        assert!(matches!(
            block_on(Greeting::read(&mut bytes.as_slice())),
            Err(LinkError::Misbehaved(_))
        ));
    }
}
