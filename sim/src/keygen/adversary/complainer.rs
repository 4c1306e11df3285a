//! Complains about sharings of which it holds a share.

use std::collections::BTreeMap;

use quorate_protocol::committee::PartyId;
use quorate_protocol::keys::generation::Message;
use quorate_protocol::sharing::acss::{self, Complaint, Shard};
use quorate_protocol::wire;
use rand::RngExt;

use crate::Rng;
use crate::adversary::{Adversary, Letter};
use crate::keygen::Content;

/// Bytes of an opening key: a point and a proof of two scalars.
const OPENER: usize = 96;

/// Complains in place of saying OK: with genuine pieces, that they do not fit; or with an opening
/// key of its own making, or another member's.
pub(super) struct Complainer {
    me: PartyId,
    pieces: usize,
    /// Genuine pieces of its ciphertexts.
    heard: BTreeMap<PartyId, Vec<(PartyId, Shard)>>,
    /// What others complained of.
    others: Vec<Complaint>,
}

impl Complainer {
    pub(super) const fn new(me: PartyId, pieces: usize) -> Self {
        Self { me, pieces, heard: BTreeMap::new(), others: Vec::new() }
    }

    fn complaint(&self, dealer: PartyId, rng: &mut Rng) -> Option<Complaint> {
        let genuine = self.heard.get(&dealer).filter(|pieces| pieces.len() >= self.pieces);
        match rng.random_range(0..3) {
            0 if !self.others.is_empty() => {
                self.others.get(rng.random_range(0..self.others.len())).cloned()
            }
            1 => {
                let mut opener = [0; OPENER];
                rng.fill(opener.split_at_mut(32).1);
                // The last byte of each scalar: canonical.
                for last in [63, 95] {
                    opener.get_mut(last).map(|byte| *byte = 0)?;
                }
                let opener = Box::new(wire::decode(&opener, OPENER).ok()?);
                let ciphertext: Vec<u8> = (0..156).map(|_| rng.random()).collect();
                Some(Complaint::BadShare { ciphertext: ciphertext.into(), opener })
            }
            _ => {
                let shards = genuine?.iter().take(self.pieces).cloned().collect();
                Some(Complaint::BadDispersal { shards })
            }
        }
    }
}

impl Adversary<Content> for Complainer {
    fn rewrite(&mut self, letter: &Letter<Content>, rng: &mut Rng) -> Option<Vec<Content>> {
        match letter.message {
            Message::Dealing(dealer, acss::Message::Ok) if dealer != self.me => {
                let complaint = acss::Message::Complain(self.complaint(dealer, rng)?);
                Some(vec![Message::Dealing(dealer, complaint)])
            }
            _ => None,
        }
    }

    fn hear(&mut self, from: PartyId, heard: &Content, _: &mut Rng) -> Vec<(PartyId, Content)> {
        match heard {
            Message::Dealing(dealer, acss::Message::Forward(shard)) => {
                self.heard.entry(*dealer).or_default().push((from, shard.clone()));
            }
            Message::Dealing(_, acss::Message::Complain(complaint)) => {
                self.others.push(complaint.clone());
            }
            _ => {}
        }
        Vec::new()
    }
}
