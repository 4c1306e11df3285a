//! Accuses without ground: complains of sharings that are right, with evidence of its own making, with
//! another member's, or with genuine pieces of a ciphertext that fit. Tests that no complaint is believed
//! without its evidence, and that who complains falsely is named.

use quorate_protocol::committee::PartyId;
use quorate_protocol::sharing::acss;

use super::complaints::Complaints;
use super::parts::{Part, Place, part, place};
use super::{Adversary, Insider, Kind, Letter};
use crate::{Rng, Wire};

/// Complains in place of saying OK.
pub(super) struct Accuser {
    me: PartyId,
    complaints: Complaints<Place>,
}

impl Accuser {
    pub(super) fn new(insider: &Insider) -> Self {
        let (me, pieces) = (insider.keyring.me(), insider.keyring.committee().one_honest());
        Self { me, complaints: Complaints::new(pieces) }
    }
}

impl Adversary for Accuser {
    fn rewrite(&mut self, letter: &Letter, rng: &mut Rng) -> Option<Vec<Wire>> {
        let mut message = letter.message.clone();
        let place = place(&message).filter(|(_, _, dealer)| *dealer != self.me.point())?;
        match part(&mut message) {
            Part::Sharing(m @ acss::Message::Ok) => {
                *m = acss::Message::Complain(self.complaints.complaint(&place, rng)?);
            }
            _ => return None,
        }
        Some(vec![message])
    }

    fn hear(&mut self, from: PartyId, heard: &Wire, _rng: &mut Rng) -> Vec<(PartyId, Wire)> {
        if matches!(Kind::of(heard), Some(Kind::Forward | Kind::Complaint))
            && let Some(place) = place(heard)
            && let Part::Sharing(message) = part(&mut heard.clone())
        {
            self.complaints.hear(from, place, message);
        }
        Vec::new()
    }

    fn begins(&mut self, _insider: &Insider) {
        self.complaints.forget_pieces();
    }
}
