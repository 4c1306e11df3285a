//! What convinces others of a sender's fault.

use serde::{Deserialize, Serialize};

use super::mode::Mode;
use super::short;
use crate::crypto::{Digest, IdentityPublic, Signature};
use crate::fault::{Proof, Said};
use crate::tag::Tag;

/// Two digests that one sender signed for one broadcast: everybody can check it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Equivocation(pub(super) [(Digest, Signature); 2]);

impl Equivocation {
    /// Whether the owner of `sender` equivocated in the broadcast `tag` of this mode.
    pub fn verify(&self, sender: &IdentityPublic, tag: &Tag, mode: Mode) -> bool {
        self.holds(sender, tag, mode.label())
    }

    fn holds(&self, sender: &IdentityPublic, tag: &Tag, label: &str) -> bool {
        let [(first, _), (second, _)] = &self.0;
        let signed = |(digest, signature): &(Digest, Signature)| {
            sender.verify(tag, label, digest.as_bytes(), signature)
        };
        first != second && self.0.iter().all(signed)
    }
}

impl Proof {
    /// Whether the owner of `sender` signed this in a short broadcast. Two payloads are a fault by
    /// themselves; whether one is, is for whoever knows what it should be.
    pub fn verify(&self, sender: &IdentityPublic) -> bool {
        let (tag, label) = (&self.broadcast, Mode::SHORT);
        match &self.said {
            Said::Two(both) => Equivocation(*both).holds(sender, tag, label),
            Said::One(payload, signature) => {
                let digest = short::digest(tag, payload);
                sender.verify(tag, label, digest.as_bytes(), signature)
            }
        }
    }
}
