//! What is on a stream: u32 length, little-endian, and a message in the protocol's encoding.

use std::io;

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use quorate_protocol::wire;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::ceremony::gathering::Refusal;

/// Bytes of a registration: a card of 8 KiB and little else.
pub(super) const MAX_REGISTRATION: usize = 10 << 10;
/// Bytes of what the coordinator says: the roster of 128 members with 16 addresses each.
pub(super) const MAX_UPDATE: usize = 512 << 10;

/// What the coordinator says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) enum Update {
    /// Who is on the list, the coordinator first.
    Listed(Vec<String>),
    /// The text of the roster. Nothing follows.
    Roster(String),
    /// Nothing follows.
    Refused(Refusal),
}

/// Sends a message of ours, which is within its limit.
pub(super) async fn write<T: Serialize>(
    to: &mut (impl AsyncWrite + Unpin),
    message: &T,
) -> io::Result<()> {
    let bytes = wire::encode(message);
    let length = u32::try_from(bytes.len()).map_err(io::Error::other)?;
    let mut block = length.to_le_bytes().to_vec();
    block.extend_from_slice(&bytes);
    to.write_all(&block).await?;
    to.flush().await
}

/// Reads a message of at most `limit` bytes. Memory grows only as bytes arrive.
pub(super) async fn read<T: Serialize + DeserializeOwned>(
    from: &mut (impl AsyncRead + Unpin),
    limit: usize,
) -> io::Result<T> {
    let mut length = [0; 4];
    from.read_exact(&mut length).await?;
    let length = u32::from_le_bytes(length);
    let malformed = || io::Error::from(io::ErrorKind::InvalidData);
    if usize::try_from(length).map_or(true, |length| length > limit) {
        return Err(malformed());
    }
    let mut bytes = Vec::new();
    from.take(length.into()).read_to_end(&mut bytes).await?;
    wire::decode(&bytes, limit).map_err(|_| malformed())
}
