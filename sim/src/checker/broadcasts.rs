//! In every reliable broadcast all honest READYs are of one digest, and if its sender is honest, all
//! honest ECHOs and READYs are of what it sent.

use std::collections::BTreeMap;

use quorate_protocol::agreement::rbc;
use quorate_protocol::committee::PartyId;
use quorate_protocol::crypto::Digest;

use super::instance::{Instance, broadcast};
use super::{Checker, Observation, What};
use crate::ghost::Ghost;

/// See the [module](self).
#[derive(Default)]
pub(super) struct Broadcasts {
    /// The digest of the READYs, and of the ECHOs where the sender is honest, and who said it first.
    digests: BTreeMap<(u64, Instance), (PartyId, Digest)>,
}

impl Checker for Broadcasts {
    fn name(&self) -> &'static str {
        "broadcasts"
    }

    fn check(&mut self, ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        let What::Said { by, epoch, message, .. } = seen.what else { return Ok(()) };
        let Some((instance, sender, m)) = broadcast(message) else { return Ok(()) };
        let digest = match m {
            rbc::Message::Ready(digest) => *digest,
            rbc::Message::Echo(digest) if ghost.honest(sender) => *digest,
            rbc::Message::EchoShard(shard) if ghost.honest(sender) => shard.root,
            rbc::Message::SendShard { shard, .. } => shard.root,
            _ => return Ok(()),
        };
        let (first, held) = *self.digests.entry((epoch, instance)).or_insert((by, digest));
        if held == digest {
            return Ok(());
        }
        Err(format!("{first} and {by} vouch for different payloads: {instance:?} {m}"))
    }
}
