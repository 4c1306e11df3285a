//! The one place where values become bytes and bytes values.
//!
//! Encoding is `bincode` 2 in serde mode, fixed-width little-endian integers. Decoding is strict:
//! the length is bounded before anything is read, every byte must be consumed, and what was
//! decoded must encode to the same bytes again, so that each value has exactly one encoding.
//! Wire types hold no maps, floats, `usize`, recursion or zero-sized elements.

use std::fmt;
use std::sync::Arc;

use bincode::config::{Configuration, Fixint, Limit, LittleEndian};
use bincode::enc::write::Writer;
use bincode::error::EncodeError;
use serde::de::{DeserializeOwned, Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits;
use crate::zoo::{self, Mutant};

const CONFIG: Configuration<LittleEndian, Fixint, Limit<{ limits::MAX_ENVELOPE }>> =
    bincode::config::standard()
        .with_little_endian()
        .with_fixed_int_encoding()
        .with_limit::<{ limits::MAX_ENVELOPE }>();

/// Room for most encodings, in bytes.
const USUAL: usize = 128;

/// Why bytes were not accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DecodeError {
    /// Longer than the caller allows.
    #[error("{got} bytes are over the limit of {limit}")]
    TooLong {
        /// Most bytes allowed.
        limit: usize,
        /// Bytes given.
        got: usize,
    },
    /// No value of the type, or not its one encoding.
    #[error("not a canonical encoding")]
    Malformed,
}

/// Encodes a value of ours.
///
/// # Panics
/// If the value is larger than [`limits::MAX_ENVELOPE`] or of a type that has no encoding: both are
/// bugs, since protocols bound what they send.
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(USUAL);
    append(value, &mut bytes);
    bytes
}

/// Appends what [`encode`] gives.
///
/// # Panics
/// As [`encode`].
pub fn append<T: Serialize + ?Sized>(value: &T, bytes: &mut Vec<u8>) {
    bincode::serde::encode_into_writer(value, Appended(bytes), CONFIG)
        .expect("wire types encode, within the size limit");
}

/// Takes what is written.
struct Appended<'a>(&'a mut Vec<u8>);

impl Writer for Appended<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// Bytes that [`encode`] gives, without making them.
///
/// # Panics
/// As [`encode`].
pub fn size<T: Serialize + ?Sized>(value: &T) -> usize {
    let mut size = Size(0);
    bincode::serde::encode_into_writer(value, &mut size, CONFIG)
        .expect("wire types encode, within the size limit");
    size.0
}

/// Counts what is written.
struct Size(usize);

impl Writer for &mut Size {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0 += bytes.len();
        Ok(())
    }
}

/// Compares what is written with what is left of this.
struct Same<'a>(&'a [u8]);

impl Writer for &mut Same<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0 = self.0.strip_prefix(bytes).ok_or(EncodeError::Other("another encoding"))?;
        Ok(())
    }
}

/// Whether a value encodes to these bytes.
fn is_encoding<T: Serialize>(value: &T, bytes: &[u8]) -> bool {
    let mut rest = Same(bytes);
    bincode::serde::encode_into_writer(value, &mut rest, CONFIG).is_ok() && rest.0.is_empty()
}

/// Decodes at most `limit` bytes, all of them, in their one canonical form.
///
/// # Errors
/// [`DecodeError`] for anything else. Never panics, never allocates much more than `limit`.
pub fn decode<T: Serialize + DeserializeOwned>(
    bytes: &[u8],
    limit: usize,
) -> Result<T, DecodeError> {
    if bytes.len() > limit {
        return Err(DecodeError::TooLong { limit, got: bytes.len() });
    }
    let (value, read) = bincode::serde::decode_from_slice::<T, _>(bytes, CONFIG)
        .map_err(|_| DecodeError::Malformed)?;
    let whole = read == bytes.len() && is_encoding(&value, bytes);
    if !whole && !zoo::on(Mutant::TrailingBytes) {
        return Err(DecodeError::Malformed);
    }
    Ok(value)
}

/// Bytes that are cheap to clone, as messages and payloads carry them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bytes(Arc<[u8]>);

impl std::ops::Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

/// Shows the length only: bytes may be anything.
impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{} bytes]", self.0.len())
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct BytesVisitor;
        impl<'de> Visitor<'de> for BytesVisitor {
            type Value = Bytes;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(bytes.into())
            }
            fn visit_byte_buf<E: serde::de::Error>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
                Ok(bytes.into())
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Bytes, A::Error> {
                let mut bytes = Vec::new();
                while let Some(byte) = seq.next_element()? {
                    if bytes.len() == limits::MAX_ENVELOPE {
                        return Err(A::Error::custom("too long"));
                    }
                    bytes.push(byte);
                }
                Ok(bytes.into())
            }
        }
        deserializer.deserialize_byte_buf(BytesVisitor)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Keeps the first of two.
    #[derive(PartialEq, Debug, Serialize)]
    struct First(u8);

    impl<'de> Deserialize<'de> for First {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            <(u8, u8)>::deserialize(deserializer).map(|(first, _)| Self(first))
        }
    }

    #[test]
    fn values_come_back() {
        let value = (7u16, Bytes::from(vec![1, 2, 3]), Some(true), vec![9u64, 8]);
        let bytes = encode(&value);
        assert_eq!(size(&value), bytes.len());
        assert_eq!(decode(&bytes, 1000), Ok(value));
    }

    #[test]
    fn trailing_truncated_oversized_and_non_canonical_bytes_are_refused() {
        let bytes = encode(&(1u16, vec![1u8]));
        let mut longer = bytes.clone();
        longer.push(0);
        assert_eq!(decode::<(u16, Vec<u8>)>(&longer, 1000), Err(DecodeError::Malformed));
        assert_eq!(decode::<(u16, Vec<u8>)>(&bytes[..3], 1000), Err(DecodeError::Malformed));
        assert!(matches!(decode::<(u16, Vec<u8>)>(&bytes, 4), Err(DecodeError::TooLong { .. })));
        assert_eq!(decode::<bool>(&[2], 10), Err(DecodeError::Malformed));
        // Sets decode in any order, and twice the same.
        let set = |elements: [u8; 2]| decode::<BTreeSet<u8>>(&encode(&elements.to_vec()), 1000);
        assert_eq!(set([1, 2]), Ok(BTreeSet::from([1, 2])));
        for other in [[2, 1], [1, 1]] {
            assert_eq!(set(other), Err(DecodeError::Malformed));
        }
        assert_eq!(decode::<First>(&[1, 2], 1000), Err(DecodeError::Malformed));
        // A vector that claims 2^60 elements.
        let huge = (1u64 << 60).to_le_bytes();
        assert_eq!(decode::<Vec<u64>>(&huge, 1000), Err(DecodeError::Malformed));
        assert_eq!(decode::<Bytes>(&huge, 1000), Err(DecodeError::Malformed));
    }
}
