//! Complaints without ground, for those who complain in place of saying OK.

use std::collections::BTreeMap;

use quorate_protocol::committee::PartyId;
use quorate_protocol::sharing::acss::{self, Complaint, Shard};
use quorate_protocol::wire;
use rand::RngExt;

use crate::Rng;

/// Bytes of an opening key: a point and a proof of two scalars.
const OPENER: usize = 96;

/// Most complaints of others, and most ciphertexts, of which something is kept.
const KEPT: usize = 64;

/// What it takes to complain of sharings, each with its place.
pub struct Complaints<P> {
    pieces: usize,
    /// Genuine pieces of our ciphertexts.
    heard: BTreeMap<P, Vec<(PartyId, Shard)>>,
    /// What others complained of.
    others: Vec<Complaint>,
}

impl<P: Ord> Complaints<P> {
    /// With so many pieces a ciphertext is whole.
    pub const fn new(pieces: usize) -> Self {
        Self { pieces, heard: BTreeMap::new(), others: Vec::new() }
    }

    /// Keeps what a member says in a sharing, if it is of use.
    pub fn hear(&mut self, from: PartyId, place: P, message: &acss::Message) {
        match message {
            acss::Message::Forward(shard)
                if self.heard.len() < KEPT || self.heard.contains_key(&place) =>
            {
                self.heard.entry(place).or_default().push((from, shard.clone()));
            }
            acss::Message::Complain(complaint) if self.others.len() < KEPT => {
                self.others.push(complaint.clone());
            }
            _ => {}
        }
    }

    /// A complaint of a sharing: another member's, of genuine pieces that fit, or of an opening key that
    /// is made up.
    pub fn complaint(&self, place: &P, rng: &mut Rng) -> Option<Complaint> {
        let genuine = self.heard.get(place).filter(|pieces| pieces.len() >= self.pieces);
        match (rng.random_range(0..3), genuine) {
            (0, _) if !self.others.is_empty() => {
                self.others.get(rng.random_range(0..self.others.len())).cloned()
            }
            (1, Some(pieces)) => {
                let shards = pieces.iter().take(self.pieces).cloned().collect();
                Some(Complaint::BadDispersal { shards })
            }
            _ => made_up(156, rng),
        }
    }

    /// Another epoch begins: pieces of the one before are of no use.
    pub fn forget_pieces(&mut self) {
        self.heard.clear();
    }
}

/// A complaint of a ciphertext of so many bytes, with an opening key that is none.
pub fn made_up(bytes: usize, rng: &mut Rng) -> Option<Complaint> {
    // The point that is zero, and scalars that are canonical as their last bytes are 0.
    let mut opener = [0; OPENER];
    rng.fill(opener.split_at_mut(32).1);
    for last in [63, 95] {
        opener.get_mut(last).map(|byte| *byte = 0)?;
    }
    let opener = Box::new(wire::decode(&opener, OPENER).ok()?);
    let ciphertext: Vec<u8> = (0..bytes).map(|_| rng.random()).collect();
    Some(Complaint::BadShare { ciphertext: ciphertext.into(), opener })
}
