//! In every reliable broadcast all honest READYs are of one digest, and if its sender is honest, all
//! honest ECHOs and READYs are of what it sent.
//!
//! The name of a sharing's broadcast is not known here: of it, what its sender sent is compared only with
//! what it sent to others.

use std::collections::BTreeMap;

use quorate_protocol::agreement::rbc;
use quorate_protocol::committee::PartyId;
use quorate_protocol::crypto::{Digest, Transcript};
use quorate_protocol::tag::Tag;

use super::instance::{Instance, broadcast};
use super::{Checker, Observation, What};
use crate::ghost::Ghost;

/// See the [module](self).
#[derive(Default)]
pub(super) struct Broadcasts {
    /// The digest of the READYs, and of the ECHOs where the sender is honest, and who said it first.
    digests: BTreeMap<(u64, Instance), (PartyId, Digest)>,
    /// Payloads of honest senders.
    sent: BTreeMap<(u64, Instance), Vec<u8>>,
}

/// The name of a broadcast, as `protocol` makes it; `None` of a sharing's.
pub(super) fn name(ghost: &Ghost, epoch: u64, instance: Instance) -> Option<Tag> {
    let root = Tag::root(&ghost.network.as_ref()?.digest, epoch);
    let value = |tag: Tag, of: PartyId| tag.indexed("value", of.point());
    Some(match instance {
        Instance::Proposal(id) => {
            root.indexed("proposer", id.proposer.point()).indexed("proposal", id.sequence)
        }
        Instance::Value(slot, of) => value(root.indexed("slot", slot), of),
        Instance::Ballot(at, of) => value(root.indexed("decision", at).child("collect"), of),
        _ => return None,
    })
}

/// The digest of what is broadcast in short form.
pub(super) fn digest(name: &Tag, payload: &[u8]) -> Digest {
    Transcript::new(name, "rbc short").bytes(payload).digest()
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
            rbc::Message::Send { payload, .. } => {
                let sent = self.sent.entry((epoch, instance)).or_insert_with(|| payload.to_vec());
                if sent.as_slice() != &**payload {
                    return Err(format!("{by} sends two payloads: {instance:?} {m}"));
                }
                let Some(name) = name(ghost, epoch, instance) else { return Ok(()) };
                digest(&name, payload)
            }
            _ => return Ok(()),
        };
        let (first, held) = *self.digests.entry((epoch, instance)).or_insert((by, digest));
        if held == digest {
            return Ok(());
        }
        Err(format!("{first} and {by} vouch for different payloads: {instance:?} {m}"))
    }
}
