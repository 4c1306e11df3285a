//! No mask is used twice, over any restart.
//!
//! A party's share of a mask bit is a random field element, which it sends to one voter at one
//! position. The same share at another position or for another voter means that two claims on the
//! stock overlap.

use std::collections::BTreeMap;

use quorate_protocol::committee::PartyId;
use quorate_protocol::decision::life;
use quorate_protocol::math::Fp61;
use quorate_protocol::party::Message;
use quorate_protocol::protocol::Recipient;
use quorate_protocol::sharing::open;

use super::{Checker, Observation, What};
use crate::ghost::Ghost;

/// See the [module](self).
#[derive(Default)]
pub(super) struct Freshness {
    /// Where each share was used: position, voter and place.
    used: BTreeMap<(PartyId, Fp61), (u64, PartyId, usize)>,
}

impl Checker for Freshness {
    fn name(&self) -> &'static str {
        "freshness"
    }

    fn check(&mut self, _ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        let What::Said { by, to: Recipient::One(voter), message } = seen.what else {
            return Ok(());
        };
        let Message::Decision(position, life::Message::Mask(open::Message::Share(shares))) =
            message
        else {
            return Ok(());
        };
        for (place, share) in shares.iter().enumerate() {
            let here = (*position, voter, place);
            let used = *self.used.entry((by, *share)).or_insert(here);
            if used != here {
                return Err(format!(
                    "{by} uses a mask of {} at position {} for {voter} at position {position}",
                    used.1, used.0
                ));
            }
        }
        Ok(())
    }
}
