//! No honest party says a share of an epoch's coins before the epoch began at it: so nobody can know
//! one before the first honest party is there.

use std::collections::BTreeSet;

use quorate_protocol::agreement::acs;
use quorate_protocol::committee::PartyId;
use quorate_protocol::keys::ceremony::Envelope;
use quorate_protocol::keys::refresh;
use quorate_protocol::party::Message;

use super::{Checker, Observation, What};
use crate::Wire;
use crate::adversary::agreement;
use crate::ghost::Ghost;

/// See the [module](self).
#[derive(Default)]
pub(super) struct Coins {
    begun: BTreeSet<(PartyId, u64)>,
}

/// Whether a message has shares of coins.
fn has_shares(message: &Wire) -> bool {
    match message {
        Message::Refresh(m) => matches!(
            &**m,
            Envelope::Said {
                message: refresh::Message::Agreement(acs::Message::Shares { .. }),
                ..
            }
        ),
        message => matches!(agreement(message), Some(acs::Message::Shares { .. })),
    }
}

impl Checker for Coins {
    fn name(&self) -> &'static str {
        "coins"
    }

    fn check(&mut self, _ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        match seen.what {
            What::Began { by, keys, .. } => {
                self.begun.insert((by, keys.keys.epoch()));
            }
            What::Said { by, epoch, message, .. }
                if has_shares(message) && !self.begun.contains(&(by, epoch)) =>
            {
                return Err(format!("{by} tosses a coin of epoch {epoch}, not begun: {message}"));
            }
            _ => {}
        }
        Ok(())
    }
}
