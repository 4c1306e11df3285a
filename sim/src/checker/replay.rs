//! A message of an epoch that its receiver has erased changes nothing there: it has no effect, but for
//! answers to questions about the past, and what is still said in the refresh that ended it.

use std::collections::BTreeSet;

use quorate_protocol::committee::PartyId;
use quorate_protocol::party::{Message, sync};

use super::{Checker, Observation, What};
use crate::ghost::Ghost;

/// See the [module](self).
#[derive(Default)]
pub(super) struct Replay {
    erased: BTreeSet<(PartyId, u64)>,
    /// Erased since its last message, perhaps because of the next one.
    fresh: BTreeSet<(PartyId, u64)>,
}

impl Checker for Replay {
    fn name(&self) -> &'static str {
        "replay"
    }

    fn check(&mut self, _ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        match seen.what {
            What::Erased { by, epoch } => {
                self.fresh.insert((by, epoch));
            }
            What::Handled { from, by, epoch, message, effects } => {
                let past = matches!(
                    message,
                    Message::Sync(sync::Message::Ask(_) | sync::Message::Started(_))
                );
                let free = past || matches!(message, Message::Refresh(_));
                if effects > 0 && !free && self.erased.contains(&(by, epoch)) {
                    return Err(format!(
                        "{message} of {from} in epoch {epoch}, which {by} has erased, has effects"
                    ));
                }
                self.erased.extend(self.fresh.extract_if(.., |(of, _)| *of == by));
            }
            _ => {}
        }
        Ok(())
    }
}
