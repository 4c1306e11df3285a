//! Complains about sharings of which it holds a share.

use quorate_protocol::committee::PartyId;
use quorate_protocol::keys::generation::Message;
use quorate_protocol::sharing::acss;

use crate::Rng;
use crate::adversary::{Adversary, Complaints, Letter};
use crate::keygen::Content;

/// Complains in place of saying OK: with genuine pieces, that they do not fit; or with an opening
/// key of its own making, or another member's.
pub(super) struct Complainer {
    me: PartyId,
    complaints: Complaints<PartyId>,
}

impl Complainer {
    pub(super) const fn new(me: PartyId, pieces: usize) -> Self {
        Self { me, complaints: Complaints::new(pieces) }
    }
}

impl Adversary<Content> for Complainer {
    fn rewrite(&mut self, letter: &Letter<Content>, rng: &mut Rng) -> Option<Vec<Content>> {
        match letter.message {
            Message::Dealing(dealer, acss::Message::Ok) if dealer != self.me => {
                let complaint = self.complaints.complaint(&dealer, rng)?;
                Some(vec![Message::Dealing(dealer, acss::Message::Complain(complaint))])
            }
            _ => None,
        }
    }

    fn hear(&mut self, from: PartyId, heard: &Content, _: &mut Rng) -> Vec<(PartyId, Content)> {
        if let Message::Dealing(dealer, message) = heard {
            self.complaints.hear(from, *dealer, message);
        }
        Vec::new()
    }
}
