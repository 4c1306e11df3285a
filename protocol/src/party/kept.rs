//! What is kept of a peer's before it is of use, in bytes, counted where it is kept.

use crate::committee::PartyId;
use crate::party::{Party, Suite};

impl<S: Suite> Party<S> {
    /// Bytes that `peer` has this party keep: messages of slots, runs and positions that have not
    /// begun here, what it says of the past, and documents without a proposal. Never more than
    /// [`MAX_KEPT_BYTES`](crate::limits::MAX_KEPT_BYTES).
    pub fn kept_bytes(&self, peer: PartyId) -> usize {
        self.ordering.kept_bytes(peer)
            + self.production.kept_bytes(peer)
            + self.deciding.kept_bytes(peer)
            + self.catching_up.kept_bytes(peer)
            + self.documents.kept_bytes(peer)
    }
}
