//! What anybody can check of what a member says in a refresh.

use super::CURVES;
use crate::committee::{Committee, PartyId};
use crate::crypto::seal::SealingPublic;
use crate::sharing::acss;
use crate::sharing::acss::scalar::Scalars;
use crate::tag::Tag;

/// What is dealt.
pub(super) fn dealt() -> Scalars {
    Scalars::new(CURVES.to_vec())
}

pub(super) fn dealing_tag(tag: &Tag, dealer: PartyId) -> Tag {
    tag.indexed("dealing", dealer.point())
}

/// The terms of a member's dealing in the refresh `tag`.
pub(crate) fn dealing(committee: Committee, tag: &Tag, dealer: PartyId) -> acss::Terms<Scalars> {
    acss::Terms::new(committee, dealer, &dealing_tag(tag, dealer), dealt())
}

/// The broadcast of a member's next sealing key in the refresh `tag`.
pub(crate) fn sealing_broadcast(tag: &Tag, sender: PartyId) -> Tag {
    tag.indexed("sealing", sender.point())
}

/// The sealing key in the payload of such a broadcast, if it is one.
pub(crate) fn sealing_public(payload: &[u8]) -> Option<SealingPublic> {
    SealingPublic::from_bytes(payload.try_into().ok()?)
}
