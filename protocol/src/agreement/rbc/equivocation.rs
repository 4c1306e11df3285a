//! Transferable evidence against a sender.

use serde::{Deserialize, Serialize};

use super::mode::Mode;
use crate::crypto::{Digest, IdentityPublic, Signature};
use crate::tag::Tag;

/// Two digests that one sender signed for one broadcast: everybody can check it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Equivocation(pub(super) [(Digest, Signature); 2]);

impl Equivocation {
    /// Whether the owner of `sender` equivocated in the broadcast `tag` of this mode.
    pub fn verify(&self, sender: &IdentityPublic, tag: &Tag, mode: Mode) -> bool {
        let [(first, _), (second, _)] = &self.0;
        let signed = |(digest, signature): &(Digest, Signature)| {
            sender.verify(tag, mode.label(), digest.as_bytes(), signature)
        };
        first != second && self.0.iter().all(signed)
    }
}
