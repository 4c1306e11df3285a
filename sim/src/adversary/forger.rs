//! Forges certificates: the network's signature over another outcome, position, epoch or set of voters, a
//! signature of something else, too few members' signatures or one twice. Tests that a certificate is
//! believed for nothing but its signatures, and that who sends a bad one is named.

use std::fmt;

use quorate_protocol::committee::PartyId;
use quorate_protocol::decision::certifying::Certified;
use quorate_protocol::decision::life;
use quorate_protocol::party::{Message, sync};
use rand::RngExt;

use super::other::another_outcome;
use super::{Adversary, Letter};
use crate::{Rng, Wire};

/// Genuine certificates that are kept to be changed, and to be mixed.
const KEPT: usize = 32;

/// Sends forged certificates in place of genuine ones, beside its own shares of signatures, and to
/// members that catch up.
#[derive(Default)]
pub(super) struct Forger {
    genuine: Vec<Certified>,
}

impl fmt::Debug for Forger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Forger({} genuine)", self.genuine.len())
    }
}

impl Forger {
    fn keep(&mut self, certified: &Certified) {
        if self.genuine.len() < KEPT && !self.genuine.contains(certified) {
            self.genuine.push(certified.clone());
        }
    }

    /// A certificate for this position that does not hold.
    fn forged(&self, position: u64, rng: &mut Rng) -> Option<Wire> {
        let any = |rng: &mut Rng| self.genuine.get(rng.random_range(0..self.genuine.len().max(1)));
        let at = self.genuine.iter().find(|c| c.certificate.statement.position == position);
        let (mut forged, another) = (at.or_else(|| any(rng))?.clone(), any(rng)?);
        let certificate = &mut forged.certificate;
        let statement = &mut certificate.statement;
        match rng.random_range(0..8) {
            0 => statement.outcome = another_outcome(statement.outcome),
            1 => statement.epoch = statement.epoch.wrapping_sub(1),
            2 if another.certificate.signature != certificate.signature => {
                certificate.signature = another.certificate.signature;
            }
            3 => std::mem::swap(&mut statement.counted, &mut statement.excluded),
            4 if !certificate.accountable.is_empty() => drop(certificate.accountable.pop()),
            5 if !certificate.accountable.is_empty() => {
                let twice = certificate.accountable.first().cloned();
                certificate.accountable.pop();
                certificate.accountable.extend(twice);
            }
            6 => forged.document = Some(certificate.signature),
            _ => statement.position = statement.position.wrapping_add(1),
        }
        Some(Message::Decision(position, life::Message::Certified(Box::new(forged))))
    }
}

impl Adversary for Forger {
    fn rewrite(&mut self, letter: &Letter, rng: &mut Rng) -> Option<Vec<Wire>> {
        match &letter.message {
            Message::Decision(position, life::Message::Certified(certified)) => {
                self.keep(certified);
                Some(vec![self.forged(*position, rng)?])
            }
            Message::Decision(position, life::Message::Certify(_)) => {
                Some(vec![self.forged(*position, rng)?, letter.message.clone()])
            }
            _ => None,
        }
    }

    fn hear(&mut self, from: PartyId, heard: &Wire, rng: &mut Rng) -> Vec<(PartyId, Wire)> {
        match heard {
            Message::Decision(_, life::Message::Certified(certified)) => {
                self.keep(certified);
                Vec::new()
            }
            Message::Sync(sync::Message::Ask(at) | sync::Message::Started(at)) => {
                let forged = self.forged(at.position, rng);
                forged.map(|forged| (from, forged)).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }
}
