//! Confirms other keys than those that were made, or without a signature.

use quorate_protocol::crypto::Digest;

use super::Insider;
use crate::Rng;
use crate::adversary::{Adversary, Letter};
use crate::keygen::{Wire, corrupt};

/// Says CONFIRM of something else, with its first message and in place of every CONFIRM.
pub(super) struct Confirmer {
    signed: bool,
    insider: Insider,
    begun: bool,
}

impl Confirmer {
    pub(super) const fn new(signed: bool, insider: Insider) -> Self {
        Self { signed, insider, begun: false }
    }

    fn confirm(&self) -> Wire {
        let keys = Digest::from([0x0b; 32]);
        let signed = if self.signed { keys } else { Digest::from([0x0c; 32]) };
        Wire::Confirm { keys, signature: corrupt::confirmation(&self.insider, &signed) }
    }
}

impl Adversary<Wire> for Confirmer {
    fn rewrite(&mut self, letter: &Letter<Wire>, _rng: &mut Rng) -> Option<Vec<Wire>> {
        if matches!(letter.message, Wire::Confirm { .. }) {
            return Some(vec![self.confirm()]);
        }
        if std::mem::replace(&mut self.begun, true) {
            return None;
        }
        Some(vec![letter.message.clone(), self.confirm()])
    }
}
