//! How a payload travels, and how long it may be.

use crate::committee::Committee;
use crate::crypto::erasure;
use crate::limits;

/// How the payload travels. The digest and the signature are bound to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Whole: for payloads of up to `limit` bytes, a few KiB.
    Short {
        /// Most bytes of a payload.
        limit: usize,
    },
    /// In shards: for payloads of up to `limit` bytes, and not more than `n - 2t` shards that each
    /// fit an envelope.
    Long {
        /// Most bytes of a payload.
        limit: usize,
    },
}

impl Mode {
    /// Most bytes of a payload in a committee: what was asked for, as far as it can be sent.
    pub fn limit(self, committee: Committee) -> usize {
        // What a message holds besides a shard or payload: signature, root, path, nesting.
        const AROUND: usize = 4 << 10;
        let envelope = limits::MAX_ENVELOPE - AROUND;
        match self {
            Self::Short { limit } => limit.min(envelope),
            Self::Long { limit } => limit
                .min(limits::MAX_LONG_PAYLOAD)
                .min(committee.data_shards() * (envelope - 2) - erasure::LENGTH_BYTES),
        }
    }

    /// What digests of short broadcasts are signed for.
    pub(super) const SHORT: &'static str = "rbc short";

    /// What digests are signed for.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Short { .. } => Self::SHORT,
            Self::Long { .. } => "rbc long",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agreement::rbc::{Message, long};
    use crate::crypto::Keyring;
    use crate::tag::Tag;
    use crate::wire;

    #[test]
    fn the_longest_payloads_fit_an_envelope() {
        for n in [1, 4, 64] {
            let keyring = &Keyring::for_tests(n, 1)[0];
            let committee = keyring.committee();
            let signature = keyring.identity().sign(&Tag::root(&[0; 32], 0), "", b"");
            let limit = Mode::Long { limit: usize::MAX }.limit(committee);
            assert!(limit <= limits::MAX_LONG_PAYLOAD);
            let shard = long::shards(committee, &vec![0; limit]).pop().unwrap();
            let bytes = wire::encode(&Message::SendShard { shard, signature });
            assert!(
                bytes.len() + 1000 < limits::MAX_ENVELOPE,
                "and leave room for what wraps them"
            );
            let limit = Mode::Short { limit: usize::MAX }.limit(committee);
            let bytes = wire::encode(&Message::Send { payload: vec![0; limit].into(), signature });
            assert!(bytes.len() + 1000 < limits::MAX_ENVELOPE);
        }
    }
}
