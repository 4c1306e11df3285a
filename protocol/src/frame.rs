//! Frames: how messages travel. Each is length-prefixed inside its frame, so that a variant from a
//! later version is skipped without losing its neighbours.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::limits;
use crate::wire::{self, Bytes};

/// Version of the messages and of their encoding.
pub const VERSION: u16 = 1;

#[derive(Serialize, Deserialize)]
struct Frame {
    version: u16,
    epoch: u64,
    messages: Vec<Bytes>,
}

/// Bytes of a frame beside its messages: version, epoch, count.
const FRAME_OVERHEAD: usize = 2 + 8 + 8;
/// Bytes of a message's length.
const LENGTH: usize = 8;

/// Why a frame was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FrameError {
    /// Not a frame.
    #[error("bytes that are no frame")]
    Malformed,
    /// Of another version.
    #[error("a frame of version {0}")]
    Version(u16),
    /// Of another epoch.
    #[error("a frame of epoch {0}")]
    Epoch(u64),
}

/// Messages of a frame, and how many were not understood.
#[derive(Debug)]
pub struct Decoded<M> {
    /// Understood messages, in order.
    pub messages: Vec<M>,
    /// Messages that are unknown variants, or nothing.
    pub skipped: usize,
}

/// Reads a frame. Messages that cannot be read are skipped: they may be of a later version.
///
/// # Errors
/// The frame itself is malformed, or of another version or epoch.
pub fn decode<M: Serialize + DeserializeOwned>(
    bytes: &[u8],
    epoch: u64,
) -> Result<Decoded<M>, FrameError> {
    match decode_any(bytes)? {
        (of, decoded) if of == epoch => Ok(decoded),
        (of, _) => Err(FrameError::Epoch(of)),
    }
}

/// Reads a frame of whatever epoch, and says which. Messages that cannot be read are skipped.
///
/// # Errors
/// The frame itself is malformed, or of another version.
pub fn decode_any<M: Serialize + DeserializeOwned>(
    bytes: &[u8],
) -> Result<(u64, Decoded<M>), FrameError> {
    let frame: Frame =
        wire::decode(bytes, limits::MAX_ENVELOPE).map_err(|_| FrameError::Malformed)?;
    if frame.version != VERSION {
        return Err(FrameError::Version(frame.version));
    }
    let all = frame.messages.len();
    let messages: Vec<_> = frame
        .messages
        .iter()
        .filter_map(|bytes| wire::decode(bytes, limits::MAX_ENVELOPE).ok())
        .collect();
    let skipped = all - messages.len();
    Ok((frame.epoch, Decoded { messages, skipped }))
}

/// The messages in as few frames as they fit, each within [`limits::MAX_ENVELOPE`].
pub fn encode<M: Serialize>(epoch: u64, messages: impl IntoIterator<Item = M>) -> Vec<Vec<u8>> {
    let frame = |messages| wire::encode(&Frame { version: VERSION, epoch, messages });
    let mut frames = Vec::new();
    let mut batch = Vec::new();
    let mut size = FRAME_OVERHEAD;
    for message in messages {
        let bytes = Bytes::from(wire::encode(&message));
        if !batch.is_empty() && size + LENGTH + bytes.len() > limits::MAX_ENVELOPE {
            frames.push(frame(std::mem::take(&mut batch)));
            size = FRAME_OVERHEAD;
        }
        size += LENGTH + bytes.len();
        batch.push(bytes);
    }
    if !batch.is_empty() {
        frames.push(frame(batch));
    }
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_back_and_only_of_their_version_and_epoch() {
        let messages: Vec<Bytes> = (0..5u8).map(|i| vec![i; 1 << 20].into()).collect();
        let frames = encode(7, messages.clone());
        assert!(frames.len() == 2 && frames.iter().all(|f| f.len() <= limits::MAX_ENVELOPE));
        let read = |frame: &Vec<u8>| decode::<Bytes>(frame, 7).unwrap().messages;
        assert_eq!(frames.iter().flat_map(read).collect::<Vec<_>>(), messages);
        assert_eq!(decode::<Bytes>(&frames[0], 8).unwrap_err(), FrameError::Epoch(7));
        let mut other = frames[1].clone();
        other[0] += 1;
        assert_eq!(decode::<Bytes>(&other, 7).unwrap_err(), FrameError::Version(2));
        assert_eq!(decode::<Bytes>(&other[1..], 7).unwrap_err(), FrameError::Malformed);
    }

    #[test]
    fn what_is_no_message_is_skipped_without_its_neighbours() {
        let frame = encode(0, [&[1u8][..], &[7], &[0]]).remove(0);
        // Each is a slice of bytes here, and a `bool` behind eight bytes of length there.
        let decoded = decode::<(u64, bool)>(&frame, 0).unwrap();
        assert_eq!((decoded.messages, decoded.skipped), (vec![(1, true), (1, false)], 1));
    }
}
