//! Accuses without ground: complains of sharings that are right, with evidence of its own making, with
//! another member's, or with genuine pieces of a ciphertext that fit. Tests that no complaint is believed
//! without its evidence, and that who complains falsely is named.

use std::collections::BTreeMap;

use quorate_protocol::committee::PartyId;
use quorate_protocol::sharing::acss::{self, Complaint, Shard};
use quorate_protocol::wire;
use rand::RngExt;

use super::parts::{Part, Place, part, place};
use super::{Adversary, Insider, Kind, Letter};
use crate::{Rng, Wire};

/// Bytes of an opening key: a point and a proof of two scalars.
const OPENER: usize = 96;

/// Most complaints of others, and most ciphertexts, of which it keeps something.
const KEPT: usize = 64;

/// Complains in place of saying OK.
pub(super) struct Accuser {
    me: PartyId,
    pieces: usize,
    /// Genuine pieces of its ciphertexts.
    heard: BTreeMap<Place, Vec<(PartyId, Shard)>>,
    /// What others complained of.
    others: Vec<Complaint>,
}

impl Accuser {
    pub(super) fn new(insider: &Insider) -> Self {
        let (me, pieces) = (insider.keyring.me(), insider.keyring.committee().one_honest());
        Self { me, pieces, heard: BTreeMap::new(), others: Vec::new() }
    }

    fn complaint(&self, place: Place, rng: &mut Rng) -> Option<Complaint> {
        let genuine = self.heard.get(&place).filter(|pieces| pieces.len() >= self.pieces);
        match (rng.random_range(0..3), genuine) {
            (0, _) if !self.others.is_empty() => {
                self.others.get(rng.random_range(0..self.others.len())).cloned()
            }
            (1, Some(pieces)) => {
                let shards = pieces.iter().take(self.pieces).cloned().collect();
                Some(Complaint::BadDispersal { shards })
            }
            _ => {
                // The point that is zero, and scalars that are canonical as their last bytes are 0.
                let mut opener = [0; OPENER];
                rng.fill(opener.split_at_mut(32).1);
                for last in [63, 95] {
                    opener.get_mut(last).map(|byte| *byte = 0)?;
                }
                let opener = Box::new(wire::decode(&opener, OPENER).ok()?);
                let ciphertext: Vec<u8> = (0..156).map(|_| rng.random()).collect();
                Some(Complaint::BadShare { ciphertext: ciphertext.into(), opener })
            }
        }
    }
}

impl Adversary for Accuser {
    fn rewrite(&mut self, letter: &Letter, rng: &mut Rng) -> Option<Vec<Wire>> {
        let mut message = letter.message.clone();
        let place = place(&message).filter(|(_, _, dealer)| *dealer != self.me.point())?;
        match part(&mut message) {
            Part::Sharing(m @ acss::Message::Ok) => {
                *m = acss::Message::Complain(self.complaint(place, rng)?);
            }
            _ => return None,
        }
        Some(vec![message])
    }

    fn hear(&mut self, from: PartyId, heard: &Wire, _rng: &mut Rng) -> Vec<(PartyId, Wire)> {
        if !matches!(Kind::of(heard), Some(Kind::Forward | Kind::Complaint)) {
            return Vec::new();
        }
        match part(&mut heard.clone()) {
            Part::Sharing(acss::Message::Forward(shard)) => {
                if let Some(place) = place(heard)
                    && (self.heard.len() < KEPT || self.heard.contains_key(&place))
                {
                    self.heard.entry(place).or_default().push((from, shard.clone()));
                }
            }
            Part::Sharing(acss::Message::Complain(complaint)) if self.others.len() < KEPT => {
                self.others.push(complaint.clone());
            }
            _ => {}
        }
        Vec::new()
    }

    fn begins(&mut self, _insider: &Insider) {
        self.heard.clear();
    }
}
