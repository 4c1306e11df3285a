//! No honest party is ever blamed by an honest one, nor complained of as a dealer, also not after it
//! was killed and started again.

use quorate_protocol::sharing::acss;

use super::instance::sharing;
use super::{Checker, Observation, What};
use crate::ghost::Ghost;

/// See the [module](self).
pub(super) struct Blame;

impl Checker for Blame {
    fn name(&self) -> &'static str {
        "blame"
    }

    fn check(&mut self, ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        match seen.what {
            What::Blamed { by, fault } if ghost.honest(fault.party) => {
                Err(format!("{by} blames the honest party {}: {}", fault.party, fault.kind))
            }
            What::Said { by, message, .. } => match sharing(message) {
                Some((instance, dealer, acss::Message::Complain(_))) if ghost.honest(dealer) => {
                    Err(format!("{by} complains of the honest party {dealer}: {instance:?}"))
                }
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }
}
