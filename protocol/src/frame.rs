//! Frames: how messages travel. Each is length-prefixed inside its frame, so that a variant from a
//! later version is skipped without losing its neighbours.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::limits;
use crate::wire::{self, Bytes};

/// Version of the messages and of their encoding.
pub const VERSION: u16 = 1;

#[derive(Serialize)]
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
    let mut reader = Reader::open(bytes)?;
    let (mut messages, mut skipped) = (Vec::new(), 0);
    while let Some(message) = reader.message() {
        match message {
            Some(message) => messages.push(message),
            None => skipped += 1,
        }
    }
    Ok((reader.epoch(), Decoded { messages, skipped }))
}

/// Reads a frame message by message. Nothing but the frame itself is held meanwhile: all messages of a
/// frame of the largest size, each of a few bytes, would take many times its size.
#[derive(Debug)]
pub struct Reader<B> {
    bytes: B,
    epoch: u64,
    /// Where the next message is.
    at: usize,
    left: usize,
}

impl<B: AsRef<[u8]>> Reader<B> {
    /// Opens a frame.
    ///
    /// # Errors
    /// It is malformed, or of another version.
    pub fn open(bytes: B) -> Result<Self, FrameError> {
        let all = bytes.as_ref();
        let mut rest = all;
        let malformed = || FrameError::Malformed;
        let version = u16::from_le_bytes(take(&mut rest).ok_or_else(malformed)?);
        let epoch = u64::from_le_bytes(take(&mut rest).ok_or_else(malformed)?);
        let left = length(&mut rest).ok_or_else(malformed)?;
        let at = all.len() - rest.len();
        if all.len() > limits::MAX_ENVELOPE || left > rest.len() / LENGTH {
            return Err(FrameError::Malformed);
        }
        for _ in 0..left {
            skip(&mut rest).ok_or_else(malformed)?;
        }
        match version {
            _ if !rest.is_empty() => Err(FrameError::Malformed),
            VERSION => Ok(Self { bytes, epoch, at, left }),
            other => Err(FrameError::Version(other)),
        }
    }

    /// Its epoch.
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The next message, `Some(None)` for one that cannot be read: it may be of a later version. `None`
    /// at the end.
    pub fn message<M: Serialize + DeserializeOwned>(&mut self) -> Option<Option<M>> {
        self.left = self.left.checked_sub(1)?;
        let all = self.bytes.as_ref();
        let mut rest = all.get(self.at..)?;
        let message = skip(&mut rest)?;
        self.at = all.len() - rest.len();
        Some(wire::decode(message, limits::MAX_ENVELOPE).ok())
    }
}

/// Takes the next so many bytes.
fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, others) = rest.split_first_chunk()?;
    *rest = others;
    Some(*first)
}

/// Takes a length.
fn length(rest: &mut &[u8]) -> Option<usize> {
    usize::try_from(u64::from_le_bytes(take(rest)?)).ok()
}

/// Takes a message with its length, and returns the message.
fn skip<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = length(rest)?;
    let (message, others) = rest.split_at_checked(length)?;
    *rest = others;
    Some(message)
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
    fn a_frame_is_read_message_by_message_and_refused_before_the_first_if_it_is_broken() {
        let frame = encode(3, [1u64, 2, 3]).remove(0);
        let mut reader = Reader::open(frame.as_slice()).unwrap();
        assert_eq!(reader.epoch(), 3);
        let read: Vec<_> = std::iter::from_fn(|| reader.message::<u64>()).collect();
        assert_eq!(read, [Some(1), Some(2), Some(3)]);
        for cut in 0..frame.len() {
            assert_eq!(Reader::open(&frame[..cut]).unwrap_err(), FrameError::Malformed, "{cut}");
        }
        let mut longer = frame.clone();
        longer.push(0);
        assert_eq!(Reader::open(longer).unwrap_err(), FrameError::Malformed);
        // More messages than there are bytes for, and a message that ends beyond the frame.
        for at in [10, 18] {
            let mut huge = frame.clone();
            huge[at..at + 8].copy_from_slice(&u64::MAX.to_le_bytes());
            assert_eq!(Reader::open(huge).unwrap_err(), FrameError::Malformed);
        }
    }

    #[test]
    fn what_is_no_message_is_skipped_without_its_neighbours() {
        let frame = encode(0, [&[1u8][..], &[7], &[0]]).remove(0);
        // Each is a slice of bytes here, and a `bool` behind eight bytes of length there.
        let decoded = decode::<(u64, bool)>(&frame, 0).unwrap();
        assert_eq!((decoded.messages, decoded.skipped), (vec![(1, true), (1, false)], 1));
    }
}
