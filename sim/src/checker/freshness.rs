//! No mask and no nonce pair is used twice, over any restart and in whatever epoch.
//!
//! A party's share of a mask bit is a random field element, which it sends to one voter at one
//! position. The same share at another position or for another voter means that two claims on the
//! stock overlap. A nonce pair signs one message, the same at all parties: two would give away
//! shares of the key. So would two signatures of the network with one nonce. And no honest dealer deals
//! the same public part under two names: its polynomials would be the same.

use std::collections::BTreeMap;

use quorate_protocol::agreement::rbc;
use quorate_protocol::committee::PartyId;
use quorate_protocol::crypto::Digest;
use quorate_protocol::decision::life;
use quorate_protocol::math::Fp61;
use quorate_protocol::party::Message;
use quorate_protocol::protocol::Recipient;
use quorate_protocol::sharing::{acss, open};

use super::instance::{Instance, sharing};
use super::{Checker, Observation, What};
use crate::Wire;
use crate::ghost::Ghost;

/// See the [module](self).
#[derive(Default)]
pub(super) struct Freshness {
    /// Where each share was used: position, voter and place.
    used: BTreeMap<(PartyId, Fp61), (u64, PartyId, usize)>,
    /// What each nonce pair signed, by epoch and number.
    signed: BTreeMap<(u64, u64), (PartyId, Digest)>,
    /// Where each dealer dealt each public part: epoch and instance.
    dealt: BTreeMap<(PartyId, Digest), (u64, Instance)>,
    /// Nonces of the network's signatures, and what they signed.
    nonces: BTreeMap<[u8; 32], Digest>,
}

impl Freshness {
    fn sign(&mut self, by: PartyId, epoch: u64, pair: u64, message: Digest) -> Result<(), String> {
        let (first, signed) = *self.signed.entry((epoch, pair)).or_insert((by, message));
        if signed == message {
            return Ok(());
        }
        Err(format!("nonce pair {pair} signs one message at {first} and another at {by}"))
    }
}

impl Freshness {
    /// A dealer's public part, by its root.
    fn deal(&mut self, by: PartyId, epoch: u64, message: &Wire) -> Result<(), String> {
        let Some((instance, dealer, acss::Message::Rbc(m))) = sharing(message) else {
            return Ok(());
        };
        let rbc::Message::SendShard { shard, .. } = m else { return Ok(()) };
        let here = (epoch, instance);
        if dealer != by || *self.dealt.entry((by, shard.root)).or_insert(here) == here {
            return Ok(());
        }
        Err(format!("{by} deals the same in {instance:?} of epoch {epoch} as before"))
    }

    /// Two signatures with one nonce give the key away.
    fn nonce(&mut self, signature: &[u8; 64], decision: Digest) -> Result<(), String> {
        let (nonce, _) = signature.split_first_chunk().unwrap_or((&[0; 32], &[]));
        if *self.nonces.entry(*nonce).or_insert(decision) == decision {
            return Ok(());
        }
        Err("one nonce is in the signatures of two decisions".into())
    }
}

impl Checker for Freshness {
    fn name(&self) -> &'static str {
        "freshness"
    }

    fn check(&mut self, _ghost: &Ghost, seen: &Observation<'_>) -> Result<(), String> {
        let (by, voter, message) = match seen.what {
            What::Said { by, epoch, to: Recipient::One(voter), message } => {
                self.deal(by, epoch, message)?;
                (by, voter, message)
            }
            What::Signed { by, epoch, pair, message, .. } => {
                return self.sign(by, epoch, pair, message);
            }
            What::Certified { statement, signature, .. } => {
                return self.nonce(signature, statement.proposal);
            }
            What::Stopped { by, pair } => {
                return Err(format!("{by} was to use nonce pair {pair} for a second message"));
            }
            _ => return Ok(()),
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
